"""Build the program that needs no Python: one folder, its notices, icons and installer, and an archive of it.

    python -m scripts.package [--out dist] [--work build/package] [--environment FOLDER] [--lock FILE] [--no-archive]

Makes an environment of its own from requirements/package.txt, so that nothing else that is installed can get in.
What goes in is decided in scripts/bundle_contents.py, what may be shipped in scripts/licence_notices.py.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.elf_paths import clean

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "package.txt"
WINDOWS = sys.platform == "win32"


def say(text: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(f"package: {text}\n")


def run(command: Sequence[str | Path], **more: str) -> None:
    """Run a program to its end; raises when it fails."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))), **more}
    environment.pop("PYTHONHOME", None)
    subprocess.run([str(word) for word in command], cwd=ROOT, env=environment, check=True)


def version() -> str:
    """Give the version of tolmach."""
    found = re.search(r'__version__ = "([^"]+)"', (ROOT / "src/tolmach/__init__.py").read_text("utf-8"))
    if found is None:
        raise LookupError("src/tolmach/__init__.py has no __version__")
    return found[1]


def label() -> str:
    """Give the name of what is built: version, system, processor."""
    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    return f"tolmach-{version()}-{system}-{platform.machine().lower().replace('amd64', 'x86_64')}"


def environment(folder: Path, lock: Path) -> Path:
    """Give the Python of an environment that has the locked packages and nothing else; made when the lock is new."""
    python = folder / ("Scripts/python.exe" if WINDOWS else "bin/python")
    stamp = folder / f".lock-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    if stamp.is_file() and python.is_file():
        return python
    say(f"making {folder}")
    uv = shutil.which("uv")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=uv is None, symlinks=not WINDOWS)
    if uv is not None:
        run([uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock])
    else:
        run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock])
    stamp.touch()
    return python


def build(python: Path, work: Path, variables: Mapping[str, str]) -> Path:
    """Run PyInstaller; gives the folder with the program."""
    say("building (about a minute)")
    command: list[str | Path] = [
        python,
        "-m",
        "PyInstaller",
        "--noconfirm",
        "--log-level",
        "ERROR",
        "--distpath",
        work / "dist",
    ]
    run([*command, "--workpath", work / "work", ROOT / "packaging" / "tolmach.spec"], **variables)
    return work / "dist" / "tolmach"


def version_resource() -> str:
    """Give what Windows shows in the properties of a program."""
    numbers = [*version().split("."), "0", "0", "0"][:4]
    four = tuple(int(re.match(r"\d*", number)[0] or 0) for number in numbers)  # type: ignore[index]
    shown = {
        "CompanyName": "The tolmach developers",
        "FileDescription": "tolmach",
        "FileVersion": version(),
        "LegalCopyright": "MIT licence",
        "ProductName": "tolmach",
        "ProductVersion": version(),
    }
    pairs = ", ".join(f"StringStruct({name!r}, {text!r})" for name, text in shown.items())
    return (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={four}, prodvers={four}, mask=0x3F, flags=0, OS=0x40004,"
        f" fileType=1, subtype=0, date=(0, 0)), kids=[StringFileInfo([StringTable('040904B0', [{pairs}])]),"
        " VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n"
    )


def strip_python(folder: Path) -> None:
    """Take the symbols for debuggers out of Python's own libraries; those of wheels are left as they were published."""
    tool = shutil.which("strip")
    if tool is None or not sys.platform.startswith("linux"):
        return
    ours = [*folder.glob("_internal/libpython*.so*"), *folder.glob("_internal/python3*/lib-dynload/*.so")]
    subprocess.run([tool, "--strip-unneeded", *map(str, ours)], check=True)


def complete(folder: Path, icons: Path, notices: Path) -> None:
    """Put beside the program what goes with it."""
    shutil.copy2(ROOT / "LICENSE", folder / "LICENSE")
    shutil.copy2(notices, folder / "THIRD-PARTY-NOTICES.txt")
    if WINDOWS:
        return
    shutil.copytree(icons / "hicolor", folder / "share" / "icons" / "hicolor")
    (folder / "share" / "applications").mkdir()
    shutil.copy2(ROOT / "packaging/linux/tolmach.desktop", folder / "share/applications/tolmach.desktop")
    shutil.copy2(ROOT / "packaging/linux/install.sh", folder / "install.sh")


def size_of(folder: Path) -> int:
    """Give the bytes of all files of a folder, links not counted."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def largest(folder: Path, many: int = 12) -> list[tuple[int, str]]:
    """Give the parts of the program that weigh most, by folder or library."""
    inner = folder / "_internal"
    sizes = [
        (size_of(path) if path.is_dir() else path.stat().st_size, path.name)
        for path in inner.iterdir()
        if not path.is_symlink()
    ]
    return sorted(sizes, reverse=True)[:many]


def archive(folder: Path) -> Path:
    """Pack a folder; the archive holds it under its name, owned by nobody in particular."""
    target = folder.with_name(f"{folder.name}.tar.gz")

    def nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        return member

    with tarfile.open(target, "w:gz", compresslevel=6) as packed:
        packed.add(folder, folder.name, filter=nobody)
    return target


def main(arguments: Sequence[str]) -> int:
    """Build everything; gives 1 when something may not be shipped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "package")
    parser.add_argument("--environment", type=Path, default=None)
    parser.add_argument("--lock", type=Path, default=LOCK)
    parser.add_argument("--no-archive", action="store_true")
    told = parser.parse_args(arguments)
    began = time.monotonic()
    work: Path = told.work.resolve()
    target: Path = told.out.resolve() / label()
    # An older one must not be taken for what this build gave.
    shutil.rmtree(target, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    python = environment((told.environment or work / "environment").resolve(), told.lock.resolve())
    icons, manifest, notices = work / "icons", work / "manifest.json", work / "notices.txt"
    shutil.rmtree(icons, ignore_errors=True)
    run([python, "-m", "scripts.render_icons", icons], QT_QPA_PLATFORM="offscreen")
    (work / "version.txt").write_text(version_resource(), encoding="utf-8")
    variables = {
        "TOLMACH_MANIFEST": str(manifest),
        "TOLMACH_ICON": str(icons / "tolmach.ico"),
        "TOLMACH_VERSION_RESOURCE": str(work / "version.txt"),
    }
    built = build(python, work, variables)
    packages = subprocess.check_output([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    site = packages.decode().strip()
    where: list[str | Path] = ["--manifest", manifest, "--out", notices, "--packages", site]
    run([python, "-m", "scripts.licence_notices", *where])
    strip_python(built)
    for path in clean(built):
        say(f"a search path of this machine was taken out of {path.name}")
    complete(built, icons, notices)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(built, target)
    for size, name in largest(target):
        say(f"{size / 1e6:8.1f} MB  {name}")
    packed = "" if told.no_archive or WINDOWS else f", packed {archive(target).stat().st_size / 1e6:.0f} MB"
    say(f"{target}: {size_of(target) / 1e6:.0f} MB{packed}, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        say(f"{error}")
        sys.exit(1)
