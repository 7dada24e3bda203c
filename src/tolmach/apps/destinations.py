"""From a configured peer to what brings objects there, and what proves that they are there."""

from __future__ import annotations

from collections.abc import Sequence

from tolmach.adapters.dimse import Association, PresentationContext
from tolmach.adapters.dimse.storage_sender import StorageSender
from tolmach.apps.sections import PeerSettings, Settings
from tolmach.apps.settings import address_of, timeouts_of
from tolmach.delivery.interfaces import Prover, Sender


def senders_of(peer: PeerSettings, settings: Settings) -> tuple[Sequence[Sender], Prover | None]:
    """Give one sender for each connection the peer may be given at once, and its prover where it wants one."""
    address, timeouts, own_title = address_of(peer), timeouts_of(peer), settings.dicom.ae_title

    def associate(contexts: Sequence[PresentationContext]) -> Association:
        return Association.open(address, contexts, own_title, timeouts)

    return [StorageSender(associate) for _ in range(peer.associations)], None
