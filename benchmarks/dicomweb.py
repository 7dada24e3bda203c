"""DICOMweb beside Orthanc's plugin and beside a static HTTP server, as ratios in one run.

Everything of ours is real: records in SQLite, every sync issued, the archive's index, tokens. Both servers keep their
data on the RAM disk, so that they are compared and not the disk. Callers keep their connection; medians count.

WADO-RS: a study of 500 CT slices of 0.5 MB in one answer, against reading the same files one by one from Python's own
static HTTP server. STOW-RS: the same slices in requests of ten, against Orthanc (for C-STORE see `receiving`).
QIDO-RS: a mix of questions over the same 20,000 small instances in both (BENCH_INSTANCES), in turns; both must find the
same. Beside the time that callers wait stands the processor time that each server takes for an answer, on which others
have less bearing.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.delivery import make_files

SLICES, ROUNDS, IN_ONE_REQUEST, SERIES, IMAGES = 500, 5, 10, 2, 5
WADO_BAR, STOW_BAR, QIDO_BAR = 1.5, 1.0, 3.0
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
BOUNDARY = "benchmark"
STORE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
STATIC = """
import functools, http.server, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=sys.argv[1]))
print(server.server_port, flush=True)
server.serve_forever()
"""
OURS = """
import sys
sys.setswitchinterval(0.0005)  # as tolmach serve does
from benchmarks.dicomweb import serve
serve(sys.argv[1])
"""


def main() -> int:
    """Print the ratios; 1 when one is below its bar."""
    scratch = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        slices = _slices(Path(folder) / "ct")
        with ours(Path(folder) / "ours") as here, orthanc(Path(folder) / "orthanc") as there:
            kept = [storing(slices, here, there), retrieving(slices, here, Path(folder) / "ct")]
        small = list(_small(int(os.environ.get("BENCH_INSTANCES", "20000"))))
        with ours(Path(folder) / "ours2") as here, orthanc(Path(folder) / "orthanc2") as there:
            kept.append(searching(small, here, there))
    return 0 if all(kept) else 1


# What is compared --------------------------------------------------------------------------------------------


def storing(slices: list[bytes], here: Caller, there: Caller) -> bool:
    """Store the slices in both, in turns of ten."""
    mine, theirs = [], []
    for start in range(0, len(slices), IN_ONE_REQUEST):
        for caller, times in ((here, mine), (there, theirs)):
            body = _multipart(slices[start : start + IN_ONE_REQUEST])
            times.append(_timed(lambda caller=caller, body=body: caller.store(body)))
    return _told("STOW-RS", "objects/s", IN_ONE_REQUEST, mine, theirs, "Orthanc", STOW_BAR)


def retrieving(slices: list[bytes], here: Caller, files: Path) -> bool:
    """Retrieve the study in one answer, and read its files from a static server."""
    import pydicom

    study = pydicom.dcmread(io.BytesIO(slices[0]), stop_before_pixels=True).StudyInstanceUID
    here.close()
    here.await_study(study, len(slices))
    mine, theirs = [], []
    with static(files) as read_all:
        for _ in range(ROUNDS):
            mine.append(_timed(lambda: here.read(f"/studies/{study}", 'multipart/related; type="application/dicom"')))
            theirs.append(_timed(read_all))
    took, base = statistics.median(mine), statistics.median(theirs)
    print(f"WADO-RS, {SLICES} slices: {took:.2f} s, static server {base:.2f} s: {took / base:.2f} × its time"
          f" (bar: at most {WADO_BAR})")  # fmt: skip
    return took <= WADO_BAR * base


def searching(small: list[bytes], here: Caller, there: Caller) -> bool:
    """Ask both the same questions over the same instances."""
    for start in range(0, len(small), 50):
        body = _multipart(small[start : start + 50])
        here.store(body)
        there.store(body)
    here.await_count(len(small))
    questions = _questions(len(small))
    for caller in (here, there):
        caller.close()
    for kind, path in questions:
        found, also = (_uids(caller.ask(path)) for caller in (here, there))
        assert found == also, f"{kind}: {path} finds {len(found)} here and {len(also)} there"
    took: dict[Caller, dict[str, list[float]]] = {here: {}, there: {}}
    used = {caller: -caller.processor_seconds() for caller in (here, there)}
    for number, (kind, path) in enumerate(questions):
        for caller in (here, there) if number % 2 else (there, here):
            took[caller].setdefault(kind, []).append(_timed(lambda caller=caller, path=path: caller.fetch(path)))
    used = {caller: seconds + caller.processor_seconds() for caller, seconds in used.items()}
    print(f"QIDO-RS over {len(small)} instances, p50 in ms: here, Orthanc")
    for kind in took[here]:
        mine, theirs = (1000 * statistics.median(took[caller][kind]) for caller in (here, there))
        print(f"  {kind:<24}{mine:>8.2f}{theirs:>8.2f}{theirs / mine:>8.1f} ×")
    if used[here]:
        mine, theirs = (1000 * used[caller] / len(questions) for caller in (here, there))
        print(f"  {'processor time':<24}{mine:>8.2f}{theirs:>8.2f}{theirs / mine:>8.1f} ×")
    mixed = {caller: [one for some in took[caller].values() for one in some] for caller in (here, there)}
    return _told("QIDO-RS", "answers/s", 1, mixed[here], mixed[there], "Orthanc", QIDO_BAR)


def _uids(answers: list[Any]) -> set[str]:
    """Give what answers are of."""
    return {value for one in answers for tag in ("0020000D", "0020000E", "00080018") if tag in one
            for value in one[tag].get("Value", ())}  # fmt: skip


def _told(what: str, unit: str, each: int, mine: list[float], theirs: list[float], name: str, bar: float) -> bool:
    ours, others = each / statistics.median(mine), each / statistics.median(theirs)
    print(f"{what}: {ours:.0f} {unit}, {name} {others:.0f}: {ours / others:.2f} × (bar: at least {bar})")
    return ours >= bar * others


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


# What is stored ----------------------------------------------------------------------------------------------


def _slices(folder: Path) -> list[bytes]:
    """Give slices of one study, made from those of the sending benchmark."""
    import pydicom
    from pydicom.uid import generate_uid

    make_files(folder)
    first = sorted(folder.iterdir())[0]
    data_set = pydicom.dcmread(first)
    for file in folder.iterdir():
        file.unlink()
    for number in range(SLICES):
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data_set.InstanceNumber = number + 1
        data_set.save_as(folder / f"{number:04}.dcm")
    return [file.read_bytes() for file in sorted(folder.iterdir())]


def _small(count: int) -> Iterator[bytes]:
    """Give instances without pixels: ten to a study, a patient for every second study."""
    import pydicom
    from pydicom.data import get_testdata_file
    from pydicom.uid import generate_uid

    data_set = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    del data_set.PixelData
    data_set.Rows = data_set.Columns = 0
    day = datetime(2020, 1, 1, tzinfo=UTC)
    for number in range(count):
        study, place = divmod(number, SERIES * IMAGES)
        data_set.PatientID, data_set.PatientName = f"P{study // 2:06}", f"Family{study // 2:06}^Given"
        data_set.AccessionNumber = f"A{study:07}"
        data_set.StudyDate = (day + timedelta(days=study % 2000)).strftime("%Y%m%d")
        data_set.StudyInstanceUID = _uid(study)
        data_set.SeriesInstanceUID = f"{_uid(study)}.{place // IMAGES}"
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data_set.InstanceNumber = place % IMAGES + 1
        buffer = io.BytesIO()
        data_set.save_as(buffer)
        yield buffer.getvalue()


def _uid(study: int) -> str:
    return f"1.2.826.0.1.3680043.10.4711.{study + 1}"


def _questions(count: int) -> list[tuple[str, str]]:
    """Give questions as viewers and information systems ask them, each with its kind."""
    chosen, studies = random.Random(7), count // (SERIES * IMAGES)
    found = []
    for _ in range(40):
        study = chosen.randrange(studies)
        day = (datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=study % 2000)).strftime("%Y%m%d")
        found += [
            ("patient ID", f"/studies?PatientID=P{study // 2:06}"),
            ("beginning of a name", f"/studies?PatientName=Family{study // 2:06}*&limit=25"),
            ("accession number", f"/studies?AccessionNumber=A{study:07}"),
            ("a day", f"/studies?StudyDate={day}"),
            ("series of a study", f"/studies/{_uid(study)}/series"),
            ("instances of a series", f"/studies/{_uid(study)}/series/{_uid(study)}.1/instances"),
        ]
    return found


def _multipart(files: Iterable[bytes]) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + file + b"\r\n" for file in files) + f"--{BOUNDARY}--\r\n".encode()


# Who is asked ------------------------------------------------------------------------------------------------


class Caller:
    """A connection to one server that is kept."""

    def __init__(self, server: int, port: int, token: str = "") -> None:
        self._server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def _answer(self, method: str, path: str, body: bytes | None = None, **headers: str) -> http.client.HTTPResponse:
        told = {**self._headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
        try:
            self._connection.request(method, f"/dicom-web{path}", body, told)
            return self._connection.getresponse()
        except http.client.RemoteDisconnected:  # Orthanc ends a connection after a while
            self._connection.close()
            self._connection.request(method, f"/dicom-web{path}", body, told)
            return self._connection.getresponse()

    def close(self) -> None:
        """Begin with a new connection the next time: a server may have given up an idle one."""
        self._connection.close()

    def store(self, body: bytes) -> None:
        answer = self._answer("POST", "/studies", body, Content_Type=STORE, Accept="application/dicom+json")
        said = answer.read()
        assert answer.status == 200, (answer.status, said[:300])

    def processor_seconds(self) -> float:
        """Give the processor time that the server has taken, 0 where the system does not say it so."""
        told = Path(f"/proc/{self._server}/stat")
        if not told.exists():
            return 0.0
        user, system = told.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def fetch(self, path: str) -> bytes:
        answer = self._answer("GET", path, Accept="application/dicom+json")
        body = answer.read()
        assert answer.status in (200, 204), (answer.status, path, body[:300])
        return body

    def ask(self, path: str) -> list[Any]:
        body = self.fetch(path)
        return json.loads(body) if body else []

    def read(self, path: str, accept: str) -> int:
        answer, buffer, size = self._answer("GET", path, Accept=accept), bytearray(1 << 20), 0
        assert answer.status == 200
        while count := answer.readinto(buffer):
            size += count
        return size

    def await_study(self, study: str, count: int) -> None:
        while len(self.ask(f"/studies/{study}/instances?limit=5000")) < count:
            time.sleep(0.1)

    def await_count(self, count: int) -> None:
        while not self.ask(f"/instances?limit=1&offset={count - 1}"):
            time.sleep(0.1)


@contextlib.contextmanager
def static(folder: Path) -> Iterator[Callable[[], None]]:
    """Give what reads every file of a folder from a static server, over one connection."""
    with _process([sys.executable, "-c", STATIC, str(folder)], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        names, buffer = sorted(file.name for file in folder.iterdir()), bytearray(1 << 20)

        def read_all() -> None:
            for name in names:
                connection.request("GET", f"/{name}")
                answer = connection.getresponse()
                while answer.readinto(buffer):
                    pass

        yield read_all


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[Caller]:
    """Run our server in a process of its own."""
    with _process([sys.executable, "-c", OURS, str(folder)], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port, token = server.stdout.readline().decode().split()
        yield Caller(server.pid, int(port), token)


@contextlib.contextmanager
def orthanc(folder: Path) -> Iterator[Caller]:
    """Run Orthanc with its DICOMweb plugin, each file synced."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "Plugins": [str(PLUGIN)],
        "DicomServerEnabled": False,
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "SyncStorageArea": True,
        "StorageCompression": False,
        "KeepAlive": True,
        "TcpNoDelay": True,
        "DicomWeb": {"Enable": True},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with _process(["Orthanc", str(folder / "orthanc.json")], stdout=subprocess.DEVNULL) as server:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield Caller(server.pid, port)


@contextlib.contextmanager
def _process(command: list[str], stdout: int) -> Iterator[subprocess.Popen[bytes]]:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    process = subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL, env={**os.environ, "PATH": path})
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def serve(folder: str) -> None:
    """Serve an archive in a folder until the process is ended: everything real but the repair of text."""
    from benchmarks._dicomweb_archive import archive_served
    from tolmach.apps.gateway.http_settings import HttpSettings
    from tolmach.apps.gateway.listening import gateway

    with archive_served(Path(folder)) as (served, token), gateway(HttpSettings(port=0), served) as listening:
        print(listening.port, token, flush=True)
        while True:
            time.sleep(3600)
