"""The journey of what has arrived: examined, mended for each destination, its lines put into the outbox.

It begins where the receipt ended and ends in one commit. An object is never stuck and never lost: what cannot be read
waits in quarantine, what cannot be mended goes as it came, and a journey that was cut off by a power failure is simply
walked again.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from tolmach.archive.entry import entry_of
from tolmach.archive.interfaces import Entry
from tolmach.base import Problem
from tolmach.delivery.interfaces import Detected, Edition, Ending, JourneyEnds, NewDelivery
from tolmach.delivery.outcomes import UNFORESEEN
from tolmach.dicom.data_set import SOP_CLASS_UID, SOP_INSTANCE_UID, DataSet
from tolmach.dicom.delta import encode_delta
from tolmach.dicom.faults import Damaged, NotDicom
from tolmach.dicom.part10 import Inflate, open_data_set
from tolmach.dicom.paths import AttributePath, parse_path
from tolmach.dicom.scanner import ROOT
from tolmach.dicom.source import Source
from tolmach.edit.conditions import Origin
from tolmach.edit.draft import Draft
from tolmach.intake.faults import ObjectMissing, RecordsTrouble, StoreAway, StoreTrouble
from tolmach.intake.interfaces import Journeys, Pending, Provenance
from tolmach.intake.whole import reason_for_quarantine
from tolmach.journeys.faults import EXAMINATION_FAILED, NO_ROUTE, REBUILT
from tolmach.journeys.file import Mended
from tolmach.journeys.series import SeriesMender
from tolmach.repair.holding import HeldBack, require_passing
from tolmach.repair.memory import DeviceMemory, StudyMemory
from tolmach.repair.profile import Profile

log = logging.getLogger(__name__)

SHOWN = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "AccessionNumber",
    "Modality",
    "SeriesDescription",
    "InstitutionName",
    "StationName",
)
_SHOWN_PATHS = tuple((keyword, parse_path(keyword)) for keyword in SHOWN)
_STUDY, _SERIES = parse_path("StudyInstanceUID"), parse_path("SeriesInstanceUID")
_LONGEST_FACT = 1024
MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Bound:
    """One destination of an object, and how the object is mended for it; without a profile it goes as it came.

    With a reason to `hold`, its line waits until a person lets it go.
    """

    destination: str
    profile: Profile | None
    hold: Problem | None = None


class Router(Protocol):
    """Says where objects go and how they are mended on the way; any thread may ask."""

    def bound_for(self, data_set: DataSet | None, provenance: Provenance) -> tuple[Sequence[Bound], Sequence[Problem]]:
        """Give the destinations of an object, each once, and which conditions could not be decided.

        Without a data set, those destinations that ask nothing of it.
        """
        ...

    def profile_for(self, provenance: Provenance) -> Profile:
        """Give the profile an object of that source is examined with."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether an object without any destination is meant to stay here."""
        ...


