"""One watched folder: what is in it is taken once, when it is whole; what is done with is tidied when that was asked.

The truth is what is on the disk and what is in the records. Events and everything remembered here only save time: the
program may be killed at any moment, and begins again by going through the folder.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from tolmach.base import Problem, TolmachError
from tolmach.intake.completeness import UNFORESEEN
from tolmach.intake.faults import NOT_TAKEN, RecordsTrouble, WatchTrouble
from tolmach.intake.interfaces import Dealing, FileMark, WatchRecords
from tolmach.intake.source_folder import Bell, Events, SourceFolder, SourceTidier
from tolmach.intake.stability import Manner, Seen, Stability
from tolmach.intake.taking import Anew, Failed, Halted, Later, Taken, Taker, shown

log = logging.getLogger(__name__)

ASKED_TOGETHER = 1000  # marks in one question to the records
TAKEN_TOGETHER = 128  # files whose dealings share a commit
TAKEN_IN_A_ROUND = 2048
TIDIED_TOGETHER = 100
MOST_UNTIDY = 8  # each has been read to its end for nothing
MOST_HINTS = 20_000

RETRY_SECONDS = 5.0
NOTE_STATE_SECONDS = 60.0
TIDY_SECONDS = 2.0
FORGET_SECONDS = 60.0
AGAIN_SECONDS = 60.0  # a file that nobody knows why it was not taken
_SHORTEST_REST = 0.02
# Scanning may take a tenth of the time, a quarter when events ask for it; but a folder that takes long to go through is
# not left alone for ever.
_REST_PER_SCAN, _REST_PER_HURRIED_SCAN, _SELDOMER_WITH_EVENTS = 10, 3, 4
_LONGEST_BETWEEN_SCANS = 30.0


class Hints:
    """What events told, until the next round; any thread may tell, one asks."""

    def __init__(self, bell: Bell) -> None:
        """Ring when there is something new."""
        self._bell = bell
        self._lock = threading.Lock()
        self._paths: dict[bytes, bool] = {}
        self._scan = False

    def tell(self, path: bytes | None, is_closed: bool = False) -> None:
        """Say that a file was changed, or closed, or got its name; without a path, that the folder must be scanned."""
        with self._lock:
            if path is None or len(self._paths) >= MOST_HINTS:
                self._scan = True
            else:
                self._paths[path] = is_closed or self._paths.get(path, False)
        self._bell.ring()

    def collect(self) -> tuple[dict[bytes, bool], bool]:
        """Give the paths told of, with whether they are closed, and whether to scan; then begin anew."""
        with self._lock:
            paths, scan = self._paths, self._scan
            self._paths, self._scan = {}, False
        return paths, scan


@dataclass(slots=True)
class _Timetable:
    """When things are due (monotonic seconds); at first at once."""

    scan: float = float("-inf")
    soonest: float = float("-inf")  # a scan that something asks for
    tidy: float = float("-inf")
    state: float = float("-inf")
    forget: float = float("-inf")
    retry: float = float("-inf")  # after trouble


@dataclass(slots=True)
class Watch:
    """Watches one folder; `round` and `run` belong to one thread, `hint` may be called by any.

    `taker` takes files in `threads` threads at a time, so that they share commits; `arrived` is called when files were
    taken. Without a `tidier` nothing in the folder is ever changed. `now` gives UTC and is only shown, `clock` counts
    seconds and never goes back.
    """

    name: str
    folder: SourceFolder
    manner: Manner
    records: WatchRecords
    taker: Taker
    arrived: Callable[[], None]
    bell: Bell
    hints: Hints
    now: Callable[[], datetime]
    clock: Callable[[], float]
    tidier: SourceTidier | None = None
    events: Events | None = None
    threads: int = 4
    _stability: Stability = field(init=False)
    _due: _Timetable = field(default_factory=_Timetable)
    _state: Problem | None = None  # what is wrong at present, as far as it is known
    _noted: Problem | None = None
    _unreadable: dict[bytes, Problem] = field(default_factory=dict)
    _untidy: Problem | None = None  # why a file could not be tidied when all were gone through last, or since
    _found_untidy: bool = False
    _tidied_up_to: int = 0
    _forgotten_up_to: bytes = b""
    _saw_files: bool = False

    def __post_init__(self) -> None:
        """Remember no file yet."""
        self._stability = Stability(self.manner)

    def run(self) -> None:
        """Watch until the bell says stop; trouble of any kind is noted and waited out."""
        with ThreadPoolExecutor(self.threads, thread_name_prefix=f"take {self.name}") as pool:
            try:
                while not self.bell.stopped:
                    self.bell.sleep(self.round(pool))
            finally:
                if self.events is not None:
                    self.events.close()

    def round(self, pool: ThreadPoolExecutor | None = None) -> float:
        """Scan where that is due, take what is whole, tidy what is done; gives the seconds to rest.

        What was taken is durable and noted, whatever becomes of the rest. Safe to repeat; trouble is not raised but
        noted for people to see, and nothing is lost by it: the files stay where they are, and until `RETRY_SECONDS` are
        over nothing is tried, however often this is called.
        """
        wait = self._due.retry - self.clock()
        if wait > 0:
            return wait
        try:
            trouble = self._look()
            more = self._take(pool)
            self._tidy()
            self._forget()
        except TolmachError as error:
            self._note_state(error.problem)
            self._due.retry = self.clock() + RETRY_SECONDS
            return RETRY_SECONDS
        self._note_state(trouble or next(iter(self._unreadable.values()), self._untidy))
        return 0.0 if more else self._rest()

    # Seeing --------------------------------------------------------------------------------------------------

    def _look(self) -> Problem | None:
        """See what events told of and, when it is time, everything; gives what could not be listed."""
        paths, must_scan = self.hints.collect()
        now = self.clock()
        found = ((mark, closed) for path, closed in paths.items() if (mark := self.folder.look(path)) is not None)
        self._see(found)
        if must_scan:
            self._due.scan = min(self._due.scan, max(now, self._due.soonest))
        if now < self._due.scan or not self._stability.has_room:
            return self._state
        listens = self.events is not None and self.events.keep_alive()
        problems: list[Problem] = []
        self._saw_files = False
        self._see(self._scanned(problems))
        took = self.clock() - now
        usual = self.manner.scan_seconds * (_SELDOMER_WITH_EVENTS if listens else 1)
        self._due.soonest = self.clock() + took * _REST_PER_HURRIED_SCAN
        rest = max(usual, min(took * _REST_PER_SCAN, _LONGEST_BETWEEN_SCANS), took)
        self._due.scan = self.clock() + (rest if self._stability.has_room else 0.0)
        self._state = problems[0] if problems else None
        return self._state

    def _scanned(self, problems: list[Problem]) -> Iterator[tuple[FileMark, bool]]:
        for one in self.folder.scan():
            if isinstance(one, Problem):
                problems.append(one)
                continue
            self._saw_files = True
            yield one, False
            if self.bell.stopped or not self._stability.has_room:
                return

    def _see(self, marks: Iterable[tuple[FileMark, bool]]) -> None:
        """Remember those that were not dealt with yet."""
        marks = iter(marks)
        while batch := list(islice(marks, ASKED_TOGETHER)):
            settled = self.records.settled(self.name, [mark for mark, _closed in batch])
            self._note_state(self._noted)  # going through a large folder is no stalling
            now = self.clock()
            for mark, is_closed in batch:
                if mark not in settled:
                    self._stability.see(mark, now, is_closed=is_closed)

    # Taking --------------------------------------------------------------------------------------------------

    def _take(self, pool: ThreadPoolExecutor | None) -> bool:
        """Take what has come to rest; True when there is more of it. Raises the first trouble there was."""
        ripe = self._stability.ripe(self.clock(), TAKEN_IN_A_ROUND)
        for start in range(0, len(ripe), TAKEN_TOGETHER):
            outcomes = self._outcomes(ripe[start : start + TAKEN_TOGETHER], pool)
            self._conclude(outcomes)
            self._note_state(self._noted)
            for one in outcomes:
                if isinstance(one, Failed):
                    raise one.error
            if self.bell.stopped:
                return False
        return len(ripe) == TAKEN_IN_A_ROUND

    def _outcomes(self, ripe: Sequence[Seen], pool: ThreadPoolExecutor | None) -> list[Taken]:
        outcomes: list[Taken] = []
        failed = threading.Event()

        def take(seen: Seen) -> Taken | None:
            if failed.is_set() or self.bell.stopped:
                return None
            try:
                outcome = self.taker.take(seen)
            except Halted:
                return None
            except (*UNFORESEEN, OSError) as error:
                # Whatever is wrong with this file or with us, the others are taken.
                last = traceback.extract_tb(error.__traceback__)[-1]  # its words may quote a patient, and stay out
                log.error("%s: %s at %s:%d", self.name, type(error).__name__, last.filename, last.lineno or 0)
                problem = Problem(NOT_TAKEN, {"path": shown(seen.mark.path), "why": type(error).__name__})
                return Later(seen.mark, self.clock() + AGAIN_SECONDS, problem, is_trouble=True)
            if isinstance(outcome, Failed):
                failed.set()
            return outcome

        if pool is None or len(ripe) == 1:
            outcomes = [outcome for seen in ripe if (outcome := take(seen)) is not None]
        else:
            futures: list[Future[Taken | None]] = [pool.submit(take, seen) for seen in ripe]
            outcomes = [outcome for future in futures if (outcome := future.result()) is not None]
        return outcomes

    def _conclude(self, outcomes: Sequence[Taken]) -> None:
        """Note what became of files, durable; then they may be forgotten here."""
        dealings = [one for one in outcomes if isinstance(one, Dealing)]
        if any(one.object_id is not None for one in dealings):
            self.arrived()  # the receipts are durable, whatever becomes of the notes
        if dealings:
            self.records.note(self.name, dealings)
        for one in outcomes:
            path = one.mark.path
            if not isinstance(one, Later) or not one.is_trouble:
                self._unreadable.pop(path, None)
            if isinstance(one, Later):
                self._stability.put_off(path, one.look_at)
                if one.is_trouble:
                    self._unreadable[path] = one.problem
            elif isinstance(one, Anew):
                self._stability.drop(path)
                self.hints.tell(path)
            elif isinstance(one, Dealing):
                self._stability.drop(path)

    # Afterwards ----------------------------------------------------------------------------------------------

    def _tidy(self) -> None:
        """Move or delete what every destination has confirmed, when that was asked for."""
        if self.tidier is None or self.clock() < self._due.tidy:
            return
        tidyings = self.records.tidyings(self.name, TIDIED_TOGETHER, self._tidied_up_to)
        dealings: list[Dealing] = []
        tried = troubles = 0
        try:
            for tidying in tidyings:
                if self.bell.stopped or troubles == MOST_UNTIDY:
                    break
                tried += 1
                try:
                    dealings.append(self.tidier.tidy(tidying))
                except WatchTrouble as error:  # of this one; neither others nor what is taken must wait for it
                    troubles += 1
                    self._untidy, self._found_untidy = error.problem, True
        finally:
            if dealings:
                self._note_tidied(dealings)
        more = tried == TIDIED_TOGETHER or tried < len(tidyings)
        if more:
            self._tidied_up_to = tidyings[tried - 1].object_id if tried else self._tidied_up_to
        else:  # all were gone through
            if not self._found_untidy:
                self._untidy = None
            self._tidied_up_to, self._found_untidy = 0, False
        self._due.tidy = self.clock() + (RETRY_SECONDS if troubles else 0.0 if more else TIDY_SECONDS)

    def _note_tidied(self, dealings: Sequence[Dealing]) -> None:
        """Note what was tidied, and tell of files that were changed since they were taken: they are left."""
        self.records.tidied(self.name, dealings)
        for one in dealings:
            if one.problem is not None:
                log.warning("%s: %s: %s", self.name, one.problem.code, one.problem)

    def _forget(self) -> None:
        """Forget some files that are gone; never when the folder looks empty, which may be a drive that is away."""
        if self.clock() < self._due.forget or not self._saw_files:
            return
        paths = self.records.paths(self.name, self._forgotten_up_to, ASKED_TOGETHER)
        gone = [path for path in paths if not self.folder.has(path)]
        if gone:
            self.records.forget(self.name, gone)
        self._forgotten_up_to = paths[-1] if len(paths) == ASKED_TOGETHER else b""
        self._due.forget = self.clock() + FORGET_SECONDS

    def _note_state(self, problem: Problem | None) -> None:
        """Tell people what is wrong: when that changes, and now and then that the folder was looked at."""
        is_news = (problem and problem.fault) != (self._noted and self._noted.fault)
        if not is_news and self.clock() < self._due.state:
            return
        if is_news:
            said = "as it should be" if problem is None else f"{problem.code}: {problem}"
            log.log(logging.INFO if problem is None else logging.ERROR, "%s: %s", self.name, said)
        try:
            self.records.note_state(self.name, problem, self.now())
        except RecordsTrouble as error:
            log.error("%s", error)
            return
        self._noted = problem
        self._due.state = self.clock() + NOTE_STATE_SECONDS

    def _rest(self) -> float:
        due = [self.clock() + RETRY_SECONDS]
        if self._stability.has_room:
            due.append(self._due.scan)
        if self.tidier is not None:
            due.append(self._due.tidy)
        ripe = self._stability.due_at()
        if ripe is not None:
            due.append(ripe)
        return max(_SHORTEST_REST, min(due) - self.clock())
