"""Who may call us: AE titles with the addresses they may call from, and what each of them may ask.

An AE title alone proves nothing, because anybody can send it; both it and the address must be those of one caller.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.errors import BadAddress
from tolmach.adapters.dimse.rights import EVERY_RIGHT, Right
from tolmach.adapters.dimse.stream import Clock

log = logging.getLogger(__name__)

RESOLVED_FOR_SECONDS = 60.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Gives the addresses of a host name; raises `OSError` when there are none.
Resolve = Callable[[str], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may call: the configured name, the AE title, where from, and what for.

    `hosts` are IP addresses, networks in CIDR notation, or host names.
    """

    name: str
    ae_title: str
    hosts: tuple[str, ...]
    rights: frozenset[Right] = EVERY_RIGHT


ANONYMOUS: Final = Caller("", "", ())


def resolve(host: str) -> list[str]:
    """Ask the system for the addresses of a host name."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)]
    except UnicodeError as error:
        raise OSError(str(error)) from error


def network_of(host: str) -> Network | None:
    """Give the network that an address or CIDR notation stands for; None for a host name.

    Raises `BadAddress` for what can be neither.
    """
    try:
        return ipaddress.ip_network(host, strict=False)
    except ValueError:
        if not host or "/" in host or any(letter.isspace() for letter in host):
            raise BadAddress(faults.BAD_CALLER_ADDRESS, address=repr(host)) from None
        return None


class AllowList:
    """Callers with their names resolved; any thread may ask.

    Names are resolved by `refresh`, and again when a known AE title calls from a strange address, but none more often
    than once a minute: who floods us with strange calls must not make us flood the name server.
    """

    def __init__(self, callers: Sequence[Caller], clock: Clock, resolve: Resolve = resolve) -> None:
        """Take the callers as they are configured; raises `BadAddress`. Asks no name server yet."""
        self._by_ae_title: dict[str, list[Caller]] = {}
        self._networks: dict[str, tuple[Network, ...]] = {}
        self._due: dict[str, float] = {}  # host names, and when each may be asked for again
        self._clock = clock
        self._resolve = resolve
        self._lock = threading.Lock()
        for caller in callers:
            self._by_ae_title.setdefault(caller.ae_title, []).append(caller)
            for host in caller.hosts:
                network = network_of(host)
                self._networks[host] = () if network is None else (network,)
                if network is None:
                    self._due[host] = clock()

    def refresh(self) -> None:
        """Resolve the host names that are due; may take as long as the name server does."""
        for host in list(self._due):
            self._refresh(host)

    def find(self, ae_title: str, host: str) -> Caller | None:
        """Give the caller that both the AE title and the address belong to, or None."""
        candidates = self._by_ae_title.get(ae_title, [])
        found = self._match(candidates, host)
        if found is None:
            names = [name for caller in candidates for name in caller.hosts if name in self._due]
            asked = [self._refresh(name) for name in names]
            if any(asked):
                found = self._match(candidates, host)
        return found

    def _match(self, candidates: Sequence[Caller], host: str) -> Caller | None:
        address = _address_of(host)
        for caller in candidates:
            if any(address in network for name in caller.hosts for network in self._networks[name]):
                return caller
        return None

    def _refresh(self, host: str) -> bool:
        """Resolve one name if it is due; True when it was asked for."""
        with self._lock:
            if self._clock() < self._due[host]:
                return False
            self._due[host] = self._clock() + RESOLVED_FOR_SECONDS
        try:
            addresses = [_address_of(address) for address in self._resolve(host)]
        except OSError as error:
            # What it stood for before still counts: a name server that is down must not stop the images.
            log.warning("the name %s of a caller cannot be resolved: %s", ascii(host), error)
            return False
        self._networks[host] = tuple(ipaddress.ip_network(address) for address in addresses)
        return True


def _address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address; an IPv4 address that came over an IPv6 socket is an IPv4 address, a zone says nothing."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address
