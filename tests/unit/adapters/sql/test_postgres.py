"""What is PostgreSQL's alone: M-08 on one connection, what is refused, the tables."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from tests.contracts.records_values import NOW, arrival, ending, uid_of
from tests.faults.children import LineChild
from tests.postgres_server import PostgresServer, the_server
from tolmach.adapters.sql import Records, RecordsUnusable, faults, open_records, upgrades
from tolmach.adapters.sql.schema import REVISIONS, alembic_version, metadata
from tolmach.adapters.sql.sqlite import SqliteFile
from tolmach.delivery.interfaces import Conclusion
from tolmach.intake.faults import RecordsTrouble

KILL = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    made = f"u{abs(hash(request.node.nodeid))}"
    the_server().make(made)
    yield made
    the_server().sql(f'DROP DATABASE "{made}" WITH (FORCE)')


@pytest.fixture
def records(name: str) -> Iterator[Records]:
    with open_records(Path(), database=the_server().url(name)) as one:
        yield one
        assert one.desk.audit().holds


# What passes by itself ------------------------------------------------------------------------------------------------


def test_connections_that_are_cut_are_replaced_and_nobody_notices(records: Records, name: str) -> None:
    """M-08: restart, failover."""
    for number in range(5):
        taken = records.receipts.record(arrival(number))
        records.ends.finish([ending(taken.object_id, study="1")])
        the_server().sql(KILL.format(name))
        assert records.desk.audit().total.taken == number + 1
        the_server().sql(KILL.format(name))
        assert [line.object_id for line in records.outbox.claim("pacs", "w", 9, NOW, 60)] == [taken.object_id]
        the_server().sql(KILL.format(name))


def test_a_connection_cut_within_the_work_is_replaced_and_the_work_done_once_more(records: Records, name: str) -> None:
    tries = []

    def work(connection: sa.Connection) -> int:
        tries.append(1)
        connection.exec_driver_sql("INSERT INTO devices (key) VALUES ('x')")
        if len(tries) == 1:
            the_server().sql(KILL.format(name))
        return int(connection.exec_driver_sql("SELECT count(*) FROM devices").scalar_one())

    assert records._database.write(work) == 1
    assert len(tries) == 2


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_what_the_server_takes_back_is_done_once_more(records: Records, state: str) -> None:
    tries = []

    def work(connection: sa.Connection) -> str:
        tries.append(1)
        if len(tries) < 3:
            connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$")
        return "done"

    assert records._database.write(work) == "done"
    assert records._database.write_beside(lambda _: "beside") == "beside"
    assert len(tries) == 3


def test_a_deadlock_with_another_program_ends(records: Records, name: str) -> None:
    """M-08."""
    records.devices.pin("a", "cp1251")
    records.devices.pin("b", "cp1251")
    met = threading.Barrier(2)
    tries = []

    def ours(connection: sa.Connection) -> None:
        tries.append(1)
        connection.exec_driver_sql("UPDATE devices SET counts = '{}' WHERE key = 'a'")
        if len(tries) == 1:
            met.wait(10)
        connection.exec_driver_sql("UPDATE devices SET counts = '{}' WHERE key = 'b'")

    def theirs() -> None:
        with psycopg.connect(the_server().url(name)) as other:
            other.execute("UPDATE devices SET counts = '{}' WHERE key = 'b'")
            met.wait(10)
            try:
                other.execute("UPDATE devices SET counts = '{}' WHERE key = 'a'")
            except psycopg.errors.DeadlockDetected:
                other.rollback()

    thread = threading.Thread(target=theirs)
    thread.start()
    records._database.write(ours)
    thread.join(20)
    assert not thread.is_alive()


def test_a_commit_nobody_knows_the_end_of_is_trouble_and_not_done_twice(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []
    engine = records._database.dialect.writer

    def gone(_: Any) -> None:
        raise OperationalError("COMMIT", None, psycopg.OperationalError("server closed the connection unexpectedly"))

    def work(connection: sa.Connection) -> None:
        tries.append(1)
        connection.exec_driver_sql("INSERT INTO devices (key) VALUES ('x')")

    monkeypatch.setattr(engine.dialect, "do_commit", gone)
    with pytest.raises(RecordsTrouble) as caught:
        records._database.write(work)
    assert (caught.value.code, len(tries)) == ("TLM-SQL-013", 1)


def test_a_claim_whose_answer_was_lost_is_given_all_the_same(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server commits and goes away before it says so: the lines must not wait for the end of such a lease."""
    taken = records.receipts.record(arrival(1))
    records.ends.finish([ending(taken.object_id)])
    dialect = records._database.dialect.beside.dialect
    commit, commits = dialect.do_commit, []

    def cut(connection: Any) -> None:
        commit(connection)
        commits.append(1)
        if len(commits) == 1:
            raise OperationalError("COMMIT", None, psycopg.OperationalError("server closed the connection"))

    monkeypatch.setattr(dialect, "do_commit", cut)
    lines = records.outbox.claim("pacs", "lane", 9, NOW, 300)
    assert (len(lines), len(commits)) == (1, 2)


