"""A destination that does what the test says, and a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.outbox_double import Objects, OutboxDouble, line_of
from tolmach.base import Fault, NeedsOperator, Problem, Retryable
from tolmach.delivery.backoff import RetryPolicy
from tolmach.delivery.interfaces import Claimed, Outcome, OutcomeKind, Parcel, ProofKind
from tolmach.delivery.outlet import LanePolicy, Outlet, Timing
from tolmach.delivery.parcel import Unpacker
from tolmach.dicom.source import MemorySource

GONE = Fault("TLM-NET-998", "it went away.", "do")
REJECTED = Fault("TLM-NET-997", "it does not want us.", "do")
FULL = Fault("TLM-NET-996", "it is full.", "do")
START = datetime(2026, 11, 22, 3, tzinfo=UTC)


@dataclass
class Clock:
    """Time that stands until the test moves it."""

    now: datetime = START

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def timing(self) -> Timing:
        return Timing(lambda: self.now, lambda: (self.now - START).total_seconds(), lambda: 0.5)


def gone() -> Retryable:
    return Retryable(GONE)


def rejected() -> NeedsOperator:
    return NeedsOperator(REJECTED)


Answer = Callable[[Parcel], Outcome]


def said(kind: OutcomeKind, status: str = "0000", problem: Problem | None = None) -> Answer:
    return lambda parcel: Outcome(parcel.line.delivery_id, kind, status, problem)


@dataclass
class ScriptedSender:
    """Answers each parcel as `answers` say by number (else "stored"); an exception there is raised after the word."""

    answers: dict[int, Answer | BaseException] = field(default_factory=dict)
    unreachable: BaseException | None = None
    tried: list[int] = field(default_factory=list)
    calls: list[list[int]] = field(default_factory=list)
    closed: int = 0
    left_open: int = 0

    def send(self, parcels: Sequence[Parcel]) -> Iterator[Outcome]:
        self.calls.append([parcel.line.delivery_id for parcel in parcels])
        if self.unreachable is not None:
            raise self.unreachable
        self.left_open += 1
        try:
            for parcel in parcels:
                number = parcel.line.delivery_id
                self.tried.append(number)
                answer = self.answers.get(number, said("stored"))
                if isinstance(answer, Retryable):  # lost with this one in flight
                    yield Outcome(number, "later", problem=answer.problem)
                    raise answer
                if isinstance(answer, BaseException):
                    raise answer
                yield answer(parcel)
        finally:
            self.left_open -= 1

    def close(self) -> None:
        self.closed += 1


def lines(*numbers: int, study: str = "1.2.3") -> list[Claimed]:
    objects = Objects()
    sha256 = objects.keep(b"", 0)
    return [line_of(number, sha256, 0, study_instance_uid=study) for number in numbers]


def outlet_of(
    outbox: OutboxDouble,
    timing: Timing,
    *,
    proof: ProofKind = "response",
    retry: RetryPolicy | None = None,
    lane: LanePolicy | None = None,
) -> Outlet:
    objects = Objects()
    objects.keep(b"", 0)
    unpacker = Unpacker(objects.open, lambda blocks: MemorySource(b"".join(blocks)))
    return Outlet.of("pacs", outbox, unpacker, timing, proof=proof, retry=retry, lane=lane)
