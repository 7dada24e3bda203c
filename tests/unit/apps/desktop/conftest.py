"""The desktop program without a screen: real windows drawn into memory, a receiver of our own, nobody's settings."""

import gc
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Before Qt is loaded by anybody: there is no screen here.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QDialog, QWidget
from pytestqt.qtbot import QtBot

from tests.calling import CLEAN, UNSURE, numbered
from tolmach.adapters.dimse.reception import ReceivedInstance
from tolmach.adapters.dimse.status import SUCCESS
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.apps.cli.context import start
from tolmach.apps.configuration import user_folder
from tolmach.apps.desktop.own_peers import save_peers
from tolmach.apps.desktop.program import application, window_of
from tolmach.apps.desktop.window import MainWindow
from tolmach.apps.sections import PeerSettings

MakeWindow = Callable[..., MainWindow]
WAIT = 20_000  # milliseconds; nothing takes so long when all is well


@pytest.fixture(scope="session")
def qapp_cls() -> type:
    return type(application())


@pytest.fixture(autouse=True)
def _collected_here() -> Iterator[None]:
    """Let nothing of Qt be deleted in another thread, as `Collector` does in the program."""
    gc.disable()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture
def make_window(qtbot: QtBot, tmp_path: Path) -> Iterator[MakeWindow]:
    """Give a function that opens the window: `make_window(port, lang="uk", config=FILE)`; a port is that of a peer."""
    windows: list[MainWindow] = []

    def make(port: int = 0, lang: str = "en", config: Path | None = None, **peer: object) -> MainWindow:
        folder = user_folder()
        if port:
            known = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": port, **peer}
            save_peers(folder, [PeerSettings.model_validate(known)])
        _, run = start(["--lang", lang, *(["--config", str(config)] if config else [])])
        window = window_of(run, application(), folder)
        window.resize(1280, 800)
        window.show()
        windows.append(window)
        return window

    yield make
    for window in windows:
        close(window)


def close(window: MainWindow) -> None:
    """Close a window whatever it is doing."""
    assert window.presence is not None
    window.presence.leaving.end_now()
    window.close()
    window.deleteLater()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Give a folder with three spoiled files, a clean one and a doubtful one."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        (folder / f"spoiled-{number}.dcm").write_bytes(numbered(number))
    (folder / "clean.dcm").write_bytes(CLEAN)
    (folder / "unsure.dcm").write_bytes(UNSURE)
    return folder


def in_dialog(does: Callable[[QWidget], None]) -> None:
    """Do something in the dialog that is about to open; it is gone afterwards, whatever happened."""

    def act() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QDialog)
        try:
            does(dialog)
        finally:
            if dialog.isVisible():
                dialog.reject()

    QTimer.singleShot(100, act)


def loaded(window: MainWindow, qtbot: QtBot, *paths: Path, count: int) -> MainWindow:
    """Put paths on the list and wait until all is read."""
    window.take_paths(paths)
    qtbot.waitUntil(lambda: len(window.desk.model.rows) == count and not window.desk.is_reading, timeout=WAIT)
    return window


@contextmanager
def receiver(folder: Path, status: int = SUCCESS) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Run a receiver of ours; gives its port and the bytes of what it took, by UID."""
    taken: dict[str, bytes] = {}

    def keep(instance: ReceivedInstance) -> int:
        instance.file.close()
        taken[instance.sop_instance_uid] = instance.path.read_bytes()
        instance.path.unlink()
        return status

    folder.mkdir()
    with StorageScp(StorageScpSettings(port=0), folder, keep) as scp:
        yield scp.port, taken


@contextmanager
def nobody() -> Iterator[int]:
    """Give a port at which a connection is taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        yield listener.getsockname()[1]


def closed_port() -> int:
    """Give a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def configured(folder: Path, *, watches: tuple[str, ...] = ("room-1",), more: str = "", port: int = 0) -> Path:
    """Write a configuration by which files of watched folders go into another folder, and to a peer at a port."""
    lines = [
        f"data_dir = '{folder / 'data'}'",
        more,
        "[dicom]",
        "port = 0",
        "[http]",
        "enabled = false",
        "[storage]",
        'reserve = "0"',
    ]
    lines += ["[[peer]]", 'name = "out"', 'kind = "folder"', f"folder = '{folder / 'out'}'"]
    if port:
        lines += ["[[peer]]", 'name = "pacs"', 'ae_title = "PACS"', 'host = "127.0.0.1"', f"port = {port}"]
    (folder / "out").mkdir(exist_ok=True)
    for name in watches:
        (folder / name).mkdir(exist_ok=True)
        aims = '["out", "pacs"]' if port else '["out"]'
        lines += ["[[watch]]", f'name = "{name}"', f"folder = '{folder / name}'", f"to = {aims}"]
        lines += ["settle_seconds = 0.1", "scan_seconds = 0.5"]
    file = folder / "own.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


def delivered(folder: Path) -> int:
    """Count what has come into the folder of `configured`."""
    return sum(1 for path in (folder / "out").rglob("*.dcm") if path.is_file())