@dataclass(slots=True)
class ArrivalJourney:
    """Walks journeys to their end, oldest object first; one thread at a time."""

    open_object: Callable[[str], AbstractContextManager[Source]]
    journeys: Journeys
    ends: JourneyEnds
    router: Router
    inflate: Inflate
    memory: DeviceMemory | None = None
    studies: StudyMemory = field(default_factory=StudyMemory)
    expect: Callable[[Sequence[str]], None] = field(default=lambda _sha256s: None)  # told what will be opened
    _menders: list[SeriesMender] = field(default_factory=list)
    _tries: dict[int, int] = field(default_factory=dict)  # of objects whose bytes could not be read

    def advance(self, limit: int = 32) -> int:
        """End the journeys of the oldest objects in one commit, and give how many ended; 0 when none could.

        An object whose bytes cannot be read is tried a few times, and then waits in quarantine; the others go on. Where
        nothing at all can be read it is the store that is in trouble, and everything waits. Raises `StoreTrouble` and
        `RecordsTrouble`, after which nothing has changed; safe to repeat.
        """
        pending = self.journeys.pending(limit)
        self.expect([one.arrival.sha256 for one in pending])
        endings: list[tuple[Pending, Ending]] = []
        trouble: StoreTrouble | None = None
        troubled: list[Pending] = []
        for one in pending:
            try:
                endings.append((one, self._ending(one)))
            except StoreTrouble as error:
                trouble = error
                troubled.append(one)
        # One object alone that cannot be read: only the store knows whether it is the object or the store itself.
        if trouble is not None and not endings and (len(troubled) > 1 or isinstance(trouble, StoreAway)):
            raise trouble
        endings += self._given_up(troubled, trouble)
        if endings:
            self._finish(endings)
        return len(endings)

    def _given_up(self, troubled: Sequence[Pending], trouble: StoreTrouble | None) -> Iterator[tuple[Pending, Ending]]:
        """Give the ends of objects that could not be read for too long."""
        tries = {one.object_id: self._tries.get(one.object_id, 0) + 1 for one in troubled}
        self._tries = {number: count for number, count in tries.items() if count < MOST_TRIES}
        for one in troubled:
            if trouble is not None and tries[one.object_id] >= MOST_TRIES:
                yield one, self._unreadable(one, trouble.problem)

    def _finish(self, endings: Sequence[tuple[Pending, Ending]]) -> None:
        """Commit ends together; one that cannot be written at all must not keep the others."""
        try:
            self.ends.finish([ending for _pending, ending in endings])
        except UNFORESEEN as error:
            if len(endings) > 1:
                for one in endings:
                    self._finish([one])
                return
            ((pending, _ending),) = endings
            log.error("the end of object %d cannot be recorded: %s", pending.object_id, where(error))
            self.ends.finish([self._unreadable(pending, Problem(EXAMINATION_FAILED, {"why": type(error).__name__}))])

    def _ending(self, pending: Pending) -> Ending:
        try:
            with self.open_object(pending.arrival.sha256) as source:
                return self._examined(pending, source)
        except (NotDicom, Damaged, ObjectMissing) as error:
            return self._unreadable(pending, error.problem)
        except (StoreTrouble, RecordsTrouble):
            raise
        except Exception as error:  # noqa: BLE001 - a supervisor, see tests/architecture/supervisors.toml
            # One object must not end the journeys of all others; an error of ours in its text must not stop it either.
            log.error("object %d could not be examined: %s", pending.object_id, where(error))
            return self._as_it_came(pending, Problem(EXAMINATION_FAILED, {"why": type(error).__name__}))

    def _as_it_came(self, pending: Pending, problem: Problem) -> Ending:
        """Let an object go on unmended when mending it failed in a way nobody foresaw."""
        try:
            with self.open_object(pending.arrival.sha256) as source:
                came = open_data_set(source, self.inflate)
                _require_sound(came, pending)
                bound, _undecided = self.router.bound_for(came, pending.arrival.provenance)
                deliveries = [NewDelivery(one.destination, 0, one.hold) for one in bound]
                edition = _edition_of(came, None)
                entry = _entry(came, edition)
        except (StoreTrouble, RecordsTrouble):
            raise
        except Exception as error:  # noqa: BLE001 - a supervisor, see tests/architecture/supervisors.toml
            log.error("object %d could not be read either: %s", pending.object_id, where(error))
            return self._unreadable(pending, problem)
        return Ending(
            object_id=pending.object_id,
            sop_class_uid=came.sop_class_uid,
            sop_instance_uid=came.sop_instance_uid,
            transfer_syntax_uid=came.transfer_syntax_uid,
            verdict="unsure",
            problems=(problem,),
            editions=[edition],
            deliveries=deliveries,
            entry=entry,
        )

    def _examined(self, pending: Pending, source: Source) -> Ending:
        arrival = pending.arrival
        origin = origin_of(arrival.provenance)
        came, examined = self._mended(source, self.router.profile_for(arrival.provenance), origin, pending)
        shown = examined
        _require_sound(came, pending)
        bound, undecided = self.router.bound_for(came, arrival.provenance)
        editions: list[Edition] = []
        deliveries: list[NewDelivery] = []
        for one in bound:
            mended = None
            if one.profile is not None:
                shown = mended = self._mended(source, one.profile, origin, pending)[1]
            edition = _edition_of(came, mended)
            if edition not in editions:
                editions.append(edition)
            held_for = self._reason_to_hold(mended, one, arrival.provenance)
            deliveries.append(NewDelivery(one.destination, editions.index(edition), held_for))
        own = _edition_of(came, examined if self.router.keeps else shown)
        if self.router.keeps and own not in editions:
            editions.append(own)  # what is kept here is mended, whatever letters the destinations want
        unwanted = None
        if not bound and undecided:
            unwanted = undecided[0]
        elif not bound and not self.router.keeps:
            unwanted = Problem(NO_ROUTE, {"source": _named(arrival.provenance)})
        told = self._told(pending, came, shown, editions or [own], own, deliveries)
        return replace(told, problems=(*told.problems, *undecided), quarantine=unwanted)

    def _told(
        self,
        pending: Pending,
        came: DataSet,
        shown: Mended,
        editions: Sequence[Edition],
        own: Edition,
        deliveries: Sequence[NewDelivery],
    ) -> Ending:
        found = shown.diagnosis.detection
        number = editions.index(own) if own in editions else 0
        after = {change.path: change.after for change in shown.changes}
        draft = Draft(came)
        return Ending(
            object_id=pending.object_id,
            sop_class_uid=came.sop_class_uid,
            sop_instance_uid=came.sop_instance_uid,
            transfer_syntax_uid=came.transfer_syntax_uid,
            study_instance_uid=_text(draft, _STUDY, after),
            series_instance_uid=_text(draft, _SERIES, after),
            character_set=came.character_sets.get(ROOT, ()),
            verdict=shown.verdict,
            detected=None if found is None else Detected(found.code_page, found.confidence, found.evidence),
            facts={keyword: text for keyword, path in _SHOWN_PATHS if (text := _text(draft, path, after))},
            problems=shown.problems,
            editions=editions,
            edition_shown=number,
            deliveries=deliveries,
            entry=_entry(came, editions[number]),
        )

    def _mended(self, source: Source, profile: Profile, origin: Origin, pending: Pending) -> tuple[DataSet, Mended]:
        # The time of receipt, not of now: a journey that is walked again must come to the same bytes.
        return self._mender(profile).mend(source, origin, now=pending.arrival.received_at)

    def _mender(self, profile: Profile) -> SeriesMender:
        for mender in self._menders:
            if mender.profile == profile:
                return mender
        self._menders.append(SeriesMender(profile, self.inflate, self.memory, self.studies))
        return self._menders[-1]

    def _reason_to_hold(self, mended: Mended | None, bound: Bound, provenance: Provenance) -> Problem | None:
        if provenance.entrance == "rebuild":
            return Problem(REBUILT)
        if mended is None or bound.profile is None:
            return bound.hold
        try:
            require_passing(mended.verdict, bound.profile)
        except HeldBack as error:
            return error.problem  # before the other reason: what ends that one must not let doubtful text go
        return bound.hold

    def _unreadable(self, pending: Pending, problem: Problem) -> Ending:
        """Keep what cannot be read; when a person has released it, let it go on just as it came."""
        arrival = pending.arrival
        bound = self.router.bound_for(None, arrival.provenance)[0] if pending.released else ()
        as_it_came = Edition(b"", arrival.sop_class_uid, arrival.sop_instance_uid)
        return Ending(
            object_id=pending.object_id,
            sop_class_uid=arrival.sop_class_uid,
            sop_instance_uid=arrival.sop_instance_uid,
            transfer_syntax_uid=arrival.transfer_syntax_uid,
            verdict="unreadable",
            problems=(problem,),
            editions=[as_it_came] if bound else (),
            deliveries=[NewDelivery(one.destination, 0, one.hold) for one in bound],
            quarantine=None if bound else problem,
        )


