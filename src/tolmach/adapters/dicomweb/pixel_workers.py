"""A few processes that decode pixels, each thrown away after so many jobs, after any trouble, and when time is up.

A frame that kills its decoder costs that one process: the caller hears that no picture can be made.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tolmach.adapters.dicomweb.served_faults import BUSY, NO_PICTURE, Busy, NoPicture
from tolmach.base import N_, Phrase
from tolmach.dicom.source import Source

_LENGTH = struct.Struct("<L")
_BLOCK = 1 << 20
_MOST_WORDS = 65_536
CHILD: Sequence[str] = (sys.executable, "-m", "tolmach.adapters.dicomweb.pixel_child")


@dataclass(frozen=True, slots=True)
class PixelLimits:
    """What one frame may cost."""

    processes: int = 2
    jobs_each: int = 100
    memory_bytes: int = 1 << 30
    seconds: float = 20.0
    output_bytes: int = 512 << 20
    wait_seconds: float = 30.0


class PixelWorkers:
    """Decodes frames in processes of their own; any thread may ask. Closing ends them all."""

    def __init__(self, limits: PixelLimits | None = None, child: Sequence[str] = CHILD) -> None:
        """Start nothing yet."""
        self._limits, self._child = limits or PixelLimits(), child
        self._free = threading.BoundedSemaphore(self._limits.processes)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._is_closed = False

    def ask(self, job: Mapping[str, Any], frame: Source) -> tuple[Mapping[str, Any], bytes]:
        """Give what became of a frame: facts, and the decoded pixels or the encoded picture.

        Raises `NoPicture`, whatever a decoder did, and `Busy` when all are busy for too long. May be repeated.
        """
        limits = self._limits
        if not self._free.acquire(timeout=limits.wait_seconds):
            raise Busy(BUSY)
        try:
            worker = self._take()
            told = {**job, "memory": limits.memory_bytes, "seconds": int(limits.seconds), "length": frame.size}
            try:
                facts, body = worker.ask(told, frame, limits)
            except BaseException:
                worker.kill()
                raise
            self._give_back(worker)
        finally:
            self._free.release()
        if "trouble" in facts:
            raise NoPicture(NO_PICTURE, why=str(facts["trouble"])[:200])
        return facts, body

    def _take(self) -> _Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Worker(self._child)

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            if worker.jobs < self._limits.jobs_each and not worker.is_killed and not self._is_closed:
                self._idle.append(worker)
                return
        worker.kill()

    def close(self) -> None:
        """End the processes that have nothing to do; the others end after their job. May be repeated."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()


class _Worker:
    """One process; one thread at a time."""

    def __init__(self, child: Sequence[str]) -> None:
        self.jobs = 0
        self.is_killed = False
        self._process = subprocess.Popen(  # noqa: S603 - our own program, nothing from outside
            child,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=-1,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    def ask(self, job: Mapping[str, Any], frame: Source, limits: PixelLimits) -> tuple[Mapping[str, Any], bytes]:
        self.jobs += 1
        is_over, lock = threading.Event(), threading.Lock()

        def end() -> None:
            with lock:
                if not is_over.is_set():
                    self.is_killed = True
                    self._process.kill()

        clock = threading.Timer(limits.seconds, end)
        clock.start()
        try:
            self._write(job, frame)
            return self._read(limits.output_bytes)
        except (OSError, ValueError, EOFError) as error:
            late = Phrase(N_("decoding it took longer than {seconds} s"), {"seconds": limits.seconds})
            died = Phrase(N_("the decoder did not survive it"))
            raise NoPicture(NO_PICTURE, why=late if self.is_killed else died) from error
        finally:
            clock.cancel()
            with lock:  # from here on the time limit is nobody's: it may fire though it was cancelled
                is_over.set()

    def _write(self, job: Mapping[str, Any], frame: Source) -> None:
        stream = self._process.stdin
        assert stream is not None
        said = json.dumps(job).encode()
        stream.write(_LENGTH.pack(len(said)) + said)
        for start in range(0, frame.size, _BLOCK):
            stream.write(frame.read(start, _BLOCK))
        stream.flush()

    def _read(self, limit: int) -> tuple[Mapping[str, Any], bytes]:
        stream = self._process.stdout
        assert stream is not None
        (size,) = _LENGTH.unpack(_exactly(stream.read(_LENGTH.size), _LENGTH.size))
        if size > _MOST_WORDS:
            raise ValueError("it says too much")
        facts: dict[str, Any] = json.loads(_exactly(stream.read(size), size))
        length = facts["length"]
        if not 0 <= length <= limit:
            raise ValueError("the picture is too large")
        return facts, _exactly(stream.read(length), length)

    def kill(self) -> None:
        """End the process now; may be repeated."""
        self.is_killed = True
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._process.wait()


def _exactly(block: bytes, size: int) -> bytes:
    if len(block) != size:
        raise EOFError
    return block
