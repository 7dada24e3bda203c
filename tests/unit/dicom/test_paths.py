"""Paths: what people write, what tolmach writes, and what is no path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.dicom.faults import BadPath
from tolmach.dicom.paths import AttributePath, parse_path

STEPS = st.lists(st.tuples(st.sampled_from([0x00400275, 0x00081140, 0x00091010]), st.integers(0, 999_999)), max_size=3)


@given(STEPS, st.integers(0, 0xFFFFFFFF))
def test_what_is_written_is_read_again(steps: list[tuple[int, int]], tag: int) -> None:
    path = AttributePath(tuple(steps), tag)
    assert parse_path(str(path)) == path


@pytest.mark.parametrize(
    "text",
    [
        "PatientName",
        "(0010,0010)",
        "00100010",
        "0010,0010",
        " PatientName ",
    ],
)
def test_ways_to_name_one_attribute(text: str) -> None:
    path = parse_path(text)
    assert (str(path), path.keyword) == ("00100010", "PatientName")


def test_ways_through_sequences() -> None:
    for text in ("RequestAttributesSequence[0].ScheduledProcedureStepID", "00400275[0].00400009"):
        assert str(parse_path(text)) == "00400275[0].00400009"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("PatientNames", "PatientName"),
        ("", "not written"),
        ("Qqq", "no such keyword"),
        ("PatientName.", "no item number"),
        ("RequestAttributesSequence", None),
        ("RequestAttributesSequence[0]", "ends in an item"),
        ("RequestAttributesSequence.ScheduledProcedureStepID", "no item number"),
        ("RequestAttributesSequence[-1].ScheduledProcedureStepID", "not written"),
        ("RequestAttributesSequence[9999999].ScheduledProcedureStepID", "not written"),
        ("PatientName[0].PatientID", "not written"),
        ("(0010,001)", "not written"),
        ("0010 0010", "not written"),
        ("Пациент", "not written"),
    ],
)
def test_what_is_no_path(text: str, hint: str | None) -> None:
    if hint is None:
        assert parse_path(text).tag == 0x00400275
        return
    with pytest.raises(BadPath, match=hint):
        parse_path(text)
