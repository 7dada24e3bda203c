"""What every test may ask for: real sample files, and real programs of others."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A property holds on a busy machine too: how long an example takes is the benchmarks' business. Whatever else the
# profile in force says stays, so that under CI the examples are the same every time.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

ROOT = Path(__file__).resolve().parents[1]
# Debian keeps daemons such as Orthanc where ordinary users do not look.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Give the folder of real sample files, which lies beside the repository and is never part of it."""
    folder = ROOT.parent / "shared" / "corpus"
    if not folder.is_dir():
        pytest.fail("the sample files are not there: put them into ../shared/corpus beside the repository")
    return folder


@pytest.fixture(scope="session")
def peer_program() -> Callable[[str], Path]:
    """Give a function that finds a peer's program, or fails the test and says what to install."""

    def find(name: str) -> Path:
        found = shutil.which(name, path=SEARCH_PATH)
        if found is None:
            pytest.fail(f"the peer {name} is not installed: run scripts/install_peers.sh as root (or: make peers)")
        return Path(found)

    return find
