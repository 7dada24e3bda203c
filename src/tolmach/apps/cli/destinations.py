"""A destination as a person names it: a configured peer, or AETITLE@host:port."""

from __future__ import annotations

from tolmach.adapters.dimse import DEFAULT_CALLING_AE_TITLE, parse_peer_address
from tolmach.apps.cli.context import Run
from tolmach.apps.faults import PROOF_NOT_YET, BadCall
from tolmach.apps.sending import Destination


def destination_named(run: Run, to: str, associations: int | None = None) -> tuple[Destination, str | None]:
    """Give where to send, and what the peer can read if the configuration says so; raises errors of exit status 2."""
    own_title = run.settings.dicom.ae_title if run.is_configured else DEFAULT_CALLING_AE_TITLE
    if "@" in to:
        return Destination(to, parse_peer_address(to), own_title, associations or 1), None
    from tolmach.apps.settings import address_of, peer_named, timeouts_of

    peer = peer_named(run.settings, to)
    if peer.proof != "response":
        raise BadCall(PROOF_NOT_YET, proof=peer.proof)
    count = associations or peer.associations
    return Destination(peer.name, address_of(peer), own_title, count, timeouts_of(peer)), peer.text
