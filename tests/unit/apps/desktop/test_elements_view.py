"""The elements of the selected file: shown, searched, edited in place, taken back; and one edit for many files."""

from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from tests.builders import EXPLICIT, body, part10
from tests.calling import IVANOV, numbered
from tests.unit.apps.desktop.conftest import WAIT, MakeWindow, in_dialog, loaded
from tolmach.apps.desktop.bulk_edit import BulkEditDialog
from tolmach.apps.desktop.element_editors import ValueEditor
from tolmach.apps.desktop.element_model import Column
from tolmach.apps.desktop.element_search import ElementSearch
from tolmach.apps.desktop.elements import lines_of
from tolmach.apps.desktop.window import MainWindow

from tests.builders import opened  # isort: skip


@pytest.fixture
def window(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> MainWindow:
    """Give a window in which a spoiled file is selected and looked into."""
    file = tmp_path / "a.dcm"
    file.write_bytes(numbered(1))
    window = loaded(make_window(), qtbot, file, count=1)
    window.send_view.table.selectRow(0)
    qtbot.waitUntil(lambda: window.send_view.details.model.rowCount() > 5, timeout=WAIT)
    return window


def value_of(window: MainWindow, keyword: str) -> QModelIndex:
    model = window.send_view.details.model
    for number in range(model.rowCount()):
        index = model.index(number, Column.VALUE)
        if model.line_at(index).keyword == keyword:
            return index
    raise AssertionError(keyword)


def editing(window: MainWindow, keyword: str, qtbot: QtBot) -> ValueEditor:
    tree = window.send_view.details.tree
    index = value_of(window, keyword)
    tree.setCurrentIndex(index)
    tree.edit(index)
    return next(one for one in tree.viewport().findChildren(ValueEditor) if one.isVisible())


def test_changes_stand_beside_what_the_file_says(window: MainWindow) -> None:
    line = window.send_view.details.model.line_at(value_of(window, "PatientName"))
    assert (line.before, line.after, line.reason) == (
        IVANOV.encode("cp1251").decode("latin-1"),
        IVANOV,
        "character-set",
    )
    assert str(value_of(window, "PatientName").data()).endswith(f"→ {IVANOV}")
    assert not value_of(window, "SOPInstanceUID").data(Qt.ItemDataRole.UserRole).is_changed


def test_a_name_is_edited_by_its_components(window: MainWindow, qtbot: QtBot) -> None:
    editor = editing(window, "PatientName", qtbot)
    assert [field.text() for field in editor.fields] == ["ИВАНОВ", "ПЁТР", "СЕРГЕЕВИЧ", "", ""]
    editor.fields[0].setText("ПЕТРОВ")
    qtbot.keyClick(editor.fields[0], Qt.Key.Key_Return)
    row = window.desk.model.rows[0]
    assert row.steps == (("set", "00100010", "ПЕТРОВ^ПЁТР^СЕРГЕЕВИЧ"),)
    qtbot.waitUntil(lambda: row.reading is not None and row.reading.patient.startswith("ПЕТРОВ"), timeout=WAIT)
    details = window.send_view.details
    qtbot.waitUntil(lambda: "ПЕТРОВ" in str(value_of(window, "PatientName").data()), timeout=WAIT)
    details.undo.click()
    assert row.steps == ()
    qtbot.waitUntil(lambda: row.reading is not None and row.reading.patient.startswith("ИВАНОВ"), timeout=WAIT)


def test_what_is_wrong_is_told_before_the_cell_is_left(window: MainWindow, qtbot: QtBot) -> None:
    editor = editing(window, "SOPInstanceUID", qtbot)
    editor.fields[0].setText("1.2.x")
    assert "numbers joined by dots" in editor.hint.text()
    assert editor.hint.property("tone") == "bad"
    qtbot.keyClick(editor.fields[0], Qt.Key.Key_Return)
    assert editor.isVisible()
    assert window.desk.model.rows[0].steps == ()
    qtbot.keyClick(editor.fields[0], Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.send_view.details.tree.viewport().findChildren(ValueEditor), timeout=WAIT)
    assert window.desk.model.rows[0].steps == ()


def test_what_no_archive_can_do_without_cannot_be_emptied(window: MainWindow, qtbot: QtBot) -> None:
    editor = editing(window, "SOPInstanceUID", qtbot)
    editor.fields[0].setText("")
    assert not editor.is_right()


def test_the_file_head_the_character_set_and_bytes_are_not_edited(window: MainWindow) -> None:
    model = window.send_view.details.model
    for keyword in ("TransferSyntaxUID", "SpecificCharacterSet"):
        assert not model.flags(value_of(window, keyword)) & Qt.ItemFlag.ItemIsEditable
    assert model.flags(value_of(window, "PatientID")) & Qt.ItemFlag.ItemIsEditable


def test_as_is_locks_the_elements(window: MainWindow) -> None:
    window.send_view.target.mode.buttons["as-is"].click()
    model = window.send_view.details.model
    assert not model.flags(value_of(window, "PatientID")) & Qt.ItemFlag.ItemIsEditable
    assert not window.send_view.edit.isEnabled()


def test_elements_are_searched_by_name_keyword_tag_and_value(window: MainWindow) -> None:
    details = window.send_view.details
    for query in ("Patient ID", "patientid", "0010,0020", "00100020"):
        details.search.setText(query)
        keywords = [details.model.line_at(details.model.index(n, 0)).keyword for n in range(details.model.rowCount())]
        assert "PatientID" in keywords, query
        assert len(keywords) < 4
    details.search.setText("пётр")
    assert details.model.rowCount() == 1
    details.search.clear()
    details.only_changes.click()
    assert 0 < details.model.rowCount() < 4


def test_the_menu_of_an_element(window: MainWindow) -> None:
    details, row = window.send_view.details, window.desk.model.rows[0]
    actions = {one.text(): one for one in details.menu_for(value_of(window, "PatientID")).actions()}
    actions["Delete element"].trigger()
    assert row.steps == (("delete", "00100020", ""),)
    actions = {one.text(): one for one in details.menu_for(value_of(window, "PatientID")).actions()}
    actions["Take back edits of this element"].trigger()
    assert row.steps == ()


def test_sequences_are_opened_and_edited_inside() -> None:
    inner = EXPLICIT.element(0x00400007, "LO", b"hip ")
    data_set = opened(part10(body((0x00400275, "raw", EXPLICIT.sequence(0x00400275, [inner])))))
    lines, left_out = lines_of(data_set, ())
    sequence = next(n for n, line in enumerate(lines) if line.kind == "sequence")
    item = next(n for n, line in enumerate(lines) if line.parent == sequence)
    (leaf,) = [line for line in lines if line.parent == item]
    assert (lines[item].kind, leaf.path, leaf.after, left_out) == ("item", "00400275[0].00400007", "hip", 0)
    assert leaf.is_editable


def test_a_bulk_edit_reaches_every_selected_file(make_window: MakeWindow, files: Path, qtbot: QtBot) -> None:
    window = loaded(make_window(), qtbot, files, count=5)
    window.send_view.table.selectAll()

    def fill(dialog: QWidget) -> None:
        assert isinstance(dialog, BulkEditDialog)
        dialog.query.setText("дата рождения")
        dialog.value.setText("19811340")
        assert not dialog.ok.isEnabled()
        assert dialog.hint.property("tone") == "bad"
        dialog.value.setText("19811231")
        assert dialog.hint.property("tone") == ""
        dialog.ok.click()

    in_dialog(fill)
    window.send_view.edit.click()
    assert {row.steps for row in window.desk.model.rows} == {(("set", "00100030", "19811231"),)}
    window.desk.undo()
    assert {row.steps for row in window.desk.model.rows} == {()}


def test_a_bulk_delete_of_what_is_needed_is_refused(make_window: MakeWindow, qtbot: QtBot) -> None:
    window = make_window()
    dialog = BulkEditDialog(window.words, ElementSearch(), 2, "SOPInstanceUID", window)
    dialog.verb.setCurrentIndex(dialog.verb.findData("delete"))
    assert not dialog.ok.isEnabled()
    dialog.query.setText("нет такого")
    assert dialog.step is None
    assert not dialog.ok.isEnabled()
    dialog.query.setText("RequestAttributesSequence[0].ScheduledProcedureStepID")
    assert dialog.step == ("delete", "RequestAttributesSequence[0].ScheduledProcedureStepID", "")
    assert dialog.ok.isEnabled()
    dialog.deleteLater()


@pytest.mark.parametrize(
    ("vr", "wrong", "right"),
    [
        ("DA", "20261301", "20261231"),
        ("TM", "2561", "235959"),
        ("AE", "ОРТАНК", "ORTHANC"),
        ("IS", "1.5", "15"),
        ("DS", "a", "-12.5"),
        ("PN", "x" * 65, "Іваненко^Олена"),
        ("UI", "1..2", "1.2.840"),
        ("SH", "x" * 17, "x" * 16),
        ("US", "70000", "65535"),
    ],
)
def test_each_vr_knows_its_values(make_window: MakeWindow, vr: str, wrong: str, right: str) -> None:
    from tolmach.apps.desktop.edits import objection

    assert objection(("set", "00090010" if vr == "US" else "00081090", wrong), vr) is not None
    assert objection(("set", "00104000", right), vr) is None
