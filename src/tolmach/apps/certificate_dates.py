"""From when until when a certificate is valid, read from its file: nothing else of it is looked at.

Standard: RFC 5280 section 4.1 (Certificate, Validity), X.690 (DER).
"""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_MOST_BYTES: Final = 1 << 20


def validity_of(file: Path) -> tuple[datetime, datetime]:
    """Give since when and until when the first certificate of a PEM file is valid, in UTC.

    Raises `OSError` when the file cannot be read, and `ValueError` when there is no certificate in it.
    """
    with file.open(encoding="latin-1") as text:
        found = _PEM.search(text.read(_MOST_BYTES))
    if found is None:
        raise ValueError("there is no certificate in it")
    _, certificate, _ = _element(ssl.PEM_cert_to_DER_cert(found[0]))
    _, signed, _ = _element(certificate)
    tag, _, rest = _element(signed)
    rest = rest if tag == _VERSION else signed
    for _name in ("serial number", "signature algorithm", "issuer"):
        _, _, rest = _element(rest)
    tag, validity, _ = _element(rest)
    if tag != _SEQUENCE:
        raise ValueError("it is damaged")
    first, since, rest = _element(validity)
    second, until, _ = _element(rest)
    return _time(first, since), _time(second, until)


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Give the tag and content of the first element, and what follows it."""
    if len(data) < 2:
        raise ValueError("it is damaged")
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        start = 2 + (length & 0x7F)
        length = int.from_bytes(data[2:start], "big")
    if start > 6 or len(data) < start + length:
        raise ValueError("it is damaged")
    return tag, data[start : start + length], data[start + length :]


def _time(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year: 50 to 99 are of the last century
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("it is damaged")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
