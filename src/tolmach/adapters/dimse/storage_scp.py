"""Storage and Verification SCP: a port, a thread for each connection, limits on everything.

A connection takes one of the association slots only when its A-ASSOCIATE-RQ is whole, so that sockets which open and
stay silent cannot lock anybody out: there may be many of them, each lives for the header deadline, and when too many
wait the oldest is closed.

Standard: PS3.4 annexes A and B, PS3.8 section 9.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

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
from tolmach.adapters.dimse.errors import CannotListen, ProtocolViolation
from tolmach.adapters.dimse.reception import Reception, ReceptionLimits, Sink
from tolmach.adapters.dimse.stream import Clock, Stream
from tolmach.adapters.dimse.timeouts import Timeouts
from tolmach.adapters.dimse.transport import Transport
from tolmach.adapters.dimse.unknown_callers import OnUnknown, UnknownCallers
from tolmach.base import TolmachError

log = logging.getLogger(__name__)

LISTEN_BACKLOG = 256
ACCEPT_POLL_SECONDS = 0.25
RESOLVING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class StorageScpSettings:
    """Where to listen, whom to serve, how much at once; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 11112
    policy: AcceptancePolicy = ANYBODY
    max_associations: int = 200
    max_associations_per_address: int = 20
    max_waiting_connections: int = 400
    request_timeout_seconds: float = 10.0  # from the connection to the first byte of A-ASSOCIATE-RQ
    timeouts: Timeouts = field(default_factory=Timeouts)
    limits: ReceptionLimits = field(default_factory=ReceptionLimits)


@dataclass(slots=True, eq=False)
class _Connection:
    """One accepted socket and the thread that serves it."""

    sock: socket.socket
    host: str
    reception: Reception | None = None
    thread: threading.Thread | None = None

    def shut(self) -> None:
        """Wake the thread: whatever it waits for ends now."""
        _wake(self.sock)


@dataclass(slots=True)
class _Connections:
    """Who is connected, under one lock: those that have said nothing yet, and those that hold a slot."""

    settings: StorageScpSettings
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: dict[_Connection, None] = field(default_factory=dict)
    associated: set[_Connection] = field(default_factory=set)
    per_address: Counter[str] = field(default_factory=Counter)

    def add(self, connection: _Connection) -> None:
        with self.lock:
            if len(self.waiting) >= self.settings.max_waiting_connections:
                next(iter(self.waiting)).shut()
            self.waiting[connection] = None

    def take_slot(self, connection: _Connection) -> bool:
        with self.lock:
            self.waiting.pop(connection, None)
            full = len(self.associated) >= self.settings.max_associations
            if full or self.per_address[connection.host] >= self.settings.max_associations_per_address:
                return False
            self.associated.add(connection)
            self.per_address[connection.host] += 1
            return True

    def remove(self, connection: _Connection) -> None:
        with self.lock:
            self.waiting.pop(connection, None)
            if connection in self.associated:
                self.associated.remove(connection)
                self.per_address[connection.host] -= 1
                if not self.per_address[connection.host]:
                    del self.per_address[connection.host]

    def everyone(self) -> list[_Connection]:
        with self.lock:
            return [*self.waiting, *self.associated]


