"""C-FIND, C-GET and C-MOVE in one run: ours beside pynetdicom's services, and a move beside sending the same directly.

Everything over loopback, objects in memory, medians of rounds taken in turns: `python -m benchmarks.query_retrieve`.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread

from tests.archive_double import entry
from tests.held_archive import HeldArchive
from tests.peers.conftest import reserved_port
from tests.peers.qr_files import ROOT, image
from tests.unit.adapters.dimse.asking import STUDY_MOVE, Asker
from tolmach.adapters.dimse import Association, OutgoingInstance, PeerAddress, PresentationContext, store_all
from tolmach.adapters.dimse.query_retrieve_scp import QuerySettings, query_retrieve_services
from tolmach.adapters.dimse.query_scu import QUERY_CONTEXT, Find
from tolmach.adapters.dimse.relayed_service import RelayedService
from tolmach.adapters.dimse.retrieving import MoveDestination
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.archive.interfaces import Content, Held
from tolmach.dicom import uids
from tolmach.dicom.source import MemorySource, Source

ROUNDS = 5
ANSWERS, OBJECTS, PIXELS = 2_000, 1_000, 1 << 16
CT, LE = uids.CTImageStorage, uids.ExplicitVRLittleEndian
STUDY = f"{ROOT}.1"
KEYS = (
    ("StudyDate", ""),
    ("AccessionNumber", ""),
    ("QueryRetrieveLevel", "STUDY"),
    ("PatientName", ""),
    ("PatientID", ""),
    ("StudyInstanceUID", ""),
)


class _Bytes:
    """An instance that is opened by nobody's effort, as a stored file nearly is; see `archive.interfaces.Content`."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def in_syntax(self, _syntax: str) -> tuple[Source, str]:
        return MemorySource(self.raw), ""


