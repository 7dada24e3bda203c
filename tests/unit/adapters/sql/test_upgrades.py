"""The version of the tables: from nothing, from before, from the future, and killed half way."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.archive_double import entry
from tests.contracts.records_values import NOW, PROBLEM, arrival, ending
from tolmach.adapters.sql import Records, RecordsUnusable, open_records, upgrades
from tolmach.adapters.sql.engine import FILE_NAME
from tolmach.adapters.sql.schema import REVISIONS, alembic_version, metadata
from tolmach.delivery.interfaces import Conclusion
from tolmach.intake.interfaces import Dealing, FileMark

ROOT = Path(__file__).resolve().parents[4]
SECOND = """
import os
import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO later VALUES (1)")
    {then}
    op.add_column("objects", sa.Column("later", sa.Text, server_default="x", nullable=False))
"""


def tables(path: Path) -> dict[str, list[str]]:
    """Give every table and index of a database; the order of the parts of a definition does not matter."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: sorted(_parts(sql)) for name, sql in rows}


def _parts(sql: str) -> list[str]:
    """Give the parts of a definition, parted at the commas that stand in no inner brackets."""
    parts, depth = [""], 0
    for letter in " ".join(sql.split()):
        depth += (letter == "(") - (letter == ")")
        if depth == 1 and letter in "(,":
            parts.append("")
        elif depth == 0 and letter == ")":
            parts.append(")")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def made(path: Path, work: object) -> dict[str, list[str]]:
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        work(connection)  # type: ignore[operator]
    engine.dispose()
    return tables(path)


def test_migrations_from_nothing_make_the_tables_of_this_program(tmp_path: Path) -> None:
    def new(connection: sa.Connection) -> None:
        metadata.create_all(connection)
        alembic_version.create(connection)

    stepwise = made(tmp_path / "steps", lambda connection: upgrades.migrate(connection, REVISIONS[-1]))
    at_once = made(tmp_path / "new", new)
    assert stepwise == at_once


def as_released(current: Path, data_dir: Path, revision: str) -> None:
    """Give the records of `current` as a program with an older version of the tables has written them."""
    path = data_dir / FILE_NAME
    data_dir.mkdir()
    made(path, lambda connection: upgrades.migrate(connection, revision))
    with sqlite3.connect(path) as connection:
        connection.execute("ATTACH ? AS now", (str(current / FILE_NAME),))
        for (name,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            if name in ("alembic_version", "sqlite_sequence"):
                continue
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({name})"))
            connection.execute(f"INSERT INTO main.{name} ({columns}) SELECT {columns} FROM now.{name}")
            has_rows = connection.execute(f"SELECT count(*) FROM main.{name}").fetchone()[0]
            assert has_rows, f"nothing in {name} would be missed"
        connection.execute("PRAGMA journal_mode=WAL")


def fill(records: Records) -> None:
    """Bring something into every table of the versions before this one."""
    ids = [records.receipts.record(arrival(number)).object_id for number in range(4)]
    records.ends.finish(
        [
            ending(ids[0], destinations=("pacs", "mirror")),
            ending(ids[1], quarantine=PROBLEM),
            replace(ending(ids[2]), entry=entry()),
        ]
    )
    lines = records.outbox.claim("pacs", "w", 9, NOW, 60)
    records.commitments.begin("1.2.3", "pacs", [lines[0].delivery_id], NOW)
    records.outbox.conclude([Conclusion(lines[0].delivery_id, "delivered", status="0000", proof="response")], NOW)
    records.outbox.conclude([Conclusion(lines[1].delivery_id, "queued", NOW, problem=PROBLEM)], NOW)
    records.desk.resend([ids[0]], ["third"], "nurse")
    records.outbox.note_destination("mirror", PROBLEM, NOW)
    records.unknown_peers.note("STRANGER", "10.0.0.9")
    records.devices.pin("device", "cp1251")
    records.watched.note("room-1", [Dealing(FileMark(b"z", 1, 2, 3, 4), "ab", ids[0])])
    records.watched.note_state("room-1", None, NOW)
    records.tokens.create("viewer", "viewer", timedelta(days=1), "admin")
    with sqlite3.connect(records.path) as connection:
        connection.execute("INSERT INTO nodes VALUES ('a', 'b', 1, 2)")
        columns = "(peer, transaction_uid, reference_pairs, asked_at, due_at)"
        connection.execute(f"INSERT INTO commitment_requests {columns} VALUES ('a', '1.2', '[]', 1, 2)")
        connection.execute("INSERT INTO conflicts (kind, key, at) VALUES ('patient-id', 'P1', 1)")
        connection.execute("INSERT INTO deletions (at, actor, reason, level, uid) VALUES (1, 'a', 'b', 'study', '1.2')")
    connection.close()


def seen(records: Records) -> object:
    return (
        *(list(records.desk.history()), list(records.desk.queue()), records.desk.audit(), records.desk.destinations()),
        *(list(records.events()), records.unknown_peers.list(), dict(records.devices.load().copied())),
        *(list(records.journeys.pending(9)), list(records.stored.stored_objects())),
    )


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_what_every_released_version_wrote_is_there_after_the_upgrade(revision: str, tmp_path: Path) -> None:
    with open_records(tmp_path / "now") as records:
        fill(records)
        before = seen(records)
    as_released(tmp_path / "now", tmp_path / "old", revision)
    for _ in range(2):
        with open_records(tmp_path / "old") as records:
            assert seen(records) == before
            assert records.desk.audit().holds
            assert records.integrity_findings() == []
    assert tables(tmp_path / "old" / FILE_NAME) == tables(tmp_path / "now" / FILE_NAME)
    with open_records(tmp_path / "old") as records:
        receipt = records.receipts.record(arrival(9))
        records.ends.finish([ending(receipt.object_id, destinations=())])
        records.watched.note("room-1", [Dealing(FileMark(b"a", 1, 2, 3, 4), "ab", receipt.object_id)])
        assert len(records.watched.tidyings("room-1", 9)) == 1


def test_the_known_revisions_are_the_migrations_there_are() -> None:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(upgrades.MIGRATIONS), version_locations=[str(upgrades.MIGRATIONS / "versions")])
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == REVISIONS


