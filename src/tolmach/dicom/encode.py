"""Elements and sequences as bytes, in whichever encoding surrounds them.

Standard: PS3.5 sections 7.1, 7.5 and annex A.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack

from tolmach.base import N_, Phrase
from tolmach.dicom import faults
from tolmach.dicom.faults import BadValue
from tolmach.dicom.scanner import ITEM, Encoding
from tolmach.dicom.values import number_in, unfit
from tolmach.dicom.vrs import VRS

MAX_SHORT_LENGTH = 0xFFFE
MAX_LENGTH = 0xFFFFFFFE


def header(tag: int, vr: str, length: int, encoding: Encoding, *, path: str = "") -> bytes:
    """Give the bytes before a value: tag, VR where it is written, length. Raises `BadValue` when it cannot be held."""
    order = ">" if encoding.big else "<"
    group, number = tag >> 16, tag & 0xFFFF
    if not encoding.explicit or group == 0xFFFE:
        return pack(f"{order}HHL", group, number, length)
    if VRS[vr].long:
        return pack(f"{order}HH2sHL", group, number, vr.encode(), 0, length)
    if length > MAX_SHORT_LENGTH:
        raise BadValue(faults.VALUE_TOO_LONG, path=path or f"{tag:08X}", length=length, limit=MAX_SHORT_LENGTH)
    return pack(f"{order}HH2sH", group, number, vr.encode(), length)


def padded(value: bytes, vr: str) -> bytes:
    """Give a value of even length. Standard: PS3.5 section 6.2 and 7.1.1."""
    return value + VRS[vr].pad if len(value) % 2 else value


def element(tag: int, vr: str, value: bytes, encoding: Encoding) -> bytes:
    """Give a whole element, padded to even length."""
    value = padded(value, vr)
    return header(tag, vr, len(value), encoding) + value


def item(content: bytes, encoding: Encoding) -> bytes:
    """Give an item of defined length around elements that are bytes already."""
    return header(ITEM, "", len(content), encoding) + content


def sequence(tag: int, items: Sequence[bytes], encoding: Encoding) -> bytes:
    """Give a sequence of defined length around the content of its items."""
    return element(tag, "SQ", b"".join(item(content, encoding) for content in items), encoding)


def binary(vr: str, text: str, encoding: Encoding, *, path: str = "") -> bytes:
    """Give the bytes of a number or tag written as text, values separated by backslashes.

    Raises `BadValue` when the text is not one. Standard: PS3.5 section 6.2.
    """
    order = ">" if encoding.big else "<"
    form = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}.get(vr)
    why = unfit(text, vr) if form or vr == "AT" else Phrase(N_("values of this kind cannot be written as text"))
    if why is None and not text:
        why = Phrase(N_("it is empty"))
    if why is not None:
        raise BadValue(faults.BAD_VALUE, value=text, path=path, vr=vr, why=why)
    if vr == "AT":
        tags = [int(value.strip("() ").replace(",", ""), 16) for value in text.split("\\")]
        return b"".join(pack(f"{order}HH", tag >> 16, tag & 0xFFFF) for tag in tags)
    return b"".join(pack(f"{order}{form}", number_in(value, vr)) for value in text.split("\\"))
