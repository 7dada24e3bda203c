"""From an address to a stream that is connected, over TLS where that is wanted."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.addresses import PeerAddress
from tolmach.adapters.dimse.errors import PeerUnreachable
from tolmach.adapters.dimse.stream import Clock, Stream
from tolmach.adapters.dimse.timeouts import Timeouts

if TYPE_CHECKING:
    from tolmach.adapters.dimse.tls import TlsClient


def connect(peer: PeerAddress, timeouts: Timeouts, clock: Clock, tls: TlsClient | None) -> Stream:
    """Connect and, with `tls`, negotiate; raises `PeerUnreachable`, `TlsRefused`, `TlsFailed` and the like."""
    sock = _connected_socket(peer, timeouts)
    if tls is None:
        return Stream(sock, clock)
    return tls.connect(sock, str(peer), peer.host, clock() + timeouts.connect_timeout_seconds, clock)


def _connected_socket(peer: PeerAddress, timeouts: Timeouts) -> socket.socket:
    try:
        return socket.create_connection((peer.host, peer.port), timeouts.connect_timeout_seconds)
    except (socket.gaierror, UnicodeError) as error:
        raise PeerUnreachable(faults.CANNOT_RESOLVE, peer=peer, host=peer.host) from error
    except ConnectionRefusedError as error:
        raise PeerUnreachable(faults.REFUSED_CONNECTION, peer=peer) from error
    except TimeoutError as error:
        seconds = round(timeouts.connect_timeout_seconds, 1)
        raise PeerUnreachable(faults.CONNECT_TIMEOUT, peer=peer, seconds=seconds) from error
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise PeerUnreachable(faults.UNREACHABLE, peer=peer, detail=detail) from error
