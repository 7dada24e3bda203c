"""Destinations that fail in twelve ways get everything once they are well; nothing is claimed before (short form)."""

from pathlib import Path

import pytest

from tests.faults import figures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

OBJECTS = 30


def test_bad_destinations_get_everything_in_the_end(there: Path) -> None:
    for figure in figures.peers(there, OBJECTS):
        figure.require()


def test_nothing_falls_between_two_lanes(there: Path) -> None:
    for figure in figures.storm(there, 60, 3):
        figure.require()
