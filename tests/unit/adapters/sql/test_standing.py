"""How records stand, in SQLite and PostgreSQL: looked at without changing anything."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.records_factories import FACTORIES, Clock, database_of
from tests.contracts.records_values import NOW
from tests.postgres_server import the_server
from tolmach.adapters.sql.schema import REVISIONS
from tolmach.adapters.sql.standing import standing_of


@pytest.mark.parametrize("kind", FACTORIES)
def test_version_clock_and_last_entry_are_told(kind: str, tmp_path: Path) -> None:
    if kind == "postgres":
        the_server().sql("CREATE DATABASE empty_one TEMPLATE template0 ENCODING 'UTF8'")
        assert standing_of(tmp_path, database_of(tmp_path).rpartition("/")[0] + "/empty_one") is None
    assert standing_of(tmp_path, "sqlite") is None
    database = "sqlite" if kind == "sqlite" else database_of(tmp_path)
    assert list(tmp_path.iterdir()) == []
    clock = Clock()
    with FACTORIES[kind](tmp_path, clock) as records:
        found = standing_of(tmp_path, database)
        assert found is not None
        assert (found.version, found.is_older, found.last_event_at) == (REVISIONS[-1], False, None)
        records.tokens.create("ct-1", "viewer", timedelta(days=1), "me")
        found = standing_of(tmp_path, database)
    assert found is not None
    assert found.last_event_at == NOW
    assert (found.clock is not None) == (kind == "postgres")
