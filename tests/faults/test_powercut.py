"""A power cut takes nothing that was acknowledged; and two mutants show that the harness would notice (short form)."""

import os
from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.powercut import MUTANTS, Disk
from tests.faults.volumes import NoVolume, copy_sparse, knows_xfs, make_image, mount_image

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("own_disks")]

CUTS = 4


@pytest.mark.parametrize(("disk", "cuts"), [(Disk(), CUTS), (Disk("ext4", ""), 1)], ids=["ext4-long", "ext4"])
def test_power_cuts_lose_nothing(there: Path, disk: Disk, cuts: int) -> None:
    for figure in figures.cuts(there, cuts, disk):
        figure.require()


@pytest.mark.skipif(not knows_xfs(), reason="mkfs.xfs is not installed, or the kernel does not know XFS")
def test_power_cuts_lose_nothing_on_xfs(there: Path) -> None:
    for figure in figures.cuts(there, 1, Disk("xfs", "")):
        figure.require()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(there: Path, name: str) -> None:
    for figure in figures.mutants(there, [name]):
        figure.require()


def test_a_copy_of_a_disk_lacks_what_was_not_synced(tmp_path: Path) -> None:
    image, copy = tmp_path / "disk.img", tmp_path / "copy.img"
    make_image(image, 64)
    mounted = mount_image(image, tmp_path / "disk", "commit=300")
    try:
        (tmp_path / "disk" / "lost").write_bytes(b"x" * 100_000)
        with (tmp_path / "disk" / "kept").open("wb") as file:
            file.write(b"x" * 100_000)
            file.flush()
            os.fsync(file.fileno())
        (tmp_path / "disk" / "late").write_bytes(b"x")
        copy_sparse(image, copy)
    finally:
        mounted.close()
    again = mount_image(copy, tmp_path / "disk")
    try:
        found = {path.name: path.stat().st_size for path in (tmp_path / "disk").iterdir() if path.is_file()}
    finally:
        again.close()
    assert found["kept"] == 100_000
    assert found.get("lost", 0) == 0
    assert "late" not in found


def test_what_cannot_be_mounted_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "no.img").write_bytes(bytes(1 << 20))
    with pytest.raises(NoVolume):
        mount_image(tmp_path / "no.img", tmp_path / "disk")
    assert not (tmp_path / "disk").exists()
