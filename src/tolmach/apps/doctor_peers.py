"""Checks of `tolmach doctor` on those we deliver to and those who call: peers, what waits for them, who was refused."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from tolmach.apps import doctor_faults as faults
from tolmach.apps.doctor import Finding, Installation, serious, warning
from tolmach.apps.doctor_places import why_not_writable
from tolmach.base import TolmachError

if TYPE_CHECKING:
    from tolmach.apps.sections import PeerSettings, Settings

_AT_ONCE: Final = 8
_LONGEST_SECONDS: Final = 10.0
_STRANGERS: Final = 5
_LATELY: Final = timedelta(days=1)
_TOKEN_ENDS_SOON: Final = timedelta(days=14)


def peers(here: Installation) -> Sequence[Finding] | None:
    """Find destinations that do not answer: C-ECHO, a harmless question, a connection, a file in the folder."""
    asked = [peer for peer in here.settings.peer if peer.is_destination]
    if not asked:
        return None
    with ThreadPoolExecutor(min(_AT_ONCE, len(asked)), thread_name_prefix="peer") as threads:
        return [one for found in threads.map(partial(_asked, here.settings), asked) for one in found]


def _asked(settings: Settings, peer: PeerSettings) -> list[Finding]:
    ask = {"dicom": _echoed, "stow": _questioned, "hl7": _connected, "folder": _written_to}[peer.kind]
    try:
        return list(ask(settings, peer))
    except TolmachError as error:
        return [Finding(error.problem, "serious")]


def _echoed(settings: Settings, peer: PeerSettings) -> Iterator[Finding]:
    from tolmach.adapters.dimse import verify_peer
    from tolmach.adapters.dimse.tls import TlsClient
    from tolmach.apps.destinations import tls_files
    from tolmach.apps.settings import address_of, timeouts_of

    timeouts = timeouts_of(peer)
    # Whoever is asked here is waited for by a person.
    timeouts = replace(
        timeouts,
        connect_timeout_seconds=min(timeouts.connect_timeout_seconds, _LONGEST_SECONDS),
        acse_timeout_seconds=min(timeouts.acse_timeout_seconds, _LONGEST_SECONDS),
        dimse_timeout_seconds=min(timeouts.dimse_timeout_seconds, _LONGEST_SECONDS),
    )
    tls = TlsClient(tls_files(settings), check_name=peer.tls_check_name) if peer.tls else None
    verify_peer(address_of(peer), settings.dicom.ae_title, timeouts, tls=tls)
    yield from ()


def _questioned(settings: Settings, peer: PeerSettings) -> Iterator[Finding]:
    """Ask a web server for a study that nobody has: nothing of anybody comes back."""
    from tolmach.adapters.dicomweb.http import HttpTimeouts, studies_path
    from tolmach.apps.destinations import new_uid, web_server

    timeouts = HttpTimeouts(min(peer.connect_timeout_seconds, _LONGEST_SECONDS), _LONGEST_SECONDS)
    server = web_server(peer, settings, timeouts)
    try:
        question = f"{studies_path(server.url)}?limit=1&StudyInstanceUID={new_uid()}"
        answer = server.get(question, {"Accept": "application/dicom+json"})
    finally:
        server.close()
    # A server that only takes images may know no questions; what matters is that it is there and lets us in.
    if answer.status in (401, 403, 407) or answer.status >= 500 or 300 <= answer.status < 400:
        yield serious(faults.WEB_REFUSES, peer=peer.name, status=answer.status)


def _connected(_settings: Settings, peer: PeerSettings) -> Iterator[Finding]:
    seconds = min(peer.connect_timeout_seconds, _LONGEST_SECONDS)
    try:
        socket.create_connection((peer.host, peer.port), seconds).close()
    except OSError as error:
        why = error.strerror or str(error)
        yield serious(faults.NOT_CONNECTED, name=peer.name, address=f"{peer.host}:{peer.port}", why=why)


def _written_to(_settings: Settings, peer: PeerSettings) -> Iterator[Finding]:
    assert peer.folder is not None
    why = why_not_writable(peer.folder)
    if why is not None:
        yield serious(faults.NOT_WRITABLE, folder=peer.folder, why=why)


def queue(here: Installation) -> Sequence[Finding] | None:
    """Find what is stuck, held, in quarantine, or no longer watched, as notices would tell it."""
    if here.records is None:
        return None
    from tolmach.apps.faults import NOBODY_THERE
    from tolmach.apps.findings import findings
    from tolmach.apps.noticing import observed

    settings, now = here.settings, here.now()
    seen = observed(settings, here.records, lambda: None, now, now)
    found = [Finding(one.problem) for one in findings(seen, settings.notice.stuck_after_minutes * 60)]
    destinations = {one.name for one in settings.destinations}
    for name, count in here.records.desk.unconfigured(destinations).items():
        found.append(warning(NOBODY_THERE, name=name, count=count))
    return found


def strangers(here: Installation) -> Sequence[Finding] | None:
    """Find those who were turned away within a day: a device with a misspelt title, or somebody who tries doors."""
    if here.records is None:
        return None
    since = here.now() - _LATELY
    return [
        warning(
            faults.UNKNOWN_TO_PEERS,
            ae_title=one.ae_title,
            host=one.host,
            count=one.times,
            at=f"{one.last_seen_at:%Y-%m-%d %H:%M} UTC",
        )
        for one in here.records.unknown_peers.list()[:_STRANGERS]
        if one.last_seen_at >= since
    ]


def tokens_soon(here: Installation) -> Sequence[Finding] | None:
    """Find tokens in use that end soon: whatever uses them stops that day."""
    if here.records is None:
        return None
    now = here.now()
    return [
        warning(faults.TOKEN_ENDS, name=one.name, until=f"{one.expires_at:%Y-%m-%d}")
        for one in here.records.tokens.all()
        if one.is_valid(now) and one.used_at is not None and one.expires_at - now < _TOKEN_ENDS_SOON
    ]
