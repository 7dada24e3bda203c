"""What is known of how machines write their files, as data: `presets/*.toml`, one for each manner."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from importlib.resources import files
from types import MappingProxyType

from tolmach.adapters.folder.faults import NO_SUCH_PRESET, WatchRefused
from tolmach.base import N_
from tolmach.intake.stability import Manner

GENERIC = "generic"
# What each is for, in a line for people.
DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        GENERIC: N_("Most machines: files are written once, from beginning to end"),
        "integris": N_("ИнтегРИС: a .tmp file is edited and renamed to .dcm"),
        "copy-then-delete": N_("A temporary file is copied to a new one, then deleted"),
        "titan-2000": N_("Titan 2000: three files appear, two are deleted, the third is renamed"),
        "alfaplus": N_("АльфаПлюс and Телеоптик: Cyrillic in CS elements that viewers cannot read"),
        "slow-share": N_("A network drive without events, where files appear slowly"),
    }
)
PRESETS = tuple(DESCRIPTIONS)


def preset(name: str) -> Manner:
    """Give the manner of that name; raises `WatchRefused` when there is none."""
    if name not in DESCRIPTIONS:
        raise WatchRefused(NO_SUCH_PRESET, name=name, known=", ".join(PRESETS))
    text = files("tolmach.adapters.folder").joinpath("presets", f"{name}.toml").read_text("utf-8")
    return manner_from(tomllib.loads(text))


def manner_from(table: Mapping[str, object]) -> Manner:
    """Make a manner of a TOML table with its names as keys; what is not there is as usual. Raises `TypeError`."""
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    known = {one.name for one in fields(Manner)}
    if unknown := values.keys() - known:
        raise TypeError(f"no such key: {', '.join(sorted(unknown))}")
    return Manner(**values)  # type: ignore[arg-type]
