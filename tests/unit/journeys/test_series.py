"""The short way through a series gives what the long way gives, whatever the next file is."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.builders import (
    EXPLICIT,
    EXPLICIT_LE,
    FORM_OF,
    IMPLICIT_LE,
    JPEG_BASELINE,
    SYNTAXES,
    Spoiled,
    even,
    opened,
    rich_file,
    written,
)
from tolmach.base import TolmachError
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource
from tolmach.dicom.wire import file_parts
from tolmach.edit.conditions import Origin
from tolmach.edit.rules import parse_rules
from tolmach.journeys.file import Mended, mend
from tolmach.journeys.series import SeriesMender
from tolmach.repair.profile import Profile

TEXTS = {0x00100010: ("PN", "Щербаков^Юрий"), 0x00080080: ("LO", "Городская больница"), 0x00200010: ("SH", "17")}
UPPER = parse_rules([{"do": [{"upper": "PatientName"}]}], lambda _name: {}, "test")


def inflate(blocks: object) -> MemorySource:
    return MemorySource(b"".join(blocks))  # type: ignore[call-overload]


def outcome(result: Mended) -> tuple[object, ...]:
    problems = [str(problem) for problem in result.problems]
    return written(result), result.verdict, result.changes, problems, result.result.sop_instance_uid


def long_way(file: bytes, profile: Profile) -> tuple[object, ...] | str:
    try:
        return outcome(mend(opened(file), profile, Origin()))
    except TolmachError as error:
        return str(error)


def short_way(mender: SeriesMender, file: bytes) -> tuple[object, ...] | str:
    try:
        return outcome(mender.mend(MemorySource(file), Origin())[1])
    except TolmachError as error:
        return str(error)


def bases() -> list[bytes]:
    made = [rich_file(syntax, undefined=undefined) for syntax in (*SYNTAXES, JPEG_BASELINE) for undefined in (0, 1)]
    for syntax in SYNTAXES:
        for label in (None, "ISO_IR 100", "ISO_IR 192"):
            pixels = (0x7FE00010, "OW", bytes(300))
            group = FORM_OF[syntax].element(0x00200000, "UL", b"\x0a\0\0\0")
            made.append(Spoiled(TEXTS, "cp1251", label, syntax, raw=(pixels, (0x00200000, "raw", group))).file())
    return made


@pytest.mark.parametrize("profile", [Profile(), Profile(rules=UPPER)], ids=["plain", "rules"])
@pytest.mark.parametrize("number", range(len(bases())))
def test_the_next_file_of_a_series(number: int, profile: Profile) -> None:
    """The same shape, another text, another size, a bit flipped anywhere: the long way is the judge each time."""
    base, chance = bases()[number], random.Random(number)
    mender = SeriesMender(profile, inflate)
    files = [base, base, base]
    for _ in range(120):
        wrong = bytearray(chance.choice([base, files[-1]]))
        for _flip in range(chance.choice([1, 1, 3])):
            at = chance.randrange(132, len(wrong))
            wrong[at] = chance.choice([wrong[at] ^ (1 << chance.randrange(8)), 0x41, 0xC0, 0x1B, 0])
        files += [bytes(wrong), base]
    for file in files:
        assert short_way(mender, file) == long_way(file, profile)


@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE])
def test_a_series_of_one_patient(syntax: str) -> None:
    """Other UIDs, numbers and pixels under the same text; then another patient, and the first again."""
    form, mender, chance = FORM_OF[syntax], SeriesMender(Profile(), inflate), random.Random(7)
    for number in range(40):
        texts = TEXTS if number % 10 else {**TEXTS, 0x00100010: ("PN", "Воробьев^Олег")}
        raw = (
            (0x0020000E, "UI", even(f"1.2.3.{number}".encode(), b"\0")),
            (0x00200013, "IS", f"{number:04}".encode()),
            (0x00200011, "raw", form.element(0x00200011, "IS", b"1 ")),
            (0x7FE00010, "OW", chance.randbytes(400)),
        )
        file = Spoiled(texts, "cp1251", None, syntax, raw=raw).file()
        data_set, result = mender.mend(MemorySource(file), Origin())
        assert outcome(result) == long_way(file, Profile())
        assert b"".join(bytes(part) for part in file_parts(data_set, result.result)) == written(result)


def test_a_group_length_is_that_of_its_own_file() -> None:
    """Two files of one shape and text whose group lengths differ: each keeps its own, grown by as much."""
    mender = SeriesMender(Profile(), inflate)
    for length in (b"\x10\0\0\0", b"\x99\0\0\0", b"\x10\0\0\0"):
        group = EXPLICIT.element(0x00100000, "UL", length)
        file = Spoiled(TEXTS, "cp1251", "ISO_IR 100", raw=((0x00100000, "raw", group), (0x7FE00010, "OW", bytes(200))))
        for _ in range(3):
            assert short_way(mender, file.file()) == long_way(file.file(), Profile())


def test_rules_are_never_remembered() -> None:
    rules = parse_rules([{"do": [{"set": "StudyID", "value": "{InstanceNumber}"}]}], lambda _name: {}, "test")
    mender = SeriesMender(replace(Profile(), rules=rules), inflate)
    seen = set()
    for number in range(4):
        raw = ((0x00200013, "IS", f"{number} ".encode()), (0x7FE00010, "OW", bytes(200)))
        _data_set, result = mender.mend(MemorySource(Spoiled(TEXTS, "cp1251", None, raw=raw).file()), Origin())
        seen.add(written(result))
    assert len(seen) == 4
    assert open_data_set(MemorySource(seen.pop())).elements
