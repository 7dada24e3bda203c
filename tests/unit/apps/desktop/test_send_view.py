"""Every action of the Send view, on real files and a real receiver."""

import io
from pathlib import Path

import pydicom
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from tests.calling import CLEAN, IVANOV, UNSURE, numbered
from tests.unit.apps.desktop.conftest import WAIT, MakeWindow, closed_port, in_dialog, loaded, nobody, receiver
from tolmach.adapters.dimse.status import OUT_OF_RESOURCES
from tolmach.apps.desktop.file_model import Column
from tolmach.apps.desktop.rows import Row, State
from tolmach.apps.desktop.window import MainWindow

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")


def row(window: MainWindow, name: str) -> Row:
    return next(one for one in window.desk.model.rows if one.file.path.name == name)


def cell(window: MainWindow, place: int, column: Column) -> str:
    model = window.desk.model
    return str(model.data(model.index(place, column)))


def ended(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.desk.is_working, timeout=WAIT)


def select(window: MainWindow, name: str) -> None:
    model = window.desk.model
    place = next(n for n in range(model.rowCount()) if model.row_at(model.index(n, 0)).file.path.name == name)
    window.send_view.table.selectRow(place)


def test_files_show_who_they_are_and_what_will_change(make_window: MakeWindow, files: Path, qtbot: QtBot) -> None:
    window = loaded(make_window(), qtbot, files, count=5)
    assert row(window, "spoiled-0.dcm").state is State.READY
    assert row(window, "unsure.dcm").state is State.UNSURE
    place = [cell(window, n, Column.FILE) for n in range(5)].index("spoiled-0.dcm")
    assert cell(window, place, Column.PATIENT) == IVANOV.replace("^", " ")
    assert cell(window, place, Column.CHANGES).endswith(f"→ {IVANOV}")
    place = [cell(window, n, Column.FILE) for n in range(5)].index("unsure.dcm")
    assert "unsure" in cell(window, place, Column.CHANGES)


def test_what_is_dropped_comes_on_the_list(make_window: MakeWindow, files: Path, qtbot: QtBot) -> None:
    window = make_window()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(files)), QUrl("https://example.org/x.dcm")])
    event = QDropEvent(
        QPointF(10, 10), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.send_view.dropEvent(event)
    qtbot.waitUntil(lambda: len(window.desk.model.rows) == 5 and not window.desk.is_reading, timeout=WAIT)


def test_file_and_folder_buttons(
    make_window: MakeWindow, files: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window()
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(files / "clean.dcm")], ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(files))
    window.send_view.files.click()
    qtbot.waitUntil(lambda: len(window.desk.model.rows) == 1, timeout=WAIT)
    window.send_view.folder.click()
    qtbot.waitUntil(lambda: len(window.desk.model.rows) == 5, timeout=WAIT)  # the one already there is not doubled
    assert window.remembered.folder == str(files)


