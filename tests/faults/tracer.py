"""Counts the system calls of a running program as one sequence over all its threads, and strikes at the k-th.

strace counts `when=` for each thread on its own, so that "the third fsync" is another one in every thread; here the
program has one count. Linux on x86-64 alone, because an error is put in the place of a call by writing its registers.
A process of its own, steered by JSON lines:

    python -m tests.faults.tracer --pid 4711 --folder DATA_DIR --strike 17 --how kill|EIO|ENOSPC

It says {"ready": n} when all n threads are held, lets them run, and says {"calls": […], "struck": …} when stdin ends or
the program does.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import json
import os
import platform
import signal
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SEIZE, INTERRUPT, SYSCALL, DETACH, GET_SYSCALL_INFO = 0x4206, 0x4207, 24, 17, 0x420E
POKEUSER, LISTEN = 6, 0x4208
TRACE_SYSGOOD, TRACE_CLONE, TRACE_FORK, TRACE_VFORK = 1, 8, 2, 4
EVENT_STOP = 128
WALL = 0x40000000
ORIG_RAX, RAX = 15 * 8, 10 * 8
ENTRY, EXIT = 1, 2

# System calls of x86-64 that change a file or send something, by number: (name, index of the argument that says where).
BY_DESCRIPTOR = {1: "write", 18: "pwrite64", 20: "writev", 74: "fsync", 75: "fdatasync", 77: "ftruncate"}
BY_DESCRIPTOR |= {285: "fallocate", 296: "pwritev", 326: "copy_file_range", 40: "sendfile"}
SENDS = {44: "sendto", 46: "sendmsg"}
BY_PATH = {2: "open", 82: "rename", 83: "mkdir", 84: "rmdir", 86: "link", 87: "unlink", 257: "openat"}
BY_PATH |= {258: "mkdirat", 263: "unlinkat", 264: "renameat", 265: "linkat", 316: "renameat2"}
# The *at calls have the folder's descriptor before the path.
PATH_SECOND = frozenset((257, 258, 263, 264, 265, 316))
# Those that only read, where that is asked for.
READS = {0: "read", 17: "pread64", 19: "readv", 295: "preadv", 217: "getdents64"}
NAMES = BY_DESCRIPTOR | SENDS | BY_PATH | READS
WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
SPACE_CALLS = frozenset("write pwrite64 writev pwritev fallocate ftruncate open openat mkdir mkdirat rename".split())
SPACE_CALLS |= frozenset("renameat renameat2 link linkat fsync fdatasync".split())

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.restype = ctypes.c_long
_LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


class Enough(Exception):
    """Nobody wants to hear more."""


class SyscallInfo(ctypes.Structure):
    """struct ptrace_syscall_info, as far as an entry fills it."""

    _fields_ = (
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction_pointer", ctypes.c_uint64),
        ("stack_pointer", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
    )


def _ptrace(request: int, tid: int, address: int = 0, data: int = 0) -> int:
    ctypes.set_errno(0)
    result = int(_LIBC.ptrace(request, tid, address, data))
    if result == -1 and (number := ctypes.get_errno()):
        raise OSError(number, os.strerror(number))
    return result


@dataclass
class Tracer:
    """The program's threads, what they called, and where to strike (0: nowhere)."""

    pid: int
    folder: str
    strike: int
    how: str
    reads: str | None = None  # a folder in which reading counts too
    calls: list[str] = field(default_factory=list)
    struck: str = ""
    _failing: dict[int, int] = field(default_factory=dict)

    def seize_all(self) -> int:
        """Hold every thread, those that are born meanwhile too; gives how many there are."""
        options = TRACE_SYSGOOD | TRACE_CLONE | TRACE_FORK | TRACE_VFORK
        seized: set[int] = set()
        while more := {int(task.name) for task in Path(f"/proc/{self.pid}/task").iterdir()} - seized:
            for tid in more:
                try:
                    _ptrace(SEIZE, tid, 0, options)
                    _ptrace(INTERRUPT, tid)
                except ProcessLookupError:
                    continue
                except PermissionError:  # born under our eyes: seized already
                    continue
            seized |= more
        return len(seized)

    def run(self) -> None:
        """Let the threads go on from call to call until the program ends, or somebody has heard enough."""
        while True:
            try:
                tid, status = os.waitpid(-1, WALL)
            except (ChildProcessError, Enough):
                return
            if os.WIFSTOPPED(status):
                self._on_stop(tid, status)

    def _on_stop(self, tid: int, status: int) -> None:
        stop, event = os.WSTOPSIG(status), status >> 16
        deliver = 0
        try:
            if stop == signal.SIGTRAP | 0x80:
                self._on_call(tid)
            elif event == EVENT_STOP and stop in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
                _ptrace(LISTEN, tid)
                return
            elif not event:
                deliver = stop
            _ptrace(SYSCALL, tid, 0, deliver)
        except ProcessLookupError:
            return  # killed meanwhile

    def _on_call(self, tid: int) -> None:
        info = SyscallInfo()
        _ptrace(GET_SYSCALL_INFO, tid, ctypes.sizeof(info), ctypes.addressof(info))
        if info.op == EXIT:
            if tid in self._failing:
                _ptrace(POKEUSER, tid, RAX, -self._failing.pop(tid) & (1 << 64) - 1)
            return
        if info.op != ENTRY or info.number not in NAMES:
            return
        described = self._describe(tid, info)
        if not described:
            return
        self.calls.append(described)
        if len(self.calls) == self.strike:
            self.struck = described
            self._hit(tid)

    def _hit(self, tid: int) -> None:
        if self.how == "kill":
            os.killpg(self.pid, signal.SIGKILL)
            return
        _ptrace(POKEUSER, tid, ORIG_RAX, (1 << 64) - 1)
        self._failing[tid] = int(getattr(errno, self.how))

    def _describe(self, tid: int, info: SyscallInfo) -> str:
        """Give "name where", or "" when the call does not count in this run."""
        number, name = int(info.number), NAMES[int(info.number)]
        if number in SENDS:
            return f"{name} socket" if self.how == "kill" else ""
        place = self.reads if _only_reads(name, info) else self.folder
        if not place or (self.how == "ENOSPC" and name not in SPACE_CALLS):
            return ""
        where = self._path(tid, info) if number in BY_PATH else self._target(tid, int(info.arguments[0]))
        return f"{name} {where[len(self.folder) :].lstrip('/')}" if where.startswith(place) else ""

    def _target(self, tid: int, descriptor: int) -> str:
        try:
            return str(Path(f"/proc/{tid}/fd/{descriptor}").readlink())
        except OSError:
            return ""

    def _path(self, tid: int, info: SyscallInfo) -> str:
        second = int(info.number) in PATH_SECOND
        raw = _string_at(tid, int(info.arguments[1 if second else 0]))
        if raw.startswith("/"):
            return raw
        descriptor = ctypes.c_int32(info.arguments[0] & 0xFFFFFFFF).value if second else -100
        base = f"/proc/{tid}/cwd" if descriptor < 0 else f"/proc/{tid}/fd/{descriptor}"
        try:
            return f"{Path(base).readlink()}/{raw}"
        except OSError:
            return raw


