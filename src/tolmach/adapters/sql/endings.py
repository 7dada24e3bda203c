"""Where journeys end: what was found, the editions, and the lines of the outbox, all in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import dialect, events
from tolmach.adapters.sql.again import LINES, revive
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.index_writing import ToIndex, Versions, index_all
from tolmach.adapters.sql.nodes import Nodes
from tolmach.adapters.sql.schema import deliveries, destinations, editions, objects
from tolmach.adapters.sql.stored import (
    Clock,
    changes_to_json,
    detected_to_json,
    micros,
    plain,
    problem_to_json,
    problems_to_json,
    slices,
    to_json,
)
from tolmach.delivery.interfaces import Ending
from tolmach.text.fold import fold_keys

_OPEN_JOURNEYS = sa.select(
    objects.c.id, objects.c.lines_expected, objects.c.editions_expected, objects.c.edition_shown
).where(
    objects.c.id.in_(sa.bindparam("ids", expanding=True)),
    objects.c.ended_at.is_(None),
    # Not those that another node walks since this one was believed dead.
    sa.or_(objects.c.walker.is_(None), objects.c.walker == sa.bindparam("of_walker")),
)
_ENDED = (
    *(
        "detected",
        "ended_at",
        "found_sop_class_uid",
        "found_sop_instance_uid",
        "found_transfer_syntax_uid",
        "study_instance_uid",
    ),
    *("series_instance_uid", "character_set", "verdict", "facts", "problems", "quarantine", "edition_shown"),
    *("lines_expected", "editions_expected", "patient_name_folded", "patient_id_folded", "patient_keys"),
    "is_indexed",
)
_END = (
    objects.update()
    .where(objects.c.id == sa.bindparam("object_id"))
    .values({name: sa.bindparam(name) for name in _ENDED} | {"walker": None})
)
_NEW_EDITION = editions.insert()
_NEW_LINE = deliveries.insert()
_TALLY = dialect.insert(destinations).values(name=sa.bindparam("name"), taken=sa.bindparam("taken"))
_TALLY = _TALLY.on_conflict_do_update(
    index_elements=["name"], set_={"taken": destinations.c.taken + _TALLY.excluded.taken}
)

LONGEST_NAME: Final = 256
"""Three component groups of 64 letters, and some room; what is longer is no name, and folding it would take long."""

Rows = list[dict[str, Any]]


class SqlJourneyEnds:
    """`JourneyEnds` of `tolmach.delivery.interfaces`."""

    def __init__(self, database: Database, clock: Clock, versions: Versions, nodes: Nodes) -> None:
        self._database = database
        self._clock = clock
        self._versions = versions
        self._node = nodes.name

    def finish(self, endings: Sequence[Ending]) -> None:
        """Commit the ends of some journeys and their outbox lines; see `JourneyEnds.finish`.

        Raises `ValueError` for an ending that contradicts itself: two lines for one destination, an edition that is
        not there, an object twice.
        """
        if not endings:
            return
        now = self._clock()
        prepared = [(ending, _object_row(ending, now)) for ending in endings]
        _refuse_contradictions(endings)
        ids = [ending.object_id for ending in endings]

        def work(connection: sa.Connection) -> None:
            earlier = _open_journeys(connection, ids, self._node)
            _finish(connection, prepared, earlier, now, self._versions)

        self._database.write(work)


def tally(connection: sa.Connection, lines: Iterable[str], sign: int = 1) -> None:
    """Count lines of the outbox with their destinations; in order of names, so that writers never wait in a circle."""
    counted = sorted(Counter(lines).items())
    if counted:
        connection.execute(_TALLY, [{"name": name, "taken": sign * count} for name, count in counted])


def new_line(object_id: int, destination: str, now: datetime, **more: object) -> dict[str, Any]:
    """Give a line of the outbox that may be tried at once, unless `more` says something else."""
    return {
        "object_id": object_id,
        "destination": plain(destination),
        "edition": None,
        "study_instance_uid": "",
        "sop_instance_uid": "",
        "state": "queued",
        "due_at": 0,
        "problem": None,
        "queued_at": micros(now),
    } | more


def _refuse_contradictions(endings: Sequence[Ending]) -> None:
    if len({ending.object_id for ending in endings}) != len(endings):
        raise ValueError("an object ends twice")
    for ending in endings:
        names = [line.destination for line in ending.deliveries]
        if len(set(names)) != len(names) or "" in names:
            raise ValueError(f"object {ending.object_id}: destinations {names}")
        used = [] if ending.quarantine is not None else [line.edition for line in ending.deliveries]
        used += [ending.edition_shown] if ending.editions else []
        if any(not 0 <= number < len(ending.editions) for number in used):
            raise ValueError(f"object {ending.object_id}: an edition that is not there")


def _open_journeys(connection: sa.Connection, object_ids: Sequence[int], node: str) -> dict[int, Any]:
    """Give those of some objects whose journey has not ended, and is walked by no other node."""
    found: dict[int, Any] = {}
    for ids in slices(object_ids):
        found |= {row.id: row for row in connection.execute(_OPEN_JOURNEYS, {"ids": ids, "of_walker": node})}
    return found


def _finish(
    connection: sa.Connection,
    prepared: Sequence[tuple[Ending, dict[str, Any]]],
    earlier: Mapping[int, Any],
    now: datetime,
    versions: Versions,
) -> None:
    has = _lines_of(connection, [row.id for row in earlier.values() if row.lines_expected])
    ended, made, lines = Rows(), Rows(), Rows()
    revived: list[tuple[Any, dict[str, Any]]] = []
    noted: list[dict[str, object]] = []
    indexed: list[ToIndex] = []
    for ending, row in prepared:
        if ending.object_id not in earlier:
            continue
        before, known = earlier[ending.object_id], has.get(ending.object_id, {})
        first = before.editions_expected
        own = _lines(ending, first, now)
        if ending.quarantine is not None and any(name and line.state != "deleted" for name, line in known.items()):
            # Found good before and sent on its way: what another source lacks a route for stops nothing of that.
            own, row = (
                [],
                row | {"quarantine": None, "problems": problems_to_json((*ending.problems, ending.quarantine))},
            )
        new = [line for line in own if line["destination"] not in known]
        # A line that is there keeps its course; one that was given up, and is wanted after all, begins anew.
        once_more = [(known[line["destination"]], line) for line in own if line["destination"] in known]
        once_more = [(old, line) for old, line in once_more if old.state == "deleted"]
        ended.append(
            row
            | {
                "edition_shown": first + ending.edition_shown if ending.editions else before.edition_shown,
                "lines_expected": len(known) + len(new),
                "editions_expected": first + len(ending.editions),
            }
        )
        indexed.append(ToIndex(ending.object_id, ending.entry, is_withdrawn=row["quarantine"] is not None))
        made += _editions(ending, first)
        lines += new
        revived += once_more
        if ending.quarantine is not None and (new or once_more or not own):
            noted.append(_quarantined(ending, now))
    for statement, rows in ((_END, ended), (_NEW_EDITION, made), (_NEW_LINE, lines)):
        if rows:
            connection.execute(statement, rows)
    index_all(connection, indexed, now, versions)
    revive(connection, revived, now)
    tally(connection, (line["destination"] for line in lines))
    events.note_all(connection, noted)


def _lines_of(connection: sa.Connection, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Give the lines of objects that have been on a journey before, by destination."""
    found: dict[int, dict[str, Any]] = {}
    for some in slices(ids):
        for line in connection.execute(LINES, {"ids": some}):
            found.setdefault(line.object_id, {})[line.destination] = line
    return found


