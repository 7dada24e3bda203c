"""Many callers, one commit; nobody's failure is another's."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tolmach.adapters.sql import commits, sqlite
from tolmach.adapters.sql.commits import MOST_TOGETHER, Commits, _Unit
from tolmach.adapters.sql.dialect import Prepared
from tolmach.adapters.sql.faults import NoSuchThing
from tolmach.base import Fault, TolmachError
from tolmach.intake.faults import RecordsTrouble


class Interrupted(BaseException):
    """What Ctrl-C is to a thread."""


class Bench:
    """Commits on a table of numbers, with a count of the transactions, and a way to hold the leader up."""

    def __init__(self, path: Path) -> None:
        sqlite.make_file(path)
        self.path = path
        file = sqlite.SqliteFile(path, "NORMAL")
        self.engine = file.writer
        self.commits = Commits(file)
        self.commits.run(lambda connection: connection.exec_driver_sql("CREATE TABLE numbers (number PRIMARY KEY)"))
        self.committed = 0
        sa.event.listen(self.engine, "commit", self._count)
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def _count(self, _: sa.Connection) -> None:
        self.committed += 1

    def insert(self, number: int) -> Callable[[sa.Connection], int]:
        def work(connection: sa.Connection) -> int:
            connection.exec_driver_sql("INSERT INTO numbers VALUES (?)", (number,))
            return number

        return work

    def block(self, connection: sa.Connection) -> str:
        """Hold the transaction open until told."""
        connection.exec_driver_sql("SELECT 1")
        self.entered.set()
        assert self.go_on.wait(30)
        return "led"

    def numbers(self) -> list[int]:
        with sqlite3.connect(self.path) as connection:
            return [row[0] for row in connection.execute("SELECT number FROM numbers ORDER BY number")]

    def together(self, *units: Callable[[sa.Connection], Any]) -> list[Any]:
        """Have units wait while somebody else writes, so that they share a commit; give results and errors."""
        outcomes: list[Any] = [None] * len(units)

        def call(at: int) -> None:
            try:
                outcomes[at] = self.commits.run(units[at])
            except (TolmachError, LookupError, Interrupted) as error:
                outcomes[at] = error

        first = threading.Thread(daemon=True, target=self.commits.run, args=(self.block,))
        first.start()
        assert self.entered.wait(30)
        threads = [threading.Thread(daemon=True, target=call, args=(at,)) for at in range(len(units))]
        for at, thread in enumerate(threads):
            thread.start()
            self.wait_for_waiting(at + 1)
        self.committed = 0
        self.go_on.set()
        for thread in (first, *threads):
            thread.join(30)
        self.entered.clear()
        self.go_on.clear()
        return outcomes

    def wait_for_waiting(self, count: int) -> None:
        done = threading.Event()
        for _ in range(3000):
            if len(self.commits._waiting) >= count:
                return
            done.wait(0.01)
        raise AssertionError("the unit never came to wait")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "test.sqlite")
    yield bench
    # Not by closing, which waits its turn: a test that failed may have left nobody to give it.
    bench.commits._drop_connection()
    bench.engine.dispose()


def test_a_lone_caller_commits_alone_without_a_savepoint(bench: Bench) -> None:
    seen: list[str] = []

    def listen(connection: sa.Connection) -> None:
        database = connection.connection.driver_connection
        assert isinstance(database, sqlite3.Connection)
        database.set_trace_callback(seen.append)

    bench.commits.run(listen)
    seen.clear()
    assert bench.commits.run(bench.insert(1)) == 1
    assert seen == ["BEGIN IMMEDIATE", "INSERT INTO numbers VALUES (1)", "COMMIT"]
    assert bench.numbers() == [1]


def test_those_who_wait_share_one_commit(bench: Bench) -> None:
    assert bench.together(*map(bench.insert, range(20))) == list(range(20))
    assert bench.numbers() == list(range(20))
    # The commit of the one who held them up, and one for all of them.
    assert bench.committed == 2


def test_more_than_fit_together_take_several_commits(bench: Bench) -> None:
    count = MOST_TOGETHER + 20
    assert bench.together(*map(bench.insert, range(count))) == list(range(count))
    assert bench.numbers() == list(range(count))
    assert bench.committed == 3


def fail(connection: sa.Connection) -> None:
    connection.exec_driver_sql("INSERT INTO numbers VALUES (100)")
    raise NoSuchThing(Fault("TLM-TST-002", "{what}", "{what}"), what="nothing")


def collide(connection: sa.Connection) -> None:
    connection.exec_driver_sql("INSERT INTO numbers VALUES (101)")
    connection.exec_driver_sql("INSERT INTO numbers VALUES (1)")


def stumble(connection: sa.Connection) -> None:
    connection.exec_driver_sql("INSERT INTO numbers VALUES (102)")
    raise KeyError("a bug")


def test_what_one_unit_did_wrong_spoils_no_other(bench: Bench) -> None:
    outcomes = bench.together(bench.insert(1), fail, bench.insert(2), collide, stumble, bench.insert(3))
    assert [one for one in outcomes if isinstance(one, int)] == [1, 2, 3]
    assert bench.numbers() == [1, 2, 3]
    failed, collided, stumbled = outcomes[1], outcomes[3], outcomes[4]
    assert isinstance(failed, NoSuchThing)
    assert isinstance(collided, RecordsTrouble)
    assert isinstance(collided.__cause__, IntegrityError)
    assert isinstance(stumbled, KeyError)


@pytest.mark.parametrize("work", [fail, collide, stumble])
def test_a_lone_unit_that_fails_leaves_nothing(bench: Bench, work: Callable[[sa.Connection], None]) -> None:
    bench.commits.run(bench.insert(1))
    with pytest.raises((NoSuchThing, RecordsTrouble, KeyError)):
        bench.commits.run(work)
    assert bench.numbers() == [1]
    assert bench.commits.run(bench.insert(2)) == 2


def test_a_commit_that_fails_fails_for_all_and_the_next_goes_well(bench: Bench) -> None:
    refusing = True

    def refuse(connection: sa.Connection) -> None:
        if refusing and not bench.entered.is_set():
            raise sa.exc.OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))

    sa.event.listen(bench.engine, "commit", refuse)
    outcomes: list[Any] = []

    def call(number: int) -> None:
        try:
            outcomes.append(bench.commits.run(bench.insert(number)))
        except RecordsTrouble as error:
            outcomes.append(error)

    def hold_up() -> None:
        with pytest.raises(RecordsTrouble):
            bench.commits.run(bench.block)

    first = threading.Thread(daemon=True, target=hold_up)
    first.start()
    assert bench.entered.wait(30)
    threads = [threading.Thread(daemon=True, target=call, args=(number,)) for number in range(5)]
    for at, thread in enumerate(threads):
        thread.start()
        bench.wait_for_waiting(at + 1)
    bench.entered.clear()
    bench.go_on.set()
    for thread in (first, *threads):
        thread.join(30)
    assert [type(one) for one in outcomes] == [RecordsTrouble] * 5
    assert len({id(one) for one in outcomes}) == 5
    assert bench.numbers() == []
    refusing = False
    assert bench.commits.run(bench.insert(7)) == 7
    assert bench.numbers() == [7]


def test_a_statement_that_leaves_the_transaction_in_doubt_spoils_the_commit(bench: Bench) -> None:
    def broken(connection: sa.Connection) -> None:
        connection.exec_driver_sql("SELECT * FROM no_such_table")

    outcomes = bench.together(bench.insert(1), broken, bench.insert(2))
    assert [type(one) for one in outcomes] == [RecordsTrouble] * 3
    assert bench.numbers() == []
    assert bench.commits.run(bench.insert(3)) == 3


def test_a_commit_that_fails_past_sqlalchemy_leaves_nothing_either(bench: Bench) -> None:
    """A reference to nothing that is looked at only in the end: the COMMIT itself is refused, and leaves it open."""
    bench.commits.run(
        lambda connection: connection.exec_driver_sql(
            "CREATE TABLE kin (number REFERENCES numbers (number) DEFERRABLE INITIALLY DEFERRED)"
        )
    )
    orphan = Prepared(sa.text("INSERT INTO kin VALUES (7)"))
    with pytest.raises(RecordsTrouble):
        bench.commits.run(lambda connection: orphan.one(connection, {}))
    assert bench.commits.run(bench.insert(1)) == 1
    left = Prepared(sa.text("SELECT count(*) FROM kin"))
    assert bench.commits.run(lambda connection: left.one(connection, {}))[0] == 0


def test_a_transaction_that_was_ended_from_below_is_nobodys_success(bench: Bench) -> None:
    """SQLite rolls back by itself after some errors; what follows would otherwise be committed piece by piece."""

    def end(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")

    with pytest.raises(RecordsTrouble):
        bench.commits.run(end)
    outcomes = bench.together(bench.insert(1), end, bench.insert(2))
    assert [type(one) for one in outcomes] == [RecordsTrouble] * 3
    assert bench.numbers() == []


def test_a_unit_may_not_start_another(bench: Bench) -> None:
    with pytest.raises(RuntimeError, match="another"):
        bench.commits.run(lambda _: bench.commits.run(bench.insert(1)))


def test_a_leader_that_is_interrupted_commits_nothing_and_the_others_hear_of_it(bench: Bench) -> None:
    def interrupted(_: sa.Connection) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        bench.commits.run(interrupted)
    led, *others = bench.together(bench.insert(1), interrupted, bench.insert(2))
    assert isinstance(led, Interrupted)
    assert [type(one) for one in others] == [RecordsTrouble] * 2
    assert bench.numbers() == []
    assert bench.commits.run(bench.insert(3)) == 3


@pytest.mark.parametrize("leads_next", [True, False])
def test_whoever_is_interrupted_while_waiting_leaves_the_others_going(
    bench: Bench, leads_next: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that gives up while it waits must not be the one whom the others wait for."""
    others = [
        threading.Thread(daemon=True, target=bench.commits.run, args=(bench.insert(number),)) for number in (2, 3)
    ]
    first = threading.Thread(daemon=True, target=bench.commits.run, args=(bench.block,))
    given_up: list[BaseException] = []

    def give_up() -> None:
        try:
            bench.commits.run(bench.insert(1))
        except Interrupted as error:
            given_up.append(error)

    giving_up, moment = threading.Thread(daemon=True, target=give_up), threading.Event()

    def unit(work: Callable[[sa.Connection], Any]) -> _Unit[Any]:
        made: _Unit[Any] = _Unit(work)
        if threading.current_thread() is giving_up:
            made.wake = Interrupting(moment)  # type: ignore[assignment]
        return made

    monkeypatch.setattr(commits, "_Unit", unit)
    first.start()
    assert bench.entered.wait(30)
    if not leads_next:
        others[0].start()
        bench.wait_for_waiting(1)
    giving_up.start()
    bench.wait_for_waiting(1 if leads_next else 2)
    others[1].start()
    bench.wait_for_waiting(2 if leads_next else 3)
    moment.set()
    giving_up.join(30)
    assert len(given_up) == 1
    if leads_next:
        others[0].start()
        bench.wait_for_waiting(2)
    bench.go_on.set()
    for thread in (first, *others):
        thread.join(30)
        assert not thread.is_alive()
    assert bench.numbers() == [2, 3]
    assert bench.commits.run(bench.insert(4)) == 4


