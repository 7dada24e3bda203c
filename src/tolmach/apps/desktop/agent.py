"""The agent inside the window: what `tolmach serve` runs, in threads of this program; nothing of it is decided here.

`changed` and `looked` come in the window's thread. Whoever wants the records asks with `ask`, or works with `records`
in a thread of its own: nothing here may be waited for in the window's thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from PySide6.QtCore import QObject, Signal

from tolmach.apps.configuration import FILE_NAME, configuration_file, user_folder
from tolmach.apps.data_folder import is_free, kept_by_other
from tolmach.apps.delivering import awaited
from tolmach.apps.desktop.agent_faults import AGENT_BROKE_OFF, OTHER_ENDED
from tolmach.apps.desktop.agent_log import logged_in
from tolmach.apps.desktop.mailbox import Mailbox
from tolmach.apps.desktop.overview import Overview, Overviews
from tolmach.apps.holding import records_by
from tolmach.apps.overseeing import Records
from tolmach.apps.sections import Settings
from tolmach.apps.settings import load_settings
from tolmach.base import Problem, TolmachError

if TYPE_CHECKING:
    from tolmach.apps.wiring import Station

T = TypeVar("T")
Kind = Literal["off", "starting", "running", "elsewhere", "stopping", "failed"]

RETRY_SECONDS, RETRY_CAP_SECONDS = 5.0, 60.0  # after a failure, doubled each time
PROBE_SECONDS = 10.0  # how often it is looked whether the other program is still there


@dataclass(frozen=True, slots=True)
class AgentState:
    """How the agent is.

    off: not asked to run, or the configuration has nothing that would bring files. running: `address` is where it
    listens, `remarks` what the operator should know. elsewhere: another program, as the service, works with the data
    folder; `problem` says which. failed: `problem` says why, and it is tried again every minute while it is asked to
    run.
    """

    kind: Kind = "off"
    address: str = ""
    remarks: tuple[Problem, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A configuration that could not be used while another runs, which goes on; or a command that failed."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Followed:
    """The configuration was read anew and is followed."""


class Agent(QObject):
    """The station of this program; `start`, `stop`, `reload` and `ask` return at once."""

    changed = Signal(AgentState)
    looked = Signal(Overview)
    refused = Signal(Problem)  # a reload or a command that was not done; what ran before goes on
    followed = Signal()  # the configuration was read anew, by a start or a reload

    def __init__(self, config: Path | None, environment: Mapping[str, str], parent: QObject) -> None:
        """Be off; `config` is the file that was named at the start, if one was.

        It belongs to `parent`, as Python's collector would delete what nobody owns in whatever thread it runs in.
        """
        super().__init__(parent)
        self._config, self._environment = config, environment
        self._state = AgentState()
        self._here: Station | None = None
        self._bell, self._telling = threading.Condition(), threading.Lock()
        self._is_wanted = self._must_reload = self._is_ending = self._has_thread = False
        self._thread: threading.Thread | None = None
        self._mailbox: Mailbox[object] = Mailbox(self._deliver, self)
        self._overviews = Overviews(self, self._mailbox.put)

    # What is known. Any thread may ask.

    @property
    def state(self) -> AgentState:
        """How the agent is now."""
        return self._state

    @property
    def overview(self) -> Overview:
        """What was seen when it was looked last."""
        return self._overviews.latest

    @property
    def station(self) -> Station | None:
        """The station, while it runs here."""
        return self._here

    @property
    def configuration(self) -> Path | None:
        """The configuration file in use: the one named at the start, `./tolmach.toml` or the user's own; else None."""
        return configuration_file(self._config)

    @property
    def named(self) -> Path | None:
        """The configuration file that was named at the start, if one was."""
        return self._config

    @property
    def config_path(self) -> Path:
        """The configuration file, there already or to be written: the user's own where there is none yet."""
        return (self.configuration or user_folder() / FILE_NAME).absolute()

    def settings(self) -> Settings:
        """Give the settings that run here, else those of the file as it is now; raises `BadConfiguration`. Reads."""
        here = self._here
        return here.settings if here is not None else load_settings(self.configuration, self._environment)

    @contextmanager
    def records(self) -> Iterator[Records]:
        """Give the records to read from and for commands, as another program would have them; in no window's thread.

        The station notices within a second what was said there, also one that runs elsewhere. Raises `RecordsUnusable`
        where nothing ever arrived, `RecordsTrouble`, `BadConfiguration`. May be used by several threads at a time.
        """
        with records_by(self.settings(), create=False) as records:
            yield records

    # What is asked of it.

    def start(self) -> None:
        """Run the station, if the configuration has anything to do; again at once where it failed or ran elsewhere."""
        with self._bell:
            self._is_wanted = self._must_reload = True
            self._bell.notify_all()
            if not self._has_thread:
                self._has_thread = True
                self._thread = threading.Thread(target=self._run, name="agent", daemon=True)
                self._thread.start()
        self.watch()

    def watch(self) -> None:
        """Look at everything now and then from now on, whether it runs or not; `looked` tells what is new."""
        self._overviews.start()

    def stop(self) -> None:
        """Let the station stop: what is in hand is finished or stays queued; `changed` tells when it has stopped.

        That it is stopping is told at once, whatever its thread is waiting for; see `awaited`.
        """
        with self._bell:
            self._is_wanted = False
            self._bell.notify_all()
        if self._state.kind in ("starting", "running"):
            self._tell(AgentState("stopping"))

    @property
    def awaited(self) -> tuple[str, ...]:
        """The destinations whose answers a station that stops is waiting for."""
        return awaited() if self._state.kind == "stopping" else ()

    def reload(self) -> None:
        """Read the configuration anew and follow it; one that cannot be used changes nothing and is `refused`.

        An agent that is asked to run and failed, or that had nothing to do, tries again.
        """
        self.start()

    def look(self) -> None:
        """Look at everything now; `looked` tells."""
        self._overviews.look()

    def ask(self, work: Callable[[Records], T], answer: Callable[[T], None] | None = None) -> None:
        """Do something with the records in a thread of its own; `answer` is called in the window's thread.

        What goes wrong is told by `refused`.
        """

        def do() -> None:
            try:
                with self.records() as records:
                    result = work(records)
            except TolmachError as error:
                self._mailbox.put(Refusal(error.problem))
                return
            if answer is not None:
                self._mailbox.put(lambda: answer(result))
            self._overviews.look()

        threading.Thread(target=do, name="records", daemon=True).start()

    def close(self, seconds: float = 10.0) -> bool:
        """End all threads, waiting so long at most; False when the station needs longer. Nothing is lost either way."""
        with self._bell:
            self._is_wanted, self._is_ending = False, True
            self._bell.notify_all()
        self._overviews.close(min(seconds, 2.0))
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    # The thread.

    def _run(self) -> None:
        problem: Problem | None = Problem(AGENT_BROKE_OFF)
        try:
            while self._await_wish():
                self._serve_or_wait()
            problem = None
        finally:
            # An error nobody foresaw goes on to whoever reports those; the window must not show what is not so.
            with self._bell:
                self._has_thread = False
            self._tell(AgentState("off") if problem is None else AgentState("failed", problem=problem))

    def _await_wish(self) -> bool:
        """Wait until it is to run; False when the program ends."""
        with self._bell:
            self._bell.wait_for(lambda: self._is_wanted or self._is_ending)
            return not self._is_ending

    def _serve_or_wait(self) -> None:
        """Run until asked to stop; try again where it cannot run, later and later."""
        pause = RETRY_SECONDS
        while self._takes_wish():
            self._tell(AgentState("starting"))
            try:
                settings = load_settings(self.configuration, self._environment)
                if self._has_work(settings):
                    self._serve(settings)
                else:
                    self._tell(AgentState("off"))
                    self._pause(None)
                pause = RETRY_SECONDS
            except TolmachError as error:
                if (folder := kept_by_other(error.problem)) is not None:
                    self._watch_other(folder, error.problem)
                    continue
                self._fail(error.problem, pause)
            pause = min(RETRY_CAP_SECONDS, pause * 2)
        self._tell(AgentState("off"))

    def _takes_wish(self) -> bool:
        with self._bell:
            self._must_reload = False
            return self._is_wanted

    def _has_work(self, settings: Settings) -> bool:
        """Tell whether anything would come by itself, or something that came still waits to be delivered."""
        if settings.watch or any(peer.rights for peer in settings.peer):
            return True
        return self._overviews.waits_for_delivery(settings)

    def _serve(self, settings: Settings) -> None:
        from tolmach.apps.wiring import station

        with station(settings, self.configuration) as here, logged_in(settings.data_dir):
            self._here = here
            try:
                self._tell(AgentState("running", here.address, tuple(here.remarks)))
                self._mailbox.put(Followed())
                while self._pause(None):
                    self._follow(here)
            finally:
                self._here = None
            self._tell(AgentState("stopping"))

    def _follow(self, here: Station) -> None:
        """Run by what the configuration says now; where it cannot be used, go on as before and say why."""
        try:
            here.change(load_settings(self.configuration, self._environment))
            state = AgentState("running", here.address, tuple(here.remarks))
        except TolmachError as error:
            self._mailbox.put(Refusal(error.problem))
            state = AgentState("running", here.address, tuple(here.remarks))
            self._tell(state)  # it was told to stop maybe, and to start again before it did
            return
        self._tell(state)
        self._mailbox.put(Followed())

    def _watch_other(self, folder: Path, problem: Problem) -> None:
        """Look now and then whether the other program is still there; nothing is begun here by itself.

        Somebody may have stopped it on purpose, or it may just be starting anew.
        """
        self._tell(AgentState("elsewhere", problem=problem))
        is_gone = False
        while not self._pause(PROBE_SECONDS) and self._is_asked:
            was_gone, is_gone = is_gone, is_free(folder)
            if is_gone and was_gone:
                self._tell(AgentState("failed", problem=Problem(OTHER_ENDED, {"folder": folder})))
            elif not is_gone:
                self._tell(AgentState("elsewhere", problem=problem))

    @property
    def _is_asked(self) -> bool:
        return self._is_wanted and not self._is_ending

    def _fail(self, problem: Problem, seconds: float) -> None:
        self._tell(AgentState("failed", problem=problem))
        self._pause(seconds)

    def _pause(self, seconds: float | None) -> bool:
        """Wait until told something, so long at most; True when the configuration is to be read anew."""
        with self._bell:
            self._bell.wait_for(lambda: self._must_reload or not self._is_asked, seconds)
            must, self._must_reload = self._must_reload and self._is_asked, False
            return must

    def _tell(self, state: AgentState) -> None:
        with self._telling:
            is_late = state.kind in ("starting", "running") and not self._is_asked  # it was told to stop meanwhile
            if state == self._state or is_late:
                return
            self._state = state
            self._mailbox.put(state)
        self._overviews.look()

    # In the window's thread.

    def _deliver(self, batch: list[object]) -> None:
        for message in batch:
            if isinstance(message, AgentState):
                self.changed.emit(message)
            elif isinstance(message, Overview):
                self.looked.emit(message)
            elif isinstance(message, Refusal):
                self.refused.emit(message.problem)
            elif isinstance(message, Followed):
                self.followed.emit()
            elif callable(message):
                message()
