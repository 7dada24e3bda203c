"""Storage Commitment SCP: modalities ask whether we answer for what they sent; the report follows by `Reporter`.

A request is kept before it is answered with success, so that no restart forgets it.

Standard: PS3.4 annex J.3 (Push Model), PS3.7 sections 10.1.4 (N-ACTION) and C.4 (status codes).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from tolmach.adapters.dimse.command_set import ACTION_TYPE_ID, N_ACTION_RQ, REQUESTED_SOP_INSTANCE_UID
from tolmach.adapters.dimse.commitment import PUSH_MODEL_INSTANCE, REQUEST_COMMITMENT, NoReport, parse_request
from tolmach.adapters.dimse.message_data import MESSAGE_SYNTAXES
from tolmach.adapters.dimse.operation import Operation
from tolmach.adapters.dimse.peer_line import PeerLine
from tolmach.adapters.dimse.relayed_service import RelayedService
from tolmach.adapters.dimse.status import SUCCESS
from tolmach.archive.commitment import CommitmentRequests, Taken
from tolmach.dicom import uids
from tolmach.dicom.faults import Damaged
from tolmach.intake.faults import RecordsTrouble

log = logging.getLogger(__name__)

MOST_REFERENCES: Final = 10_000

# Standard: PS3.7 annex C; 0131H is a failure reason of PS3.3 section C.14.1, which nothing else says so well.
PROCESSING_FAILURE: Final = 0x0110
NO_SUCH_INSTANCE: Final = 0x0112
INVALID_ARGUMENT_VALUE: Final = 0x0115
NO_SUCH_ACTION: Final = 0x0123
NOT_AUTHORISED: Final = 0x0124
DUPLICATE_TRANSACTION: Final = 0x0131
RESOURCE_LIMITATION: Final = 0x0213

_TAKEN: Final[dict[Taken, tuple[int, str]]] = {
    "new": (SUCCESS, ""),
    "again": (SUCCESS, ""),
    "other": (DUPLICATE_TRANSACTION, "Transaction UID was used before"),
    "full": (RESOURCE_LIMITATION, "too many requests wait for their reports"),
}


class Asking(NamedTuple):
    """The association that a request came on: the report may go back over it."""

    line: PeerLine
    context_id: int
    transfer_syntax_uid: str


class NotesRequest(Protocol):
    """Who is told that a request was taken, and can be answered over the association it came on."""

    def __call__(self, peer: str, transaction_uid: str, asking: Asking) -> None:
        """Take note; returns at once."""
        ...


class _Refusal(Exception):
    """A request that is answered with a failure."""

    def __init__(self, status: int, comment: str) -> None:
        super().__init__(comment)
        self.status = status


def storage_commitment_scp(
    requests: CommitmentRequests, note: NotesRequest, now: Callable[[], datetime]
) -> RelayedService:
    """Give the service that takes requests of configured peers; it needs the right "commit"."""

    def perform(operation: Operation) -> None:
        try:
            transaction_uid = _take(operation, requests, now())
        except _Refusal as refusal:
            log.warning("%s: a Storage Commitment request was refused: %s", operation.peer, refusal)
            operation.fail(refusal.status, str(refusal))
            return
        operation.respond(SUCCESS)
        asking = Asking(operation.line, operation.context_id, operation.transfer_syntax_uid)
        note(operation.caller.name, transaction_uid, asking)

    return RelayedService(
        frozenset({uids.StorageCommitmentPushModel}),
        transfer_syntaxes=MESSAGE_SYNTAXES,
        performs={N_ACTION_RQ: perform},
    )


def _take(operation: Operation, requests: CommitmentRequests, at: datetime) -> str:
    """Keep the request and give its Transaction UID; raises `_Refusal`."""
    command = operation.command
    if not operation.caller.name:
        raise _Refusal(NOT_AUTHORISED, "only configured peers are reported to")
    if command.text(REQUESTED_SOP_INSTANCE_UID) != PUSH_MODEL_INSTANCE:
        raise _Refusal(NO_SUCH_INSTANCE, "not the instance of Storage Commitment")
    if command.get(ACTION_TYPE_ID) != REQUEST_COMMITMENT:
        raise _Refusal(NO_SUCH_ACTION, "Action Type ID 1 is the only one")
    try:
        transaction_uid, references = parse_request(operation.data, operation.transfer_syntax_uid)
    except (NoReport, Damaged) as error:
        comment = str(error) if isinstance(error, NoReport) else "the action information cannot be read"
        raise _Refusal(INVALID_ARGUMENT_VALUE, comment) from error
    if len(references) > MOST_REFERENCES:
        raise _Refusal(RESOURCE_LIMITATION, f"more than {MOST_REFERENCES} references in one request")
    try:
        status, comment = _TAKEN[requests.take(operation.caller.name, transaction_uid, references, at)]
    except RecordsTrouble as error:
        raise _Refusal(PROCESSING_FAILURE, "the request cannot be kept now: ask again") from error
    if status != SUCCESS:
        raise _Refusal(status, comment)
    log.info("%s: Storage Commitment of %d instances was asked for", operation.peer, len(references))
    return transaction_uid
