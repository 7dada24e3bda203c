"""Rows for spreadsheets: no formulas, right letters. Standard: OWASP ASVS 1.2.10; reliability row H-07."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.adapters.folder import FileProblem
from tolmach.apps.csv_export import safe_cell, write_csv


@pytest.mark.parametrize("text", ["=1+1", "+7", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_what_begins_like_a_formula_is_text(text: str) -> None:
    """H-07."""
    assert safe_cell(text) == f"'{text}"


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str) -> None:
    """H-07: whatever the text."""
    assert not safe_cell(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_the_file_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """H-07: separators, quotes, line ends, Cyrillic behind its byte order mark."""
    rows = [{"name": 'Щербаков; "Юрий"\nвторая', "id": 7}, {"name": None, "id": "=1"}]
    write_csv(tmp_path / "h.csv", ["id", "name"], rows)
    raw = (tmp_path / "h.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    with (tmp_path / "h.csv").open(encoding="utf-8-sig", newline="") as text:
        assert list(csv.reader(text)) == [["id", "name"], ["7", 'Щербаков; "Юрий"\nвторая'], ["'=1", ""]]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permissions of this kind")
def test_nobody_else_may_read_it_from_its_first_byte_on(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, object]]:
        modes.extend(file.stat().st_mode & 0o777 for file in out.iterdir())
        yield {"id": 1}

    modes: list[int] = []
    out = tmp_path / "out"
    out.mkdir()
    before = os.umask(0)
    try:
        (out / "h.csv").write_text("older, and open to all")
        write_csv(out / "h.csv", ["id"], rows())
    finally:
        os.umask(before)
    assert sorted(modes) == [0o600, 0o666]
    assert (out / "h.csv").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in out.iterdir()] == ["h.csv"]


def test_a_mistyped_folder_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no folder") as caught:
        write_csv(tmp_path / "reprots" / "h.csv", ["id"], [])
    assert caught.value.code == "TLM-FIL-016"
    assert not (tmp_path / "reprots").exists()
