"""Memory stays flat: a file of 1.5 GB is repaired and sent with less than 150 MB."""

import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest

from tests.builders import EXPLICIT, EXPLICIT_LE, ITEM, JPEG_BASELINE, SEQUENCE_END, UNDEFINED, body, even, part10
from tests.calling import IVANOV, NAME
from tests.peers.conftest import StartStorescp

pytestmark = pytest.mark.slow

SIZE = 1_500_000_000
FRAGMENT = 10_000_000
LIMIT_KILOBYTES = 150 * 1024
PIXELS = 0x7FE00010


@dataclass(frozen=True)
class Large:
    """A file with holes in place of its pixels: large to read, small on disk."""

    path: Path
    end: bytes


def native(path: Path) -> Large:
    head = part10(_text() + EXPLICIT.element(PIXELS, "OW", b"", length=SIZE))
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + SIZE)
    return Large(path, b"\0" * 8)


def encapsulated(path: Path) -> Large:
    end = EXPLICIT.head(SEQUENCE_END, "", 0)
    with path.open("wb") as file:
        file.write(part10(_text() + EXPLICIT.head(PIXELS, "OB", UNDEFINED) + EXPLICIT.head(ITEM, "", 0), JPEG_BASELINE))
        for _ in range(SIZE // FRAGMENT):
            file.write(EXPLICIT.head(ITEM, "", FRAGMENT))
            file.seek(FRAGMENT, os.SEEK_CUR)
        file.write(end)
    return Large(path, end)


def _text() -> bytes:
    return body((0x00080005, "CS", b"ISO_IR 100"), (NAME, "PN", even(IVANOV.encode("cp1251"))))


@pytest.fixture(params=[native, encapsulated], ids=["native", "encapsulated"])
def large(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Large]:
    make: Callable[[Path], Large] = request.param
    (tmp_path / "in").mkdir()
    yield make(tmp_path / "in" / "large.dcm")
    # What is that large must not wait for pytest to tidy up three runs later.
    for path in tmp_path.rglob("large.dcm"):
        path.unlink()


# Asked of the process itself: what wait4 says of a child begins with what its parent held when it forked.
MEASURED = textwrap.dedent(
    """
    import re, sys
    from pathlib import Path
    from tolmach.apps.cli.program import run
    status = run(sys.argv[2:])
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    Path(sys.argv[1]).write_text(peak[1])
    sys.exit(status)
    """
)


def peak_kilobytes(*arguments: str | Path) -> int:
    """Run the program; gives the most memory it ever held. Fails when it does not end well."""
    with tempfile.NamedTemporaryFile("r") as told:
        command = [sys.executable, "-c", MEASURED, told.name, *map(str, arguments)]
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert (ran.returncode, ran.stderr) == (0, b"")
        return int(told.read())


def test_sending(storescp: StartStorescp, large: Large) -> None:
    peer = storescp("+xa", "--ignore")
    assert peak_kilobytes("send", large.path, str(peer.address)) < LIMIT_KILOBYTES


def test_sending_to_a_peer_that_needs_another_syntax(storescp: StartStorescp, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    large = native(tmp_path / "in" / "large.dcm")
    peer = storescp("+xi", "--ignore")
    assert peak_kilobytes("send", large.path, str(peer.address)) < LIMIT_KILOBYTES
    large.path.unlink()


@pytest.mark.parametrize("target", ["copy", "in place"])
def test_fixing(large: Large, tmp_path: Path, target: str) -> None:
    where = ["--out", str(tmp_path / "out")] if target == "copy" else ["--in-place"]
    used = peak_kilobytes("fix", large.path, *where)
    assert used < LIMIT_KILOBYTES
    fixed = tmp_path / "out" / "large.dcm" if target == "copy" else large.path
    data_set = pydicom.dcmread(fixed, stop_before_pixels=True)
    assert str(data_set.PatientName) == IVANOV
    assert abs(fixed.stat().st_size - SIZE) < 100_000
    with fixed.open("rb") as file:
        file.seek(-len(large.end), os.SEEK_END)
        assert file.read() == large.end
    original = large.path.with_name("large.dcm.tolmach-original")
    if original.exists():
        original.unlink()


def test_looking(large: Large) -> None:
    used = peak_kilobytes("inspect", large.path)
    assert 20_000 < used < LIMIT_KILOBYTES


def test_the_syntaxes_are_what_they_say(large: Large) -> None:
    syntax = pydicom.dcmread(large.path, stop_before_pixels=True).file_meta.TransferSyntaxUID
    assert syntax in (EXPLICIT_LE, JPEG_BASELINE)
