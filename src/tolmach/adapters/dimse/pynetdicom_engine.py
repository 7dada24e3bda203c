"""pynetdicom, reduced to what we need of it: associations that we hand it over a local socket, already checked.

The one module that imports it, and only when an association asks for a service of its.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pynetdicom import _config, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AddressInformation, AssociationSocket

from tolmach.adapters.dimse import pdu
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.relayed_service import Answer, RelayedService
from tolmach.adapters.dimse.rights import is_storage

NO_LIMIT = 1 << 16
MAX_PDU_LENGTH = 1 << 17
PEER_SECONDS = 60.0  # how long it waits for the peer's answer to what it asks

# Its own handlers decode whatever comes and write patients' names into logs.
_config.LOG_HANDLER_LEVEL = "none"
# What it says at INFO is about associations that we tell of ourselves.
logging.getLogger("pynetdicom").setLevel(logging.ERROR)


def serve_association(
    sock: socket.socket,
    request: pdu.AssociateRequest,
    services: Sequence[RelayedService],
    caller: Caller,
    peer_host: str,
) -> None:
    """Let pynetdicom answer as the acceptor on our end of a local pair of sockets; returns at once.

    `request` is what will come over the socket: only what the services are for. Ends when the socket closes.
    """
    ae = ApplicationEntity(request.called_ae_title)
    ae.maximum_associations = NO_LIMIT
    ae.maximum_pdu_size = MAX_PDU_LENGTH
    ae.dimse_timeout = PEER_SECONDS
    ae.network_timeout = None
    sock.setblocking(True)
    assoc = Association(ae, "acceptor")
    assoc.name = f"AcceptorThread {request.calling_ae_title}@{peer_host}"
    assoc.set_socket(AssociationSocket(assoc, client_socket=sock))
    assoc.acceptor.maximum_length = ae.maximum_pdu_size
    assoc.acceptor.ae_title = ae.ae_title
    assoc.acceptor.address_info = AddressInformation("127.0.0.1", 0)
    assoc.acceptor.implementation_class_uid = ae.implementation_class_uid
    assoc.acceptor.implementation_version_name = ae.implementation_version_name
    assoc.acceptor.supported_contexts = list(_supported(request, services))
    assoc.requestor.address_info = AddressInformation(peer_host.partition("%")[0], 0)
    for event, answer in _answers(services, caller).items():
        assoc.bind(getattr(evt, event), answer)
    assoc.start()


def _supported(request: pdu.AssociateRequest, services: Sequence[RelayedService]) -> Iterable[PresentationContext]:
    """Give each proposed abstract syntax once, with the transfer syntaxes that count for it, and in both roles.

    Roles are given as they are asked for: whether a message fits its role is for the answers to say.
    """
    preferred = {uid: service.transfer_syntaxes for service in services for uid in service.abstract_syntaxes}
    offered: dict[str, list[str]] = {}
    for context in request.contexts:
        offered.setdefault(context.abstract_syntax, []).extend(context.transfer_syntaxes)
    for abstract_syntax, syntaxes in offered.items():
        supported = PresentationContext()
        supported.abstract_syntax = abstract_syntax
        is_carried = abstract_syntax not in preferred and is_storage(abstract_syntax)
        supported.transfer_syntax = list(dict.fromkeys(syntaxes if is_carried else preferred[abstract_syntax]))
        supported.scu_role = supported.scp_role = True
        yield supported


def _answers(services: Sequence[RelayedService], caller: Caller) -> dict[str, Callable[[Any], Any]]:
    """Give one answer for each event, which asks the service that the presentation context belongs to."""
    by_event: dict[str, dict[str, Answer]] = {}
    for service in services:
        for event, answer in service.answers.items():
            by_event.setdefault(event, {}).update(dict.fromkeys(service.abstract_syntaxes, answer))

    def answer_of(table: dict[str, Answer]) -> Callable[[Any], Any]:
        return lambda event: table[event.context.abstract_syntax](event, caller)

    return {event: answer_of(table) for event, table in by_event.items()}
