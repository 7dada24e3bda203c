"""STOW-RS: objects stream from a request into the store, each told to be stored only when it is ours (promise 1).

Standard: PS3.18 section 10.5 (Store Transaction), annex I.2 (response).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tolmach.adapters.dicomweb.answers import DICOM_JSON, Reply, dumped
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
from tolmach.intake.faults import NoRoom
from tolmach.intake.interfaces import Arrival, ObjectStore, Provenance, Spooled
from tolmach.intake.receive import Intake
from tolmach.intake.whole import reason_for_quarantine

log = logging.getLogger(__name__)

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


@dataclass(slots=True)
class StowReceiver:
    """Takes requests to store; any thread may call. `arrived` is told of each object taken."""

    store: ObjectStore
    intake: Intake
    inflate: Inflate
    now: Callable[[], datetime]
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
        outcomes: list[Stored] = []
        try:
            if kind == DICOM:
                outcomes.append(self._take(request.blocks, request))
            else:
                reader = PartReader(request.blocks, parameters.get("boundary", ""))
                for outcome in self._parts(reader, parameters.get("type", DICOM).lower(), request):
                    outcomes.append(outcome)  # noqa: PERF402 - kept when a later part is broken
        except (BadRequest, TooLarge) as error:
            if not any(one.reason == 0 for one in outcomes):
                raise
            log.warning("a request to store ended early: %s", error)
            outcomes.append(Stored(reason=NOT_UNDERSTOOD))
        if not outcomes:
            raise bad(Phrase(N_("the body holds nothing to store")))
        return _reply(outcomes, request, offer)

    def _parts(self, reader: PartReader, root: str, request: StoreRequest) -> Iterator[Stored]:
        if root == DICOM_JSON:
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

    def _assembled(self, reader: PartReader, request: StoreRequest) -> Iterator[Stored]:
        """Store objects that come as metadata and bulk data; what is missing costs only its own object."""
        with Assembly(self.store.incoming) as assembly:
            for part in reader.parts():
                assembly.add(part)
            for model in assembly.models:
                try:
                    yield self._take(assembly.file_of(model), request)
                except BadRequest as error:
                    log.warning("metadata that cannot be stored: %s", error)
                    yield Stored(*assembly.uids_of(model), reason=NOT_UNDERSTOOD)

    def _take(self, blocks: Iterable[bytes | memoryview], request: StoreRequest) -> Stored:
        """Make one object ours, or tell why not; raises only what the blocks raise about the request itself."""
        found = Stored()
        try:
            self.intake.require_room()
            with self.store.spool(blocks) as spooled:
                found = self._judged(spooled, request)
                if found.reason == 0:
                    self.intake.accept(spooled, request.provenance)
        except (BadRequest, TooLarge):
            raise
        except Refused as error:
            log.warning("an object that cannot be stored: %s", error)
            return replace(found, reason=NOT_UNDERSTOOD)
        except Retryable as error:
            log.error("%s", error)
            return replace(found, reason=OUT_OF_RESOURCES, has_no_room=isinstance(error, NoRoom))
        if found.reason == 0:
            self.arrived()
        return found

    def _judged(self, spooled: Spooled, request: StoreRequest) -> Stored:
        """Read an object to its end: whole, of the study that was named, and one an archive can keep."""
        known = Stored(spooled.sop_class_uid, spooled.sop_instance_uid)
        try:
            data_set = open_data_set(SeekingSource(spooled.file, spooled.size, spooled.path), self.inflate)
        except Refused as error:
            log.warning("an object that cannot be read: %s", error)
            return replace(known, reason=NOT_UNDERSTOOD)
        found = _found(data_set)
        if request.study and found.study_instance_uid != request.study:
            return replace(found, reason=MISMATCH)
        reason = reason_for_quarantine(data_set, self._arrival(spooled, request.provenance))
        if reason is not None:
            log.warning("an object that cannot be kept: %s", reason)
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
    values["RetrieveURL"] = (f"{request.base}/studies/{study}",) if study else ()
    model = json_of_values(values)
    body = xml_of(model) if offer.kind == DICOM_XML else dumped(model)
    return Reply(status_of(outcomes), body, offer.kind)


def _reference(one: Stored) -> dict[str, tuple[str, ...]]:
    return {
        "ReferencedSOPClassUID": (one.sop_class_uid,) if one.sop_class_uid else (),
        "ReferencedSOPInstanceUID": (one.sop_instance_uid,),
    }


def _place(one: Stored, base: str) -> dict[str, tuple[str, ...]]:
    path = f"/studies/{one.study_instance_uid}/series/{one.series_instance_uid}/instances/{one.sop_instance_uid}"
    return {"RetrieveURL": (base + path,)}
