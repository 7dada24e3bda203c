"""The file in which the agent keeps what it says: a disk without room ends nothing and floods nobody."""

import errno
import io
import logging
import os
from pathlib import Path

import pytest

from tolmach.apps.desktop.agent_log import FILE, FOLDER, logged_in


class FullDisk(io.StringIO):
    """A file for which there is no room."""

    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def flush(self) -> None:
        if not self.closed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_no_reason_to_break_off_nor_to_print_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("tolmach")
    known = list(logger.handlers)
    with logged_in(tmp_path):
        logger.info("said")
        (lines,) = [one for one in logger.handlers if one not in known]
        assert isinstance(lines, logging.FileHandler)
        assert lines.stream is not None
        lines.stream.close()
        lines.stream = FullDisk()  # type: ignore[assignment]
        logger.error("not said")
    assert logger.handlers == known
    assert "said" in (tmp_path / FOLDER / FILE).read_text("utf-8")
    assert capsys.readouterr().err == ""
