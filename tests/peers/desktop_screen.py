"""Driving the desktop program in real windows under Xvfb; its screenshots are kept in build/screenshots."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.calling import PROGRAM
from tests.conftest import ROOT

SCREENSHOTS = ROOT / "build" / "screenshots"
SECONDS = 90.0  # nothing takes so long when all is well
# What the outside may do in the program: it is told by a script that runs inside it, after the window is shown. `steps`
# is a generator; whatever it yields is asked until it is true, then it goes on.
BEFORE = """
import os
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
"""
AFTER = """
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


def driven(
    tmp_path: Path, display: str, name: str, size: str, steps: str, arguments: Sequence[str | Path] = (), **env: str
) -> int:
    """Start the program, let it be driven by the code of `steps(main)`, and give its exit status."""
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
    code = "\n".join([BEFORE, steps, AFTER, PROGRAM[-1]])
    command = [PROGRAM[0], "-c", code, "desktop", *map(str, arguments)]
    began = time.monotonic()
    ran = subprocess.run(
        command, env=known, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
    )
    assert b"Traceback" not in ran.stderr, ran.stderr.decode()
    assert time.monotonic() - began < SECONDS
    return ran.returncode
