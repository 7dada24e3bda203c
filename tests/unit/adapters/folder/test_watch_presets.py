"""Presets are data: each file is a manner, each manner has its line for people."""

from __future__ import annotations

from importlib.resources import files

import pytest

from tolmach.adapters.folder.faults import WatchRefused
from tolmach.adapters.folder.watch_presets import DESCRIPTIONS, GENERIC, PRESETS, manner_from, preset
from tolmach.intake.stability import BREATH_SECONDS, Manner


def test_each_file_has_a_line_and_each_line_a_file() -> None:
    there = {one.name.removesuffix(".toml") for one in files("tolmach.adapters.folder").joinpath("presets").iterdir()}
    assert there == set(PRESETS)
    assert all(DESCRIPTIONS.values())


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_sensible(name: str) -> None:
    manner = preset(name)
    assert BREATH_SECONDS <= manner.closed_seconds <= manner.settle_seconds < manner.patience_seconds
    assert 0 < manner.scan_seconds <= 60
    assert "*.tmp" in manner.ignore
    assert all(one == "" or one.startswith(".") for one in manner.extensions)
    assert manner.code_string in ("", "transliterate", "map", "leave")


def test_the_usual_manner_is_the_generic_preset() -> None:
    assert preset(GENERIC) == Manner()


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(WatchRefused) as refused:
        preset("../generic")
    assert refused.value.code == "TLM-FIL-031"
    assert "titan-2000" in str(refused.value)


def test_an_unknown_key_is_an_error_and_lists_become_tuples() -> None:
    assert manner_from({"ignore": ["a*"], "polling": True}) == Manner(ignore=("a*",), polling=True)
    with pytest.raises(TypeError, match="settel"):
        manner_from({"settel_seconds": 1})
