"""Many callers, one commit: whoever comes first commits for all who wait.

A caller of `run` who finds nobody writing leads: it takes the units of work that wait, carries each out in a savepoint
of its own, commits once, and tells the others. A lone caller meets no other thread and needs no savepoint; where each
costs a way to a server and back they are taken only when one of those who share a commit has failed. What comes
meanwhile waits for the next leader, who is the first of them; so the longer a commit takes, the more share the next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from tolmach.adapters.sql.dialect import Dialect
from tolmach.adapters.sql.faults import OTHER, trouble
from tolmach.base import TolmachError
from tolmach.intake.faults import RecordsTrouble

T = TypeVar("T")

MOST_TOGETHER: Final = 256
RETRY_SECONDS: Final = (0.0, 0.05, 0.25, 1.0)
"""Before each further try of work that met a cut connection, a deadlock or the like, and of which nothing is there."""
# What a unit may raise without spoiling those it shares a commit with.
_OF_A_UNIT: Final = (
    *(TolmachError, DataError, IntegrityError, ValueError, LookupError, TypeError),
    *(AttributeError, ArithmeticError, AssertionError, RuntimeError),
)


class _Unit(Generic[T]):
    """One caller's work, and what became of it."""

    __slots__ = ("error", "is_done", "leads_next", "result", "wake", "work")

    def __init__(self, work: Callable[[sa.Connection], T]) -> None:
        self.work = work
        self.wake = threading.Lock()
        self.wake.acquire()
        self.is_done = False
        self.leads_next = False
        self.result: T
        self.error: BaseException | None = None


class Commits:
    """Carries out units of work on one connection and commits them together; any thread may call."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._path = dialect.where
        self._is_in_doubt = False
        self._connection: sa.Connection | None = None
        self._mutex = threading.Lock()
        self._waiting: list[_Unit[object]] = []
        self._is_led = False
        self._leader = 0

    def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Carry out `work` in a transaction; durable on return, or nothing of it is there.

        `work` uses the connection it is given, calls no `run`, and touches nothing else: another thread may carry it
        out, and do so again when the database says that nothing came of the first time. What it raises is raised here.
        Raises `RecordsTrouble` when the database could not do it; a commit that
        failed fails for everybody who shared it.
        """
        if self._leader == threading.get_ident():
            raise RuntimeError("a unit of work may not start another")
        unit = _Unit(work)
        with self._mutex:
            self._waiting.append(unit)  # type: ignore[arg-type]
            leads = not self._is_led
            self._is_led = True
        if not leads:
            self._await(unit)
        if not unit.is_done:
            self._lead()
        if isinstance(unit.error, SQLAlchemyError):
            raise trouble(unit.error, self._path) from unit.error
        if unit.error is not None:
            raise unit.error
        return unit.result

    def close(self) -> None:
        """Wait for the commit under way and give the connection up."""
        with suppress(TolmachError):
            self.run(lambda _: None)
        with self._mutex:
            self._drop_connection()

    def _await(self, unit: _Unit[T]) -> None:
        try:
            unit.wake.acquire()
        except BaseException:
            # Interrupted. Nobody may wait for this thread to lead; if its unit is under way already, it stays so.
            with self._mutex:
                self._waiting = [other for other in self._waiting if other is not unit]
                following = self._waiting[0] if self._waiting else None
                if unit.leads_next:
                    self._appoint(following)
            raise

    def _appoint(self, following: _Unit[object] | None) -> None:
        """Make the thread of a unit the next leader, or nobody; the mutex is held."""
        self._is_led = following is not None
        if following is not None:
            following.leads_next = True
            following.wake.release()

    def _lead(self) -> None:
        with self._mutex:
            units, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
        self._leader = threading.get_ident()
        try:
            self._carry_out(units)
        except BaseException as error:
            # Not one of the errors a unit may raise (the program is being ended, memory is out): nobody is committed.
            self._drop_connection()
            for unit in units:
                unit.error = unit.error or trouble(error, self._path)
            raise
        finally:
            self._leader = 0
            self._hand_over(units)

    def _hand_over(self, units: Sequence[_Unit[object]]) -> None:
        """Wake those who shared the commit, and the first of those who wait as the next leader."""
        with self._mutex:
            self._appoint(self._waiting[0] if self._waiting else None)
        for unit in units:
            unit.is_done = True
            unit.wake.release()

    def _carry_out(self, units: Sequence[_Unit[object]]) -> None:
        in_savepoints = len(units) > 1 and self._dialect.has_quick_savepoints
        for seconds in (*RETRY_SECONDS, None):
            try:
                if not self._commit(units, in_savepoints=in_savepoints):
                    in_savepoints = True
                    self._commit(units, in_savepoints=True)
            except (SQLAlchemyError, TolmachError) as error:
                # A statement or the commit failed in a way that leaves the transaction in doubt: it is nobody's
                # success. After a failed sync the connection is not trusted either.
                self._drop_connection()
                if seconds is not None and self._may_try_again(error):
                    time.sleep(seconds)
                    continue
                spoilt = error if isinstance(error, TolmachError) else trouble(error, self._path)
                for unit in units:
                    unit.error = unit.error or _copied(spoilt)
            return

    def _may_try_again(self, error: BaseException) -> bool:
        return self._dialect.is_over(error) or (self._dialect.passes(error) and not self._is_in_doubt)

    def _commit(self, units: Sequence[_Unit[object]], *, in_savepoints: bool) -> bool:
        """Carry units out and commit; False when one of several has failed that has no savepoint: nothing is there."""
        self._is_in_doubt = False
        for unit in units:
            unit.error = None
        connection = self._connected()
        with self._dialect.transaction(connection) as transaction:
            for unit in units:
                if in_savepoints:
                    self._in_savepoint(connection, unit)
                else:
                    self._alone(connection, unit)
                if unit.error is not None and not in_savepoints and len(units) > 1:
                    transaction.rollback()
                    return False
            if all(unit.error is not None for unit in units):
                transaction.rollback()
            elif not self._dialect.in_transaction(connection):
                raise RecordsTrouble(OTHER, path=self._path, why="the transaction was ended from below")
            self._is_in_doubt = True
        return True

    @staticmethod
    def _alone(connection: sa.Connection, unit: _Unit[object]) -> None:
        try:
            unit.result = unit.work(connection)
        except _OF_A_UNIT as error:
            unit.error = error

    def _in_savepoint(self, connection: sa.Connection, unit: _Unit[object]) -> None:
        connection.exec_driver_sql("SAVEPOINT unit")
        try:
            unit.result = unit.work(connection)
        except _OF_A_UNIT as error:
            unit.error = error
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT unit")
        connection.exec_driver_sql("RELEASE SAVEPOINT unit")

    def _connected(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._dialect.writer.connect()
        return self._connection

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


def _copied(error: TolmachError) -> TolmachError:
    """Give each caller an error of its own: a traceback grows where it is raised."""
    copy = RecordsTrouble(error.problem.fault, **error.problem.facts)
    copy.__cause__ = error
    return copy
