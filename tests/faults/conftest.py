"""Who may run what: disks of our own need root, the tracer an x86-64, strace must be installed."""

import sys
from pathlib import Path

import pytest

from tests.faults.volumes import may_mount

# Mounts, /proc, prctl, sockets on the whole of 127.0.0.0/8: what is asked of the program here is asked on Linux.
collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """Give a folder that is not there yet, for what makes and removes it by itself."""
    return tmp_path / "there"


@pytest.fixture
def own_disks() -> None:
    """Let the test mount disks of its own.

    Ordinary users may not, and are told so; root who cannot mount gets a failed test, not a skipped one, when the test
    tries.
    """
    if not may_mount():
        pytest.skip("only root may mount disks of its own: run this test as root, as CI does")
