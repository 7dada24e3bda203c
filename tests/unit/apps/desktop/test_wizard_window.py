"""Every page of the folder wizard, on real folders, a real receiver and a real configuration file."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from gettext import NullTranslations
from pathlib import Path
from typing import Literal

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QLabel, QMessageBox, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from tests.calling import CLEAN, numbered
from tests.unit.apps.desktop.conftest import WAIT, MakeWindow, closed_port, in_dialog, nobody, receiver
from tests.unit.apps.desktop.test_responsive import longest, pauses
from tolmach.apps import adding
from tolmach.apps.desktop import (
    wizard_course,
    wizard_folder,
    wizard_reading,
    wizard_samples,
    wizard_survey,
    wizard_window,
    words,
)
from tolmach.apps.desktop.agent import AgentState
from tolmach.apps.desktop.peer_dialog import PeerDialog
from tolmach.apps.desktop.watch_fields import ChoiceField, LineField, ManyField
from tolmach.apps.desktop.window import MainWindow
from tolmach.apps.desktop.wizard_page import WizardPage
from tolmach.apps.desktop.wizard_window import WizardWindow, open_wizard
from tolmach.apps.sections import PeerSettings, Settings
from tolmach.apps.settings import load_settings
from tolmach.apps.translations import Translator

__all__ = ["pauses"]

EVIL = "<b>Экспорт<br> \"&\" \u202egnp; 'x' [[watch]] #"


class FakeAgent:
    """Knows where the configuration is, and counts how often it was told to read it anew."""

    def __init__(self, config_path: Path) -> None:
        self.config_path = config_path
        self.reloads = 0
        self.state = AgentState()

    def reload(self) -> None:
        self.reloads += 1


class Opened:
    """A wizard before its window, with what it told when it was done."""

    def __init__(self, window: MainWindow, config: Path, qtbot: QtBot) -> None:
        self.window, self.config, self.qtbot = window, config, qtbot
        self.agent = FakeAgent(config)
        self.done: list[str] = []
        self.wizard: WizardWindow = open_wizard(
            window, window.words, window.theme, window.desk, self.agent, self.done.append
        )

    def choose(self, folder: Path) -> None:
        self.wizard.folder.choose(folder)

        def is_seen() -> bool:
            seen = self.wizard.course.survey
            return seen is not None and seen.is_whole and seen.path == folder

        self.until(is_seen)

    def until(self, is_so: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(is_so, timeout=WAIT)

    def on(self) -> WizardPage:
        """Press Next as soon as that can be done, and give the page that comes."""
        before = self.wizard.page
        self.until(self.wizard.next.isEnabled)
        self.wizard.next.click()
        if self.wizard.page is before:
            raise AssertionError("no other page came")
        if self.wizard.page is self.wizard.samples:
            self.until(lambda: not self.wizard.samples.is_reading)
        return self.wizard.page

    def to(self, page: WizardPage) -> None:
        while self.wizard.page is not page:
            self.on()
        if page is not self.wizard.passport:
            self.until(lambda: not self.wizard.course.is_judging)

    def add(self) -> None:
        self.until(self.wizard.next.isEnabled)
        self.wizard.next.click()
        self.until(lambda: bool(self.done))

    @property
    def settings(self) -> Settings:
        return load_settings(self.config, {})


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pages come when a test asks for them; what comes by itself has a test of its own.
    monkeypatch.setattr(wizard_window, "_SEEN_MILLISECONDS", 10_000_000)
    monkeypatch.setattr(wizard_window, "environment_of_program", dict)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "etc" / "tolmach.toml"
    file.parent.mkdir()
    file.write_text(f'# by hand\ndata_dir = "{(tmp_path / "data").as_posix()}"\n', "utf-8")
    return file


Open = Callable[..., Opened]


@pytest.fixture
def opened(make_window: MakeWindow, config: Path, qtbot: QtBot) -> Iterator[Open]:
    """Give a function that opens the wizard: `opened(port, lang="uk")`; the port is that of the window's own peer."""
    made: list[Opened] = []

    def make(port: int = 0, **more: object) -> Opened:
        one = Opened(make_window(port, **more), config, qtbot)
        made.append(one)
        return one

    yield make
    for one in made:
        if isValid(one.wizard) and one.wizard.isVisible():
            one.wizard.done(0)


