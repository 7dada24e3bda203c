"""What the agent has to say beside its records, in a file of the data folder, as the Windows service keeps it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tolmach.apps.log_file import LogFile

FOLDER, FILE = "log", "tolmach.log"
_FORMAT = "%(asctime)s %(levelname)s %(message)s"


@contextmanager
def logged_in(data_dir: Path) -> Iterator[None]:
    """Let what is logged go into the file until the block ends; where it cannot be written, nothing is kept of it."""
    folder, logger = data_dir / FOLDER, logging.getLogger("tolmach")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        lines = LogFile(folder / FILE)
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
