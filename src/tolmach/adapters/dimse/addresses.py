"""Peers as people write them: AETITLE@host:port.

Standard: PS3.5 section 6.2 (AE), PS3.8 section 9.3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.errors import BadAddress

AE_TITLE_LENGTH = 16
HOST_LENGTH = 255
HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """Whom we call: the called AE title and the TCP address."""

    ae_title: str
    host: str
    port: int

    def __str__(self) -> str:
        """Write it the way `parse_peer_address` reads it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


def parse_peer_address(text: str) -> PeerAddress:
    """Read AETITLE@host:port, IPv6 in brackets; raises `BadAddress` that says which part is wrong."""
    title, at, place = text.strip().rpartition("@")
    if not at or not title.strip():
        raise BadAddress(faults.NO_AE_TITLE, address=repr(text))
    ae_title = parse_ae_title(title)
    host, colon, port = place.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= HIGHEST_PORT):
        raise BadAddress(faults.NO_PORT, address=repr(text))
    return PeerAddress(ae_title, _parse_host(host, text), int(port))


def parse_ae_title(text: str) -> str:
    """Give the AE title without its insignificant outer spaces; raises `BadAddress` when PS3.5 forbids it."""
    title = text.strip(" ")
    if not is_ae_title(title):
        raise BadAddress(faults.BAD_AE_TITLE, ae_title=repr(text))
    return title


def is_ae_title(title: str) -> bool:
    """Tell whether PS3.5 allows this AE title: 1 to 16 characters of 20H to 7EH, no backslash, not only spaces."""
    return (
        title.strip(" ") != ""
        and len(title) <= AE_TITLE_LENGTH
        and all(" " <= letter <= "~" and letter != "\\" for letter in title)
    )


def _parse_host(host: str, text: str) -> str:
    bracketed = host.startswith("[") and host.endswith("]")
    name = host[1:-1] if bracketed else host
    # A colon outside brackets is an IPv6 address whose last group would be taken for the port.
    unusable = not name or len(name) > HOST_LENGTH or any(letter.isspace() or letter in "/\\[]@" for letter in name)
    if unusable or (":" in name) != bracketed:
        raise BadAddress(faults.NO_HOST, address=repr(text))
    return name