def test_a_unit_that_fails_spoils_nothing_of_those_beside_it(records: Records) -> None:
    """A value the server does not take, with others in one commit."""
    go, results = threading.Event(), []

    def slow(_: sa.Connection) -> None:
        assert go.wait(10)

    def bad(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO devices (key) VALUES (:key)"), {"key": "a\0b"})

    def run(work: Any) -> None:
        try:
            records._database.write(work)
            results.append("done")
        except RecordsTrouble:
            results.append("trouble")

    threads = [threading.Thread(target=run, args=(work,)) for work in (slow, bad, slow, bad, slow)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    go.set()
    for thread in threads:
        thread.join(10)
    assert sorted(results) == ["done"] * 3 + ["trouble"] * 2


@pytest.mark.slow
def test_a_server_that_answers_after_five_seconds_is_waited_for(name: str, tmp_path: Path) -> None:
    """M-08: slow 5 s."""
    with (
        closing(LineChild(tmp_path, the_server().port)) as line,
        open_records(Path(), database=the_server().url(name, line.port)) as records,
    ):
        line.become({"latency": 2.5})
        assert records.receipts.record(arrival(1)).is_new
        line.become({})
        assert not records.receipts.record(arrival(1)).is_new
        assert records.desk.audit().holds


def test_a_session_that_falls_silent_loses_its_lock(records: Records) -> None:
    with records._database.dialect.writer.connect() as connection:
        said = {
            key: connection.exec_driver_sql(f"SHOW {key}").scalar_one()
            for key in ("idle_in_transaction_session_timeout", "lock_timeout", "synchronous_commit", "tcp_user_timeout")
        }
    assert said["idle_in_transaction_session_timeout"] == "15s"
    assert (said["lock_timeout"], said["synchronous_commit"], said["tcp_user_timeout"]) == ("20s", "on", "20000")


# What is refused ------------------------------------------------------------------------------------------------------


def test_a_server_out_of_reach_is_trouble_without_the_password() -> None:
    with pytest.raises(RecordsTrouble) as caught:
        open_records(Path(), database="postgresql://somebody:secret@127.0.0.1:1/tolmach")
    assert caught.value.code == "TLM-SQL-013"
    assert "secret" not in str(caught.value)
    assert "postgresql://somebody@127.0.0.1:1/tolmach" in str(caught.value)


def test_without_psycopg_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(RecordsUnusable, match="psycopg") as caught:
        open_records(Path(), database="postgresql://127.0.0.1/x")
    assert caught.value.code == "TLM-SQL-014"


def test_a_server_that_does_not_sync_is_refused() -> None:
    server = PostgresServer(fsync="off", full_page_writes="off")
    try:
        server.sql("CREATE DATABASE unsafe")
        with pytest.raises(RecordsUnusable, match="fsync is off, full_page_writes is off") as caught:
            open_records(Path(), database=server.url("unsafe"))
        assert caught.value.code == "TLM-SQL-015"
    finally:
        server.remove()


def test_a_database_without_all_letters_is_refused() -> None:
    words = "CREATE DATABASE koi ENCODING 'KOI8R' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    the_server().sql(words)
    with pytest.raises(RecordsUnusable, match="KOI8R") as caught:
        open_records(Path(), database=the_server().url("koi"))
    assert caught.value.code == "TLM-SQL-016"
    the_server().sql("DROP DATABASE koi WITH (FORCE)")


def test_a_database_of_another_program_is_refused() -> None:
    url = the_server().make_empty("foreign_one")
    the_server().sql("CREATE TABLE theirs (id int)", "foreign_one")
    with pytest.raises(RecordsUnusable) as caught:
        open_records(Path(), database=url)
    assert caught.value.code == "TLM-SQL-010"
    the_server().sql("DROP DATABASE foreign_one WITH (FORCE)")


def test_words_of_the_server_hold_no_patients_data(records: Records) -> None:
    records.receipts.record(arrival(1))
    words = "INSERT INTO objects (sha256, facts) VALUES ('x', 'Secret^Name')"
    with pytest.raises(RecordsTrouble) as caught:
        records._database.write(lambda connection: connection.exec_driver_sql(words))
    assert "Secret" not in f"{caught.value}{caught.value.problem}"
    assert "(23502)" in str(caught.value)


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("08006", faults.UNREACHABLE),
        ("57P01", faults.UNREACHABLE),
        ("53300", faults.UNREACHABLE),
        ("25006", faults.UNREACHABLE),
        ("53100", faults.DISK_FULL),
        ("55P03", faults.CONTENDED),
        ("40001", faults.CONTENDED),
        ("42501", faults.SERVER_REFUSES),
        ("28P01", faults.SERVER_REFUSES),
        ("58030", faults.IO_ERROR),
        ("XX001", faults.CORRUPT),
        ("23505", faults.OTHER),
    ],
)
def test_every_kind_of_error_has_its_fault(state: str, fault: object) -> None:
    original = psycopg.errors.lookup(state)("what the server says")
    assert faults.fault_of(OperationalError("SELECT 'Secret^Name'", None, original)) is fault


