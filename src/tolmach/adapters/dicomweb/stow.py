"""STOW-RS: objects stream from a request into the store, each told to be stored only when it is ours (promise 1).

Standard: PS3.18 section 10.5 (Store Transaction), annex I.2 (response).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime

from tolmach.adapters.dicomweb.answers import DICOM_JSON, Reply, dumped, loggable
from tolmach.adapters.dicomweb.held import is_uid
from tolmach.adapters.dicomweb.json_model import json_of_values
from tolmach.adapters.dicomweb.media_types import DICOM, MULTIPART, OCTETS, MediaRange, Offer, choose, parse_media_type
from tolmach.adapters.dicomweb.multipart import PartReader
from tolmach.adapters.dicomweb.served_faults import UNKNOWN_MEDIA, BadRequest, TooLarge, UnknownMedia, bad
from tolmach.adapters.dicomweb.stow_metadata import Assembly
from tolmach.adapters.dicomweb.wado_rs import DICOM_XML
from tolmach.adapters.dicomweb.xml_model import xml_of
from tolmach.adapters.folder.reading import SeekingSource
from tolmach.archive.interfaces import Item
from tolmach.base import N_, Phrase, Refused, Retryable
from tolmach.dicom import dictionary
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.part10 import Inflate, open_data_set
from tolmach.intake.faults import DiskFull, NoRoom
from tolmach.intake.interfaces import Arrival, ObjectStore, Provenance, Spooled
from tolmach.intake.receive import Intake
from tolmach.intake.whole import reason_for_quarantine

log = logging.getLogger(__name__)

AT_ONCE = 4  # objects of one request that are made durable at the same time
# Standard: PS3.18 table I.2-2 and PS3.4 table B.2-1 (failure reasons).
OUT_OF_RESOURCES, MISMATCH, NOT_UNDERSTOOD = 0xA700, 0xA900, 0xC000
_STUDY, _SERIES = dictionary.tag_of("StudyInstanceUID") or 0, dictionary.tag_of("SeriesInstanceUID") or 0


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one object: stored where `reason` is 0. UIDs are empty where nothing says them."""

    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    reason: int = 0
    has_no_room: bool = False


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """A request to store: who brings it, for which study (any where empty), and what answer he can take."""

    blocks: Iterable[bytes]
    content_type: str
    provenance: Provenance
    study: str = ""
    ranges: Sequence[MediaRange] = (MediaRange("*/*"),)
    base: str = ""


class _Outcomes:
    """What becomes of the objects of one request, in their order; a few of them are still being made durable."""

    def __init__(self) -> None:
        self._found: list[Stored | Future[Stored]] = []
        self._open: deque[Future[Stored]] = deque()

    def add(self, one: Stored | Future[Stored]) -> None:
        self._found.append(one)
        if isinstance(one, Future):
            self._open.append(one)
            if len(self._open) > AT_ONCE:
                self._open.popleft().result()

    def known(self) -> list[Stored]:
        """Wait for the last of them."""
        return [one.result() if isinstance(one, Future) else one for one in self._found]


@dataclass(slots=True)
class StowReceiver:
    """Takes requests to store; any thread may call. `arrived` is told of each object taken.

    While one object is made durable, in one of `threads`, the next is already read.
    """

    store: ObjectStore
    intake: Intake
    inflate: Inflate
    now: Callable[[], datetime]
    threads: Executor
    arrived: Callable[[], None] = field(default=lambda: None)

    def receive(self, request: StoreRequest) -> Reply:
        """Store what the request brings and tell what became of each object.

        Memory stays flat, whatever comes. Raises `NoRoom` before anything is read, `UnknownMedia`, `NotAcceptable`,
        `BadRequest` where nothing was stored, and whatever the blocks raise. May be repeated.
        """
        offer, _range = choose(request.ranges, (Offer(DICOM_JSON), Offer("application/json"), Offer(DICOM_XML)))
        kind, parameters = parse_media_type(request.content_type)
        if kind not in (MULTIPART, DICOM):
            raise _unknown(kind)
        self.intake.require_room()
        outcomes = _Outcomes()
        try:
            if kind == DICOM:
                outcomes.add(self._take(request.blocks, request))
            else:
                reader = PartReader(request.blocks, parameters.get("boundary", ""))
                for outcome in self._parts(reader, parameters.get("type", DICOM).lower(), request):
                    outcomes.add(outcome)
        except (BadRequest, TooLarge) as error:
            if not any(one.reason == 0 for one in outcomes.known()):
                raise
            log.warning("a request to store ended early: %s", loggable(error))
            outcomes.add(Stored(reason=NOT_UNDERSTOOD))
        found = outcomes.known()
        if not found:
            raise bad(Phrase(N_("the body holds nothing to store")))
        return _reply(found, request, offer)

    def _parts(self, reader: PartReader, root: str, request: StoreRequest) -> Iterator[Stored | Future[Stored]]:
        if root in (DICOM_JSON, DICOM_XML):
            yield from self._assembled(reader, request)
            return
        if root not in (DICOM, OCTETS):
            raise _unknown(root)
        for part in reader.parts():
            kind = parse_media_type(part.headers.get("content-type", DICOM))[0]
            if kind in (DICOM, OCTETS):
                yield self._take(part.blocks, request)
            else:
                yield Stored(reason=NOT_UNDERSTOOD)

    def _assembled(self, reader: PartReader, request: StoreRequest) -> Iterator[Stored | Future[Stored]]:
        """Store objects that come as metadata and bulk data; what is missing costs only its own object."""
        with Assembly(self.store.incoming) as assembly:
            for part in reader.parts():
                assembly.add(part)
            for model in assembly.models:
                try:
                    yield self._take(assembly.file_of(model), request)
                except BadRequest as error:
                    log.warning("metadata that cannot be stored: %s", loggable(error))
                    yield Stored(*assembly.uids_of(model), reason=NOT_UNDERSTOOD)

    def _take(self, blocks: Iterable[bytes | memoryview], request: StoreRequest) -> Stored | Future[Stored]:
        """Take one object in, or tell why not; raises only what the blocks raise about the request itself."""
        found = Stored()
        with ExitStack() as stack:
            try:
                self.intake.require_room()
                spooled = stack.enter_context(self.store.spool(blocks))
                found = self._judged(spooled, request)
            except (BadRequest, TooLarge):
                raise
            except (Refused, Retryable) as error:
                return _not_stored(found, error)
            if found.reason:
                return found
            return self.threads.submit(self._accepted, stack.pop_all(), spooled, found, request.provenance)

    def _accepted(self, spool: ExitStack, spooled: Spooled, found: Stored, provenance: Provenance) -> Stored:
        """Make an object ours for good; only now it is stored."""
        with spool:
            try:
                self.intake.accept(spooled, provenance)
            except (Refused, Retryable) as error:
                return _not_stored(found, error)
        self.arrived()
        return found

    def _judged(self, spooled: Spooled, request: StoreRequest) -> Stored:
        """Read an object to its end: whole, of the study that was named, and one an archive can keep."""
        known = Stored(spooled.sop_class_uid, spooled.sop_instance_uid)
        try:
            data_set = open_data_set(SeekingSource(spooled.file, spooled.size, spooled.path), self.inflate)
        except Refused as error:
            log.warning("an object that cannot be read: %s", loggable(error))
            return replace(known, reason=NOT_UNDERSTOOD)
        found = _found(data_set)
        if request.study and found.study_instance_uid != request.study:
            return replace(found, reason=MISMATCH)
        reason = reason_for_quarantine(data_set, self._arrival(spooled, request.provenance))
        if reason is not None:
            log.warning("an object that cannot be kept: %s", loggable(reason))
            return replace(found, reason=NOT_UNDERSTOOD)
        return found

    def _arrival(self, spooled: Spooled, provenance: Provenance) -> Arrival:
        return Arrival(
            sha256=spooled.sha256,
            size=spooled.size,
            data_set_offset=spooled.data_set_offset,
            sop_class_uid=spooled.sop_class_uid,
            sop_instance_uid=spooled.sop_instance_uid,
            transfer_syntax_uid=spooled.transfer_syntax_uid,
            provenance=provenance,
            received_at=self.now(),
        )


