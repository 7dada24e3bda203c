"""The Accept header: what a caller can take, and which of our offers suits it best.

Standard: PS3.18 sections 8.7.4 to 8.7.8 (acceptable media types, transfer syntax parameter); RFC 9110 section 12.5.1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tolmach.adapters.dicomweb.served_faults import NOT_ACCEPTABLE, NotAcceptable, bad
from tolmach.base import N_, Phrase

MAX_HEADER = 8192
MAX_RANGES = 100
MULTIPART = "multipart/related"
OCTETS = "application/octet-stream"
DICOM = "application/dicom"

# An element of a list, or a parameter: anything up to the sign, where quotes hide it.
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_LIST = re.compile(rf"(?:{_QUOTED}|[^,\"])+")
_PARAMETERS = re.compile(rf"(?:{_QUOTED}|[^;\"])+")
_KIND = re.compile(r"(?:\*|[!#$%&'*+.^_`|~0-9A-Za-z-]+)/(?:\*|[!#$%&'*+.^_`|~0-9A-Za-z-]*)")


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One thing a caller can take. `part` is the type inside multipart/related, empty where none is said.

    `syntax` is the transfer syntax, "*" for any, empty where none is said.
    """

    kind: str
    part: str = ""
    syntax: str = ""
    charset: str = ""
    quality: float = 1.0

    def takes(self, offer: Offer) -> bool:
        """Tell whether an offer falls into this range; the transfer syntax is not looked at."""
        if self.kind == MULTIPART:
            return offer.is_multipart and _covers(self.part or "*/*", offer.kind)
        return _covers(self.kind, MULTIPART) if offer.is_multipart else _covers(self.kind, offer.kind)


@dataclass(frozen=True, slots=True)
class Offer:
    """A form that a resource can be given in: its type, alone or as the parts of multipart/related."""

    kind: str
    is_multipart: bool = False


def _covers(pattern: str, kind: str) -> bool:
    # Some clients write "image/" for "image/*".
    return pattern in ("*/*", kind) or (pattern.endswith(("/*", "/")) and kind.startswith(pattern.rstrip("*")))


def parse_media_type(text: str) -> tuple[str, dict[str, str]]:
    """Give a media type in small letters and its parameters; raises `BadRequest` for what is none."""
    if text.count('"') % 2:
        raise bad(Phrase(N_("quotation marks do not match")))
    first, *rest = [piece.strip() for piece in _PARAMETERS.findall(text)] or [""]
    kind = "*/*" if first == "*" else first.lower()  # Java's own Accept header has "*"
    if not _KIND.fullmatch(kind):
        raise bad(Phrase(N_("“{text}” is no media type"), {"text": text[:100]}))
    parameters: dict[str, str] = {}
    for piece in rest:
        name, equals, value = piece.partition("=")
        if equals:
            parameters[name.strip().lower()] = _unquoted(value.strip())
    return kind, parameters


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value.startswith('"') and value.endswith('"'):
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def parse_accept(text: str | None) -> Sequence[MediaRange]:
    """Give what a caller can take, the best liked first; anything where he does not say. Raises `BadRequest`.

    Standard: PS3.18 section 8.7.5 would refuse a request without Accept; every server in the field takes it for `*/*`.
    """
    if text is None or not text.strip():
        return (MediaRange("*/*"),)
    pieces = [piece for piece in _LIST.findall(text) if piece.strip()] if len(text) <= MAX_HEADER else []
    if not 0 < len(pieces) <= MAX_RANGES:
        raise bad(Phrase(N_("the list of media types is too long, or empty")))
    found = []
    for piece in pieces:
        kind, parameters = parse_media_type(piece)
        found.append(
            MediaRange(
                kind,
                parameters.get("type", "").lower(),
                parameters.get("transfer-syntax", "").strip(),
                parameters.get("charset", "").lower(),
                _quality(parameters.get("q", "1")),
            )
        )
    return sorted((one for one in found if one.quality > 0), key=lambda one: -one.quality)


def _quality(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 1.0
    return min(1.0, max(0.0, number))  # what is not a number compares with nothing, and becomes 0


def wished(header: str | None, parameter: str | None) -> Sequence[MediaRange]:
    """Give what a caller can take when he may also say so in the address: that goes before, where the header covers it.

    Standard: PS3.18 section 8.3.3.1 (query parameter accept).
    """
    ranges = parse_accept(header)
    if parameter is None:
        return ranges
    named = [
        one for one in parse_accept(parameter) if any(outer.takes(_offer_of(one)) or outer == one for outer in ranges)
    ]
    if not named:
        raise NotAcceptable(NOT_ACCEPTABLE, why=Phrase(N_("the header Accept does not allow what the address asks")))
    return named


def _offer_of(one: MediaRange) -> Offer:
    return Offer(one.part or "*/*", is_multipart=True) if one.kind == MULTIPART else Offer(one.kind)


def choose(ranges: Sequence[MediaRange], offers: Sequence[Offer]) -> tuple[Offer, MediaRange]:
    """Give the offer that suits best and the range it falls into; raises `NotAcceptable`.

    What the caller likes best decides, then the order of the offers.
    """
    for one in ranges:
        for offer in offers:
            if one.takes(offer):
                return offer, one
    there = ", ".join(f'{MULTIPART}; type="{one.kind}"' if one.is_multipart else one.kind for one in offers)
    raise NotAcceptable(NOT_ACCEPTABLE, why=Phrase(N_("there are {there}"), {"there": there}))


def all_suiting(ranges: Sequence[MediaRange], offers: Sequence[Offer]) -> Sequence[tuple[Offer, MediaRange]]:
    """Give every offer with the range it falls into, what the caller likes best first; raises `NotAcceptable`."""
    choose(ranges, offers)
    return [(offer, one) for one in ranges for offer in offers if one.takes(offer)]


def require_one_category(ranges: Sequence[MediaRange]) -> None:
    """Refuse a list that asks for DICOM and for pictures of it at once; raises `BadRequest`.

    Browsers name pictures and `*/*`, which is no such list. Standard: PS3.18 section 8.7.5 (one category).
    """
    is_dicom = any(one.part.startswith(DICOM) or one.kind.startswith(DICOM) for one in ranges)
    is_shown = any(one.kind in _SHOWN for one in ranges)
    if is_dicom and is_shown:
        raise bad(Phrase(N_("DICOM and pictures are asked for in one list")))


_SHOWN = frozenset({"image/jpeg", "image/png", "image/gif", "text/html", "text/plain", "application/pdf"})
