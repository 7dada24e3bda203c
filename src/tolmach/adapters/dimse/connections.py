"""Who is connected, and how many at once there may be.

A connection takes one of the association slots only when its A-ASSOCIATE-RQ is whole, so that sockets which open and
stay silent cannot lock anybody out: there may be many of them, each lives for the request deadline, and when too many
wait the oldest is closed.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from dataclasses import dataclass, field

from tolmach.adapters.dimse.reception import Reception
from tolmach.adapters.dimse.stream import wake


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many associations in all and from one address, and how many connections that have not asked for one yet."""

    associations: int = 200
    associations_per_address: int = 20
    waiting: int = 400


@dataclass(slots=True, eq=False)
class Connection:
    """One accepted socket and the thread that serves it."""

    sock: socket.socket
    host: str
    reception: Reception | None = None
    thread: threading.Thread | None = None

    def shut(self) -> None:
        """Wake the thread: whatever it waits for ends now."""
        wake(self.sock)


@dataclass(slots=True)
class Connections:
    """Who is connected, under one lock: those that have said nothing yet, and those that hold a slot."""

    limits: ConnectionLimits
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: dict[Connection, None] = field(default_factory=dict)
    associated: set[Connection] = field(default_factory=set)
    per_address: Counter[str] = field(default_factory=Counter)

    def add(self, connection: Connection) -> None:
        """Take in a connection that has said nothing yet; the one that has waited longest may have to go for it."""
        with self.lock:
            if len(self.waiting) >= self.limits.waiting:
                next(iter(self.waiting)).shut()
            self.waiting[connection] = None

    def take_slot(self, connection: Connection) -> bool:
        """Give the connection an association slot; False when there is none."""
        with self.lock:
            self.waiting.pop(connection, None)
            full = len(self.associated) >= self.limits.associations
            if full or self.per_address[connection.host] >= self.limits.associations_per_address:
                return False
            self.associated.add(connection)
            self.per_address[connection.host] += 1
            return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended, and free its slot; may be repeated."""
        with self.lock:
            self.waiting.pop(connection, None)
            if connection in self.associated:
                self.associated.remove(connection)
                self.per_address[connection.host] -= 1
                if not self.per_address[connection.host]:
                    del self.per_address[connection.host]

    def everyone(self) -> list[Connection]:
        """Give all connections of this moment."""
        with self.lock:
            return [*self.waiting, *self.associated]
