"""The disposable process in which pixels are decoded: what it is given may kill it, and nothing else.

It reads jobs from stdin and writes answers to stdout: four bytes of length, a JSON object, then as many bytes as that
says. It opens nothing and connects to nothing.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import Any, BinaryIO

_LENGTH = struct.Struct("<L")


def main() -> None:
    """Answer jobs until stdin ends."""
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    # Whatever a library prints must not be taken for an answer.
    sys.stdout = sys.stderr
    from tolmach.adapters.dicomweb import pixel_decoding, pixel_rendering

    limits = _Limits()
    while (job := _read(jobs)) is not None:
        limits.begin(job["memory"], job["seconds"])
        data = jobs.read(job["length"])
        try:
            pixels, photometric = pixel_decoding.decode(job, data)
            if "view" in job:
                body, facts = pixel_rendering.render(job, pixels, photometric), {}
            else:
                body, facts = pixels.tobytes(), {"photometric": photometric}
        except pixel_decoding.Undecodable as error:
            body, facts = b"", {"trouble": str(error)}
        except MemoryError:
            body, facts = b"", {"trouble": "it needs more memory than is allowed"}
        except Exception as error:  # noqa: BLE001 - a supervisor, see tests/architecture/supervisors.toml
            # Decoders raise whatever they like; the next job is none of their business.
            body, facts = b"", {"trouble": f"{type(error).__name__} while decoding"}
        _write(answers, facts, body)


def _read(stream: BinaryIO) -> dict[str, Any] | None:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    job: dict[str, Any] = json.loads(stream.read(*_LENGTH.unpack(head)))
    return job


def _write(stream: BinaryIO, facts: dict[str, Any], body: bytes) -> None:
    said = json.dumps({**facts, "length": len(body)}).encode()
    stream.write(_LENGTH.pack(len(said)) + said)
    stream.write(body)
    stream.flush()


class _Limits:
    """Memory and processor time for the next job, where the system has such limits (not on Windows)."""

    def __init__(self) -> None:
        try:
            import resource
        except ImportError:
            return
        self._resource = resource
        # Libraries reserve addresses for each processor when they are loaded: only what comes on top is limited.
        self._loaded = _address_space()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    def begin(self, memory: int, seconds: int) -> None:
        """Allow so many more bytes than after loading, and so many more seconds than were used by now."""
        resource = getattr(self, "_resource", None)
        if resource is None:
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        until = int(used.ru_utime + used.ru_stime) + seconds + 1
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (until, hard))
        if self._loaded:
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (self._loaded + memory, hard))


def _address_space() -> int:
    """Give how many bytes of addresses this process has; 0 where the system does not say (macOS)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no file of ours
            pages = int(file.read().split()[0])
    except OSError:
        return 0
    import resource

    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
