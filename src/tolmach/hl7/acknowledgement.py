"""What the other side says of a message: acknowledgements, read from bytes that may be anything.

Standard: HL7 v2.5.1 chapter 2, sections 2.9 (acknowledgement), 2.15.8 (MSA), 2.15.5 (ERR); tables 0008 and 0357.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["accepted", "later", "refused"]

MAX_SEGMENTS = 1000
_MSA, _ERR = b"MSA", b"ERR"
# HL7 table 0008. A rejection may be for a moment only; an error is about the content.
_VERDICTS: Mapping[str, Verdict] = {
    "AA": "accepted",
    "CA": "accepted",
    "AE": "refused",
    "CE": "refused",
    "AR": "later",
    "CR": "later",
}
# HL7 table 0357: what an error code says about trying again. 206 is a locked record, 207 an internal error.
_LATER_CODES = frozenset({"206", "207"})
_REFUSED_CODES = frozenset({"100", "101", "102", "103", "104", "200", "201", "202", "203", "204", "205"})


class MalformedMessage(ValueError):
    """The bytes are no HL7 v2 message, or not the kind that was waited for."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """MSA-1, MSA-2, and what is said about errors: a code of table 0357 (or "") and words."""

    code: str
    message_control_id: str
    error_code: str = ""
    text: str = ""

    @property
    def verdict(self) -> Verdict:
        """What it means for the message; an unknown code is no acceptance."""
        verdict = _VERDICTS.get(self.code, "refused")
        if verdict == "accepted":
            return verdict
        if self.error_code in _LATER_CODES:
            return "later"
        return "refused" if self.error_code in _REFUSED_CODES else verdict


def message_control_id(message: bytes) -> str:
    """Give MSH-10 of a message; raises `MalformedMessage` when there is none."""
    head = _segments(message)[0]
    separator = head[3:4]
    fields = head.split(separator)
    # MSH-1 is the separator itself, so MSH-10 stands behind the ninth.
    control_id = _text(fields[9]).strip() if len(fields) > 9 else ""
    if not control_id:
        raise MalformedMessage("MSH-10 is empty")
    return control_id


def parse_acknowledgement(message: bytes) -> Acknowledgement:
    """Read an acknowledgement; raises `MalformedMessage` when the bytes are none."""
    segments = _segments(message)
    separator = segments[0][3:4]
    found = next((one for one in segments if one[:3] == _MSA and one[3:4] == separator), None)
    if found is None:
        raise MalformedMessage("there is no MSA segment")
    fields = found.split(separator)
    error = next((one for one in segments if one[:3] == _ERR and one[3:4] == separator), b"").split(separator)
    error_code, words = _error_of(error, segments[0][4:5])
    text = " ".join(part for part in (_text(_field(fields, 3)), words) if part)
    return Acknowledgement(_text(_field(fields, 1)).strip(), _text(_field(fields, 2)).strip(), error_code, text)


def _segments(message: bytes) -> list[bytes]:
    """Cut a message into segments; line feeds between them are met as often as they are wrong."""
    segments = [one for one in message.replace(b"\n", b"\r").split(b"\r", MAX_SEGMENTS) if one]
    if not segments or segments[0][:3] != b"MSH" or len(segments[0]) < 8 or segments[0][3:4].isalnum():
        raise MalformedMessage("it does not begin with MSH")
    return segments


def _error_of(fields: list[bytes], component: bytes) -> tuple[str, str]:
    """Give code and words of an ERR segment, of version 2.5 (ERR-3, ERR-8, ERR-7) or before (ERR-1)."""
    code = _field(fields, 3).split(component or b"^")
    if not code[0]:
        # Before 2.5: segment^sequence^field^code&text.
        parts = _field(fields, 1).split(component or b"^")
        code = parts[3].split(b"&") if len(parts) > 3 else [b""]
    words = [_text(code[1]) if len(code) > 1 else "", _text(_field(fields, 8) or _field(fields, 7))]
    return _text(code[0]).strip(), " ".join(word for word in words if word)


def _field(fields: list[bytes], number: int) -> bytes:
    return fields[number] if len(fields) > number else b""


def _text(raw: bytes) -> str:
    """Read what a person is to see; the character set is anybody's guess here."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return "".join(sign if sign.isprintable() else " " for sign in text)[:200]
