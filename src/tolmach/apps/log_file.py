"""The log as a file in the data folder, for programs that have no terminal."""

from __future__ import annotations

import logging
import logging.handlers
from contextlib import suppress
from pathlib import Path

LOG_BYTES, LOG_FILES = 5 << 20, 10


class LogFile(logging.handlers.RotatingFileHandler):
    """The file; what cannot be written, as on a full disk, is lost without a word: full disks are told elsewhere."""

    def __init__(self, path: Path) -> None:
        """Write on at the end of the file; raises `OSError`."""
        super().__init__(path, "a", LOG_BYTES, LOG_FILES, encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:
        """Go on."""

    def close(self) -> None:
        """Be closed, also where what was not written yet finds no room."""
        with suppress(OSError):
            super().close()
