"""Reading a tar file that may be hostile: plain files with short names, nothing else, and nothing is extracted here.

Only what `backup` writes is understood. Links, folders and extended headers, which could point elsewhere or announce
sizes to be held in memory, are refused at their header.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from tolmach.adapters.objects.faults import NOT_A_BACKUP, NotABackup, mapped
from tolmach.base import N_, Phrase

BLOCK = 512
_CHUNK = 1 << 20
_REGULAR = (b"0", b"\0")

_CUT_SHORT = N_("it is cut short")
_DAMAGED_HEADER = N_("a header is damaged")
_NOT_PLAIN = N_("it holds something else than plain files")


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file in the archive; its chunks may be taken as often as needed, while the archive is open."""

    name: str
    size: int
    chunks: Callable[[], Iterator[bytes]]


def read_members(archive: Path, file: BinaryIO) -> Iterator[Member]:
    """Give the members of the open archive from its beginning, whatever is read of each.

    Raises `NotABackup` where it is not as we write it, and `StoreTrouble` where it cannot be read; so do the chunks.
    """
    position = 0
    while True:
        with mapped(archive):
            file.seek(position)
            header = file.read(BLOCK)
        if len(header) < BLOCK:
            raise refused(archive, _CUT_SHORT)
        if not any(header):
            return
        name, size = _parse(archive, header)
        start, position = position + BLOCK, position + BLOCK + _padded(size)
        yield Member(name, size, partial(_chunks, archive, file, start, size))


def padding_of(size: int) -> bytes:
    """Give the zeros that follow a member of that size."""
    return bytes(_padded(size) - size)


def refused(archive: Path, why: str) -> NotABackup:
    """Give the error for a file that is no backup, or not a whole one."""
    return NotABackup(NOT_A_BACKUP, path=archive, why=Phrase(why))


def _padded(size: int) -> int:
    return (size + BLOCK - 1) // BLOCK * BLOCK


def _chunks(archive: Path, file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    done = 0
    while done < size:
        with mapped(archive):
            file.seek(start + done)
            chunk = file.read(min(size - done, _CHUNK))
        if not chunk:
            raise refused(archive, _CUT_SHORT)
        done += len(chunk)
        yield chunk


def _parse(archive: Path, header: bytes) -> tuple[str, int]:
    """Give name and size; the layout is that of POSIX ustar, sizes beyond 8 GiB as GNU writes them."""
    unsigned = sum(header[:148]) + 8 * 0x20 + sum(header[156:])
    if _number(header[148:156]) != unsigned:
        raise refused(archive, _DAMAGED_HEADER)
    name, size = header[:100].rstrip(b"\0"), _number(header[124:136])
    if header[156:157] not in _REGULAR or any(header[157:257]) or any(header[345:500]) or not name.isascii():
        raise refused(archive, _NOT_PLAIN)
    if size is None:
        raise refused(archive, _DAMAGED_HEADER)
    return name.decode("ascii"), size


def _number(field: bytes) -> int | None:
    """Give a number as tar writes it, None for what is none."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    return None if not digits or digits.strip(b"01234567") else int(digits, 8)
