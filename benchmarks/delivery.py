"""Sending 300 CT-size files with repair on, against dcmsend and pynetdicom, as ratios in one run.

Whole processes are timed in turns, ours, theirs, ours, theirs; medians count. "Once running" leaves out what each needs
for a single file, which is its start-up: that is the speed of a long queue; "whole" is what 300 files take from the
command line. The receivers are DCMTK's storescp as it comes, which answers in two small writes, and the same with
TCP_NODELAY=1. `dcmsend` repairs nothing. The other figures are peak memory while sending one file of 1.5 GB, and the
start of `tolmach --help`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

FILES = 300
ROUNDS = 7
BIG = 1500 << 20
TOLMACH = str(Path(sys.executable).with_name("tolmach"))
NAMES = ("ИВАНОВ^ИВАН^ИВАНОВИЧ", "ЩЕРБАКОВ^ЮРИЙ^ПЕТРОВИЧ", "КУЗНЕЦОВА^ЕЛЕНА^СЕРГЕЕВНА")

SEND_WITH_PYNETDICOM = """
import sys
from pathlib import Path
from pydicom import dcmread
from pynetdicom import AE
files = sorted(Path(sys.argv[1]).iterdir())
ae = AE(ae_title="BENCH")
first = dcmread(files[0], stop_before_pixels=True)
ae.add_requested_context(first.SOPClassUID, first.file_meta.TransferSyntaxUID)
assoc = ae.associate("127.0.0.1", int(sys.argv[2]), ae_title="PACS")
assert assoc.is_established
for file in files:
    assert assoc.send_c_store(dcmread(file)).Status == 0
assoc.release()
"""


def main() -> int:
    """Print the ratios; 1 when one is below its bar."""
    scratch = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # the wire is measured, not the disk
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        files = Path(folder) / "ct"
        make_files(files)
        kept = [speed(files), help_time(), memory()]
    return 0 if all(kept) else 1


def make_files(folder: Path) -> None:
    """Make CT-size files with Windows-1251 names under Latin-1 labels, as machines write them."""
    from pydicom import dcmread
    from pydicom.data import get_testdata_file
    from pydicom.uid import generate_uid

    folder.mkdir()
    pixels = os.urandom(512 * 512 * 2)
    for number in range(FILES):
        ds = dcmread(get_testdata_file("CT_small.dcm"))
        ds.Rows = ds.Columns = 512
        ds.PixelData = pixels
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.InstanceNumber = number + 1
        ds.SliceLocation = f"{number * 1.25 - 180:.2f}"
        ds.ImagePositionPatient = ["-158.135803", "-179.035797", f"{number * 1.25 - 180:.2f}"]
        ds.SpecificCharacterSet = "ISO_IR 100"
        for keyword, text in (
            ("PatientName", NAMES[number * len(NAMES) // FILES]),
            ("InstitutionName", "Областная клиническая больница"),
            ("StudyDescription", "Органы грудной клетки"),
        ):
            setattr(ds, keyword, text.encode("cp1251").decode("latin-1"))
        ds.save_as(folder / f"{number:04}.dcm")


@contextlib.contextmanager
def storescp(**environment: str) -> Iterator[int]:
    """Run DCMTK's storescp, which keeps nothing, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = ["storescp", "--ignore", "-aet", "PACS", str(port)]
    receiver = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield port
    finally:
        receiver.terminate()
        receiver.wait()


