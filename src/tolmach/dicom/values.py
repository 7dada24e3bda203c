"""Values as text: what a person, a rule or a template sees of an element.

Standard: PS3.5 section 6.2.
"""

from __future__ import annotations

import struct

from tolmach.dicom.scanner import Encoding
from tolmach.dicom.vrs import VRS

_FORMS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
MAX_VALUES = 64


def numbers_as_text(raw: bytes, vr: str, encoding: Encoding) -> str | None:
    """Give numbers and tags separated by backslashes; None for values that are not meant to be read."""
    order = ">" if encoding.big else "<"
    if vr == "AT":
        count = min(len(raw) // 4, MAX_VALUES)
        pairs = struct.unpack_from(f"{order}{2 * count}H", raw)
        return "\\".join(f"({group:04X},{element:04X})" for group, element in zip(pairs[::2], pairs[1::2], strict=True))
    form = _FORMS.get(vr)
    if form is None:
        return None
    count = min(len(raw) // struct.calcsize(order + form), MAX_VALUES)
    return "\\".join(
        f"{value:g}" if form in "fd" else str(value) for value in struct.unpack_from(f"{order}{count}{form}", raw)
    )


def strip_padding(text: str, vr: str) -> str:
    """Give text without the padding that carries no meaning: trailing NULs and spaces, edges where the VR says so."""
    text = text.rstrip("\0 ")
    return text if vr in ("ST", "LT", "UT", "UC", "UR") else text.lstrip(" ")


def too_long(text: str, vr: str) -> tuple[int, int] | None:
    """Give (length, limit) of the first value beyond its VR's limit, counted in characters; None when all fit.

    The limit of PN holds for each component group. Standard: PS3.5 table 6.2-1.
    """
    rules = VRS.get(vr)
    if rules is None or rules.max_chars is None:
        return None
    values = text.split("\\") if rules.multi else [text]
    if vr == "PN":
        values = [group for value in values for group in value.split("=")]
    for value in values:
        if len(value) > rules.max_chars:
            return len(value), rules.max_chars
    return None
