"""M-08 and issue 7.5: nodes that share a PostgreSQL database, and a folder or a bucket; one of them is killed.

With a bucket and others' programs around them: tests/peers/test_nodes.py. The long form: `python -m tests.faults`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.faults.children import PeerChild
from tests.faults.clusterbench import PATIENCE, Cluster, Plan
from tests.faults.clusterfigures import mutants
from tests.faults.clusterloop import ONE, cluster_loop
from tests.faults.peermodes import Mode
from tests.postgres_server import PostgresServer, the_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as one:
        yield one


def test_a_killed_node_loses_nothing_and_the_other_goes_on(there: Path, stack: ExitStack) -> None:
    cluster = Cluster(there, stack, Plan(the_server().make("killed")))
    cluster.feed()
    cluster.await_acknowledged(150)
    cluster.nodes[0].kill()
    cluster.feeders[0].pause()
    cluster.await_acknowledged(50)
    cluster.feeders[1].pause()
    took = cluster.await_delivered(PATIENCE)
    cluster.require_whole()
    assert cluster.longest_way() < PATIENCE
    print(f"delivered {took:.1f} s after the last was taken; the longest way {cluster.longest_way():.1f} s")


def test_what_a_killed_node_had_in_hand_is_delivered_by_the_other_within_half_a_minute(
    there: Path, stack: ExitStack
) -> None:
    """Killed in the middle of lines it has leased for minutes, while the destination answers none of them."""
    cluster = Cluster(there, stack, Plan(the_server().make("in_hand")))
    cluster.peer.become(Mode("stall", seconds=300))
    cluster.feeders[0].go()
    cluster.await_acknowledged(60)
    cluster.feeders[0].pause()
    deadline = time.monotonic() + 30
    while not any(
        row["attempts"] == 0 and row["state"] == "queued" and row["to"] for row in cluster.alive.ask("queue", "list")
    ):
        assert time.monotonic() < deadline, cluster.said()
    time.sleep(3.0)  # lanes have leased what there is, and wait for an answer
    cluster.nodes[0].kill()
    # Begun anew: what the living node has in hand is cut off at once, and only what the dead one had is slow to come.
    port = cluster.peer.port
    cluster.peer.close()
    cluster.peer = stack.enter_context(closing(PeerChild(there, "pacs", port=port)))
    took = cluster.await_delivered(PATIENCE)
    cluster.require_whole()
    print(f"everything the killed node had was delivered after {took:.1f} s")


def test_a_node_that_comes_back_works_at_once(there: Path, stack: ExitStack) -> None:
    """Whoever has its data folder knows that it is dead: nobody waits for its signs of life to grow old."""
    cluster = Cluster(there, stack, Plan(the_server().make("again")))
    cluster.feed()
    cluster.await_acknowledged(60)
    for feeder in cluster.feeders:
        feeder.pause()
    for node in cluster.nodes:
        node.kill()
    for node in cluster.nodes:
        node.start()
    cluster.await_delivered(15.0)
    cluster.require_whole()


def test_a_server_that_crashes_and_comes_back_stops_nobody_for_long(there: Path, stack: ExitStack) -> None:
    server = PostgresServer()
    stack.callback(server.remove)
    cluster = Cluster(there, stack, Plan(server.make("crashed")))
    cluster.feed()
    for how in ("immediate", "fast"):
        cluster.await_acknowledged(40)
        server.stop(how)
        time.sleep(2.0)  # callers meet a server that is not there
        server.start()
        cluster.await_acknowledged(40)
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tolmach'")
    cluster.await_acknowledged(20)
    for feeder in cluster.feeders:
        feeder.pause()
    cluster.await_delivered(PATIENCE)
    cluster.require_whole()
    assert all(node.runs for node in cluster.nodes)


# With a bucket --------------------------------------------------------------------------------------------------------


def test_three_nodes_bear_what_goes_wrong_with_them_and_with_what_they_share(there: Path) -> None:
    loop = cluster_loop(there, 3, every=3, order=(ONE, "bucket away", "PostgreSQL away"))
    assert not loop.problems
    assert (loop.missing, loop.false_delivered) == (0, 0)
    assert loop.acknowledged > 10
    assert list(loop.waits) == [ONE, "bucket away", "PostgreSQL away"]
    assert loop.longest_stall < PATIENCE


def test_nodes_that_lose_what_they_acknowledged_are_caught(there: Path) -> None:
    (figure,) = mutants(there, ["acknowledged before it is committed"], patience=8.0)
    figure.require()
