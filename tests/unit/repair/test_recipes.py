"""A fixed sample of the files `python -m benchmarks repair` judges whole: every recipe, languages and code pages mixed.

The bars say what holds today on this sample; the benchmark's own bars are higher, and these follow them up.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from benchmarks import repair
from benchmarks._recipes import cases
from benchmarks._spoilt_files import BOOKS, book_named, make
from tolmach.repair.profile import Profile
from tolmach.text.language import model, symbol_of

ROOT = Path(__file__).resolve().parents[3]
WORD = re.compile(r"[^\s=]+")
EVERY = 20
PRECISION, RECALL, LONE_RIGHT = 0.997, 0.92, 0.94


@pytest.fixture(scope="module", params=BOOKS)
def report(request: pytest.FixtureRequest) -> repair.Report:
    return repair.run(EVERY, book=request.param)


def test_what_is_changed_is_changed_to_the_truth(report: repair.Report) -> None:
    assert report.total.counts["right"] > 400
    assert report.total.precision >= PRECISION


def test_what_can_be_repaired_is_repaired(report: repair.Report) -> None:
    assert report.total.recall >= RECALL


def test_a_lone_surname_is_read_or_left(report: repair.Report) -> None:
    assert report.lone.counts["wrong"] == 0
    assert report.lone.recall >= LONE_RIGHT


def test_files_of_other_scripts_come_out_byte_for_byte(report: repair.Report) -> None:
    traps = [name for name in report.rows if name.startswith("trap")]
    assert len(traps) >= 4
    assert report.traps_changed == []


def test_lost_letters_are_always_reported(report: repair.Report) -> None:
    assert report.total.counts["lost"] >= 3
    assert report.total.counts["lost silently"] == 0


def test_a_second_repair_changes_nothing(report: repair.Report) -> None:
    assert report.changed_twice == []


def test_the_judge_sees_a_wrong_repair() -> None:
    misled = repair.run(EVERY * 3, Profile(code_page="koi8-r"))

    assert misled.total.precision < 0.5
    assert misled.traps_changed


def test_the_judge_sees_what_is_left() -> None:
    idle = repair.run(EVERY * 3, Profile(text=repair.AS_IT_IS, code_strings="leave"))

    lengths = idle.rows["length in letters, not bytes"].counts  # not text: they are set right in any case
    assert idle.total.counts["right"] == idle.total.counts["repaired"] == lengths["right"]
    assert idle.total.counts["needed"] > 10 * lengths["needed"] > 0
    assert idle.traps_changed == []


@pytest.mark.parametrize("book", BOOKS)
def test_the_files_are_always_the_same(book: str) -> None:
    first, second = (hashlib.sha256(b"".join(map(make, cases(EVERY * 5, book)))).digest() for _ in range(2))

    assert first == second
    assert len(list(cases(book=book))) >= 3000


def names_in(book: str) -> set[str]:
    """Give every surname, given name and patronymic of a list, and each word of its names of other scripts."""
    lists = book_named(book)
    ours = {
        word.lower()
        for part in ("surnames", "given", "patronymics")
        for text in lists[part].values()
        for word in text.split()
    }
    return ours | {
        word.lower() for trap in lists["traps"].values() for word in WORD.findall(trap["names"]) if "^" in word
    }


def test_fresh_names_stand_in_no_other_list() -> None:
    """Neither in what the language model was built from, nor in what it was tested with, nor in the older list."""
    folders = (ROOT / "scripts" / "words", ROOT / "tests" / "data" / "text")
    built = {
        word.lower() for folder in folders for path in folder.glob("*.txt") for word in path.read_text("utf-8").split()
    }
    listed, symbols = model().words["cyrillic"], symbol_of("cyrillic")
    fresh = names_in("repair_names_fresh")
    assert len(fresh) > 1000
    assert not fresh & (built | names_in("repair_names"))
    coded = [bytes(symbols[letter] for letter in name) for name in fresh if all(letter in symbols for letter in name)]
    assert len(coded) > 900
    assert not listed.intersection(coded)
