"""docs/reliability-rows.md keeps to the truth: each row has tests, each test named there exists and names its row."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, Function

PAGE = "docs/reliability-rows.md"
# The rows of the list of faults; and those that concern the entrances of the archive, which the page must have.
ALL = {"F": 24, "W": 8, "N": 12, "H": 10, "L": 7, "M": 9}
WANTED = (
    *(f"F-{number:02}" for number in range(5, 25)),
    *(f"N-{number:02}" for number in range(7, 10)),
    *(f"H-{number:02}" for number in range(1, 11)),
    *(f"M-{number:02}" for number in range(3, 10)),
)
_ROW = re.compile(r"\b([FWNHLM])-([0-9]{2})\b")
_HEADING, _FILE, _TEST = (
    re.compile(r"## ([A-Z]-[0-9]{2}): "),
    re.compile(r"\* `(tests/[^`]+\.py)`"),
    re.compile(r"  \* `(\w+)`"),
)
_IN_NAME = re.compile(r"test_([fwnhlm])([0-9]{2})_")


def listed(root: Path = ROOT) -> Mapping[str, set[tuple[str, str]]]:
    """Give the tests of each row as the page lists them: file and name."""
    found: dict[str, set[tuple[str, str]]] = {}
    row = file = ""
    for line in (root / PAGE).read_text("utf-8").splitlines():
        if match := _HEADING.match(line):
            row = match[1]
            found[row] = set()
        elif match := _FILE.match(line):
            file = match[1]
        elif match := _TEST.match(line):
            found[row].add((file, match[1]))
    return found


@cache
def _functions(file: Path) -> Mapping[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    if not file.is_file():
        return {}
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, Function)}


def rows_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Give the rows a test names: in its docstring, or at the beginning of its name."""
    rows = {f"{letter}-{number}" for letter, number in _ROW.findall(ast.get_docstring(node) or "")}
    match = _IN_NAME.match(node.name)
    return rows | ({f"{match[1].upper()}-{match[2]}"} if match else set())


def untrue(root: Path = ROOT) -> Iterator[str]:
    """Give what the page says and is not so."""
    rows = listed(root)
    for row in WANTED:
        if not rows.get(row):
            yield f"{row} has no test"
    for row, tests in rows.items():
        for file, name in sorted(tests):
            node = _functions(root / file).get(name)
            if node is None or not name.startswith("test_") or not Path(file).name.startswith("test_"):
                yield f"{row}: {file} has no test {name}"
            elif row not in rows_of(node):
                yield f"{row}: {file}::{name} does not name it"
            elif any(
                "mark.skip" in ast.unparse(one) and "skipif" not in ast.unparse(one) for one in node.decorator_list
            ):
                yield f"{row}: {file}::{name} is skipped"


def test_every_row_has_tests_that_are_there_and_name_it() -> None:
    assert not list(untrue())


def test_no_test_names_a_row_that_is_none() -> None:
    strange = []
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, node in _functions(file).items():
            if name.startswith("test_"):
                strange += [
                    f"{file.name}::{name}: {row}" for row in rows_of(node) if int(row[2:]) not in _range(row[0])
                ]
    assert not strange


def _range(letter: str) -> range:
    return range(1, ALL[letter] + 1)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda text: text.replace("## N-08: ", "## N-98: "), "N-08 has no test"),
        (
            lambda text: re.sub(r"`test_hostile_ae_titles\w+`", "`test_that_is_not_there`", text),
            "has no test test_that",
        ),
        (lambda text: text.replace("`test_a_bomb_waits`", "`test_what_is_whole_is_given`"), "does not name it"),
    ],
    ids=["row", "test", "name"],
)
def test_a_planted_untruth_is_found(change: object, found: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    assert callable(change)
    (tmp_path / PAGE).write_text(change((ROOT / PAGE).read_text("utf-8")), "utf-8")
    (tmp_path / "tests").symlink_to(ROOT / "tests", target_is_directory=True)
    assert any(found in one for one in untrue(tmp_path))


@pytest.mark.slow
def test_pytest_collects_every_one_of_them() -> None:
    wanted = {(file, name) for tests in listed().values() for file, name in tests}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *sorted({file for file, _name in wanted})]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-2000:]
    collected = {tuple(line.split("[")[0].split("::")[:2]) for line in ended.stdout.splitlines() if "::" in line}
    assert wanted <= collected
