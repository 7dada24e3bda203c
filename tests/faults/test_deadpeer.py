"""A dead destination harms nobody else; a long queue and a long outage are survived (short forms)."""

from pathlib import Path

import pytest

from tests.faults import figures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_live_destination_is_not_slowed_by_a_dead_one(there: Path) -> None:
    for figure in figures.share(there, 400, rounds=9):  # of which a quiet machine needs one
        figure.require()


def test_a_restart_with_a_long_queue_is_quick(there: Path) -> None:
    for figure in figures.restart(there, 2000, 2):
        figure.require()


def test_two_weeks_without_a_destination_are_survived(there: Path) -> None:
    for figure in figures.two_weeks(there, (1, 4, 9, 14)):
        figure.require()
