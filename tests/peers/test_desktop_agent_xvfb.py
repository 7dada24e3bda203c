"""The agent inside the desktop program, in real windows under Xvfb: files of a watched folder reach a real storescp.

The program finds its configuration as a user has it, begins by itself, is looked at in every view, and is ended by a
person who is asked. Screenshots are in build/screenshots.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.peers.conftest import StartStorescp
from tests.peers.desktop_screen import driven, screen_of
from tolmach.adapters.sql import open_records
from tolmach.apps.demo import SAMPLES, make_sample
from tolmach.apps.desktop.remembered import CHOICES

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]
STEPS = """
from PySide6.QtWidgets import QApplication, QPushButton

def is_done(answers):
    return lambda: bool(answers) and answers[-1]

def steps(main):
    one, files = main.presence, int(os.environ["TOLMACH_TEST_FILES"])
    yield lambda: one.agent.state.kind == "running"
    answers = []

    def delivered(records):
        ended = [line.state for row in records.desk.history() for line in row.deliveries if line.destination == "pacs"]
        return len(ended) == files and set(ended) == {"delivered"}

    def ask():
        one.agent.ask(delivered, answers.append)
        return bool(answers) and answers[-1]

    yield ask
    screen(1, "send")
    QTest.keyClick(main, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    yield lambda: main.stack.currentWidget() is main.views["auto"]
    yield lambda: one.agent.overview.mood == "idle"
    screen(2, "auto")
    QTest.keyClick(main, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    yield lambda: main.settings_view.isVisible()
    bar = main.settings_view.verticalScrollBar()
    bar.setValue(bar.maximum())
    yield lambda: True
    screen(3, "settings")
    QTest.keyClick(main, Qt.Key.Key_F10)
    yield one.menu.isVisible
    screen(4, "menu")
    one.menu.close()
    Path(os.environ["TOLMACH_TEST_GONE"]).rmdir()
    yield lambda: one.agent.overview.mood == "attention"
    yield lambda: "TLM-SRV-023" in main.log.text.toPlainText()
    screen(5, "attention")
    QTimer.singleShot(0, main.close)
    yield lambda: QApplication.activeModalWidget() is not None
    yield lambda: True
    screen(6, "closing")
    QApplication.activeModalWidget().buttons()[0].click()
"""


def configured(tmp_path: Path, port: int, ae_title: str) -> Path:
    """Write the user's own configuration: one folder with spoiled images, one that will go away."""
    folder = tmp_path / "home" / "config" / "tolmach"
    folder.mkdir(parents=True)
    for name in ("in", "other"):
        (tmp_path / name).mkdir(exist_ok=True)
    text = f"""
data_dir = '{tmp_path / "data"}'
[dicom]
port = 0
[http]
port = 0
[storage]
reserve = "0"
[[peer]]
name = "pacs"
ae_title = "{ae_title}"
host = "127.0.0.1"
port = {port}
[[watch]]
name = "room-1"
folder = '{tmp_path / "in"}'
to = ["pacs"]
[[watch]]
name = "room-2"
folder = '{tmp_path / "other"}'
to = ["pacs"]
"""
    (folder / "tolmach.toml").write_text(text)
    return folder


@pytest.fixture
def xvfb(peer_program: Callable[[str], Path]) -> Path:
    return peer_program("Xvfb")


@pytest.mark.parametrize(
    ("language", "scheme", "size"),
    [("uk", "light", "1600x1000"), ("ru", "dark", "1280x800"), ("en", "contrast", "900x600")],
)
def test_what_comes_into_a_watched_folder_reaches_storescp(
    storescp: StartStorescp, tmp_path: Path, xvfb: Path, language: str, scheme: str, size: str
) -> None:
    peer = storescp("+xa")
    folder = configured(tmp_path, peer.address.port, peer.address.ae_title)
    for sample in SAMPLES:
        make_sample(sample, tmp_path / "in")
    (folder / CHOICES).write_text(f'{{"language": "{language}", "scheme": "{scheme}"}}')
    more = {"TOLMACH_TEST_FILES": str(len(SAMPLES)), "TOLMACH_TEST_GONE": str(tmp_path / "other")}
    with screen_of("1600x1000", tmp_path, xvfb) as display:
        status = driven(tmp_path, display, f"agent-{language}-{scheme}-{size}", size, STEPS, **more)
    assert status == 0
    assert len(peer.files()) == len(SAMPLES)
    with open_records(tmp_path / "data", create=False) as records:
        assert records.desk.audit().holds
