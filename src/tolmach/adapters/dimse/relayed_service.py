"""A service beyond Storage and Verification: our own upper layer speaks it, or pynetdicom does.

Nothing here needs pynetdicom: it is loaded when the first association asks for such a service of its.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tolmach.adapters.dimse import pdu
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.command_set import is_uid
from tolmach.adapters.dimse.rights import Right, is_granted, is_storage
from tolmach.dicom import uids

if TYPE_CHECKING:
    from tolmach.adapters.dimse.operation import Operation

MESSAGE_LIMIT = 4 << 20  # bytes of the data set of one message
DEFAULT_SYNTAXES = (uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian)

# Takes pynetdicom's event and who called; gives what pynetdicom expects of a handler of that event.
Answer = Callable[[Any, Caller], Any]
# Answers one request over our own upper layer, to its final response.
Perform = Callable[["Operation"], None]
# Takes the service class application information of extended negotiation, gives what is answered to it.
Negotiate = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class RelayedService:
    """What is served, in which transfer syntaxes (the best first), and who answers.

    `performs` are by the command field of the request (such as `C_FIND_RQ`) and served by our own upper layer; a
    service has these, or else `answers` by the name of pynetdicom's event, such as "EVT_C_FIND". With `sends_instances`
    the caller may take instances on this association (C-GET): storage classes for which it proposes to be the SCP are
    accepted too. With `caller_is_scp` the caller must select that role, or propose nothing else than such services,
    since many forget it. A service for both roles of the caller is two services.

    What answers must not raise other than `TolmachError`, and must treat what it decodes as hostile: all that was
    checked is that it is no longer than `message_limit`. pynetdicom's must end within ten minutes.
    """

    abstract_syntaxes: frozenset[str]
    answers: Mapping[str, Answer] = field(default_factory=dict)
    transfer_syntaxes: tuple[str, ...] = DEFAULT_SYNTAXES
    sends_instances: bool = False
    caller_is_scp: bool = False
    performs: Mapping[int, Perform] = field(default_factory=dict)
    message_limit: int = MESSAGE_LIMIT
    negotiate: Negotiate | None = None


def contexts_to_relay(
    request: pdu.AssociateRequest, rights: frozenset[Right], services: Sequence[RelayedService]
) -> tuple[pdu.PresentationContext, ...]:
    """Give the proposed contexts that the services are for, as far as the caller has a right to them."""
    by_class: dict[str, list[RelayedService]] = {}
    for service in services:
        for uid in service.abstract_syntaxes:
            by_class.setdefault(uid, []).append(service)
    scp_roles = {role.sop_class_uid for role in request.user_information.roles if role.scp}
    takes_instances = "get" in rights and any(service.sends_instances for service in services)
    only_relayed = all(context.abstract_syntax in by_class for context in request.contexts)

    def is_for_them(abstract_syntax: str) -> bool:
        known = by_class.get(abstract_syntax)
        if known is None:
            return takes_instances and abstract_syntax in scp_roles and is_storage(abstract_syntax)
        fits = only_relayed or abstract_syntax in scp_roles or not all(service.caller_is_scp for service in known)
        return fits and is_granted(abstract_syntax, rights)

    return tuple(
        context
        for context in request.contexts
        if is_for_them(context.abstract_syntax)
        and all(map(is_uid, (context.abstract_syntax, *context.transfer_syntaxes)))
    )
