"""Draining a watched folder with 10,000 files at once, against sending the same files directly, as ratios in one run.

Directly is `tolmach send`, whole: it mends each file and keeps nothing. The folder is drained by `tolmach serve`: each
file is found, judged to be whole, copied, synced, recorded, examined, mended, queued, sent and concluded. What is
timed is from the moment all files are there until the destination has the last one. Both send over one association.
Everything is on the RAM disk, so that the programs are compared and not the disk: every sync is issued all the same.

The bar is for Orthanc, an archive that keeps what it gets, with SyncStorageArea. The storescp keeps nothing and takes a
file in less time than any program can make one durable: what is shown of it is what this program can do at most.
The other figures are the peak memory of `tolmach serve`, and how long a single file takes from its completion until it
is delivered while nothing else happens (95th percentile).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.delivery import TOLMACH, storescp
from benchmarks.receiving import orthanc

FILES = 10_000
SINGLES = 60
SMALL, CT = 128, 512  # rows and columns: 39 KB and 0.5 MB
RATE_BAR, MEMORY_BAR, WAIT_BAR = 0.6, 300, 3.0


def main() -> int:
    """Print the figures; 1 when one misses its bar."""
    kept = [
        drain("Orthanc", FILES, SMALL, RATE_BAR),
        drain("Orthanc", FILES // 10, CT, RATE_BAR),
        drain("storescp", FILES, SMALL, None),
        drain("storescp", FILES // 10, CT, None),
        singles(),
    ]
    return 0 if all(kept) else 1


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """Give an empty folder, on the RAM disk where there is one."""
    scratch = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        yield Path(folder)


@contextlib.contextmanager
def receiver(name: str, folder: Path) -> Iterator[int]:
    """Run a receiver and give its port."""
    if name == "storescp":
        with storescp() as port:
            yield port
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "orthanc").mkdir()
    with orthanc(folder / "orthanc", port):
        yield port


def make_files(folder: Path, count: int, side: int) -> None:
    """Make files of one machine, each with a UID and a study of its own for every 100, their names in Windows-1251."""
    from pydicom import dcmread
    from pydicom.data import get_testdata_file

    folder.mkdir(exist_ok=True)
    ds = dcmread(get_testdata_file("CT_small.dcm"))
    ds.Rows = ds.Columns = side
    ds.PixelData = os.urandom(side * side * 2)
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName = "ЩЕРБАКОВ^ЮРИЙ^ПЕТРОВИЧ".encode("cp1251").decode("latin-1")
    ds.InstitutionName = "Областная клиническая больница".encode("cp1251").decode("latin-1")
    stamp = time.time_ns()
    ds.StudyInstanceUID = f"2.25.{stamp}.700000"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"2.25.{stamp}.800000"
    template = folder.with_suffix(".template")
    ds.save_as(template)
    raw = template.read_bytes()
    template.unlink()
    for number in range(count):
        content = raw.replace(b".700000", b".7%05d" % (number // 100)).replace(b".800000", b".8%05d" % number)
        (folder / f"{number:05}.dcm").write_bytes(content)


def drain(name: str, count: int, side: int, bar: float | None) -> bool:
    """Print how fast a folder is drained into a receiver."""
    with place() as folder, receiver(name, folder) as port:
        make_files(folder / "in", count, side)
        size = next((folder / "in").iterdir()).stat().st_size
        direct = count / directly(folder / "in", port)
        with serving(folder, port) as (process, records):
            (folder / "in").rename(folder / "watched" / "in")
            begun = time.monotonic()
            while delivered(records) < count:
                time.sleep(0.25)
            rate = count / (time.monotonic() - begun)
            peak = memory_of(process)
    shown = f" (bar {bar:g} ×)" if bar is not None else ""
    print(
        f"{name:<9} {count:>6} files of {size >> 10} KB: directly {direct:.0f}/s, from the folder {rate:.0f}/s, "
        f"{rate / direct:.2f} ×{shown}; peak memory {peak:.0f} MB (bar {MEMORY_BAR} MB)",
        flush=True,
    )
    return (bar is None or rate / direct >= bar) and peak <= MEMORY_BAR


def directly(files: Path, port: int) -> float:
    """Send the files with `tolmach send` and give the seconds that took."""
    begun = time.monotonic()
    command = [TOLMACH, "send", str(files), f"PACS@127.0.0.1:{port}", "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


@contextlib.contextmanager
def serving(folder: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], sqlite3.Connection]]:
    """Run `tolmach serve` with an empty watched folder, and give its records."""
    (folder / "watched").mkdir()
    (folder / "tolmach.toml").write_text(
        f'data_dir = "{folder / "data"}"\n[dicom]\nport = 0\n[storage]\nreserve = "0"\n'
        f'[[peer]]\nname = "pacs"\nae_title = "PACS"\nhost = "127.0.0.1"\nport = {port}\n'
        f'[[watch]]\nname = "room"\nfolder = "{folder / "watched"}"\nto = ["pacs"]\n',
        "utf-8",
    )
    command = [TOLMACH, "serve", "--config", str(folder / "tolmach.toml"), "--lang", "en"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        assert b"listening" in process.stdout.readline()
        with contextlib.closing(sqlite3.connect(folder / "data" / "tolmach.sqlite")) as records:
            yield process, records
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def delivered(records: sqlite3.Connection) -> int:
    """Count what the destination has; asked by the shortest way, which costs the program next to nothing."""
    (count,) = records.execute("SELECT count(*) FROM deliveries WHERE state = 'delivered'").fetchone()
    return int(count)


def memory_of(process: subprocess.Popen[bytes]) -> float:
    """Give the peak of what a process held in memory, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text("utf-8").splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


def singles() -> bool:
    """Print how long single files wait."""
    waits = []
    with place() as folder, receiver("storescp", folder) as port:
        make_files(folder / "in", SINGLES, CT)
        with serving(folder, port) as (_process, records):
            for number, file in enumerate(sorted((folder / "in").iterdir()), 1):
                (folder / "watched" / file.name).write_bytes(file.read_bytes())
                begun = time.monotonic()
                while delivered(records) < number:
                    time.sleep(0.02)
                waits.append(time.monotonic() - begun)
    median, p95 = statistics.median(waits), statistics.quantiles(waits, n=20)[-1]
    print(f"one file, from whole to delivered: median {median:.2f} s, p95 {p95:.2f} s (bar {WAIT_BAR:g} s)")
    return p95 <= WAIT_BAR


if __name__ == "__main__":
    sys.exit(main())