# The tables -----------------------------------------------------------------------------------------------------------

COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable, collation_name FROM information_schema.columns"
    " WHERE table_schema = 'public' ORDER BY 1, 2"
)
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
CONSTRAINTS = (
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
)


def shape(database: str) -> list[list[tuple[object, ...]]]:
    return [the_server().sql(words, database) for words in (COLUMNS, INDEXES, CONSTRAINTS)]


@pytest.fixture
def empty() -> Iterator[str]:
    the_server().make_empty("steps")
    yield "steps"
    the_server().sql("DROP DATABASE steps WITH (FORCE)")


def migrated(database: str, revision: str) -> None:
    engine = sa.create_engine(sa.make_url(the_server().url(database)).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        upgrades.migrate(connection, revision)
    engine.dispose()


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_migrations_make_the_tables_of_this_program(revision: str, empty: str, name: str) -> None:
    migrated(empty, revision)
    with open_records(Path(), database=the_server().url(empty)) as records:
        assert records.desk.audit().holds
    assert shape(empty) == shape(name)


def test_tables_that_an_older_node_works_on_are_left_alone(empty: str) -> None:
    """M-09: whoever is upgraded first waits until the others are stopped, and then goes on by itself."""
    migrated(empty, REVISIONS[-1])
    url = the_server().url(empty)
    with open_records(Path(), database=url) as older:
        older.nodes.join("host:/older")
        the_server().sql("UPDATE alembic_version SET version_num = '0005'", empty)  # as it is for a newer program
        with pytest.raises(RecordsUnusable, match="host:/older") as caught:
            open_records(Path(), database=url)
        assert caught.value.code == "TLM-SQL-027"
        older.nodes.leave()
    with pytest.raises(RecordsUnusable, match="TLM-SQL-012"):  # it tries: these tables are there already
        open_records(Path(), database=url)


def test_texts_are_compared_by_their_bytes(name: str) -> None:
    """Whatever language the database was made in: this one is Ukrainian."""
    texts = [row for row in shape(name)[0] if row[2] in ("text", "character varying")]
    assert len(texts) > 50
    assert {row[4] for row in texts} == {"C"}


def test_two_that_make_the_tables_at_once_make_them_once(empty: str) -> None:
    url, opened, meeting = the_server().url(empty), [], threading.Barrier(4)

    def run() -> None:
        meeting.wait(10)
        with open_records(Path(), database=url) as records:
            opened.append(records.desk.audit().holds)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert opened == [True] * 4


def test_a_copy_is_a_database_of_sqlite_with_all_there_is(records: Records, tmp_path: Path) -> None:
    """M-06: the records of a server, copied while it works."""
    for number in range(3):
        taken = records.receipts.record(arrival(number))
        records.ends.finish([ending(taken.object_id)])
    lines = records.outbox.claim("pacs", "w", 1, NOW, 60)
    records.outbox.conclude([Conclusion(lines[0].delivery_id, "delivered", status="0000", proof="response")], NOW)
    (tmp_path / "copy").mkdir()
    records.online_backup(tmp_path / "copy" / "tolmach.sqlite")
    with open_records(tmp_path / "copy", create=False) as copy:
        assert list(copy.desk.history()) == list(records.desk.history())
        assert list(copy.events()) == list(records.events())
        assert copy.desk.audit() == records.desk.audit()
    file = SqliteFile(tmp_path / "copy" / "tolmach.sqlite", "FULL")
    with file.readers.connect() as connection:
        versions = connection.execute(sa.select(alembic_version.c.version_num)).scalars().all()
        assert versions == [REVISIONS[-1]]
        assert set(sa.inspect(connection).get_table_names()) >= set(metadata.tables)
    file.close()


def test_the_uid_of_a_thing_with_nul_is_kept_readable(records: Records) -> None:
    from dataclasses import replace

    records.receipts.record(replace(arrival(1), sop_instance_uid=uid_of(1) + "\0"))
    assert records.desk.audit().total.taken == 1
