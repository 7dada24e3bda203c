"""One watch of the configuration changed or taken out, all else untouched. Nothing here knows a widget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tolmach.apps.adding import TOO_UNUSUAL, NotChanged, Original, look_at, settings_of, tried, write_configuration
from tolmach.apps.consistency import NO_MOVE_TO
from tolmach.apps.desktop.watch_words import ABOUT_COMPLETENESS, ABOUT_FOLDER, ABOUT_TIDYING, ABOUT_WAYS, MORE
from tolmach.apps.desktop.wizard_draft import Why, field_of, objections_to
from tolmach.apps.sections import Settings, WatchSettings
from tolmach.apps.settings import objection_of
from tolmach.apps.watch_tables import with_watch, without_watch
from tolmach.base import N_, Phrase, Problem, TolmachError

# A watch keeps its name: under it is remembered what was taken from the folder already.
KEYS = ("folder", *ABOUT_FOLDER[1:], ABOUT_COMPLETENESS[0], *ABOUT_WAYS, "profile", *ABOUT_TIDYING, "shadow", *MORE)


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a change: nothing wrong, or what is wrong with which field, or with the file."""

    errors: Mapping[str, Why]
    problem: Problem | None = None
    is_unusual: bool = False


def change_watch(
    file: Path, name: str, values: Mapping[str, Any] | None, environment: Mapping[str, str]
) -> Changed:  # fmt: skip
    """Write one watch as these values say, or take it out; what is wrong is told, and then nothing is written.

    Looks at disks and writes. May be repeated.
    """
    watch: WatchSettings | None = None
    if values is not None:
        try:
            watch = WatchSettings.model_validate({**values, "name": name})
        except ValidationError as error:
            found = {_key_of(one["type"], one["loc"]): objection_of(one, name) for one in error.errors()}
            return Changed(found)
        if errors := dict(objections_to(watch)):
            return Changed(errors)
    try:
        original = look_at(file)
        content = without_watch(original, name) if watch is None else with_watch(original, name, watch)
        settings = tried(original, content, environment)
        _require_only(original, settings, name, watch, environment)
        write_configuration(original, content, settings)
    except NotChanged as error:
        return Changed({}, error.problem, is_unusual=True)
    except TolmachError as error:
        place = None if watch is None else field_of(error.problem, watch)
        why = error.problem.facts.get("why")
        if place is not None and place[1] in KEYS and isinstance(why, Phrase | str):
            return Changed({place[1]: why})
        return Changed({}, error.problem)
    return Changed({})


def _key_of(kind: str, location: tuple[int | str, ...]) -> str:
    return str(location[0]) if location else "move_to" if kind == NO_MOVE_TO else "folder"


def _require_only(
    original: Original, settings: Settings, name: str, watch: WatchSettings | None, environment: Mapping[str, str]
) -> None:
    """Require that nothing but this watch has become another; raises `NotChanged`."""
    before = settings_of(original, environment)
    wanted = tuple(watch if one.name == name else one for one in before.watch)
    if before.model_copy(update={"watch": tuple(one for one in wanted if one is not None)}) != settings:
        raise NotChanged(TOO_UNUSUAL, file=original.file, why=Phrase(N_("more than this watch would change")))
