"""From the configuration to what answers C-FIND, C-MOVE, C-GET and Storage Commitment on our port."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from tolmach.adapters.dimse import Association, PresentationContext
from tolmach.adapters.dimse.commitment_reporter import OpenReport, Reporter
from tolmach.adapters.dimse.pdu import RoleSelection
from tolmach.adapters.dimse.query_retrieve_scp import QuerySettings, query_retrieve_services
from tolmach.adapters.dimse.relayed_service import RelayedService
from tolmach.adapters.dimse.retrieving import FindMoveDestination, MoveDestination
from tolmach.adapters.dimse.storage_commitment_scp import storage_commitment_scp
from tolmach.adapters.dimse.tls import TlsClient
from tolmach.adapters.folder import inflate
from tolmach.apps.destinations import association_to, tls_files, utc_now
from tolmach.apps.sections import PeerSettings, Settings
from tolmach.apps.settings import address_of, timeouts_of
from tolmach.archive.commitment import CommitmentRequests
from tolmach.archive.interfaces import Content, Held, Index, Opener
from tolmach.delivery.parcel import wire_bytes
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.source import Source
from tolmach.dicom.wire import file_parts
from tolmach.edit.conditions import Origin
from tolmach.journeys.file import Mended, mend
from tolmach.repair.profile import Profile, TextPolicy, parse_text_policy


def archive_services(settings: Settings, index: Index, opener: Opener) -> Sequence[RelayedService]:
    """Give the services of Query/Retrieve as the peers are configured; raises `UnknownPolicy` for a bad `text`."""
    query = QuerySettings(settings.dicom.ae_title, _texts(settings))
    return query_retrieve_services(index, opener, move_destinations(settings, opener), query)


def commitment_services(
    settings: Callable[[], Settings],
    index: Index,
    requests: CommitmentRequests,
    now: Callable[[], datetime] = utc_now,
) -> tuple[RelayedService, Reporter]:
    """Give the service that takes Storage Commitment requests, and what answers them: a thread must call its `run`.

    Peers are reported to as `settings` says when their reports are due.
    """
    reporter = Reporter(requests, index, lambda name: _report_to(settings(), name), now)
    return storage_commitment_scp(requests, reporter.note, now), reporter


def _texts(settings: Settings) -> Mapping[str, TextPolicy]:
    return {peer.name: parse_text_policy(peer.text, converts=True) for peer in settings.peer if peer.text is not None}


def move_destinations(settings: Settings, opener: Opener) -> FindMoveDestination:
    """Give what knows the configured destinations by AE title; where several have it, the caller itself comes first."""
    texts = _texts(settings)
    by_title: dict[str, list[PeerSettings]] = {}
    for peer in settings.peer:
        if peer.kind == "dicom" and peer.port and not peer.dry_run:
            by_title.setdefault(peer.ae_title, []).append(peer)

    def find(ae_title: str, caller: str) -> MoveDestination | None:
        peers = sorted(by_title.get(ae_title, ()), key=lambda peer: peer.name != caller)
        if not peers:
            return None
        peer = peers[0]
        policy = texts.get(peer.name)
        converting = None if policy is None else converting_opener(opener, policy)
        return MoveDestination(peer.name, association_to(peer, settings), converting)

    return find


def _report_to(settings: Settings, name: str) -> OpenReport | None:
    """Give what opens an association to report over, in the role of the SCP."""
    peer = next((one for one in settings.peer if one.name == name and one.kind == "dicom" and one.port), None)
    if peer is None:
        return None
    address, timeouts = address_of(peer), timeouts_of(peer)
    tls = TlsClient(tls_files(settings), check_name=peer.tls_check_name) if peer.tls else None

    def associate(contexts: Sequence[PresentationContext], roles: Sequence[RoleSelection]) -> Association:
        return Association.open(address, contexts, settings.dicom.ae_title, timeouts, tls=tls, roles=roles)

    return associate


# Letters for a destination --------------------------------------------------------------------------------------------


def converting_opener(opener: Opener, policy: TextPolicy) -> Opener:
    """Give what opens an instance in the letters a destination can read, as delivery writes them for it."""
    profile = Profile(text=policy)

    @contextmanager
    def opened(held: Held) -> Iterator[Content]:
        with opener(held) as content:
            mended = mend(content.data_set, profile, Origin())
            yield _Converted(content, mended) if mended.revision.is_changed else content

    return opened


class _Converted:
    """What is held, its text written anew; see `archive.interfaces.Content`."""

    def __init__(self, content: Content, mended: Mended) -> None:
        self._content, self._mended = content, mended

    @property
    def data_set(self) -> DataSet:
        """The data set as it goes out."""
        return self._mended.result

    def in_syntax(self, transfer_syntax_uid: str) -> tuple[Source, str]:
        """Give its bytes for the wire."""
        revision = self._mended.revision
        return wire_bytes(revision.data_set, revision.pieces, lambda: self._mended.result, transfer_syntax_uid, inflate)

    def as_file(self) -> Iterable[memoryview | bytes]:
        """Give the bytes of a whole Part 10 file."""
        return file_parts(self._content.data_set, self.data_set)
