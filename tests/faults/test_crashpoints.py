"""Killed, or failed by the disk, at chosen steps of one object's path, the program loses nothing (short form)."""

import platform
from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.crashpoints import HOWS, How

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the tracer writes the registers of an x86-64"),
]


@pytest.mark.parametrize("how", HOWS)
def test_no_step_of_the_path_loses_anything(there: Path, how: How) -> None:
    """M-04: EIO and ENOSPC in the place of each call, beside kills."""
    for figure in figures.points(there, ["receipt"], [how], everything=False):
        figure.require()


def test_no_step_of_a_start_loses_anything(there: Path) -> None:
    for figure in figures.points(there, ["start"], ["kill"], everything=False):
        figure.require()
