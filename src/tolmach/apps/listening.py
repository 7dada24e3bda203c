"""The ports that are listened on, and how they follow a configuration that changes while they are open."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.commitment_report_scp import commitment_report_scp
from tolmach.adapters.dimse.errors import CannotListen
from tolmach.adapters.dimse.rights import Right
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.adapters.dimse.tls import TlsServer
from tolmach.adapters.objects.opening import Objects
from tolmach.adapters.sql import Records
from tolmach.apps.archiving import Archive
from tolmach.apps.destinations import tls_files
from tolmach.apps.sections import DicomSettings, PeerSettings, Settings
from tolmach.apps.serving import Entrance, Reports
from tolmach.apps.tls_state import TlsState

log = logging.getLogger(__name__)

SECONDS_TO_STOP = 4.0
_TRIES, _SECONDS_BETWEEN_TRIES = 10, 0.5


@dataclass(frozen=True, slots=True)
class NewPorts:
    """What is to be listened on, and who may call; the certificates are read already.

    Two are equal where callers could notice no difference.
    """

    dicom: DicomSettings
    callers: tuple[Caller, ...]
    serves_archive: bool
    tls: TlsState
    tls_server: TlsServer | None = field(compare=False)


class Ports:
    """Listens for DICOM associations. One thread changes it."""

    def __init__(
        self, store: Objects, records: Records, entrance: Entrance, reports: Reports, archive: Archive
    ) -> None:
        """Listen to nobody yet; what comes is given to `entrance`, what is asked for answered by `archive`."""
        self._store, self._records, self._entrance, self._reports = store, records, entrance, reports
        self._archive = archive
        self._open: Sequence[StorageScp] = ()
        self._now: NewPorts | None = None

    @property
    def address(self) -> str:
        """Where callers reach us, for people."""
        if self._now is None:
            return ""
        dicom = self._now.dicom
        addresses = (f"{dicom.ae_title}@{dicom.host}:{one.port}" for one in self._open)
        return " (TLS: ".join(addresses) + ")" * (len(self._open) - 1)

    def prepare(self, settings: Settings) -> NewPorts:
        """Understand what is to be listened on; raises `BadTlsFiles`."""
        dicom, tls = settings.dicom, None
        if dicom.tls_port is not None:
            tls = TlsServer(tls_files(settings), client_certificates=dicom.tls.client_certificates)
        callers = tuple(
            Caller(peer.name, peer.ae_title, (peer.host,), rights)
            for peer in settings.peer
            if peer.kind == "dicom" and (rights := _rights_of(peer))
        )
        return NewPorts(dicom, callers, settings.archive.enabled, TlsState.of(dicom.tls), tls)

    def change(self, new: NewPorts) -> None:
        """Listen as described; nobody notices when that is how it is already.

        What is in hand is answered first. Raises `CannotListen`, and then it is as it was before.
        """
        if new == self._now:
            return
        before = self._now
        self.stop()
        try:
            self._listen(new)
        except CannotListen:
            if before is not None:
                self._listen_again(before)
            raise

    def _listen_again(self, before: NewPorts) -> None:
        """Listen as before; somebody may just have the port for a moment."""
        for left in reversed(range(_TRIES)):
            try:
                self._listen(before)
            except CannotListen as error:
                log.error("%s", error)
                if left:
                    time.sleep(_SECONDS_BETWEEN_TRIES)
            else:
                return

    def _listen(self, new: NewPorts) -> None:
        opened: list[StorageScp] = []
        try:
            opened.append(self._scp(new, new.dicom.port, None))
            opened[-1].start()
            if new.dicom.tls_port is not None:
                opened.append(self._scp(new, new.dicom.tls_port, new.tls_server))
                opened[-1].start()
        except CannotListen:
            for one in opened:
                one.stop(0.0)
            raise
        self._open, self._now = opened, new

    def _scp(self, new: NewPorts, port: int, tls: TlsServer | None) -> StorageScp:
        return StorageScp(
            StorageScpSettings(
                host=new.dicom.host,
                port=port,
                tls=tls,
                policy=AcceptancePolicy(new.dicom.ae_title, new.callers),
                max_associations=new.dicom.max_associations,
                max_associations_per_address=new.dicom.max_associations_per_address,
            ),
            self._store.incoming,
            self._entrance,
            on_unknown=self._records.unknown_peers.note,
            services=[commitment_report_scp(self._reports), *(self._archive.services if new.serves_archive else ())],
        )

    def stop(self) -> None:
        """Answer what is in hand, then listen to nobody; may be repeated."""
        for one in self._open:
            one.stop(SECONDS_TO_STOP)
        self._open, self._now = (), None


def _rights_of(peer: PeerSettings) -> frozenset[Right]:
    """Give what a peer may ask of us; one that is to commit must be able to tell us."""
    return frozenset(peer.rights) | ({"commit"} if peer.proof == "commitment" else set())
