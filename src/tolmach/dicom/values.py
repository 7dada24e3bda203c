"""Values as text: what a person, a rule or a template sees of an element.

Standard: PS3.5 section 6.2.
"""

from __future__ import annotations

import re
import struct

from tolmach.base import N_, Phrase
from tolmach.dicom.scanner import Encoding
from tolmach.dicom.vrs import STRING_VRS, TEXT_VRS, VRS

_FORMS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
NUMBER_VRS = frozenset(_FORMS) | {"AT"}
MAX_VALUES = 64

_DATE = r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?"
_DECIMAL = r" *[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *"
_WHOLE = r" *[+-]?[0-9]{1,20} *"
_NOT_WHOLE = N_("a whole number is expected there, such as 12")
_NOT_DECIMAL = N_("a number is expected there, such as -12.5")
_NOT_ASCII = N_("only Latin letters without accents are allowed there")
# How one value must look that is not free text, and what is said when it does not. Standard: PS3.5 table 6.2-1.
_FORMS_OF_TEXT: dict[str, tuple[re.Pattern[str], str]] = {
    vr: (re.compile(pattern), why)
    for vr, pattern, why in (
        ("AE", r"[ -\[\]-~]*", _NOT_ASCII),
        ("AS", r"[0-9]{3}[DWMY]", N_("an age is three digits and one of the letters D, W, M, Y, such as 042Y")),
        ("AT", r" *\(?[0-9A-Fa-f]{4},?[0-9A-Fa-f]{4}\)? *", N_("a tag is expected there, such as (0010,0010)")),
        ("CS", r"[A-Z0-9_ ]*", N_("only capital letters A to Z, digits, blank and underscore are allowed there")),
        ("DA", _DATE, N_("a date is eight digits, year, month and day, such as 20260131")),
        ("DS", _DECIMAL, _NOT_DECIMAL),
        (
            "DT",
            rf"(?:[0-9]{{4}}(?:0[1-9]|1[0-2])?|{_DATE}(?:{_TIME})?)(?:[+-][0-9]{{4}})?",
            N_("a date with time is written as digits, such as 20260131235959"),
        ),
        ("FD", _DECIMAL, _NOT_DECIMAL),
        ("FL", _DECIMAL, _NOT_DECIMAL),
        ("TM", _TIME, N_("a time is two, four or six digits, hour, minute and second, such as 235959")),
        ("UI", r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*", N_("a UID is numbers joined by dots, such as 1.2.840")),
        *((vr, _WHOLE, _NOT_WHOLE) for vr in ("IS", "SL", "SS", "SV", "UL", "US", "UV")),
    )
}
_BITS = {"IS": 32, "SL": 32, "SS": 16, "SV": 64, "UL": 32, "US": 16, "UV": 64}
_MAX_FLOAT = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]


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


def unfit(text: str, vr: str) -> Phrase | None:
    """Give why a text cannot be written under a VR, whatever its length; None when it can. Empty values always can.

    VRs that no text can be written under are none of its business. Standard: PS3.5 table 6.2-1.
    """
    if vr in STRING_VRS and vr not in TEXT_VRS and not text.isascii():
        return Phrase(_NOT_ASCII)
    known = _FORMS_OF_TEXT.get(vr)
    if known is None:
        return None
    for value in text.split("\\") if text else []:
        if vr not in NUMBER_VRS and not value.strip(" "):
            continue
        if not known[0].fullmatch(value.rstrip(" ") if vr in STRING_VRS else value):
            return Phrase(known[1])
        limits = _limits(vr)
        if limits is not None and not limits[0] <= number_in(value, vr) <= limits[1]:
            return Phrase(N_("a number from {low} to {high} is expected there"), {"low": limits[0], "high": limits[1]})
    return None


def number_in(value: str, vr: str) -> float:
    """Give the number a value of that VR is; it must look like one."""
    return float(value) if vr in ("FL", "FD") else int(value)


def _limits(vr: str) -> tuple[float, float] | None:
    if vr == "FL":
        return -_MAX_FLOAT, _MAX_FLOAT
    bits = _BITS.get(vr)
    if bits is None:
        return None
    return (0, 2**bits - 1) if vr.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
