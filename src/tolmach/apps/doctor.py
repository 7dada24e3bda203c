"""What `tolmach doctor` looks at: checks one after the other, each with what it found. Nothing is changed by looking.

The checks themselves are in the modules `doctor_…`; a check gives findings, an empty list, or None where there is
nothing to look at (no peers, no records yet, no file permissions on this system).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from tolmach.apps.destinations import utc_now
from tolmach.base import N_, Fault, Problem, TolmachError

if TYPE_CHECKING:
    from tolmach.adapters.sql import Records
    from tolmach.adapters.sql.standing import Standing
    from tolmach.apps.sections import Settings

Severity = Literal["serious", "warning"]
State = Literal["ok", "found", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: `serious` costs images or opens a door, a `warning` may come to that."""

    problem: Problem
    severity: Severity = "warning"


def serious(fault: Fault, **facts: object) -> Finding:
    """Give a finding that somebody should see to now."""
    return Finding(Problem(fault, facts), "serious")


def warning(fault: Fault, **facts: object) -> Finding:
    """Give a finding that somebody should know of."""
    return Finding(Problem(fault, facts))


@dataclass(frozen=True, slots=True)
class Installation:
    """What is looked at: the settings and where they are from, the environment, the clock, the account we run as.

    `records` are there only where they could be opened without changing them.
    """

    settings: Settings
    file: Path | None
    environment: Mapping[str, str]
    now: Callable[[], datetime] = utc_now
    account: int | None = field(default_factory=lambda: _account())
    standing: Standing | None = None
    records: Records | None = None


Look = Callable[[Installation], Sequence[Finding] | None]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at: its name for programs, its title for people (a msgid), and how it is looked at."""

    name: str
    title: str
    look: Look


RECORDS: Final = Check("records", N_("Records"), lambda _here: [])


@dataclass(frozen=True, slots=True)
class Looked:
    """A check that was made."""

    check: Check
    state: State
    findings: Sequence[Finding] = ()


def examine(checks: Sequence[Check], here: Installation) -> Iterator[Looked]:
    """Make the checks in order, giving each when it is made; what cannot be looked at is a finding, not the end.

    The first one is always whether the records can be read, for others need them.
    """
    with ExitStack() as stack:
        try:
            here, findings = _with_records(here, stack)
        except TolmachError as error:
            findings = [Finding(error.problem, "serious")]
        yield _looked(RECORDS, findings)
        for check in checks:
            try:
                findings = check.look(here)
            except TolmachError as error:
                findings = [Finding(error.problem, "serious")]
            yield _looked(check, findings)


def _looked(check: Check, findings: Sequence[Finding] | None) -> Looked:
    if findings is None:
        return Looked(check, "skipped")
    return Looked(check, "found" if findings else "ok", findings)


def _with_records(here: Installation, stack: ExitStack) -> tuple[Installation, Sequence[Finding] | None]:
    """Open the records, unless there are none or opening would change them; raises what opening raises."""
    from tolmach.adapters.sql.standing import standing_of
    from tolmach.apps.doctor_faults import TABLES_OLDER
    from tolmach.apps.faults import RECORDS_GONE
    from tolmach.apps.holding import records_by

    settings = here.settings
    standing = standing_of(settings.data_dir, settings.database)
    if standing is None:
        is_lost = settings.objects == "folder" and any((settings.data_dir / "objects").glob("*/*/*.dcm"))
        return here, [serious(RECORDS_GONE, folder=settings.data_dir)] if is_lost else None
    here = replace(here, standing=standing)
    if standing.is_older:
        return here, [warning(TABLES_OLDER, path=standing.where, version=standing.version, known=standing.known)]
    return replace(here, records=stack.enter_context(records_by(settings, create=False))), []


def _account() -> int | None:
    """Give the number of the account this program runs as, None where accounts have none."""
    return os.geteuid() if hasattr(os, "geteuid") else None