def field(one: Opened, form: str, name: str) -> LineField:
    found = getattr(one.wizard.settings, form).fields[name]
    assert isinstance(found, LineField)
    return found


def everything_in(folder: Path) -> dict[Path, bytes]:
    return {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_from_a_folder_to_a_watch_that_is_followed(opened: Open, files: Path, tmp_path: Path) -> None:
    with receiver(tmp_path / "scp") as (port, taken):
        one = opened(port)
        before = everything_in(tmp_path / "etc") | everything_in(files)
        one.choose(files)
        assert "5 of 5" in one.wizard.folder.facts.values["dicom"][1].text()
        assert one.on() is one.wizard.samples
        assert "5 files" in one.wizard.samples.state.text()
        assert one.on() is one.wizard.passport
        assert "ИВАНОВ" in one.wizard.passport.text.toPlainText()
        assert one.on() is one.wizard.settings
        assert one.on() is one.wizard.trial
        one.wizard.trial.echo.click()
        one.until(lambda: one.wizard.trial.results["echo"].trial is not None)
        one.wizard.trial.send.click()
        one.until(lambda: one.wizard.trial.results["image"].trial is not None)
        assert [result.head.property("tone") for result in one.wizard.trial.results.values()] == ["good", "good"]
        assert len(taken) == 1
        assert one.on() is one.wizard.finish
        assert everything_in(tmp_path / "etc") | everything_in(files) == before
        assert (one.agent.reloads, one.done) == (0, [])
        one.add()
    assert (one.agent.reloads, one.done) == (1, ["in"])
    (watch,) = one.settings.watch
    assert (watch.folder, watch.to, watch.shadow, watch.profile) == (files, ("pacs",), True, "in")
    assert [(peer.name, peer.port) for peer in one.settings.peer] == [("pacs", port)]
    assert one.config.read_text("utf-8").startswith("# by hand\n")
    assert {path: raw for path, raw in before.items() if path.is_relative_to(files)} == everything_in(files)


def test_live_at_once_and_what_was_typed_are_written(opened: Open, files: Path, tmp_path: Path) -> None:
    one = opened(closed_port())
    one.choose(files)
    one.to(one.wizard.settings)
    field(one, "folder_form", "name").line.setText("Кабінет 1")
    field(one, "folder_form", "ignore").line.setText('*.bak, "a, b"')
    field(one, "folder_form", "settle_seconds").line.setText("2,5")
    field(one, "ways_form", "export_folder").line.setText(str(tmp_path / "out"))
    after = one.wizard.settings.tidy_form.fields["after"]
    assert isinstance(after, ChoiceField)
    after.combo.setCurrentIndex(after.combo.findData("move"))
    one.until(lambda: not one.wizard.course.is_judging)
    assert not one.wizard.next.isEnabled()
    moving = field(one, "tidy_form", "move_to")
    assert moving.error.text()
    moving.line.setText(str(tmp_path / "done"))
    field(one, "profile_form", "name").line.setText("своя")
    one.to(one.wizard.finish)
    one.wizard.finish.live.click()
    one.until(lambda: not one.wizard.course.is_judging)
    assert "shadow" not in one.wizard.finish.text.toPlainText()
    one.add()
    (watch,) = one.settings.watch
    assert (watch.name, watch.ignore, watch.settle_seconds) == ("Кабінет 1", ("*.bak", "a, b"), 2.5)
    assert (watch.export_folder, watch.after, watch.move_to) == (tmp_path / "out", "move", tmp_path / "done")
    assert (watch.shadow, watch.profile, one.settings.profile[0].name) == (False, "своя", "своя")


def test_going_back_keeps_what_was_chosen(opened: Open, files: Path) -> None:
    one = opened(closed_port())
    one.choose(files)
    one.to(one.wizard.settings)
    field(one, "folder_form", "name").line.setText("mine")
    one.to(one.wizard.finish)
    for page in (one.wizard.trial, one.wizard.settings, one.wizard.passport, one.wizard.samples, one.wizard.folder):
        one.wizard.back.click()
        assert one.wizard.page is page
    assert not one.wizard.back.isEnabled()
    one.to(one.wizard.settings)
    assert field(one, "folder_form", "name").line.text() == "mine"
    assert not one.wizard.samples.is_reading


def test_another_folder_begins_anew(opened: Open, files: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x").write_bytes(CLEAN)
    one = opened(closed_port())
    one.choose(files)
    one.to(one.wizard.settings)
    while one.wizard.page is not one.wizard.folder:
        one.wizard.back.click()
    one.choose(other)
    one.to(one.wizard.settings)
    assert one.wizard.course.usable_samples == 1
    assert field(one, "folder_form", "name").line.text() == "other"


@pytest.mark.parametrize("how", ["button", "escape", "close"])
def test_closing_asks_and_changes_nothing(opened: Open, files: Path, tmp_path: Path, how: str) -> None:
    one = opened(closed_port())
    before = everything_in(tmp_path / "etc")
    one.choose(files)
    one.to(one.wizard.finish)
    close = {
        "button": one.wizard.cancel.click,
        "escape": lambda: QTest.keyClick(one.wizard, Qt.Key.Key_Escape),
        "close": one.wizard.close,
    }[how]

    def answer(text: str) -> Callable[[QWidget], None]:
        def press(box: QWidget) -> None:
            assert isinstance(box, QMessageBox)
            next(button for button in box.buttons() if button.text() == text).click()

        return press

    in_dialog(answer("Go on with it"))
    close()
    assert one.wizard.isVisible()
    in_dialog(answer("Close"))
    close()
    assert not one.wizard.isVisible()
    assert everything_in(tmp_path / "etc") == before
    assert (one.agent.reloads, one.done) == (0, [])


def test_a_wizard_in_which_nothing_was_made_closes_at_once(opened: Open, files: Path) -> None:
    one = opened()
    one.choose(files)
    one.wizard.cancel.click()
    assert not one.wizard.isVisible()


@pytest.mark.parametrize("text", ["nowhere", "/no/such/folder", "{in}/clean.dcm", "{data}", ""])
def test_a_folder_that_cannot_be_watched_keeps_the_page(opened: Open, files: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "data").mkdir()
    one = opened()
    one.choose(files)
    one.wizard.folder.path.setText(text.replace("{in}", str(files)).replace("{data}", str(tmp_path / "data")))
    one.wizard.folder.look()
    if text:
        one.until(one.wizard.folder.banner.isVisible)
        assert one.wizard.folder.banner.head.text()
    assert not one.wizard.next.isEnabled()
    QTest.keyClick(one.wizard.folder.path, Qt.Key.Key_Return)
    assert one.wizard.page is one.wizard.folder


def test_a_drive_that_does_not_answer_holds_up_nothing(
    opened: Open, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, look = threading.Event(), wizard_survey.survey

    def hang(text: str, *more: object) -> None:
        if text.endswith("dead"):
            gate.wait(60)
        look(text, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(wizard_folder, "survey", hang)
    one = opened()
    one.wizard.folder.choose(tmp_path / "dead")
    assert not one.wizard.next.isEnabled()
    one.choose(files)
    assert one.wizard.next.isEnabled()
    gate.set()
    one.qtbot.wait(200)
    assert one.wizard.course.folder == files  # what comes late is not listened to


def test_folders_are_typed_dropped_browsed_and_gone_into(
    opened: Open, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = opened()
    page = one.wizard.folder
    (files / "deeper").mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(files))
    page.browse.click()
    one.until(lambda: one.wizard.course.folder == files and page.folders.count() == 2)
    page.folders.itemActivated.emit(page.folders.item(1))
    one.until(lambda: one.wizard.course.folder == files / "deeper")
    page.folders.itemActivated.emit(page.folders.item(0))
    one.until(lambda: one.wizard.course.folder == files)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(files / "deeper"))])
    enter = QDragEnterEvent(page.rect().center(), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
                            Qt.KeyboardModifier.NoModifier)  # fmt: skip
    page.dragEnterEvent(enter)
    assert enter.isAccepted()
    page.dropEvent(
        QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
                   Qt.KeyboardModifier.NoModifier)
    )  # fmt: skip
    one.until(lambda: one.wizard.course.folder == files / "deeper")
    page.path.setText(f' "{files}" ')
    one.until(lambda: one.wizard.course.folder == files and page.may_go_on)
    page.path.setText("")
    one.until(lambda: one.wizard.course.survey is None)
    assert not one.wizard.next.isEnabled()


