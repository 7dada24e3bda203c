"""What is known of watched folders: each file as it was dealt with, and what keeps a folder from being watched."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

import sqlalchemy as sa

from tolmach.adapters.sql import dialect, events
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.nodes import Nodes
from tolmach.adapters.sql.schema import deliveries, objects, watched_files, watches
from tolmach.adapters.sql.stored import (
    Clock,
    micros,
    moment_or_none,
    plain,
    problem_from_json,
    problem_to_json,
    slices,
    written,
)
from tolmach.base import Problem
from tolmach.intake.interfaces import Dealing, FileMark, Tidying

Mode = Literal["", "live", "shadow", "paused"]

LOOK_AGAIN: Final = timedelta(seconds=5)
"""A look that finds what the last one found is written once in so long: a commit for each would wear the disk."""

_file = watched_files.c
_watch = watches.c
_WATCH: Final = sa.bindparam("of_watch", type_=sa.Text)
_PATHS: Final = sa.bindparam("paths", type_=sa.LargeBinary, expanding=True)
_MARK = (_file.path, _file.device, _file.inode, _file.size, _file.modified_ns)
_MARKS = sa.select(*_MARK).where(_file.watch == _WATCH, _file.path.in_(_PATHS))
_KNOWN = _MARKS.add_columns(_file.sha256, _file.object_id, _file.problem, _file.tidied_at, _file.left_problem)
_COLUMNS: Final = tuple(column.name for column in watched_files.columns)
_KEEP = dialect.insert(watched_files).values({name: sa.bindparam(name) for name in _COLUMNS})
_KEEP = _KEEP.on_conflict_do_update(
    index_elements=["watch", "path"],
    set_={name: _KEEP.excluded[name] for name in _COLUMNS if name not in ("watch", "path")},
)
_TIDIED = (
    watched_files.update()
    .where(
        *(_file.watch == _WATCH, _file.path == sa.bindparam("of_path"), _file.device == sa.bindparam("of_device")),
        *(_file.inode == sa.bindparam("of_inode"), _file.size == sa.bindparam("of_size")),
        _file.modified_ns == sa.bindparam("of_modified_ns"),
    )
    .values(tidied_at=sa.bindparam("at"), left_problem=sa.bindparam("left"))
)
_line = deliveries.c
# Asked of the lines first: while a destination is away, nothing else needs to be read for the files that wait.
_HAS_OPEN_LINES = sa.exists().where(_line.object_id == _file.object_id, _line.state != sa.literal_column("'delivered'"))
_TIDYINGS = (
    sa.select(*_MARK, _file.sha256, _file.object_id)
    .join(objects, objects.c.id == _file.object_id)
    .where(
        *(_file.watch == _WATCH, _file.object_id.is_not(None), _file.tidied_at.is_(None), ~_HAS_OPEN_LINES),
        _file.object_id > sa.bindparam("after", type_=sa.BigInteger),
        *(objects.c.ended_at.is_not(None), objects.c.sources_to_come == sa.literal_column("'[]'")),
        # Whatever was confirmed: where our bytes are gone or spoilt, the file may be the last that is good.
        objects.c.flaw == sa.literal_column("''"),
    )
    .order_by(_file.object_id, _file.path)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_BEHIND = (
    sa.select(_file.path)
    .where(_file.watch == _WATCH, _file.path > sa.bindparam("after", type_=sa.LargeBinary))
    .order_by(_file.path)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_FORGET = watched_files.delete().where(_file.watch == _WATCH, _file.path.in_(_PATHS))

_COUNTED: Final = ("taken", "passed_over", "last_taken_at", "last_path")
_COUNT = dialect.insert(watches).values({name: sa.bindparam(name) for name in ("name", *_COUNTED)})
_COUNT = _COUNT.on_conflict_do_update(
    index_elements=["name"],
    set_={
        "taken": _watch.taken + _COUNT.excluded.taken,
        "passed_over": _watch.passed_over + _COUNT.excluded.passed_over,
        "last_taken_at": sa.func.coalesce(_COUNT.excluded.last_taken_at, _watch.last_taken_at),
        "last_path": sa.func.coalesce(_COUNT.excluded.last_path, _watch.last_path),
    },
)
_LOOKED = dialect.insert(watches).values(
    {name: sa.bindparam(name) for name in ("name", "looked_at", "trouble", "trouble_since")}
)
_LOOKED = _LOOKED.on_conflict_do_update(
    index_elements=["name"],
    set_={
        "looked_at": _LOOKED.excluded.looked_at,
        "trouble": _LOOKED.excluded.trouble,
        "trouble_since": sa.case(
            (_LOOKED.excluded.trouble.is_(None), None),
            else_=sa.func.coalesce(_watch.trouble_since, _LOOKED.excluded.trouble_since),
        ),
    },
)
_MODE = sa.select(_watch.mode, _watch.mode_before).where(_watch.name == _WATCH)
_SET_MODE = dialect.insert(watches).values({name: sa.bindparam(name) for name in ("name", "mode", "mode_before")})
_SET_MODE = _SET_MODE.on_conflict_do_update(
    index_elements=["name"],
    set_={"mode": _SET_MODE.excluded.mode, "mode_before": _SET_MODE.excluded.mode_before},
)
_KEEPER = sa.select(_watch.keeper).where(_watch.name == _WATCH)
_SET_KEEPER = dialect.insert(watches).values({name: sa.bindparam(name) for name in ("name", "keeper")})
_SET_KEEPER = _SET_KEEPER.on_conflict_do_update(index_elements=["name"], set_={"keeper": _SET_KEEPER.excluded.keeper})
_RELEASE = watches.update().where(_watch.name == _WATCH, _watch.keeper == sa.bindparam("of_keeper")).values(keeper=None)
_STATES = sa.select(watches).order_by(_watch.name)


@dataclass(frozen=True, slots=True)
class WatchState:
    """One watched folder as the records know it, configured still or not.

    `mode` is what a person has said, empty where nobody has: as configured; `mode_before` the same of the time before a
    pause. `taken` and `passed_over` count states of
    files, ever. `last_path` is the file taken last, in the bytes of its name.
    """

    name: str
    mode: Mode
    looked_at: datetime | None
    last_taken_at: datetime | None
    last_path: bytes | None
    taken: int
    passed_over: int
    trouble: Problem | None
    trouble_since: datetime | None
    mode_before: Mode = ""

    def as_json(self) -> dict[str, object]:
        """Give it as `tolmach watch list --json` does; the trouble is in English."""
        trouble = self.trouble
        return {
            "name": self.name,
            "mode": self.mode or None,
            "looked_at": written(self.looked_at),
            "last_taken_at": written(self.last_taken_at),
            "last_file": None if self.last_path is None else self.last_path.decode("utf-8", "backslashreplace"),
            "taken": self.taken,
            "passed_over": self.passed_over,
            "trouble": None if trouble is None else f"{trouble.code}: {trouble}",
            "trouble_since": written(self.trouble_since),
        }


class Watched:
    """`WatchRecords` of `tolmach.intake.interfaces`, and what people see and say of watched folders."""

    def __init__(self, database: Database, clock: Clock, nodes: Nodes) -> None:
        self._database = database
        self._clock = clock
        self._nodes = nodes
        self._lock = threading.Lock()
        self._looks: dict[str, tuple[datetime, str | None]] = {}  # as they were written last

    def settled(self, watch: str, marks: Sequence[FileMark]) -> set[FileMark]:
        """Give those of at most a thousand marks that were dealt with; see `WatchRecords.settled`."""
        asked = {tuple(_mark_row(mark).values()): mark for mark in marks}
        found: list[Any] = []
        with self._database.reading() as connection:
            for some in slices([mark.path for mark in marks]):
                found += connection.execute(_MARKS, {"of_watch": plain(watch), "paths": some}).all()
        return {asked[known] for row in found if (known := tuple(row)) in asked}

    def note(self, watch: str, dealings: Sequence[Dealing]) -> None:
        """Commit what became of files, one word for each path; see `WatchRecords.note`."""
        latest = {dealing.mark.path: dealing for dealing in dealings}
        if latest:
            self._database.write(lambda connection: _note(connection, plain(watch), latest, self._clock()))

    def tidyings(self, watch: str, limit: int, after: int = 0) -> Sequence[Tidying]:
        """Give taken files that may be moved or deleted; see `WatchRecords.tidyings`. Oldest: in the order of receipt.

        An object whose stored bytes are missing or spoilt does not count as confirmed.
        """
        with self._database.reading() as connection:
            bound = {"of_watch": plain(watch), "limit": limit, "after": after}
            rows = connection.execute(_TIDYINGS, bound).all()
        return [Tidying(_mark(row), row.sha256, row.object_id) for row in rows]

    def tidied(self, watch: str, dealings: Sequence[Dealing]) -> None:
        """Commit that files were moved or deleted, or left for good; see `WatchRecords.tidied`.

        A file that has another mark by now is another matter, and stays as it is.
        """
        now = micros(self._clock())
        rows = [
            {f"of_{name}": value for name, value in _mark_row(dealing.mark).items()}
            | {"of_watch": plain(watch), "at": now, "left": problem_to_json(dealing.problem)}
            for dealing in dealings
        ]
        if rows:
            self._database.write(lambda connection: connection.execute(_TIDIED, rows) and None)

    def paths(self, watch: str, after: bytes, limit: int) -> Sequence[bytes]:
        """Give the known paths behind `after`, in the order of their bytes."""
        with self._database.reading() as connection:
            bound = {"of_watch": plain(watch), "after": after, "limit": limit}
            return [bytes(path) for path in connection.execute(_BEHIND, bound).scalars()]

    def forget(self, watch: str, paths: Sequence[bytes]) -> None:
        """Forget files that are gone; what they became stays in the history. May be repeated."""

        def work(connection: sa.Connection) -> None:
            for some in slices(paths):
                connection.execute(_FORGET, {"of_watch": plain(watch), "paths": some})

        if paths:
            self._database.write(work)

    def note_state(self, watch: str, problem: Problem | None, now: datetime) -> None:
        """Remember that a folder was looked at, and what keeps it from being watched: for people to see.

        What the last look found is not written again for some seconds.
        """
        trouble = problem_to_json(problem)
        with self._lock:
            at, known = self._looks.get(watch, (None, None))
            if at is not None and known == trouble and at <= now < at + LOOK_AGAIN:
                return
        row = {
            "name": plain(watch),
            "looked_at": micros(now),
            "trouble": trouble,
            "trouble_since": None if problem is None else micros(now),
        }
        self._database.write(lambda connection: connection.execute(_LOOKED, row) and None)
        with self._lock:
            self._looks[watch] = (now, trouble)

    def keep(self, watch: str) -> str:
        """Let this node watch a folder, and give who watches it now: "" for this one, else the node that does.

        For every few seconds: a node that was silent for too long loses what it watched. May be repeated.
        """
        if not self._nodes.has_company:
            return ""

        self._nodes.beat_alone_if_due()

        def work(connection: sa.Connection) -> str:
            self._database.dialect.lock(connection, f"watch {watch}")
            now = self._nodes.now(connection)
            keeper = connection.execute(_KEEPER, {"of_watch": plain(watch)}).scalar()
            if keeper is not None and keeper != self._nodes.name and keeper in self._nodes.alive(connection, now):
                return str(keeper)
            if keeper != self._nodes.name:
                connection.execute(_SET_KEEPER, {"name": plain(watch), "keeper": self._nodes.name})
            return ""

        return self._database.write_beside(work)

    def release(self, watch: str) -> None:
        """Let another node watch a folder; may be repeated."""
        if self._nodes.has_company:
            gone = {"of_watch": plain(watch), "of_keeper": self._nodes.name}
            self._database.write_beside(lambda connection: connection.execute(_RELEASE, gone) and None)

    # What people see and say ------------------------------------------------------------------------------------------

    def states(self) -> list[WatchState]:
        """Give every watched folder that anything is known of, by name."""
        with self._database.reading() as connection:
            return [_state(row) for row in connection.execute(_STATES)]

    def mode(self, watch: str) -> Mode:
        """Give what a person has said of a folder; empty where nobody has: as configured."""
        with self._database.reading() as connection:
            return _mode_of(connection, plain(watch))[0]

    def said(self, watch: str) -> tuple[Mode, Mode]:
        """Give what a person has said of a folder, as `mode`, and where that is a pause what held before it."""
        with self._database.reading() as connection:
            return _mode_of(connection, plain(watch))

    def set_mode(self, watch: str, mode: Mode, actor: str) -> bool:
        """Let a folder be live, in shadow mode or paused from now on, or as configured again; False when it is so.

        Written to the events. Programs that run notice it by `Records.changed_elsewhere`.
        """
        return self._database.write(lambda connection: self._set_mode(connection, plain(watch), mode, actor))

    def resume(self, watch: str, actor: str) -> bool:
        """End a pause: the folder goes on as it was before; False when it is not paused. Otherwise as `set_mode`."""

        def work(connection: sa.Connection) -> bool:
            mode, before = _mode_of(connection, plain(watch))
            return mode == "paused" and self._set_mode(connection, plain(watch), before, actor)

        return self._database.write(work)

    def _set_mode(self, connection: sa.Connection, watch: str, mode: Mode, actor: str) -> bool:
        if not actor:
            raise ValueError("who does it?")
        if mode not in ("", "live", "shadow", "paused"):
            raise ValueError(mode)
        earlier, _ = _mode_of(connection, watch)
        if mode == earlier:
            return False
        row = {"name": watch, "mode": mode, "mode_before": earlier if mode == "paused" else ""}
        connection.execute(_SET_MODE, row)
        details = {"watch": watch, "mode": mode, "earlier": earlier}
        events.note(connection, self._clock(), actor, "watch-mode", details=details)
        return True


def _mode_of(connection: sa.Connection, watch: str) -> tuple[Mode, Mode]:
    row = connection.execute(_MODE, {"of_watch": watch}).first()
    return ("", "") if row is None else (cast("Mode", row.mode), cast("Mode", row.mode_before))


def _note(connection: sa.Connection, watch: str, latest: Mapping[bytes, Dealing], now: datetime) -> None:
    known: dict[bytes, Any] = {}
    for some in slices(list(latest)):
        rows = connection.execute(_KNOWN, {"of_watch": watch, "paths": some})
        known |= {bytes(row.path): row for row in rows}
    kept, taken, passed_over = [], 0, 0
    last: bytes | None = None
    for path, dealing in latest.items():
        row, before = _file_row(watch, dealing, now), known.get(path)
        if before is not None and all(row[name] == getattr(before, name) for name in _SAME):
            # Said once more, maybe late: what was done with the file since stays.
            row |= {"tidied_at": before.tidied_at, "left_problem": before.left_problem}
            if row["problem"] == before.problem:
                continue
        elif dealing.object_id is not None:
            taken, last = taken + 1, path
        else:
            passed_over += 1
        kept.append(row)
    if kept:
        connection.execute(_KEEP, kept)
    if taken or passed_over:
        at = micros(now) if taken else None
        counted = {"name": watch, "taken": taken, "passed_over": passed_over, "last_taken_at": at, "last_path": last}
        connection.execute(_COUNT, counted)


_SAME: Final = ("device", "inode", "size", "modified_ns", "sha256", "object_id")


def _file_row(watch: str, dealing: Dealing, now: datetime) -> dict[str, Any]:
    return _mark_row(dealing.mark) | {
        "watch": watch,
        "sha256": dealing.sha256,
        "object_id": dealing.object_id,
        "problem": problem_to_json(dealing.problem),
        "noted_at": micros(now),
        "tidied_at": None,
        "left_problem": None,
    }


def _mark_row(mark: FileMark) -> dict[str, Any]:
    # In the order of `_MARK`.
    return {
        "path": mark.path,
        "device": str(mark.device),
        "inode": str(mark.inode),
        "size": mark.size,
        "modified_ns": str(mark.modified_ns),
    }


def _mark(row: Any) -> FileMark:
    return FileMark(bytes(row.path), int(row.device), int(row.inode), row.size, int(row.modified_ns))


def _state(row: Any) -> WatchState:
    return WatchState(
        name=row.name,
        mode=row.mode,
        looked_at=moment_or_none(row.looked_at),
        last_taken_at=moment_or_none(row.last_taken_at),
        last_path=None if row.last_path is None else bytes(row.last_path),
        taken=row.taken,
        passed_over=row.passed_over,
        trouble=problem_from_json(row.trouble),
        trouble_since=moment_or_none(row.trouble_since),
        mode_before=row.mode_before,
    )
