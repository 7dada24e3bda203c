"""The built program itself, in dist/, as a machine without Python and without this repository runs it.

`make package` builds it and runs this file; it is no part of `make test`. It is copied away first, and started with
nothing in its environment. Where the system allows it, this repository and every Python are covered with empty folders
for the processes that are started; in any case none of their files may be open in them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import pytest

from scripts import bundle_contents
from scripts.elf_paths import search_paths
from scripts.licence_notices import DOCUMENTS
from scripts.package import label, size_of
from tests.calling import IVANOV, numbered
from tests.conftest import ROOT
from tests.peers.conftest import StartStorescp, reserved_port, storescp  # noqa: F401 - a fixture
from tolmach.adapters.dicomweb.frames import Frames
from tolmach.adapters.dicomweb.pictures import decoded
from tolmach.adapters.dicomweb.pixel_workers import CHILD, PixelLimits, PixelWorkers
from tolmach.apps.demo import SAMPLES, make_sample
from tolmach.apps.desktop.preview import Picture, Preview, Told
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
SCREENSHOTS = ROOT / "build" / "screenshots"
SECONDS = 60.0
MOST_BYTES = 260_000_000
# What is left to the system, and has to fit it. The window alone needs what stands in the second line.
OF_SYSTEM = re.compile(
    r"(ld-linux-x86-64|libc|libm|libdl|librt|libpthread|libresolv|libutil|libstdc\+\+|libgcc_s|"
    r"libGL|libEGL|libX11|libX11-xcb|libxcb|libdbus-1|libfontconfig|libfreetype|libglib-2\.0|libgthread-2\.0)\.so\.\d+$"
)
COVER = (
    'for folder in $COVERED; do mount -t tmpfs none "$folder" || exit 97; done; '
    'unset COVERED; export PATH=/nowhere; exec "$@"'
)
GRAB = """
import sys
from PySide6.QtGui import QGuiApplication
application = QGuiApplication(["grab", "-platform", "xcb"])
sys.exit(not QGuiApplication.primaryScreen().grabWindow(0).save(sys.argv[1]))
"""


@dataclass(frozen=True)
class Built:
    """The program, away from where it was built, and a home of its own."""

    folder: Path
    home: Path
    before: tuple[str, ...]  # what covers the places where Python is, or nothing

    @property
    def program(self) -> Path:
        return self.folder / "tolmach"

    def environment(self, **more: str) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": "/nowhere", "TOLMACH_HTTP__PORT": "0", **more}

    def command(self, *words: str | Path) -> list[str]:
        return [*self.before, str(self.program), *map(str, words)]

    def run(self, *words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            env=self.environment(**more),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )

    def start(self, *words: str | Path, **more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(*words),
            env=self.environment(**more),
            cwd=self.home,
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


def covering() -> tuple[str, ...]:
    """Give what starts a program so that it finds neither a Python nor this repository; nothing if not allowed."""
    places = {ROOT, Path(sys.base_prefix), *Path("/usr/lib").glob("python3*"), *Path("/usr/local/lib").glob("python3*")}
    covered = " ".join(sorted(str(place) for place in places if place.is_dir() and place != Path("/usr")))
    for how in (("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount")):
        words = (*how, "/usr/bin/env", f"COVERED={covered}", "PATH=/usr/bin:/bin", "/bin/sh", "-c", COVER, "sh")
        tried = subprocess.run([*words, "/bin/ls", str(ROOT)], capture_output=True, check=False)
        if (tried.returncode, tried.stdout) == (0, b""):
            return (str(shutil.which(how[0])), *words[1:])
    return ()


@contextmanager
def screen(size: str, log: Path, program: Path) -> Iterator[str]:
    """Run an X server of our own; gives its display."""
    read, write = os.pipe()
    command = [str(program), "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp"]
    with log.open("wb") as output:
        server = subprocess.Popen(command, pass_fds=[write], stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read, "rb") as told:
            yield f":{told.readline().decode().strip()}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    source = ROOT / "dist" / label()
    if not (source / "tolmach").is_file():
        pytest.fail("there is no built program; run: make package")
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(source, folder / "away with it", symlinks=True)
    home = folder / "home"
    home.mkdir()
    return Built(folder / "away with it", home, covering())


def open_files(process: int) -> set[str]:
    """Give what a process and its children have mapped or open."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    children = [int(word) for task in tasks for word in (task / "children").read_text().split()]
    maps = Path(f"/proc/{process}/maps").read_text().splitlines()
    found = {line.split(maxsplit=5)[5] for line in maps if len(line.split(maxsplit=5)) == 6}
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        try:
            found.add(str(descriptor.readlink()))
        except OSError:
            continue
    return found.union(*map(open_files, children)) if children else found


