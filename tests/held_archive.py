"""An archive in memory with bytes to give back: what is put into it is found and sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.archive_double import ArchiveDouble
from tolmach.archive.entry import entry_of
from tolmach.archive.interfaces import Content, Held
from tolmach.delivery.faults import OBJECT_ROTTEN, ObjectRotten
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource, Source
from tolmach.dicom.wire import as_source

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@dataclass(frozen=True)
class MemoryContent:
    """A file in memory; see `archive.interfaces.Content`."""

    file: bytes

    @property
    def data_set(self) -> DataSet:
        return open_data_set(MemorySource(self.file))

    def in_syntax(self, transfer_syntax_uid: str) -> tuple[Source, str]:
        return as_source(self.data_set, transfer_syntax_uid)

    def as_file(self) -> Iterable[memoryview | bytes]:
        return [self.file]


@dataclass
class HeldArchive:
    """An index, and the files behind it by SOP Instance UID; `opened` are those that were opened, in order."""

    index: ArchiveDouble = field(default_factory=ArchiveDouble)
    files: dict[str, bytes] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    def put(self, file: bytes) -> Held:
        """Keep a Part 10 file."""
        data_set = open_data_set(MemorySource(file))
        entry = entry_of(data_set)
        first = {**entry.study, **entry.series}
        held = Held(
            object_id=len(self.files) + 1,
            stored_sha256=hashlib.sha256(file).hexdigest(),
            data_set_offset=data_set.start,
            delta=b"",
            sop_class_uid=data_set.sop_class_uid,
            sop_instance_uid=data_set.sop_instance_uid,
            transfer_syntax_uid=data_set.transfer_syntax_uid,
            study_instance_uid=str(first["StudyInstanceUID"][0]),
            series_instance_uid=str(first["SeriesInstanceUID"][0]),
            size=len(file),
            received_at=NOW,
        )
        self.index.put(entry, held)
        self.files[held.sop_instance_uid] = file
        return held

    @contextmanager
    def open(self, held: Held) -> Iterator[Content]:
        """Open what is held; see `archive.interfaces.Opener`."""
        self.opened.append(held.sop_instance_uid)
        if held.sop_instance_uid in self.index.rotten:
            raise ObjectRotten(OBJECT_ROTTEN, sha256=held.stored_sha256, why="test")
        yield MemoryContent(self.files[held.sop_instance_uid])
