"""An index in memory, as `tolmach.archive.interfaces.Index` promises it; and entries to put into one."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from tests.builders import CT_IMAGE, EXPLICIT_LE
from tolmach.archive.attributes import KEPT, UNIQUE, up_to, usual
from tolmach.archive.interfaces import LEVELS, Entity, Entry, Held, Level, Query, Values
from tolmach.archive.matching import comparable, meets, texts

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ROOT = "1.2.826.0.1.3680043.10.1234"
_HIGHEST = 1 << 40


def entry(study: int = 1, series: int = 1, instance: int = 1, **values: str | tuple[Any, ...]) -> Entry:
    """Give an entry; `values` go by keyword to the level they are of, an empty one takes the usual value away."""
    known: dict[str, Any] = {
        "PatientName": "Іваненко^Іван",
        "PatientID": f"P{study}",
        "StudyInstanceUID": f"{ROOT}.{study}",
        "StudyDate": f"202611{study:02}" if study < 30 else "20261130",
        "StudyTime": "101500",
        "AccessionNumber": f"A{study}",
        "SeriesInstanceUID": f"{ROOT}.{study}.{series}",
        "Modality": "CT",
        "SeriesNumber": str(series),
        "SOPInstanceUID": f"{ROOT}.{study}.{series}.{instance}",
        "SOPClassUID": CT_IMAGE,
        "InstanceNumber": str(instance),
    } | values
    levels: dict[str, dict[str, tuple[Any, ...]]] = {level: {} for level in LEVELS}
    for keyword, value in known.items():
        level = next(each for each in LEVELS if keyword in KEPT[each])
        if value not in ("", ()):
            levels[level][keyword] = tuple(value.split("\\")) if isinstance(value, str) else value
    return Entry(**levels)


def held_for(one: Entry, object_id: int = 1, **more: Any) -> Held:
    """Give what is given back for an entry."""
    known: dict[str, Any] = {
        "object_id": object_id,
        "stored_sha256": hashlib.sha256(_first(one.instance, "SOPInstanceUID").encode()).hexdigest(),
        "data_set_offset": 344,
        "delta": b"",
        "sop_class_uid": _first(one.instance, "SOPClassUID"),
        "sop_instance_uid": _first(one.instance, "SOPInstanceUID"),
        "transfer_syntax_uid": EXPLICIT_LE,
        "study_instance_uid": _first(one.study, "StudyInstanceUID"),
        "series_instance_uid": _first(one.series, "SeriesInstanceUID"),
        "size": 524_288,
        "received_at": NOW,
    }
    return Held(**(known | more))


@dataclass
class ArchiveDouble:
    """Lists behind a lock. `rotten` holds the SOP Instance UIDs whose bytes are not what was taken."""

    kept: list[tuple[Entry, Held]] = field(default_factory=list)
    rotten: set[str] = field(default_factory=set)
    trouble: Exception | None = None
    unfindable_since: datetime | None = None
    asked: list[Query] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *entries: Entry) -> None:
        """Keep entries; one of the same SOP Instance UID replaces the earlier."""
        for one in entries:
            self.put(one, held_for(one, len(self.kept) + 1))

    def put(self, one: Entry, held: Held) -> None:
        """Keep an entry with what is given back for it."""
        with self.lock:
            self.kept = [
                (known, other) for known, other in self.kept if other.sop_instance_uid != held.sop_instance_uid
            ]
            self.kept.append((one, held))

    def missing_since(self) -> datetime | None:
        if self.trouble is not None:
            raise self.trouble
        return self.unfindable_since

    def find(self, query: Query) -> tuple[Sequence[Entity], int]:
        with self.lock:
            self.asked.append(query)
            kept = sorted(self.kept, key=lambda pair: pair[1].sop_instance_uid)
        if self.trouble is not None:
            raise self.trouble
        found = [values for values in _entities(query.level, kept) if meets(query.conditions, values)]
        found.sort(key=lambda values: _order(query.level, values))
        wanted = usual(query.level) if query.returned is None else query.returned
        page = found[query.offset :][: query.limit]
        entities = [Entity(query.level, {key: one[key] for key in one if key in wanted}) for one in page]
        return entities, max(0, len(found) - query.offset - len(page))

    def held(
        self,
        *,
        patient_id: str | None = None,
        studies: Sequence[str] = (),
        series: Sequence[str] = (),
        instances: Sequence[str] = (),
    ) -> Iterator[Held]:
        if self.trouble is not None:
            raise self.trouble
        wanted = (
            ("patient", () if patient_id is None else (patient_id,)),
            *(("study", studies), ("series", series), ("instance", instances)),
        )
        if not any(uids for _level, uids in wanted):
            return
        with self.lock:
            kept = sorted(self.kept, key=_given_order)
        for one, held in kept:
            keys = {level: _first(getattr(one, level), UNIQUE[level]) for level, _uids in wanted}  # type: ignore[index]
            if all(not uids or keys[level] in uids for level, uids in wanted):
                yield held

    def is_sound(self, sop_class_uid: str, sop_instance_uid: str) -> Literal["sound", "unknown", "other-class", "bad"]:
        if self.trouble is not None:
            raise self.trouble
        with self.lock:
            known = [held for _one, held in self.kept if held.sop_instance_uid == sop_instance_uid]
        if not known:
            return "unknown"
        if known[0].sop_class_uid != sop_class_uid:
            return "other-class"
        return "bad" if sop_instance_uid in self.rotten else "sound"


def _entities(level: Level, kept: Iterable[tuple[Entry, Held]]) -> Iterator[dict[str, Any]]:
    """Give the entities of a level with their values, those of the levels above, and the counts."""
    groups: dict[Level, dict[Any, list[Entry]]] = {each: {} for each in up_to(level)}
    for one, _held in kept:
        for each, known in groups.items():
            known.setdefault(_key(each, one), []).append(one)
    for members in groups[level].values():
        values: dict[str, Any] = {}
        for each in up_to(level):
            values |= _together(each, groups[each][_key(each, members[0])])
        yield values


def _key(level: Level, one: Entry) -> tuple[str, ...]:
    parts = [_first(one.patient, key) for key in ("PatientID", "IssuerOfPatientID")]
    return (*parts, *(_first(getattr(one, each), UNIQUE[each]) for each in up_to(level)[1:]))


def _together(level: Level, members: Sequence[Entry]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for one in members:
        values = dict(getattr(one, level)) | values
    counts = {each: len({_key(each, one) for one in members}) for each in LEVELS}
    if level == "patient":
        values["NumberOfPatientRelatedStudies"] = (str(counts["study"]),)
        values["NumberOfPatientRelatedSeries"] = (str(counts["series"]),)
        values["NumberOfPatientRelatedInstances"] = (str(counts["instance"]),)
    if level == "study":
        values["NumberOfStudyRelatedSeries"] = (str(counts["series"]),)
        values["NumberOfStudyRelatedInstances"] = (str(counts["instance"]),)
        modalities = {_first(one.series, "Modality") for one in members} - {""}
        classes = {_first(one.instance, "SOPClassUID") for one in members} - {""}
        values |= {"ModalitiesInStudy": tuple(sorted(modalities))} if modalities else {}
        values |= {"SOPClassesInStudy": tuple(sorted(classes))} if classes else {}
    if level == "series":
        values["NumberOfSeriesRelatedInstances"] = (str(counts["instance"]),)
    return values


def _order(level: Level, values: Values) -> tuple[Any, ...]:
    """The newest study first, then by UID; patients by their ID."""
    if level == "patient":
        return (_first(values, "PatientID"), _first(values, "IssuerOfPatientID"))
    date = comparable(_first(values, "StudyDate"), "DA")
    time = comparable(_first(values, "StudyTime"), "TM") if _first(values, "StudyTime") else ""
    uids = (_first(values, UNIQUE[each]) for each in up_to(level)[1:])
    return (*([-ord(letter) for letter in text] + [0] for text in (date, time)), *uids)


def _given_order(pair: tuple[Entry, Held]) -> tuple[Any, ...]:
    one, _held = pair
    series_number, number = _first(one.series, "SeriesNumber"), _first(one.instance, "InstanceNumber")
    return (
        _first(one.study, "StudyInstanceUID"),
        int(series_number) if series_number.lstrip("-").isdigit() else _HIGHEST,
        _first(one.series, "SeriesInstanceUID"),
        int(number) if number.lstrip("-").isdigit() else _HIGHEST,
        _first(one.instance, "SOPInstanceUID"),
    )


def _first(values: Mapping[str, Any], keyword: str) -> str:
    return next(iter(texts(values, keyword)), "")
