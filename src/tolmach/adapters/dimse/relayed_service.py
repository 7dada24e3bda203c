"""A service beyond Storage and Verification, which pynetdicom speaks for us.

Nothing here needs pynetdicom: it is loaded when the first association asks for such a service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tolmach.adapters.dimse import pdu
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.command_set import is_uid
from tolmach.adapters.dimse.rights import Right, is_granted, is_storage
from tolmach.dicom import uids

DEFAULT_SYNTAXES = (uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian)

# Takes pynetdicom's event and who called; gives what pynetdicom expects of a handler of that event.
Answer = Callable[[Any, Caller], Any]


@dataclass(frozen=True, slots=True)
class RelayedService:
    """What is served, in which transfer syntaxes (the best first), and who answers.

    `answers` are by the name of pynetdicom's event, such as "EVT_C_FIND". With `sends_instances` the caller may take
    instances on this association (C-GET): storage classes for which it proposes to be the SCP are accepted too. With
    `caller_is_scp` the caller must select that role, or propose nothing else than such services, since many forget it.
    An answer must not raise, must end within ten minutes, and must treat what it decodes as hostile: all that was
    checked is that it is no longer than 4 MiB.
    """

    abstract_syntaxes: frozenset[str]
    answers: Mapping[str, Answer]
    transfer_syntaxes: tuple[str, ...] = DEFAULT_SYNTAXES
    sends_instances: bool = False
    caller_is_scp: bool = False


def contexts_to_relay(
    request: pdu.AssociateRequest, rights: frozenset[Right], services: Sequence[RelayedService]
) -> tuple[pdu.PresentationContext, ...]:
    """Give the proposed contexts that the services are for, as far as the caller has a right to them."""
    by_class = {uid: service for service in services for uid in service.abstract_syntaxes}
    scp_roles = {role.sop_class_uid for role in request.user_information.roles if role.scp}
    takes_instances = "get" in rights and any(service.sends_instances for service in services)
    only_relayed = all(context.abstract_syntax in by_class for context in request.contexts)

    def is_for_them(abstract_syntax: str) -> bool:
        service = by_class.get(abstract_syntax)
        if service is None:
            return takes_instances and abstract_syntax in scp_roles and is_storage(abstract_syntax)
        fits = not service.caller_is_scp or only_relayed or abstract_syntax in scp_roles
        return fits and is_granted(abstract_syntax, rights)

    return tuple(
        context
        for context in request.contexts
        if is_for_them(context.abstract_syntax)
        and all(map(is_uid, (context.abstract_syntax, *context.transfer_syntaxes)))
    )
