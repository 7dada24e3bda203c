"""Writing beside hashing: done once, heard of by whoever gave it, and never waited for longer than doing it oneself."""

import threading

import pytest

from tests.eventually import eventually
from tolmach.adapters.dimse.scribe import Job, Scribe


def scribes() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "scribe"]


def begun(scribe: Scribe, job: Job) -> bool:
    return eventually(lambda: scribe._job is not job)


def test_it_is_done_in_another_thread_while_the_caller_goes_on() -> None:
    scribe, who = Scribe(), list[str]()
    go_on = threading.Event()

    def work() -> None:
        assert go_on.wait(30)
        who.append(threading.current_thread().name)

    job = scribe.begin(work)
    assert job is not None
    assert begun(scribe, job)
    assert who == []
    go_on.set()
    scribe.finish(job)
    assert who == ["scribe"]


def test_one_caller_at_a_time_has_it() -> None:
    scribe, go_on = Scribe(), threading.Event()

    def work() -> None:
        assert go_on.wait(30)

    job = scribe.begin(work)
    assert job is not None
    assert begun(scribe, job)
    assert scribe.begin(lambda: None) is None
    go_on.set()
    scribe.finish(job)
    following = scribe.begin(lambda: None)
    assert following is not None
    scribe.finish(following)


def test_what_went_wrong_is_heard_by_whoever_gave_it_and_by_nobody_else() -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    scribe = Scribe()
    for _ in range(3):
        job = scribe.begin(full)
        assert job is not None
        with pytest.raises(OSError, match="No space left"):
            scribe.finish(job)
        good = scribe.begin(lambda: None)
        assert good is not None
        scribe.finish(good)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_ends_it_in_a_way_nobody_foresaw_is_no_success_and_keeps_nobody_from_writing() -> None:
    """Promise 1: what was not written must not be acknowledged."""

    def closed() -> None:
        raise ValueError("I/O operation on closed file")

    scribe, done = Scribe(), list[int]()
    job = scribe.begin(closed)
    assert job is not None
    assert begun(scribe, job)
    with pytest.raises(OSError, match="Input/output error"):
        scribe.finish(job)
    for number in range(3):
        job = scribe.begin(lambda number=number: done.append(number))  # type: ignore[misc]
        assert job is not None
        scribe.finish(job)
    assert done == [0, 1, 2]


def test_what_it_has_not_begun_the_caller_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_more)
    scribe, who = Scribe(), list[threading.Thread]()
    for count in (1, 2):
        job = scribe.begin(lambda: who.append(threading.current_thread()))
        assert job is not None
        scribe.finish(job)
        assert who == [threading.current_thread()] * count


def test_without_work_its_thread_goes_and_comes_again() -> None:
    before = len(scribes())
    scribe, done = Scribe(idle_seconds=0.05), list[int]()
    for number in range(3):
        job = scribe.begin(lambda number=number: done.append(number))  # type: ignore[misc]
        assert job is not None
        scribe.finish(job)
        assert eventually(lambda: len(scribes()) == before)
    assert done == [0, 1, 2]


def test_many_callers_with_pauses_lose_nothing_and_do_nothing_twice() -> None:
    scribe, counts = Scribe(idle_seconds=0.0005), [0] * 6

    def call(lane: int) -> None:
        def work() -> None:
            counts[lane] += 1

        for number in range(2000):
            job = scribe.begin(work)
            if job is None:
                work()
            else:
                scribe.finish(job)
            assert counts[lane] == number + 1

    threads = [threading.Thread(target=call, args=(lane,), daemon=True) for lane in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert counts == [2000] * len(counts)
