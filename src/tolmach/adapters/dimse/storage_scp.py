"""Storage and Verification SCP: a port, a thread for each connection, limits on everything.

Standard: PS3.4 annexes A and B, PS3.8 section 9.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.acceptor import Acceptor, OnUnknown, StorageScpSettings
from tolmach.adapters.dimse.connections import Connection, ConnectionLimits, Connections
from tolmach.adapters.dimse.errors import CannotListen
from tolmach.adapters.dimse.rarely import Rarely
from tolmach.adapters.dimse.reception import Sink
from tolmach.adapters.dimse.relayed_service import RelayedService
from tolmach.adapters.dimse.stream import Clock, wake

__all__ = ["OnUnknown", "StorageScp", "StorageScpSettings"]

log = logging.getLogger(__name__)

LISTEN_BACKLOG = 256
ACCEPT_POLL_SECONDS = 0.25
RESOLVING_SECONDS = 5.0


class StorageScp:
    """A listening Storage and Verification SCP; as a context manager it is started and stopped."""

    def __init__(
        self,
        settings: StorageScpSettings,
        spool_folder: Path,
        sink: Sink,
        clock: Clock = time.monotonic,
        on_unknown: OnUnknown | None = None,
        services: Sequence[RelayedService] = (),
    ) -> None:
        """Prepare without listening; `sink` is called in many threads at once and decides the status.

        `services` are what is served on the same port besides Storage and Verification. `on_unknown` hears of callers
        that were turned away, rarely. Raises `BadAddress` for callers without a place.
        """
        self._settings = settings
        self._clock = clock
        self._connections = Connections(
            ConnectionLimits(
                settings.max_associations, settings.max_associations_per_address, settings.max_waiting_connections
            )
        )
        self._acceptor = Acceptor(settings, self._connections, spool_folder, sink, clock, on_unknown, services)
        self._stopping = threading.Event()
        self._listener: socket.socket | None = None
        self._listening: threading.Thread | None = None
        self._told = Rarely(clock)

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
        # A name server may take its time, for which those whose addresses are configured need not wait.
        resolver = threading.Thread(target=self._acceptor.resolve_callers, name="resolve callers", daemon=True)
        resolver.start()
        resolver.join(RESOLVING_SECONDS)
        self._listening = threading.Thread(target=self._accept, args=(self._listener,), name="storage-scp", daemon=True)
        self._listening.start()

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Stop listening, let instances in hand be answered for so long, then close every connection; repeatable."""
        self._stopping.set()
        if self._listener is not None and self._listening is not None:
            wake(self._listener)
            self._listening.join()
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

    def _join(self, connection: Connection, seconds: float) -> None:
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
                if self._told.is_news(str(error.errno)):
                    log.warning("accept failed: %s", error.strerror)
                self._stopping.wait(ACCEPT_POLL_SECONDS)
                continue
            connection = Connection(sock, address[0])
            self._connections.add(connection)
            connection.thread = threading.Thread(
                target=self._acceptor.serve, args=(connection,), name=f"storage-scp {address[0]}", daemon=True
            )
            try:
                connection.thread.start()
            except RuntimeError as error:  # no more threads to be had
                log.warning("a connection cannot be served: %s", error)
                self._connections.remove(connection)
                sock.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
