"""C-MOVE and C-GET: what is held goes out, to a configured destination or back to who asks, and is counted.

The list of what is asked for is walked twice, once to count and once to send, so that memory stays flat whatever the
number. Instances go the fastest way we have (`store_all`), over an association of ours or over the caller's own.

Standard: PS3.4 sections C.4.2 (C-MOVE) and C.4.3 (C-GET), PS3.7 sections 9.1.3 and 9.1.4.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tolmach.adapters.dimse.association import Association
from tolmach.adapters.dimse.command_set import MOVE_DESTINATION
from tolmach.adapters.dimse.context_plan import Pair, plan_contexts
from tolmach.adapters.dimse.get_channel import GetChannel
from tolmach.adapters.dimse.operation import Operation
from tolmach.adapters.dimse.pdu import PresentationContext
from tolmach.adapters.dimse.query_identifier import LEVEL_NAMES, BadIdentifier, Identifier, parse_identifier
from tolmach.adapters.dimse.sub_operations import CANNOT_COUNT, REPORT_SECONDS, Reporter, Sending, Tally, conclude
from tolmach.archive.attributes import UNIQUE
from tolmach.archive.interfaces import Held, Index, Opener
from tolmach.archive.names import has_wild_cards
from tolmach.base import TolmachError
from tolmach.intake.faults import RecordsTrouble

log = logging.getLogger(__name__)

UNKNOWN_DESTINATION: Final = 0xA801
NOT_THIS_CLASS: Final = 0xA900

LOOK_AT_CLOCK: Final = 256  # instances counted between two looks at the clock
GRACE_SECONDS: Final = 0.3  # for the instance in hand, when the caller cancels

OpenAssociation = Callable[[Sequence[PresentationContext]], Association]


@dataclass(frozen=True, slots=True)
class MoveDestination:
    """Where instances may be moved: how it is called, and what opens an instance the way it can read it."""

    name: str
    open_association: OpenAssociation
    opener: Opener | None = None  # None: as it is held


# Gives the configured destination of an AE title, or None. The caller's configured name breaks ties.
FindMoveDestination = Callable[[str, str], MoveDestination | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: unique keys by level, each of them a condition."""

    patient_id: str | None = None
    studies: Sequence[str] = ()
    series: Sequence[str] = ()
    instances: Sequence[str] = ()

    def held_in(self, index: Index) -> Iterator[Held]:
        """Give the instances."""
        return index.held(
            patient_id=self.patient_id, studies=self.studies, series=self.series, instances=self.instances
        )

    def is_all(self, count: int) -> bool:
        """Tell whether so many found are all there can be: where instances were named, one for each."""
        return bool(self.instances) and count >= len(set(self.instances))


class Retrieval:
    """Serves C-MOVE and C-GET; any thread may call."""

    def __init__(
        self,
        index: Index,
        opener: Opener,
        destination_of: FindMoveDestination,
        page_of: Callable[[str], str],
    ) -> None:
        """Send what `index` knows and `opener` opens; `page_of` tells the code page a caller writes, by its name."""
        self._index, self._opener, self._destination_of = index, opener, destination_of
        self._page_of = page_of

    def move(self, operation: Operation) -> None:
        """Answer a C-MOVE."""
        destination = self._destination_of(operation.command.text(MOVE_DESTINATION), operation.caller.name)
        if destination is None:
            log.warning("%s asked to move to an AE title that is not configured", operation.peer)
            operation.fail(UNKNOWN_DESTINATION, "move destination is not configured here")
            return
        prepared = self._prepared(operation)
        if prepared is not None:
            wanted, pairs, tally = prepared
            opener = destination.opener or self._opener
            _Move(self._index, opener, destination, operation, wanted, tally).run(pairs)

    def get(self, operation: Operation) -> None:
        """Answer a C-GET: over the association that it came on."""
        prepared = self._prepared(operation)
        if prepared is None:
            return
        wanted, _pairs, tally = prepared
        channel = GetChannel(operation)
        reporter = Reporter(operation, tally)
        sending = Sending(self._opener, channel, tally, lambda: operation.is_cancelled)
        try:
            for outcome in sending.outcomes(wanted.held_in(self._index)):
                tally.take(outcome)
                reporter.report_when_due()
        finally:
            channel.release()
        conclude(operation, tally, "C-GET")

    def _prepared(self, operation: Operation) -> tuple[Wanted, Sequence[Pair], Tally] | None:
        """Understand what is asked for and count it; None where that failed, and was answered."""
        try:
            page = self._page_of(operation.caller.name)
            identifier = parse_identifier(operation.data, operation.transfer_syntax_uid, page)
            wanted = self._wanted(identifier)
        except BadIdentifier as error:
            log.info("%s: a retrieval was refused: %s", operation.peer, error)
            operation.fail(NOT_THIS_CLASS, str(error))
            return None
        tally = Tally()
        try:
            since = self._index.missing_since()
            pairs = self._counted(operation, wanted, tally)
        except RecordsTrouble as error:
            log.error("%s: a retrieval could not be begun: %s", operation.peer, error)
            operation.fail(CANNOT_COUNT, "the index cannot be read now: ask again")
            return None
        if not wanted.is_all(tally.total):
            tally.missing_since = since
        return wanted, pairs, tally

    def _counted(self, operation: Operation, wanted: Wanted, tally: Tally) -> Sequence[Pair]:
        """Count what is asked for, and give the kinds of it; whoever waits is told how many there are so far."""
        pairs: dict[Pair, None] = {}
        reporter = Reporter(operation, tally, REPORT_SECONDS)
        for held in wanted.held_in(self._index):
            if operation.is_cancelled:
                break
            tally.total += 1
            pairs[held.sop_class_uid, held.transfer_syntax_uid] = None
            if tally.total % LOOK_AT_CLOCK == 0:
                reporter.report_when_due()
        return list(pairs)

    def _wanted(self, identifier: Identifier) -> Wanted:
        """Give the unique keys; at the level itself a UID or a list of them. Standard: PS3.4 section C.4.2.2.1.

        Those above may be missing: a UID is one in the world. Study Root has no PATIENT level, but Orthanc 1.12 moves
        patients so (test_orthanc_moves_at_every_level), and nothing is unclear about it.
        """
        own = UNIQUE[identifier.level]
        known = {keyword: identifier.keys.get(keyword, "").strip(" \0") for keyword in UNIQUE.values()}
        for keyword, value in known.items():
            if has_wild_cards(value) and keyword != UNIQUE["patient"]:
                raise BadIdentifier(f"{keyword} must be a UID or a list of UIDs")
        if not known[own]:
            raise BadIdentifier(f"{own} is missing at {LEVEL_NAMES[identifier.level]} level")
        lists = {
            keyword: [uid for one in value.split("\\") if (uid := one.strip(" \0"))] for keyword, value in known.items()
        }
        return Wanted(
            known["PatientID"] or None,
            lists["StudyInstanceUID"],
            lists["SeriesInstanceUID"],
            lists["SOPInstanceUID"],
        )


