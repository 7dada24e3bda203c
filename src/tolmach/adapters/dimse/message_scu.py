"""What the services that are not storage have in common on the calling side: a context, a failure, a wrong answer.

Standard: PS3.7 sections 7, 9.1, 10.1 and annex C (status codes).
"""

from __future__ import annotations

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.association import Association
from tolmach.adapters.dimse.command_set import ERROR_COMMENT, STATUS, CommandSet
from tolmach.adapters.dimse.errors import ProtocolViolation, ServiceFailedForNow, ServiceRefused, sentence_of
from tolmach.adapters.dimse.message_data import MESSAGE_SYNTAXES
from tolmach.base import Fault, TolmachError

# Processing failure, duplicate invocation, resource limitation, out of resources, unable to process.
_MAY_PASS = ((0x0110, 0x0110), (0x0210, 0x0210), (0x0213, 0x0213), (0xA700, 0xA7FF), (0xC000, 0xCFFF))


def accepted_context(assoc: Association, sop_class_uid: str) -> tuple[int, str]:
    """Give the id and the transfer syntax of the accepted context for messages; raises `ContextNotAccepted`."""
    for syntax in MESSAGE_SYNTAXES:
        context_id = assoc.context_for(sop_class_uid, syntax)
        if context_id is not None:
            return context_id, syntax
    return assoc.required_context(sop_class_uid, MESSAGE_SYNTAXES[-1]), MESSAGE_SYNTAXES[-1]


def failure(assoc: Association, response: CommandSet, fault: Fault) -> TolmachError:
    """Give the error of a response with a failure status."""
    status = response.number(STATUS)
    kind = ServiceFailedForNow if any(first <= status <= last for first, last in _MAY_PASS) else ServiceRefused
    return kind(fault, peer=assoc.peer, status=f"{status:04X}", comment=sentence_of(response.text(ERROR_COMMENT)))


def unexpected(assoc: Association, command: CommandSet) -> TolmachError:
    """End the association over a message that may not come now, and give the error."""
    assoc.abort()
    detail = f"command {command.command_field:04X}H is no answer to what was asked"
    return ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=assoc.peer, detail=detail)
