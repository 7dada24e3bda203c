"""`tolmach` with one promise broken, about watched folders or several nodes, so that the harness can show that it would
notice.

python -m tests.faults.mutants tidies-unconfirmed --config tolmach.toml serve
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tolmach.adapters.sql import nodes, watched
from tolmach.adapters.sql.receipts import SqlReceipts
from tolmach.apps.cli.main import main as tolmach
from tolmach.intake.interfaces import Arrival, Receipt
from tolmach.intake.taking import Taker


def tidy_unconfirmed() -> None:
    """Take every object whose journey has ended for one that every destination has confirmed."""
    table = watched.watched_files.c
    taken = watched.sa.select(*watched._MARK, table.sha256, table.object_id)
    of_watch = (table.watch == watched._WATCH, table.object_id.is_not(None), table.tidied_at.is_(None))
    limit = watched.sa.bindparam("limit", type_=watched.sa.Integer)
    watched._TIDYINGS = taken.where(*of_watch).limit(limit)


def take_unwhole() -> None:
    """Take every file that has been quiet for a while, whole or not."""
    Taker._reason_to_wait = lambda *_: None  # type: ignore[method-assign]


def lease_forever() -> None:
    """Let nobody ever be dead: what he had claimed is nobody else's."""
    nodes.ALIVE = timedelta(days=1)  # type: ignore[misc]


def acknowledge_early() -> None:
    """Say "success" while the records are still being written."""
    record, behind = SqlReceipts.record, ThreadPoolExecutor(4)

    def early(self: SqlReceipts, arrival: Arrival) -> Receipt:
        def late() -> None:
            time.sleep(0.1)
            record(self, arrival)

        behind.submit(late)
        return Receipt(object_id=1, is_new=True, version=1)

    SqlReceipts.record = early  # type: ignore[method-assign]


BREAKS: Mapping[str, Callable[[], None]] = {
    "tidies-unconfirmed": tidy_unconfirmed,
    "takes-unwhole": take_unwhole,
    "leases-forever": lease_forever,
    "acknowledges-early": acknowledge_early,
}


def main() -> None:
    BREAKS[sys.argv.pop(1)]()
    tolmach()


if __name__ == "__main__":
    main()