class _Move:
    """One C-MOVE: a thread sends, this one reports and listens for C-CANCEL."""

    def __init__(
        self,
        index: Index,
        opener: Opener,
        destination: MoveDestination,
        operation: Operation,
        wanted: Wanted,
        tally: Tally,
    ) -> None:
        self._index, self._opener, self._destination = index, opener, destination
        self._operation, self._wanted, self._tally = operation, wanted, tally
        self._originator = (operation.peer.partition("@")[0], operation.command.message_id)
        self._assoc: Association | None = None
        self._is_over, self._must_stop = threading.Event(), threading.Event()

    def run(self, pairs: Sequence[Pair]) -> None:
        """Send everything and give the final response; returns when nothing more is sent."""
        sender = threading.Thread(target=self._send_all, args=(pairs,), name=f"move to {self._destination.name}")
        sender.daemon = True
        sender.start()
        reporter = Reporter(self._operation, self._tally)
        try:
            while not self._is_over.is_set() and not self._operation.is_cancelled:
                reporter.report_when_due()
                self._operation.wait(REPORT_SECONDS)
            self._end()
            conclude(self._operation, self._tally, f"C-MOVE to {self._destination.name}")
        finally:  # also when the caller has gone
            self._end()
            sender.join()

    def _end(self) -> None:
        """Give the instance in hand a moment, and then end whatever still goes on."""
        self._must_stop.set()
        assoc = self._assoc
        if not self._is_over.wait(GRACE_SECONDS) and assoc is not None:
            assoc.shut()

    def _send_all(self, pairs: Sequence[Pair]) -> None:
        try:
            for plan in plan_contexts(pairs):
                if not self._must_stop.is_set():
                    self._send(plan.contexts, plan.pairs)
        finally:
            self._is_over.set()
            self._operation.stir()

    def _send(self, contexts: Sequence[PresentationContext], pairs: frozenset[Pair]) -> None:
        """Send what the contexts are for over one association; what could not be tried there has failed."""
        mine = (
            held
            for held in self._wanted.held_in(self._index)
            if (held.sop_class_uid, held.transfer_syntax_uid) in pairs
        )
        try:
            assoc = self._assoc = self._destination.open_association(contexts)
            sending = Sending(self._opener, assoc, self._tally, self._is_stopping, self._originator)
            try:
                for outcome in sending.outcomes(mine):
                    if outcome.response is not None or not self._is_stopping():  # else it was we who broke it off
                        self._tally.take(outcome)
            finally:
                assoc.release()
        except TolmachError as error:
            self._tally.trouble = self._tally.trouble or error
        self._fail_rest(mine)

    def _fail_rest(self, left: Iterator[Held]) -> None:
        """Count what could not be tried."""
        try:
            for one in left:
                if self._is_stopping():
                    return
                self._tally.fail(one.sop_instance_uid, None)
        except RecordsTrouble as error:
            log.error("%s: %s", self._operation.peer, error)

    def _is_stopping(self) -> bool:
        return self._must_stop.is_set() or self._operation.is_cancelled
