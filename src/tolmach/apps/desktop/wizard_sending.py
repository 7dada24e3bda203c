"""Trying a destination out before anything is written: does it answer, and does it take one image as it will go.

Everything here blocks and belongs into a thread; a peer that says nothing is given up after its own timeouts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tolmach.adapters.dimse import verify_peer
from tolmach.adapters.dimse.tls import TlsClient
from tolmach.adapters.folder import FoundFile
from tolmach.apps.destinations import tls_files
from tolmach.apps.profiles import profile_named
from tolmach.apps.sections import PeerSettings, Settings
from tolmach.apps.sending import Destination, send_files
from tolmach.apps.settings import address_of, timeouts_of
from tolmach.base import N_, Fault, Problem, TolmachError
from tolmach.repair.profile import Profile, parse_text_policy

NOT_CONFIRMED = Fault(
    "TLM-DSK-045",
    N_("The destination did not confirm the image."),
    N_("Ask the people of the archive what it says about it; nothing was stored."),
)

Kind = Literal["echo", "image"]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one try: the seconds an answer took, the response to an image, or the problem."""

    kind: Kind
    peer: str
    seconds: float | None = None
    response: str = ""
    remarks: tuple[Problem, ...] = ()
    problem: Problem | None = None

    @property
    def is_good(self) -> bool:
        """Whether it went well."""
        return self.problem is None


def try_echo(peer: PeerSettings, settings: Settings, ae_title: str) -> Trial:
    """Ask a destination whether it answers."""
    try:
        answer = verify_peer(address_of(peer), ae_title, timeouts_of(peer), tls=_tls(peer, settings))
    except TolmachError as error:
        return Trial("echo", peer.name, problem=error.problem)
    return Trial("echo", peer.name, answer.seconds)


def try_image(
    file: Path, peer: PeerSettings, settings: Settings, watch: str, ae_title: str, configuration: Path
) -> Trial:
    """Send one file as the watch of that name would: mended by its profile, in letters the destination can read."""
    try:
        profile, is_original = _profile_of(watch, peer, settings, configuration)
        where = Destination(peer.name, address_of(peer), ae_title, 1, timeouts_of(peer), _tls(peer, settings))
        found = [FoundFile(file, Path(file.name))]
        report = next(iter(send_files(found, where, profile, as_is=is_original)), None)
    except TolmachError as error:
        return Trial("image", peer.name, problem=error.problem)
    if report is None or report.sent is None:
        problem = None if report is None else next(iter(reversed(report.problems)), None)
        if report is not None and report.error is not None:
            problem = report.error.problem
        return Trial("image", peer.name, problem=problem or Problem(NOT_CONFIRMED))
    status = f"{report.sent.response.status:04X}"
    return Trial("image", peer.name, response=status, remarks=tuple(report.problems))


def _profile_of(watch: str, peer: PeerSettings, settings: Settings, configuration: Path) -> tuple[Profile, bool]:
    own = next(one for one in settings.watch if one.name == watch)
    profile = Profile() if own.profile is None else profile_named(settings, own.profile, configuration)
    if peer.text is not None:
        profile = replace(profile, text=parse_text_policy(peer.text, converts=True))
    return profile, own.original


def _tls(peer: PeerSettings, settings: Settings) -> TlsClient | None:
    return TlsClient(tls_files(settings), check_name=peer.tls_check_name) if peer.tls else None
