"""The tracer strikes where it was told: seen on a program of which every call is known."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.crashpoints import How, chosen
from tests.faults.traced import Traced

VICTIM = """
import os, sys, threading
folder = sys.argv[1]

def work(name):
    for number in range(3):
        path = f"{folder}/{name}-{number}"
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
            os.write(descriptor, b"x")
            os.fsync(descriptor)
            os.close(descriptor)
            os.rename(path, path + ".done")
        except OSError as error:
            print(error.errno, flush=True)

print("ready", flush=True)
sys.stdin.readline()
threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("end", flush=True)
"""
CALLS = 2 * 3 * 4


def run(tmp_path: Path, strike: int, how: How) -> tuple[Traced, str, int]:
    """Run the victim under the tracer; gives the tracer, what the victim said, and its exit status."""
    folder = tmp_path / "data"
    folder.mkdir()
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "ready\n"
        with closing(Traced(victim.pid, folder, log=tmp_path / "tracer.log", strike=strike, how=how)) as tracer:
            said, _nothing = victim.communicate("go\n", timeout=60)
            tracer.finish()
        return tracer, said, victim.returncode
    finally:
        victim.kill()
        victim.wait()


def test_it_counts_the_calls_of_all_threads_as_one_sequence(tmp_path: Path) -> None:
    tracer, said, status = run(tmp_path, 0, "kill")
    assert (said, status) == ("end\n", 0)
    assert len(tracer.calls) == CALLS
    for name in ("a", "b"):
        own = [call for call in tracer.calls if f" {name}-1" in call]
        assert own == [f"{what} {name}-1" for what in ("openat", "write", "fsync", "rename")]


@pytest.mark.parametrize("strike", [1, 7, CALLS])
def test_a_kill_falls_before_the_call_is_made(tmp_path: Path, strike: int) -> None:
    tracer, said, status = run(tmp_path, strike, "kill")
    assert (said, status) == ("", -9)
    assert len(tracer.calls) == strike
    assert tracer.struck == tracer.calls[-1]
    made = len(list((tmp_path / "data").glob("*.done")))
    assert made == sum(call.startswith("rename") for call in tracer.calls[:-1])


@pytest.mark.parametrize(("how", "number"), [("EIO", 5), ("ENOSPC", 28)])
def test_an_error_takes_the_place_of_one_call_and_of_no_other(tmp_path: Path, how: How, number: int) -> None:
    tracer, said, status = run(tmp_path, 6, how)
    assert status == 0
    assert said == f"{number}\nend\n"
    assert tracer.struck == tracer.calls[5]
    assert len(list((tmp_path / "data").glob("*.done"))) == 5


def test_a_blow_that_never_falls_is_told(tmp_path: Path) -> None:
    tracer, said, status = run(tmp_path, CALLS + 1, "kill")
    assert (tracer.struck, said, status) == ("", "end\n", 0)


def test_points_are_all_or_the_telling_ones() -> None:
    calls = ["openat a", *(f"mkdir {number}" for number in range(9)), "write a", "fsync a", "rename a", "write b"]
    assert chosen(calls, "EIO", everything=True) == [1, 2, 6, 10, 11, 12, 13, 14]
    assert chosen(calls, "EIO", everything=False) == [12, 13]
    many = ["write a"] * 25
    assert chosen(many, "ENOSPC", everything=False) == [10, 20]
    assert chosen([*many, "fsync a"], "kill", everything=False) == [10, 20, 26]
