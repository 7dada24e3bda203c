"""What rots is found, lost records are made anew, bad lines from senders lose nothing (short forms)."""

from pathlib import Path

import pytest

from tests.faults import figures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_flipped_byte_is_found_and_healed(there: Path) -> None:
    """M-04."""
    for figure in figures.rot(there):
        figure.require()


def test_records_are_made_anew_from_the_files_alone(there: Path) -> None:
    """M-05."""
    for figure in figures.rebuild(there, 300):
        figure.require()


def test_senders_on_bad_lines_lose_nothing(there: Path) -> None:
    for figure in figures.inbound(there):
        figure.require()
