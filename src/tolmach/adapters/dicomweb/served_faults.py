"""What our own DICOMweb server says to callers whose request cannot be answered, and the HTTP status of each."""

from __future__ import annotations

from tolmach.base import N_, Fault, Refused, Retryable

_CORRECT = N_("Correct the request; docs/dicomweb.md lists what is understood.")

BAD_REQUEST = Fault("TLM-SRV-100", N_("The request cannot be understood: {why}."), _CORRECT)
NOT_HELD = Fault(
    "TLM-SRV-101",
    N_("Nothing is held here under this address."),
    N_("Search for the study first; it may not have arrived yet."),
)
NOT_ACCEPTABLE = Fault(
    "TLM-SRV-102",
    N_("It cannot be given in any form that was asked for: {why}."),
    N_('Ask for another media type or transfer syntax in the header Accept; transfer-syntax="*" always fits.'),
)
UNKNOWN_MEDIA = Fault(
    "TLM-SRV-103",
    N_("A request body of this kind is not taken: {kind}."),
    N_('Send multipart/related; type="application/dicom", without Content-Encoding.'),
)
TOO_LARGE = Fault(
    "TLM-SRV-104",
    N_("The request is larger than allowed: {limit} bytes."),
    N_("Send fewer objects in one request, or raise the limit in [http]."),
)
NO_PICTURE = Fault(
    "TLM-SRV-106",
    N_("No picture can be made of this instance: {why}."),
    N_("Retrieve the instance itself and look at it in a DICOM viewer."),
)
BUSY = Fault(
    "TLM-SRV-107",
    N_("Too many requests of this kind are in hand."),
    N_("Nothing to do: the caller tries again in a moment."),
)
TOO_BROAD = Fault(
    "TLM-SRV-108",
    N_("The request asks for more than can be given at once: {why}."),
    N_("Ask for less in one request."),
)


class BadRequest(Refused):
    """The request means nothing (400)."""


class BodyLost(BadRequest):
    """The body of a request came too slowly, or not to its end (408)."""


class NotHeld(Refused):
    """There is no such thing here (404)."""


class NotAcceptable(Refused):
    """Held, but not to be had in the form that was asked for (406)."""


class TooLarge(Refused):
    """The request is beyond a limit (413)."""


class UnknownMedia(Refused):
    """A body of a kind that is not taken (415)."""


class NoPicture(Refused):
    """An instance that cannot be shown as a picture (406)."""


class Busy(Retryable):
    """Not now (503)."""


# Standard: PS3.18 section 8.5 (status codes).
STATUS: dict[type[Exception], int] = {
    BadRequest: 400,
    BodyLost: 408,
    NotHeld: 404,
    NotAcceptable: 406,
    NoPicture: 406,
    TooLarge: 413,
    UnknownMedia: 415,
    Busy: 503,
}


def bad(why: object) -> BadRequest:
    """Give the refusal of a request that means nothing; `why` is said to the caller."""
    return BadRequest(BAD_REQUEST, why=why)