def _object_row(ending: Ending, now: datetime) -> dict[str, Any]:
    name, patient_id = ending.facts.get("PatientName", ""), ending.facts.get("PatientID", "")
    return {
        "object_id": ending.object_id,
        "ended_at": micros(now),
        "found_sop_class_uid": plain(ending.sop_class_uid),
        "found_sop_instance_uid": plain(ending.sop_instance_uid),
        "found_transfer_syntax_uid": plain(ending.transfer_syntax_uid),
        "study_instance_uid": plain(ending.study_instance_uid),
        "series_instance_uid": plain(ending.series_instance_uid),
        "character_set": to_json(list(ending.character_set)),
        "verdict": ending.verdict,
        "detected": detected_to_json(ending.detected),
        "facts": to_json(dict(ending.facts)),
        "problems": problems_to_json(ending.problems),
        "quarantine": problem_to_json(ending.quarantine),
        "patient_name_folded": folded(name),
        "patient_id_folded": folded(patient_id),
        "patient_keys": "".join(f" {key}" for key in name_keys(name)) + " " if name else "",
        "is_indexed": 1,
    }


def folded(text: str) -> str:
    """Give a text as it is searched: without case, components parted by single spaces, and no longer than any name."""
    return " ".join(plain(text[:LONGEST_NAME]).replace("^", " ").casefold().split())


def name_keys(name: str) -> tuple[str, ...]:
    """Give the keys a name is searched by in any script."""
    return fold_keys(plain(name[:LONGEST_NAME]))


def _editions(ending: Ending, first: int) -> Rows:
    return [
        {
            "object_id": ending.object_id,
            "number": first + number,
            "delta": edition.delta,
            "sop_class_uid": plain(edition.sop_class_uid),
            "sop_instance_uid": plain(edition.sop_instance_uid),
            "changes": changes_to_json(edition.changes),
        }
        for number, edition in enumerate(ending.editions)
    ]


def _lines(ending: Ending, first: int, now: datetime) -> Rows:
    study = plain(ending.study_instance_uid)
    if ending.quarantine is not None:
        problem = problem_to_json(ending.quarantine)
        uid = plain(ending.sop_instance_uid)
        more = {"study_instance_uid": study, "sop_instance_uid": uid, "due_at": None, "problem": problem}
        return [new_line(ending.object_id, "", now, state="quarantined", **more)]
    lines = []
    for line in ending.deliveries:
        held = line.held_for is not None
        lines.append(
            new_line(
                ending.object_id,
                line.destination,
                now,
                edition=first + line.edition,
                study_instance_uid=study,
                sop_instance_uid=plain(ending.editions[line.edition].sop_instance_uid),
                state="held" if held else "queued",
                due_at=None if held else 0,
                problem=problem_to_json(line.held_for),
            )
        )
    return lines


def _quarantined(ending: Ending, now: datetime) -> dict[str, object]:
    code = ending.quarantine.code if ending.quarantine is not None else ""
    return events.row(now, "", "quarantined", ending.object_id, None, "", {"code": code})