def _not_stored(found: Stored, error: Refused | Retryable) -> Stored:
    log.log(
        logging.WARNING if isinstance(error, Refused) else logging.ERROR, "an object is not stored: %s", loggable(error)
    )
    if isinstance(error, Refused):
        return replace(found, reason=NOT_UNDERSTOOD)
    return replace(found, reason=OUT_OF_RESOURCES, has_no_room=isinstance(error, NoRoom | DiskFull))


def _found(data_set: DataSet) -> Stored:
    return Stored(data_set.sop_class_uid, data_set.sop_instance_uid, data_set.uid(_STUDY), data_set.uid(_SERIES))


def _unknown(kind: str) -> UnknownMedia:
    return UnknownMedia(UNKNOWN_MEDIA, kind=kind[:100])


# The answer --------------------------------------------------------------------------------------------------


def status_of(outcomes: Sequence[Stored]) -> int:
    """Give the status of an answer. Standard: PS3.18 table 10.5.3-1; RFC 4918 section 11.5 (507)."""
    failed = [one for one in outcomes if one.reason]
    if not failed:
        return 200
    if len(failed) < len(outcomes):
        return 202
    if all(one.has_no_room for one in failed):
        return 507
    return 503 if all(one.reason == OUT_OF_RESOURCES for one in failed) else 409


def _reply(outcomes: Sequence[Stored], request: StoreRequest, offer: Offer) -> Reply:
    studies = {one.study_instance_uid for one in outcomes if not one.reason}
    study = request.study or (studies.pop() if len(studies) == 1 else "")
    stored = [_reference(one) | _place(one, request.base) for one in outcomes if not one.reason]
    failed = [
        _reference(one) | {"FailureReason": (str(one.reason),)}
        for one in outcomes
        if one.reason and one.sop_instance_uid
    ]
    others = [{"FailureReason": (str(one.reason),)} for one in outcomes if one.reason and not one.sop_instance_uid]
    sequences: dict[str, Sequence[Item]] = {
        "ReferencedSOPSequence": stored,
        "FailedSOPSequence": failed,
        "OtherFailuresSequence": others,
    }
    values: dict[str, tuple[str | Item, ...]] = {key: tuple(items) for key, items in sequences.items() if items}
    values["RetrieveURL"] = (f"{request.base}/studies/{study}",) if is_uid(study) else ()
    model = json_of_values(values)
    body = xml_of(model) if offer.kind == DICOM_XML else dumped(model)
    return Reply(status_of(outcomes), body, offer.kind)


def _reference(one: Stored) -> dict[str, tuple[str, ...]]:
    return {
        "ReferencedSOPClassUID": (one.sop_class_uid,) if one.sop_class_uid else (),
        "ReferencedSOPInstanceUID": (one.sop_instance_uid,),
    }


def _place(one: Stored, base: str) -> dict[str, tuple[str, ...]]:
    """Give where an object can be had: nowhere on the web when its study or series has no UID."""
    if not all(is_uid(uid) for uid in (one.study_instance_uid, one.series_instance_uid, one.sop_instance_uid)):
        return {"RetrieveURL": ()}
    path = f"/studies/{one.study_instance_uid}/series/{one.series_instance_uid}/instances/{one.sop_instance_uid}"
    return {"RetrieveURL": (base + path,)}
