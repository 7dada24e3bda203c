"""All elements of one file as lines: what stands in it, and what will stand there after repair and edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tolmach.adapters.folder import FileReader, inflate
from tolmach.apps.reports import FileReport, report_failure, report_on
from tolmach.base import TolmachError
from tolmach.dicom import dictionary
from tolmach.dicom.data_set import SPECIFIC_CHARACTER_SET, DataSet
from tolmach.dicom.paths import AttributePath, parse_path, path_of
from tolmach.dicom.scanner import ROOT
from tolmach.dicom.values import NUMBER_VRS, strip_padding
from tolmach.dicom.vrs import STRING_VRS
from tolmach.edit.changes import Change
from tolmach.edit.conditions import Origin
from tolmach.edit.draft import Draft
from tolmach.journeys.file import mend
from tolmach.repair.profile import Profile

MOST_LINES = 20_000
MOST_TEXT = 4_096  # characters of a value that are shown and may be edited in place
Kind = Literal["text", "sequence", "item", "bytes"]


@dataclass(frozen=True, slots=True)
class ElementLine:
    """One element or item. `parent` is the number of the line it stands in, or -1; `path` is empty for items."""

    parent: int
    kind: Kind
    tag: int
    path: str
    keyword: str
    vr: str
    before: str | None
    after: str | None
    size: int = 0
    item: int = 0
    reason: str = ""
    is_editable: bool = False

    @property
    def is_changed(self) -> bool:
        """Whether it will read otherwise than it does now."""
        return bool(self.reason)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look into one file gave."""

    path: Path
    lines: Sequence[ElementLine]
    report: FileReport
    left_out: int = 0


def look_into(path: Path, profile: Profile) -> Looked:
    """Read one file whole: its elements and what the profile would do; an unreadable one gives its error."""
    try:
        with FileReader().open(path) as source:
            from tolmach.dicom.part10 import open_data_set

            came = open_data_set(source, inflate)
            mended = mend(came, replace(profile, original_attributes=False), Origin())
            lines, left_out = lines_of(came, mended.changes)
            return Looked(path, lines, report_on(path, came, mended), left_out)
    except TolmachError as error:
        return Looked(path, (), report_failure(path, error))


def lines_of(came: DataSet, changes: Sequence[Change]) -> tuple[list[ElementLine], int]:
    """Give the lines of a data set and how many were left out; the file's own head comes first."""
    by_path: dict[str, tuple[Change, Change]] = {}
    for change in changes:
        by_path[change.path] = (by_path.get(change.path, (change, change))[0], change)
    lines = [
        _head_line(element.tag, element.vr, came.file.read(element.value, min(element.length, 1024)))
        for element in came.meta
    ]
    draft, numbers = Draft(came), {ROOT: -1}
    for index, element in enumerate(came.elements):
        if len(lines) >= MOST_LINES:
            break
        parent = numbers.get(element.parent)
        if parent is None:
            continue  # inside what was left out
        numbers[index] = len(lines)
        lines.append(_line(draft, index, parent, by_path))
    left_out = max(0, len(came.elements) - len(numbers) + 1)
    lines += _added(came, numbers, by_path)
    return lines, left_out


def _head_line(tag: int, vr: str, raw: memoryview | bytes) -> ElementLine:
    """Give a line of the file meta information, which is made anew and never edited. Standard: PS3.10 section 7.1."""
    text = strip_padding(bytes(raw).decode("latin_1"), vr) if vr in STRING_VRS else None
    path = AttributePath((), tag)
    kind: Kind = "bytes" if text is None else "text"
    return ElementLine(-1, kind, tag, str(path), path.keyword, vr, text, text, len(raw))


def _line(draft: Draft, index: int, parent: int, changes: Mapping[str, tuple[Change, Change]]) -> ElementLine:
    element = draft.data_set.elements[index]
    if not element.vr:
        return ElementLine(parent, "item", element.tag, "", "", "", None, None, item=element.number)
    path = path_of(draft.data_set, element)
    written, vr = str(path), draft.vr_at(index)
    if element.vr == "SQ" or (element.undefined and element.vr == "UN"):
        first = changes.get(written)
        reason = first[1].reason if first and first[1].after is None else ""
        return ElementLine(parent, "sequence", element.tag, written, path.keyword, vr, None, None, reason=reason)
    before = draft.shown(index) if element.length <= 4 * MOST_TEXT and not element.undefined else None
    after, reason = before, ""
    change = changes.get(written)
    if change is not None and change[0].before != change[1].after:
        before, after, reason = change[0].before, change[1].after, change[1].reason
    kind: Kind = "bytes" if before is None and after is None else "text"
    may = kind == "text" and vr in STRING_VRS | NUMBER_VRS and element.tag != SPECIFIC_CHARACTER_SET
    may = may and max(len(before or ""), len(after or "")) <= MOST_TEXT and element.tag & 0xFFFF != 0
    return ElementLine(
        parent, kind, element.tag, written, path.keyword, vr, before, after, element.length, 0, reason, may
    )


def _added(
    came: DataSet, numbers: Mapping[int, int], changes: Mapping[str, tuple[Change, Change]]
) -> list[ElementLine]:
    """Give lines for attributes that are not in the file yet."""
    lines = []
    draft = Draft(came)
    for written, (first, last) in changes.items():
        if first.before is not None or last.after is None:
            continue
        path = parse_path(written)
        container = draft.container(path)
        if container is not None and came.position(path.tag, container) is not None:
            continue  # it was there, empty
        parent = -1 if container is None else numbers.get(container, -1)
        vr = last.vr or dictionary.vr_of(path.tag)
        may = path.tag != SPECIFIC_CHARACTER_SET
        lines.append(
            ElementLine(parent, "text", path.tag, written, path.keyword, vr, None, last.after, 0, 0, last.reason, may)
        )
    return lines