class Bench:
    """An archive with one big study and many small ones, ours and pynetdicom's."""

    def __init__(self, folder: Path) -> None:
        self.archive, self.bodies = HeldArchive(), dict[str, bytes]()
        for number in range(1, OBJECTS + 1):
            held = self.archive.put(image(1, 1, number, pixels=PIXELS))
            self.bodies[held.sop_instance_uid] = self.archive.files[held.sop_instance_uid][held.data_set_offset :]
        self.archive.index.add(*(entry(study) for study in range(100, 100 + ANSWERS)))
        self.entities = self.archive.index.find
        self.page: tuple[Sequence[Any], int] | None = None
        self.listed: list[Held] | None = None
        self.port = reserved_port()
        ours = query_retrieve_services(self, self.open, self._destination, QuerySettings("TOLMACH"))  # type: ignore[arg-type]
        self.ours = StorageScp(StorageScpSettings(port=0), folder, lambda _: 0, services=ours)
        self.theirs = StorageScp(StorageScpSettings(port=0), folder, lambda _: 0, services=self._pynetdicom(folder))

    def find(self, query: Any) -> tuple[Sequence[Any], int]:
        """Give prepared answers: what an index costs is measured in `benchmarks.archive`."""
        if self.page is None:
            self.page = self.entities(query)
            known = list(self.page[0])
            self.known = (known * (ANSWERS // len(known) + 1))[:ANSWERS]
        return self.known[query.offset :][: query.limit], max(0, ANSWERS - query.offset - query.limit)

    def held(self, **asked: Any) -> Iterator[Held]:
        """Give what was looked up once: what the index costs is measured elsewhere."""
        if self.listed is None:
            self.listed = list(self.archive.index.held(**asked))
        return iter(self.listed)

    @contextmanager
    def open(self, held: Held) -> Iterator[Content]:
        yield _Bytes(self.bodies[held.sop_instance_uid])  # type: ignore[misc]

    def _destination(self, ae_title: str, _caller: str) -> MoveDestination:
        return MoveDestination(ae_title, self.associate)

    def associate(self, contexts: Sequence[PresentationContext]) -> Association:
        return Association.open(PeerAddress("PACS", "127.0.0.1", self.port), contexts, "TOLMACH")

    def _pynetdicom(self, folder: Path) -> list[RelayedService]:
        file = folder / "one.dcm"
        file.write_bytes(next(iter(self.archive.files.values())))
        one = dcmread(file)
        file.unlink()

        def find(_event: Any, _caller: Any) -> Iterator[Any]:
            for number in range(ANSWERS):
                answer = Dataset()
                answer.SpecificCharacterSet, answer.QueryRetrieveLevel = "ISO_IR 192", "STUDY"
                answer.PatientName, answer.PatientID, answer.StudyDate = "Іваненко^Іван", f"P{number}", "20261101"
                answer.AccessionNumber, answer.StudyInstanceUID = f"A{number}", f"{ROOT}.{number}"
                yield 0xFF00, answer

        def get(_event: Any, _caller: Any) -> Iterator[Any]:
            yield OBJECTS
            for uid in self.bodies:
                one.SOPInstanceUID = uid
                yield 0xFF00, one

        finds, gets = uids.StudyRootQueryRetrieveInformationModelFind, uids.StudyRootQueryRetrieveInformationModelGet
        return [
            RelayedService(frozenset({finds}), {"EVT_C_FIND": find}),
            RelayedService(frozenset({gets}), {"EVT_C_GET": get}, sends_instances=True),
        ]

    # What is measured -----------------------------------------------------------------------------------------------

    def ask(self, scp: StorageScp) -> int:
        with Association.open(PeerAddress("T", "127.0.0.1", scp.port), [QUERY_CONTEXT]) as assoc:
            return sum(1 for _ in Find(assoc, KEYS))

    def get(self, scp: StorageScp, folder: Path) -> int:
        command = [
            "getscu",
            "-S",
            "+B",
            "-od",
            str(folder),
            "-k",
            "QueryRetrieveLevel=STUDY",
            "-k",
            f"StudyInstanceUID={STUDY}",
        ]
        subprocess.run([*command, "127.0.0.1", str(scp.port)], check=True, capture_output=True)
        count = len(list(folder.iterdir()))
        shutil.rmtree(folder)
        folder.mkdir()
        return count

    def move(self) -> int:
        with Asker(self.ours.port, [STUDY_MOVE]) as asker:
            heard = asker.move({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": STUDY}, "PACS")
        assert heard.status == 0, heard
        return int(heard.final[0x1021])

    def send(self) -> int:
        instances = (OutgoingInstance(CT, uid, LE, len(raw), lambda raw=raw: [raw]) for uid, raw in self.bodies.items())  # type: ignore[misc]
        with self.associate([PresentationContext(1, CT, (LE,))]) as assoc:
            return sum(outcome.stored for outcome in store_all(assoc, instances))


def rate(work: Callable[[], int]) -> float:
    started = time.perf_counter()
    return work() / (time.perf_counter() - started)


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, got, out = Path(place), Path(place, "got"), Path(place, "out")
        got.mkdir()
        out.mkdir()
        bench = Bench(folder)
        sink = subprocess.Popen(["storescp", "--ignore", "-aet", "PACS", str(bench.port)])
        try:
            with bench.ours, bench.theirs:
                time.sleep(1)
                things: dict[str, Callable[[], int]] = {
                    "C-FIND answers/s": lambda: bench.ask(bench.ours),
                    "C-FIND answers/s, pynetdicom": lambda: bench.ask(bench.theirs),
                    "C-GET objects/s (getscu)": lambda: bench.get(bench.ours, got),
                    "C-GET objects/s (getscu), pynetdicom": lambda: bench.get(bench.theirs, got),
                    "C-MOVE objects/s to storescp": bench.move,
                    "sent directly objects/s to storescp": bench.send,
                }
                rates: dict[str, list[float]] = {name: [] for name in things}
                for _ in range(ROUNDS):
                    for name, work in things.items():
                        rates[name].append(rate(work))
        finally:
            sink.terminate()
            sink.wait()
        medians = {name: statistics.median(found) for name, found in rates.items()}
        for name, found in medians.items():
            print(f"{name:40} {found:10.0f}")
        moved, sent = (medians[f"{name} objects/s to storescp"] for name in ("C-MOVE", "sent directly"))
        print(f"{'move / direct send':40} {moved / sent:10.2f}")


if __name__ == "__main__":
    sys.exit(main())
