"""The audit holds the records to what was promised: whatever somebody takes away behind its back is found and named."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.contracts.records_values import PROBLEM, arrival, ending, sha256_of
from tolmach.adapters.sql import AuditReport, Records, open_records


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    """Three objects: one for two destinations, one in quarantine, one on its journey."""
    with open_records(tmp_path) as records:
        ids = [records.receipts.record(arrival(number)).object_id for number in range(3)]
        assert ids == [1, 2, 3]
        records.ends.finish([ending(1, destinations=("pacs", "mirror")), ending(2, quarantine=PROBLEM)])
        assert records.desk.audit().holds
        yield records


def after(records: Records, *statements: str) -> AuditReport:
    """Change the database by hand, as a faulty program or a bad sector would, and audit."""
    with closing(sqlite3.connect(records.path, isolation_level=None)) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount == 1
    return records.desk.audit()


@pytest.mark.parametrize(
    ("statement", "codes", "named"),
    [
        ("DELETE FROM deliveries WHERE id = 1", {"032", "035"}, "Object 1 "),
        ("DELETE FROM deliveries WHERE id = 3", {"032", "035"}, "Object 2 "),
        ("DELETE FROM objects WHERE id = 1", {"030", "034"}, sha256_of(0)),
        ("DELETE FROM objects WHERE id = 3", {"030"}, sha256_of(2)),
        ("DELETE FROM receipts WHERE object_id = 3", {"031"}, "Object 3 "),
        ("DELETE FROM editions WHERE object_id = 1", {"033"}, "Object 1 "),
        ("UPDATE deliveries SET object_id = 3 WHERE id = 2", {"032"}, "Object 3 "),
        ("UPDATE deliveries SET destination = 'elsewhere' WHERE id = 2", {"035"}, "elsewhere"),
        ("UPDATE destinations SET taken = 7 WHERE name = 'pacs'", {"035"}, "7 lines"),
        ("UPDATE objects SET lines_expected = 1 WHERE id = 1", {"032"}, "Object 1 "),
    ],
)
def test_what_vanished_is_found_and_named(records: Records, statement: str, codes: set[str], named: str) -> None:
    report = after(records, statement)
    assert not report.holds
    assert not report.total.holds
    assert {finding.code.removeprefix("TLM-SQL-") for finding in report.findings} == codes
    assert any(named in str(finding) for finding in report.findings)


def test_an_object_that_went_with_all_its_rows_but_the_receipt_is_found(records: Records) -> None:
    report = after(
        records,
        "DELETE FROM deliveries WHERE id = 3",
        "DELETE FROM editions WHERE object_id = 2",
        "DELETE FROM objects WHERE id = 2",
    )
    assert report.total.taken == 3
    assert report.total.quarantined == 0
    assert any(sha256_of(1) in str(finding) for finding in report.findings)


def test_the_destination_that_does_not_agree_is_the_one_that_does_not_hold(records: Records) -> None:
    report = after(records, "DELETE FROM deliveries WHERE id = 1")
    assert {row.destination: row.holds for row in report.destinations} == {"": True, "mirror": True, "pacs": False}


def test_a_damaged_database_is_not_changed_by_looking(records: Records) -> None:
    assert after(records, "DELETE FROM deliveries WHERE id = 1") == records.desk.audit()
