"""One incoming connection from its first byte to its last: TLS, the request, our answer, and then who serves it.

Standard: PS3.8 section 9.2 (the acceptor's half of the state table).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tolmach.adapters.dimse import faults, pdu, pdu_codec
from tolmach.adapters.dimse.acceptance import (
    ANYBODY,
    CALLING_AE_TITLE_NOT_RECOGNISED,
    LOCAL_LIMIT_EXCEEDED,
    AcceptancePolicy,
    accept_contexts,
    reason_to_reject,
)
from tolmach.adapters.dimse.allow_list import ANONYMOUS, AllowList, Caller
from tolmach.adapters.dimse.connections import Connection, Connections
from tolmach.adapters.dimse.errors import PeerTimeout, ProtocolViolation, TlsFailed
from tolmach.adapters.dimse.performer import Performer
from tolmach.adapters.dimse.rarely import Rarely
from tolmach.adapters.dimse.reception import Engine, Reception, ReceptionLimits, Sink
from tolmach.adapters.dimse.relay import Relay
from tolmach.adapters.dimse.relayed_service import RelayedService, contexts_to_relay
from tolmach.adapters.dimse.spool import SpoolFolder
from tolmach.adapters.dimse.stream import Clock, Stream
from tolmach.adapters.dimse.timeouts import Timeouts
from tolmach.adapters.dimse.transport import Transport
from tolmach.base import TolmachError

if TYPE_CHECKING:
    from tolmach.adapters.dimse.tls import TlsServer

log = logging.getLogger(__name__)

TLS_HELLO = 0x16  # the first byte of every connection that begins with TLS
# Hundreds of callers that nobody knows yet may be heard at once; only a few of them at length.
LARGE_REQUEST = 1 << 15
LARGE_REQUESTS_AT_ONCE = 8

# Takes the AE title (printable ASCII, not to be trusted otherwise) and the address of somebody who was turned away.
OnUnknown = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class StorageScpSettings:
    """Where to listen, whom to serve, how much at once; port 0 takes a free one, with `tls` it speaks nothing else."""

    host: str = "127.0.0.1"
    port: int = 11112
    policy: AcceptancePolicy = ANYBODY
    max_associations: int = 200
    max_associations_per_address: int = 20
    max_relayed_associations: int = 40  # pynetdicom's threads look around all the time: 2 % of a processor each
    max_waiting_connections: int = 400
    request_timeout_seconds: float = 10.0  # from the connection, through TLS, to the first byte of A-ASSOCIATE-RQ
    timeouts: Timeouts = field(default_factory=Timeouts)
    limits: ReceptionLimits = field(default_factory=ReceptionLimits)
    tls: TlsServer | None = None


class Acceptor:
    """Serves connections, each in the thread that brings it."""

    def __init__(
        self,
        settings: StorageScpSettings,
        connections: Connections,
        spool_folder: Path,
        sink: Sink,
        clock: Clock,
        on_unknown: OnUnknown | None,
        services: Sequence[RelayedService],
    ) -> None:
        """Prepare; raises `BadAddress` for callers that can call from nowhere."""
        self._settings = settings
        self._connections = connections
        self._spool_folder = SpoolFolder(spool_folder)
        self._sink = sink
        self._clock = clock
        self._on_unknown = on_unknown
        self._services = services
        self._own = [service for service in services if service.performs]
        callers = settings.policy.callers
        self._allow_list = None if callers is None else AllowList(callers, clock)
        self._places = threading.Semaphore(settings.max_relayed_associations)
        self._large_requests = threading.Semaphore(LARGE_REQUESTS_AT_ONCE)
        self._unknown_told = Rarely(clock)
        self._refused_told = Rarely(clock)

    def resolve_callers(self) -> None:
        """Find the addresses of callers with host names; may take as long as the name server does."""
        if self._allow_list is not None:
            self._allow_list.refresh()

    def serve(self, connection: Connection) -> None:
        """Serve one connection to its end; every way out closes the socket and gives the slot back."""
        request_by = self._clock() + self._settings.request_timeout_seconds
        try:
            transport = self._transport(Stream(connection.sock, self._clock), connection)
            try:
                if self._settings.tls is not None:
                    transport = self._encrypted(connection, self._settings.tls, transport, request_by)
                self._serve_association(connection, transport, request_by)
            except TlsFailed as error:
                self._tell_rarely(error, connection)
            except ProtocolViolation as error:
                self._tell_rarely(error, connection)
                transport.send([pdu_codec.encode_abort(pdu.Abort(pdu.ABORT_BY_PROVIDER, 2))])
            except TimeoutError:
                log.info("%s said nothing for too long", connection.host)
                transport.send([pdu_codec.encode_abort(pdu.Abort(pdu.ABORT_BY_PROVIDER, 0))])
            transport.close_gently()
        except TolmachError as error:
            log.info("%s", error)
        except OSError as error:
            log.info("%s: %s", connection.host, error)
        finally:
            connection.sock.close()
            self._connections.remove(connection)

    def _transport(self, stream: Stream, connection: Connection) -> Transport:
        return Transport(stream, connection.host, self._settings.timeouts, self._clock)

    def _encrypted(self, connection: Connection, tls: TlsServer, plain: Transport, deadline: float) -> Transport:
        try:
            first = plain.peek(deadline)
        except TimeoutError as error:
            raise PeerTimeout(faults.TOO_SLOW, peer=connection.host, detail="no TLS handshake") from error
        if first != TLS_HELLO:
            raise TlsFailed(faults.CALLED_WITHOUT_TLS, peer=connection.host)
        stream = tls.wrap(connection.sock, connection.host, self._clock)
        connection.sock = stream.socket
        stream.answer_hello(deadline)
        return self._transport(stream, connection)

    def _serve_association(self, connection: Connection, transport: Transport, request_by: float) -> None:
        request = self._request(connection, transport, request_by)
        caller = self._caller(request, connection.host)
        reject = reason_to_reject(request, caller, self._settings.policy.called_ae_title)
        if reject is None and not self._connections.take_slot(connection):
            reject = LOCAL_LIMIT_EXCEEDED
        if caller is None or reject is not None:
            log.info("rejected %s@%s: %s", ascii(request.calling_ae_title), connection.host, reject)
            transport.send([pdu_codec.encode_associate_rj(reject or CALLING_AE_TITLE_NOT_RECOGNISED)])
            return
        own, relayed = self._divided(request, caller)
        with self._place_for(relayed) as is_free:
            if not is_free and len(relayed) == len(request.contexts):
                transport.send([pdu_codec.encode_associate_rj(LOCAL_LIMIT_EXCEEDED)])
                return
            relay = self._relay(request, relayed, caller, connection) if relayed and is_free else None
            performer = Performer(request, own, self._own, caller, connection.host, self._clock) if own else None
            unanswered = frozenset(context.context_id for context in relayed) if relay is None else frozenset[int]()
            limit = self._settings.limits.max_pdu_length
            answered = [engine.accept for engine in (performer, relay) if engine is not None]
            accept = accept_contexts(request, caller.rights, limit, answered, unanswered)
            engines = [engine for engine in (performer, relay) if engine is not None]
            self._serve_accepted(connection, transport, request, accept, caller, engines)

    def _divided(
        self, request: pdu.AssociateRequest, caller: Caller
    ) -> tuple[tuple[pdu.PresentationContext, ...], tuple[pdu.PresentationContext, ...]]:
        """Give the contexts that our own upper layer serves beyond storage, and those that pynetdicom does."""
        contexts = contexts_to_relay(request, caller.rights, self._services)
        theirs = {uid for service in self._services if service.answers for uid in service.abstract_syntaxes}
        carried = any(service.sends_instances for service in self._own)
        ours = {uid for service in self._own for uid in service.abstract_syntaxes}

        def is_own(uid: str) -> bool:
            return uid in ours or (uid not in theirs and carried)

        return (
            tuple(context for context in contexts if is_own(context.abstract_syntax)),
            tuple(context for context in contexts if not is_own(context.abstract_syntax)),
        )

    def _serve_accepted(
        self,
        connection: Connection,
        transport: Transport,
        request: pdu.AssociateRequest,
        accept: pdu.AssociateAccept,
        caller: Caller,
        engines: Sequence[Engine],
    ) -> None:
        connection.reception = Reception(
            transport=transport,
            request=request,
            accept=accept,
            peer_host=connection.host,
            peer_name=caller.name,
            rights=caller.rights,
            spool_folder=self._spool_folder,
            sink=self._sink,
            limits=self._settings.limits,
            clock=self._clock,
            engines=engines,
        )
        connection.reception.run()

    @contextmanager
    def _place_for(self, relayed: Sequence[pdu.PresentationContext]) -> Iterator[bool]:
        """Hold one of the places for associations of pynetdicom, where one is needed; False when none is free."""
        is_free = bool(relayed) and self._places.acquire(blocking=False)
        try:
            yield is_free or not relayed
        finally:
            if is_free:
                self._places.release()

    def _relay(
        self,
        request: pdu.AssociateRequest,
        contexts: tuple[pdu.PresentationContext, ...],
        caller: Caller,
        connection: Connection,
    ) -> Relay | None:
        """Open the way to pynetdicom for what it is there for."""
        try:
            return Relay.open(request, contexts, self._services, caller, connection.host, self._clock)
        except (TolmachError, OSError, ValueError) as error:
            # What we serve ourselves is still served.
            log.warning("%s: the services beyond storage cannot be reached: %s", connection.host, error)
            return None

    def _request(self, connection: Connection, transport: Transport, request_by: float) -> pdu.AssociateRequest:
        if self._settings.tls is None and transport.peek(request_by) == TLS_HELLO:
            raise ProtocolViolation(faults.CALLED_WITH_TLS, peer=connection.host)
        pdu_type, body = self._read_request(connection, transport, request_by)
        try:
            if pdu_type != pdu.ASSOCIATE_RQ:
                raise pdu.MalformedPdu(f"unexpected PDU {pdu_type:02X}H before any association")
            return pdu_codec.parse_associate_rq(body)
        except pdu.MalformedPdu as error:
            raise ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=connection.host, detail=error) from error

    def _read_request(self, connection: Connection, transport: Transport, request_by: float) -> tuple[int, memoryview]:
        limit = self._settings.limits.max_pdu_length
        if transport.await_length(request_by) <= LARGE_REQUEST:
            return transport.read_pdu(request_by, limit)
        if not self._large_requests.acquire(timeout=self._settings.request_timeout_seconds):
            raise PeerTimeout(faults.TOO_SLOW, peer=connection.host, detail="too many large requests at once")
        try:
            return transport.read_pdu(request_by, limit)
        finally:
            self._large_requests.release()

    def _caller(self, request: pdu.AssociateRequest, host: str) -> Caller | None:
        if self._allow_list is None:
            return ANONYMOUS
        caller = self._allow_list.find(request.calling_ae_title, host)
        if caller is None and self._on_unknown is not None:
            title = ascii(request.calling_ae_title)[1:-1]
            if self._unknown_told.is_news(title, host):
                self._on_unknown(title, host)
        return caller

    def _tell_rarely(self, error: TolmachError, connection: Connection) -> None:
        if self._refused_told.is_news(error.code, connection.host):
            log.warning("%s", error)
