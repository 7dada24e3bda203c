"""Profiles, rules and tables: from what the configuration says to what the repair understands."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tolmach.apps.configuration import read_toml
from tolmach.apps.faults import (
    BAD_CONFIGURATION,
    BAD_TABLE,
    NOT_UTF_8,
    UNKNOWN_KEY,
    UNKNOWN_PROFILE,
    BadConfiguration,
)
from tolmach.base import N_, Phrase
from tolmach.edit.rules import LoadTable, Rule, parse_rules
from tolmach.repair.profile import Profile, parse_code_page, parse_text_policy
from tolmach.text.translit import rule_named

if TYPE_CHECKING:
    from tolmach.apps.sections import Settings

_RULE_HEADING = re.compile(r"\s*\[\[\s*rule\s*\]\]")


def profile_named(settings: Settings, name: str, file: Path | None = None) -> Profile:
    """Give the profile of that name, its rules understood; raises `BadConfiguration` or `BadRule`.

    `file` is where the settings come from: tables it names lie beside it.
    """
    for one in settings.profile:
        if one.name == name:
            return Profile(
                code_page=parse_code_page(one.from_),
                text=parse_text_policy(one.text or "utf-8", converts=False),
                unsure=one.unsure,
                code_strings=one.code_string,
                transliteration=rule_named(one.transliteration).id,
                rules=parse_rules(one.rule, tables_beside(file), f"profile {name}"),
                original_attributes=one.original_attributes,
            )
    known = ", ".join(one.name for one in settings.profile) or Phrase(N_("none"))
    raise BadConfiguration(UNKNOWN_PROFILE, name=name, known=known)


def require_usable(settings: Settings, file: Path | None = None) -> None:
    """Understand every profile, peer and route; raises what is wrong with the first that cannot be used."""
    from tolmach.apps.destinations import senders_of, tls_files
    from tolmach.apps.places import require_apart
    from tolmach.apps.routing import Routes
    from tolmach.apps.watching import manner_of

    for profile in settings.profile:
        profile_named(settings, profile.name, file)
    for peer in settings.peer:
        if peer.text is not None:
            parse_text_policy(peer.text, converts=True)
    for destination in settings.destinations:
        senders_of(destination, settings, lambda _seconds: None)
    Routes(settings, file)
    require_apart(settings, file)
    for watch in settings.watch:
        manner_of(watch)
    if settings.dicom.tls_port is not None:
        from tolmach.adapters.dimse.tls import TlsServer

        TlsServer(tls_files(settings))


def tables_beside(file: Path | None) -> LoadTable:
    """Give what loads the tables a file names: they lie beside it, or else where the program was started."""

    def load(name: str) -> Mapping[str, str]:
        beside = Path(name) if file is None else file.parent / name
        return load_table(beside if beside.exists() else Path(name))

    return load


def load_table(file: Path) -> Mapping[str, str]:
    """Read the two columns of a `map` table; raises `BadConfiguration`."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            sample = text.read(4096)
            text.seek(0)
            separator = max(",;\t", key=sample.count)
            rows = [row for row in csv.reader(text, delimiter=separator) if any(cell.strip() for cell in row)]
    except UnicodeDecodeError as error:
        raise BadConfiguration(NOT_UTF_8, file=file) from error
    except OSError as error:
        raise BadConfiguration(BAD_TABLE, file=file, why=f"{error.strerror or error}.") from error
    except (ValueError, csv.Error) as error:
        raise BadConfiguration(BAD_TABLE, file=file, why=f"{error}.") from error
    for row in rows:
        if len(row) != 2:
            why = Phrase(N_("“{line}” has {count} columns."), {"line": separator.join(row), "count": len(row)})
            raise BadConfiguration(BAD_TABLE, file=file, why=why)
    return {row[0].strip(): row[1].strip() for row in rows}


def load_rules_file(file: Path) -> tuple[Rule, ...]:
    """Read and understand the `[[rule]]` tables of a `--rules` file; raises `BadConfiguration` or `BadRule`."""
    text, values = read_toml(file)
    unknown = set(values) - {"rule"}
    if unknown:
        raise BadConfiguration(UNKNOWN_KEY, file=file, where=min(unknown), nearest="rule")
    rules = values.get("rule")
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise BadConfiguration(BAD_CONFIGURATION, file=file, where="rule", why=Phrase(N_("write rules as [[rule]]")))
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _RULE_HEADING.match(line)]
    return parse_rules(rules, tables_beside(file), str(file), lines)
