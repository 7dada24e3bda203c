"""`tolmach` with one promise about watched folders broken, so that the harness can show that it would notice.

python -m tests.faults.mutants tidies-unconfirmed --config tolmach.toml serve
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from tolmach.adapters.sql import watched
from tolmach.apps.cli.main import main as tolmach
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


BREAKS: Mapping[str, Callable[[], None]] = {"tidies-unconfirmed": tidy_unconfirmed, "takes-unwhole": take_unwhole}


def main() -> None:
    BREAKS[sys.argv.pop(1)]()
    tolmach()


if __name__ == "__main__":
    main()
