"""What a name is found by."""

from __future__ import annotations

import time

import pytest

from tolmach.archive.names import fits_name, keys_of


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("Shcherbakov*", "Щербаков^Иван"),
        ("Shcherbakov*", "ЩЕРБАКОВА^АННА"),
        ("ЩЕРБАКОВ", "Scherbakow^Iwan"),
        ("Щербаков^*", "SHCHERBAKOV"),
        ("Иванов", "Іванов^Іван"),
        ("Ivanov", "Іванов^Іван"),
        ("Іванов", "Ivanov^Ivan"),
        ("Петров", "Иван^Петров"),  # the known given name tells the order
        ("Нурланов", "Ержанбек^Нурланов"),  # and where none is known, how family names end
        ("Ковальов", "Kovalov^Ivan"),
        ("Петрова-Водкина", "Petrova-Vodkina^Anna"),
        ("Водкина", "Петрова-Водкина^Анна"),
        ("ежов", "ЁЖОВ^ИВАН"),
        ("О'Коннор", "О\u2019КОННОР^ШОН"),
        ("Іваненко^Микола", "Иваненко^Николай"),
        ("Іваненко^Микола^Олександрович", "Иваненко^Николай^Александрович"),
        ("Иваненко^Н", "Іваненко^Николай"),
        ("Иваненко^Ник*", "Іваненко^Николай"),
        ("Иваненко^Мик*", "Іваненко^Микола"),
        ("Щ?рбаков", "Shcherbakov^I"),
        ("Ivanov", "ИВАНОВ^ИВАН=Ivanov^Ivan"),
        ("Иванов Иван", "Ivanov^Ivan"),
        ("Иванов, Иван", "Ivanov^Ivan"),
        ("TEST123", "test123"),
        ("123*", "1234^X"),
        ("phantom0*", "Phantom01^QC"),
        ("Phantom", "Phantom01^QC"),
        ("Иванов^Phantom01", "ИВАНОВ^PHANTOM01"),
    ],
)
def test_who_is_found(asked: str, name: str) -> None:
    assert fits_name(asked, name)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("Щербаков", "Щербакова^Анна"),
        ("Иванов", "Иваненко^Иван"),
        ("Иван", "Иванов^Иван"),
        ("Ivanov^Petr", "Иванов^Иван"),
        ("Иванов Пётр", "Ivanov^Ivan"),
        ("Иваненко^М", "Іваненко^Петро"),
        ("Щ?рбаков", "Щебаков^И"),
        ("Ivanov", ""),
        ("Ivanov", "?????"),
        ("^", "Иванов^Иван"),
        ("Водкина", "Петрова^Водолея"),
        ("Phantom01", "Phantom02^QC"),
        ("Phantom02*", "Phantom01^QC"),
        ("Phantom01", "Phantom^QC"),
        ("Иванов^Phantom02", "ИВАНОВ^PHANTOM01"),
    ],
)
def test_who_is_not_found(asked: str, name: str) -> None:
    assert not fits_name(asked, name)


def test_a_name_without_letters_has_no_keys() -> None:
    assert keys_of("?????").family == frozenset()
    assert keys_of("?????").literal == ("?????",)
    assert keys_of("").literal == ()


def test_a_long_name_with_many_wild_cards_takes_no_time() -> None:
    begun = time.perf_counter()
    assert not fits_name("*a" * 60 + "?b*", "a" * 5000)
    assert not fits_name("?*" * 100 + "щ", "аб" * 500 + "^" + "вг" * 500)
    assert time.perf_counter() - begun < 2
