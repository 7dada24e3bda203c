"""Killed again and again at random moments, the program loses nothing it has acknowledged (short form)."""

from pathlib import Path

import pytest

from tests.faults import figures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = 30


def test_random_kills_lose_nothing(there: Path) -> None:
    for figure in figures.kills(there, KILLS):
        figure.require()
