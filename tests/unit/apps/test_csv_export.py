"""Rows for spreadsheets: no formulas, right letters. Standard: OWASP ASVS 1.2.10; reliability row H-07."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.apps.csv_export import safe_cell, write_csv


@pytest.mark.parametrize("text", ["=1+1", "+7", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_what_begins_like_a_formula_is_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert not safe_cell(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_the_file_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    rows = [{"name": 'Щербаков; "Юрий"\nвторая', "id": 7}, {"name": None, "id": "=1"}]
    write_csv(tmp_path / "h.csv", ["id", "name"], rows)
    raw = (tmp_path / "h.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    with (tmp_path / "h.csv").open(encoding="utf-8-sig", newline="") as text:
        assert list(csv.reader(text)) == [["id", "name"], ["7", 'Щербаков; "Юрий"\nвторая'], ["'=1", ""]]
