"""What delivery needs of the world: an outbox that survives everything, senders, and somebody who asks for proof.

One line of the outbox stands for one object and one destination. It is written in the transaction that ends the
object's journey, so that nothing can be received and not queued.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from tolmach.base import Phrase, Problem
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.source import Source
from tolmach.edit.changes import Change

State = Literal["queued", "delivered", "held", "quarantined", "deleted"]
ProofKind = Literal["response", "commitment", "query"]

# What ends a journey ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Edition:
    """An object as one or more destinations get it: the stored bytes with a few changes, decided and proved once.

    `delta` (of `tolmach.dicom.delta`) says which slices of the stored data set and which new bytes make it up; empty
    when it is the stored data set itself. So every attempt sends the same bytes, whatever was configured since.
    """

    delta: bytes
    sop_class_uid: str
    sop_instance_uid: str
    changes: Sequence[Change] = ()


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A line for the outbox: which edition (an index) goes where; `held_for` keeps it until a person agrees."""

    destination: str
    edition: int
    held_for: Problem | None = None


@dataclass(frozen=True, slots=True)
class Detected:
    """Which code page the text was found to be in, how surely, and why; without a page it was left as it is."""

    code_page: str | None
    confidence: float
    evidence: Phrase


_Item = Mapping[str, tuple[str, ...]]
_Values = Mapping[str, tuple[str | _Item, ...]]


class IndexEntry(Protocol):
    """What an archive keeps of an instance: the attributes of each level, by keyword (`tolmach.archive`)."""

    @property
    def patient(self) -> _Values:
        """Of the patient."""
        ...

    @property
    def study(self) -> _Values:
        """Of the study."""
        ...

    @property
    def series(self) -> _Values:
        """Of the series."""
        ...

    @property
    def instance(self) -> _Values:
        """Of the instance."""
        ...


@dataclass(frozen=True, slots=True)
class Ending:
    """How the journey of one object ended: what it is, what was found, what goes where.

    With `quarantine` nothing goes anywhere: the bytes are kept, the reason is shown, a person may release it; only what
    an earlier journey of the same object has sent on its way goes on, and the reason is shown beside it. `facts`
    are the attributes that lists and searches show, by keyword, readable (`PatientName`, `PatientID`, `StudyDate`,
    `Modality`, …); `edition_shown` is the one whose changes the history tells, and the one the archive gives back.
    `entry` is what the archive finds it by; without one it is not found there.
    """

    object_id: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    character_set: Sequence[str] = ()
    verdict: str = "clean"
    facts: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    editions: Sequence[Edition] = ()
    edition_shown: int = 0
    deliveries: Sequence[NewDelivery] = ()
    quarantine: Problem | None = None
    detected: Detected | None = None
    entry: IndexEntry | None = None


class JourneyEnds(Protocol):
    """Where journeys end; any thread may call."""

    def finish(self, endings: Sequence[Ending]) -> None:
        """Commit the ends of some journeys and their outbox lines, all in one transaction, durable on return.

        Safe to repeat: an object whose journey has ended already is left as it is. Raises `RecordsTrouble`.
        """
        ...


# The outbox -------------------------------------------------------------------------------------------------


LONGEST_WAIT_SECONDS = 7200.0


