"""Several nodes on one database: nobody has what another has, and what a dead one had comes back."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.contracts.records_factories import Clock
from tests.contracts.records_values import NOW, PROBLEM, arrival, ending
from tests.postgres_server import the_server
from tolmach.adapters.sql import Records, open_records, postgres
from tolmach.adapters.sql.nodes import ALIVE
from tolmach.delivery.interfaces import Conclusion
from tolmach.intake.interfaces import Provenance

CT, MR = Provenance("dimse", "ct-1", "CT1", "10.0.0.7"), Provenance("dimse", "mr-1", "MR1", "10.0.0.8")


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"n{abs(hash(request.node.nodeid))}"
    yield the_server().make(name)
    the_server().sql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def nodes(url: str, clock: Clock) -> Iterator[tuple[Records, Records]]:
    with ExitStack() as stack:
        one, other = (stack.enter_context(open_records(Path(), database=url, clock=clock)) for _ in range(2))
        one.nodes.join("host:/one")
        other.nodes.join("host:/other")
        yield one, other
        assert one.desk.audit().holds


def take(records: Records, numbers: range, provenance: Provenance = CT) -> list[int]:
    return [receipt.object_id for receipt in records.receipts.record_all([arrival(n, 1, provenance) for n in numbers])]


def walked(records: Records) -> list[int]:
    return [one.object_id for one in records.journeys.pending(9)]


# Journeys -------------------------------------------------------------------------------------------------------------


def test_a_journey_is_walked_by_one_node(nodes: tuple[Records, Records]) -> None:
    one, other = nodes
    ids = take(one, range(3))
    assert walked(one) == ids
    assert walked(other) == []
    assert walked(one) == ids  # its own again: a walk that failed is begun anew


def test_what_a_source_sends_goes_to_the_node_that_has_it_in_hand(nodes: tuple[Records, Records]) -> None:
    """So a study stays in order, and two sources are walked at the same time."""
    one, other = nodes
    first = take(one, range(2))
    assert walked(one) == first
    more, elsewhere = take(one, range(2, 4)), take(one, range(10, 12), MR)
    assert walked(other) == elsewhere
    assert walked(one) == first + more
    one.ends.finish([ending(number) for number in first + more])
    last = take(one, range(4, 6))
    assert walked(other) == elsewhere + last


def test_a_dead_nodes_journeys_come_back(nodes: tuple[Records, Records], clock: Clock) -> None:
    one, other = nodes
    ids = take(one, range(3))
    assert walked(one) == ids
    clock.now += ALIVE - timedelta(seconds=1)
    other.nodes.beat()
    assert walked(other) == []
    clock.pass_by(seconds=1)
    assert walked(other) == ids
    # What the dead one says when it wakes is late: the other's word counts.
    one.ends.finish([ending(ids[0], destinations=("wrong",))])
    other.ends.finish([ending(number, destinations=("pacs",)) for number in ids])
    assert {row.destination for row in one.desk.queue()} == {"pacs"}


def test_a_node_that_leaves_gives_its_journeys_back_at_once(url: str, clock: Clock) -> None:
    with open_records(Path(), database=url, clock=clock) as other:
        with open_records(Path(), database=url, clock=clock) as one:
            ids = take(one, range(2))
            assert walked(one) == ids
            assert walked(other) == []
        assert walked(other) == ids


def test_whoever_has_the_data_folder_of_a_dead_node_buries_it(
    nodes: tuple[Records, Records], url: str, clock: Clock
) -> None:
    one, other = nodes
    ids = take(one, range(2))
    assert walked(one) == ids
    with open_records(Path(), database=url, clock=clock) as again:
        again.nodes.join("host:/one")
        assert walked(other) == ids
        assert len(other.nodes.all()) == 2


# The outbox -----------------------------------------------------------------------------------------------------------


def queue(records: Records, numbers: range, study: str = "1.2.3") -> list[int]:
    ids = take(records, numbers)
    records.ends.finish([ending(number, study=study) for number in ids])
    return ids


def claimed(records: Records, limit: int = 9, now: datetime = NOW) -> list[int]:
    return [line.object_id for line in records.outbox.claim("pacs", "w", limit, now, 300)]


def test_lanes_of_one_name_on_two_nodes_are_two(nodes: tuple[Records, Records]) -> None:
    one, other = nodes
    ids = queue(one, range(4))
    assert claimed(one, 2) == ids[:2]
    assert claimed(other) == []  # its study is in hand
    assert claimed(one) == ids[2:]


def test_a_dead_nodes_lines_come_back_long_before_their_leases_end(
    nodes: tuple[Records, Records], clock: Clock
) -> None:
    one, other = nodes
    ids = queue(one, range(3))
    lines = one.outbox.claim("pacs", "w", 9, NOW, 300)
    clock.now += ALIVE
    other.nodes.beat()
    assert claimed(other, now=clock()) == ids
    # A late word of the dead one ends nobody's lease; that it was delivered counts.
    one.outbox.conclude([Conclusion(lines[0].delivery_id, "queued", NOW, problem=PROBLEM)], NOW)
    one.outbox.conclude([Conclusion(lines[1].delivery_id, "delivered", status="0000", proof="response")], NOW)
    rows = {row.object_id: row for row in other.desk.queue()}
    assert rows[ids[0]].is_being_tried
    assert ids[1] not in rows


def test_a_node_that_starts_takes_nothing_from_those_that_run(nodes: tuple[Records, Records], clock: Clock) -> None:
    one, other = nodes
    queue(one, range(3))
    assert len(claimed(one)) == 3
    assert other.outbox.clear_leases() == 0
    clock.now += ALIVE
    other.nodes.beat()
    assert other.outbox.clear_leases() == 3


def test_leases_go_by_the_clock_of_the_database(url: str) -> None:
    with open_records(Path(), database=url) as one, open_records(Path(), database=url) as other:
        queue(one, range(2))
        assert len(one.outbox.claim("pacs", "w", 1, NOW, 300)) == 1
        # A node whose clock is an hour ahead believes that everything has ended long ago.
        assert other.outbox.claim("pacs", "w", 9, NOW + timedelta(hours=1), 300) == ()


@pytest.mark.parametrize("studies", [1, 7])
def test_many_lanes_of_two_nodes_never_hold_one_line_twice_and_keep_the_order(
    nodes: tuple[Records, Records], studies: int
) -> None:
    count = 280
    ids = take(nodes[0], range(count))
    nodes[0].ends.finish([ending(one, study=f"1.{at % studies}") for at, one in enumerate(ids)])
    held: dict[str, list[int]] = {f"1.{number}": [] for number in range(studies)}
    lock, problems = threading.Lock(), []

    def lane(records: Records, owner: str) -> None:
        for _ in itertools.repeat(None):
            lines = records.outbox.claim("pacs", owner, 5, NOW, 300)
            if not lines:
                with lock:
                    if sum(map(len, held.values())) == count:
                        return
                continue
            with lock:
                for line in lines:
                    before = held[line.study_instance_uid]
                    if before and before[-1] >= line.object_id:
                        problems.append((before[-1], line.object_id))
                    before.append(line.object_id)
            done = [Conclusion(line.delivery_id, "delivered", status="0000", proof="response") for line in lines]
            records.outbox.conclude(done, NOW)

    threads = [
        threading.Thread(target=lane, args=(records, f"{number}"), daemon=True)
        for number in range(2)
        for records in nodes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert sorted(one for some in held.values() for one in some) == ids
    assert nodes[0].desk.audit().total.delivered == count


# Watched folders, and what is heard -----------------------------------------------------------------------------------


def test_a_folder_is_watched_by_one_node_and_by_the_next_when_that_is_dead(
    nodes: tuple[Records, Records], clock: Clock
) -> None:
    one, other = nodes
    assert one.watched.keep("room-1") == ""
    assert other.watched.keep("room-1") == one.nodes.name
    assert other.watched.keep("room-2") == ""
    clock.now += ALIVE
    other.nodes.beat()
    assert other.watched.keep("room-1") == ""
    assert one.watched.keep("room-1") == other.nodes.name
    one.watched.release("room-1")  # not its own any more
    assert one.watched.keep("room-1") == other.nodes.name
    other.watched.release("room-1")
    assert one.watched.keep("room-1") == ""


def hears(records: Records) -> bool:
    """Tell whether anything is heard within a while; what comes with it is heard too."""
    until = time.monotonic() + 3  # sooner than it would look without a word
    while not records.changed_elsewhere():
        if time.monotonic() > until:
            return False
    while records.changed_elsewhere():
        pass
    return True


def test_what_another_node_commits_is_heard(nodes: tuple[Records, Records], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LISTEN_SECONDS", 1e9)
    one, other = nodes
    assert not other.changed_elsewhere()
    queue(one, range(1))
    assert hears(other)
    one.nodes.beat()
    assert not other.changed_elsewhere()
    the_server().sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    assert hears(other)  # maybe something was missed
    queue(one, range(1, 2))
    assert hears(other)


def test_without_a_word_one_looks_all_the_same(nodes: tuple[Records, Records], monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = nodes
    assert not one.changed_elsewhere()
    monkeypatch.setattr(postgres, "LISTEN_SECONDS", 0.0)
    assert one.changed_elsewhere()


# What one of them all is to do ----------------------------------------------------------------------------------------


def test_the_eldest_is_one_and_when_it_is_silent_or_leaves_it_is_the_next(
    nodes: tuple[Records, Records], clock: Clock
) -> None:
    one, other = nodes
    clock.pass_by(seconds=1)
    one.nodes.beat()
    assert {one.nodes.is_eldest(), other.nodes.is_eldest()} == {True, False}
    elder, younger = (one, other) if one.nodes.is_eldest() else (other, one)
    clock.pass_by(seconds=ALIVE.total_seconds())
    younger.nodes.beat()
    assert younger.nodes.is_eldest()
    elder.nodes.beat()
    assert elder.nodes.is_eldest()
    assert not younger.nodes.is_eldest()
    elder.nodes.leave()
    assert younger.nodes.is_eldest()


def test_without_company_everybody_is_the_eldest(tmp_path: Path) -> None:
    with open_records(tmp_path) as records:
        assert records.nodes.is_eldest()
