"""Profiles, rules and tables: from what the configuration says to what the repair understands."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tolmach.apps.faults import BAD_TABLE, NO_CONFIGURATION, UNKNOWN_KEY, UNKNOWN_PROFILE, BadConfiguration
from tolmach.edit.rules import Rule, parse_rules
from tolmach.repair.profile import Profile, parse_code_page, parse_text_policy

if TYPE_CHECKING:
    from tolmach.apps.settings import Settings

_RULE_HEADING = re.compile(r"\s*\[\[\s*rule\s*\]\]")


def profile_named(settings: Settings, name: str) -> Profile:
    """Give the profile of that name, its rules understood; raises `BadConfiguration` or `BadRule`."""
    for one in settings.profile:
        if one.name == name:
            return Profile(
                code_page=parse_code_page(one.from_),
                text=parse_text_policy(one.text or "utf-8", converts=False),
                unsure=one.unsure,
                code_strings=one.code_string,
                transliteration=one.transliteration,
                rules=parse_rules(one.rule, load_table, f"profile {name}"),
                original_attributes=one.original_attributes,
            )
    known = ", ".join(one.name for one in settings.profile) or "-"
    raise BadConfiguration(UNKNOWN_PROFILE, name=name, known=known)


def require_usable(settings: Settings) -> None:
    """Understand every profile and every peer; raises what is wrong with the first that cannot be used."""
    from tolmach.apps.settings import address_of

    for profile in settings.profile:
        profile_named(settings, profile.name)
    for peer in settings.peer:
        address_of(peer)
        if peer.text is not None:
            parse_text_policy(peer.text, converts=True)


def load_table(file: str) -> Mapping[str, str]:
    """Read the two columns of a `map` table; raises `BadConfiguration`."""
    try:
        with Path(file).open(encoding="utf-8-sig", newline="") as text:
            sample = text.read(4096)
            text.seek(0)
            separator = ";" if sample.count(";") > sample.count(",") else ","
            rows = [row for row in csv.reader(text, delimiter=separator) if row]
    except (OSError, ValueError) as error:
        raise BadConfiguration(BAD_TABLE, file=file, why=error) from error
    for row in rows:
        if len(row) != 2:
            raise BadConfiguration(BAD_TABLE, file=file, why=", ".join(row))
    return {row[0].strip(): row[1].strip() for row in rows}


def load_rules_file(file: Path) -> tuple[Rule, ...]:
    """Read and understand the `[[rule]]` tables of a `--rules` file; raises `BadConfiguration` or `BadRule`."""
    try:
        text = file.read_text("utf-8-sig")
        values = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise BadConfiguration(NO_CONFIGURATION, file=file, why=error) from error
    unknown = set(values) - {"rule"}
    if unknown:
        raise BadConfiguration(UNKNOWN_KEY, file=file, where=min(unknown), nearest="rule")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _RULE_HEADING.match(line)]
    return parse_rules(values.get("rule", ()), load_table, str(file), lines)
