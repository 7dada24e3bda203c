"""The desktop program in real windows under Xvfb, against real archives; its screenshots are kept in build/screenshots.

Each test starts `tolmach desktop` as people do, in a process of its own, drives it with the keyboard and takes pictures
of the screen. The pictures are there to be looked at; what is asserted is what the archives hold.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.calling import PROGRAM
from tests.conftest import ROOT
from tests.peers.conftest import RunningOrthanc, StartStorescp
from tolmach.adapters.dimse import PeerAddress
from tolmach.apps.demo import SAMPLES, make_sample
from tolmach.apps.desktop.own_peers import save_peers
from tolmach.apps.desktop.remembered import CHOICES
from tolmach.apps.sections import PeerSettings

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]
SCREENSHOTS = ROOT / "build" / "screenshots"
SECONDS = 90.0  # nothing takes so long when all is well
# What the outside may do in the program: it is told by a script that runs inside it, after the window is shown.
DRIVER = """
import os, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtCore import Qt
from tolmach.apps.desktop import program, window

pictures, name = Path(os.environ["TOLMACH_TEST_PICTURES"]), os.environ["TOLMACH_TEST_NAME"]
size = os.environ["TOLMACH_TEST_SIZE"].split("x")
shown = window.MainWindow.showEvent

def screen(number, what):
    width, height = (int(float(os.environ.get("QT_SCALE_FACTOR", "1")) * int(one)) for one in size)
    picture = QGuiApplication.primaryScreen().grabWindow(0).copy(0, 0, width, height)
    picture.save(str(pictures / f"{name}-{number}-{what}.png"))

def steps(main):
    desk, view = main.desk, main.send_view
    yield lambda: desk.model.rows and not desk.is_reading
    view.table.selectRow(0)
    yield lambda: view.details.model.rowCount() > 5
    screen(1, "read")
    QTest.keyClick(main, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    yield lambda: bool(view.target.answer.text()) and view.target.echo.isEnabled()
    screen(2, "echo")
    view.details.tabs.setCurrentIndex(1)
    yield lambda: view.details.picture.has_picture
    screen(3, "image")
    view.details.tabs.setCurrentIndex(0)
    QTest.keyClick(main, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    yield lambda: desk.is_working or not desk.unsent()
    yield lambda: not desk.is_working
    screen(4, "sent")
    QTest.keyClick(main, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    yield lambda: main.settings_view.isVisible()
    screen(5, "settings")
    main.close()

def begin(main):
    going, waiting = steps(main), [lambda: True]
    def go():
        try:
            if waiting[0]():
                waiting[0] = next(going)
        except StopIteration:
            timer.stop()
    timer = QTimer(main)
    timer.timeout.connect(go)
    timer.start(150)

def show(self, event):
    shown(self, event)
    if not hasattr(self, "driven"):
        self.driven = True
        self.resize(*map(int, size))
        self.move(0, 0)
        QTimer.singleShot(0, lambda: begin(self))

window.MainWindow.showEvent = show
"""


@contextmanager
def screen_of(size: str, tmp_path: Path, program: Path) -> Iterator[str]:
    """Run an X server of our own; gives its display."""
    read, write = os.pipe()
    command = [str(program), "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp"]
    with (tmp_path / "xvfb.log").open("wb") as log:
        server = subprocess.Popen(command, pass_fds=[write], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read, "rb") as told:
            yield f":{told.readline().decode().strip()}"
    finally:
        server.terminate()
        server.wait()


def driven(tmp_path: Path, display: str, name: str, size: str, files: Path, **env: str) -> int:
    """Start the program, let it be driven, and give its exit status."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for old in SCREENSHOTS.glob(f"{name}-*.png"):
        old.unlink()
    home = tmp_path / "home"
    known = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("TOLMACH_", "QT_", "XDG_", "LC_"))},
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "TOLMACH_TEST_PICTURES": str(SCREENSHOTS),
        "TOLMACH_TEST_NAME": name,
        "TOLMACH_TEST_SIZE": size,
        **env,
    }
    code = f"{DRIVER}\n{PROGRAM[-1]}"
    command = [PROGRAM[0], "-c", code, "desktop", str(files)]
    began = time.monotonic()
    ran = subprocess.run(
        command, env=known, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
    )
    assert b"Traceback" not in ran.stderr, ran.stderr.decode()
    assert time.monotonic() - began < SECONDS
    return ran.returncode


def prepared(tmp_path: Path, address: PeerAddress, language: str, scheme: str) -> Path:
    """Give a folder of spoiled images, and a home in which the peer and the choices are known."""
    files = tmp_path / "in"
    for sample in SAMPLES:
        make_sample(sample, files)
    folder = tmp_path / "home" / "config" / "tolmach"
    save_peers(folder, [PeerSettings(name="pacs", ae_title=address.ae_title, host=address.host, port=address.port)])
    (folder / CHOICES).write_text(f'{{"language": "{language}", "scheme": "{scheme}"}}')
    return files


@pytest.fixture
def xvfb(peer_program: Callable[[str], Path]) -> Path:
    return peer_program("Xvfb")


@pytest.mark.parametrize(
    ("language", "scheme", "size"),
    [("uk", "light", "1600x1000"), ("ru", "dark", "1280x800"), ("en", "light", "900x600")],
)
def test_storescp_gets_every_file(
    storescp: StartStorescp, tmp_path: Path, xvfb: Path, language: str, scheme: str, size: str
) -> None:
    peer = storescp("+xa")
    files = prepared(tmp_path, peer.address, language, scheme)
    with screen_of("1600x1000", tmp_path, xvfb) as display:
        status = driven(tmp_path, display, f"storescp-{language}-{scheme}-{size}", size, files)
    assert status == 0
    assert len(peer.files()) == len(SAMPLES)


def test_orthanc_holds_repaired_names_at_150_percent(orthanc: RunningOrthanc, tmp_path: Path, xvfb: Path) -> None:
    files = prepared(tmp_path, orthanc.address, "uk", "contrast")
    with screen_of("1920x1200", tmp_path, xvfb) as display:
        status = driven(tmp_path, display, "orthanc-uk-150", "1280x800", files, QT_SCALE_FACTOR="1.5")
    assert status == 0
    assert len(orthanc.instances()) == len(SAMPLES)
    names = {
        orthanc.get_json(f"/instances/{one}/simplified-tags")["PatientName"] for one in orthanc.instances().values()
    }
    assert names == {sample.text["PatientName"] for sample in SAMPLES}
    kept = tmp_path / "home" / "config" / "tolmach" / "desktop-list.json"
    assert kept.read_text().count('"sent"') == len(SAMPLES)
    shutil.rmtree(tmp_path / "home")