def origin_of(provenance: Provenance) -> Origin:
    """Give what conditions may ask of where an object came from."""
    facts = {"source.ae_title": provenance.ae_title} if provenance.ae_title else {}
    if provenance.entrance == "folder":
        facts["source.watch"] = provenance.name
    return Origin(facts)


def where(error: BaseException) -> str:
    """Tell where an error nobody foresaw happened; its words may quote a patient, and stay out of the log."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places}"


def _named(provenance: Provenance) -> str:
    return provenance.name or provenance.ae_title or provenance.host


def _require_sound(came: DataSet, pending: Pending) -> None:
    """Require an instance that an archive could keep and its sender spoke of, unless a person has released it."""
    reason = None if pending.released else reason_for_quarantine(came, pending.arrival)
    if reason is not None:
        raise Damaged(reason.fault, **reason.facts)


def _edition_of(came: DataSet, mended: Mended | None) -> Edition:
    if mended is None or not mended.revision.is_changed:
        return Edition(b"", came.sop_class_uid, came.sop_instance_uid)
    revision = mended.revision
    return Edition(
        encode_delta(revision.pieces.parts),
        revision.uid(SOP_CLASS_UID) or came.sop_class_uid,
        revision.uid(SOP_INSTANCE_UID) or came.sop_instance_uid,
        mended.changes,
    )


def _entry(came: DataSet, edition: Edition) -> Entry:
    uids = {"sop_class_uid": edition.sop_class_uid, "sop_instance_uid": edition.sop_instance_uid}
    return entry_of(came, edition.changes, **uids)


def _text(draft: Draft, path: AttributePath, after: dict[str, str | None]) -> str:
    text = after[str(path)] if str(path) in after else draft.text(path)
    return (text or "").replace("\0", "")[:_LONGEST_FACT]
