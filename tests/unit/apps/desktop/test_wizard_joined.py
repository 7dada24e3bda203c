"""The wizard in the whole program: a folder is added, the agent follows, and its images arrive."""

from pathlib import Path

from pytestqt.qtbot import QtBot

from tests.unit.apps.desktop.conftest import WAIT, MakeWindow, receiver
from tolmach.apps.desktop.auto_view import AutoView
from tolmach.apps.desktop.program import presence_of
from tolmach.apps.desktop.watch_dialog import WatchDialog
from tolmach.apps.desktop.watch_fields import SwitchField
from tolmach.apps.desktop.wizard_window import WizardWindow
from tolmach.apps.settings import load_settings


def test_a_folder_is_added_watched_and_changed(
    make_window: MakeWindow, files: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    config = tmp_path / "etc" / "tolmach.toml"
    config.parent.mkdir()
    config.write_text(f'data_dir = "{(tmp_path / "data").as_posix()}"\n[dicom]\nport = 0\n', "utf-8")
    with receiver(tmp_path / "scp") as (port, taken):
        window = make_window(port, config=config)
        view = window.views["auto"]
        assert isinstance(view, AutoView)
        window.show_view("auto")
        view.folders.add.click()
        (wizard,) = window.findChildren(WizardWindow)
        wizard.folder.choose(files)
        while wizard.page is not wizard.finish:
            qtbot.waitUntil(wizard.next.isEnabled, timeout=WAIT)
            wizard.next.click()
        wizard.finish.live.click()
        qtbot.waitUntil(wizard.next.isEnabled, timeout=WAIT)
        wizard.next.click()
        agent = presence_of(window).agent
        qtbot.waitUntil(lambda: agent.state.kind == "running", timeout=WAIT)
        qtbot.waitUntil(lambda: len(taken) == 4, timeout=WAIT)  # two of the five have one UID
        assert [one.name for one in window.station.run.settings.peer] == ["pacs"]
        assert not window.findChildren(WizardWindow)
        assert len(list(files.iterdir())) == 5
        qtbot.waitUntil(lambda: list(view.folders.cards) == ["in"], timeout=WAIT)
        view.folders.cards["in"].change.click()
        (dialog,) = window.findChildren(WatchDialog)
        shadow = dialog.form.fields["shadow"]
        assert isinstance(shadow, SwitchField)
        shadow.box.click()
        dialog.save.click()
        qtbot.waitUntil(lambda: view.folders.cards["in"].look.is_shadow, timeout=WAIT)
        agent.stop()
        qtbot.waitUntil(lambda: agent.state.kind == "off", timeout=WAIT)
    assert [(one.folder, one.shadow) for one in load_settings(config, {}).watch] == [(files, True)]