@dataclass(frozen=True, slots=True)
class Claimed:
    """A line of the outbox that this process may work on until its lease ends.

    `stored_sha256` and `data_set_offset` say where the bytes are; the UIDs are those it goes out with. `attempts`
    counts what was tried before.
    """

    delivery_id: int
    object_id: int
    destination: str
    stored_sha256: str
    data_set_offset: int
    delta: bytes
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str
    series_instance_uid: str
    attempts: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a claimed line becomes; its lease ends with it.

    `queued` with `next_attempt_at` waits until then. `held` with a time is tried again then all the same, without one
    only when a person says so. `awaits_proof`: the destination said that it stores it, and stays `queued` until proof
    comes. `attempted` counts one more attempt. `status` is what the destination answered ("0000", "200", "AA"), `place`
    the path of the file it was written as, empty where it is none.
    """

    delivery_id: int
    state: State
    next_attempt_at: datetime | None = None
    attempted: bool = True
    awaits_proof: bool = False
    status: str = ""
    proof: ProofKind | None = None
    problem: Problem | None = None
    place: str = ""


class Outbox(Protocol):
    """The queue; any thread may call. Times are UTC."""

    def claim(
        self,
        destination: str,
        owner: str,
        limit: int,
        now: datetime,
        lease_seconds: float,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> Sequence[Claimed]:
        """Lease due lines of one destination to `owner`, oldest first, all of one study, in the order of their receipt.

        Lines of a study in which another owner holds a lease are left alone, so that order inside a study is kept. What
        waits for its next attempt, is held, or awaits proof is not given; but what is to wait longer than anybody ever
        waits was given its time by a clock that was wrong, and is due. Empty when nothing is due.
        """
        ...

    def conclude(self, conclusions: Sequence[Conclusion], now: datetime) -> None:
        """Write what became of claimed lines, in one commit; durable on return. Safe to repeat.

        A line that a person has held or dropped meanwhile keeps the person's word, unless it was delivered.
        """
        ...

    def give_back(self, delivery_ids: Sequence[int], owner: str) -> None:
        """End the leases `owner` has on lines that were not tried; they are due as before and no attempt is counted."""
        ...

    def clear_leases(self, owner: str) -> int:
        """End all leases `owner` has, and give how many; for one that has nothing in hand. Safe to repeat."""
        ...

    def next_due(self, destination: str) -> datetime | None:
        """Give when the next unleased line of a destination falls due (maybe in the past), or None when none waits."""
        ...

    def awaiting_proof(
        self, destination: str, limit: int, after: tuple[datetime, int] | None = None
    ) -> Sequence[tuple[Claimed, datetime]]:
        """Give lines that await proof, oldest first, each with the moment the destination said that it stores it.

        `after` leaves out what comes before a line that was given already, and that line: its moment and its number.
        """
        ...

    def note_destination(self, destination: str, problem: Problem | None, retry_at: datetime | None) -> None:
        """Remember why a destination cannot be reached now, for people to see; None when it is well again."""
        ...


# Senders ----------------------------------------------------------------------------------------------------


class Content(Protocol):
    """The bytes of one parcel, open for reading."""

    @property
    def stored(self) -> Source:
        """The stored file as it came, whole: what an HL7 message is, and what nobody could read as DICOM."""
        ...

    @property
    def data_set(self) -> DataSet:
        """The data set as it goes out, scanned. Raises `Damaged` or `NotDicom`."""
        ...

    def in_syntax(self, transfer_syntax_uid: str) -> tuple[Source, str]:
        """Give the data set's bytes for the wire, and the path of what had to be padded or ""; raises `Damaged`."""
        ...

    def as_file(self) -> Iterable[memoryview | bytes]:
        """Give the bytes of a whole Part 10 file; each buffer is valid until the next is asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Parcel:
    """One claimed line, ready to be opened by a sender."""

    line: Claimed
    open: Callable[[], AbstractContextManager[Content]]


OutcomeKind = Literal["stored", "duplicate", "later", "refused"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a destination made of one parcel.

    `stored`: it said, matchingly, that it stores it (`problem` may carry a remark). `duplicate`: it says that it has
    this UID already, which counts only when proof agrees. `later`: not stored, may be stored later unchanged.
    `refused`: not stored until somebody changes something; also what cannot be sent at all. `attempted` is False where
    nothing was tried at all, as on a dry run. `place` is the absolute path of the file that was written, or found.
    """

    delivery_id: int
    kind: OutcomeKind
    status: str = ""
    problem: Problem | None = None
    attempted: bool = True
    place: str = ""


class Sender(Protocol):
    """Brings parcels to one destination; one thread at a time."""

    def send(self, parcels: Sequence[Parcel]) -> Iterator[Outcome]:
        """Try parcels in order and give one outcome for each that was tried, as soon as it is known.

        Parcels without an outcome were not tried. Never "stored" without the destination's matching word. Raises a
        `TolmachError` when the destination as a whole cannot be reached or went away; what was in flight then has its
        outcome ("later") first. May be repeated: storing an object twice is harmless.
        """
        ...

    def close(self) -> None:
        """Give up connections that are kept for the next call; may be repeated."""
        ...


# Proof ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProofAnswer:
    """What was found out about one line: the destination has it, has it not, or cannot tell yet."""

    delivery_id: int
    has_it: bool | None
    problem: Problem | None = None


class Prover(Protocol):
    """Asks one destination whether it truly holds what it said it stores; one thread at a time."""

    @property
    def kind(self) -> ProofKind:
        """What the proof is called in the records."""
        ...

    def prove(self, lines: Sequence[Claimed]) -> Iterator[ProofAnswer]:
        """Give an answer for each line, `None` where the answer is to come later; raises a `TolmachError` as `Sender`.

        May be repeated for lines without an answer.
        """
        ...


class CommitmentAnswer(Protocol):
    """What a Storage Commitment report says of the lines that were asked about and are not concluded."""

    @property
    def destination(self) -> str:
        """Whose report it is."""
        ...

    @property
    def proved(self) -> Sequence[Claimed]:
        """Lines that the destination answers for."""
        ...

    @property
    def refused(self) -> Sequence[tuple[Claimed, int]]:
        """Lines that it does not answer for, with its reason."""
        ...

    @property
    def unmentioned(self) -> Sequence[Claimed]:
        """Lines that were in the question and not in the answer."""
        ...


class CommitmentTransactions(Protocol):
    """Transactions of Storage Commitment, which outlive a restart; any thread may call."""

    def begin(self, transaction_uid: str, destination: str, delivery_ids: Sequence[int], at: datetime) -> None:
        """Remember what is about to be asked; durable on return. Raises `RecordsTrouble`. For a new UID only."""
        ...

    def answer(
        self, transaction_uid: str, stored: Collection[str], failed: Mapping[str, int], at: datetime
    ) -> CommitmentAnswer | None:
        """End a transaction and give what the answer says of its lines; None for one that nobody knows.

        `stored` and `failed` are SOP Instance UIDs as they went out, the latter with the reason. May be repeated.
        Raises `RecordsTrouble`.
        """
        ...
