"""From a draft to bytes: every text in one character set, the label honest, the changes returned.

Standard: PS3.3 section C.12.1.1.2; PS3.5 section 6.1.2.3 (the label governs nested items too).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from tolmach.base import N_, Fault, Problem
from tolmach.dicom import character_sets, encode
from tolmach.dicom.data_set import SPECIFIC_CHARACTER_SET, DataSet
from tolmach.dicom.paths import AttributePath, path_of
from tolmach.dicom.scanner import ROOT, Encoding
from tolmach.dicom.splice import AppendedItem, Edits, Insertion, Pieces, splice
from tolmach.dicom.values import NUMBER_VRS, strip_padding
from tolmach.dicom.vrs import TEXT_VRS
from tolmach.edit.changes import Change
from tolmach.edit.draft import Draft

LETTERS_DO_NOT_FIT = Fault(
    "TLM-EDT-022",
    N_("The text has letters that the character set {term} lacks; it was written in UTF-8 (ISO_IR 192)."),
    N_("Check that the receiver can read UTF-8, or choose transliteration for it."),
)
UNREADABLE_TEXT = Fault(
    "TLM-EDT-023",
    N_("{path} cannot be read under its character set; its bytes were left as they are."),
    N_("Look at the attribute and set it by hand if it matters."),
)


@dataclass(frozen=True, slots=True)
class Target:
    """The one character set all text is to be written in.

    `term` is the label (empty: leave it alone); `encode` gives the bytes of a text, or None where a letter is missing;
    `codec` is what reads them again, which a receiver with a code page of its own knows without the label.
    """

    term: str
    encode: Callable[[str], bytes | None]
    codec: str

    @property
    def is_honest(self) -> bool:
        """Tell whether the label alone says how the text is to be read."""
        return character_sets.codec_of((self.term,)) == self.codec

    @property
    def shown(self) -> str:
        """The character set by name: the label, or the code page where the label is absent or says something else."""
        return self.term if self.term and self.is_honest else self.codec.replace("_", "-")


UTF_8 = Target(character_sets.UTF_8, lambda text: text.encode("utf-8"), "utf_8")


@dataclass(frozen=True, slots=True)
class Revision:
    """A data set with its changes made: the new bytes, what changed, what was noticed.

    `edits` are what the bytes were made with, and `readings` how each rewritten text must read again: the means by
    which `repair.verify` proves that nothing else changed.
    """

    data_set: DataSet
    pieces: Pieces
    edits: Edits
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    readings: dict[int, str]
    codec: str | None

    def uid(self, tag: int) -> str:
        """Give a UID of the data set itself as it is now, without its padding; empty when it is absent."""
        index = self.data_set.root_index.get(tag)
        if index in self.edits.removals:
            return ""
        raw = None if index is None else self.edits.replacements.get(index)
        added = (one.value for one in self.edits.insertions if (one.container, one.tag) == (ROOT, tag))
        raw = next(added, raw)
        return self.data_set.uid(tag) if raw is None else raw.rstrip(b"\0 ").decode("ascii", "replace")

    @property
    def is_changed(self) -> bool:
        """Tell whether the bytes differ from those that came."""
        return bool(self.edits)


def finish(draft: Draft, target: Target | None = None) -> Revision:
    """Write a draft out.

    With a target every text is put into it and the label says so, in nested items too. Without one, texts stay in the
    character set they are in, and only when that cannot hold a new letter does everything become UTF-8.
    """
    work = _Finisher(draft)
    if target is not None:
        if not work.retarget(target):
            draft.note(Problem(LETTERS_DO_NOT_FIT, {"term": target.shown}))
            work = _Finisher(draft)
            work.retarget(UTF_8)
    elif not work.keep():
        work = _Finisher(draft)
        work.retarget(UTF_8)
    return work.revision()


class _Finisher:
    """Turns one draft into edits, under one decision about the character set."""

    def __init__(self, draft: Draft) -> None:
        self.draft, self.data_set = draft, draft.data_set
        self.replacements: dict[int, bytes] = dict(draft.values)
        self.readings: dict[int, str] = {}
        self.transcoded: list[Change] = []
        self.same: set[str] = set()  # attributes that come out as they were
        self.label: Target | None = None
        self.problems: list[Problem] = []

    def keep(self) -> bool:
        """Encode each changed text where it stands; False when one does not fit."""
        for index, text in self.draft.texts.items():
            terms = self.data_set.character_set_at(self.data_set.elements[index].parent)
            raw = character_sets.encode(text, terms)
            if raw is None:
                return False
            self.replacements[index] = raw
            self.readings[index] = text
        return self._added_fit()

    def retarget(self, target: Target) -> bool:
        """Encode every text that is not plain ASCII into the target; False when one does not fit."""
        self.label = target
        draft, data_set = self.draft, self.data_set
        marked = {index: raw for index, vr, raw in data_set.marked_text if vr != "CS" and not draft.is_gone(index)}
        for index in sorted(marked.keys() | draft.texts.keys()):
            text = self._text_of(index, marked.get(index))
            if text is None:
                self._leave(index)
                continue
            raw = target.encode(text)
            if raw is None:
                return False
            self.readings[index] = raw.decode(target.codec)
            if index in draft.texts or raw != marked[index]:
                self.replacements[index] = raw
            if index not in draft.texts and raw != marked[index]:
                self._record_transcoding(index, marked[index])
        return self._added_fit()

    def _added_fit(self) -> bool:
        added = self.draft.added.items()
        return all(self._encode_added(path, vr, text) is not None for path, (vr, text) in added)

    def _text_of(self, index: int, raw: bytes | None) -> str | None:
        for known in (self.draft.texts, self.draft.readings):
            if index in known:
                return known[index]
        if raw is None:
            return None
        # Where there is no usable label viewers show Latin-1, and what they showed they shall show again.
        shown = character_sets.show(raw, self.data_set.character_set_at(self.data_set.elements[index].parent))
        return None if "\ufffd" in shown else shown

    def _leave(self, index: int) -> None:
        path = path_of(self.data_set, self.data_set.elements[index])
        self.problems.append(Problem(UNREADABLE_TEXT, {"path": path.keyword or str(path)}))

    def _record_transcoding(self, index: int, raw: bytes) -> None:
        element = self.data_set.elements[index]
        path, shown = path_of(self.data_set, element), self.draft.text_at(index)
        self.transcoded.append(
            Change(str(path), path.keyword, element.vr, self.draft.shown(index), shown, "character-set", raw)
        )

    def _encode_added(self, path: AttributePath, vr: str, text: str) -> bytes | None:
        container = self._deepest(path)[1]
        if vr in TEXT_VRS:
            if self.label is not None:
                return self.label.encode(text)
            return character_sets.encode(text, self.data_set.character_set_at(container))
        if vr not in NUMBER_VRS:
            return text.encode("ascii")
        return encode.binary(vr, text, self.data_set.encoding_in(container)) if text else b""

    def revision(self) -> Revision:
        """Join everything into edits and splice."""
        insertions, items = self._additions()
        label_change = self._write_label(insertions)
        self._forget_what_stays(is_read_anew=bool(label_change))
        edits = Edits(self.replacements, frozenset(self.draft.removed), tuple(insertions), tuple(items))
        kept = (one for one in self.draft.changes if one.path not in self.same)
        changes = (*label_change, *self._as_written([*kept, *self.transcoded]))
        return Revision(
            self.data_set,
            splice(self.data_set, edits),
            edits,
            changes,
            (*self.draft.problems, *self.problems),
            self.readings,
            None if self.label is None or self.label.is_honest else self.label.codec,
        )

    def _as_written(self, changes: list[Change]) -> Iterable[Change]:
        """Give the changes with the text that was really written, where a character set has only a substitute."""
        if self.label is None or self.label.codec == UTF_8.codec:
            return changes
        elements = self.data_set.elements
        written = {str(path_of(self.data_set, elements[index])): text for index, text in self.readings.items()}
        return [
            replace(one, after=strip_padding(written[one.path], one.vr)) if one.after and one.path in written else one
            for one in changes
        ]

    def _forget_what_stays(self, *, is_read_anew: bool) -> None:
        """Leave out replacements that give the old bytes; they are no change either, unless the label changed.

        Where the length of the old bytes was wrong, the new element is another one.
        """
        for index, value in list(self.replacements.items()):
            if index in self.data_set.recounted:
                continue
            element = self.data_set.elements[index]
            if element.length == len(value) + len(value) % 2 and self.data_set.raw(element) == encode.padded(
                value, element.vr
            ):
                del self.replacements[index]
                if not is_read_anew:
                    self.same.add(str(path_of(self.data_set, element)))

    def _write_label(self, insertions: list[Insertion]) -> list[Change]:
        """Make Specific Character Set say what the text is in; nested ones follow."""
        if self.label is None or not self.label.term or not self._needs_label():
            return []
        value = self.label.term.encode("ascii")
        changes: list[Change] = []
        for index in self.data_set.labels.values():
            element = self.data_set.elements[index]
            if not self.draft.is_gone(index):
                raw = self.data_set.raw(element)
                if raw.rstrip(b" \0") != value:
                    self.replacements[index] = value
                    path = path_of(self.data_set, element)
                    before = raw.decode("latin_1").rstrip(" \0")
                    changes.append(Change(str(path), path.keyword, "CS", before, self.label.term, "character-set", raw))
        if self.data_set.find(SPECIFIC_CHARACTER_SET) is None:
            insertions.append(Insertion(ROOT, SPECIFIC_CHARACTER_SET, "CS", value))
            path = AttributePath((), SPECIFIC_CHARACTER_SET)
            changes.append(Change(str(path), path.keyword, "CS", None, self.label.term, "character-set"))
        return changes

    def _needs_label(self) -> bool:
        """Tell whether there is text at all that the label must be right for."""
        return bool(self.readings) or any(vr in TEXT_VRS for vr, _text in self.draft.added.values())

    def _additions(self) -> tuple[list[Insertion], list[AppendedItem]]:
        """Turn new attributes into insertions where their container exists, and into new items where it does not."""
        insertions: list[Insertion] = []
        items: list[AppendedItem] = []
        groups: dict[tuple[int, int, int], list[tuple[AttributePath, str, bytes]]] = {}
        for path, (vr, text) in self.draft.added.items():
            raw = self._encode_added(path, vr, text)
            if raw is None:
                continue
            container = self.draft.container(path)
            if container is not None:
                insertions.append(Insertion(container, path.tag, vr, raw))
                continue
            depth, holder = self._deepest(path)
            groups.setdefault((holder, path.steps[depth][0], depth), []).append((path, vr, raw))
        for (holder, tag, depth), members in groups.items():
            sequence = self.draft.position(tag, holder)
            encoding = self.data_set.encoding_in(holder if sequence is None else sequence)
            contents = _items(members, depth, encoding)
            if sequence is None:
                value = b"".join(encode.item(content, encoding) for content in contents)
                insertions.append(Insertion(holder, tag, "SQ", value))
            else:
                items.extend(AppendedItem(sequence, content) for content in contents)
        return insertions, items

    def _deepest(self, path: AttributePath) -> tuple[int, int]:
        holder = ROOT
        for depth in range(len(path.steps)):
            found = self.draft.container(AttributePath(path.steps[: depth + 1], 0))
            if found is None:
                return depth, holder
            holder = found
        return len(path.steps), holder


def _items(members: Iterable[tuple[AttributePath, str, bytes]], depth: int, encoding: Encoding) -> list[bytes]:
    """Give the contents of new items, in order; sequences inside them are made the same way."""
    by_item: dict[int, list[tuple[AttributePath, str, bytes]]] = {}
    for member in members:
        by_item.setdefault(member[0].steps[depth][1], []).append(member)
    contents = []
    for _number, attributes in sorted(by_item.items()):
        parts: dict[int, bytes] = {}
        deeper: dict[int, list[tuple[AttributePath, str, bytes]]] = {}
        for path, vr, raw in attributes:
            if len(path.steps) == depth + 1:
                parts[path.tag] = encode.element(path.tag, vr, raw, encoding)
            else:
                deeper.setdefault(path.steps[depth + 1][0], []).append((path, vr, raw))
        for tag, inner in deeper.items():
            parts[tag] = encode.sequence(tag, _items(inner, depth + 1, encoding), encoding)
        contents.append(b"".join(parts[tag] for tag in sorted(parts)))
    return contents
