"""What follows for patients, studies and series from the instances that come into sight and go out of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import dialect
from tolmach.adapters.sql.index_places import Place, first, number_of
from tolmach.adapters.sql.index_schema import (
    instances,
    part_counts,
    parts,
    patient_names,
    patients,
    series,
    studies,
)
from tolmach.adapters.sql.stored import from_json, plain, slices, to_json
from tolmach.archive.agreement import MOST_PARTS, agreed
from tolmach.archive.interfaces import Values
from tolmach.archive.matching import comparable
from tolmach.archive.names import keys_of

LEVELS: Final[Mapping[str, sa.Table]] = {"p": patients, "s": studies, "e": series}
"""The levels whose entities are added up, as `part_counts` names them."""

_COUNT = dialect.insert(part_counts)
_COUNT = _COUNT.on_conflict_do_update(
    index_elements=["level", "entity", "part"],
    set_={"instances": part_counts.c.instances + _COUNT.excluded.instances},
)
_DROP_EMPTY = part_counts.delete().where(
    part_counts.c.level == sa.bindparam("of_level"),
    part_counts.c.entity == sa.bindparam("of_entity"),
    part_counts.c.instances <= 0,
)
_VISIBLE = {
    level: table.update()
    .where(table.c.id == sa.bindparam("entity"))
    .values(visible=table.c.visible + sa.bindparam("more"))
    for level, table in LEVELS.items()
}
_TOLD = (
    sa.select(part_counts.c.instances, parts.c.attributes)
    .join(part_counts, part_counts.c.part == parts.c.id)
    .where(part_counts.c.level == sa.bindparam("of_level"), part_counts.c.entity == sa.bindparam("of_entity"))
    .order_by(part_counts.c.instances.desc(), parts.c.digest)
    .limit(MOST_PARTS)
)
_KNOWN = {
    level: sa.select(table.c.attributes).where(table.c.id == sa.bindparam("entity")) for level, table in LEVELS.items()
}
_WRITTEN: Final = {
    "p": ("name", "birth_date"),
    "s": ("date", "time", "accession", "study_id"),
    "e": ("modality", "number"),
}
_WRITE = {
    level: table.update()
    .where(table.c.id == sa.bindparam("entity"))
    .values({name: sa.bindparam(f"new_{name}") for name in (*_WRITTEN[level], "attributes")})
    for level, table in LEVELS.items()
}
_FORGET_NAMES = patient_names.delete().where(patient_names.c.patient == sa.bindparam("entity"))
_NAMES = patient_names.insert()
_CLASSES = (
    sa.select(instances.c.sop_class)
    .where(instances.c.series == sa.bindparam("entity"), instances.c.is_visible == 1)
    .distinct()
)
_KNOWN_CLASSES = sa.select(series.c.sop_classes).where(series.c.id == sa.bindparam("entity"))
_WRITE_CLASSES = (
    series.update().where(series.c.id == sa.bindparam("entity")).values(sop_classes=sa.bindparam("classes"))
)
_PARTS = sa.select(parts.c.id, parts.c.digest).where(parts.c.digest.in_(sa.bindparam("digests", expanding=True)))
_NEW_PART = dialect.insert(parts).on_conflict_do_nothing()


@dataclass(slots=True)
class Totals:
    """Adds up what happens within one transaction, and writes it at its end."""

    connection: sa.Connection
    _counts: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    _came: dict[int, set[str]] = field(default_factory=dict)
    _went: set[int] = field(default_factory=set)

    def add(self, place: Place, told: Sequence[int], sop_class: str, sign: int) -> None:
        """Count an instance that comes into sight (1) or goes out of it (-1); `told` are the parts it has."""
        entities = zip(LEVELS, (place.patient, place.study, place.series), told, strict=True)
        for level, entity, part in entities:
            self._counts[level, entity, part] += sign
        if sign > 0:
            self._came.setdefault(place.series, set()).add(sop_class)
        else:
            self._went.add(place.series)

    def write(self) -> None:
        """Write what has changed; entities then say what most of their instances say."""
        counts = {key: count for key, count in sorted(self._counts.items()) if count}
        if counts:
            rows = [
                {"level": level, "entity": entity, "part": part, "instances": n}
                for (level, entity, part), n in counts.items()
            ]
            self.connection.execute(_COUNT, rows)
        visible: Counter[tuple[str, int]] = Counter()
        for (level, entity, _), count in counts.items():
            visible[level, entity] += count
        lost = {(level, entity) for (level, entity, _), count in counts.items() if count < 0}
        for (level, entity), more in sorted(visible.items()):
            self.connection.execute(_VISIBLE[level], {"entity": entity, "more": more})
            if (level, entity) in lost:
                self.connection.execute(_DROP_EMPTY, {"of_level": level, "of_entity": entity})
            self._say(level, entity)
        self._classes()

    def _say(self, level: str, entity: int) -> None:
        told = self.connection.execute(_TOLD, {"of_level": level, "of_entity": entity}).all()
        if not told:
            return  # nothing of it is visible; it keeps what was said of it
        written = told[0].attributes
        if len(told) > 1:
            written = to_json(agreed([(one.instances, from_json(one.attributes)) for one in told]))
        if written == self.connection.execute(_KNOWN[level], {"entity": entity}).scalar_one():
            return
        values = from_json(written)
        new = {f"new_{name}": value for name, value in _columns(level, values).items()}
        self.connection.execute(_WRITE[level], {"entity": entity, "new_attributes": written} | new)
        if level == "p":
            self.connection.execute(_FORGET_NAMES, {"entity": entity})
            if rows := name_rows(entity, first(values, "PatientName")):
                self.connection.execute(_NAMES, rows)

    def _classes(self) -> None:
        for entity in sorted(self._went | self._came.keys()):
            known = self.connection.execute(_KNOWN_CLASSES, {"entity": entity}).scalar_one()
            if entity in self._went:
                found = set(self.connection.execute(_CLASSES, {"entity": entity}).scalars())
            else:
                found = self._came[entity].union(known.split())
            classes = "".join(f" {one}" for one in sorted(found)) + " "
            if classes != known:
                self.connection.execute(_WRITE_CLASSES, {"entity": entity, "classes": classes})


def name_rows(patient: int, name: str) -> list[dict[str, Any]]:
    """Give what a patient is found by."""
    keys = keys_of(name)
    roles = (("f", sorted(keys.family)), ("o", sorted(keys.others)), ("l", keys.literal))
    return [{"role": role, "key": plain(key), "patient": patient} for role, some in roles for key in some]


def _columns(level: str, values: Values) -> dict[str, Any]:
    if level == "p":
        return {
            "name": first(values, "PatientName"),
            "birth_date": comparable(first(values, "PatientBirthDate"), "DA"),
        }
    if level == "s":
        return {
            "date": comparable(first(values, "StudyDate"), "DA"),
            "time": comparable(time, "TM") if (time := first(values, "StudyTime")) else "",
            "accession": first(values, "AccessionNumber"),
            "study_id": first(values, "StudyID"),
        }
    return {"modality": first(values, "Modality"), "number": number_of(values, "SeriesNumber")}


def written_values(values: Values) -> str:
    """Give values as the index keeps them: in one order, and with nothing in them that a database does not take."""
    return to_json({keyword: [_plain(one) for one in values[keyword]] for keyword in sorted(values)})


def _plain(value: str | Mapping[str, tuple[str, ...]]) -> object:
    if isinstance(value, str):
        return plain(value)
    return {keyword: [plain(one) for one in value[keyword]] for keyword in sorted(value)}


def part_numbers(connection: sa.Connection, told: Sequence[str]) -> dict[str, int]:
    """Give the numbers of some parts, kept now where they were not before."""
    digests = {hashlib.sha256(text.encode()).digest(): text for text in told}
    found: dict[str, int] = {}
    for _ in range(2):
        missing = [digest for digest, text in digests.items() if text not in found]
        for some in slices(missing):
            for row in connection.execute(_PARTS, {"digests": some}):
                found[digests[bytes(row.digest)]] = row.id
        new = [{"digest": digest, "attributes": text} for digest, text in sorted(digests.items()) if text not in found]
        if not new:
            break
        connection.execute(_NEW_PART, new)
    return found
