"""What a server's refusal or silence means: every error of obstore becomes one of ours here, and nowhere else.

Nothing of the original text is let out, and it is no cause of ours either: it quotes the request and the server's
answer, and what servers answer to a wrong signature names the key.
"""

from __future__ import annotations

import re

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from tolmach.adapters.objects.faults import NO_BUCKET, S3_CHANGED, S3_FORBIDS, S3_SILENT, S3_TROUBLE
from tolmach.adapters.objects.s3_address import S3Address
from tolmach.base import N_, Phrase
from tolmach.intake.faults import StoreAway, StoreTrouble

# A missing object is the system's error in obstore, everything else is its own.
ERRORS = (BaseError, FileNotFoundError)

_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,60})</Code>")
_KIND = re.compile(r"kind: (\w+)")
_NOT_SATISFIABLE = 416
_NOT_IMPLEMENTED = 501
# Refusals that nobody but a person can end, whatever status they come with: 301, 400 or 403.
_REFUSALS = frozenset(
    "AccessDenied AllAccessDisabled AuthorizationHeaderMalformed ExpiredToken InvalidAccessKeyId InvalidToken "
    "PermanentRedirect RequestTimeTooSkewed SignatureDoesNotMatch InvalidRegion".split()
)
_SILENCES = {
    "Connect": N_("no connection"),
    "Timeout": N_("no answer in time"),
    "Interrupted": N_("the connection broke"),
    "Request": N_("the connection broke"),
    "Decode": N_("its answer ended too early"),
}
_NO_SENSE = N_("its answer makes no sense")


class Unanswered(StoreAway):
    """No answer came, or not all of it: nobody knows whether the request was carried out."""


def status_of(error: BaseException) -> int:
    """Give the HTTP status that came, 0 where none did."""
    found = _STATUS.search(str(error))
    return int(found[1]) if found else 0


def is_missing(error: BaseException) -> bool:
    """Tell whether the object is not there, as far as the answer says; a missing bucket is another matter."""
    return isinstance(error, FileNotFoundError) and _code_of(error) != "NoSuchBucket"


def is_beyond_the_end(error: BaseException) -> bool:
    """Tell whether the range that was asked for has no byte of the object: the object is empty, or shorter now."""
    return status_of(error) == _NOT_SATISFIABLE


def is_not_known_there(error: BaseException) -> bool:
    """Tell whether the server does not know what it was asked to do."""
    return status_of(error) == _NOT_IMPLEMENTED or _code_of(error) == "NotImplemented"


def trouble_of(error: BaseException, address: S3Address, path: str) -> StoreTrouble:
    """Give the error of ours that stands for one of obstore's."""
    status, code = status_of(error), _code_of(error)
    if code == "NoSuchBucket":
        return StoreAway(NO_BUCKET, bucket=address.bucket, server=address.server)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or code in _REFUSALS:
        return StoreAway(S3_FORBIDS, server=address.server, path=path, why=_answer(status, code))
    if code == "NoSuchUpload":  # what a request gets that is repeated because its answer did not come
        return Unanswered(S3_TROUBLE, server=address.server, path=path, why=_answer(status, code))
    if status in (409, 412):
        return StoreTrouble(S3_CHANGED, path=path)
    if status:
        return StoreAway(S3_TROUBLE, server=address.server, path=path, why=_answer(status, code))
    kind = _KIND.search(str(error))
    why = Phrase(_SILENCES.get(kind[1], _NO_SENSE) if kind else _NO_SENSE)
    return Unanswered(S3_SILENT, server=address.server, path=path, why=why)


def _code_of(error: BaseException) -> str:
    found = _CODE.search(str(error))
    return found[1] if found else ""


def _answer(status: int, code: str) -> str:
    return f"{status or ''} {code}".strip()
