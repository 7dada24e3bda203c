"""Values as text: what a person, a rule or a template sees of an element.

Standard: PS3.5 section 6.2.
"""

from __future__ import annotations

import struct

from tolmach.dicom.scanner import Encoding
from tolmach.dicom.vrs import VRS

_FORMS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
NUMBER_VRS = frozenset(_FORMS) | {"AT"}
MAX_VALUES = 64


def numbers_as_text(raw: bytes, vr: str, encoding: Encoding) -> str | None:
    """Give numbers and tags separated by backslashes, exactly; None for what is not meant to be read, or too many."""
    order = ">" if encoding.big else "<"
    form = "HH" if vr == "AT" else _FORMS.get(vr)
    if form is None or len(raw) > MAX_VALUES * struct.calcsize("=" + form):
        return None
    values = struct.iter_unpack(order + form, raw[: len(raw) - len(raw) % struct.calcsize("=" + form)])
    return "\\".join(_as_text(value, vr) for value in values)


def _as_text(value: tuple[float, ...], vr: str) -> str:
    if vr == "AT":
        return f"({value[0]:04X},{value[1]:04X})"
    if vr == "FL":  # six digits where they give the same 32 bits again, else the nine that always do
        short = f"{value[0]:g}"
        return short if struct.pack("f", float(short)) == struct.pack("f", *value) else f"{value[0]:.9g}"
    return repr(value[0])


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
