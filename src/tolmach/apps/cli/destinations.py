"""A destination as a person names it: a configured peer, or AETITLE@host:port."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from tolmach.adapters.dimse import DEFAULT_CALLING_AE_TITLE, parse_peer_address
from tolmach.apps.cli.context import Run
from tolmach.apps.faults import BAD_PROOF, BadCall
from tolmach.apps.sending import Destination
from tolmach.delivery.interfaces import ProofKind

if TYPE_CHECKING:
    from tolmach.adapters.dimse.tls import TlsClient
    from tolmach.apps.sections import PeerSettings


def destination_named(
    run: Run, to: str, associations: int | None = None, proof: str | None = None
) -> tuple[Destination, str | None]:
    """Give where to send, and what the peer can read if the configuration says so; raises errors of exit status 2."""
    own_title = run.settings.dicom.ae_title if run.is_configured else DEFAULT_CALLING_AE_TITLE
    if "@" in to:
        kind = _proof_named(proof or "response")
        return Destination(to, parse_peer_address(to), own_title, associations or 1, proof=kind), None
    from tolmach.apps.settings import address_of, peer_named, timeouts_of

    peer = peer_named(run.settings, to)
    count, kind = associations or peer.associations, _proof_named(proof or peer.proof)
    tls = _tls_to(run, peer)
    return Destination(peer.name, address_of(peer), own_title, count, timeouts_of(peer), tls, kind), peer.text


def _proof_named(kind: str) -> ProofKind:
    for known in get_args(ProofKind):
        if kind == known:
            return known  # type: ignore[no-any-return]
    raise BadCall(BAD_PROOF, proof=kind)


def _tls_to(run: Run, peer: PeerSettings) -> TlsClient | None:
    if not peer.tls:
        return None
    from tolmach.adapters.dimse.tls import TlsClient
    from tolmach.apps.destinations import tls_files

    return TlsClient(tls_files(run.settings), check_name=peer.tls_check_name)
