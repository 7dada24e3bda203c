"""`tolmach token`: before the first start, beside others, and never shown twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.calling import Called, call
from tolmach.adapters.sql import open_records


@pytest.fixture
def token(tmp_path: Path) -> Callable[..., Called]:
    config = tmp_path / "tolmach.toml"
    config.write_text(f'data_dir = "{(tmp_path / "data").as_posix()}"\n')

    def run(*arguments: str) -> Called:
        return call("token", *arguments, "--config", str(config))

    return run


def test_a_token_is_made_before_the_first_start_and_printed_alone(token: Callable[..., Called], tmp_path: Path) -> None:
    called = token("create", "--name", "ct-1", "--role", "technician")
    assert (called.status, called.err) == (0, "")
    (made,) = called.out.splitlines()
    with open_records(tmp_path / "data") as records:
        found = records.tokens.bearer_of(made)
    assert found is not None
    assert (found.name, found.role) == ("ct-1", "technician")


def test_tokens_are_listed_without_themselves_and_revoked_by_name(token: Callable[..., Called]) -> None:
    made = token("create", "--name", "ct-1", "--role", "viewer", "--days", "7", "--json").objects[0]
    (listed,) = token("list", "--json").objects
    assert (listed["name"], listed["role"], listed["valid"]) == ("ct-1", "viewer", True)
    assert made["token"] not in token("list").out
    assert token("revoke", "--name", "ct-1").status == 0
    assert token("list", "--json").objects[0]["valid"] is False
    assert token("revoke", "--name", "ct-1").status == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "--name", "x"],
        ["create", "--role", "viewer"],
        ["create", "--name", "x", "--role", "root"],
        ["create", "--name", "x", "--role", "viewer", "--days", "0"],
        ["create", "--name", "x", "--role", "viewer", "--days", "9999"],
        ["create", "--name", "", "--role", "viewer"],
        ["create", "--name", " ", "--role", "viewer"],
        ["create", "--name", "two\nlines", "--role", "viewer"],
        ["create", "--name", "n" * 65, "--role", "viewer"],
    ],
    ids=" ".join,
)
def test_wrong_calls_make_nothing(arguments: list[str], token: Callable[..., Called], tmp_path: Path) -> None:
    assert token(*arguments).status == 2
    assert not (tmp_path / "data").exists()


def test_a_name_is_given_once(token: Callable[..., Called]) -> None:
    assert token("create", "--name", "x", "--role", "viewer").status == 0
    called = token("create", "--name", "x", "--role", "admin")
    assert (called.status, called.codes) == (2, ["TLM-SQL-040"])
