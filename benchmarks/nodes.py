"""Receiving and delivering of `tolmach serve`: SQLite or PostgreSQL, a folder or a bucket, one node or two.

Objects of 0.5 MB come over four associations; a receiver in a process of its own keeps what is delivered. The server of
the bucket is moto, for tests and in Python, and everything shares the processors of this machine: ratios count. Every
round takes each way once, and medians are told. PostgreSQL and the folders sync to the disk of the temporary folder.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.faults.clusterbench import Cluster, Plan, bucket
from tests.postgres_server import PostgresServer

ROUNDS, OBJECTS, SIZE, ASSOCIATIONS = 3, 150, 500_000, 4
PATIENCE = 120.0


WAYS: dict[str, tuple[bool, bool, int]] = {
    "SQLite, folder": (False, False, 1),
    "SQLite, bucket": (False, True, 1),
    "PostgreSQL, folder": (True, False, 1),
    "PostgreSQL, bucket": (True, True, 1),
    "PostgreSQL, bucket, two nodes": (True, True, 2),
}


def main() -> None:
    """Print images per second taken, and taken and delivered."""
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # PostgreSQL is another user
        server = PostgresServer(folder)
        stack.callback(server.remove)
        place = stack.enter_context(bucket(""))
        for turn in range(ROUNDS):
            for number, (name, (is_shared, has_bucket, nodes)) in enumerate(WAYS.items()):
                own = f"way{number}_{turn}"
                plan = Plan(
                    server.make(own) if is_shared else "",
                    replace(place, prefix=own) if has_bucket else None,
                    nodes,
                    associations=ASSOCIATIONS // nodes,
                    size=SIZE,
                )
                with ExitStack() as one:
                    rates[name].append(_round(Cluster(folder / own, one, plan)))
    print(f"{'':32}{'taken/s':>9}{'delivered/s':>13}")
    for name, found in rates.items():
        taken, delivered = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{name:32}{taken:9.0f}{delivered:13.0f}")


def _round(cluster: Cluster) -> tuple[float, float]:
    begun = time.monotonic()
    cluster.feed()
    cluster.await_acknowledged(OBJECTS, PATIENCE)
    cluster.rest()
    count, took = len(cluster.acknowledged()), time.monotonic() - begun
    cluster.await_delivered(PATIENCE)
    return count / took, count / (time.monotonic() - begun)
