"""From a configured peer to what brings objects there: one sender for each connection it may be given at once."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from tolmach.adapters.dimse import Association, PresentationContext
from tolmach.adapters.dimse.commitment import OnCommitment
from tolmach.adapters.dimse.provers import CommitmentProver, QueryProver
from tolmach.adapters.dimse.storage_sender import StorageSender
from tolmach.adapters.dimse.tls import TlsClient, TlsFiles
from tolmach.apps.sections import PeerSettings, Settings
from tolmach.apps.settings import address_of, timeouts_of
from tolmach.delivery.interfaces import CommitmentTransactions, Parcel, Prover, Sender
from tolmach.delivery.pace import Pace
from tolmach.delivery.windows import Window
from tolmach.delivery.wrappers import DryRun, FreshConnection, InWindow, Paced

if TYPE_CHECKING:
    import ssl

    from tolmach.adapters.dicomweb.http import Credentials, HttpPeer, HttpTimeouts

log = logging.getLogger(__name__)

OpenAssociation = Callable[[Sequence[PresentationContext]], Association]


def senders_of(peer: PeerSettings, settings: Settings, pause: Callable[[float], None]) -> Sequence[Sender]:
    """Give the senders of a peer, each with the hours, the pace and the patience it is configured with.

    `pause` waits and ends early when everything stops. Raises what is wrong with the peer's settings.
    """
    if peer.dry_run:
        return [DryRun(peer.name, _report)]
    make = _maker(peer, settings)
    window = None if peer.window is None else Window.parse(peer.window, None)
    pace = None
    if peer.objects_per_second is not None:
        pace = Pace(time.monotonic, objects_per_second=peer.objects_per_second)
    senders: list[Sender] = []
    for _ in range(peer.associations):
        sender: Sender = FreshConnection(make(), time.monotonic)
        if pace is not None:
            sender = Paced(sender, pace, pause)
        if window is not None:
            sender = InWindow(sender, peer.name, window, utc_now)
        senders.append(sender)
    return senders


def prover_of(
    peer: PeerSettings, settings: Settings, transactions: CommitmentTransactions, on_commitment: OnCommitment
) -> Prover | None:
    """Give what asks a peer for the proof it is configured with; None where its answer is enough."""
    if peer.proof == "response" or peer.dry_run:
        return None
    if peer.kind == "stow":
        return _qido_prover(peer, settings)
    associate = association_to(peer, settings)
    if peer.proof == "query":
        return QueryProver(associate, address_of(peer))
    return CommitmentProver(associate, transactions, peer.name, new_uid, utc_now, on_commitment)


def new_uid() -> str:
    """Give a UID nobody else has. Standard: PS3.5 annex B.2."""
    return f"2.25.{uuid4().int}"


def utc_now() -> datetime:
    """Give the time in UTC."""
    return datetime.now(UTC)


def association_to(peer: PeerSettings, settings: Settings) -> OpenAssociation:
    """Give what opens an association with a DICOM peer, encrypted where it is configured so; raises `BadTlsFiles`."""
    address, timeouts, own_title = address_of(peer), timeouts_of(peer), settings.dicom.ae_title
    tls = TlsClient(tls_files(settings), check_name=peer.tls_check_name) if peer.tls else None

    def associate(contexts: Sequence[PresentationContext]) -> Association:
        return Association.open(address, contexts, own_title, timeouts, tls=tls)

    return associate


def tls_files(settings: Settings) -> TlsFiles:
    """Give the files named in `[dicom.tls]`."""
    tls = settings.dicom.tls
    return TlsFiles(tls.certificate, tls.key, tls.ca, tls.minimum)


def _maker(peer: PeerSettings, settings: Settings) -> Callable[[], Sender]:
    """Give what makes one sender; what several of them share is made once."""
    if peer.kind == "dicom":
        associate = association_to(peer, settings)
        return lambda: StorageSender(associate)
    if peer.kind == "folder":
        from tolmach.adapters.folder.folder_sender import FolderSender
        from tolmach.adapters.folder.folder_tree import FolderTree
        from tolmach.adapters.folder.path_template import PathTemplate

        assert peer.folder is not None
        tree, template = FolderTree(peer.folder), PathTemplate.parse(peer.template)
        return lambda: FolderSender(tree, template)
    if peer.kind == "stow":
        return _stow_maker(peer, settings)
    from tolmach.adapters.mllp.mllp_sender import MllpAddress, MllpSender

    tls = _client_context(peer, settings) if peer.tls else None
    return lambda: MllpSender(MllpAddress(peer.host, peer.port), tls=tls)


def _stow_maker(peer: PeerSettings, settings: Settings) -> Callable[[], Sender]:
    from tolmach.adapters.dicomweb.stow_sender import StowSender

    credentials, timeouts, tls = _credentials(peer), _http_timeouts(peer), _web_context(peer, settings)
    return lambda: StowSender(peer.url or "", credentials, timeouts, tls)


def _qido_prover(peer: PeerSettings, settings: Settings) -> Prover:
    from tolmach.adapters.dicomweb.qido_prover import QidoProver

    return QidoProver(peer.url or "", _credentials(peer), _http_timeouts(peer), _web_context(peer, settings))


def web_server(peer: PeerSettings, settings: Settings, patience: HttpTimeouts) -> HttpPeer:
    """Give a peer of kind stow as a server to be asked, not yet connected; raises `BadUrl`, `BadTlsFiles`."""
    from tolmach.adapters.dicomweb.http import HttpPeer, parse_base_url

    return HttpPeer(parse_base_url(peer.url or ""), _credentials(peer), patience, _web_context(peer, settings))


def _web_context(peer: PeerSettings, settings: Settings) -> ssl.SSLContext | None:
    is_encrypted = (peer.url or "").startswith("https://")
    return _client_context(peer, settings) if is_encrypted else None


def _client_context(peer: PeerSettings, settings: Settings) -> ssl.SSLContext:
    """Give how a peer that does not speak DICOM is called encrypted; raises `BadTlsFiles`."""
    from tolmach.adapters.dicomweb.client_tls import client_context

    return client_context(tls_files(settings), check_name=peer.tls_check_name)


def tells_secrets_openly(peer: PeerSettings) -> bool:
    """Tell whether anybody on the way to a peer of kind stow can read its token or password."""
    if peer.kind != "stow" or _credentials(peer) is None:
        return False
    from tolmach.adapters.dicomweb.http import is_own_machine, parse_base_url

    url = parse_base_url(peer.url or "")
    return url.scheme == "http" and not is_own_machine(url)


def _credentials(peer: PeerSettings) -> Credentials | None:
    from tolmach.adapters.dicomweb.http import Basic, Bearer

    if peer.user and peer.password:
        return Basic(peer.user, peer.password)
    return Bearer(peer.token) if peer.token else None


def _http_timeouts(peer: PeerSettings) -> HttpTimeouts:
    from tolmach.adapters.dicomweb.http import HttpTimeouts

    return HttpTimeouts(peer.connect_timeout_seconds, peer.dimse_timeout_seconds)


def _report(parcel: Parcel) -> None:
    line = parcel.line
    log.info("dry run: line %d would be sent to %s", line.delivery_id, line.destination)


def chance() -> float:
    """Give a number from 0 up to 1."""
    return random.random()  # noqa: S311 - spreads waits, guards no secret
