"""Taking one file of a watched folder: opened, judged, copied, made durable; or why it has to wait, or is no image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tolmach.base import Problem, Refused, TolmachError
from tolmach.dicom.faults import NOT_DICOM
from tolmach.dicom.part10 import Inflate
from tolmach.intake.completeness import Completeness, completeness, ends_in_zeros
from tolmach.intake.faults import (
    ENDS_IN_ZEROS,
    SOURCE_CHANGED,
    STILL_OPEN,
    NoRoom,
    SourceChanged,
    SourceGone,
    SourceUnreadable,
)
from tolmach.intake.interfaces import Dealing, FileMark, ObjectStore, Provenance
from tolmach.intake.receive import Intake
from tolmach.intake.source_folder import OpenSource, SourceFolder
from tolmach.intake.stability import BREATH_SECONDS, Manner, Seen

# How much longer than others a file has to be quiet that ends in zeros.
_LONGER = 5
_MOST_BETWEEN_LOOKS = 60.0


@dataclass(frozen=True, slots=True)
class Later:
    """A file that has to wait until `look_at` (monotonic), and why; with `is_trouble`, a person should hear of it."""

    mark: FileMark
    look_at: float
    problem: Problem
    is_trouble: bool = False


@dataclass(frozen=True, slots=True)
class Anew:
    """A file that is gone, or is not what it was: to be looked at as if it had never been seen."""

    mark: FileMark


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be taken though nothing is wrong with it: the store, the records or the folder failed."""

    mark: FileMark
    error: TolmachError


Taken = Dealing | Later | Anew | Failed


class Halted(Exception):
    """The program is being stopped, and this file is left for the next start."""


class Taker:
    """Takes files of one folder; any thread may call.

    What is judged is what is copied: the file is opened once, both are done on that, and nothing counts when the system
    says that anything was done to the file in between.
    """

    def __init__(
        self,
        name: str,
        folder: SourceFolder,
        manner: Manner,
        intake: Intake,
        store: ObjectStore,
        inflate: Inflate,
        clock: Callable[[], float],
        halted: Callable[[], bool],
    ) -> None:
        """Take for the watch `name` into `store` and `intake`; `clock` never goes back."""
        self._provenance = Provenance("folder", name)
        self._folder, self._manner, self._clock, self._halted = folder, manner, clock, halted
        self._intake, self._store, self._inflate = intake, store, inflate

    def take(self, seen: Seen) -> Taken:
        """Take a file that has been quiet for a while; raises `Halted`, everything else is told in the outcome.

        A dealing means that the file is ours, durable by promise 1, or that it is no image.
        """
        mark = seen.mark
        try:
            self._intake.require_room()
            with self._folder.open(mark) as opened:
                reason = self._reason_to_wait(seen, opened)
                return self._copy(mark, opened) if reason is None else reason
        except (SourceChanged, SourceGone):
            return Anew(mark)
        except SourceUnreadable as error:
            quiet = self._clock() - seen.since
            pause = min(max(quiet, BREATH_SECONDS), _MOST_BETWEEN_LOOKS)
            is_trouble = quiet >= min(self._manner.patience_seconds, _MOST_BETWEEN_LOOKS)
            return Later(mark, self._clock() + pause, error.problem, is_trouble)
        except Refused as error:  # larger than any object may be
            return Dealing(mark, problem=error.problem)
        except TolmachError as error:
            return Failed(mark, error)

    def _reason_to_wait(self, seen: Seen, opened: OpenSource) -> Dealing | Later | None:
        """Give why the file is not taken now; None for what is whole, and for what nobody has touched for too long."""
        mark, patient = seen.mark, seen.since + self._manner.patience_seconds
        found = completeness(opened.source, self._inflate)
        if found.extent == "foreign":
            opened.require_unchanged()
            return Dealing(mark, problem=found.problem)
        if self._clock() >= patient:
            return self._given_up(mark, opened, found)
        if found.problem is not None:
            return Later(mark, patient, found.problem)
        is_open = opened.is_being_written
        if is_open:
            pause = max(self._manner.settle_seconds, BREATH_SECONDS)
            return Later(mark, min(self._clock() + pause, patient), Problem(STILL_OPEN, _named(mark)))
        quiet = self._quiet_needed(opened, is_closed=seen.is_closed or is_open is False)
        if self._clock() < seen.since + quiet:
            return Later(mark, seen.since + quiet, Problem(ENDS_IN_ZEROS, _named(mark)))
        return None

    def _given_up(self, mark: FileMark, opened: OpenSource, found: Completeness) -> Dealing | None:
        """Let what has waited long enough go on as it is, into quarantine where a person sees it.

        What gives no sign of being an image at all is passed over instead.
        """
        if found.problem is None or found.problem.fault is not NOT_DICOM:
            return None
        opened.require_unchanged()
        return Dealing(mark, problem=found.problem)

    def _quiet_needed(self, opened: OpenSource, *, is_closed: bool) -> float:
        """Give how long a whole file must have been quiet: longer when it may have got its length before its bytes."""
        if not ends_in_zeros(opened.source):
            return 0.0
        has_holes = opened.has_holes
        if has_holes and not is_closed:
            return self._manner.patience_seconds
        return self._manner.settle_seconds * _LONGER if has_holes or not is_closed else 0.0

    def _copy(self, mark: FileMark, opened: OpenSource) -> Dealing | Later:
        try:
            self._intake.require_room(mark.size)
        except NoRoom as error:
            self._intake.require_room()  # where there is none for anything, nobody else is tried either
            return Later(mark, self._clock() + _MOST_BETWEEN_LOOKS, error.problem, is_trouble=True)
        with self._store.spool(self._chunks(opened)) as spooled:
            if spooled.size != mark.size:
                raise SourceChanged(SOURCE_CHANGED, **_named(mark))
            receipt = self._intake.accept(spooled, self._provenance)
        return Dealing(mark, opened.sha256(), receipt.object_id)

    def _chunks(self, opened: OpenSource) -> Iterator[bytes | memoryview]:
        for chunk in opened.chunks():
            if self._halted():
                raise Halted
            yield chunk
        # In here, so that the copy is thrown away without ever having been whole.
        opened.require_unchanged()


def _named(mark: FileMark) -> dict[str, object]:
    return {"path": shown(mark.path)}


def shown(path: bytes) -> str:
    """Give a path as people can read it and every database can keep it, whatever bytes are in it."""
    return path.decode("utf-8", "backslashreplace").replace("\0", "")
