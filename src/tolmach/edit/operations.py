"""Operations as data: what a rule does to one attribute, understood once and applied to any number of drafts.

A value that an operation cannot write leaves the attribute as it was and is noted; it never stops the file.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tolmach.base import Problem
from tolmach.dicom import dictionary
from tolmach.dicom.faults import BadPath, BadValue
from tolmach.dicom.paths import AttributePath
from tolmach.edit import faults
from tolmach.edit.draft import Draft
from tolmach.edit.patterns import require_short
from tolmach.text.translit import transliterate

TEMPLATE = re.compile(r"\{([A-Z][A-Za-z0-9]*)\}")
_BLANKS = re.compile(r" *([\\^=]) *")
_UID_NAMESPACE = uuid.UUID("16949fbd-8f6c-4ba8-8d6b-6bd0c5e6a0f0")


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to do with one attribute. Which fields mean something depends on `verb`."""

    verb: str
    path: AttributePath
    value: str = ""
    pattern: re.Pattern[str] | None = None
    to: AttributePath | None = None
    table: Mapping[str, str] | None = None
    table_name: str = ""
    default: str | None = None
    rule: str = ""


def apply_operation(operation: Operation, draft: Draft) -> None:
    """Carry one operation out on a draft; what does not fit is noted there and the attribute stays."""
    try:
        VERBS[operation.verb](operation, draft)
    except (BadPath, BadValue) as error:
        name = operation.path.shown
        draft.note(Problem(faults.RULE_DID_NOT_FIT, {"path": name, "why": error.problem.what}))


def filled(template: str, draft: Draft, *, escape: bool = False) -> str:
    """Fill `{Keyword}` templates from the draft; an absent attribute gives nothing.

    `escape` makes backslashes of values harmless where the result is a regular expression's replacement.
    """

    def value_of(match: re.Match[str]) -> str:
        tag = dictionary.tag_of(match[1])
        text = "" if tag is None else _readable(draft, AttributePath((), tag)) or ""
        return text.replace("\\", "\\\\") if escape else text

    return TEMPLATE.sub(value_of, template)


def _readable(draft: Draft, path: AttributePath) -> str | None:
    """Give the text that new text is made of; raises `BadPath` where it is spoiled and nobody knows what it says."""
    draft.require_readable(path)
    return draft.text(path)


def _set(operation: Operation, draft: Draft) -> None:
    draft.set(operation.path, filled(operation.value, draft))


def _set_if_missing(operation: Operation, draft: Draft) -> None:
    if not draft.has_value(operation.path):
        _set(operation, draft)


def _empty(operation: Operation, draft: Draft) -> None:
    if draft.has_value(operation.path):
        draft.set(operation.path, "")


def _delete(operation: Operation, draft: Draft) -> None:
    draft.delete(operation.path)


def _copy(operation: Operation, draft: Draft) -> None:
    text = _readable(draft, operation.path)
    if text is not None and operation.to is not None:
        draft.set(operation.to, text)


def _map(operation: Operation, draft: Draft) -> None:
    text = draft.text(operation.path)
    if not text or operation.table is None:
        return
    mapped = operation.table.get(text, operation.default)
    if mapped is None:
        facts = {"value": text, "path": operation.path.shown, "table": operation.table_name}
        draft.note(Problem(faults.NOT_IN_TABLE, facts))
        return
    draft.set(operation.path, mapped)


def _new_uid(operation: Operation, draft: Draft) -> None:
    """Derive a UID from the old one: the same old UID always gives the same new one, so references stay together.

    Standard: PS3.5 annex B.2 (UUID-derived UIDs).
    """
    old = draft.text(operation.path) or f"{draft.data_set.sop_instance_uid}/{operation.path}"
    draft.set(operation.path, f"2.25.{uuid.uuid5(_UID_NAMESPACE, old).int}")


def _rewriting(change: Callable[[Operation, Draft, str], str]) -> Callable[[Operation, Draft], None]:
    """Make a verb that gives an existing value a new form and leaves absent or empty attributes alone."""

    def verb(operation: Operation, draft: Draft) -> None:
        text = _readable(draft, operation.path)
        if text:
            draft.set(operation.path, change(operation, draft, text))

    return verb


def _replaced(operation: Operation, draft: Draft, text: str) -> str:
    if operation.pattern is None:
        return text
    require_short(text, operation.path.shown)
    return operation.pattern.sub(filled(operation.value, draft, escape=True), text)


def _trimmed(_operation: Operation, _draft: Draft, text: str) -> str:
    """Take blanks away at the edges and around the delimiters of components and values."""
    return _BLANKS.sub(r"\1", text).strip()


VERBS: Mapping[str, Callable[[Operation, Draft], None]] = {
    "set": _set,
    "set_if_missing": _set_if_missing,
    "empty": _empty,
    "delete": _delete,
    "replace": _rewriting(_replaced),
    "copy": _copy,
    "prefix": _rewriting(lambda operation, draft, text: filled(operation.value, draft) + text),
    "suffix": _rewriting(lambda operation, draft, text: text + filled(operation.value, draft)),
    "upper": _rewriting(lambda _operation, _draft, text: text.upper()),
    "trim": _rewriting(_trimmed),
    "map": _map,
    "new_uid": _new_uid,
    "transliterate": _rewriting(lambda operation, _draft, text: transliterate(text, operation.rule)),
}
