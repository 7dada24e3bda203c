"""C-STORE as a sender of the outbox: contexts planned for the batch, the association kept for the next one.

Whatever is wrong with one item is that item's outcome. Only when the peer cannot be reached, or goes away, is an error
raised; what was in flight then has its outcome first.

Standard: PS3.4 annex B, PS3.7 section 9.1.1.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tolmach.adapters.dimse.association import Association
from tolmach.adapters.dimse.context_plan import Pair, alternatives_to, plan_contexts
from tolmach.adapters.dimse.errors import AssociationAborted, AssociationLost, InstanceNotSendable
from tolmach.adapters.dimse.pdu import PresentationContext
from tolmach.adapters.dimse.status import StoreOutcomeClass
from tolmach.adapters.dimse.storage_scu import OutgoingInstance, StoreOutcome, store_all
from tolmach.adapters.dimse.transport import Clock
from tolmach.base import Problem, TolmachError
from tolmach.delivery.faults import NO_IDENTITY, NoIdentity
from tolmach.delivery.interfaces import Content, Outcome, OutcomeKind, Parcel
from tolmach.delivery.outcomes import ITEM_ERRORS, outcome_of_error
from tolmach.dicom.faults import ODD_LENGTH
from tolmach.dicom.source import MemorySource, Source
from tolmach.dicom.splice import Extent, Pieces

IDLE_SECONDS = 5.0
RELEASE_SECONDS = 1.0
MAX_UID = 64  # Standard: PS3.5 section 9.1
_WHOLE = 1 << 40

OpenAssociation = Callable[[Sequence[PresentationContext]], Association]

_KINDS: dict[StoreOutcomeClass, OutcomeKind] = {
    StoreOutcomeClass.SUCCESS: "stored",
    StoreOutcomeClass.WARNING: "stored",
    StoreOutcomeClass.DUPLICATE: "duplicate",
    StoreOutcomeClass.RETRYABLE: "later",
    StoreOutcomeClass.REFUSED: "refused",
}


class NotesTrouble(Protocol):
    """Where it is kept that the bytes of an item could not be read to their end."""

    trouble: TolmachError | None


def chunks_of(content: Source, notes: NotesTrouble) -> Iterable[memoryview | bytes]:
    """Give the bytes for the wire: all at once where they are in memory, so that they leave in one call.

    Where they cannot be read on they end early, and `notes` says why: the association closes, and nothing is stored.
    """
    if not isinstance(content, Pieces):
        content = Pieces.of(content, [Extent(0, content.size)])
    if isinstance(content.source, MemorySource):
        return tuple(content.chunks(_WHOLE))
    return _watched(content.chunks(), notes)


def _watched(chunks: Iterator[memoryview | bytes], notes: NotesTrouble) -> Iterator[memoryview | bytes]:
    try:
        yield from chunks
    except TolmachError as error:
        notes.trouble = error


@dataclass(slots=True)
class _InFlight:
    """An item that waits for the peer's word."""

    parcel: Parcel
    remark: Problem | None = None
    trouble: TolmachError | None = None


class StorageSender:
    """Stores parcels at one DICOM peer; see `delivery.interfaces.Sender`. One thread at a time."""

    def __init__(
        self, open_association: OpenAssociation, idle_seconds: float = IDLE_SECONDS, clock: Clock = time.monotonic
    ) -> None:
        """Connect at the first parcel; an association that was idle for longer than that is not used again."""
        self._open_association, self._idle_seconds, self._clock = open_association, idle_seconds, clock
        self._assoc: Association | None = None
        self._pairs: dict[Pair, None] = {}  # what the association was opened for, the latest last
        self._used_at = 0.0

    def send(self, parcels: Sequence[Parcel]) -> Iterator[Outcome]:
        """Store parcels in order, each on an association that was negotiated for it."""
        sendable: list[Parcel] = []
        for parcel in parcels:
            try:
                _require_identity(parcel)
                sendable.append(parcel)
            except NoIdentity as error:
                yield outcome_of_error(parcel.line, error)
        for pairs in _batches(sendable):
            mine = [parcel for parcel in sendable if _pair_of(parcel) in pairs]
            todo = deque(mine)
            while todo:
                yield from self._store(todo, pairs)

    def close(self) -> None:
        """Release the association, if one is open; may be repeated. Who drops A-RELEASE is not waited for."""
        assoc, self._assoc = self._assoc, None
        if assoc is not None:
            farewell = threading.Thread(target=assoc.release, name="release", daemon=True)
            farewell.start()
            farewell.join(RELEASE_SECONDS)

    def _store(self, todo: deque[Parcel], pairs: Sequence[Pair]) -> Iterator[Outcome]:
        """Send over one association until nothing is left, or it is over for a reason that is not the peer's."""
        is_kept = self._is_good_for(pairs)
        assoc = self._assoc if is_kept and self._assoc is not None else self._associate(pairs)
        try:
            yield from _Stream(assoc, todo, is_kept=is_kept).outcomes()
        finally:
            self._used_at = self._clock()
            if not assoc.is_open:
                self._assoc = None

    def _is_good_for(self, pairs: Sequence[Pair]) -> bool:
        """Tell whether the kept association serves these pairs; what it was refused may be accepted by now."""
        assoc = self._assoc
        if assoc is None or not assoc.is_open or self._clock() - self._used_at > self._idle_seconds:
            return False
        return all(pair in self._pairs and _accepts(assoc, pair) for pair in pairs)

    def _associate(self, pairs: Sequence[Pair]) -> Association:
        """Open an association for these pairs, and as many of those needed lately as it has room for."""
        self.close()
        wanted = dict.fromkeys([*pairs, *(pair for pair in reversed(self._pairs) if pair not in pairs)])
        plan = plan_contexts(wanted)[0]
        self._pairs = {pair: None for pair in reversed(wanted) if pair in plan.pairs}
        self._assoc = self._open_association(plan.contexts)
        return self._assoc


