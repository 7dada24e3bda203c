"""Answers of C-FIND as data sets: the keys that were asked for, in letters the caller can read.

A character set that cannot hold an answer's letters is not used for it: nothing ever becomes a question mark.

Standard: PS3.4 section C.4.1.1.3.2 (response identifier), PS3.3 section C.12.1.1.2 (Specific Character Set).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tolmach.adapters.dimse.query_identifier import LEVEL_NAMES, Identifier
from tolmach.archive.attributes import ITEMS
from tolmach.archive.interfaces import Entity, Item, Level
from tolmach.dicom import character_sets, dictionary, encode
from tolmach.dicom.character_sets import Terms
from tolmach.dicom.faults import BadValue
from tolmach.dicom.scanner import Encoding
from tolmach.dicom.values import NUMBER_VRS
from tolmach.dicom.vrs import TEXT_VRS
from tolmach.repair.profile import TextPolicy
from tolmach.text import code_pages
from tolmach.text.substitutes import for_iso_8859_5
from tolmach.text.translit import transliterate

LATIN_1: Final = "ISO_IR 100"
_EXTENSION: Final = "ISO 2022 IR "
_ONLINE: Final = "ONLINE"

Write = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Letters:
    """One way to write text: the label, and what gives the bytes, None for what it cannot hold."""

    label: str
    write: Write


def _utf_8(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # only half characters, which are no text, are replaced


UTF_8: Final = Letters(character_sets.UTF_8, _utf_8)


def letters_for(policy: TextPolicy | None, terms: Terms | None) -> Sequence[Letters]:
    """Give the ways to write to a caller, the best first: as it is configured, else as it asks, else in UTF-8."""
    if policy is not None and policy.writing != "as-is":
        return [*_configured(policy), UTF_8]
    return [*_asked(terms), UTF_8]


def _configured(policy: TextPolicy) -> Iterator[Letters]:
    argument = policy.argument
    match policy.writing:
        case "iso_ir_144":
            yield Letters(character_sets.CYRILLIC, for_iso_8859_5)
        case "code-page" if argument != "utf-8":
            # Latin-1 is the label that such callers do not stumble over.
            yield Letters(LATIN_1, lambda text: code_pages.encode(text, argument))
        case "transliterate":
            yield Letters(LATIN_1, lambda text: character_sets.encode(transliterate(text, argument), (LATIN_1,)))
        case _:
            return


def _asked(terms: Terms | None) -> Iterator[Letters]:
    """Give the character sets of the request that a single label can name; without any, Latin-1 is for ASCII alone."""
    named = [(character_sets.respelt(term) or "").replace(_EXTENSION, "ISO_IR ") for term in terms or () if term]
    for term in dict.fromkeys(named):
        if term and character_sets.is_defined(term):
            yield _labelled(term)
    if not named:
        yield Letters(LATIN_1, lambda text: text.encode("ascii") if text.isascii() else None)


def _labelled(term: str) -> Letters:
    return Letters(term, lambda text: character_sets.encode(text, (term,)))


@dataclass(frozen=True, slots=True)
class _Column:
    """One attribute of every answer; `empty` is its element without a value."""

    tag: int
    keyword: str
    vr: str
    empty: bytes
    inner: tuple[_Column, ...] = ()


class _CannotHold(Exception):
    """The letters are not in this character set."""


class AnswerWriter:
    """Writes the answers to one question, all with the same keys."""

    def __init__(
        self,
        identifier: Identifier,
        supported: frozenset[str],
        letters: Sequence[Letters],
        own: str,
        encoding: Encoding,
    ) -> None:
        """Prepare for the keys that are asked and `supported`; `own` is our AE title, where all of it is held."""
        self._encoding, self._letters = encoding, letters
        level: Level = identifier.level
        self._fixed = {
            "QueryRetrieveLevel": LEVEL_NAMES[level],
            "RetrieveAETitle": own,
            **({"InstanceAvailability": _ONLINE} if "InstanceAvailability" in identifier.keys else {}),
        }
        wanted = supported - self._fixed.keys() - {"SpecificCharacterSet"}
        columns = [self._column(keyword, identifier.sequences.get(keyword, ())) for keyword in wanted]
        fixed = [self._column(keyword, ()) for keyword in ("SpecificCharacterSet", *self._fixed)]
        self._columns = sorted([*columns, *fixed], key=lambda column: column.tag)

    def _column(self, keyword: str, asked: Sequence[str]) -> _Column:
        tag = dictionary.tag_of(keyword)
        assert tag is not None, keyword
        vr = dictionary.vr_of(tag)
        known = ITEMS.get(keyword, ())
        chosen = [name for name in known if name in asked] or known if vr == "SQ" else ()
        inner = sorted((self._column(name, ()) for name in chosen), key=lambda column: column.tag)
        return _Column(tag, keyword, vr, encode.element(tag, vr, b"", self._encoding), tuple(inner))

    def answer(self, entity: Entity) -> bytes:
        """Give the data set of one answer, its text in the first character set that holds all of it."""
        for letters in self._letters[:-1]:
            try:
                return self._written(entity, letters)
            except _CannotHold:
                continue
        return self._written(entity, self._letters[-1])

    def _written(self, entity: Entity, letters: Letters) -> bytes:
        fixed = {**self._fixed, "SpecificCharacterSet": letters.label}
        values = entity.values
        parts = []
        for column in self._columns:
            known = fixed.get(column.keyword)
            found = values.get(column.keyword, ()) if known is None else (known,)
            parts.append(self._element(column, found, letters.write) if found else column.empty)
        return b"".join(parts)

    def _element(self, column: _Column, values: Sequence[str | Item], write: Write) -> bytes:
        if column.inner:
            items = [self._item(column, item, write) for item in values if not isinstance(item, str)]
            return encode.sequence(column.tag, items, self._encoding)
        text = "\\".join(value for value in values if isinstance(value, str))
        raw = self._raw(column, text, write)
        try:
            return encode.element(column.tag, column.vr, raw, self._encoding)
        except BadValue:  # longer than the element can be: no name is
            return column.empty

    def _item(self, column: _Column, item: Item, write: Write) -> bytes:
        return b"".join(
            self._element(inner, item[inner.keyword], write) if item.get(inner.keyword) else inner.empty
            for inner in column.inner
        )

    def _raw(self, column: _Column, text: str, write: Write) -> bytes:
        if column.vr in TEXT_VRS:
            raw = write(text)
            if raw is None:
                raise _CannotHold
            return raw
        if column.vr in NUMBER_VRS:
            try:
                return encode.binary(column.vr, text, self._encoding)
            except BadValue:
                return b""
        return text.encode("ascii") if text.isascii() else b""
