"""An answer of our DICOMweb server, before any web framework is asked: status, headers, and a body that may be long."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

DICOM_JSON = "application/dicom+json"
_SERVICE = "tolmach"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back to the caller. A body of blocks is read by one thread at a time, and closed when nobody wants it.

    Each block is the caller's to keep.
    """

    status: int
    body: bytes | Iterator[bytes] = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(value: object, status: int = 200, content_type: str = DICOM_JSON, **headers: str) -> Reply:
    """Give a whole JSON answer in UTF-8."""
    return Reply(status, dumped(value), content_type, {name.replace("_", "-"): text for name, text in headers.items()})


def dumped(value: object) -> bytes:
    """Give JSON in UTF-8, without blanks; half a surrogate pair, which no character set here yields, becomes "?"."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def warning(texts: Sequence[str]) -> dict[str, str]:
    """Give the header that tells what an answer lacks; none without texts. Standard: RFC 7234 section 5.5."""
    return {"Warning": ", ".join(f'299 {_SERVICE} "{text}"' for text in texts)} if texts else {}


def cannot_be_found(since: datetime | None) -> Sequence[str]:
    """Give the text of a warning that an answer may lack what the index does not know yet; none where it lacks none."""
    if since is None:
        return []
    return [f"Some of what was received since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC cannot be found yet"]


def loggable(told: object) -> str:
    """Give words for the log that may quote what came from outside: one line, whatever cannot be printed escaped."""
    text = str(told)
    return text if text.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def attachment(name: str) -> dict[str, str]:
    """Give the header that makes a browser keep a file instead of showing it, whatever is in its name.

    Standard: RFC 6266, RFC 5987 (names beyond ASCII); nothing of the name can end the header or its quotes.
    """
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "_" for sign in name)
    parameter = f'attachment; filename="{plain}"'
    if plain != name:
        parameter += f"; filename*=UTF-8''{quote(name, safe='')}"
    return {"Content-Disposition": parameter}
