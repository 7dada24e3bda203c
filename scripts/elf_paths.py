"""Search paths of the building machine, taken out of shared libraries: on another machine somebody else may own them.

Only the entry is removed from the dynamic section; nothing moves. Paths that begin with $ORIGIN stay.
Standard: System V ABI, chapter 5 (dynamic section); ELF64, little endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 0, 5, 15, 29
_SEGMENT = struct.Struct("<IIQQQQQQ")
_ENTRY = struct.Struct("<QQ")


def search_paths(content: bytes) -> list[str]:
    """Give the search paths of a library, each as it is written; none for what is no ELF file of 64 bits."""
    return [path for _, path in _paths(content)]


def without_foreign_paths(content: bytes) -> bytes:
    """Give a library without search paths that name a place on the building machine."""
    foreign = [at for at, path in _paths(content) if not all(part.startswith("$ORIGIN") for part in path.split(":"))]
    changed = bytearray(content)
    for at in reversed(foreign):
        end = at
        while _ENTRY.unpack_from(changed, end)[0] != _DT_NULL:
            end += _ENTRY.size
        changed[at:end] = changed[at + _ENTRY.size : end + _ENTRY.size]
        # The last entry is told twice now, both times as the end.
    return bytes(changed)


def clean(folder: Path) -> list[Path]:
    """Take foreign search paths out of every library below a folder; gives those that were changed."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if (changed := without_foreign_paths(content)) != content:
            path.write_bytes(changed)
            found.append(path)
    return found


def _paths(content: bytes) -> Iterator[tuple[int, str]]:
    """Give where each entry with a search path is, and the path."""
    if not content.startswith(_MAGIC):
        return
    segments = list(_segments(content))
    entries = [
        entry for kind, offset, _, size in segments if kind == _PT_DYNAMIC for entry in _entries(content, offset, size)
    ]
    strings = next((value for _, tag, value in entries if tag == _DT_STRTAB), None)
    if strings is None:
        return
    for at, tag, value in entries:
        if tag in (_DT_RPATH, _DT_RUNPATH):
            start = _offset_of(segments, strings) + value
            yield at, content[start : content.index(b"\0", start)].decode("utf-8", "replace")


def _segments(content: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Give kind, offset, address and size of each segment."""
    (table,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    for number in range(count):
        kind, _, offset, address, _, length, _, _ = _SEGMENT.unpack_from(content, table + number * size)
        yield kind, offset, address, length


def _entries(content: bytes, offset: int, size: int) -> Iterator[tuple[int, int, int]]:
    for at in range(offset, offset + size, _ENTRY.size):
        tag, value = _ENTRY.unpack_from(content, at)
        if tag == _DT_NULL:
            return
        yield at, tag, value


def _offset_of(segments: list[tuple[int, int, int, int]], address: int) -> int:
    return next(
        offset + address - start
        for kind, offset, start, size in segments
        if kind == _PT_LOAD and start <= address < start + size
    )