def test_samples_are_read_again_elsewhere_and_only_so_many(
    opened: Open, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    one = opened(closed_port())
    one.choose(empty)
    assert one.on() is one.wizard.samples
    page = one.wizard.samples
    assert page.banner.isVisible()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(files))
    page.other.click()
    one.until(lambda: not page.is_reading)
    assert one.wizard.course.usable_samples == 5
    page.most.setValue(2)
    page.read.click()
    one.until(lambda: not page.is_reading)
    assert one.wizard.course.usable_samples == 2
    one.to(one.wizard.finish)
    one.add()
    assert one.settings.watch[0].folder == empty


def test_without_samples_the_settings_are_the_usual_ones(opened: Open, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "note.txt").write_text("no image here, and none to come")
    one = opened(closed_port())
    one.choose(folder)
    one.on()
    assert "note.txt" in one.wizard.samples.rejected.text()
    assert one.on() is one.wizard.settings  # there is no passport to be shown
    one.to(one.wizard.trial)
    assert not one.wizard.trial.send.isEnabled()
    one.to(one.wizard.finish)
    one.add()
    assert (one.settings.watch[0].profile, one.settings.profile) == (None, ())


def test_the_passport_comes_by_itself_when_all_is_read(
    opened: Open, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wizard_window, "_SEEN_MILLISECONDS", 1)
    one = opened()
    one.choose(files)
    one.wizard.next.click()
    one.until(lambda: one.wizard.page is one.wizard.passport)


