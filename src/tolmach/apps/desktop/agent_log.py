"""What the agent has to say beside its records, in a file of the data folder, as the Windows service keeps it."""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tolmach.apps.windows_service import LOG_BYTES, LOG_FILES

FOLDER, FILE = "log", "tolmach.log"
_FORMAT = "%(asctime)s %(levelname)s %(message)s"


class _Lines(logging.handlers.RotatingFileHandler):
    """The file; what cannot be written, as on a full disk, is lost without a word: the window tells of full disks."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Go on."""

    def close(self) -> None:
        """Be closed, also where what was not written yet finds no room."""
        with suppress(OSError):
            super().close()


@contextmanager
def logged_in(data_dir: Path) -> Iterator[None]:
    """Let what is logged go into the file until the block ends; where it cannot be written, nothing is kept of it."""
    folder, logger = data_dir / FOLDER, logging.getLogger("tolmach")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        lines = _Lines(folder / FILE, "a", LOG_BYTES, LOG_FILES, encoding="utf-8")
    except OSError as error:
        logger.warning("%s cannot be written: %s", folder / FILE, error)
        yield
        return
    lines.setFormatter(logging.Formatter(_FORMAT))
    level = logger.level
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(lines)
        logger.setLevel(level)
        lines.close()
