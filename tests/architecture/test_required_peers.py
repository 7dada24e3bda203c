"""The real peers are here. When one is missing the run fails and says what to install; nothing is skipped for it."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "name", ["dcmdump", "dcmsend", "echoscu", "storescp", "findscu", "movescu", "getscu", "gdcmscu", "Orthanc"]
)
def test_the_peer_is_installed(name: str, peer_program: Callable[[str], Path]) -> None:
    assert peer_program(name).is_file()
