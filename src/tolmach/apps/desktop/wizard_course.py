"""What the pages of the wizard share: the folder, the samples, the settings as far as they are made, and the verdict.

Everything that looks at disks runs in threads. `judged_anew` tells that the verdict on the present settings is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from tolmach.apps.adding import look_at, settings_of, write_configuration
from tolmach.apps.desktop.errand import Errand, IsWanted, Say
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.wizard_draft import Judged, Plan, Proposed, judge, proposed
from tolmach.apps.desktop.wizard_samples import Sampled
from tolmach.apps.desktop.wizard_survey import Survey
from tolmach.apps.desktop.words import Words
from tolmach.apps.sections import PeerSettings, Settings
from tolmach.base import Problem, TolmachError

if TYPE_CHECKING:
    from tolmach.apps.desktop.agent import AgentState
    from tolmach.apps.desktop.station import Station

_JUDGE_MILLISECONDS = 150


class AgentLike(Protocol):
    """What the wizard needs of the agent: which file it reads, and that it can read it anew."""

    @property
    def config_path(self) -> Path:
        """The configuration file, there already or to be written."""
        ...

    @property
    def state(self) -> AgentState:
        """How the agent is now."""
        ...

    def reload(self) -> None:
        """Read the configuration anew; returns at once."""
        ...


class Written:
    """That the configuration was written, with the place of what it was before; or the problem that kept it so."""

    def __init__(self, backup: Path | None = None, problem: Problem | None = None) -> None:
        """Keep the outcome."""
        self.backup, self.problem = backup, problem


class Course(QObject):
    """One use of the wizard."""

    judged_anew = Signal()
    written = Signal(Written)

    def __init__(
        self, words: Words, theme: Theme, station: Station, agent: AgentLike, environment: Mapping[str, str],
        parent: QObject,
    ) -> None:  # fmt: skip
        """Begin with nothing chosen; the configuration is read as it is now."""
        super().__init__(parent)
        self.words, self.theme, self.station, self.agent = words, theme, station, agent
        self.file, self.environment = agent.config_path, environment
        self.settings, self.trouble = _settings(self.file, environment)
        self.survey: Survey | None = None
        self.sampled: Sampled | None = None
        self.device = 0
        self.proposed: Proposed | None = None
        self.watch: dict[str, Any] = {}
        self.profile: dict[str, Any] = {}
        self.left_out: set[int] = set()  # rules of the proposal that are not wanted
        self.new_peers: list[PeerSettings] = []
        self.shadow = True
        self.judged: Judged | None = None
        self.is_judging = False
        self.is_writing = False
        self._judging: Errand[Judged] = Errand(self._take_verdict, self)
        self._writing: Errand[Written] = Errand(self._take_end, self)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_JUDGE_MILLISECONDS)
        self._soon.timeout.connect(self._judge)

    @property
    def folder(self) -> Path:
        """The chosen folder."""
        return Path() if self.survey is None else self.survey.path

    @property
    def usable_samples(self) -> int:
        """How many sample files had something to tell."""
        return 0 if self.sampled is None else self.sampled.usable

    def take_samples(self, sampled: Sampled | None) -> None:
        """Go on with these samples; what was proposed from others is forgotten."""
        self.sampled, self.device, self.proposed = sampled, 0, None

    def choose_device(self, number: int) -> None:
        """Propose for another of the machines the samples come from."""
        if number != self.device:
            self.device, self.proposed = number, None

    def propose(self) -> Proposed:
        """Give the proposal, made anew where folder, samples or machine are others; forms begin with it then."""
        kept = self.proposed
        if kept is not None and kept.watch["folder"] == self.folder:
            return kept
        is_network = self.survey is not None and self.survey.is_network
        made = self.proposed = proposed(
            self.folder, self.settings or Settings(), self.sampled, self.device, is_network=is_network
        )
        to = self.watch.get("to") or [one.name for one in self.peers][:1]
        self.watch = {**made.watch, "to": to}
        if made.makes_profile:
            self.watch["profile"] = made.profile["name"]
        self.profile, self.left_out = dict(made.profile), set()
        return made

    # Destinations.

    @property
    def peers(self) -> Sequence[PeerSettings]:
        """Whom a watch can send to: those of the configuration, those of this program, those that were added here."""
        known = [] if self.settings is None else [one for one in self.settings.peer if one.is_destination]
        names = {one.name for one in (() if self.settings is None else self.settings.peer)}
        own = [one for one in self.station.own_peers if one.name not in names and one.is_destination]
        return [*known, *own, *self.new_peers]

    def peer_named(self, name: str) -> PeerSettings | None:
        """Give a destination by its name."""
        return next((one for one in self.peers if one.name == name), None)

    def add_peer(self, peer: PeerSettings) -> None:
        """Offer another destination; it comes into the configuration with the watch that uses it."""
        self.new_peers = [one for one in self.new_peers if one.name != peer.name] + [peer]
        self.watch = {**self.watch, "to": [*(self.watch.get("to") or ()), peer.name]}

    # The verdict.

    @property
    def plan(self) -> Plan:
        """What is to be written."""
        made = self.propose()
        makes = bool(self.watch.get("profile")) and self.watch.get("profile") == self.profile.get("name")
        known = set() if self.settings is None else {one.name for one in self.settings.peer}
        reasons = {
            key: why
            for (table, key), why in made.reasons.items()
            if table == "profile" and self.profile.get(key) == made.profile.get(key)
        }
        return Plan(
            {**self.watch, "folder": self.folder, "shadow": self.shadow},
            self.profile if makes else None,
            tuple(one for number, one in enumerate(made.rules) if number not in self.left_out),
            tuple(one for one in self.peers if one.name not in known),
            reasons,
            made.head,
        )

    @property
    def is_right(self) -> bool:
        """Whether the settings as they are now may be written."""
        return not self.is_judging and self.judged is not None and self.judged.is_right

    def judge_soon(self) -> None:
        """Let the settings be judged as they are now, when nothing more is typed for a moment."""
        self.is_judging = True
        self._soon.start()

    def _judge(self) -> None:
        plan, file, environment, say = self.plan, self.file, self.environment, self.words.phrase

        def work(tell: Say[Judged], _is_wanted: IsWanted) -> None:
            tell(judge(plan, file, environment, say))

        self._judging.begin(work, "judge")

    def _take_verdict(self, judged: Judged) -> None:
        if self._soon.isActive():
            return  # something was changed meanwhile
        self.judged, self.is_judging = judged, False
        self.judged_anew.emit()

    # Writing.

    def write(self) -> None:
        """Write what was judged to be right; `written` tells what came of it."""
        judged = self.judged
        if not self.is_right or self.is_writing or judged is None or judged.settings is None:
            return
        self.is_writing = True
        self._writing.begin(_writer(judged), "write configuration")

    def _take_end(self, written: Written) -> None:
        self.is_writing = False
        if written.problem is None:
            self.agent.reload()
        else:  # the file may be another by now
            self.judge_soon()
        self.written.emit(written)

    def close(self) -> None:
        """Want nothing more of any thread."""
        self._soon.stop()
        self._judging.drop()


def _writer(judged: Judged) -> Callable[[Say[Written], IsWanted], None]:
    def work(tell: Say[Written], _is_wanted: IsWanted) -> None:
        assert judged.settings is not None
        try:
            tell(Written(write_configuration(judged.original, judged.content, judged.settings)))
        except TolmachError as error:
            tell(Written(problem=error.problem))

    return work


def _settings(file: Path, environment: Mapping[str, str]) -> tuple[Settings | None, Problem | None]:
    """Give what the configuration says now, or what is wrong with it."""
    try:
        return settings_of(look_at(file), environment), None
    except TolmachError as error:
        return None, error.problem


def environment_of_program() -> Mapping[str, str]:
    """Give the environment, which stands over the configuration."""
    return os.environ
