"""Shapes of identifiers, and days that cannot be."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.journeys import plausibility
from tolmach.journeys.plausibility import date_oddities, shape_of
from tolmach.journeys.tallies import LONGEST, Tally, clipped

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("123456789", [("digits", 9)]),
        ("AB-12", [("latin", 2), ("-", 1), ("digits", 2)]),
        ("АБ12", [("cyrillic", 2), ("digits", 2)]),
        ("Өé", [("cyrillic", 1), ("letters", 1)]),
        ("", []),
        ("a1b2c3d4e5", [("mixed", 10)]),
        ("1.2.826.0.1", [("mixed", 11)]),
    ],
)
def test_the_shape_of_an_identifier(text: str, shape: list[tuple[str, int]]) -> None:
    assert list(shape_of(text)) == shape


@given(st.text(max_size=200))
def test_a_shape_counts_every_sign_and_stays_short(text: str) -> None:
    shape = shape_of(text)
    assert sum(count for _kind, count in shape) == len(text)
    assert len(shape) <= 7


@pytest.mark.parametrize(
    ("dates", "odd"),
    [
        ({"StudyDate": "20261122", "PatientBirthDate": "19800505"}, []),
        ({"StudyDate": "20261123"}, []),  # it is tomorrow already somewhere
        ({"StudyDate": "20271122"}, [("StudyDate", plausibility.FUTURE)]),
        ({"StudyDate": "20260230"}, [("StudyDate", plausibility.NO_DATE)]),
        ({"StudyDate": "2026"}, [("StudyDate", plausibility.NO_DATE)]),
        ({"StudyDate": "00000000"}, [("StudyDate", plausibility.NO_DATE)]),
        ({"SeriesDate": "19800101"}, [("SeriesDate", plausibility.CLOCK_RESET)]),
        ({"StudyDate": "19550303"}, [("StudyDate", plausibility.TOO_OLD)]),
        ({"PatientBirthDate": "18991231"}, [("PatientBirthDate", plausibility.TOO_LONG_AGO)]),
        ({"PatientBirthDate": "20000101"}, []),
        (
            {"StudyDate": "20200101", "PatientBirthDate": "20210101"},
            [("PatientBirthDate", plausibility.BORN_LATER)],
        ),
        ({"PatientBirthDate": "20300101"}, [("PatientBirthDate", plausibility.FUTURE)]),
        ({"StudyDate": ""}, []),
    ],
)
def test_days_that_cannot_be(dates: dict[str, str], odd: list[tuple[str, str]]) -> None:
    assert list(date_oddities(dates, TODAY)) == odd


@given(st.dictionaries(st.sampled_from(plausibility.DATES), st.text(max_size=12)))
def test_any_text_may_stand_in_a_date(dates: dict[str, str]) -> None:
    assert all(keyword in dates for keyword, _odd in date_oddities(dates, TODAY))


@given(st.lists(st.integers(0, 30)), st.integers(1, 5))
def test_a_tally_forgets_no_count_and_keeps_few_values(values: list[int], most: int) -> None:
    tally = Tally[int](most)
    for value in values:
        tally.add(value)
    assert tally.total == len(values)
    assert len(tally.counts) <= most
    assert bool(tally) == bool(values)


def test_long_text_is_cut_with_its_length() -> None:
    assert clipped("Ж" * LONGEST) == "Ж" * LONGEST
    assert clipped("Ж" * 64_000) == "Ж" * LONGEST + "… [64000]"
