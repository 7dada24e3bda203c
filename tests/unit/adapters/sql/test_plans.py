"""The queries of the hot path use their indexes, however many lines wait."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from tests.contracts.records_values import NOW, arrival, ending
from tolmach.adapters import sql
from tolmach.adapters.sql import (
    again,
    commitments,
    desk,
    history,
    inventory,
    lines,
    open_records,
    outbox,
    receipts,
    watched,
)
from tolmach.adapters.sql.schema import metadata


@pytest.fixture(scope="module")
def planner() -> Any:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    with engine.begin() as connection:
        metadata.create_all(connection)

        def plan(statement: sa.Executable, **lists: list[object]) -> list[str]:
            bound = dict.fromkeys(statement.compile(dialect=sqlite.dialect()).params, 5) | lists  # type: ignore[attr-defined]
            filled = statement.params(bound) if lists else statement  # type: ignore[attr-defined]
            said = filled.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
            values = tuple(5 for _ in said.positiontup or ())
            return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", values)]

        yield plan
    engine.dispose()


@pytest.mark.parametrize("taken", [[], ["1.2"], ["1.2", "1.3"]])
def test_the_head_of_a_claim_comes_from_the_index_in_order(planner: Any, taken: list[object]) -> None:
    plan = planner(outbox._HEADS, taken=taken)
    searches = [step for step in plan if "deliveries" in step]
    assert len(searches) == 3
    assert all(
        "SEARCH deliveries USING COVERING INDEX ix_deliveries_due (destination=? AND due_at" in one for one in searches
    )
    # Each head is one row by then; nothing that waits behind it is sorted.
    assert sum("LEFT" in step or "RIGHT" in step for step in plan) == 4


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (outbox._OF_STUDY, "ix_deliveries_study (destination=? AND study_instance_uid=?)"),
        (outbox._LEASED, "ix_deliveries_leased (destination=?)"),
        (outbox._NEXT_DUE, "ix_deliveries_due (destination=? AND due_at>?)"),
        (outbox._AWAITING, "ix_deliveries_stored (destination=? AND stored_at>?)"),
        (outbox._CLEAR, "ix_deliveries_leased"),
        (receipts._PENDING, "ix_objects_pending"),
        (outbox._SETTLE, "ix_deliveries_stored (destination=? AND stored_at>?)"),
        (again._TURN, "ix_objects_sources_to_come"),
        (lines._OPEN, "ix_deliveries_open (id>?)"),
        (desk._EXAMINED, "ix_objects_pending (id>?)"),
        (history._FIRST_SINCE, "ix_objects_received_at (received_at>?)"),
        (inventory._STORED, "(sha256>?)"),
        (commitments._LATE, "ix_commitments_open"),
        (watched._TIDYINGS, "ix_watched_files_untidied (watch=? AND object_id>?)"),
        (watched._BEHIND, "PRIMARY KEY (watch=? AND path>?)"),
    ],
)
def test_a_query_uses_its_index_and_sorts_nothing(planner: Any, statement: sa.Executable, index: str) -> None:
    plan = planner(statement)
    assert any(index in step for step in plan), plan
    assert not [step for step in plan if "TEMP B-TREE" in step]


def test_marks_are_looked_up_by_their_paths(planner: Any) -> None:
    (step,) = [step for step in planner(watched._MARKS, paths=[b"a", b"b"]) if "watched_files" in step]
    assert "PRIMARY KEY (watch=? AND path=?)" in step


def test_a_claim_at_many_waiting_lines_is_as_quick_as_at_few(tmp_path: Path) -> None:
    """Counted in steps of the database's machine, which no busy computer can change."""
    steps: list[int] = []
    with open_records(tmp_path) as records:
        for count in (64, 2936):
            receipts_ = records.receipts.record_all([arrival(count * 10_000 + number) for number in range(count)])
            records.ends.finish([ending(one.object_id, study=f"1.{at // 64}") for at, one in enumerate(receipts_)])
            steps.append(steps_of(records, lambda: records.outbox.claim("pacs", "w", 32, NOW, 60)))
            records.outbox.clear_leases()
    assert steps[1] < steps[0] * 1.5, steps


def steps_of(records: Any, work: Any) -> int:
    counted = 0

    def step() -> None:
        nonlocal counted
        counted += 1

    def listen(connection: Any) -> None:
        connection.connection.driver_connection.set_progress_handler(step, 50)

    records._database.write(listen)
    with records._database.reading() as connection:
        listen(connection)
    assert work()
    return counted


def test_every_statement_can_be_said_to_postgresql_but_those_of_the_seam() -> None:
    """Another database extends `dialect`, and nothing else: its INSERT alone is SQLite's."""
    folder = Path(sql.__file__).parent
    names = [f"tolmach.adapters.sql.{file.stem}" for file in folder.glob("*.py") if file.stem != "__init__"]
    found = [
        value
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, sa.Executable) and not isinstance(value, sa.FromClause | sqlite.Insert)
    ]
    for table in metadata.sorted_tables:
        found += [CreateTable(table), *map(CreateIndex, table.indexes)]
    for statement in found:
        statement.compile(dialect=postgresql.dialect())
    assert len(found) > 60
