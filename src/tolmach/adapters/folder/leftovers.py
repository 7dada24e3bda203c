"""The name a file has for a moment while it is tidied away, and what becomes of it after a crash in that moment.

A file is first given a name that is ours, so that what is compared with what was taken is exactly what is removed, and
nobody can put another file in its place in between.
"""

from __future__ import annotations

from contextlib import suppress

from tolmach.adapters.folder.inner_folders import InnerFolder
from tolmach.adapters.folder.walking import PART_SUFFIX

_ASIDE = b".tolmach-aside" + PART_SUFFIX.encode()
_LONGEST_NAME = 255
_MOST_TWINS = 1000


def aside_name(name: bytes) -> bytes | None:
    """Give the name a file has while it is tidied; None when it would be longer than file systems allow."""
    aside = name + _ASIDE
    return aside if len(aside) <= _LONGEST_NAME else None


def is_aside(name: bytes) -> bool:
    """Tell whether a file has such a name."""
    return name.endswith(_ASIDE) and len(name) > len(_ASIDE)


def restore(folder: InnerFolder, aside: bytes) -> None:
    """Give a file its own name again; where another file has it now, one like it. What cannot be done waits."""
    own = aside.removesuffix(_ASIDE)
    with suppress(OSError):
        for number in range(_MOST_TWINS):
            name = numbered(own, number)
            try:
                folder.give(aside, folder, name)
            except FileExistsError:
                if folder.status(name).st_ino != folder.status(aside).st_ino:
                    continue
                folder.remove(aside)  # the crash came between giving one name and taking the other
            folder.sync()
            return


def numbered(name: bytes, number: int) -> bytes:
    """Give a name like another, with a number in front of its extension; 0 gives the name itself."""
    if not number:
        return name
    stem, dot, extension = name.rpartition(b".")
    if not (dot and stem) or extension.isdigit():
        stem, dot, extension = name, b"", b""
    mark = b"~%d" % number
    return stem[: _LONGEST_NAME - len(mark) - len(dot) - len(extension)] + mark + dot + extension