def test_sending_makes_rows_green_and_sends_repaired_text(
    make_window: MakeWindow, files: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    with receiver(tmp_path / "scp") as (port, taken):
        window = loaded(make_window(port), qtbot, files, count=5)
        window.send_view.progress.send.click()
        ended(window, qtbot)
        assert {one.state for one in window.desk.model.rows} == {State.SENT}
        assert {one.tone for one in window.desk.model.rows} == {"good"}
        names = {str(pydicom.dcmread(io.BytesIO(content), force=True).PatientName) for content in taken.values()}
        assert IVANOV in names
        assert not window.send_view.progress.send.isEnabled()
        assert "5 files sent" in window.log.text.toPlainText()


def test_the_button_counts_what_will_be_sent(
    make_window: MakeWindow, files: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    (files / "notes.txt").write_text("no image")
    (files / "cut.dcm").write_bytes(CLEAN[:140])
    with receiver(tmp_path / "scp") as (port, taken):
        window = loaded(make_window(port), qtbot, files, count=7)
        send = window.send_view.progress.send
        assert send.text().strip() == "&Send 5 files"
        send.click()
        ended(window, qtbot)
        assert sum(one.state is State.SENT for one in window.desk.model.rows) == 5
        assert taken
        assert row(window, "notes.txt").state in (State.NOT_DICOM, State.UNREADABLE), "it was not tried"
        assert not send.isEnabled()
        assert send.text().strip() == "&Send"


def test_as_is_sends_the_bytes_that_are_there(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(numbered(1))
    with receiver(tmp_path / "scp") as (port, taken):
        window = loaded(make_window(port), qtbot, file, count=1)
        window.send_view.target.mode.buttons["as-is"].click()
        assert cell(window, 0, Column.CHANGES) == ""
        window.send_view.progress.send.click()
        ended(window, qtbot)
        (content,) = taken.values()
        assert IVANOV.encode("cp1251") in content
    assert window.remembered.as_is


def test_a_refused_connection_is_red_with_the_reason_and_what_to_do(
    make_window: MakeWindow, files: Path, qtbot: QtBot
) -> None:
    window = loaded(make_window(closed_port()), qtbot, files, count=5)
    window.send_view.progress.send.click()
    ended(window, qtbot)
    failed = row(window, "clean.dcm")
    assert failed.state is State.FAILED
    assert failed.tone == "bad"
    select(window, "clean.dcm")
    banner = window.send_view.details.banner
    qtbot.waitUntil(lambda: banner.isVisible() and bool(banner.rest.text()), timeout=WAIT)
    assert "127.0.0.1" in banner.head.text()
    assert window.desk.model.counts()["failed"] == 5


def test_retry_sends_only_what_failed(make_window: MakeWindow, files: Path, tmp_path: Path, qtbot: QtBot) -> None:
    with receiver(tmp_path / "scp", OUT_OF_RESOURCES) as (port, _):
        window = loaded(make_window(port), qtbot, files / "clean.dcm", files / "spoiled-0.dcm", count=2)
        window.send_view.progress.send.click()
        ended(window, qtbot)
        assert all(one.state is State.FAILED for one in window.desk.model.rows)
        assert "A700" in window.words.sentence(window.desk.model.rows[0].problems[0])
    loaded(window, qtbot, files / "spoiled-1.dcm", count=3)
    with receiver(tmp_path / "scp-2") as (port, taken):
        window.keep_peer(window.station.own_peers[0].model_copy(update={"port": port}), "pacs")
        window.send_view.progress.retry.click()
        ended(window, qtbot)
        assert len(taken) == 2
        assert row(window, "spoiled-1.dcm").state is State.READY


def test_doubtful_files_can_be_held_back(make_window: MakeWindow, files: Path, tmp_path: Path, qtbot: QtBot) -> None:
    with receiver(tmp_path / "scp") as (port, taken):
        window = loaded(make_window(port), qtbot, files, count=5)
        window.send_view.target.hold.click()
        window.send_view.progress.send.click()
        ended(window, qtbot)
        held = row(window, "unsure.dcm")
        assert (held.state, held.tone, len(taken)) == (State.HELD, "doubt", 4)
    window.send_view.filter.buttons["unsure"].click()
    assert window.desk.model.rowCount() == 1
    window.send_view.filter.buttons["failed"].click()
    assert window.desk.model.rowCount() == 1
    window.send_view.filter.buttons["all"].click()
    assert window.desk.model.rowCount() == 5


def test_a_dead_network_leaves_the_window_alive_and_stop_leaves_files_unsent(
    make_window: MakeWindow, files: Path, qtbot: QtBot
) -> None:
    beats: list[int] = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(1))
    timer.start(5)
    with nobody() as port:
        window = loaded(make_window(port, acse_timeout_seconds=2.0), qtbot, files, count=5)
        window.send_view.progress.send.click()
        window.send_view.target.echo.click()
        beats.clear()
        qtbot.wait(500)
        assert len(beats) > 30
        assert window.desk.is_working
        window.send_view.progress.stop.click()
        assert window.desk.is_stopping
        assert not window.send_view.progress.stop.isEnabled()
        ended(window, qtbot)
    assert not any(one.is_confirmed or one.state is State.WAITING for one in window.desk.model.rows)


def test_echo_says_how_long_it_took_or_what_is_wrong(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> None:
    with receiver(tmp_path / "scp") as (port, _):
        window = make_window(port)
        target = window.send_view.target
        target.echo.click()
        qtbot.waitUntil(lambda: "ms" in target.answer.text(), timeout=WAIT)
        assert target.answer.property("tone") == "good"
    target.echo.click()
    qtbot.waitUntil(lambda: "TLM-NET" in target.answer.text(), timeout=WAIT)
    assert target.answer.property("tone") == "bad"
    assert "TLM-NET" in window.log.text.toPlainText()


def test_edits_with_as_is_are_refused_before_anything_is_sent(
    make_window: MakeWindow, files: Path, qtbot: QtBot
) -> None:
    window = loaded(make_window(closed_port()), qtbot, files, count=5)
    window.desk.edit([files / "clean.dcm"], ("set", "00100020", "77"))
    window.send_view.target.mode.buttons["as-is"].click()
    window.send_view.progress.send.click()
    assert not window.desk.is_working
    assert window.send_view.banner.isVisible()
    assert "edited" in window.send_view.banner.head.text()


def test_sending_without_a_destination_says_so(make_window: MakeWindow, files: Path, qtbot: QtBot) -> None:
    window = loaded(make_window(), qtbot, files, count=5)
    window.send_view.progress.send.click()
    assert "No destination" in window.send_view.banner.head.text()


def test_copies_are_written_repaired_and_edited(
    make_window: MakeWindow, files: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    window = loaded(make_window(), qtbot, files, count=5)
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    window.desk.edit([files / "spoiled-1.dcm"], ("set", "PatientID", "НОВЫЙ-1"))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(out))
    window.send_view.copies.click()
    ended(window, qtbot)
    assert len(list(out.iterdir())) == 5
    copy = pydicom.dcmread(out / "spoiled-1.dcm", force=True)
    assert (str(copy.PatientName), copy.PatientID) == (IVANOV, "НОВЫЙ-1")
    assert pydicom.dcmread(out / "spoiled-2.dcm", force=True).PatientID == "17"
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before
    assert row(window, "spoiled-1.dcm").state is State.READY


def test_removing_and_clearing(make_window: MakeWindow, files: Path, qtbot: QtBot) -> None:
    window = loaded(make_window(), qtbot, files, count=5)
    select(window, "clean.dcm")
    window.send_view.remove.click()
    assert len(window.desk.model.rows) == 4
    window.send_view.clear.click()
    assert window.desk.model.rows == []
    assert window.send_view.stack.currentIndex() == 0


def test_the_menu_of_selected_files(make_window: MakeWindow, files: Path, tmp_path: Path, qtbot: QtBot) -> None:
    with receiver(tmp_path / "scp") as (port, taken):
        window = loaded(make_window(port), qtbot, files, count=5)
        select(window, "spoiled-2.dcm")
        actions = {one.text(): one for one in window.send_view.menu_for(window.send_view.selected()).actions()}
        actions["Send selected"].trigger()
        ended(window, qtbot)
        assert len(taken) == 1
        actions["Copy paths"].trigger()
        assert QApplication.clipboard().text() == str(files / "spoiled-2.dcm")


def test_sorting_keeps_the_selection(make_window: MakeWindow, files: Path, qtbot: QtBot) -> None:
    window = loaded(make_window(), qtbot, files, count=5)
    select(window, "unsure.dcm")
    window.send_view.table.sortByColumn(Column.FILE, Qt.SortOrder.DescendingOrder)
    assert cell(window, 0, Column.FILE) == "unsure.dcm"
    assert [one.file.path.name for one in window.send_view.selected()] == ["unsure.dcm"]
    window.send_view.table.sortByColumn(Column.FILE, Qt.SortOrder.AscendingOrder)
    assert [one.file.path.name for one in window.send_view.selected()] == ["unsure.dcm"]


def test_a_file_that_is_none_is_red_before_anything_is_sent(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "notes.txt").write_text("nothing of the kind")
    (tmp_path / "cut.dcm").write_bytes(UNSURE[:-3])
    window = loaded(make_window(), qtbot, tmp_path / "notes.txt", tmp_path / "cut.dcm", tmp_path / "gone", count=2)
    assert [one.state for one in window.desk.model.rows] == [State.NOT_DICOM, State.UNREADABLE]
    assert "gone" in window.send_view.banner.head.text()


def answering(text: str) -> None:
    """Press a button of the question that is coming."""

    def press(box: QWidget) -> None:
        assert isinstance(box, QMessageBox)
        next(one for one in box.buttons() if one.text() == text).click()

    in_dialog(press)


def test_closing_while_files_are_sent_asks_and_loses_nothing(
    make_window: MakeWindow, files: Path, qtbot: QtBot
) -> None:
    with nobody() as port:
        window = loaded(make_window(port, acse_timeout_seconds=1.0), qtbot, files, count=5)
        window.desk.edit([files / "clean.dcm"], ("set", "00100020", "77"))
        window.send_view.progress.send.click()
        answering("Go on sending")
        window.close()
        assert window.isVisible()
        assert window.desk.is_working
        answering("Stop and close")
        window.close()
        qtbot.waitUntil(lambda: not window.isVisible(), timeout=WAIT)
    again = make_window()
    assert again.send_view.kept.isVisible()
    again.send_view.kept.yes.click()
    qtbot.waitUntil(lambda: len(again.desk.model.rows) == 5 and not again.desk.is_reading, timeout=WAIT)
    assert not any(one.is_confirmed for one in again.desk.model.rows)
    assert row(again, "clean.dcm").steps == (("set", "00100020", "77"),)


def test_what_an_earlier_session_left_is_kept_until_somebody_decides(
    make_window: MakeWindow, files: Path, qtbot: QtBot
) -> None:
    loaded(make_window(), qtbot, files / "clean.dcm", count=1).close()
    second = loaded(make_window(), qtbot, files / "unsure.dcm", count=1)
    assert second.send_view.kept.isVisible()
    second.close()
    third = make_window()
    assert {one.file.path.name for one in third.desk.kept} == {"clean.dcm", "unsure.dcm"}
    third.send_view.kept.no.click()
    third.close()
    assert not make_window().send_view.kept.isVisible()


def test_a_click_in_the_table_shows_the_file(make_window: MakeWindow, files: Path, qtbot: QtBot) -> None:
    window = loaded(make_window(), qtbot, files, count=5)
    table, details = window.send_view.table, window.send_view.details
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(40, table.rowHeight(0) // 2))
    qtbot.waitUntil(lambda: details.model.rowCount() > 5, timeout=WAIT)
    assert details.place.text() == str(window.send_view.selected()[0].file.path)