def test_whoever_was_to_lead_and_is_interrupted_hands_on(bench: Bench) -> None:
    """The narrow moment between being appointed and being interrupted."""
    first = threading.Thread(daemon=True, target=bench.commits.run, args=(bench.block,))
    first.start()
    assert bench.entered.wait(30)
    unit: _Unit[int] = _Unit(bench.insert(1))
    with bench.commits._mutex:
        bench.commits._waiting.append(unit)  # type: ignore[arg-type]
    other = threading.Thread(daemon=True, target=bench.commits.run, args=(bench.insert(2),))
    other.start()
    bench.wait_for_waiting(2)
    bench.go_on.set()
    first.join(30)
    assert unit.leads_next
    now = threading.Event()
    now.set()
    unit.wake = Interrupting(now)  # type: ignore[assignment]
    with pytest.raises(Interrupted):
        bench.commits._await(unit)
    other.join(30)
    assert not other.is_alive()
    assert bench.numbers() == [2]


class Interrupting:
    """A lock to wait for at which one is interrupted, as a signal would, when the moment has come."""

    def __init__(self, moment: threading.Event) -> None:
        self._moment = moment

    def acquire(self) -> None:
        assert self._moment.wait(30)
        raise Interrupted

    def release(self) -> None:
        """Nobody waits any more."""


def test_closing_waits_for_what_is_being_written(bench: Bench) -> None:
    first = threading.Thread(daemon=True, target=bench.commits.run, args=(bench.block,))
    first.start()
    assert bench.entered.wait(30)
    closing = threading.Thread(daemon=True, target=bench.commits.close)
    closing.start()
    bench.wait_for_waiting(1)
    assert closing.is_alive()
    bench.go_on.set()
    for thread in (first, closing):
        thread.join(30)
        assert not thread.is_alive()
    assert bench.commits._connection is None
