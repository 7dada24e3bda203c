"""The door of the built program: what it runs for which words, and what it hands on to programs it starts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from tests.conftest import ROOT
from tests.packaging.starting import CHILDREN, START, start
from tolmach.adapters.dicomweb import pixel_workers
from tolmach.apps.desktop import preview, preview_child, preview_limits
from tolmach.apps.service_unit import program


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, str(START), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, env=environment, timeout=120, check=False)


def test_without_more_it_is_the_command_line() -> None:
    ran = run("--version")
    assert (ran.returncode, ran.stdout.split()[0]) == (0, b"tolmach")


def test_each_way_to_start_a_child_decodes_the_same_picture() -> None:
    file = str(get_testdata_file("CT_small.dcm"))
    about, picture = preview_child.decode(Path(file), preview_limits.MOST_PIXELS)
    most = str(preview_limits.MOST_PIXELS)
    for words in (("desktop", "--decode"), ("-P", "-m", "tolmach.apps.desktop.preview_child")):
        told, _, pixels = run(*words, file, most).stdout.partition(b"\n")
        assert (told, pixels) == (json.dumps(about).encode(), picture)


def test_every_module_that_is_started_by_name_is_among_the_children(monkeypatch: pytest.MonkeyPatch) -> None:
    started = {
        name
        for path in (ROOT / "src").rglob("*.py")
        for name in re.findall(r'-m"?,? "?(tolmach(?:\.\w+)+)', path.read_text("utf-8"))
    }
    assert started == CHILDREN
    assert pixel_workers.CHILD[2] in CHILDREN
    assert preview.child_command()[3] in CHILDREN
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert preview.child_command()[1:] == ["desktop", "--decode"]
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert program()[2] in CHILDREN


@pytest.mark.parametrize("words", [("-m",), ("-m", "http.server"), ("-P",), ("-m", "tolmach.apps.cli.serve")])
def test_no_other_module_can_be_run(words: tuple[str, ...]) -> None:
    ran = run(*words)
    assert ran.returncode == 2
    assert b"Traceback" not in ran.stderr


def test_the_window_is_what_its_program_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr("tolmach.apps.cli.main.main", lambda: calls.append(sys.argv[1:]))
    for name, words in (("tolmach.exe", ["a.dcm"]), ("tolmach-desktop.exe", ["a.dcm"]), ("Tolmach-Desktop.exe", [])):
        monkeypatch.setattr(sys, "executable", f"/p/{name}")
        monkeypatch.setattr(sys, "argv", [name, *words])
        start.main()
    monkeypatch.setattr(sys, "argv", ["tolmach-desktop.exe", "desktop", "--decode", "a.dcm", "9"])
    start.main()
    assert calls == [["a.dcm"], ["desktop", "a.dcm"], ["desktop"], ["desktop", "--decode", "a.dcm", "9"]]


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"LD_LIBRARY_PATH": "/p/_internal"}, {}),
        ({"LD_LIBRARY_PATH": "/p/_internal:/own", "LD_LIBRARY_PATH_ORIG": "/own"}, {"LD_LIBRARY_PATH": "/own"}),
        ({}, {}),
    ],
)
def test_other_programs_find_their_own_libraries(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], left: dict[str, str]
) -> None:
    for name in ("LD_LIBRARY_PATH", "LD_LIBRARY_PATH_ORIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    start._leave_the_libraries_of_others_alone()
    assert {name: value for name, value in os.environ.items() if name.startswith("LD_LIBRARY_PATH")} == left
