"""What the wizard has gathered: the settings of a new watch as they were typed, and what the loader makes of them.

Nothing here knows a widget, and nothing is written here but by `write_configuration`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from platformdirs import user_data_path
from pydantic import ValidationError

from tolmach.adapters.folder.path_template import PathTemplate
from tolmach.adapters.folder.watch_presets import GENERIC, preset
from tolmach.apps import consistency
from tolmach.apps.adding import (
    NewTable,
    Original,
    look_at,
    require_read_back,
    settings_of,
    taken_names,
    text_of,
    tried,
    unique_name,
    with_tables,
)
from tolmach.apps.desktop.wizard_samples import Sampled
from tolmach.apps.passport_sections import name_of
from tolmach.apps.sections import PeerSettings, ProfileSettings, Section, Settings, WatchSettings
from tolmach.apps.settings import objection_of
from tolmach.apps.toml_text import toml_value
from tolmach.apps.watching import manner_of
from tolmach.base import N_, Phrase, Problem, TolmachError
from tolmach.journeys.passport import DevicePassport
from tolmach.journeys.proposal import Choice, Proposal, ProposedRule, propose
from tolmach.repair.profile import parse_code_page, parse_text_policy
from tolmach.text.translit import rule_named, transliterate

Place = tuple[str, str]  # table and key; ("", "") is the whole
Why = Phrase | str
Say = Callable[[Phrase], str]
S = TypeVar("S", bound=Section)

_ADDED = N_("Added in the desktop program")
_ADDED_FOR = N_("Added in the desktop program for {device}; sample files: {files}")
_NOT_SAFE = N_("Not in use until you take the # away:")
_NOT_WHOLE = N_("write the whole path, such as D:/Export")
# Which field is meant by what the configuration as a whole objects to.
_FIELD_OF: Mapping[str, Place] = {
    consistency.UNKNOWN_DESTINATION: ("watch", "to"),
    consistency.PORT_MISSING: ("watch", "to"),
    consistency.NOWHERE: ("watch", "to"),
    consistency.UNKNOWN_PROFILE: ("watch", "profile"),
    consistency.NO_MOVE_TO: ("watch", "move_to"),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written: the values of the forms as they stand there, and whom the watch sends to.

    `profile` is None where no new one is wanted. `peers` are those the configuration does not know yet.
    """

    watch: Mapping[str, Any]
    profile: Mapping[str, Any] | None = None
    rules: Sequence[ProposedRule] = ()
    peers: Sequence[PeerSettings] = ()
    reasons: Mapping[str, Phrase] = field(default_factory=dict)
    head: Phrase = field(default_factory=lambda: Phrase(_ADDED))


@dataclass(frozen=True, slots=True)
class Judged:
    """What the loader of the settings makes of a plan: what is wrong where, or the text and the whole new content."""

    original: Original
    errors: Mapping[Place, Why] = field(default_factory=dict)
    problem: Problem | None = None  # wrong with the file, or not to be mended in any field
    text: str = ""
    content: bytes = b""
    settings: Settings | None = None
    watch: WatchSettings | None = None

    @property
    def is_right(self) -> bool:
        """Whether the content may be written."""
        return self.settings is not None


def judge(plan: Plan, file: Path, environment: Mapping[str, str], say: Say) -> Judged:
    """Try a plan out: the whole configuration with it, as the file is now. Looks at disks; may be repeated."""
    original = Original(file, None)
    try:
        original = look_at(file)
        before = settings_of(original, environment)
    except TolmachError as error:
        return Judged(original, problem=error.problem)
    errors: dict[Place, Why] = {}
    watch = _understood(WatchSettings, plan.watch, "watch", errors)
    profile = None
    if plan.profile is not None:
        profile = _understood(ProfileSettings, {**plan.profile, **_rules_of(plan)}, "profile", errors)
    errors |= {("watch", key): why for key, why in (() if watch is None else objections_to(watch))}
    errors |= {("profile", key): why for key, why in (() if profile is None else _objections_to_profile(profile))}
    if errors or watch is None:
        return Judged(original, errors)
    known = {one.name for one in before.peer}
    peers = [one for one in plan.peers if one.name in watch.to and one.name not in known]
    tables = [*(NewTable(one) for one in peers), *_profile_table(profile, plan, say), NewTable(watch)]
    return _tried(original, tables, watch, plan, environment, say)


