"""An archive of ours in a process of its own, to be watched: `python -m tests.peers.qr_process FOLDER`.

It holds a million instances that cost nothing: they are made when they are asked for. Prints its port, and ends when
its standard input does.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from tests.archive_double import entry, held_for
from tests.held_archive import MemoryContent
from tests.peers.qr_files import ROOT, image
from tolmach.adapters.dimse import Association, PeerAddress
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.query_retrieve_scp import QuerySettings, query_retrieve_services
from tolmach.adapters.dimse.retrieving import MoveDestination
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.archive.interfaces import Content, Entity, Held, Query

MILLION = 1_000_000
BIG = 1  # the study whose one instance is big
BIG_BYTES = 256 << 20


class Millions:
    """See `archive.interfaces.Index`."""

    def missing_since(self) -> None:
        return None

    def find(self, query: Query) -> tuple[Sequence[Entity], int]:
        page = range(query.offset, min(MILLION, query.offset + query.limit))
        values = entry(1).study
        entities = [
            Entity(query.level, {**values, "PatientName": ("Іваненко^Іван",), "StudyInstanceUID": (f"{ROOT}.{n}",)})
            for n in page
        ]
        return entities, MILLION - page.stop

    def held(self, *, studies: Sequence[str] = (), **_: Any) -> Iterator[Held]:
        if studies[0].endswith(f".{BIG}"):
            yield held_for(entry(1), 1, size=BIG_BYTES)
            return
        one = held_for(entry(2, 1, 1), 1)
        for number in range(MILLION):
            yield replace(one, object_id=number, sop_instance_uid=f"{ROOT}.2.1.{number}")

    def is_sound(self, _class: str, _instance: str) -> Literal["sound", "unknown", "other-class", "bad"]:
        return "sound"


class _Endless:
    """A big data set that is made as it is read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._block = bytes(1 << 20)

    def read(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        return self._block[:length] if length <= len(self._block) else bytes(length)


class _Big(MemoryContent):
    def in_syntax(self, transfer_syntax_uid: str) -> tuple[Any, str]:
        return _Endless(BIG_BYTES), ""


SMALL = image(2, pixels=16)


@contextmanager
def opened(held: Held) -> Iterator[Content]:
    yield _Big(SMALL) if held.size == BIG_BYTES else MemoryContent(SMALL)


def main(folder: Path) -> None:
    logging.basicConfig(level=logging.ERROR)

    def destination(ae_title: str, _caller: str) -> MoveDestination | None:
        name, _, port = ae_title.partition("_")
        if name != "DEST":  # a test writes its port into the title; no product does that
            return None
        address = PeerAddress("DEST", "127.0.0.1", int(port))
        return MoveDestination("dest", lambda contexts: Association.open(address, contexts, "TOLMACH"))

    services = query_retrieve_services(Millions(), opened, destination, QuerySettings("TOLMACH"))
    callers = (Caller("asker", "ASKER", ("127.0.0.1",)),)
    settings = StorageScpSettings(port=0, policy=AcceptancePolicy("TOLMACH", callers), max_associations_per_address=100)
    with StorageScp(settings, folder, lambda _: 0, services=services) as scp:
        print(scp.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
