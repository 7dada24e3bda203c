"""What goes on behind the window: files are found, read, looked into, sent; each in a thread, each told in messages.

The desk asks `station` for everything that is to be decided, and keeps what was said. It knows no widget.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from tolmach.adapters.folder import FoundFile
from tolmach.apps.desktop.edits import EditBook, with_edits
from tolmach.apps.desktop.elements import Looked, look_into
from tolmach.apps.desktop.faults import EDITS_WITH_AS_IS, NO_PEER_CHOSEN
from tolmach.apps.desktop.file_model import FileModel
from tolmach.apps.desktop.in_hand import InHand, Progress
from tolmach.apps.desktop.latest import Latest
from tolmach.apps.desktop.mailbox import Mailbox
from tolmach.apps.desktop.outgoing import Concluded, Ended, Outgoing
from tolmach.apps.desktop.preview import NoPicture, Picture, Preview
from tolmach.apps.desktop.reading import FileRead, FilesFound, JobDone, Reader, Unlisted
from tolmach.apps.desktop.remembered import LIST, Keeper, KeptFile, list_as_json, snapshot
from tolmach.apps.desktop.rows import CONFIRMED, FAILURES, Row, State, Step
from tolmach.apps.desktop.station import Choice, Station
from tolmach.base import N_, Problem, TolmachError
from tolmach.repair.memory import DeviceMemory
from tolmach.repair.profile import Profile

_KEEP_MILLISECONDS = 700
_COUNT_MILLISECONDS = 100


@dataclass(frozen=True, slots=True)
class Echoed:
    """What an echo gave."""

    peer: str
    seconds: float | None
    problem: Problem | None = None


class Desk(QObject):
    """The list and the work on it."""

    counted = Signal()
    progressed = Signal(Progress)
    began = Signal()
    ended = Signal(int, int, bool)  # how many were confirmed or copied, how many were not, whether they are copies
    told = Signal(str, str)  # tone, line for the log
    refused = Signal(Path, object)  # a file, and the problem that kept it from being sent or copied
    troubled = Signal(Problem)
    looked = Signal(Looked)
    pictured = Signal(object)
    echoed = Signal(Echoed)
    read_all = Signal()

    def __init__(self, station: Station, model: FileModel, keeper: Keeper, choice: Choice) -> None:
        """Begin with an empty list."""
        super().__init__()
        self.station, self.model, self.keeper, self.choice = station, model, keeper, choice
        self.edits = EditBook()
        self.kept: Sequence[KeptFile] = ()  # of an earlier session, until a person has decided about them
        self._run: InHand | None = None
        self._jobs = 0  # what the reader was asked and has not finished
        self._profile = Profile()
        self.mailbox: Mailbox[object] = Mailbox(self._deliver, self)
        self._reader = Reader(self.mailbox.put, self._memory)
        self._looker: Latest[tuple[Path, Profile], Looked] = Latest(lambda one: look_into(*one), self.mailbox.put)
        self._preview = Preview(self.mailbox.put)
        self._keep_soon = QTimer(self)
        self._keep_soon.setSingleShot(True)
        self._keep_soon.setInterval(_KEEP_MILLISECONDS)
        self._keep_soon.timeout.connect(self.keep_list)
        self._count_soon = QTimer(self)
        self._count_soon.setSingleShot(True)
        self._count_soon.setInterval(_COUNT_MILLISECONDS)
        self._count_soon.timeout.connect(self.counted)
        self._understand_choice()

    # The list.

    @property
    def is_working(self) -> bool:
        """Whether files are being sent or copied."""
        return self._run is not None

    @property
    def is_stopping(self) -> bool:
        """Whether the work in hand was asked to stop."""
        return self._run is not None and self._run.outgoing.is_stopping

    @property
    def is_reading(self) -> bool:
        """Whether files are being found or read."""
        return self._jobs > 0

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Put files and what is in folders on the list."""
        self._jobs += 1
        self._reader.find([Path(path).absolute() for path in paths])
        self.counted.emit()

    def remove(self, rows: Sequence[Row]) -> None:
        """Take rows off the list; those that are being sent stay."""
        held = set() if self._run is None else set(self._run.rows)
        gone = [row for row in rows if row.file.path not in held]
        self.edits.forget(row.file.path for row in gone)
        self.model.remove(gone)
        self._changed()
        self.counted.emit()

    def take_up(self, kept: Sequence[KeptFile]) -> None:
        """Put the files of an earlier session on the list, as far as they were then."""
        for one in kept:
            self.edits.restore(one.file.path, one.steps)
        confirmed = {one.file.path for one in kept if one.is_confirmed}
        new = self.model.add((one.file for one in kept), self.edits.steps)
        for row in new:
            if row.file.path in confirmed:
                row.state = State.SENT
        self._read(new)
        self._changed()

    def unsent(self) -> list[Row]:
        """Give the rows that nobody has confirmed, without those that are no images."""
        return [row for row in self.model.rows if row.is_to_send]

    def failed(self) -> list[Row]:
        """Give the rows that were to be sent and were not."""
        return [row for row in self.model.rows if row.state in FAILURES]

    def keep_list(self) -> None:
        """Let the list be written as it is now, with what an earlier session left undecided."""
        rows = snapshot(self.model.rows)
        known = {row.file.path for row in self.model.rows}
        old = [(one.file, State.SENT if one.is_confirmed else State.READY, one.steps)
               for one in self.kept if one.file.path not in known]  # fmt: skip
        self.keeper.keep(LIST, lambda: list_as_json([*old, *rows]))

    def decide_kept(self, *, takes: bool) -> None:
        """Take up the files of the earlier session, or forget them."""
        kept, self.kept = self.kept, ()
        if takes:
            self.take_up(kept)
        self._changed()

    def _changed(self) -> None:
        for timer in (self._keep_soon, self._count_soon):
            if not timer.isActive():
                timer.start()

    # Choices and reading.

    def choose(self, choice: Choice) -> None:
        """Work as chosen from now on; what that changes in the files' text is read anew."""
        self.choice = choice
        self.model.as_is = choice.as_is
        self._understand_choice()
        self.model.tell_all()
        self.counted.emit()

    def _understand_choice(self) -> None:
        try:
            profile = self.station.profile(replace(self.choice, hold_unsure=False))
        except TolmachError as error:
            self.troubled.emit(error.problem)
            return
        if profile != self._profile:
            self._profile = profile
            self._reader.forget()
            self._read(self.model.rows)

    def _read(self, rows: Iterable[Row]) -> None:
        orders = [(row.file, row.steps) for row in rows]
        if not orders:
            return
        self._jobs += 1
        self._reader.read(orders, self._profile)

    def _memory(self) -> DeviceMemory | None:
        try:
            with self.station.memory(learning=False) as memory:
                return memory
        except TolmachError as error:
            self.mailbox.put(Unlisted(error.problem))
            return None

    def look(self, row: Row) -> None:
        """Look into one file; `looked` tells."""
        self._looker.ask((row.file.path, with_edits(self._profile, row.steps)))

    def picture(self, path: Path) -> None:
        """Decode the image of one file; `pictured` tells."""
        self._preview.ask(path)

    def edit(self, paths: Sequence[Path], step: Step) -> None:
        """Keep an edit for files."""
        self._edited(self.edits.add(paths, step))

    def take_back(self, path: Path, element: str | None = None) -> None:
        """Drop the edits of one element, or of the whole file."""
        self._edited(self.edits.take_back(path, element))

    def undo(self) -> None:
        """Take the last edit back."""
        self._edited(self.edits.undo())

    def _edited(self, paths: Sequence[Path]) -> None:
        rows = [row for path in paths if (row := self.model.row_of(path)) is not None]
        for row in rows:
            row.steps = self.edits.steps(row.file.path)
            if row.is_confirmed:  # what the archive has is not what the file would be now
                row.back_to_ready()
        self._read(rows)
        self.model.tell(rows)
        self._changed()
        self.counted.emit()

    # Sending.

    def echo(self) -> None:
        """Ask the chosen peer whether it answers; `echoed` tells."""
        choice, station, put = self.choice, self.station, self.mailbox.put

        def ask() -> None:
            try:
                put(Echoed(choice.peer, station.echo(choice)))
            except TolmachError as error:
                put(Echoed(choice.peer, None, error.problem))

        threading.Thread(target=ask, name="echo", daemon=True).start()

    def send(self, rows: Sequence[Row]) -> None:
        """Send rows that are not confirmed; what keeps it from beginning is told."""
        going = [row for row in rows if not row.is_confirmed]
        if self._run is not None or not going:
            return
        problem = self._objection(going)
        if problem is not None:
            self.troubled.emit(problem)
            return
        for row in going:
            row.state, row.problems = State.WAITING, ()
        groups, choice = _grouped(going, as_is=self.choice.as_is), self.choice
        self._begin(going, Outgoing(lambda: self.station.sent(groups, choice), self.mailbox.put), is_copying=False)
        self.told.emit("plain", N_("Sending begins."))

    def _objection(self, going: Sequence[Row]) -> Problem | None:
        if not self.choice.peer:
            return Problem(NO_PEER_CHOSEN)
        if self.choice.as_is and any(row.steps for row in going):
            return Problem(EDITS_WITH_AS_IS)
        try:
            self.station.destination(self.choice)
            self.station.profile(self.choice)
        except TolmachError as error:
            return error.problem
        return None

    def copy(self, rows: Sequence[Row], out: Path) -> None:
        """Write repaired and edited copies below a folder."""
        if self._run is not None or not rows:
            return
        groups, choice = _grouped(rows, as_is=False), self.choice
        self._begin(rows, Outgoing(lambda: self.station.copied(groups, choice, out), self.mailbox.put), is_copying=True)

    def _begin(self, rows: Sequence[Row], outgoing: Outgoing, *, is_copying: bool) -> None:
        run = self._run = InHand(
            outgoing, {row.file.path: row for row in rows}, is_copying, len(rows), time.monotonic()
        )
        self.model.tell(rows)
        self.began.emit()
        self._changed()
        self.progressed.emit(run.progress(time.monotonic()))

    def stop(self) -> None:
        """Stop after the file in hand."""
        if self._run is not None:
            self._run.outgoing.stop()
            self.counted.emit()

    # What threads tell.

    def _deliver(self, batch: list[object]) -> None:
        touched: dict[int, Row] = {}
        for message in batch:
            if isinstance(message, FileRead):
                self._take_reading(message, touched)
            elif isinstance(message, FilesFound):
                self._take_found(message.files)
            elif isinstance(message, Concluded):
                self._take_conclusion(message, touched)
            else:
                self._take_other(message)
        if touched:
            self.model.tell(list(touched.values()))
            if self._run is not None:
                self.progressed.emit(self._run.progress(time.monotonic()))
            self._changed()

    def _take_other(self, message: object) -> None:
        if isinstance(message, Unlisted):
            self.troubled.emit(message.problem)
        elif isinstance(message, Problem):
            self.troubled.emit(message)
        elif isinstance(message, JobDone):
            self._jobs -= 1
            if not self._jobs:
                self.read_all.emit()
                self.counted.emit()
        elif isinstance(message, Looked):
            self.looked.emit(message)
        elif isinstance(message, Picture | NoPicture):
            self.pictured.emit(message)
        elif isinstance(message, Echoed):
            self.echoed.emit(message)
        elif isinstance(message, Ended):
            self._take_end(message)

    def _take_found(self, files: Sequence[FoundFile]) -> None:
        new = self.model.add(files, self.edits.steps)
        self._read(new)
        self._changed()

    def _take_reading(self, read: FileRead, touched: dict[int, Row]) -> None:
        row = self.model.row_of(read.path)
        if row is not None and row.steps == read.steps and read.generation == self._reader.generation:
            row.take_reading(read.reading)
            touched[id(row)] = row

    def _take_conclusion(self, concluded: Concluded, touched: dict[int, Row]) -> None:
        run = self._run
        row = self.model.row_of(concluded.path)
        is_good = concluded.ending.state in CONFIRMED or concluded.out is not None
        if run is not None:
            run.conclude(is_good=is_good)
        if row is not None and not (run is not None and run.is_copying):
            row.take_ending(concluded.ending)
        if row is not None:
            touched[id(row)] = row
        if not is_good:
            self.refused.emit(concluded.path, next(iter(concluded.ending.problems), None))

    def _take_end(self, ended: Ended) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        if not run.is_copying:
            run.leave_unsent(ended.problem)
            self.model.tell(list(run.rows.values()))
        if ended.problem is not None:
            self.troubled.emit(ended.problem)
        self.keep_list()
        self.ended.emit(run.good, run.total - run.good, run.is_copying)
        self.counted.emit()

    def close(self, seconds: float = 4.0) -> None:
        """End all threads, waiting so long at most; what is not confirmed stays unsent, and is kept so."""
        if self._run is not None:
            self._run.outgoing.stop()
            self._run.outgoing.wait(seconds)
            self.mailbox.empty()
        self._keep_soon.stop()
        self._count_soon.stop()
        self._reader.close()
        self._looker.close()
        self._preview.drop()
        self.keep_list()
        self.keeper.finish()


def _grouped(rows: Sequence[Row], *, as_is: bool) -> Mapping[tuple[Step, ...], list[FoundFile]]:
    """Give files by their edits: those with the same go together."""
    groups: dict[tuple[Step, ...], list[FoundFile]] = {}
    for row in rows:
        groups.setdefault(() if as_is else row.steps, []).append(row.file)
    return groups