def is_of_a_python(path: str) -> bool:
    return path.startswith((str(ROOT) + "/", sys.base_prefix + "/lib", "/usr/lib/python3"))


def test_it_says_its_version_and_speaks_three_languages(built: Built) -> None:
    ran = built.run("--version")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"tolmach {label().split('-')[1]}\n", "")
    helped = {language: built.run("--lang", language, "--help").stdout for language in ("en", "ru", "uk")}
    assert len(set(helped.values())) == 3
    assert "Виправляє" in helped["uk"] or "текст" in helped["uk"]


def test_it_inspects_and_repairs(built: Built, tmp_path: Path) -> None:
    file = tmp_path / "знімок.dcm"
    file.write_bytes(numbered(1))
    ran = built.run("inspect", "--json", file)
    (told,) = [json.loads(line) for line in ran.stdout.splitlines()]
    assert IVANOV in ran.stdout
    assert told["changes"]
    assert built.run("fix", file, "--out", tmp_path / "out").returncode == 0
    (fixed,) = (tmp_path / "out").rglob("*.dcm")
    assert str(pydicom.dcmread(fixed).PatientName) == IVANOV


def test_the_demonstration_runs(built: Built) -> None:
    ran = built.run("demo", "--once")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_it_sends_to_a_real_archive(built: Built, storescp: StartStorescp, tmp_path: Path) -> None:  # noqa: F811
    peer = storescp("+xa", "+B")
    folder = tmp_path / "in"
    folder.mkdir()
    for sample in SAMPLES:
        make_sample(sample, folder)
    ran = built.run("send", folder, f"{peer.ae_title}@127.0.0.1:{peer.port}", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len({str(pydicom.dcmread(file).SOPInstanceUID) for file in peer.files()}) == len(SAMPLES)


def test_it_serves_and_stops(built: Built, tmp_path: Path, peer_program: Callable[[str], Path]) -> None:
    port, config = reserved_port(), tmp_path / "tolmach.toml"
    config.write_text(
        f'data_dir = "{tmp_path / "data"}"\n[dicom]\nport = {port}\n[storage]\nreserve = "0"\n'
        '[[peer]]\nname = "ct-1"\nae_title = "CT1"\nhost = "127.0.0.1"\nrights = ["echo", "store"]\n',
        "utf-8",
    )
    (tmp_path / "1.dcm").write_bytes(numbered(1))
    with built.start("--config", config, "--lang", "en", "serve") as process:
        try:
            assert process.stdout is not None
            assert b"listening as TOLMACH@" in process.stdout.readline()
            storescu: list[str | Path] = [
                peer_program("storescu"),
                "-aet",
                "CT1",
                "-aec",
                "TOLMACH",
                "127.0.0.1",
                str(port),
            ]
            assert subprocess.run([*storescu, tmp_path / "1.dcm"], timeout=SECONDS, check=False).returncode == 0
            assert not [path for path in open_files(process.pid) if is_of_a_python(path)]
            (report,) = built.run("audit", "--json", "--config", config).stdout.splitlines()
            assert json.loads(report)["taken"] == 1
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=15)
            assert process.returncode == 0
        finally:
            process.kill()
    history = built.run("history", "--json", "--config", config).stdout
    assert IVANOV.split("^")[0] in history or "CT1" in history


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ('database = "postgresql://nobody@127.0.0.1:1/none"', "TLM-SQL-013"),
        ('objects = "s3://bucket/place?endpoint=http://127.0.0.1:1"', "TLM-OBJ-"),
    ],
)
def test_the_libraries_for_other_records_and_objects_are_in_it(
    built: Built, tmp_path: Path, setting: str, code: str
) -> None:
    config = tmp_path / "tolmach.toml"
    config.write_text(f'data_dir = "{tmp_path / "data"}"\n{setting}\n[dicom]\nport = {reserved_port()}\n', "utf-8")
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    ran = built.run("--config", config, "--lang", "en", "serve", **keys)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith(code), (
        ran.stderr
    )  # nobody answers there; a library that is missing has another code
    assert "pip install" not in ran.stderr, ran.stderr


