"""Synthetic files with known truth: real carriers, edited byte by byte, as `reliability.md` C5 tells to make them.

Every file is made in memory from a fixed seed. The carriers are images pydicom brings along; the text is invented, in
lists of their own (`BOOKS`). A value carries what it says in truth and the bytes put in; `kind` says what is asked:

    plain   it must read as its truth afterwards (whether it reads so already is found out by reading it)
    odd     as plain, but nobody is blamed for leaving it (a lone value in another code page than the rest)
    lost    letters are gone: it must stay and be flagged
"""

from __future__ import annotations

import importlib.util
import random
import tomllib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from tolmach.dicom import encode
from tolmach.dicom.data_set import SPECIFIC_CHARACTER_SET, DataSet
from tolmach.dicom.dictionary import tag_of, vr_of
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.scanner import ROOT
from tolmach.dicom.source import MemorySource
from tolmach.dicom.splice import Edits, Insertion, reread, splice
from tolmach.dicom.vrs import TEXT_VRS, VRS
from tolmach.dicom.wire import file_parts

Book = Mapping[str, Any]  # the names and phrases of one list, as the TOML file has them
BOOKS = ("repair_names", "repair_names_fresh")
SHORT_CARRIER = "60 elements"
CARRIERS = ("CT_small", "MR_small", "MR_small_implicit", "MR_small_bigendian", "SC_rgb_small_odd", SHORT_CARRIER)
EXPLICIT_CARRIERS = ("CT_small", "MR_small", "MR_small_bigendian")
SEQUENCES = ("RequestAttributesSequence", "ReferringPhysicianIdentificationSequence")
PRIVATE, PRIVATE_CREATOR = 0x43211001, 0x43210010

# Python's code pages and the languages whose letters each may be asked to hold.
PAGES: Mapping[str, Sequence[str]] = {
    "cp1251": ("ru", "uk", "be", "bg", "kk"),
    "cp866": ("ru", "bg"),
    "cp1125": ("uk", "ru"),
    "koi8_r": ("ru", "bg"),
    "koi8_u": ("uk", "ru"),
    "iso8859_5": ("ru", "uk", "be", "bg"),
    "mac_cyrillic": ("ru", "uk", "be", "bg"),
    "kz1048": ("kk", "ru"),
    "utf_8": ("ru", "uk", "be", "kk", "bg"),
}
LABELS: Mapping[str, str | None] = {
    "absent": None,
    "IR 100": "ISO_IR 100",
    "IR 6": "ISO_IR 6",
    "2022 IR 6\\IS": "ISO 2022 IR 6\\IS",
    "IR 144": "ISO_IR 144",
    "IR 192": "ISO_IR 192",
    "WIN-1251": "WINDOWS-1251",
    "ISO IR 192": "ISO IR 192",
}
FIELDS: Mapping[str, str] = {
    "ReferringPhysicianName": "person",
    "PerformingPhysicianName": "person",
    "OperatorsName": "person",
    "InstitutionName": "institutions",
    "InstitutionalDepartmentName": "departments",
    "StudyDescription": "studies",
    "SeriesDescription": "studies",
    "ProtocolName": "studies",
    "PatientAddress": "addresses",
    "PatientComments": "comments",
    "ImageComments": "comments",
    "StationName": "station",
    "AdditionalPatientHistory": "comments",
    "MilitaryRank": "symbol",
    "RequestAttributesSequence/RequestedProcedureDescription": "studies",
    "RequestAttributesSequence/ScheduledProcedureStepDescription": "studies",
    "ReferringPhysicianIdentificationSequence/InstitutionName": "institutions",
}

Encoder = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Value:
    """One text put into a file: where (an item of a sequence is written `Sequence/Keyword`), the truth, the bytes."""

    place: str
    truth: str
    raw: bytes
    kind: str = "plain"


@dataclass(frozen=True, slots=True)
class Case:
    """One file to be made. `item_label` is a Specific Character Set of the nested items' own.

    `counts` is what lengths of text are told in: bytes, letters, or letters in the lengths of sequences and items too.
    """

    recipe: str
    language: str
    label: str | None
    carrier: str
    values: tuple[Value, ...]
    page: str = ""
    item_label: str | None = None
    counts: Literal["bytes", "letters", "letters everywhere"] = "bytes"

    @property
    def is_trap(self) -> bool:
        return self.recipe.startswith("trap")

    @property
    def is_lone(self) -> bool:
        return self.recipe.startswith("lone")


