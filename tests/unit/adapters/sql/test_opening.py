"""Opening: what makes commits durable, who may read the file, and what is refused with clear words."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.records_values import arrival, ending
from tolmach.adapters.sql import Records, RecordsUnusable, open_records
from tolmach.adapters.sql import sqlite as dialect
from tolmach.adapters.sql.engine import FILE_NAME
from tolmach.intake.faults import RecordsTrouble


def pragma(records: Records, name: str) -> Any:
    return records._database.write(lambda connection: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def test_every_commit_is_synced(tmp_path: Path) -> None:
    with open_records(tmp_path) as records:
        assert pragma(records, "synchronous") == 2
        assert pragma(records, "journal_mode") == "wal"
        assert pragma(records, "foreign_keys") == 1


def test_the_harness_may_ask_for_less(tmp_path: Path) -> None:
    with open_records(tmp_path, synchronous="NORMAL") as records:
        assert pragma(records, "synchronous") == 1


def test_a_commit_is_written_to_the_disk_before_it_returns(tmp_path: Path) -> None:
    """As the system sees it: the log is synced in each `record`, and not when the harness has asked for less."""

    def syncs(how: str) -> int:
        program = (
            "import sys\nfrom pathlib import Path\n"
            "from tests.contracts.records_values import arrival\nfrom tolmach.adapters.sql import open_records\n"
            "records = open_records(Path(sys.argv[1]), sys.argv[2])\n"
            "sys.stderr.flush()\n"
            "[records.receipts.record(arrival(number)) for number in range(20)]\n"
        )
        data_dir, log = tmp_path / how, tmp_path / f"{how}.strace"
        subprocess.run(
            ["strace", "-f", "-e", "trace=fsync,fdatasync", "-o", log, sys.executable, "-c", program, data_dir, how],
            cwd=Path(__file__).resolve().parents[4],
            check=True,
        )
        return log.read_text().count("fdatasync(") + log.read_text().count("fsync(")

    # Making the database syncs too, the same number of times in both.
    assert syncs("FULL") - syncs("NORMAL") >= 20


@pytest.mark.skipif(os.name == "nt", reason="rights are not in the mode of a file there")
def test_nobody_else_may_read_patients_data(tmp_path: Path) -> None:
    with open_records(tmp_path / "new") as records:
        records.receipts.record(arrival(1))
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()}
        assert modes == dict.fromkeys((FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"), 0o600)
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    records.path.chmod(0o644)
    with open_records(tmp_path / "new"):
        assert records.path.stat().st_mode & 0o777 == 0o600
    with open_records(tmp_path / "new") as again:
        again.online_backup(tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600


def test_commands_make_no_database(tmp_path: Path) -> None:
    with pytest.raises(RecordsUnusable) as caught:
        open_records(tmp_path / "nowhere", create=False)
    assert caught.value.code == "TLM-SQL-006"
    assert not (tmp_path / "nowhere").exists()


def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    """M-05."""
    file = tmp_path / FILE_NAME
    file.write_bytes(b"not a database at all, but long enough to look at" * 100)
    before = file.read_bytes()
    with pytest.raises(RecordsUnusable) as caught:
        open_records(tmp_path)
    assert caught.value.code == "TLM-SQL-004"
    assert file.read_bytes() == before


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as other:
        other.execute("CREATE TABLE theirs (x)")
    with pytest.raises(RecordsUnusable) as caught:
        open_records(tmp_path)
    assert caught.value.code == "TLM-SQL-010"


def test_what_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(RecordsUnusable) as caught:
        open_records(tmp_path)
    assert caught.value.code == "TLM-SQL-007"


def test_a_disk_without_a_log_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = dialect._pragma
    monkeypatch.setattr(dialect, "_pragma", lambda on, say: "delete" if say == "journal_mode=WAL" else real(on, say))
    with pytest.raises(RecordsUnusable, match="journal_mode=delete") as caught:
        open_records(tmp_path)
    assert caught.value.code == "TLM-SQL-009"


def test_a_database_that_does_not_sync_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = dialect._pragma
    monkeypatch.setattr(dialect, "_pragma", lambda on, say: None if say == "synchronous=FULL" else real(on, say))
    monkeypatch.setitem(dialect._LEVELS, "FULL", 3)
    with pytest.raises(RecordsUnusable, match="synchronous=") as caught:
        open_records(tmp_path)
    assert caught.value.code == "TLM-SQL-009"


def test_a_full_disk_is_trouble_and_work_goes_on_afterwards(tmp_path: Path) -> None:
    """M-03: no room for the records."""
    with open_records(tmp_path) as records:
        records.receipts.record(arrival(0))
        pragma(records, f"max_page_count={pragma(records, 'page_count')}")
        taken = 1
        with pytest.raises(RecordsTrouble) as caught:  # noqa: PT012
            while taken < 100_000:
                records.receipts.record(arrival(taken))
                taken += 1
        assert caught.value.code == "TLM-SQL-002"
        # What was refused is not there; there is space again, as far as the next connection knows.
        assert records.desk.audit().total.taken == taken
        assert records.receipts.record(arrival(taken)).is_new
        assert records.desk.audit().holds


def test_a_database_that_others_lock_is_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialect, "BUSY_SECONDS", 0.1)
    with open_records(tmp_path) as records, sqlite3.connect(records.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordsTrouble) as caught:
            records.receipts.record(arrival(1))
        assert caught.value.code == "TLM-SQL-001"
        assert records.desk.audit().total.taken == 0  # reading waits for nobody
        other.execute("ROLLBACK")
        assert records.receipts.record(arrival(1)).is_new


def test_damage_in_the_middle_is_found(tmp_path: Path) -> None:
    """M-05."""
    with open_records(tmp_path) as records:
        receipts = records.receipts.record_all([arrival(number) for number in range(500)])
        records.ends.finish([ending(receipt.object_id) for receipt in receipts])
    with sqlite3.connect(records.path) as closing:
        closing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # What is needed to open it was written first: the damage is in the rows alone.
        (schema,) = closing.execute("SELECT max(rootpage) FROM sqlite_master").fetchone()
    closing.close()
    with records.path.open("r+b") as file:
        file.seek(4096 * (schema + 10))
        file.write(b"\xff" * 4096 * 20)
    with open_records(tmp_path) as damaged:
        try:
            found = damaged.integrity_findings()
        except RecordsTrouble as error:
            found = [error.code]
        assert found
        with pytest.raises(RecordsUnusable) as caught:
            damaged.online_backup(tmp_path / "copy")
        assert caught.value.code == "TLM-SQL-004"
    assert not list(tmp_path.glob("copy*"))


def test_a_backup_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with open_records(tmp_path) as records:
        with pytest.raises(RecordsUnusable) as caught:
            records.online_backup(tmp_path / "no folder" / "copy")
        assert caught.value.code == "TLM-SQL-011"


def test_words_of_the_database_hold_no_patients_data(tmp_path: Path) -> None:
    with open_records(tmp_path) as records:

        def work(connection: Any) -> None:
            connection.exec_driver_sql("INSERT INTO objects (sha256, facts) VALUES (?, ?)", ("x", "Secret^Name"))

        with pytest.raises(RecordsTrouble) as caught:
            records._database.write(work)
        assert "Secret" not in f"{caught.value}{caught.value.problem}"


def test_closing_twice_and_using_with(tmp_path: Path) -> None:
    records = open_records(tmp_path)
    records.close()
    records.close()
