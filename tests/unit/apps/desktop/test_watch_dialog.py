"""Changing and removing a watched folder in its form: that one table and nothing else."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from tests.unit.apps.desktop.conftest import WAIT, MakeWindow, in_dialog
from tests.unit.apps.desktop.test_wizard_window import FakeAgent
from tolmach.apps.desktop import watch_change, watch_dialog
from tolmach.apps.desktop.watch_change import change_watch
from tolmach.apps.desktop.watch_dialog import WatchDialog, open_watch
from tolmach.apps.desktop.watch_fields import ChoiceField, LineField, ManyField
from tolmach.apps.settings import load_settings

TEXT = """# by hand
data_dir = "{here}/data"
[[peer]]
name = "pacs"
ae_title = "PACS"
host = "h"
port = 104

[[watch]]
name = "one" # the first
folder = "{here}/one" # of room 1
to = ["pacs"]
shadow = true

[[watch]]
name = "two"
folder = "{here}/two"
"""


class Opened:
    def __init__(self, config: Path, dialog: WatchDialog, agent: FakeAgent, done: list[str], qtbot: QtBot) -> None:
        self.config, self.dialog, self.agent, self.done, self._qtbot = config, dialog, agent, done, qtbot

    def until(self, is_so: Callable[[], bool]) -> None:
        self._qtbot.waitUntil(is_so, timeout=WAIT)

    def line(self, name: str) -> LineField:
        field = self.dialog.form.fields[name]
        assert isinstance(field, LineField)
        return field

    @property
    def text(self) -> str:
        return self.config.read_text("utf-8")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "tolmach.toml"
    file.write_text(TEXT.replace("{here}", tmp_path.as_posix()), "utf-8")
    return file


Open = Callable[..., Opened]


@pytest.fixture
def opened(make_window: MakeWindow, config: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    monkeypatch.setattr(watch_dialog, "environment_of_program", dict)
    dialogs: list[WatchDialog] = []

    def make(name: str = "one") -> Opened:
        window, agent, done = make_window(), FakeAgent(config), list[str]()
        dialog = open_watch(window, window.words, window.theme, agent, name, lambda: done.append("done"))
        dialogs.append(dialog)
        return Opened(config, dialog, agent, done, qtbot)

    yield make
    for dialog in dialogs:
        if isValid(dialog):
            dialog.done(0)


def test_what_is_changed_is_written_and_nothing_else(opened: Open) -> None:
    one = opened()
    before = one.text
    to, after = one.dialog.form.fields["to"], one.dialog.form.fields["after"]
    assert isinstance(to, ManyField)
    assert isinstance(after, ChoiceField)
    assert to.value() == ["pacs"]
    one.line("settle_seconds").line.setText("3")
    after.combo.setCurrentIndex(after.combo.findData("delete"))
    one.dialog.save.click()
    one.until(lambda: bool(one.done))
    assert one.text == before.replace("shadow = true\n", 'shadow = true\nsettle_seconds = 3.0\nafter = "delete"\n')
    assert one.agent.reloads == 1
    assert one.config.with_suffix(".toml.bak").read_text("utf-8") == before


def test_nothing_changed_leaves_the_text_as_it_is(opened: Open) -> None:
    one = opened("two")
    before = one.text
    one.dialog.save.click()
    one.until(lambda: bool(one.done))
    assert one.text == before


def test_a_watch_is_removed_after_a_question(opened: Open) -> None:
    one = opened()
    before = one.text

    def answer(text: str) -> Callable[[QWidget], None]:
        def press(box: QWidget) -> None:
            assert isinstance(box, QMessageBox)
            next(button for button in box.buttons() if button.text() == text).click()

        return press

    in_dialog(answer("Keep it"))
    one.dialog.remove.click()
    assert one.text == before
    in_dialog(answer("Remove"))
    one.dialog.remove.click()
    one.until(lambda: bool(one.done))
    assert [watch.name for watch in load_settings(one.config, {}).watch] == ["two"]
    begin, end = before.index('[[watch]]\nname = "one"'), before.index('[[watch]]\nname = "two"')
    assert one.text == before[:begin] + before[end:]


@pytest.mark.parametrize(
    ("key", "text"),
    [("settle_seconds", "soon"), ("folder", ""), ("export_folder", "{here}/two/out"), ("folder", "{here}/two")],
)
def test_what_cannot_be_so_is_told_at_its_field(opened: Open, tmp_path: Path, key: str, text: str) -> None:
    one = opened()
    before = one.text
    one.line(key).line.setText(text.replace("{here}", str(tmp_path)))
    one.dialog.save.click()
    one.until(lambda: bool(one.line(key).error.text()))
    assert (one.text, one.done, one.dialog.isVisible()) == (before, [], True)


def test_a_file_that_is_too_unusual_is_opened_instead(
    opened: Open, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(config.read_text("utf-8").replace('name = "one"', '"name" = "one"'), "utf-8")
    asked: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: asked.append(url.toLocalFile()))
    one = opened()
    before = one.text
    one.dialog.save.click()
    one.until(one.dialog.banner.isVisible)
    assert "quotation marks" in one.dialog.banner.head.text()
    assert one.text == before
    one.dialog.open_file.click()
    assert asked == [str(config)]


def test_a_broken_file_is_told(opened: Open, config: Path) -> None:
    config.write_text("[dicom]\nprot = 1\n", "utf-8")
    one = opened()
    assert "prot" in one.dialog.banner.head.text()
    assert one.text == "[dicom]\nprot = 1\n"


def test_a_watch_that_is_gone_cannot_be_changed(opened: Open) -> None:
    one = opened("gone")
    assert not one.dialog.save.isEnabled()
    assert not one.dialog.remove.isEnabled()


def test_it_stays_while_the_file_is_written(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(watch_dialog, "change_watch", lambda *given: gate.wait(20) and change_watch(*given))
    one = opened()
    one.dialog.save.click()
    one.dialog.reject()
    assert one.dialog.isVisible()
    assert not one.dialog.close()
    gate.set()
    one.until(lambda: bool(one.done))


def test_the_language_of_an_open_form_follows(opened: Open) -> None:
    one = opened()
    one.dialog._outer.speak("ru")
    assert one.dialog.words.language == "ru"
    preset = one.dialog.form.fields["preset"]
    assert isinstance(preset, ChoiceField)
    assert preset.combo.currentText() == "Большинство аппаратов: файлы записываются за один раз, от начала до конца"
    assert preset.value() == "generic"


def test_more_than_the_watch_is_never_changed(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = config.read_text("utf-8")
    monkeypatch.setattr(
        watch_change, "without_watch", lambda original, _name: original.text.replace("104", "105").encode("utf-8")
    )
    changed = change_watch(config, "one", None, {})
    assert changed.is_unusual
    assert config.read_text("utf-8") == before
