"""Streams that are full, closed or gone, and Ctrl-C at once: never a traceback, never an error among the results."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.calling import CLEAN, PROGRAM, call, folder_of, spoiled, with_default_ctrl_c

pytestmark = pytest.mark.skipif(os.name == "nt", reason="redirections of a POSIX shell")


def redirected(redirection: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Call the program from a shell with a redirection; what it leaves open is caught."""
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", *PROGRAM, *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=CLEAN)


@pytest.mark.parametrize("arguments", [["inspect", "in"], ["inspect", "in", "--json"], ["--help"], ["--version"]])
def test_a_full_disk_behind_stdout_is_one_line(arguments: list[str]) -> None:
    ran = redirected(">/dev/full", *arguments)
    assert ran.returncode == 1
    assert [line.partition(b":")[0] for line in ran.stderr.splitlines()] == [b"TLM-CLI-019"]


@pytest.mark.parametrize("arguments", [["inspect", "in"], ["inspect", "in", "--json"], ["--help"], ["fold", "Щи"]])
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_closed_streams_are_no_error(arguments: list[str], redirection: str) -> None:
    ran = redirected(redirection, *arguments)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert bool(ran.stdout) is (">&-" not in redirection.replace("2>&-", ""))


@pytest.mark.parametrize("command", [["fold"], ["fold", "--json"], ["detect"], ["translit", "ru"]])
def test_without_stdin_there_is_nothing_to_do(command: list[str]) -> None:
    ran = redirected("<&-", *command)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


@pytest.mark.parametrize("command", [["fold"], ["detect"], ["translit", "ru"]])
def test_a_stdin_that_cannot_be_read_is_one_line(command: list[str]) -> None:
    ran = redirected("0>sink", *command)  # open, but for writing
    assert (ran.returncode, ran.stdout, ran.stderr.count(b"\n")) == (1, b"", 1)
    assert ran.stderr.startswith(b"TLM-FIL-005: stdin")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_errors_that_nobody_wants_do_not_land_among_the_results(redirection: str) -> None:
    ran = redirected(redirection, "inspect", "nothere")
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, b"", b"")


@pytest.mark.parametrize("module", ["click", "tolmach.apps.cli.terminal", "tolmach.apps.translations.catalogue"])
def test_ctrl_c_while_the_program_still_loads_is_quiet(module: str) -> None:
    hook = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", with_default_ctrl_c(hook + PROGRAM[2]), "--help"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (130, b"")


def test_names_that_are_no_text_are_fixed_in_place_and_undone(tmp_path: Path) -> None:
    path = tmp_path / "in" / os.fsdecode(b"\xcf\xf0.dcm")
    path.write_bytes(spoiled())
    called = call("fix", "in", "--in-place")
    assert (called.status, called.err) == (0, "")
    assert path.read_bytes() != spoiled()
    assert call("undo", "in").status == 0
    assert path.read_bytes() == spoiled()


def test_the_program_itself_listens_to_ctrl_c(tmp_path: Path) -> None:
    """Started by a script in the background it would not: its children are born with the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ran = subprocess.run(
            [*PROGRAM[:2], "import os, signal\n" + PROGRAM[2].replace("main()", "os.kill(os.getpid(), signal.SIGINT)")],
            capture_output=True,
            check=False,
            timeout=60,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert b"KeyboardInterrupt" in ran.stderr
