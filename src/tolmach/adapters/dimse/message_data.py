"""The small data sets of messages (identifiers, event and action information), read with the scanner's limits.

Standard: PS3.7 section 6.3 (the data set of a message is in the transfer syntax of its presentation context).
"""

from __future__ import annotations

from collections.abc import Iterator

from tolmach.dicom import encode, uids
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


def text_in(data_set: DataSet, tag: int, container: int = ROOT) -> str:
    """Give a short text of ASCII, such as a UID, without padding; empty when it is absent or longer than 64 letters."""
    element = data_set.find(tag, container)
    if element is None or element.length > 66:
        return ""
    return data_set.raw(element).decode("ascii", "replace").strip(" \0")


def number_in(data_set: DataSet, tag: int, container: int = ROOT) -> int | None:
    """Give a number of two bytes (US), or None."""
    element = data_set.find(tag, container)
    if element is None or element.length != 2:
        return None
    return int.from_bytes(data_set.raw(element), "big" if data_set.encoding_in(container).big else "little")


def items_in(data_set: DataSet, tag: int) -> Iterator[int]:
    """Give the items of a sequence of the data set itself, as containers to look in."""
    sequence = data_set.position(tag)
    number = 0
    while sequence is not None and (item := data_set.index.get((sequence, number))) is not None:
        yield item
        number += 1


def uid_element(tag: int, uid: str, encoding: Encoding) -> bytes:
    """Give a whole element with a UID, or a list of UIDs parted by backslashes."""
    return encode.element(tag, "UI", uid.encode("ascii"), encoding)
