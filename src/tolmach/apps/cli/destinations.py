"""A destination as a person names it: a configured peer, or AETITLE@host:port."""

from __future__ import annotations

from tolmach.adapters.dimse import parse_peer_address
from tolmach.apps.cli.context import Run
from tolmach.apps.sending import Destination


def destination_named(run: Run, to: str, associations: int | None = None) -> tuple[Destination, str | None]:
    """Give where to send, and what the peer can read if the configuration says so; raises errors of exit status 2."""
    from tolmach.apps.settings import address_of, peer_named

    settings = run.settings
    if "@" in to:
        return Destination(to, parse_peer_address(to), settings.dicom.ae_title, associations or 1), None
    peer = peer_named(settings, to)
    lanes = associations or peer.associations
    return Destination(peer.name, address_of(peer), settings.dicom.ae_title, lanes), peer.text