def seconds(command: list[str]) -> float:
    """Time one whole process, which must succeed."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def ours(files: Path, port: int) -> list[str]:
    return [TOLMACH, "send", str(files), f"PACS@127.0.0.1:{port}", "--json"]


def theirs(files: Path, port: int) -> list[str]:
    return ["dcmsend", "-aec", "PACS", "127.0.0.1", str(port), "+sd", str(files)]


def pynetdicom(files: Path, port: int) -> list[str]:
    return [sys.executable, "-c", SEND_WITH_PYNETDICOM, str(files), str(port)]


def speed(files: Path) -> bool:
    """Print the ratios of sending; the bar is for the speed once running."""
    one = files.parent / "one"
    one.mkdir()
    shutil.copy(next(files.iterdir()), one)
    print(f"{'receiver':<24} {'sender':<11} {'whole':>7} {'once running':>13}   ours is faster by")
    kept = True
    cases: tuple[tuple[str, dict[str, str], str, Callable[[Path, int], list[str]], float, int], ...] = (
        ("storescp as it comes", {}, "dcmsend", theirs, 10.0, 1),
        ("storescp as it comes", {}, "pynetdicom", pynetdicom, 10.0, 1),
        ("storescp, TCP_NODELAY=1", {"TCP_NODELAY": "1"}, "dcmsend", theirs, 1.0, ROUNDS),
    )
    for receiver, environment, name, other, bar, rounds in cases:
        with storescp(**environment) as port:
            seconds(ours(files, port))  # not counted: the file cache and the compiled modules are warm for both
            runs = [
                (
                    seconds(ours(files, port)),
                    seconds(other(files, port)),
                    seconds(ours(one, port)),
                    seconds(other(one, port)),
                )
                for _ in range(rounds)
            ]
        mine, their, my_start, their_start = (statistics.median(times) for times in zip(*runs, strict=True))
        running, their_running = (FILES - 1) / (mine - my_start), (FILES - 1) / (their - their_start)
        kept = kept and running / their_running >= bar
        print(f"{receiver:<24} {'tolmach':<11} {FILES / mine:>5.0f}/s {running:>11.0f}/s")
        print(
            f"{'':<24} {name:<11} {FILES / their:>5.0f}/s {their_running:>11.0f}/s   "
            f"whole {their / mine:.2f} ×, once running {running / their_running:.2f} × (bar {bar:g} ×)",
            flush=True,
        )
    return kept


def help_time() -> bool:
    """Print how long `tolmach --help` takes."""
    times = [seconds([TOLMACH, "--help"]) for _ in range(11)]
    print(f"tolmach --help: {statistics.median(times):.2f} s median of {len(times)} (bar 0.3 s)")
    return statistics.median(times) <= 0.3


def memory() -> bool:
    """Print the peak memory of sending one file of 1.5 GB."""
    folder = Path(tempfile.mkdtemp())
    try:
        file = make_big_file(folder)
        # Asked of the program itself: what the system tells of a child includes the size of its parent.
        measured = (
            "import sys; from pathlib import Path; from tolmach.apps.cli.program import run; "
            "status = run(sys.argv[1:]);"
            "peak = [line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM')];"
            "print(peak[0].split()[1], file=sys.stderr); sys.exit(status)"
        )
        with storescp(TCP_NODELAY="1") as port:
            command = [sys.executable, "-c", measured, *ours(file, port)[1:]]
            peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stderr) / 1024
    finally:
        shutil.rmtree(folder)
    print(f"peak memory, one file of {BIG >> 20} MB: {peak:.0f} MB (bar 150 MB)")
    return peak <= 150


def make_big_file(folder: Path) -> Path:
    """Make a multi-frame file of 1.5 GB whose pixels are a hole on the disk."""
    from pydicom import dcmread
    from pydicom.data import get_testdata_file

    ds = dcmread(get_testdata_file("CT_small.dcm"))
    ds.PatientName = NAMES[0].encode("cp1251").decode("latin-1")
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.NumberOfFrames = BIG // (512 * 512 * 2)
    ds.Rows = ds.Columns = 512
    ds.PixelData = b"\0\0"
    for element in list(ds.group_dataset(0xFFFC)):
        del ds[element.tag]
    path = folder / "big.dcm"
    ds.save_as(path)
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(size - 6)
        file.write(BIG.to_bytes(4, "little"))
        file.truncate(size - 2 + BIG)
    return path


if __name__ == "__main__":
    sys.exit(main())
