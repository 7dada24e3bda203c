"""Search paths in shared libraries: a library of our own making, and real ones."""

import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from scripts.elf_paths import clean, search_paths, without_foreign_paths

STRTAB, RPATH, RUNPATH, NEEDED, SONAME, NULL = 5, 15, 29, 1, 14, 0


def library(*paths: tuple[int, str]) -> bytes:
    """Give an ELF file that has nothing but a dynamic section."""
    strings = b"\0libc.so.6\0"
    entries = [(NEEDED, 1)]
    for tag, path in paths:
        entries.append((tag, len(strings)))
        strings += path.encode() + b"\0"
    address, start = 0x1000, 64 + 2 * 56
    size = (len(entries) + 3) * 16
    entries += [(STRTAB, address + start + size), (SONAME, 1), (NULL, 0)]
    dynamic = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    whole = start + size + len(strings)
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0
    )
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, address, address, whole, whole, 0x1000)
    where = struct.pack("<IIQQQQQQ", 2, 6, start, address + start, address + start, size, size, 8)
    return header + load + where + dynamic + strings


@pytest.mark.parametrize("tag", [RPATH, RUNPATH])
def test_a_path_of_the_building_machine_is_taken_out(tag: int) -> None:
    before = library((tag, "/opt/builder/python/lib"))
    assert search_paths(before) == ["/opt/builder/python/lib"]
    after = without_foreign_paths(before)
    assert search_paths(after) == []
    assert len(after) == len(before)
    assert after == without_foreign_paths(after)
    assert [entry for entry in tags(after) if entry] == [NEEDED, STRTAB, SONAME]


def tags(content: bytes) -> list[int]:
    return [struct.unpack_from("<Q", content, at)[0] for at in range(176, 176 + 16 * 5, 16)]


def test_paths_beside_the_library_stay() -> None:
    before = library((RUNPATH, "$ORIGIN/../numpy.libs:$ORIGIN"))
    assert without_foreign_paths(before) == before


def test_of_several_only_the_foreign_go() -> None:
    before = library((RPATH, "/opt/a"), (RUNPATH, "$ORIGIN"), (RUNPATH, "$ORIGIN:/opt/b"))
    assert search_paths(without_foreign_paths(before)) == ["$ORIGIN"]


@pytest.mark.parametrize("content", [b"", b"text", b"\x7fELF\x01\x01" + bytes(80)])
def test_what_is_no_such_library_stays_as_it_is(content: bytes) -> None:
    assert without_foreign_paths(content) == content


def test_a_real_library_still_loads(tmp_path: Path) -> None:
    folder = Path(sysconfig.get_path("purelib"))
    real = next(path for path in sorted(folder.rglob("_multiarray_umath*.so")))
    content = real.read_bytes()
    assert search_paths(content) == ["$ORIGIN/../../numpy.libs"]
    # As if it named a place on this machine: the same bytes, with another sign where $ORIGIN was.
    foreign = content.replace(b"$ORIGIN/../../numpy.libs\0", b"/opt/xy/../../numpy.libs\0")
    assert search_paths(foreign) == ["/opt/xy/../../numpy.libs"]
    target = tmp_path / real.name
    target.write_bytes(foreign)
    (tmp_path / "link.so").symlink_to(target)
    (tmp_path / "text").write_text("text")
    assert clean(tmp_path) == [target]
    assert search_paths(target.read_bytes()) == []
    libraries = folder / "numpy.libs"
    load = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    subprocess.run([sys.executable, "-c", load, str(target)], env={"LD_LIBRARY_PATH": str(libraries)}, check=True)