@cache
def book_named(name: str) -> Book:
    """Give one list of names and phrases."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))


def encoder(codec: str) -> Encoder:
    def encoded(text: str) -> bytes | None:
        try:
            return text.encode(codec)
        except UnicodeEncodeError:
            return None

    return encoded


def chained(*codecs: str) -> Encoder:
    """Encode with the first codec, read with the second, encode with the third, and so on; bytes that the reader
    leaves undefined pass as Windows passes them."""

    def encoded(text: str) -> bytes | None:
        raw = encoder(codecs[0])(text)
        for taken_for, written in zip(codecs[1::2], codecs[2::2], strict=True):
            if raw is None:
                return None
            read = "".join(bytes((byte,)).decode(taken_for, "ignore") or chr(byte) for byte in raw)
            raw = encoder(written)(read)
        return raw

    return encoded


class Writer:
    """Composes truthful text of one language that an encoder can hold."""

    def __init__(self, book: Book, dice: random.Random, language: str, encoded: Encoder) -> None:
        self.book, self.dice, self.language, self.encoded = book, dice, language, encoded
        self.shape = dice.choices(("upper", "title", "lower"), (50, 46, 4))[0]

    def text(self, what: str) -> str:
        """Give one text that can be encoded: another one where a letter is missing."""
        for _ in range(60):
            text = self._draw(what)
            if text.isascii() and what not in ("plain", "symbol"):
                continue
            if self.encoded(text) is not None:
                return text
        return ""

    def _draw(self, what: str) -> str:
        if what in ("person", "name"):
            return self._cased(self._name(what))
        if what in ("surname", "given"):
            return self._cased(self._word("surnames" if what == "surname" else what))
        if what in ("station", "symbol", "identifier", "plain"):
            pool = {"station": "stations", "symbol": "symbols", "identifier": "identifiers", "plain": "plain"}[what]
            return str(self.dice.choice(self.book["several"][pool]))
        text = str(self.dice.choice(self.book[what][self.language].strip().splitlines()))
        return text.upper() if self.shape == "upper" and self.dice.random() < 0.6 else text

    def _word(self, what: str) -> str:
        return str(self.dice.choice(self.book[what][self.language].split()))

    def _name(self, what: str) -> str:
        family, given, middle = self._word("surnames"), self._word("given"), self._word("patronymics")
        if self.dice.random() < 0.03:
            family += "-" + self._word("surnames")
        shapes = (f"{family}^{given}^{middle}", f"{family}^{given}", f"{family} {given} {middle}")
        short = (f"{family}^{given[0]}^{middle[0]}", f"{family} {given[0]}.{middle[0]}.", f"{family}^{given[0]}.")
        if what == "name":
            return self.dice.choices((*shapes, *short), (8, 6, 2, 2, 1, 1))[0]
        return self.dice.choice((*shapes[1:], *short, f"^^^д-р^{family}" if self.language == "ru" else shapes[0]))

    def _cased(self, text: str) -> str:
        return {"upper": text.upper(), "title": text, "lower": text.lower()}[self.shape]


def values_of(dice: random.Random, writer: Writer, encoded: Encoder, fewest: int = 0, most: int = 6) -> list[Value]:
    """Give the name and some other values, all written by the same encoder."""
    chosen = dice.sample(sorted(FIELDS), dice.randint(fewest, most))
    wanted = [("PatientName", "name"), *((place, FIELDS[place]) for place in chosen)]
    if dice.random() < 0.05:
        wanted.append(("PatientID", "identifier"))
    if dice.random() < 0.2:
        wanted.append(("AccessionNumber", "plain"))
    if dice.random() < 0.05:
        wanted.append(("private", "studies"))
    made = [Value(place, text, encoded(text) or b"") for place, what in wanted if (text := writer.text(what))]
    return made or [Value("PatientName", "", b"")]


def carrier_for(dice: random.Random, values: Sequence[Value]) -> str:
    explicit = any(value.place == "private" for value in values)
    return dice.choice(EXPLICIT_CARRIERS if explicit else CARRIERS)


@cache
def carrier(name: str) -> DataSet:
    """Give one bundled image; `SHORT_CARRIER` is an MR image cut down to a header of 56 elements and its pixels."""
    specification = importlib.util.find_spec("pydicom")
    assert specification is not None
    assert specification.origin is not None
    folder = Path(specification.origin).parent / "data" / "test_files"
    if name != SHORT_CARRIER:
        return open_data_set(MemorySource((folder / f"{name}.dcm").read_bytes()))
    whole = carrier("MR_small")
    surplus = [
        n for n, element in enumerate(whole.elements) if element.vr in ("DS", "IS", "UI") and element.tag >> 16 > 8
    ]
    removed = Edits(removals=frozenset(surplus[: len(whole.elements) - 57]))
    return open_data_set(MemorySource(b"".join(map(bytes, file_parts(whole, reread(whole, splice(whole, removed)))))))


def make(case: Case) -> bytes:
    """Give the bytes of the file."""
    came = carrier(case.carrier)
    replacements: dict[int, bytes] = {}
    insertions: list[Insertion] = []
    nested: dict[str, dict[int, tuple[str, bytes]]] = {}
    raws: list[tuple[int, str, bytes]] = []
    for value in case.values:
        sequence, _, keyword = value.place.rpartition("/")
        if value.place == "private":
            raws += [(PRIVATE_CREATOR, "LO", b"ACME 1.0"), (PRIVATE, "LO", value.raw)]
            continue
        tag = tag_of(keyword) or 0
        if sequence:
            nested.setdefault(sequence, {})[tag] = (vr_of(tag), value.raw)
        else:
            raws.append((tag, vr_of(tag), value.raw))
    if case.label is not None:
        raws.append((SPECIFIC_CHARACTER_SET, "CS", case.label.encode()))
    for tag, vr, raw in raws:
        index = came.index.get((ROOT, tag))
        if index is None:
            insertions.append(Insertion(ROOT, tag, vr, raw))
        else:
            replacements[index] = raw
    for sequence, members in nested.items():
        if case.item_label is not None:
            members[SPECIFIC_CHARACTER_SET] = ("CS", case.item_label.encode())
        content = b"".join(encode.element(tag, vr, raw, came.encoding) for tag, (vr, raw) in sorted(members.items()))
        insertions.append(Insertion(ROOT, tag_of(sequence) or 0, "SQ", encode.item(content, came.encoding)))
    label = came.index.get((ROOT, SPECIFIC_CHARACTER_SET))
    removals = frozenset({label}) if case.label is None and label is not None else frozenset()
    edits = Edits(replacements, removals, insertions)
    made = b"".join(map(bytes, file_parts(came, reread(came, splice(came, edits)))))
    return made if case.counts == "bytes" else letters_counted(made, everywhere=case.counts == "letters everywhere")


def letters_counted(file: bytes, *, everywhere: bool) -> bytes:
    """Give a file of UTF-8 in which the lengths of text say how many letters it has, made even as they must be."""
    data_set, spoilt = open_data_set(MemorySource(file)), bytearray(file)
    lengths = {index: one.length for index, one in enumerate(data_set.elements)}
    for index, element in enumerate(data_set.elements):
        raw = data_set.raw(element)
        if element.vr in TEXT_VRS and not raw.isascii():
            letters = len(raw.decode())
            lost = element.length - letters - letters % 2
            lengths[index] -= lost
            container = element.parent
            while everywhere and container != ROOT:
                lengths[container] -= lost
                container = data_set.elements[container].parent
    for index, element in enumerate(data_set.elements):
        encoding = data_set.encoding_in(element.parent)
        if lengths[index] != element.length and not element.undefined:
            width = 2 if encoding.explicit and element.vr and not VRS[element.vr].long else 4
            order: Literal["big", "little"] = "big" if encoding.big else "little"
            spoilt[element.value - width : element.value] = lengths[index].to_bytes(width, order)
    return bytes(spoilt)


def find(data_set: DataSet, place: str) -> tuple[bytes, tuple[str, ...] | None]:
    """Give the bytes of a value and the label in force there."""
    sequence, _, keyword = place.rpartition("/")
    container = ROOT
    if sequence:
        container = data_set.index[(data_set.index[(ROOT, tag_of(sequence) or 0)], 0)]
    element = data_set.find(PRIVATE if place == "private" else tag_of(keyword) or 0, container)
    assert element is not None, place
    return bytes(data_set.raw(element)), data_set.character_set_at(container)


def dice_for(recipe: str) -> random.Random:
    return random.Random(zlib.crc32(recipe.encode()))
