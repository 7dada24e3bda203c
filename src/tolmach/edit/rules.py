"""Rules: conditions and operations, read from TOML tables or from the command line, and carried out in order.

Everything a rule can get wrong is found here, before the first file is touched: unknown operations and keywords, bad
patterns, values that can never stand in their attribute.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tolmach.base import N_, Phrase, Refused
from tolmach.dicom import dictionary
from tolmach.dicom.data_set import SPECIFIC_CHARACTER_SET
from tolmach.dicom.faults import BadPath, BadValue
from tolmach.dicom.paths import AttributePath, parse_path
from tolmach.dicom.values import too_long, unfit
from tolmach.edit import faults
from tolmach.edit.conditions import Condition, Origin
from tolmach.edit.draft import NEEDED, Draft, require_text
from tolmach.edit.faults import BadRule
from tolmach.edit.operations import TEMPLATE, Operation, apply_operation
from tolmach.edit.patterns import parse_pattern
from tolmach.text.translit import rule_named

_UNKNOWN = N_("“{key}” is unknown")
_NO_KEYWORD = N_("“{name}” is no keyword.")
_NEAREST = N_("“{name}” is no keyword; the nearest is {near}.")
_SURROGATE = re.compile("[\ud800-\udfff]")
LoadTable = Callable[[str], Mapping[str, str]]

# Keys that must, and keys that may, stand beside the verb.
_KEYS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    verb: (frozenset(must.split()), frozenset(may.split()))
    for verb, must, may in (
        ("set", "value", ""),
        ("set_if_missing", "value", ""),
        ("empty", "", ""),
        ("delete", "", ""),
        ("replace", "pattern with", ""),
        ("copy", "to", ""),
        ("prefix", "value", ""),
        ("suffix", "value", ""),
        ("upper", "", ""),
        ("trim", "", ""),
        ("map", "table", "default"),
        ("new_uid", "", ""),
        ("transliterate", "rule", ""),
    )
}


@dataclass(frozen=True, slots=True)
class Rule:
    """When all conditions hold, the operations are carried out in order."""

    when: Sequence[Condition]
    do: Sequence[Operation]


def apply_rules(rules: Sequence[Rule], draft: Draft, origin: Origin) -> None:
    """Carry out the rules that apply, in order; each sees what those before it did."""
    for rule in rules:
        if _applies(rule, draft, origin):
            for operation in rule.do:
                apply_operation(operation, draft)


def _applies(rule: Rule, draft: Draft, origin: Origin) -> bool:
    """Tell whether a rule applies; one that cannot be decided does not, and that is noted."""
    try:
        return all(condition.holds(draft, origin) for condition in rule.when)
    except BadValue as error:
        draft.note(error.problem)
        return False


def parse_rules(
    tables: Sequence[Mapping[str, object]], load_table: LoadTable, where: str, lines: Sequence[int] = ()
) -> tuple[Rule, ...]:
    """Understand `[[rule]]` tables; raises `BadRule` naming `where`, the rule's line and number and what is wrong.

    `load_table` reads the CSV file of a `map` operation: two columns, UTF-8. `lines` are where the tables begin, as far
    as that is known.
    """
    places = [f"{where}:{line}" for line in lines] if len(lines) == len(tables) else [where] * len(tables)
    numbered = enumerate(zip(places, tables, strict=True), 1)
    return tuple(_parse_rule(table, load_table, f"{place}, rule {number}") for number, (place, table) in numbered)


def _parse_rule(table: Mapping[str, object], load_table: LoadTable, where: str) -> Rule:
    unknown = set(table) - {"when", "do", "name"}
    if unknown:
        raise BadRule(faults.WRONG_KEYS, where=where, why=Phrase(_UNKNOWN, {"key": min(unknown)}))
    when, do = table.get("when", {}), table.get("do", ())
    if not isinstance(when, Mapping):
        raise BadRule(faults.WRONG_KEYS, where=where, why=Phrase(N_("“when” must be a table of conditions")))
    if not isinstance(do, Sequence) or isinstance(do, str) or not do:
        raise BadRule(faults.WRONG_KEYS, where=where, why=Phrase(N_("“do” must be a list of operations")))
    return Rule(
        parse_when(when, where),
        tuple(parse_operation(step, load_table, where) for step in do),
    )


def parse_when(when: Mapping[str, object], where: str) -> tuple[Condition, ...]:
    """Understand a table of conditions, all of which must hold; raises `BadRule` naming `where`."""
    return tuple(parse_condition(key, value, where) for key, value in _flat(when).items())


def _flat(when: Mapping[str, object]) -> Mapping[str, object]:
    """Give `source.ae_title = "X"` as one key, however TOML took it apart."""
    source = when.get("source")
    if not isinstance(source, Mapping):
        return when
    return {
        **{key: value for key, value in when.items() if key != "source"},
        **{f"source.{key}": value for key, value in source.items()},
    }


def parse_condition(key: str, value: object, where: str) -> Condition:
    """Understand one condition of `when`; raises `BadRule`."""
    if key.startswith("source."):
        if key not in ("source.ae_title", "source.watch"):
            raise BadRule(faults.BAD_CONDITION, where=where, key=key)
        return _test(None, key, value, where)
    return _test(_attribute(key, where), "", value, where)


def _test(attribute: AttributePath | None, origin: str, value: object, where: str) -> Condition:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return Condition(attribute, origin, equals=str(value))
    if isinstance(value, Mapping) and len(value) == 1:
        kind, argument = next(iter(value.items()))
        if kind == "in" and isinstance(argument, list | tuple) and all(isinstance(one, str) for one in argument):
            return Condition(attribute, origin, one_of=tuple(argument))
        if kind == "matches" and isinstance(argument, str):
            return Condition(attribute, origin, matches=parse_pattern(argument, where))
        if kind == "missing" and isinstance(argument, bool):
            return Condition(attribute, origin, missing=argument)
        if kind == "not":
            return Condition(negated=_test(attribute, origin, argument, where))
    raise BadRule(faults.BAD_CONDITION, where=where, key=origin or (attribute and (attribute.keyword or attribute)))


def parse_operation(step: object, load_table: LoadTable, where: str) -> Operation:
    """Understand one operation of `do`, such as `{ set = "PatientID", value = "1" }`; raises `BadRule`."""
    if not isinstance(step, Mapping) or not step:
        raise BadRule(faults.WRONG_KEYS, where=where, why=Phrase(N_("an operation must be a table")))
    verbs = [key for key in step if key in _KEYS]
    if len(verbs) != 1:
        name = " + ".join(verbs) or str(next(iter(step)))
        raise BadRule(faults.UNKNOWN_OPERATION, where=where, name=name, known=", ".join(_KEYS))
    verb = verbs[0]
    must, may = _KEYS[verb]
    given = set(step) - {verb}
    for key in sorted(must - given):
        raise BadRule(
            faults.WRONG_KEYS, where=where, why=Phrase(N_("“{verb}” needs “{key}”"), {"verb": verb, "key": key})
        )
    for key in sorted(given - must - may):
        why = Phrase(N_("“{key}” does not belong to “{verb}”"), {"verb": verb, "key": key})
        raise BadRule(faults.WRONG_KEYS, where=where, why=why)
    texts = {key: _as_text(value, key, where) for key, value in step.items()}
    return _build(verb, texts, load_table, where)


def _as_text(value: object, key: str, where: str) -> str:
    # Half a surrogate pair comes from a command line that is not in the system's encoding.
    if isinstance(value, bool) or not isinstance(value, str | int | float) or _SURROGATE.search(str(value)):
        raise BadRule(faults.WRONG_KEYS, where=where, why=Phrase(N_("“{key}” must be a text"), {"key": key}))
    return str(value)


def _build(verb: str, texts: Mapping[str, str], load_table: LoadTable, where: str) -> Operation:
    path = _attribute(texts[verb], where, writes=verb != "copy")
    if verb in ("delete", "empty"):
        _require_kept(path, where)
    if verb not in ("copy", "delete"):
        _require_text(path, where)
    if verb == "replace":
        pattern = parse_pattern(texts["pattern"], where)
        _require_groups(pattern, texts["with"], where)
        _require_templates(texts["with"], where)
        return Operation(verb, path, texts["with"], pattern)
    if verb == "copy":
        target = _attribute(texts["to"], where, writes=True)
        _require_text(target, where)
        return Operation(verb, path, to=target)
    if verb == "map":
        table = load_table(texts["table"])
        _require_value(path, texts.get("default", ""), where)
        return Operation(verb, path, table=table, table_name=texts["table"], default=texts.get("default"))
    if verb == "transliterate":
        _require_transliteration(texts["rule"], where)
        return Operation(verb, path, rule=texts["rule"])
    value = texts.get("value", "")
    _require_templates(value, where)
    if verb in ("set", "set_if_missing") and not TEMPLATE.search(value):
        _require_value(path, value, where)
        if not value.strip():
            _require_kept(path, where)
    return Operation(verb, path, value)


def _attribute(text: str, where: str, *, writes: bool = False) -> AttributePath:
    try:
        path = parse_path(text)
    except BadPath as error:
        raise BadRule(faults.BAD_ATTRIBUTE, where=where, why=error.problem.what) from error
    if writes and (path.tag >> 16 in (0x0000, 0x0002, 0xFFFE) or path.tag == SPECIFIC_CHARACTER_SET):
        raise BadRule(faults.NOT_FOR_RULES, where=where, path=path.shown)
    return path


def _require_groups(pattern: re.Pattern[str], replacement: str, where: str) -> None:
    try:
        pattern.sub(replacement, "")
    except (re.error, IndexError) as error:
        raise BadRule(faults.BAD_PATTERN, where=where, pattern=replacement, why=str(error)) from error


def _require_transliteration(rule: str, where: str) -> None:
    try:
        rule_named(rule)
    except Refused as error:
        raise BadRule(faults.WRONG_KEYS, where=where, why=Phrase(_UNKNOWN, {"key": rule})) from error


def _require_templates(value: str, where: str) -> None:
    for match in TEMPLATE.finditer(value):
        if dictionary.tag_of(match[1]) is None:
            near = difflib.get_close_matches(match[1], dictionary.keywords(), 1, 0.6)
            why = Phrase(_NO_KEYWORD, {"name": match[1]})
            if near:
                why = Phrase(_NEAREST, {"name": match[1], "near": near[0]})
            raise BadRule(faults.BAD_ATTRIBUTE, where=where, why=why)


def _require_text(path: AttributePath, where: str) -> None:
    """Refuse to write into what never holds text; what the dictionary does not know, the file may."""
    vr = dictionary.vr_of(path.tag)
    try:
        if vr != "UN":
            require_text(path, vr)
    except BadPath as error:
        raise BadRule(faults.BAD_ATTRIBUTE, where=where, why=error.problem.what) from error


def _require_value(path: AttributePath, value: str, where: str) -> None:
    """Refuse a fixed value that its VR can never hold, before any file is touched."""
    vr = dictionary.vr_of(path.tag)
    why = unfit(value, vr)
    excess = too_long(value, vr)
    if why is None and excess is not None:
        facts = {"length": excess[0], "limit": excess[1]}
        why = Phrase(N_("it has {length} characters, and {limit} are allowed there"), facts)
    if why is not None:
        raise BadRule(faults.BAD_RULE_VALUE, where=where, value=value, path=path.shown, vr=vr, why=why)


def _require_kept(path: AttributePath, where: str) -> None:
    """Refuse to take away what no object can be without."""
    if not path.steps and path.tag in NEEDED:
        raise BadRule(faults.NEEDED, where=where, path=path.shown)
