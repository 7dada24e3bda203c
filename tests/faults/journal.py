"""Lines on disk that survive whatever is done to anybody else: what was acknowledged, what was kept."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Journal:
    """A file of JSON lines; `write` returns when the line is synced. Several threads share one sync."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._turn = threading.Condition()
        self._syncing = threading.Lock()
        self._written = self._synced = 0

    def write(self, entry: Entry) -> None:
        line = json.dumps(entry).encode() + b"\n"
        with self._turn:
            os.write(self._descriptor, line)
            self._written += 1
            mine = self._written
        with self._syncing:
            with self._turn:
                if self._synced >= mine:
                    return
                covered = self._written
            os.fdatasync(self._descriptor)
            with self._turn:
                self._synced = covered

    def close(self) -> None:
        os.close(self._descriptor)


def read_journal(path: Path, start: int = 0) -> tuple[list[Entry], int]:
    """Give the whole lines from byte `start` on, and where the next reading may begin. No file: no lines."""
    if not path.exists():
        return [], start
    with path.open("rb") as file:
        file.seek(start)
        raw = file.read()
    whole = raw[: raw.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], start + len(whole)
