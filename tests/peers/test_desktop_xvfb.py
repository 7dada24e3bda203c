"""The desktop program in real windows under Xvfb, against real archives; its screenshots are kept in build/screenshots.

Each test starts `tolmach desktop` as people do, in a process of its own, drives it with the keyboard and takes pictures
of the screen. The pictures are there to be looked at; what is asserted is what the archives hold.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.peers.conftest import RunningOrthanc, StartStorescp
from tests.peers.desktop_screen import driven, screen_of
from tolmach.adapters.dimse import PeerAddress
from tolmach.apps.demo import SAMPLES, make_sample
from tolmach.apps.desktop.own_peers import save_peers
from tolmach.apps.desktop.remembered import CHOICES
from tolmach.apps.sections import PeerSettings

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]
STEPS = """
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
"""


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
        status = driven(tmp_path, display, f"storescp-{language}-{scheme}-{size}", size, STEPS, [files])
    assert status == 0
    assert len(peer.files()) == len(SAMPLES)


def test_orthanc_holds_repaired_names_at_150_percent(orthanc: RunningOrthanc, tmp_path: Path, xvfb: Path) -> None:
    files = prepared(tmp_path, orthanc.address, "uk", "contrast")
    with screen_of("1920x1200", tmp_path, xvfb) as display:
        status = driven(tmp_path, display, "orthanc-uk-150", "1280x800", STEPS, [files], QT_SCALE_FACTOR="1.5")
    assert status == 0
    assert len(orthanc.instances()) == len(SAMPLES)
    names = {
        orthanc.get_json(f"/instances/{one}/simplified-tags")["PatientName"] for one in orthanc.instances().values()
    }
    assert names == {sample.text["PatientName"] for sample in SAMPLES}
    kept = tmp_path / "home" / "config" / "tolmach" / "desktop-list.json"
    assert kept.read_text().count('"sent"') == len(SAMPLES)
    shutil.rmtree(tmp_path / "home")
