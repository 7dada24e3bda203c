"""What the index keeps of an instance, read from its data set as it is after the repair.

Values are bounded: nobody looks for a thousand and first letter, and no data set may fill the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final

from tolmach.archive.attributes import ITEMS, KEPT
from tolmach.archive.interfaces import LEVELS, Entry, Item, Level
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.paths import AttributePath, parse_path
from tolmach.dicom.vrs import VRS
from tolmach.edit.changes import Change
from tolmach.edit.draft import Draft

MOST_LETTERS: Final = 1024
"""Letters of one value; DICOM allows more for comments and descriptions alone."""
MOST_VALUES: Final = 32
MOST_ITEMS: Final = 8

Text = tuple[str, ...]
_After = Mapping[str, str | None]


def entry_of(
    data_set: DataSet,
    changes: Iterable[Change] = (),
    *,
    sop_class_uid: str = "",
    sop_instance_uid: str = "",
) -> Entry:
    """Give the entry of an instance that came as `data_set` and was changed so.

    The UIDs are those it is kept by, where they differ from what the data set says. Attributes without a value are left
    out; nothing is raised for values that are no good.
    """
    after = {change.path: change.after for change in changes}
    draft = Draft(data_set)
    levels = {level: dict(_values(draft, level, after)) for level in LEVELS}
    levels["instance"] |= _known(
        SOPClassUID=sop_class_uid or data_set.sop_class_uid,
        SOPInstanceUID=sop_instance_uid or data_set.sop_instance_uid,
        AvailableTransferSyntaxUID=data_set.transfer_syntax_uid,
    )
    return Entry(levels["patient"], levels["study"], levels["series"], levels["instance"])


def _known(**uids: str) -> dict[str, Text]:
    return {keyword: (uid,) for keyword, uid in uids.items() if uid}


def _values(draft: Draft, level: Level, after: _After) -> Iterator[tuple[str, Text | tuple[Item, ...]]]:
    for keyword, path, name in _paths(level):
        if keyword in ITEMS:
            items = tuple(_items(draft, keyword, after))
            if items:
                yield keyword, items
        elif values := _text(draft, path, name, after):
            yield keyword, values


@cache
def _paths(level: Level) -> tuple[tuple[str, AttributePath, str], ...]:
    paths = [(keyword, parse_path(keyword)) for keyword in KEPT[level]]
    return tuple((keyword, path, str(path)) for keyword, path in paths)


@cache
def _item_paths(sequence: str, item: int) -> tuple[tuple[str, AttributePath, str], ...]:
    paths = [(keyword, parse_path(f"{sequence}[{item}].{keyword}")) for keyword in ITEMS[sequence]]
    return tuple((keyword, path, str(path)) for keyword, path in paths)


def _items(draft: Draft, sequence: str, after: _After) -> Iterator[Item]:
    path = parse_path(sequence)
    if after.get(str(path), "") is None:  # taken out whole
        return
    for number in range(MOST_ITEMS):
        known = _item_paths(sequence, number)
        there = draft.container(known[0][1]) is not None
        if not there and not any(name in after for _keyword, _path, name in known):
            return
        item = {keyword: _text(draft, path, name, after) for keyword, path, name in known}
        if found := {keyword: values for keyword, values in item.items() if values}:
            yield found


def _text(draft: Draft, path: AttributePath, name: str, after: _After) -> Text:
    text = after[name] if name in after else draft.text(path)
    if not text:
        return ()
    vr = VRS[vr_name] if (vr_name := _vr(path.tag)) in VRS else None
    parts = text.split("\\", MOST_VALUES)[:MOST_VALUES] if vr is None or vr.multi else [text]
    values = [part.replace("\0", "").strip()[:MOST_LETTERS] for part in parts]
    while values and not values[-1]:
        values.pop()
    return tuple(values)


@cache
def _vr(tag: int) -> str:
    from tolmach.dicom import dictionary

    return dictionary.vr_of(tag)
