"""Letters of one alphabet in words of the other: seen, mended the right way, and never where they belong."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.text.lookalikes import has_lookalikes, mend_lookalikes, switch_layout

LATIN_TWINS = "ABCEHKMOPTXaceopxyi"
CYRILLIC_TWINS = "АВСЕНКМОРТХасеорхуі"


def spelt(text: str) -> list[str]:
    return [unicodedata.name(letter).split()[0] for letter in text]


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("ИBAHOB", "ИВАНОВ"),
        ("ИВАHОВ^ПETP", "ИВАНОВ^ПЕТР"),
        ("Cидopoв", "Сидоров"),
        ("Kовaльчук", "Ковальчук"),
        ("Пeтpeнкo Iван", "Петренко Іван"),
        ("Ceмëнoв", "Семёнов"),
        ("SHСHERBАKOV", "SHCHERBAKOV"),
        ("Ivаnоv", "Ivanov"),
        ("IVANОV^РETR", "IVANOV^PETR"),
        ("ХAХАХА", "ХАХАХА"),
        ("CАXAP", "CAXAP"),
        ("АB12345", "AB12345"),
        ("12А345B", "12A345B"),
    ],
)
def test_the_odd_letters_join_their_word(text: str, mended: str) -> None:
    assert has_lookalikes(text)
    assert mend_lookalikes(text) == mended
    assert not has_lookalikes(mended)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Иванов",
        "IVANOV",
        "Ivanov=Иванов",
        "КТ Siemens",
        "CT головы",
        "CAXAPOBA",
        "КТ3D",
        "МРТ 1.5T",
        "Щукин2A",
        "АВ-AB",
        "Müller Иванов",
        "山田 Иванов",
        "12345",
        "Απόστολος",
    ],
)
def test_words_of_one_alphabet_are_left_alone(text: str) -> None:
    assert not has_lookalikes(text)
    assert mend_lookalikes(text) == text


def test_a_word_truly_of_both_alphabets_is_seen_but_not_changed() -> None:
    assert has_lookalikes("Ivanовский")
    assert mend_lookalikes("Ivanовский") == "Ivanовский"


def test_every_twin_both_ways() -> None:
    assert mend_lookalikes("Ж" + LATIN_TWINS) == "Ж" + CYRILLIC_TWINS
    assert mend_lookalikes("Z" + CYRILLIC_TWINS) == "Z" + LATIN_TWINS
    assert spelt(mend_lookalikes("АB")) == ["CYRILLIC", "CYRILLIC"]


@given(st.text(alphabet=LATIN_TWINS + CYRILLIC_TWINS + "ЖщSz1 ^-", max_size=20))
def test_mending_keeps_length_and_repeats_without_change(text: str) -> None:
    mended = mend_lookalikes(text)
    assert len(mended) == len(text)
    assert mend_lookalikes(mended) == mended
    if not has_lookalikes(text):
        assert mended == text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ФИ1234", "AB1234"),
        ("фи1234", "ab1234"),
        ("СЕ-2024.15", "CT-2024/15"),
        ("ЗФЕ№7", "PAT#7"),
        ("ІВЯ", "SDZ"),
        ("Ґїє", "|]'"),
    ],
)
def test_cyrillic_keys_become_the_latin_ones(typed: str, meant: str) -> None:
    assert switch_layout(typed) == meant


def test_latin_keys_become_the_cyrillic_ones() -> None:
    assert switch_layout("Bdfyjd") == "Иванов"
    assert switch_layout("Itdxtyrj", layout="uk") == "Шевченко"
    assert switch_layout("Sdfyjd", layout="uk") == "Іванов"
    assert switch_layout("1234") == "1234"


@pytest.mark.parametrize("layout", ["ru", "uk"])
@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_()+", min_size=1, max_size=16))
def test_an_identifier_typed_under_any_layout_comes_back(layout: str, identifier: str) -> None:
    typed = switch_layout(identifier, layout="ru" if layout == "ru" else "uk")
    if typed != identifier:
        assert switch_layout(typed) == identifier