def _wake(sock: socket.socket) -> None:
    """Make every wait on the socket end; where a system cannot do that, the deadline of the wait does."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        # Closed already, or a listener outside Linux.
        return


class StorageScp:
    """A listening Storage and Verification SCP; as a context manager it is started and stopped."""

    def __init__(
        self,
        settings: StorageScpSettings,
        spool_folder: Path,
        sink: Sink,
        clock: Clock = time.monotonic,
        on_unknown: OnUnknown | None = None,
    ) -> None:
        """Prepare without listening; `sink` is called in many threads at once and decides the status.

        `on_unknown` hears of callers that were turned away, rarely. Raises `BadAddress` for callers without a place.
        """
        self._settings = settings
        self._spool_folder = spool_folder
        self._sink = sink
        self._clock = clock
        self._connections = _Connections(settings)
        callers = settings.policy.callers
        self._allow_list = None if callers is None else AllowList(callers, clock)
        self._unknown = UnknownCallers(on_unknown, clock)
        self._stopping = threading.Event()
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The TCP port that is listened on."""
        assert self._listener is not None, "the SCP was not started"
        port: int = self._listener.getsockname()[1]
        return port

    def start(self) -> None:
        """Listen and serve from now on, in threads of its own; raises `CannotListen`."""
        address = (self._settings.host, self._settings.port)
        family = socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET
        try:
            self._listener = socket.create_server(address, family=family, backlog=LISTEN_BACKLOG)
        except OSError as error:
            detail = error.strerror or type(error).__name__
            raise CannotListen(faults.CANNOT_LISTEN, address=f"{address[0]}:{address[1]}", detail=detail) from error
        self._listener.settimeout(ACCEPT_POLL_SECONDS)
        if self._allow_list is not None:
            # A name server may take its time, for which those whose addresses are configured need not wait.
            resolver = threading.Thread(target=self._allow_list.refresh, name="resolve callers", daemon=True)
            resolver.start()
            resolver.join(RESOLVING_SECONDS)
        self._acceptor = threading.Thread(target=self._accept, args=(self._listener,), name="storage-scp", daemon=True)
        self._acceptor.start()

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Stop listening, let instances in hand be answered for so long, then close every connection; repeatable."""
        self._stopping.set()
        if self._listener is not None and self._acceptor is not None:
            _wake(self._listener)
            self._acceptor.join()
            self._listener.close()
        deadline = self._clock() + grace_seconds
        while (everyone := self._connections.everyone()) and self._clock() < deadline:
            for connection in everyone:
                if connection.reception is None or not connection.reception.is_busy:
                    connection.shut()
            self._join(everyone[0], min(0.05, max(0.0, deadline - self._clock())))
        for connection in self._connections.everyone():
            connection.shut()
        for connection in self._connections.everyone():
            self._join(connection, 1.0)

    def _join(self, connection: _Connection, seconds: float) -> None:
        if connection.thread is not None:
            connection.thread.join(seconds)

    def _accept(self, listener: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                sock, address = listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                if self._stopping.is_set():
                    return
                # Out of file descriptors, or the peer left before we came: the next one may fare better.
                log.warning("accept failed: %s", error.strerror)
                self._stopping.wait(ACCEPT_POLL_SECONDS)
                continue
            connection = _Connection(sock, address[0])
            self._connections.add(connection)
            connection.thread = threading.Thread(
                target=self._serve, args=(connection,), name=f"storage-scp {address[0]}", daemon=True
            )
            connection.thread.start()

    def _serve(self, connection: _Connection) -> None:
        """Serve one connection to its end; every way out closes the socket and gives the slot back."""
        try:
            transport = Transport(
                Stream(connection.sock, self._clock), connection.host, self._settings.timeouts, self._clock
            )
            try:
                self._serve_association(connection, transport)
            except ProtocolViolation as error:
                log.warning("%s", error)
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

    def _serve_association(self, connection: _Connection, transport: Transport) -> None:
        first_byte_by = self._clock() + self._settings.request_timeout_seconds
        pdu_type, body = transport.read_pdu(first_byte_by, self._settings.limits.max_pdu_length)
        try:
            if pdu_type != pdu.ASSOCIATE_RQ:
                raise pdu.MalformedPdu(f"unexpected PDU {pdu_type:02X}H before any association")
            request = pdu_codec.parse_associate_rq(body)
        except pdu.MalformedPdu as error:
            raise ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=connection.host, detail=error) from error
        caller = self._caller(request, connection.host)
        reject = reason_to_reject(request, caller, self._settings.policy.called_ae_title)
        if reject is None and not self._connections.take_slot(connection):
            reject = LOCAL_LIMIT_EXCEEDED
        if caller is None or reject is not None:
            log.info("rejected %s@%s: %s", ascii(request.calling_ae_title), connection.host, reject)
            transport.send([pdu_codec.encode_associate_rj(reject or CALLING_AE_TITLE_NOT_RECOGNISED)])
            return
        accept = accept_contexts(request, caller.rights, self._settings.limits.max_pdu_length)
        transport.send([pdu_codec.encode_associate_ac(accept)])
        connection.reception = Reception(
            transport=transport,
            request=request,
            accept=accept,
            peer_host=connection.host,
            peer_name=caller.name,
            spool_folder=self._spool_folder,
            sink=self._sink,
            limits=self._settings.limits,
            clock=self._clock,
        )
        connection.reception.run()

    def _caller(self, request: pdu.AssociateRequest, host: str) -> Caller | None:
        if self._allow_list is None:
            return ANONYMOUS
        caller = self._allow_list.find(request.calling_ae_title, host)
        if caller is None:
            self._unknown.note(request.calling_ae_title, host)
        return caller

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