def test_a_new_database_has_the_newest_version(tmp_path: Path) -> None:
    open_records(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISIONS[-1],)]


def test_a_database_of_a_newer_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """M-05, M-09: a downgrade."""
    open_records(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = tables(tmp_path / FILE_NAME)
    with pytest.raises(RecordsUnusable, match="newer") as caught:
        open_records(tmp_path)
    assert caught.value.code == "TLM-SQL-005"
    assert tables(tmp_path / FILE_NAME) == before


def run(data_dir: Path, migrations: Path) -> subprocess.CompletedProcess[str]:
    """Open the records with a program that knows a version more, in a process of its own."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom tolmach.adapters.sql import engine, open_records, upgrades\n"
        "upgrades.REVISIONS = engine.REVISIONS = ('0001', '0002', '0003', '0004', '0005', '0006', '0007')\n"
        "upgrades.MIGRATIONS = Path(sys.argv[2])\n"
        "records = open_records(Path(sys.argv[1]))\n"
        "print(records.desk.audit().total.taken)\n"
        "records.close()\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, data_dir, migrations], cwd=ROOT, capture_output=True, text=True, check=False
    )


def migrations(tmp_path: Path, then: str) -> Path:
    folder = tmp_path / f"migrations{len(list(tmp_path.iterdir()))}"
    shutil.copytree(upgrades.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "v0007.py").write_text(SECOND.format(then=then))
    return folder


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Give a folder with a database of this program's version and one object in it."""
    with open_records(tmp_path / "data") as records:
        records.receipts.record(arrival(1))
    return tmp_path / "data"


def test_an_upgrade_keeps_what_is_there(data_dir: Path, tmp_path: Path) -> None:
    ended = run(data_dir, migrations(tmp_path, "pass"))
    assert (ended.returncode, ended.stdout) == (0, "1\n"), ended.stderr
    assert "later" in tables(data_dir / FILE_NAME)
    with pytest.raises(RecordsUnusable):  # for us it is the future now
        open_records(data_dir)


def test_an_upgrade_killed_half_way_is_completed_by_the_next_start(data_dir: Path, tmp_path: Path) -> None:
    """M-05, M-09."""
    before = tables(data_dir / FILE_NAME)
    assert run(data_dir, migrations(tmp_path, "os._exit(9)")).returncode == 9
    assert tables(data_dir / FILE_NAME) == before
    ended = run(data_dir, migrations(tmp_path, "pass"))
    assert (ended.returncode, ended.stdout) == (0, "1\n"), ended.stderr


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(data_dir: Path, tmp_path: Path) -> None:
    """M-05, M-09."""
    before = tables(data_dir / FILE_NAME)
    ended = run(data_dir, migrations(tmp_path, "op.execute('nonsense')"))
    assert "TLM-SQL-012" in ended.stderr
    assert tables(data_dir / FILE_NAME) == before
    with open_records(data_dir) as records:
        assert records.desk.audit().total.taken == 1


def test_alembic_is_not_loaded_without_need(tmp_path: Path) -> None:
    """It costs as much as the rest of a command."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom tolmach.adapters.sql import open_records\n"
        "open_records(Path(sys.argv[1])).close()\nopen_records(Path(sys.argv[1])).close()\n"
        "print([name for name in sys.modules if name.startswith('alembic')])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
