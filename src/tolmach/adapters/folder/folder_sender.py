"""A folder as a destination: files under names made of their attributes, whole and durable or not there at all.

Standard: PS3.10 section 7.1 (preamble).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tolmach.adapters.folder.folder_tree import FolderTree, FolderTrouble, FolderUnusable, Placed
from tolmach.adapters.folder.path_template import PathTemplate
from tolmach.delivery.interfaces import Content, Outcome, Parcel
from tolmach.delivery.outcomes import ITEM_ERRORS, outcome_of_error

PREAMBLE = 128
# What programs and scripts begin with; the preamble of a DICOM file has room for one (CVE-2019-11687).
_PROGRAMS = (
    b"MZ",
    b"ZM",
    b"\x7fELF",
    b"#!",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xca\xfe\xba\xbf",
)


class FolderSender:
    """Puts parcels into a folder; see `delivery.interfaces.Sender`. One thread at a time; lanes share the tree.

    The folder itself is never made: where it is missing a network drive may be, and what was written meanwhile would
    stay here unseen.
    """

    def __init__(self, tree: FolderTree, template: PathTemplate) -> None:
        """Write nothing yet."""
        self._tree, self._template = tree, template

    def send(self, parcels: Sequence[Parcel]) -> Iterator[Outcome]:
        """Write parcels in order; what stands there already with the same bytes is stored without a new file."""
        self._tree.require_root()
        for parcel in parcels:
            number = parcel.line.delivery_id
            try:
                placed = self._put(parcel)
            except (FolderTrouble, FolderUnusable) as error:
                yield Outcome(number, "later", problem=error.problem)
                raise
            except ITEM_ERRORS as error:
                yield outcome_of_error(parcel.line, error)
            else:
                yield Outcome(number, "stored", "written" if placed.is_new else "present", place=str(placed.path))

    def _put(self, parcel: Parcel) -> Placed:
        with parcel.open() as content:
            return self._tree.put(self._template.names(content.data_set), _without_program(content))

    def close(self) -> None:
        """There is nothing to close; may be repeated."""


def _without_program(content: Content) -> Iterable[memoryview | bytes]:
    """Give a file's bytes, its preamble zeroed where that begins a program; a TIFF header, say, stays."""
    chunks = iter(content.as_file())
    head = b""
    for chunk in chunks:
        head += bytes(chunk)
        if len(head) >= PREAMBLE + 4:
            break
    if head[PREAMBLE : PREAMBLE + 4] == b"DICM" and head.startswith(_PROGRAMS):
        head = bytes(PREAMBLE) + head[PREAMBLE:]
    yield head
    yield from chunks