def _only_reads(name: str, info: SyscallInfo) -> bool:
    if name in ("open", "openat"):
        return not int(info.arguments[2 if name == "openat" else 1]) & WRITING_FLAGS
    return name in READS.values()


def _string_at(tid: int, address: int) -> str:
    with Path(f"/proc/{tid}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        # Not beyond the page: the next one may not be there.
        raw = memory.read(4096 - address % 4096) or b""
        if b"\0" not in raw:
            raw += memory.read(4096) or b""
    return os.fsdecode(raw.partition(b"\0")[0])


def _enough(number: int, frame: object) -> None:
    raise Enough


def _listen() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGUSR1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--folder", type=lambda text: str(Path(text).resolve()), required=True)
    parser.add_argument("--reads", type=lambda text: str(Path(text).resolve()))
    parser.add_argument("--strike", type=int, default=0)
    parser.add_argument("--how", choices=("kill", "EIO", "ENOSPC"), default="kill")
    if platform.machine() != "x86_64":
        sys.exit("crash points need Linux on x86-64")
    tracer = Tracer(**vars(parser.parse_args()))
    # Raised out of waitpid; what comes at another moment ends the tracing all the same, a call later at most.
    signal.signal(signal.SIGUSR1, _enough)
    threading.Thread(target=_listen, daemon=True).start()
    print(json.dumps({"ready": tracer.seize_all()}), flush=True)
    with contextlib.suppress(Enough):
        tracer.run()
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    answer: dict[str, Any] = {"calls": tracer.calls, "struck": tracer.struck}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
