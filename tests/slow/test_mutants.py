"""20,000 mutated files: no crash, no hang, and what comes out is refused by name or proved."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.builders import SYNTAXES, Spoiled, opened
from tolmach.base import TolmachError
from tolmach.dicom.wire import as_source, file_parts
from tolmach.edit.conditions import Origin
from tolmach.edit.rules import parse_rules
from tolmach.journeys.file import mend
from tolmach.repair.profile import Profile

pytestmark = pytest.mark.slow

CHUNKS, MUTANTS, LONGEST = 8, 20_000, 10.0
SMALL = 50_000
TEXTS = {
    0x00080080: ("LO", "Городская больница"),
    0x00100010: ("PN", "Щербаков^Юрий"),
    0x00104000: ("LT", "Жалобы на кашель"),
}
RULES = parse_rules(
    [
        {"do": [{"set": "InstitutionName", "value": "Лікарня"}, {"upper": "PatientName"}, {"delete": "00081140"}]},
        {"when": {"PatientID": {"missing": True}}, "do": [{"set": "00400275[0].00400009", "value": "{PatientName}"}]},
    ],
    lambda _name: {},
    "test",
)
PROFILES = (Profile(), Profile(rules=RULES))


@pytest.fixture(scope="module")
def seeds(corpus: Path) -> list[bytes]:
    """Give small real DICOM files and spoiled ones of our own."""
    found = [path.read_bytes() for path in sorted(corpus.rglob("*")) if path.is_file() and path.stat().st_size <= SMALL]
    usable = [file for file in found if file[128:132] == b"DICM" or file[:1] == b"\x08"]
    assert len(usable) > 80
    return (
        usable + [Spoiled(TEXTS, "cp1251", label, one).file() for one in SYNTAXES for label in (None, "ISO_IR 100")] * 3
    )


def mutant(file: bytes, seeds: list[bytes], chance: random.Random) -> bytes:
    """Flip bits, change lengths, cut, double and splice with another file; mostly near the beginning."""
    wrong = bytearray(file)
    if chance.random() < 0.4:
        for at in chance.choices(range(len(wrong)), k=chance.choice([1, 1, 2])):
            wrong[at] = chance.choice([wrong[at] ^ (1 << chance.randrange(8)), 0, 0xFF, 0x1B, 0xCF])
        return bytes(wrong)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        at = chance.randrange(min(len(wrong), chance.choice([300, 2000, len(wrong)])) or 1)
        kind = chance.randrange(7)
        if kind == 0:
            wrong[at : at + 1] = bytes([wrong[at] ^ (1 << chance.randrange(8))]) if wrong else b""
        elif kind == 1:
            wrong[at : at + 4] = chance.choice(
                [b"\xff\xff\xff\xff", b"\xf0\xff\xff\xff", bytes(4), chance.randbytes(4)]
            )
        elif kind == 2:
            wrong[at : at + 2] = chance.randbytes(2)
        elif kind == 3:
            del wrong[at : at + chance.randrange(1, 40)]
        elif kind == 4:
            wrong[at:at] = wrong[at : at + chance.randrange(1, 200)]
        elif kind == 5:
            other = chance.choice(seeds)
            start = chance.randrange(len(other))
            wrong[at:at] = other[start : start + chance.randrange(1, 400)]
        else:
            del wrong[chance.randrange(at, len(wrong) + 1) :]
        wrong = wrong or bytearray(b"\0")
    return bytes(wrong)


def walk(file: bytes, profile: Profile) -> str:
    """Take a file the whole way, as `fix` and `send` do; gives what became of it."""
    try:
        data_set = opened(file)
        result = mend(data_set, profile, Origin())
        size = sum(len(part) for part in file_parts(data_set, result.result))
        as_source(result.result, result.result.transfer_syntax_uid)
    except TolmachError as error:
        return error.code
    assert result.changes or size == len(file)
    assert "TLM-TXT-020" not in {problem.code for problem in result.problems}, "a repair whose proof failed"
    return result.verdict


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_mutants(seeds: list[bytes], chunk: int) -> None:
    chance = random.Random(20_261_122 + chunk)
    outcomes: Counter[str] = Counter()
    for number in range(MUTANTS // CHUNKS):
        file = mutant(chance.choice(seeds), seeds, chance)
        began = time.perf_counter()
        try:
            outcomes[walk(file, PROFILES[number % 2])] += 1
        except Exception as error:
            error.add_note(f"mutant {number} of chunk {chunk}, {len(file)} bytes")
            raise
        assert time.perf_counter() - began < LONGEST, f"mutant {number} of chunk {chunk}"
    assert sum(outcomes.values()) == MUTANTS // CHUNKS
    assert min(outcomes[kind] for kind in ("clean", "repairable", "TLM-DCM-002", "TLM-DCM-003")) > 20, outcomes
