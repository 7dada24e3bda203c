"""Values as columns keep them, and back: times, words for people, changes.

Problems are kept with their English msgids and their facts, so that faces can say them in any language years later.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar, cast

from tolmach.base import Fault, Phrase, Problem
from tolmach.delivery.interfaces import Detected
from tolmach.edit.changes import Change, Reason

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_REPLACED: Final = str.maketrans({"\0": "\N{REPLACEMENT CHARACTER}"})

# Faults are written out where they belong; this makes again what was kept of them.
_KEPT_FAULT: Final = Fault
# Values in one IN (…): databases allow some tens of thousands.
_SLICE: Final = 500

Clock = Callable[[], datetime]
Json = Any
T = TypeVar("T")


def countable(numbers: Sequence[int]) -> list[int]:
    """Give those numbers that a row can have at all, each once, in order: people type anything."""
    return sorted({one for one in numbers if 0 < one < 1 << 63})


def slices(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Give the values in portions that fit into one statement."""
    for start in range(0, len(values), _SLICE):
        yield values[start : start + _SLICE]


def micros(moment: datetime) -> int:
    """Give an aware moment as microseconds since 1970 in UTC, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """Give back what `micros` was given."""
    return _EPOCH + timedelta(microseconds=value)


def moment_or_none(value: int | None) -> datetime | None:
    """Give back what `micros` was given, or None for NULL."""
    return None if value is None else moment(value)


def micros_or_none(value: datetime | None) -> int | None:
    """Give a moment as `micros` does, or NULL for None."""
    return None if value is None else micros(value)


def written(value: datetime | None) -> str | None:
    """Give a moment as the faces write it: 2026-11-22T10:00:00Z, with a fraction where it has one."""
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plain(text: str) -> str:
    """Give a text that every database takes: lone surrogates and NUL become replacement characters."""
    if text.isascii() and "\0" not in text:
        return text
    return text.translate(_REPLACED).encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def to_json(value: Json) -> str:
    """Give a value as JSON, short, and with every character as it is where that can be written as UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def from_json(text: str) -> Json:
    """Give back what `to_json` was given."""
    return json.loads(text)


def problem_to_json(problem: Problem | None) -> str | None:
    """Give a problem for keeping; facts that are no plain values become texts."""
    return None if problem is None else to_json(_problem(problem))


def problem_from_json(text: str | None) -> Problem | None:
    """Give back the problem that was kept."""
    return None if text is None else _to_problem(json.loads(text))


def problems_to_json(problems: Sequence[Problem]) -> str:
    """Give several problems for keeping."""
    return to_json([_problem(problem) for problem in problems]) if problems else "[]"


def problems_from_json(text: str) -> tuple[Problem, ...]:
    """Give back the problems that were kept."""
    return tuple(_to_problem(kept) for kept in json.loads(text))


def detected_to_json(detected: Detected | None) -> str | None:
    """Give what was found out about a text for keeping."""
    if detected is None:
        return None
    found = {"code_page": detected.code_page, "confidence": detected.confidence}
    return to_json(found | {"evidence": _fact(detected.evidence)})


def detected_from_json(text: str | None) -> Detected | None:
    """Give back what was found out about a text."""
    if text is None:
        return None
    kept = json.loads(text)
    return Detected(kept["code_page"], kept["confidence"], cast("Phrase", _to_fact(kept["evidence"])))


def changes_to_json(changes: Sequence[Change]) -> str:
    """Give changes for keeping, the old bytes included."""
    return to_json([_change(change) for change in changes]) if changes else "[]"


def changes_from_json(text: str) -> tuple[Change, ...]:
    """Give back the changes that were kept."""
    return tuple(_to_change(kept) for kept in json.loads(text))


def _problem(problem: Problem) -> Json:
    return {
        "code": problem.fault.code,
        "what": problem.fault.what,
        "todo": problem.fault.todo,
        "facts": _facts(problem.facts),
    }


def _to_problem(kept: Json) -> Problem:
    return Problem(_KEPT_FAULT(kept["code"], kept["what"], kept["todo"]), _to_facts(kept["facts"]))


def _facts(facts: Mapping[str, object]) -> Json:
    return {name: _fact(value) for name, value in facts.items()}


def _fact(value: object) -> Json:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Phrase):
        return {"phrase": value.msgid, "facts": _facts(value.facts)}
    if isinstance(value, Problem):
        return {"problem": _problem(value)}
    if isinstance(value, list | tuple):
        return [_fact(one) for one in value]
    return str(value)


def _to_facts(kept: Json) -> dict[str, object]:
    return {name: _to_fact(value) for name, value in kept.items()}


def _to_fact(kept: Json) -> object:
    if isinstance(kept, list):
        return [_to_fact(one) for one in kept]
    if isinstance(kept, dict):
        return _to_problem(kept["problem"]) if "problem" in kept else Phrase(kept["phrase"], _to_facts(kept["facts"]))
    return kept


def _change(change: Change) -> Json:
    raw = change.raw_before
    return {
        "path": change.path,
        "keyword": change.keyword,
        "vr": change.vr,
        "before": change.before,
        "after": change.after,
        "reason": change.reason,
        "raw": None if raw is None else base64.b64encode(raw).decode("ascii"),
    }


def _to_change(kept: Json) -> Change:
    raw = kept["raw"]
    return Change(
        path=kept["path"],
        keyword=kept["keyword"],
        vr=kept["vr"],
        before=kept["before"],
        after=kept["after"],
        reason=cast("Reason", kept["reason"]),
        raw_before=None if raw is None else base64.b64decode(raw),
    )
