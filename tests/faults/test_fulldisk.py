"""A full disk is told to the sender, loses nothing, and is over as soon as there is room (short form)."""

from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.fulldisk import Kind
from tests.faults.volumes import fill, mount_tmpfs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("own_disks")]


@pytest.mark.parametrize("kind", figures.FULL_KINDS)
def test_a_full_disk_loses_nothing(there: Path, kind: Kind) -> None:
    """M-03: bytes, the reserve, inodes, each on a real disk."""
    for figure in figures.full(there, 1, [kind]):
        figure.require()


def test_a_disk_is_full_and_then_not(tmp_path: Path) -> None:
    mounted = mount_tmpfs(tmp_path / "disk", 4)
    try:
        empty = fill(tmp_path / "disk")
        with pytest.raises(OSError, match="No space left"):
            (tmp_path / "disk" / "one").write_bytes(bytes(8192))
        empty()
        (tmp_path / "disk" / "one").write_bytes(bytes(8192))
    finally:
        mounted.close()
