"""The small data sets of messages (identifiers, event and action information), read with the scanner's limits.

Standard: PS3.7 section 6.3 (the data set of a message is in the transfer syntax of its presentation context).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tolmach.adapters.dimse.command_set import is_uid
from tolmach.adapters.dimse.pdu import UID_LENGTH
from tolmach.dicom import dictionary, encode, uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.scanner import ROOT, Encoding, Scanner
from tolmach.dicom.source import MemorySource

_ENCODINGS = {
    uids.ImplicitVRLittleEndian: Encoding(explicit=False, big=False),
    uids.ExplicitVRLittleEndian: Encoding(explicit=True, big=False),
    uids.ExplicitVRBigEndian: Encoding(explicit=True, big=True),
}
# What is proposed for messages; whatever of it the peer takes, we can write and read.
MESSAGE_SYNTAXES = (uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian)


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """Give how elements are written in one of the uncompressed transfer syntaxes; raises `KeyError` for others."""
    return _ENCODINGS[transfer_syntax_uid]


def parse_message_data(raw: bytes, transfer_syntax_uid: str) -> DataSet:
    """Scan the data set of a message; raises `Damaged` where it is none, or beyond a limit."""
    source = MemorySource(raw)
    scanner = Scanner(source, 0, encoding_of(transfer_syntax_uid))
    scanner.run()
    return DataSet.of(
        source,
        source,
        scanner,
        meta=(),
        meta_end=0,
        start=0,
        transfer_syntax_uid=transfer_syntax_uid,
        problems=tuple(scanner.problems),
    )


def uid_in(data_set: DataSet, keyword: str, container: int = ROOT) -> str:
    """Give a UID without padding; empty when it is absent or is none."""
    element = data_set.find(_tag(keyword), container)
    if element is None or element.length > UID_LENGTH + 2:
        return ""
    text = data_set.raw(element).decode("latin-1").strip(" \0")
    return text if is_uid(text) else ""


def number_in(data_set: DataSet, keyword: str, container: int = ROOT) -> int | None:
    """Give a number of two bytes (US), or None."""
    element = data_set.find(_tag(keyword), container)
    if element is None or element.length != 2:
        return None
    return int.from_bytes(data_set.raw(element), "big" if data_set.encoding_in(container).big else "little")


def items_in(data_set: DataSet, keyword: str) -> Iterator[int]:
    """Give the items of a sequence of the data set itself, as containers to look in."""
    sequence = data_set.position(_tag(keyword))
    number = 0
    while sequence is not None and (item := data_set.index.get((sequence, number))) is not None:
        yield item
        number += 1


def element_of(keyword: str, value: str, encoding: Encoding) -> bytes:
    """Give a whole element of ASCII text, such as a UID or a list of UIDs parted by backslashes."""
    tag = _tag(keyword)
    return encode.element(tag, dictionary.vr_of(tag), value.encode("ascii"), encoding)


def element_of_number(keyword: str, value: int, encoding: Encoding) -> bytes:
    """Give a whole element of one number of two bytes (US)."""
    tag = _tag(keyword)
    return encode.element(tag, dictionary.vr_of(tag), value.to_bytes(2, "big" if encoding.big else "little"), encoding)


def sequence_of(keyword: str, items: Sequence[bytes], encoding: Encoding) -> bytes:
    """Give a whole sequence around the elements of its items."""
    return encode.sequence(_tag(keyword), items, encoding)


def _tag(keyword: str) -> int:
    tag = dictionary.tag_of(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag
