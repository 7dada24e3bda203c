"""What the window asks below it: the configuration, peers, profiles; and the very steps `tolmach send` and `fix` take.

Nothing here knows Qt, and nothing is decided here that those commands decide otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tolmach.adapters.dimse import verify_peer
from tolmach.adapters.folder import FoundFile, inflate
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.destinations import destination_named
from tolmach.apps.cli.repair_options import RepairOptions, memory_from, profile_from
from tolmach.apps.configuration import configuration_file
from tolmach.apps.desktop.edits import with_edits
from tolmach.apps.desktop.own_peers import load_peers
from tolmach.apps.desktop.rows import Step
from tolmach.apps.reports import FileReport
from tolmach.apps.sections import PeerSettings, Settings
from tolmach.apps.sending import Destination, send_files
from tolmach.apps.working import write_copies
from tolmach.base import TolmachError
from tolmach.journeys.series import SeriesMender
from tolmach.repair.memory import DeviceMemory
from tolmach.repair.profile import Profile

if TYPE_CHECKING:
    from tolmach.repair.profile import Unsure

Groups = Mapping[tuple[Step, ...], Sequence[FoundFile]]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person has chosen at the top of the window."""

    peer: str = ""
    profile: str = ""
    as_is: bool = False
    hold_unsure: bool = False
    ae_title: str = ""  # ours; empty: as configured


@dataclass
class DesktopRun(Run):
    """One call of the program, with the desktop's own peers beside the configured ones."""

    peers: tuple[PeerSettings, ...] = ()
    trouble: TolmachError | None = field(default=None, init=False)

    @cached_property
    def configured(self) -> Settings:
        """What the configuration says; a broken one counts as none, and `trouble` tells what is wrong with it."""
        try:
            return Run(self.translator, self.config).settings
        except TolmachError as error:
            self.trouble = error
            return Settings()

    @cached_property
    def settings(self) -> Settings:
        """The configuration with the desktop's own peers behind its own; a name that is taken stays taken."""
        known = {one.name for one in self.configured.peer}
        added = tuple(one for one in self.peers if one.name not in known)
        return self.configured.model_copy(update={"peer": (*self.configured.peer, *added)})

    @property
    def is_configured(self) -> bool:
        """Tell whether there is any configuration that can be used."""
        _ = self.configured
        return self.trouble is None and super().is_configured


class Station:
    """The configuration as it is now, and what can be done with it. May be used from any thread."""

    def __init__(self, run: Run, folder: Path) -> None:
        """Read the configuration of a call, and the desktop's own peers in `folder`."""
        self._given, self.folder = run, folder
        self.reload()

    def reload(self) -> None:
        """Read everything anew, after peers were added or files were changed."""
        own, self.peers_trouble = load_peers(self.folder)
        self.own_peers = own
        self.run = DesktopRun(self._given.translator, self._given.config, peers=tuple(own))
        _ = self.run.settings

    @property
    def trouble(self) -> TolmachError | None:
        """What is wrong with the configuration or with the list of peers, if anything."""
        return self.run.trouble or self.peers_trouble

    @property
    def configuration(self) -> Path | None:
        """The file the configuration was read from."""
        return configuration_file(self._given.config)

    @property
    def peers(self) -> Sequence[PeerSettings]:
        """Whom files can be sent to over DICOM."""
        return [one for one in self.run.settings.peer if one.kind == "dicom" and one.is_destination]

    @property
    def profiles(self) -> Sequence[str]:
        """The names of the configured profiles."""
        return [one.name for one in self.run.settings.profile]

    @property
    def ae_title(self) -> str:
        """The AE title the configuration gives us."""
        return self.run.settings.dicom.ae_title

    def is_own(self, name: str) -> bool:
        """Tell whether a peer is one of the desktop's own, which can be changed here."""
        return any(one.name == name for one in self.own_peers) and not any(
            one.name == name for one in self.run.configured.peer
        )

    def destination(self, choice: Choice) -> tuple[Destination, str | None]:
        """Give where to send, and what the peer can read; raises errors that name what is wrong."""
        destination, text = destination_named(self.run, choice.peer)
        return replace(destination, calling_ae_title=choice.ae_title or destination.calling_ae_title), text

    def profile(self, choice: Choice) -> Profile:
        """Give what would happen to a file that is sent now; raises errors that name what is wrong."""
        text = None
        if any(one.name == choice.peer for one in self.peers):
            _, text = self.destination(choice)
        return profile_from(_options(choice), self.run, sending=True, peer_text=text)

    def echo(self, choice: Choice) -> float:
        """Give the seconds the peer takes to answer; raises what keeps it from answering. Blocks."""
        destination, _ = self.destination(choice)
        return verify_peer(
            destination.address, destination.calling_ae_title, destination.timeouts, tls=destination.tls
        ).seconds

    @contextmanager
    def memory(self, *, learning: bool) -> Iterator[DeviceMemory | None]:
        """Give the memory of devices, where one is configured."""
        with memory_from(_options(Choice()), self.run, learning=learning) as memory:
            yield memory

    def sent(self, groups: Groups, choice: Choice) -> Iterator[FileReport]:
        """Send files, those with the same edits together; one report for each, as they come through. Blocks."""
        destination, text = self.destination(choice)
        profile = profile_from(_options(choice), self.run, sending=True, peer_text=text)
        with self.memory(learning=True) as memory:
            if destination.proof == "response":
                yield from _each_group(groups, destination, profile, memory, as_is=choice.as_is)
                return
            from tolmach.apps.proving import Listening, Proof

            own = self.run.settings.dicom if self.run.is_configured else None
            asking = Proof(destination.proof, destination)
            where = None if own is None else Listening(own.host, own.port, own.ae_title)
            with asking.listening(where):
                yield from asking.proved(_each_group(groups, destination, profile, memory, as_is=choice.as_is))

    def copied(self, groups: Groups, choice: Choice, out: Path) -> Iterator[FileReport]:
        """Write repaired and edited copies below a folder, as `tolmach fix --out` does. Blocks."""
        profile = profile_from(_options(choice), self.run)
        with self.memory(learning=False) as memory:
            for steps, files in groups.items():
                yield from write_copies(files, SeriesMender(with_edits(profile, steps), inflate, memory), out)


def _each_group(
    groups: Groups, destination: Destination, profile: Profile, memory: DeviceMemory | None, *, as_is: bool
) -> Iterator[FileReport]:
    for steps, files in groups.items():
        wanted = profile if as_is else with_edits(profile, steps)
        yield from send_files(files, destination, wanted, memory, as_is=as_is)


def _options(choice: Choice) -> RepairOptions:
    unsure: Unsure | None = "hold" if choice.hold_unsure else None
    return RepairOptions(choice.profile or None, None, None, None, (), (), (), unsure, None)
