"""The order of system calls at one receipt, as strace saw them: ext4 hides a missing folder sync, this does not.

Bytes written and synced, then the name, then the folder synced, then the records' log written and synced, and only then
the answer leaves.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.children import start
from tests.faults.objectpath import QUIET_SECONDS, ObjectPath

CALLS = "openat,mkdir,mkdirat,write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,link,linkat"
SENDS = ("sendto", "sendmsg")
BY_DESCRIPTOR = ("write", "pwrite64", "writev", "fsync", "fdatasync")
WRITING = ("write", "pwrite64", "writev")
SYNCING = ("fsync", "fdatasync")
NAMING = ("rename", "renameat", "renameat2", "link", "linkat")
ATTACH_SECONDS = 20.0
LINE = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?:\((.*)| resumed>(.*))$")


class NoStrace(Exception):
    """strace is not installed, or may not look."""


@dataclass(frozen=True)
class Call:
    """One call that has ended well: what, on which path, and its place in the order of the ends of calls."""

    name: str
    where: str
    to: str = ""


def receipt(made: ObjectPath) -> list[Call]:
    """Send one object to a program that runs and calls nobody, and give the calls it made, in order.

    Everything it sends is then said to the sender of the object: that it accepts, its answer, its farewell.
    """
    program = shutil.which("strace")
    if program is None:
        raise NoStrace("strace is not installed: run scripts/install_peers.sh as root (or: make peers)")
    log = made.folder / "strace.log"
    told = made.folder / "strace.told"
    command = [program, "-f", "-y", "-s", "0", "-e", f"trace={CALLS},{','.join(SENDS)}", "-o", str(log)]
    with told.open("wb") as output:
        process = start([*command, "-p", str(made.serve.pid)], log=output)
    try:
        _await_attached(process, told)
        made.send_until_taken()
        time.sleep(QUIET_SECONDS)
        process.send_signal(signal.SIGINT)
        process.wait(ATTACH_SECONDS)
    finally:
        process.kill()
        process.wait()
    return parse(log.read_text("utf-8", errors="replace"), made.serve.setup.data_dir)


def _await_attached(process: subprocess.Popen[bytes], told: Path) -> None:
    deadline = time.monotonic() + ATTACH_SECONDS
    while "attached" not in (said := told.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NoStrace(f"strace may not look: {said}")
        time.sleep(0.02)


def parse(log: str, data_dir: Path) -> list[Call]:
    """Read a log of `strace -f -y`: calls on the data folder and everything sent, ordered by their ends.

    What is sent counts from its beginning: what has left cannot be taken back.
    """
    folder = str(data_dir.resolve())
    begun: dict[str, tuple[str, str]] = {}
    found = []
    for line in log.splitlines():
        match = LINE.match(line)
        if match is None:
            continue
        thread, name, opening, closing = match.groups()
        if opening is not None and name in SENDS:
            found.append(Call(name, "socket"))
        elif opening is not None and opening.endswith("<unfinished ...>"):
            begun[thread] = (name, opening)
        elif opening is not None:
            found += _ended(name, opening, opening, folder)
        elif thread in begun:
            found += _ended(*begun.pop(thread), closing or "", folder)
    return found


def _ended(name: str, opening: str, closing: str, folder: str) -> list[Call]:
    if re.search(r"= -1 E\w+", closing):
        return []
    by_path = name not in BY_DESCRIPTOR
    paths = re.findall(r'"([^"]*)"' if by_path else r"^\d+<([^>]*)>", opening)
    inside = [path[len(folder) :].lstrip("/") or "." for path in paths if path.startswith(folder)]
    return [Call(name, inside[0], inside[1] if len(inside) > 1 else "")] if inside else []


def wrong_order(calls: Sequence[Call]) -> list[str]:
    """Give what is not in the order of promise 1; empty when all is well."""
    names = [str(call) for call in calls]
    spool = next((call.where for call in calls if call.name == "openat" and call.where.startswith("incoming")), "")
    named = next((call for call in calls if call.name in NAMING and call.where == spool), None)
    if not spool or named is None:
        return [f"no spool file was named: {names}"]
    there = named.to.rpartition("/")[0]
    steps: list[tuple[str, Callable[[Call], bool]]] = [
        ("the bytes are written", lambda call: call.name in WRITING and call.where == spool),
        ("the bytes are synced", lambda call: call.name in SYNCING and call.where == spool),
        ("the file gets its name", lambda call: call == named),
        ("its folder is synced", lambda call: call.name in SYNCING and call.where == there),
        ("the records are written", lambda call: call.name in WRITING and call.where.endswith("-wal")),
        ("the records are synced", lambda call: call.name in SYNCING and call.where.endswith("-wal")),
        ("the answer leaves", lambda call: call.name in SENDS),
    ]
    at, missing = calls.index(next(call for call in calls if call.where == spool)), []
    for words, is_it in steps:
        found = next((number for number in range(at, len(calls)) if is_it(calls[number])), None)
        if found is None:
            missing.append(f"not seen after what must come before: {words}")
            continue
        if is_it is steps[-1][1] and _answered_before(calls, found, at):
            missing.append("the answer left before the records were synced")
        at = found + 1
    return missing + _unsynced_folders(calls, named)


def _answered_before(calls: Sequence[Call], answer: int, since: int) -> bool:
    """Tell whether something was sent between the arrival of the object and the sync of its record."""
    first = next(number for number, call in enumerate(calls) if call.where.startswith("incoming"))
    return any(call.name in SENDS for call in calls[first : min(since, answer)])


def _unsynced_folders(calls: Sequence[Call], named: Call) -> list[str]:
    """A folder that was made must be synced itself, in its parent, before the answer leaves."""
    first = next(number for number, call in enumerate(calls) if call.where == named.where)
    answer = next((n for n in range(first, len(calls)) if calls[n].name in SENDS), len(calls))
    problems = []
    for number, call in enumerate(calls[:answer]):
        if call.name.startswith("mkdir") and named.to.startswith(f"{call.where}/"):
            parent = call.where.rpartition("/")[0] or "."
            if not any(later.name in SYNCING and later.where == parent for later in calls[number:answer]):
                problems.append(f"{call.where} was made, and {parent} not synced before the answer")
    return problems
