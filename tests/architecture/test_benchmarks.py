"""`python -m benchmarks` runs what it is asked to run, and says by its exit status whether a bar was missed."""

import sys
from types import ModuleType

import pytest

from benchmarks import __main__ as runner


@pytest.mark.parametrize(("outcome", "status"), [(None, 0), (0, 0), (1, 1)])
def test_a_missed_bar_is_told(
    outcome: int | None, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = ModuleType("benchmarks.planted", "Something measured.\n\nMore.")
    planted.main = lambda: outcome  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "benchmarks.planted", planted)
    monkeypatch.setattr(runner, "names", lambda: ["planted"])
    assert runner.main([]) == status
    said = capsys.readouterr()
    assert said.out == "== planted: Something measured.\n"
    assert said.err == ("below their bar: planted\n" if status else "")


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["nothing-like-this"]) == 2
    assert "nothing-like-this" in capsys.readouterr().err