def _tried(
    original: Original, tables: Sequence[NewTable], watch: WatchSettings, plan: Plan,
    environment: Mapping[str, str], say: Say,
) -> Judged:  # fmt: skip
    text = text_of(tables, say(plan.head))
    content = with_tables(original, text, own_data_folder())
    try:
        settings = tried(original, content, environment)
        require_read_back(original, settings, [one.model for one in tables])
    except TolmachError as error:
        place = field_of(error.problem, watch)
        why = error.problem.facts.get("why", error.problem.what)
        if place is None or not isinstance(why, Phrase | str):
            return Judged(original, problem=error.problem, text=text)
        return Judged(original, {place: why}, text=text)
    return Judged(original, text=text, content=content, settings=settings, watch=watch)


def own_data_folder() -> Path:
    """Give where a configuration that is made here keeps its data."""
    return user_data_path("tolmach", appauthor=False)


def _understood(model: type[S], values: Mapping[str, Any], table: str, errors: dict[Place, Why]) -> S | None:
    """Give what the schema makes of a form; what it objects to goes to the fields."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        for one in error.errors():
            place = _FIELD_OF.get(one["type"]) or (table, str(one["loc"][0]) if one["loc"] else "name")
            errors.setdefault(place, objection_of(one, place[1]))
    return None


def objections_to(watch: WatchSettings) -> Iterator[tuple[str, Why]]:
    """Give what those objects to who will work with a watch, by key."""
    checks: Sequence[tuple[str, Callable[[], object]]] = (
        ("preset", lambda: manner_of(watch)),
        ("export_template", lambda: PathTemplate.parse(watch.export_template)),
    )
    yield from _objections(checks)
    for key in ("export_folder", "move_to"):
        folder: Path | None = getattr(watch, key)
        if folder is not None and not folder.is_absolute():
            yield key, Phrase(_NOT_WHOLE)


def _objections_to_profile(profile: ProfileSettings) -> Iterator[tuple[str, Why]]:
    checks: Sequence[tuple[str, Callable[[], object]]] = (
        ("from", lambda: parse_code_page(profile.from_)),
        ("text", lambda: parse_text_policy(profile.text or "utf-8", converts=False)),
        ("transliteration", lambda: rule_named(profile.transliteration)),
    )
    yield from _objections(checks)


def _objections(checks: Sequence[tuple[str, Callable[[], object]]]) -> Iterator[tuple[str, Why]]:
    for key, check in checks:
        try:
            check()
        except TolmachError as error:
            yield key, error.problem.what


def field_of(problem: Problem, watch: WatchSettings) -> Place | None:
    """Give the field that a problem with the whole configuration is about; None where it is about none of ours."""
    why, where = problem.facts.get("why"), str(problem.facts.get("where", ""))
    if where.startswith(f"watch {watch.name}: "):
        return "watch", where.rpartition(": ")[2]
    if not isinstance(why, Phrase):
        return None
    if why.facts.get("watch") == watch.name:  # something of the configuration lies in the new folder, or around it
        return "watch", "folder"
    if why.msgid == consistency.NAMED_TWICE:
        return ("profile" if "profile" in where else "watch"), "name"
    return _FIELD_OF.get(why.msgid) if where == f"watch {watch.name}" else None


def _rules_of(plan: Plan) -> Mapping[str, Any]:
    rules = [{**({"when": one.when} if one.when else {}), "do": list(one.do)} for one in plan.rules if one.is_safe]
    return {"rule": rules} if rules else {}


def _profile_table(profile: ProfileSettings | None, plan: Plan, say: Say) -> Iterator[NewTable]:
    if profile is None:
        return
    remarks: list[str] = []
    for rule in plan.rules:
        if not rule.is_safe:
            remarks += ["", say(rule.why), say(Phrase(_NOT_SAFE)), "[[profile.rule]]"]
            remarks += [f"when = {toml_value(rule.when)}"] if rule.when else []
            remarks.append(f"do = {toml_value(list(rule.do))}")
    yield NewTable(profile, {key: say(why) for key, why in plan.reasons.items()}, remarks)


# What is proposed --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposed:
    """The values the forms begin with, why they are so, and the rules the samples speak for."""

    watch: Mapping[str, Any]
    profile: Mapping[str, Any]
    reasons: Mapping[Place, Phrase]
    rules: Sequence[ProposedRule]
    head: Phrase
    makes_profile: bool


def proposed(
    folder: Path, settings: Settings, sampled: Sampled | None, device: int, *, is_network: bool
) -> Proposed:  # fmt: skip
    """Propose a watch, and a profile where there were samples, with names that nobody has yet."""
    passport = sampled.passports[device] if sampled is not None and sampled.passports else None
    proposal = None if passport is None else propose(passport)
    base = _base_name(folder, passport, proposal)
    watch_name = _free_name(base, taken_names(settings))
    choices = () if proposal is None else proposal.profile
    reasons: dict[Place, Phrase] = {("profile", one.key): one.why for one in choices}
    watch: dict[str, Any] = {
        "name": watch_name,
        "folder": folder,
        "preset": GENERIC,
        "recursive": True,
        "after": "keep",
    }
    for key, value, why in _of_folder(proposal, sampled, is_network=is_network):
        watch[key], reasons["watch", key] = value, why
    profile = {
        "name": _free_name(base, [one.name for one in settings.profile]),
        **{one.key: one.value for one in choices},
    }
    head = Phrase(_ADDED)
    if passport is not None:
        head = Phrase(_ADDED_FOR, {"device": name_of(passport), "files": passport.files})
    rules = () if proposal is None else proposal.rules
    return Proposed(watch, profile, reasons, rules, head, makes_profile=passport is not None)


def _of_folder(
    proposal: Proposal | None, sampled: Sampled | None, *, is_network: bool
) -> Iterator[tuple[str, Any, Phrase]]:
    """Give what the folder and the names of the samples speak for, each with its reason."""
    chosen: Choice | None = None
    if proposal is not None:
        chosen = next((one for one in proposal.watch if one.key == "preset"), None)
    name = GENERIC if chosen is None else str(chosen.value)
    if is_network and name == GENERIC:
        name, why = "slow-share", Phrase(N_("the folder lies on another machine"))
        yield "preset", name, why
    elif chosen is not None:
        yield "preset", name, chosen.why
    found = [] if sampled is None else [one for one, _count in sampled.suffixes.most_common(8)]
    usual = preset(name).extensions
    if found and "*" not in usual and not set(found) <= set(usual):
        listed = ", ".join(one or '""' for one in found)
        yield "extensions", found, Phrase(N_("the names of the samples end so: {endings}"), {"endings": listed})


def _base_name(folder: Path, passport: DevicePassport | None, proposal: Proposal | None) -> str:
    """Give what the machine calls itself, or else its folder; empty where neither has a letter: numbers say nothing."""
    names = []
    if passport is not None and proposal is not None and passport.key:
        tops = (passport.machine[one].top(1) for one in ("StationName", "ManufacturerModelName", "Manufacturer"))
        said = (transliterate(top[0][0], "ru-icao9303").lower() for top in tops if top)
        names = [proposal.name, *(re.sub(r"[^a-z0-9]+", "-", one).strip("-")[:32].strip("-") for one in said)]
        names = [one for one in names if one != "device"]  # says nothing either
    names.append("".join(one for one in folder.name if one.isprintable()).strip()[:40])
    return next((one for one in names if any(letter.isalpha() for letter in one)), "")


def _free_name(base: str, taken: Sequence[str]) -> str:
    """Give a name that nobody has yet."""
    if base:
        return unique_name(base, taken)
    known = {one.casefold() for one in taken}
    return next(name for number in range(1, len(known) + 2) if (name := f"folder-{number}") not in known)