def test_reading_can_be_ended_early(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, gate, reached = tmp_path / "in", threading.Event(), threading.Event()
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.dcm").write_bytes(numbered(number))
    take = wizard_samples.take_samples

    def slowly(*given: object) -> None:
        enough = given[-1]
        looks = iter(range(10**9))

        def is_enough() -> bool:
            if next(looks) == 35:  # listed, and some are read
                reached.set()
                gate.wait(20)
            return bool(enough())  # type: ignore[operator]

        take(*given[:-1], is_enough)  # type: ignore[arg-type, call-arg]

    monkeypatch.setattr(wizard_reading, "take_samples", slowly)
    one = opened()
    one.choose(folder)
    one.wizard.next.click()
    page = one.wizard.samples
    assert page.is_reading
    assert not one.wizard.next.isEnabled()
    one.until(reached.is_set)
    page.stop.click()
    gate.set()
    one.until(lambda: not page.is_reading)
    assert 0 < one.wizard.course.usable_samples < 30


def test_several_machines_each_have_a_passport(opened: Open, tmp_path: Path) -> None:
    from tests.builders import body, part10

    folder = tmp_path / "in"
    folder.mkdir()
    for number, name in enumerate((b"ROOM1 ", b"ROOM2 ", b"ROOM2 ")):
        own = f"1.2.3.{number}"
        elements = [(0x00081010, "SH", name), (0x00100010, "PN", b"A^B ")]
        (folder / f"{number}.dcm").write_bytes(part10(body(*elements), instance=own))
    one = opened(closed_port())
    one.choose(folder)
    one.to(one.wizard.passport)
    page = one.wizard.passport
    assert [page.devices.itemText(number) for number in range(2)] == ["ROOM2 (2)", "ROOM1 (1)"]
    page.devices.setCurrentIndex(1)
    assert "ROOM1" in page.text.toPlainText()
    one.to(one.wizard.settings)
    assert field(one, "folder_form", "name").line.text() == "room1"


def test_rules_are_taken_over_or_not(opened: Open, files: Path, config: Path) -> None:
    for number in range(3):
        (files / f"spoiled-{number}.dcm").unlink()
    one = opened(closed_port())
    one.choose(files)
    one.to(one.wizard.settings)
    boxes = one.wizard.settings.rules
    assert boxes
    assert "profile.rule" in str(one.wizard.course.judged and one.wizard.course.judged.text)
    QTest.mouseClick(boxes[0], Qt.MouseButton.LeftButton)  # its text counts too
    assert not boxes[0].isChecked()
    one.until(lambda: not one.wizard.course.is_judging)
    assert len(boxes) == 1
    assert "profile.rule" not in str(one.wizard.course.judged and one.wizard.course.judged.text)


def test_the_profile_can_be_another_or_none(opened: Open, files: Path, config: Path) -> None:
    config.write_text(f'{config.read_text("utf-8")}[[profile]]\nname = "usual"\n', "utf-8")
    one = opened(closed_port())
    one.choose(files)
    one.to(one.wizard.settings)
    choice = one.wizard.settings.repair_form.fields["profile"]
    assert isinstance(choice, ChoiceField)
    assert [choice.combo.itemData(number) for number in range(choice.combo.count())] == ["in", "", "usual"]
    choice.combo.setCurrentIndex(2)
    assert not one.wizard.settings.profile_form.isVisible()
    one.to(one.wizard.finish)
    assert "[[profile]]" not in one.wizard.finish.text.toPlainText()
    one.add()
    assert one.settings.watch[0].profile == "usual"


def test_a_destination_is_added_and_comes_into_the_configuration(opened: Open, files: Path, tmp_path: Path) -> None:
    one = opened()
    one.choose(files)
    one.to(one.wizard.settings)
    before = everything_in(one.config.parent)

    def add(dialog: QWidget) -> None:
        assert isinstance(dialog, PeerDialog)
        dialog.first.put({"name": "new", "ae_title": "NEW", "host": "10.0.0.9", "port": 104})
        dialog.save.click()

    in_dialog(add)
    one.wizard.settings.add_peer.click()
    to = one.wizard.settings.ways_form.fields["to"]
    assert isinstance(to, ManyField)
    assert (list(to.boxes), to.value()) == (["new"], ["new"])
    one.to(one.wizard.finish)
    assert everything_in(one.config.parent) == before
    one.add()
    assert one.settings.peer == (PeerSettings(name="new", ae_title="NEW", host="10.0.0.9", port=104),)
    assert one.settings.watch[0].to == ("new",)


def test_a_refused_test_is_red_and_says_what_to_do(opened: Open, files: Path) -> None:
    one = opened(closed_port())
    one.choose(files)
    one.to(one.wizard.trial)
    for kind, button in (("echo", one.wizard.trial.echo), ("image", one.wizard.trial.send)):
        button.click()
        result = one.wizard.trial.results[kind]
        one.until(lambda result=result: result.trial is not None)  # type: ignore[misc]
        assert result.head.property("tone") == "bad"
        assert "TLM-NET-011" in result.head.text()
        assert result.rest.text()
    assert one.wizard.next.isEnabled()


def test_a_stalled_destination_freezes_nothing(opened: Open, files: Path) -> None:
    with nobody() as port:
        one = opened(port)
        one.choose(files)
        one.to(one.wizard.trial)
        page = one.wizard.trial
        page.echo.click()
        page.send.click()
        assert not page.echo.isEnabled()
        assert "Asking" in page.results["image"].head.text()
        one.to(one.wizard.finish)  # nobody has to wait for it
        one.add()
    assert one.settings.watch


def test_without_a_destination_there_is_nothing_to_try(opened: Open, files: Path) -> None:
    one = opened()
    one.choose(files)
    one.to(one.wizard.trial)
    assert not one.wizard.trial.echo.isEnabled()
    assert one.wizard.trial.note.text()
    one.to(one.wizard.finish)
    one.add()
    assert one.settings.watch[0].to == ()


def test_a_file_that_changed_meanwhile_is_told_and_the_next_try_takes_it_as_it_is(
    opened: Open, files: Path, config: Path
) -> None:
    one = opened(closed_port())
    one.choose(files)
    one.to(one.wizard.finish)
    one.until(lambda: not one.wizard.course.is_judging)
    config.write_text(f"{config.read_text('utf-8')}language = 'uk'\n", "utf-8")
    one.wizard.next.click()
    one.until(one.wizard.finish.banner.isVisible)
    assert "changed" in one.wizard.finish.banner.head.text()
    assert "[[watch]]" not in config.read_text("utf-8")
    one.wizard.finish.copy.click()
    assert "[[watch]]" in QGuiApplication.clipboard().text()
    one.add()
    assert (one.settings.language, len(one.settings.watch)) == ("uk", 1)


def test_a_name_that_was_taken_meanwhile_is_told(opened: Open, files: Path, config: Path) -> None:
    one = opened(closed_port())
    one.choose(files)
    one.to(one.wizard.finish)
    taken = f'[[watch]]\nname = "in"\nfolder = "{(files / "x").as_posix()}x"\n'.replace("/in/xx", "/elsewhere")
    config.write_text(config.read_text("utf-8") + taken, "utf-8")
    one.wizard.next.click()
    one.until(lambda: one.wizard.finish.banner.isVisible() and not one.wizard.course.is_judging)
    assert not one.wizard.next.isEnabled()
    one.wizard.back.click()
    one.wizard.back.click()
    assert one.wizard.page is one.wizard.settings
    one.until(lambda: not one.wizard.course.is_judging)
    assert field(one, "folder_form", "name").error.text()
    field(one, "folder_form", "name").line.setText("another")
    one.to(one.wizard.finish)
    one.add()
    assert [watch.name for watch in one.settings.watch] == ["in", "another"]


def test_a_write_protected_file_is_told_and_nothing_is_lost(opened: Open, files: Path, config: Path) -> None:
    config.chmod(0o444)
    one = opened(closed_port())
    one.choose(files)
    one.to(one.wizard.finish)
    before = everything_in(config.parent)
    one.wizard.next.click()
    one.until(one.wizard.finish.banner.isVisible)
    assert everything_in(config.parent) == before
    assert (one.agent.reloads, one.wizard.isVisible()) == (0, True)
    one.wizard.finish.copy.click()
    assert str(files) in QGuiApplication.clipboard().text()


def test_a_broken_configuration_is_told_from_the_first_page(opened: Open, files: Path, config: Path) -> None:
    config.write_text("[dicom]\nprot = 1\n", "utf-8")
    one = opened(closed_port())
    assert "prot" in one.wizard.folder.banner.head.text()
    one.choose(files)
    one.on()
    one.on()
    one.on()
    one.until(lambda: not one.wizard.course.is_judging)
    assert "prot" in one.wizard.settings.banner.head.text()
    assert not one.wizard.next.isEnabled()
    assert config.read_text("utf-8") == "[dicom]\nprot = 1\n"


def test_without_a_configuration_one_is_made(opened: Open, files: Path, config: Path, tmp_path: Path) -> None:
    config.unlink()
    one = opened(closed_port())
    one.choose(files)
    one.to(one.wizard.finish)
    assert "new file" in one.wizard.finish.where.text()
    one.add()
    assert one.settings.data_dir.is_dir()
    assert one.settings.data_dir.is_relative_to(tmp_path / "home")
    assert one.settings.watch[0].folder == files


@pytest.mark.parametrize("kind", ["running", "elsewhere"])
def test_another_program_with_the_data_folder_is_told_of(
    opened: Open, files: Path, kind: Literal["running", "elsewhere"]
) -> None:
    one = opened(closed_port())
    one.agent.state = AgentState(kind)
    one.choose(files)
    one.to(one.wizard.finish)
    assert one.wizard.finish.elsewhere.isVisible() == (kind == "elsewhere")


def test_while_it_is_written_nothing_else_can_be_done(
    opened: Open, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    write = adding.write_configuration

    def slowly(*given: object) -> Path | None:
        gate.wait(20)
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(wizard_course, "write_configuration", slowly)
    one = opened(closed_port())
    one.choose(files)
    one.to(one.wizard.finish)
    one.wizard.next.click()
    assert not one.wizard.next.isEnabled()
    assert not one.wizard.back.isEnabled()
    one.wizard.reject()
    assert one.wizard.isVisible()
    gate.set()
    one.until(lambda: bool(one.done))
    assert len(one.settings.watch) == 1


def test_hostile_names_are_shown_as_text_and_written_as_they_are(opened: Open, tmp_path: Path) -> None:
    folder = tmp_path / EVIL
    folder.mkdir()
    (folder / f"{EVIL[:20].replace('/', '')}\n.dcm").write_bytes(numbered(1))
    (folder / "Знімок\u202e.txt").write_text("no image")
    one = opened(closed_port())
    one.choose(tmp_path)
    one.choose(folder)
    while one.wizard.page is not one.wizard.finish:
        for label in one.wizard.findChildren(QLabel):
            assert label.textFormat() is Qt.TextFormat.PlainText
            assert "\u202e" not in label.text()
        one.on()
    assert "\u202e" not in one.wizard.passport.text.toHtml()
    one.add()
    assert one.settings.watch[0].folder == folder
    one.window.grab()


@pytest.mark.skipif(os.name == "nt", reason="names of files are text there")
def test_a_name_that_is_no_text_is_told(opened: Open, tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/\xff\xfe")  # noqa: PTH102 - a name pathlib would not make
    one = opened()
    one.choose(tmp_path)
    names = [one.wizard.folder.folders.item(number).text() for number in range(one.wizard.folder.folders.count())]
    assert "\\xff\\xfe" in names
    one.choose(next(path for path in tmp_path.iterdir() if not path.name.isprintable() or "\udcff" in path.name))
    assert one.wizard.course.survey is not None
    assert one.wizard.course.survey.problem is not None
    assert one.wizard.course.survey.problem.code == "TLM-DSK-042"


class MarkedTexts(NullTranslations):
    """A catalogue in which every text says which language it is in: what does not was never asked for."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self.mark = f"‹{language}› "

    def gettext(self, message: str) -> str:
        return f"{self.mark}{message}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.mark + super().ngettext(msgid1, msgid2, n)


DATA = re.compile(r"2\.1 KB|\.dcm: 5|/.*/in|pacs   PACS@.*")  # what no language has another word for


def texts_of(wizard: WizardWindow) -> list[str]:
    shown: list[QLabel | QAbstractButton] = [*wizard.findChildren(QLabel), *wizard.findChildren(QAbstractButton)]
    texts = [one.text() for one in shown if one.isVisible()]
    return [one for one in texts if any(sign.isalpha() for sign in one)]


def test_the_language_changes_on_every_page_without_a_restart(
    opened: Open, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = opened(closed_port())
    one.choose(files)
    shown = set()
    while True:
        for language, other in (("ru", "uk"), ("uk", "ru")):
            texts = MarkedTexts(language)
            monkeypatch.setattr(words, "translator", lambda name, texts=texts: Translator(name, texts))
            one.window.words.speak(language)
            one.until(lambda: not one.wizard.course.is_judging)
            unsaid = [text for text in texts_of(one.wizard) if f"‹{language}›" not in text]
            assert not [text for text in unsaid if not DATA.fullmatch(text)]
            assert not [text for text in texts_of(one.wizard) if f"‹{other}›" in text]
        shown.add(one.wizard.page)
        if one.wizard.page is one.wizard.finish:
            break
        one.on()
        one.until(lambda: not one.wizard.course.is_judging)
    assert len(shown) == 6
    monkeypatch.undo()
    one.wizard.done(0)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert not isValid(one.wizard)
    one.window.words.speak("en")  # what is gone is not spoken to


@pytest.mark.parametrize("scheme", ["light", "dark", "contrast"])
def test_every_page_follows_the_scheme(opened: Open, files: Path, scheme: str) -> None:
    one = opened(closed_port())
    one.choose(files)
    while one.wizard.page is not one.wizard.finish:
        one.on()
    one.window.theme.choose(scheme)
    for _ in range(5):
        colour = one.wizard.grab().toImage().pixelColor(3, 3).name()
        assert colour == one.window.theme.colours.window
        one.wizard.back.click()


def test_keys_go_through_the_whole(opened: Open, files: Path) -> None:
    one = opened(closed_port())
    QTest.keyClicks(one.wizard.folder.path, str(files))
    QTest.keyClick(one.wizard.folder.path, Qt.Key.Key_Return)
    one.until(one.wizard.next.isEnabled)
    while one.wizard.page is not one.wizard.finish:
        one.until(one.wizard.next.isEnabled)
        one.wizard.next.setFocus()
        QTest.keyClick(one.wizard.next, Qt.Key.Key_Return)
    one.until(one.wizard.next.isEnabled)
    QTest.keyClick(one.wizard.next, Qt.Key.Key_Space)
    one.until(lambda: bool(one.done))


COUNT = 20_000


@pytest.mark.slow
def test_a_folder_of_many_thousands_keeps_the_window_going(
    opened: Open, tmp_path: Path, pauses: list[tuple[float, float]]
) -> None:
    folder, image = tmp_path / "in", numbered(1)
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"{number:05}.dcm").write_bytes(image)
    one = opened(closed_port())
    one.qtbot.wait(200)
    pauses.clear()
    one.choose(folder)
    assert one.wizard.course.survey is not None
    assert one.wizard.course.survey.files == COUNT
    one.to(one.wizard.settings)
    work, _wall = longest(pauses)
    assert work < 1.0