class _Stream:
    """Items over one association: one prepared ahead of the peer, concluded when it has answered."""

    def __init__(self, assoc: Association, todo: deque[Parcel], *, is_kept: bool) -> None:
        self.assoc, self.todo = assoc, todo
        # Peers close what is idle, and that shows only now: until the first answer it says nothing about the item.
        self.may_be_stale = is_kept
        self.on_the_way: deque[_InFlight] = deque()
        self.failed: deque[Outcome] = deque()
        self.returned: list[Parcel] = []
        self.lost: TolmachError | None = None

    def outcomes(self) -> Iterator[Outcome]:
        """Give outcomes until nothing is left or the association is over; raises when the peer ended it."""
        instances = self._instances()
        try:
            for stored in store_all(self.assoc, instances):
                yield from self._failures()
                outcome = self._outcome(self.on_the_way.popleft(), stored)
                if outcome is not None:
                    yield outcome
            yield from self._failures()
        finally:
            instances.close()
            self.todo.extendleft(reversed(self.returned))
        if self.lost is not None:
            raise self.lost

    def _failures(self) -> Iterator[Outcome]:
        while self.failed:
            yield self.failed.popleft()

    def _outcome(self, item: _InFlight, stored: StoreOutcome) -> Outcome | None:
        """Give what became of an item, or None when its turn has not come yet."""
        line, error = item.parcel.line, item.trouble or stored.error
        if stored.response is not None:
            self.may_be_stale = False
            meaning, status = stored.response.meaning, f"{stored.response.status:04X}"
            problem = None if error is None else error.problem
            if meaning.outcome is StoreOutcomeClass.WARNING:
                problem = Problem(meaning.fault, {"peer": self.assoc.peer})
            return Outcome(line.delivery_id, _KINDS[meaning.outcome], status, problem or item.remark)
        assert error is not None
        if self.assoc.is_open or error is item.trouble or isinstance(error, InstanceNotSendable):
            return outcome_of_error(line, error)
        if isinstance(error, AssociationLost | AssociationAborted) and (self.may_be_stale or not stored.may_be_stored):
            self.returned.append(item.parcel)
            return None
        self.lost = error
        return Outcome(line.delivery_id, "later", problem=error.problem)

    def _instances(self) -> Generator[OutgoingInstance, None, None]:
        while self.todo:
            parcel = self.todo.popleft()
            try:
                with parcel.open() as content:
                    yield self._instance(parcel, content)
            except ITEM_ERRORS as error:
                if not (self.on_the_way and self.on_the_way[-1].parcel is parcel):  # its bytes have left already
                    self.failed.append(outcome_of_error(parcel.line, error))

    def _instance(self, parcel: Parcel, content: Content) -> OutgoingInstance:
        """Put an item into a form the peer accepted; raises when there is none."""
        line, (sop_class, own) = parcel.line, _pair_of(parcel)
        syntax = next(_syntaxes(self.assoc, (sop_class, own)), own)
        self.assoc.required_context(sop_class, syntax)
        source, padded = content.in_syntax(syntax)
        item = _InFlight(parcel, Problem(ODD_LENGTH, {"path": padded}) if padded else None)
        self.on_the_way.append(item)
        return OutgoingInstance(sop_class, line.sop_instance_uid, syntax, source.size, lambda: chunks_of(source, item))


def _syntaxes(assoc: Association, pair: Pair) -> Iterator[str]:
    """Give the syntaxes that an instance can go out in over an association, its own first."""
    sop_class, own = pair
    return (one for one in alternatives_to(own) if assoc.context_for(sop_class, one) is not None)


def _accepts(assoc: Association, pair: Pair) -> bool:
    return next(_syntaxes(assoc, pair), None) is not None


def _pair_of(parcel: Parcel) -> Pair:
    return parcel.line.sop_class_uid, parcel.line.transfer_syntax_uid


def _require_identity(parcel: Parcel) -> None:
    """Require what C-STORE cannot do without; archives break the association over a UID that is too long."""
    line = parcel.line
    for keyword, uid in (
        ("SOPClassUID", line.sop_class_uid),
        ("SOPInstanceUID", line.sop_instance_uid),
        ("TransferSyntaxUID", line.transfer_syntax_uid),
    ):
        if not 0 < len(uid) <= MAX_UID or not uid.isascii():
            raise NoIdentity(NO_IDENTITY, keyword=keyword)


def _batches(parcels: Sequence[Parcel]) -> list[Sequence[Pair]]:
    """Give the pairs of the parcels, as many at a time as fit one association; nearly always all of them."""
    wanted = dict.fromkeys(map(_pair_of, parcels))
    return [[pair for pair in wanted if pair in plan.pairs] for plan in plan_contexts(wanted)]
