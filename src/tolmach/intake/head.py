"""The head of a stored file: where its data set begins, and what the File Meta Information says of it.

The store names a file after its data set, so whoever hashes, checks or adopts a file must find the same beginning, also
when the data set itself is broken. Only the head is read here.

Standard: PS3.10 section 7.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tolmach.dicom import dictionary
from tolmach.dicom.faults import Damaged, NotDicom
from tolmach.dicom.part10 import Inflate, _read_meta, _start_of_content, open_data_set
from tolmach.dicom.scanner import Element
from tolmach.dicom.source import Source

_GROUP_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"
_MAX_VALUE = 64  # characters, as the VRs UI and AE allow at most


@dataclass(frozen=True, slots=True)
class Head:
    """Where the data set begins, and what is said of it; empty where nothing is.

    A file that ends with its head has no data set: it is taken whole, so that two of them stay two. `announced_offset`
    is where the group length of the File Meta Information puts the beginning: elsewhere when elements of group 0002
    follow which it does not count.
    """

    data_set_offset: int = 0
    announced_offset: int = 0
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax_uid: str = ""
    source_ae_title: str = ""


def read_head(source: Source) -> Head:
    """Give a file's head; that of a file that is not DICOM, or whose head is broken, is empty. Never raises for bytes.

    Standard: PS3.10 section 7.1, table 7.1-1.
    """
    try:
        start, _is_marked = _start_of_content(source)
    except NotDicom:
        return Head()
    try:
        meta = _read_meta(source, start)
    except Damaged:
        return Head(announced_offset=_announced(source, start))
    # The first of duplicates counts: what follows may be group 0002 of a data set that should have none.
    by_keyword = {dictionary.keyword_of(element.tag): element for element in reversed(meta.elements)}

    def text(keyword: str) -> str:
        element = by_keyword.get(keyword)
        return "" if element is None else _text(source, element)

    return Head(
        meta.end if meta.end < source.size else 0,
        _announced(source, start),
        text("MediaStorageSOPClassUID"),
        text("MediaStorageSOPInstanceUID"),
        text("TransferSyntaxUID"),
        text("SourceApplicationEntityTitle").strip(),
    )


def with_uids(head: Head, source: Source, inflate: Inflate | None = None) -> Head:
    """Give the head with UIDs from the data set where it has none of its own; the data set is scanned only then.

    A deflated one may be two hundred times as long as its file: `inflate` keeps it anywhere but in memory.
    """
    if head.sop_class_uid and head.sop_instance_uid:
        return head
    try:
        data_set = open_data_set(source, inflate)
    except (NotDicom, Damaged):
        return head
    return replace(
        head,
        sop_class_uid=head.sop_class_uid or _printable(data_set.sop_class_uid),
        sop_instance_uid=head.sop_instance_uid or _printable(data_set.sop_instance_uid),
        transfer_syntax_uid=head.transfer_syntax_uid or data_set.transfer_syntax_uid,
    )


def _announced(source: Source, start: int) -> int:
    """Give where the File Meta Information says that it ends; 0 when it says nothing."""
    first = bytes(source.read(start, 12))
    if len(first) < 12 or not first.startswith(_GROUP_LENGTH):
        return 0
    end = start + 12 + int.from_bytes(first[8:], "little")
    return end if end <= source.size else 0


def _text(source: Source, element: Element) -> str:
    raw = bytes(source.read(element.value, min(element.length, _MAX_VALUE)))
    return _printable(raw.rstrip(b"\0 ").decode("ascii", "replace"))


def _printable(text: str) -> str:
    """Give text that every database can keep: no NUL, no control characters, not long."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:_MAX_VALUE])
