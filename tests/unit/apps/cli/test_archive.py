"""`tolmach archive`: what a person deletes, restores, protects and purges, by name and with a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.archive_double import ROOT, entry
from tests.calling import call
from tests.contracts.test_index import into_records
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.sql import Records, open_records

STUDY = f"{ROOT}.1"


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tolmach.toml").write_text('data_dir = "data"\n', "utf-8")
    with open_records(tmp_path / "data") as opened:
        yield opened


def long_ago(records: Records) -> None:
    old = int((datetime.now(UTC) - timedelta(days=31)).timestamp() * 1_000_000)
    records._database.write(lambda connection: connection.exec_driver_sql(f"UPDATE deletions SET at = {old}"))


def test_delete_and_restore(records: Records) -> None:
    into_records(records, entry(1, 1, 1), entry(1, 1, 2), entry(2))
    assert call("archive", "delete", STUDY).status == 2  # no reason
    done = call("archive", "delete", STUDY, "--reason", "wrong patient")
    assert (done.status, done.out) == (0, "2 instances are deleted.\n")
    (row,) = call("archive", "deleted", "--json").objects
    assert (row["level"], row["uid"], row["reason"], row["instances"]) == ("study", STUDY, "wrong patient", 2)
    assert row["by"]
    assert "wrong patient" in call("archive", "deleted").out
    assert call("archive", "restore", STUDY).status == 0
    again = call("archive", "restore", STUDY)
    assert (again.status, again.codes) == (2, ["TLM-ARC-023"])
    assert call("archive", "delete", "1.2.3", "--reason", "x").codes == ["TLM-ARC-020"]


def test_what_is_protected_stays(records: Records) -> None:
    into_records(records, entry(1))
    assert call("archive", "protect", STUDY).status == 0
    assert call("archive", "delete", STUDY, "--reason", "x").codes == ["TLM-ARC-021"]
    assert call("archive", "unprotect", STUDY).status == 0
    assert call("archive", "delete", STUDY, "--reason", "x").status == 0


def test_purge_tells_first_and_removes_only_when_it_is_told_to(records: Records, tmp_path: Path) -> None:
    into_records(records, entry(1), entry(2))
    (sha256,) = [one.stored_sha256 for one in records.index.held(studies=[STUDY])]
    path = FolderStore(tmp_path / "data").path_of(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"bytes")
    call("archive", "delete", STUDY, "--reason", "x")
    assert "0 instances" in call("archive", "purge", "--yes").out
    long_ago(records)
    assert "1 instance " in call("archive", "purge").out
    assert path.exists()
    assert "1 instance " in call("archive", "purge", "--yes").out
    assert not path.exists()
    assert call("audit").status == 0


def test_purge_waits_as_long_as_the_configuration_says(records: Records, tmp_path: Path) -> None:
    into_records(records, entry(1))
    call("archive", "delete", STUDY, "--reason", "x")
    long_ago(records)
    (tmp_path / "tolmach.toml").write_text('data_dir = "data"\n[archive]\npurge_after_days = 3650\n', "utf-8")
    assert "0 instances" in call("archive", "purge").out
    assert "1 instance " in call("archive", "purge", "--days", "30").out


def test_conflicts_are_listed(records: Records) -> None:
    assert "No conflicts" in call("archive", "conflicts").out
    into_records(records, entry(1, PatientID="7"), entry(2, PatientID="7", PatientName="Щербаков^Пётр"))
    (one,) = call("archive", "conflicts", "--json").objects
    assert one["kind"] == "patient-id"
    assert json.loads(one["key"])[:2] == ["7", ""]
    assert [name for name, _ in one["people"]] == ["Іваненко^Іван", "Щербаков^Пётр"]
    line = call("archive", "conflicts").out
    assert "Щербаков^Пётр" in line
    assert "  patient-id  7  Іваненко^Іван" in line


def test_a_conflict_names_the_issuer_of_a_patient_id(records: Records) -> None:
    known = {"PatientID": '7 "a"', "IssuerOfPatientID": "Лікарня 2"}
    into_records(records, entry(1, **known), entry(2, PatientName="Щербаков^Пётр", **known))
    assert '  patient-id  7 "a" (Лікарня 2)  Іваненко^Іван' in call("archive", "conflicts").out
