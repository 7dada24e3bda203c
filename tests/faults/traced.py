"""The tracer seen from the harness: hold a running program, strike at its k-th call, hear what it called."""

from __future__ import annotations

from pathlib import Path

from tests.faults.children import Child


class Traced(Child):
    """A tracer at work; `finish` lets the program go and gives what was counted."""

    def __init__(
        self, pid: int, folder: Path, *, log: Path, strike: int = 0, how: str = "kill", reads: Path | None = None
    ) -> None:
        """Count what is written in `folder`, and what is read in `reads` when that is given."""
        more = ["--reads", reads] if reads else []
        super().__init__("tracer", "--pid", pid, "--folder", folder, "--strike", strike, "--how", how, *more, log=log)
        self.calls: list[str] = []
        self.struck = ""

    def finish(self) -> None:
        """Return when the program is not traced any more; `calls` and `struck` are known then."""
        self.process.stdin.close()
        said = self._listen()
        self.calls, self.struck = said["calls"], said["struck"]
        self.process.wait()

    def close(self) -> None:
        """End the tracer, which lets the program go."""
        if self.process.poll() is None:
            super().close()
        else:
            self.process.stdout.close()
