"""Who may be the same person, and what many say of one thing."""

from __future__ import annotations

import pytest

from tolmach.archive.agreement import agreed
from tolmach.archive.identity import Person, most_alike, resemblance

IVAN = Person("Іваненко^Іван^Петрович", "19500607")


@pytest.mark.parametrize(
    ("name", "birth"),
    [
        ("ИВАНЕНКО^ИВАН^ПЕТРОВИЧ", "19500607"),
        ("Ivanenko^Ivan", "19500607"),
        ("Іваненко^І^П", ""),
        ("Ивaненко^Иван^Петрович", ""),  # a Latin letter among the others
        ("Івененко^Іван^Петрович", "19500607"),  # one letter wrong
        ("?????", "19500607"),
        ("", ""),
        ("Іваненко^Іван^Петрович", "19000101"),  # what devices write when nobody was asked
    ],
)
def test_may_be_the_same(name: str, birth: str) -> None:
    assert resemblance(IVAN, Person(name, birth)) is not None


@pytest.mark.parametrize(
    ("name", "birth"),
    [
        ("Іваненко^Петро^Петрович", "19500607"),
        ("Іваненко^Іван^Олексійович", "19500607"),
        ("Петренко^Іван^Петрович", ""),
        ("Іваненко^Іван^Петрович", "19500608"),
        ("?????", "19500608"),
    ],
)
def test_is_somebody_else(name: str, birth: str) -> None:
    assert resemblance(IVAN, Person(name, birth)) is None


def test_of_several_the_most_alike_is_taken() -> None:
    known = [Person("", ""), Person("Ivanenko^Ivan", ""), IVAN]
    assert most_alike(IVAN, known) == 2
    assert most_alike(Person("?????", ""), known) == 0
    assert most_alike(Person("Щербаков^Пётр", ""), known[1:]) is None
    assert most_alike(IVAN, []) is None


def test_what_most_say_counts_and_the_order_does_not() -> None:
    parts = [(2, {"A": ("x",), "B": ("1",)}), (3, {"A": ("y",)}), (2, {"A": ("x",), "C": ("z",)})]
    assert agreed(parts) == {"A": ("x",), "B": ("1",), "C": ("z",)}
    assert agreed(parts[::-1]) == agreed(parts)
    assert agreed([(1, {"A": ("b",)}), (1, {"A": ("a",)})]) == {"A": ("a",)}
    assert agreed([]) == {}


def test_a_name_with_letters_counts_more_than_many_without() -> None:
    parts = [(90, {"PatientName": ("?????",)}), (1, {"PatientName": ("Іваненко",)})]
    assert agreed(parts) == {"PatientName": ("Іваненко",)}
    assert agreed(parts[:1]) == {"PatientName": ("?????",)}
