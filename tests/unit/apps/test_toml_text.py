"""What is written as TOML reads back the same."""

import tomllib
from pathlib import PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.apps.toml_text import comment, setting, toml_key, toml_value

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.one_of(TEXT, st.booleans(), st.integers(-(2**40), 2**40)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)


@given(TEXT, VALUES)
def test_values_and_keys_read_back(key: str, value: object) -> None:
    assert tomllib.loads(f"{toml_key(key)} = {toml_value(value)}") == {key: value}


@given(st.text())
def test_a_comment_stays_one(text: str) -> None:
    line = comment(text)
    assert tomllib.loads(line) == {}
    assert len(line.splitlines()) == 1


@given(TEXT, TEXT)
def test_a_setting_that_is_not_active_is_a_comment(value: str, why: str) -> None:
    assert tomllib.loads(setting("a", value, why)) == {"a": value}
    assert tomllib.loads(setting("a", value, why, active=False)) == {}


@pytest.mark.parametrize(
    ("path", "text"), [(PureWindowsPath(r"D:\Снимки\100%"), '"D:/Снимки/100%"'), ("\x7f", '"\\u007f"')]
)
def test_paths_and_signs_toml_forbids(path: object, text: str) -> None:
    assert toml_value(path) == text
