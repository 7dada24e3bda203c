"""Hostile sockets neither lock out honest callers nor stay, nor make the program grow."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.abuse import slow_sockets
from tests.faults.children import PeerChild
from tests.faults.peermodes import Mode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_whole_program_under_abuse(there: Path) -> None:
    for figure in figures.hostile(there):
        figure.require()


class Weak(PeerChild):
    """A server that lets every caller sit for ever."""

    def memory_bytes(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def weak(tmp_path: Path) -> Iterator[Weak]:
    with closing(Weak(tmp_path, "weak")) as child:
        yield child


def test_a_server_that_keeps_hostile_sockets_is_found_out(weak: Weak) -> None:
    found = slow_sockets(weak, count=30, life_seconds=1)
    assert found.at_once == found.still_open == 30
    assert found.failed_echoes == 0
    assert any("30 hostile sockets still open" in problem for problem in found.problems)


def test_a_server_that_does_not_answer_is_found_out(weak: Weak) -> None:
    weak.become(Mode("reject"))
    found = slow_sockets(weak, count=3, life_seconds=0.5)
    assert found.failed_echoes > 0
    assert any("C-ECHO failed" in problem for problem in found.problems)
