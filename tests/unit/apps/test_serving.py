"""What the system tells a running program, and what it makes of it."""

import os
import signal
import threading
import time

import pytest

from tolmach.apps.serving import COMPLAIN_SECONDS, Complaints, Orders, Running, orders_by_signal
from tolmach.intake.faults import NO_ROOM, STORE_EMPTY, NoRoom, StoreEmpty

SECONDS = 30.0


def test_orders_are_obeyed_in_turn_and_stopping_ends_it() -> None:
    orders = Orders()
    orders.reload()
    assert orders.wait()
    timer = threading.Timer(0.05, orders.reload)
    timer.start()
    assert orders.wait()
    orders.reload()
    orders.stop()
    assert not orders.wait()
    assert not orders.wait()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signal")
def test_signals_are_orders_while_the_block_lasts() -> None:
    before = signal.getsignal(signal.SIGHUP)
    with orders_by_signal() as orders:
        os.kill(os.getpid(), signal.SIGHUP)
        assert orders.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        assert not orders.wait()
    assert signal.getsignal(signal.SIGHUP) is before


def test_what_was_started_last_is_stopped_first_and_only_once() -> None:
    done: list[str] = []
    with Running() as run:
        run.at_end(lambda: done.append("records"))
        stopping = threading.Event()

        def work() -> None:
            stopping.wait(SECONDS)
            done.append("thread")

        run.thread(work, "work", stopping.set)
        run.close()
        assert done == ["thread", "records"]
    assert done == ["thread", "records"]


def test_a_thread_that_fails_is_started_again() -> None:
    tries: list[float] = []
    ended = threading.Event()

    def work() -> None:
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise ValueError
        ended.set()

    with Running() as run:
        run.thread(work, "work", ended.set)
        assert ended.wait(SECONDS)
    assert len(tries) == 2


def test_a_trouble_that_lasts_is_written_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    complaints, full = Complaints(lambda: now[0]), NoRoom(NO_ROOM, free="0 B", reserve="1 GiB")

    def count_of_an_hour() -> int:
        caplog.clear()
        for _ in range(3600):
            now[0] += 1
            complaints.tell(full)
        return len(caplog.records)

    assert 3600 / COMPLAIN_SECONDS <= count_of_an_hour() <= 3600 / COMPLAIN_SECONDS + 1
    caplog.clear()
    now[0] += COMPLAIN_SECONDS
    for error in (full, StoreEmpty(STORE_EMPTY), full):
        complaints.tell(error)
    complaints.end()
    complaints.tell(full)
    assert len(caplog.records) == 4
    assert str(full) in caplog.text
