"""Edits made by hand: operations of `edit` kept for each file, in memory, until the file is sent or copied.

What is kept here is what a rule file would say; nothing of it touches the files themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tolmach.apps.desktop.rows import Step
from tolmach.base import N_, Phrase, TolmachError
from tolmach.dicom.values import too_long, unfit
from tolmach.edit.faults import BadRule
from tolmach.edit.rules import Rule, parse_rules
from tolmach.repair.profile import Profile

VERBS: Mapping[str, str] = {
    "set": N_("Set"),
    "set_if_missing": N_("Set where it is missing"),
    "delete": N_("Delete"),
}
_MOST_UNDO = 200


class EditBook:
    """The edits of all files, and the way back."""

    def __init__(self) -> None:
        """Begin with no edits."""
        self._steps: dict[Path, tuple[Step, ...]] = {}
        self._undo: list[dict[Path, tuple[Step, ...]]] = []

    def steps(self, path: Path) -> tuple[Step, ...]:
        """Give the edits of a file, in order."""
        return self._steps.get(path, ())

    @property
    def can_undo(self) -> bool:
        """Whether there is a last change to take back."""
        return bool(self._undo)

    def add(self, paths: Iterable[Path], step: Step) -> list[Path]:
        """Add an edit to files; one of the same attribute that it makes void goes. Gives the files."""
        touched = list(paths)
        self._remember(touched)
        for path in touched:
            kept = [one for one in self.steps(path) if not _is_void(one, step)]
            self._steps[path] = (*kept, step)
        return touched

    def take_back(self, path: Path, attribute: str | None = None) -> list[Path]:
        """Drop the edits of one attribute of a file, or all of it; gives the files that changed."""
        kept = [one for one in self.steps(path) if attribute is not None and one[1] != attribute]
        if len(kept) == len(self.steps(path)):
            return []
        self._remember([path])
        self._put(path, tuple(kept))
        return [path]

    def undo(self) -> list[Path]:
        """Take the last change back; gives the files that it concerned."""
        if not self._undo:
            return []
        before = self._undo.pop()
        for path, steps in before.items():
            self._put(path, steps)
        return list(before)

    def forget(self, paths: Iterable[Path]) -> None:
        """Drop what is known of files that leave the list."""
        for path in paths:
            self._steps.pop(path, None)

    def restore(self, path: Path, steps: Sequence[Step]) -> None:
        """Take up edits of an earlier session."""
        self._put(path, tuple(steps))

    def _put(self, path: Path, steps: tuple[Step, ...]) -> None:
        if steps:
            self._steps[path] = steps
        else:
            self._steps.pop(path, None)

    def _remember(self, paths: Iterable[Path]) -> None:
        self._undo.append({path: self.steps(path) for path in paths})
        del self._undo[:-_MOST_UNDO]


def _is_void(old: Step, new: Step) -> bool:
    return old[1] == new[1] and (new[0] in ("set", "delete") or old[0] == new[0])


def rules_of(steps: Sequence[Step]) -> tuple[Rule, ...]:
    """Understand edits as the rules they are; raises `BadRule`."""
    if not steps:
        return ()
    tables = [{verb: path} if verb == "delete" else {verb: path, "value": value} for verb, path, value in steps]
    return parse_rules([{"do": tables}], _no_table, "")


def with_edits(profile: Profile, steps: Sequence[Step]) -> Profile:
    """Give a profile that also makes these edits, after its own rules; raises `BadRule`."""
    return replace(profile, rules=(*profile.rules, *rules_of(steps))) if steps else profile


def objection(step: Step, vr: str) -> Phrase | None:
    """Give why an edit cannot be made, or None: the values are judged by the engine that will write them."""
    verb, _path, value = step
    if verb != "delete":
        why = unfit(value, vr)
        if why is not None:
            return why
        excess = too_long(value, vr)
        if excess is not None:
            facts = {"length": excess[0], "limit": excess[1]}
            return Phrase(N_("it has {length} characters, and {limit} are allowed there"), facts)
    try:
        rules_of([step])
    except BadRule as error:
        return _without_place(error)
    return None


def _without_place(error: TolmachError) -> Phrase:
    why = error.problem.facts.get("why")
    if isinstance(why, Phrase):
        return why
    if error.problem.code == "TLM-EDT-008":
        return Phrase(N_("no archive could keep the object without it"))
    return Phrase(N_("this attribute cannot be changed by hand"))


def _no_table(_name: str) -> Mapping[str, str]:
    return {}
