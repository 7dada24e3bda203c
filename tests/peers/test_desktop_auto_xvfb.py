"""The Auto-export view in real windows under Xvfb, worked with by keyboard while a real storescp takes the images.

Folders, history and queue are looked at; a patient is found in other letters; what waits for a destination that is
away is dropped with a reason. Screenshots are in build/screenshots.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.calling import numbered
from tests.peers.conftest import StartStorescp
from tests.peers.desktop_screen import driven, screen_of
from tests.unit.apps.desktop.conftest import closed_port
from tolmach.adapters.sql import open_records
from tolmach.apps.demo import SAMPLES, make_sample
from tolmach.apps.desktop.remembered import CHOICES

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]
STEPS = """
from PySide6.QtWidgets import QApplication

def type_into(field, text):
    field.setFocus()
    QTest.keyClicks(field, text)

def steps(main):
    view, files = main.views["auto"], os.environ["TOLMACH_TEST_FILES"]
    QTest.keyClick(main, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    yield lambda: {"room-1", "room-2"} == set(view.folders.cards)
    tiles = {name: card.tiles for name, card in view.folders.cards.items()}
    yield lambda: tiles["room-1"]["delivered"].number.text() == files
    yield lambda: tiles["room-2"]["waiting"].number.text() == "1"
    screen(1, "folders")
    QTest.keyClick(main, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    model = view.history.model
    yield lambda: len(model.ids) == int(files) + 1 and model.known(model.ids[0]) is not None
    QTest.keyClick(main, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    type_into(view.history.filters.search, "Shcherbakov")
    yield lambda: 0 < len(model.ids) < int(files) + 1 and model.known(model.ids[0]) is not None
    view.history.table.setFocus()
    QTest.keyClick(view.history.table, Qt.Key.Key_Down)
    yield lambda: view.history.object.model.rowCount() > 0
    screen(2, "history")
    view.history.object.tabs.setCurrentIndex(1)
    yield lambda: True
    screen(3, "deliveries")
    QTest.keyClick(main, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    queue = view.queue
    yield lambda: queue.model.ids and queue.model.known(queue.model.ids[0]) is not None
    yield lambda: queue.model.known(queue.model.ids[0]).problem is not None
    QTest.keyClick(queue.table, Qt.Key.Key_Down)
    yield lambda: bool(queue.table.selected_ids())
    screen(4, "queue")
    QTest.keyClick(queue.table, Qt.Key.Key_Delete)
    yield lambda: QApplication.activeModalWidget() is not None
    dialog = QApplication.activeModalWidget()
    dialog.reason.insert("знято двічі")  # the test library has no keys for other letters than Latin ones
    screen(5, "drop")
    dialog.ok.click()
    yield lambda: not queue.model.ids
    yield lambda: True
    screen(6, "dropped")
    main.presence.leaving.end_now()
    main.close()
"""


def configured(tmp_path: Path, port: int, ae_title: str) -> Path:
    """Write the user's own configuration: one folder for a PACS that is there, one for one that is away."""
    folder = tmp_path / "home" / "config" / "tolmach"
    folder.mkdir(parents=True)
    for name in ("in", "other"):
        (tmp_path / name).mkdir()
    text = f"""
data_dir = '{tmp_path / "data"}'
[dicom]
port = 0
[storage]
reserve = "0"
[[peer]]
name = "pacs"
ae_title = "{ae_title}"
host = "127.0.0.1"
port = {port}
[[peer]]
name = "away"
ae_title = "AWAY"
host = "127.0.0.1"
port = {closed_port()}
[[watch]]
name = "room-1"
folder = '{tmp_path / "in"}'
to = ["pacs"]
[[watch]]
name = "room-2"
folder = '{tmp_path / "other"}'
to = ["away"]
"""
    (folder / "tolmach.toml").write_text(text)
    return folder


@pytest.fixture
def xvfb(peer_program: Callable[[str], Path]) -> Path:
    return peer_program("Xvfb")


@pytest.mark.parametrize(
    ("language", "scheme", "size", "scale"),
    [("uk", "light", "1280x800", "1"), ("ru", "dark", "800x620", "1"), ("en", "light", "1000x700", "1.5")],
)
def test_the_view_is_worked_with_by_keyboard(
    storescp: StartStorescp, tmp_path: Path, xvfb: Path, language: str, scheme: str, size: str, scale: str
) -> None:
    peer = storescp("+xa")
    folder = configured(tmp_path, peer.address.port, peer.address.ae_title)
    for sample in SAMPLES:
        make_sample(sample, tmp_path / "in")
    (tmp_path / "other" / "one.dcm").write_bytes(numbered(1))
    (folder / CHOICES).write_text(f'{{"language": "{language}", "scheme": "{scheme}"}}')
    more = {"TOLMACH_TEST_FILES": str(len(SAMPLES)), "QT_SCALE_FACTOR": scale}
    with screen_of("1600x1100", tmp_path, xvfb) as display:
        status = driven(tmp_path, display, f"auto-{language}-{scheme}-{size}", size, STEPS, **more)
    assert status == 0
    assert len(peer.files()) == len(SAMPLES)
    with open_records(tmp_path / "data", create=False) as records:
        dropped = [event for event in records.events() if event.action == "dropped"]
        assert [event.details["reason"] for event in dropped] == ["знято двічі"]
        assert records.desk.audit().holds