@pytest.mark.parametrize("words", [("desktop", "--decode"), ("-P", "-m", "tolmach.apps.desktop.preview_child")])
def test_its_preview_child_decodes(built: Built, corpus: Path, words: tuple[str, ...]) -> None:
    told: list[Told] = []
    preview = Preview(told.append, built.command(*words), seconds=SECONDS)
    path = next(corpus.rglob("JPEG2000.dcm"))
    preview.ask(path)
    deadline = time.monotonic() + SECONDS
    while not told:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (picture,) = told
    assert isinstance(picture, Picture), picture
    assert len(picture.pixels) == picture.width * picture.height * picture.channels
    assert len(set(picture.pixels)) > 10


@pytest.mark.parametrize(
    "name", ["JPEG2000.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_RLE.dcm", "SC_rgb_small_odd_jpeg.dcm"]
)
def test_its_pixel_child_decodes_as_the_one_of_the_source(built: Built, corpus: Path, name: str) -> None:
    path = next(iter(sorted(corpus.rglob(name))), None)
    assert path is not None, name
    data_set = open_data_set(MemorySource(path.read_bytes()))
    answers = []
    for child in (CHILD, built.command(*CHILD[1:])):
        workers = PixelWorkers(PixelLimits(seconds=SECONDS), child)
        try:
            answers.append(decoded(data_set, Frames(data_set), 0, workers))
        finally:
            workers.close()
    assert answers[0] == answers[1]


def test_a_service_is_described_by_the_program_itself(built: Built, tmp_path: Path) -> None:
    config = tmp_path / "tolmach.toml"
    config.write_text(f'data_dir = "{tmp_path / "data"}"\n', "utf-8")
    ran = built.run("--config", config, "service", "install", "--user", "--dry-run")
    assert f'ExecStart="{built.program}" "serve" "--config" "{config}"' in ran.stdout


