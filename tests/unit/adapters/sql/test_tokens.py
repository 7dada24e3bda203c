"""Tokens: shown once, known by their hashes, old or revoked ones let nobody in (H-05)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tolmach.adapters.sql import NoSuchThing, Records, open_records
from tolmach.adapters.sql.tokens import LONGEST, PREFIX

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class Watch:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def records(tmp_path: Path, watch: Watch) -> Iterator[Records]:
    with open_records(tmp_path, clock=watch) as found:
        yield found


DAY = timedelta(days=1)


def test_a_token_is_known_and_nothing_in_the_database_gives_it_away(records: Records, tmp_path: Path) -> None:
    token = records.tokens.create("ct-1", "technician", DAY, "nurse")
    assert token.startswith(PREFIX)
    assert len(token) > 40
    found = records.tokens.bearer_of(token)
    assert found is not None
    assert (found.name, found.role, found.made_by) == ("ct-1", "technician", "nurse")
    with sqlite3.connect(records.path) as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert token not in dump
    assert token[len(PREFIX) :] not in dump


@pytest.mark.parametrize("token", ["", "x", PREFIX, "' OR 1=1 --", "\x00", "tlm_" + "A" * 43, "\ud800"])
def test_strangers_are_not_known(token: str, records: Records) -> None:
    records.tokens.create("ct-1", "viewer", DAY, "nurse")
    assert records.tokens.bearer_of(token) is None


def test_an_old_token_lets_nobody_in(records: Records, watch: Watch) -> None:
    token = records.tokens.create("ct-1", "viewer", DAY, "nurse")
    assert records.tokens.any_valid()
    watch.now = NOW + DAY
    assert records.tokens.bearer_of(token) is None
    assert not records.tokens.any_valid()


def test_a_revoked_token_lets_nobody_in_and_its_name_is_free_again(records: Records) -> None:
    first = records.tokens.create("ct-1", "viewer", DAY, "nurse")
    with pytest.raises(NoSuchThing, match="ct-1"):
        records.tokens.create("ct-1", "admin", DAY, "nurse")
    records.tokens.revoke("ct-1", "chief")
    assert records.tokens.bearer_of(first) is None
    assert not records.tokens.any_valid()
    second = records.tokens.create("ct-1", "viewer", DAY, "nurse")
    assert records.tokens.bearer_of(second) is not None
    assert [one.revoked_at is None for one in records.tokens.all()] == [False, True]
    with pytest.raises(NoSuchThing):
        records.tokens.revoke("nobody", "chief")


def test_no_token_lives_longer_than_a_year(records: Records) -> None:
    records.tokens.create("ct-1", "viewer", timedelta(days=9999), "nurse")
    assert records.tokens.all()[0].expires_at == NOW + LONGEST


def test_who_made_and_revoked_it_is_in_the_audit_log(records: Records) -> None:
    records.tokens.create("ct-1", "viewer", DAY, "nurse")
    records.tokens.revoke("ct-1", "chief")
    assert [(one.actor, one.action, one.details["name"]) for one in records.events()] == [
        ("nurse", "token made", "ct-1"),
        ("chief", "token revoked", "ct-1"),
    ]


def test_its_last_use_is_remembered_now_and_then(records: Records, watch: Watch) -> None:
    token = records.tokens.create("ct-1", "viewer", DAY, "nurse")
    for minutes in (0, 5, 20):
        watch.now = NOW + timedelta(minutes=minutes)
        records.tokens.bearer_of(token)
    assert records.tokens.all()[0].used_at == NOW + timedelta(minutes=20)
    watch.now = NOW + timedelta(minutes=25)
    records.tokens.bearer_of(token)
    assert records.tokens.all()[0].used_at == NOW + timedelta(minutes=20)
