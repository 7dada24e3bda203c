"""From a claimed line to bytes: the stored object is opened, proved to be what was taken, and changed as was decided.

Nothing is scanned that need not be. Where the destination takes the syntax the object is in, what goes out are slices
of the stored file and the new bytes of the delta, as they were proved when the journey ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, partial
from typing import Protocol

from tolmach.base import N_, Phrase
from tolmach.delivery.faults import OBJECT_ROTTEN, ObjectRotten
from tolmach.delivery.interfaces import Claimed, Parcel
from tolmach.dicom import uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.delta import BrokenDelta, apply_delta
from tolmach.dicom.part10 import Inflate, open_data_set
from tolmach.dicom.source import Source
from tolmach.dicom.splice import Extent, Pieces, reread
from tolmach.dicom.wire import Keep, as_source, file_parts

OpenObject = Callable[[str], AbstractContextManager[Source]]


class Kept(Protocol):
    """What says where stored bytes are and what was made of them: a line of the outbox, an instance of the archive."""

    @property
    def stored_sha256(self) -> str:
        """The name of the stored file: the checksum of its data set."""
        ...

    @property
    def data_set_offset(self) -> int:
        """Where in it the data set begins."""
        ...

    @property
    def delta(self) -> bytes:
        """What was changed, encoded; empty where nothing was."""
        ...

    @property
    def transfer_syntax_uid(self) -> str:
        """What it is stored in."""
        ...


_BLOCK = 1 << 20
_OTHER_BYTES = Phrase(N_("its bytes have another checksum"))
_CUT = Phrase(N_("it is shorter than it was"))


def wire_bytes(
    came: DataSet, pieces: Pieces | None, after: Callable[[], DataSet], syntax: str, keep: Keep
) -> tuple[Source, str]:
    """Give the bytes to send, and the path of what had to be padded or "".

    `pieces` are the changed bytes of `came` and `after` the same scanned; None and `came` itself where nothing changed.
    What needs no conversion goes out as it is: the spliced pieces, or the deflated bytes of the file itself.
    """
    is_own = syntax == came.transfer_syntax_uid
    is_deflated = came.source is not came.file
    if is_own and is_deflated and pieces is None:
        return _deflated_as_it_came(came.file, came.meta_end), ""
    if is_own and not is_deflated and pieces is not None and pieces.size % 2 == 0:
        return pieces, ""
    return as_source(after(), syntax, keep)


def _deflated_as_it_came(file: Source, start: int) -> Pieces:
    """Give a deflated stream as it stands; one of odd length gets a NUL. Standard: PS3.5 annex A.5."""
    return Pieces.of(file, [Extent(start, file.size), b"\0" * ((file.size - start) % 2)])


class Unpacker:
    """Makes parcels of claimed lines, and opens whatever is kept; any thread may call.

    `open_object` gives a stored file whole, by the sha256 of its data set; `inflate` keeps an inflated data set where
    the caller likes.
    """

    def __init__(self, open_object: OpenObject, inflate: Inflate) -> None:
        """Open nothing yet."""
        self._open_object, self._inflate = open_object, inflate

    def parcel(self, line: Claimed) -> Parcel:
        """Give the parcel of a line; its bytes are looked for when it is opened, as often as it is opened."""
        return Parcel(line, partial(self.opened, line))

    @contextmanager
    def opened(self, held: Kept) -> Iterator[StoredContent]:
        """Give the content until the block ends, proved to be what was taken.

        Raises `ObjectMissing`, `ObjectRotten` or `StoreTrouble`.
        """
        with self._open_object(held.stored_sha256) as stored:
            _require_whole(held, stored)
            yield StoredContent(held, stored, self._inflate)


def _require_whole(line: Kept, stored: Source) -> None:
    """Require that the bytes are those that were taken; a rotten image must not reach anybody."""
    if stored.size < line.data_set_offset:
        raise ObjectRotten(OBJECT_ROTTEN, sha256=line.stored_sha256, why=_CUT)
    digest = hashlib.sha256()
    for start in range(line.data_set_offset, stored.size, _BLOCK):
        digest.update(stored.read(start, _BLOCK))
    if digest.hexdigest() != line.stored_sha256:
        raise ObjectRotten(OBJECT_ROTTEN, sha256=line.stored_sha256, why=_OTHER_BYTES)


class StoredContent:
    """The bytes that are given of what is kept, over a stored file that is open; see `interfaces.Content`."""

    def __init__(self, line: Kept, stored: Source, inflate: Inflate) -> None:
        """Take a file that was proved to be what was taken."""
        self._line, self._stored, self._inflate = line, stored, inflate

    @property
    def stored(self) -> Source:
        """The stored file as it came, whole."""
        return self._stored

    @cached_property
    def _came(self) -> DataSet:
        return open_data_set(self._stored, self._inflate)

    @cached_property
    def _pieces(self) -> Pieces | None:
        """The changed bytes; a delta of a deflated object is one of what it inflates to."""
        if not self._line.delta:
            return None
        source = self._came.source if self._is_deflated else self._stored
        try:
            return apply_delta(self._line.delta, source)
        except BrokenDelta as error:
            raise ObjectRotten(OBJECT_ROTTEN, sha256=self._line.stored_sha256, why=str(error)) from error

    @property
    def _is_deflated(self) -> bool:
        return self._line.transfer_syntax_uid == uids.DeflatedExplicitVRLittleEndian

    @cached_property
    def data_set(self) -> DataSet:
        """The data set as it goes out, scanned; raises `Damaged`, `NotDicom` or `ObjectRotten`."""
        return self._came if self._pieces is None else reread(self._came, self._pieces)

    def in_syntax(self, transfer_syntax_uid: str) -> tuple[Source, str]:
        """Give the data set's bytes for the wire, and the path of what had to be padded or ""; raises as `data_set`."""
        unscanned = self._unscanned(transfer_syntax_uid)
        if unscanned is not None:
            return unscanned, ""
        return wire_bytes(self._came, self._pieces, lambda: self.data_set, transfer_syntax_uid, self._inflate)

    def _unscanned(self, syntax: str) -> Source | None:
        """Give the bytes where they can be told without reading the data set."""
        line, stored = self._line, self._stored
        if syntax != line.transfer_syntax_uid:
            return None
        if self._is_deflated:
            return None if line.delta else _deflated_as_it_came(stored, line.data_set_offset)
        pieces = self._pieces or Pieces.of(stored, [Extent(line.data_set_offset, stored.size)])
        return pieces if pieces.size % 2 == 0 else None

    def as_file(self) -> Iterable[memoryview | bytes]:
        """Give the bytes of a whole Part 10 file; the stored file itself where nothing was changed."""
        if self._pieces is None:
            return Pieces.of(self._stored, [Extent(0, self._stored.size)]).chunks()
        return file_parts(self._came, self.data_set)