def test_its_window_opens_with_files(
    built: Built, tmp_path: Path, peer_program: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for sample in SAMPLES:
        make_sample(sample, folder)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    picture = SCREENSHOTS / "built-program.png"
    picture.unlink(missing_ok=True)
    with screen("1280x800", tmp_path / "xvfb.log", peer_program("Xvfb")) as display:
        environment = {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "LANG": "uk_UA.UTF-8"}
        with built.start("--lang", "uk", "desktop", folder, **environment) as process:
            try:
                remembered = built.home / ".config" / "tolmach" / "desktop-list.json"
                await_true(
                    lambda: remembered.is_file() and remembered.read_text().count(".dcm") >= len(SAMPLES), process
                )
                time.sleep(2)  # the screen has no event for: all is drawn
                grab = [sys.executable, "-c", GRAB, str(picture)]
                subprocess.run(grab, env={**os.environ, "DISPLAY": display}, check=True, timeout=SECONDS)
                opened_files = open_files(process.pid)
            finally:
                process.terminate()
                output = process.communicate(timeout=15)[0].decode()
    assert "Traceback" not in output, output
    assert not [path for path in opened_files if is_of_a_python(path)]
    assert any("libQt6Widgets" in path for path in opened_files)
    assert not [path for path in opened_files if "libQt" in path and not path.startswith(str(built.folder))]
    assert colours_of(picture) > 100


def await_true(is_true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_true():
        assert process.poll() is None, process.communicate()[0].decode()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def colours_of(path: Path) -> int:
    from PIL import Image

    with Image.open(path) as image:
        return len(image.convert("RGB").getcolors(1 << 24) or ())


def libraries(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Give every compiled file and the libraries it asks for."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.read_bytes()[:4] == b"\x7fELF":
            told = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
            yield path, re.findall(r"NEEDED.*\[(.+)\]", told)


def test_every_library_it_needs_is_in_it_or_the_systems(built: Built) -> None:
    there = {path.name for path in built.folder.rglob("*")}
    missing: Mapping[str, set[str]] = {}
    for path, needed in libraries(built.folder):
        lacking = {name for name in needed if name not in there and not OF_SYSTEM.match(name)}
        if lacking:
            missing = {**missing, path.name: lacking}
    assert not missing


def test_nothing_is_in_it_that_may_not_be(built: Built) -> None:
    names = [
        path.relative_to(built.folder / "_internal").as_posix()
        for path in built.folder.rglob("*")
        if "_internal" in path.parts and path.is_file()
    ]
    assert len(names) > 200
    assert not [name for name in names if not bundle_contents.is_kept(name)]
    assert not [
        name for name in names if re.search(r"readline|gdbm|VirtualKeyboard|libjpeg_turbo_gpl|pylibjpeg_libjpeg", name)
    ]


def test_the_notices_name_what_is_in_it(built: Built) -> None:
    text = (built.folder / "THIRD-PARTY-NOTICES.txt").read_text("utf-8")
    for name in ("pyside6-essentials", "shiboken6", "psycopg-binary", "pydicom", "Python 3", "OpenSSL", "pyinstaller"):
        assert f"\n  {name}" in text, name
    for path in (built.folder / "_internal").glob("*.dist-info"):
        assert path.name.partition("-")[0].replace("_", "-") in text
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in text
    assert str(ROOT) not in text
    assert str(DOCUMENTS) not in text


def test_it_tells_nothing_of_where_it_was_built(built: Built) -> None:
    ours = [
        path
        for path in built.folder.rglob("*")
        if path.is_file() and path.suffix in {".py", ".txt", ".json", ".desktop"}
    ]
    assert ours
    assert not [path for path in ours if str(ROOT) in path.read_text("utf-8", "replace")]
    assert str(ROOT).encode() not in built.program.read_bytes()


def test_it_looks_for_libraries_in_itself_and_the_system_alone(built: Built) -> None:
    paths = {
        part
        for path, _ in libraries(built.folder)
        for found in search_paths(path.read_bytes())
        for part in found.split(":")
    }
    assert paths
    assert not [path for path in paths if not path.startswith("$ORIGIN")]


def test_it_is_not_larger_than_it_was(built: Built) -> None:
    assert size_of(built.folder) < MOST_BYTES


def test_it_can_be_installed_for_one_user(built: Built) -> None:
    environment: dict[str, Any] = {"HOME": str(built.home), "PATH": os.defpath}
    subprocess.run(["sh", str(built.folder / "install.sh")], env=environment, check=True, capture_output=True)
    link = built.home / ".local/bin/tolmach"
    told = subprocess.run([*built.before, link, "--version"], env=built.environment(), capture_output=True, check=False)
    assert told.stdout.startswith(b"tolmach ")
    subprocess.run(["sh", str(built.folder / "install.sh"), "--uninstall"], env=environment, check=True)
    assert not link.exists()
