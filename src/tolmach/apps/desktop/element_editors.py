"""Editing a value in its cell, as its VR wants it; what is wrong is told while it is typed, and does not leave."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QApplication,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.edits import objection
from tolmach.apps.desktop.element_model import LINE_ROLE
from tolmach.apps.desktop.elements import ElementLine
from tolmach.apps.desktop.panels import put_tone, text_label
from tolmach.apps.desktop.theme import Theme, colour
from tolmach.apps.desktop.words import Words
from tolmach.base import N_

Index = QModelIndex | QPersistentModelIndex
_LONG = frozenset({"LT", "ST", "UT"})
_LEAST_WIDTH = 380
HINTS = {
    "AE": N_("AE title: up to 16 English letters, digits and signs"),
    "AS": N_("Age, such as 042Y"),
    "CS": N_("Capital letters A to Z, digits, blank and underscore, up to 16"),
    "DA": N_("Date: year, month, day, such as 20260131"),
    "DS": N_("Number, such as -12.5"),
    "DT": N_("Date and time, such as 20260131235959"),
    "FD": N_("Number, such as -12.5"),
    "FL": N_("Number, such as -12.5"),
    "IS": N_("Whole number"),
    "PN": N_("Family name, given name, middle name, prefix, suffix"),
    "TM": N_("Time: hour, minute, second, such as 235959"),
    "UI": N_("UID: numbers joined by dots, up to 64 characters"),
}
_PARTS = (N_("Family name"), N_("Given name"), N_("Middle name"), N_("Prefix"), N_("Suffix"))


class ValueEditor(QFrame):
    """The fields for one value with a line below them that says what is expected, or what is wrong."""

    finished = Signal(bool)  # whether the value is to be taken

    def __init__(self, line: ElementLine, words: Words, parent: QWidget | None = None) -> None:
        """Offer what suits the VR."""
        super().__init__(parent)
        self.setObjectName("editor")
        self.setAutoFillBackground(True)
        self._words, self._line, self._was = words, line, line.after or ""
        self.hint = text_label("", wraps=True)
        self.hint.setContentsMargins(4, 1, 4, 2)
        self.fields: list[QLineEdit] = []
        self.area: QPlainTextEdit | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self._made(line))
        layout.addWidget(self.hint)
        self._judge()

    def _made(self, line: ElementLine) -> QWidget:
        text = self._was
        if line.vr in _LONG or "\n" in text or "\r" in text:
            self.area = QPlainTextEdit(text.replace("\r\n", "\n"))
            self.area.setTabChangesFocus(True)
            self.area.setFixedHeight(96)
            self.area.textChanged.connect(self._judge)
            self.area.installEventFilter(self)
            self.setFocusProxy(self.area)
            return self.area
        parts = text.split("^") if line.vr == "PN" and not set(text) & {"=", "\\"} else []
        if line.vr == "PN" and len(parts) <= len(_PARTS) and not set(text) & {"=", "\\"}:
            parts += [""] * (len(_PARTS) - len(parts))
        else:
            parts = [text]
        row = QWidget()
        inside = QHBoxLayout(row)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(1)
        for number, part in enumerate(parts):
            field = QLineEdit(part)
            if len(parts) > 1:
                name = self._words.gettext(_PARTS[number])
                field.setPlaceholderText(name)
                field.setAccessibleName(name)
                field.setToolTip(shown.tip(name))
            if line.vr == "CS":
                field.textEdited.connect(lambda text, field=field: _to_upper(field, text))
            field.textChanged.connect(self._judge)
            field.installEventFilter(self)
            inside.addWidget(field, 3 if number < 3 else 1)
            self.fields.append(field)
        self.setFocusProxy(self.fields[0])
        return row

    def text(self) -> str:
        """Give the value as it stands in the fields."""
        if self.area is not None:
            return self.area.toPlainText().replace("\n", "\r\n")
        return "^".join(field.text() for field in self.fields).rstrip("^") if len(self.fields) > 1 else (
            self.fields[0].text())  # fmt: skip

    def is_right(self) -> bool:
        """Tell whether the value may stand there."""
        return self.text() == self._was or objection(("set", self._line.path, self.text()), self._line.vr) is None

    def _judge(self) -> None:
        why = None
        if self.text() != self._was:
            why = objection(("set", self._line.path, self.text()), self._line.vr)
        hint = self._words.gettext(HINTS[self._line.vr]) if self._line.vr in HINTS else ""
        text = self._words.phrase(why) if why is not None else hint
        self.hint.setText(text[:1].upper() + text[1:])
        put_tone(self.hint, "bad" if why is not None else "")
        self.hint.setVisible(bool(text))
        self._fit()

    def _fit(self) -> None:
        """Be as high as the words below the fields need, growing upwards where there is no room below."""
        layout, around = self.layout(), self.parentWidget()
        if layout is None or around is None or not self.isVisible():
            return
        height = layout.totalHeightForWidth(self.width())
        top = max(0, min(self.y(), around.height() - height - 2))
        self.setGeometry(self.x(), top, self.width(), height)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hear the keys that end editing, and that another widget is worked with."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if is_enter and (self.area is None or event.modifiers() & Qt.KeyboardModifier.ControlModifier):
                self._end()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.finished.emit(False)
                return True
        if event.type() == QEvent.Type.FocusOut:
            now = QApplication.focusWidget()
            if now is not None and now is not self and not self.isAncestorOf(now):
                self._end()
        return super().eventFilter(watched, event)

    def _end(self) -> None:
        """Leave the cell with a value that may stand there; with another one stay, and say why."""
        if self.is_right():
            self.finished.emit(True)
        else:
            self._judge()


def _to_upper(field: QLineEdit, text: str) -> None:
    place = field.cursorPosition()
    field.setText(text.upper())
    field.setCursorPosition(place)


class ValueDelegate(QStyledItemDelegate):
    """Draws what will change as old and new beside one another, and edits in place."""

    def __init__(self, words: Words, theme: Theme, parent: QObject | None = None) -> None:
        """Belong to a view."""
        super().__init__(parent)
        self._words, self._theme = words, theme

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, index: Index) -> QWidget:
        """Give the fields for a cell."""
        editor = ValueEditor(index.data(LINE_ROLE), self._words, parent)

        def end(taken: bool) -> None:
            if taken:
                self.commitData.emit(editor)
            self.closeEditor.emit(editor, QAbstractItemDelegate.EndEditHint.NoHint)

        editor.finished.connect(end)
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Leave the fields as they are; they were filled when they were made."""

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        """Give the value on."""
        if isinstance(editor, ValueEditor):
            model.setData(index, editor.text(), Qt.ItemDataRole.EditRole)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, _index: Index) -> None:
        """Let the fields stand over the cell, and over as much below it as they need."""
        rect = QRect(option.rect)
        around = editor.parentWidget()
        rect.setWidth(max(rect.width(), _LEAST_WIDTH))
        layout = editor.layout()
        if layout is not None:
            rect.setHeight(layout.totalHeightForWidth(rect.width()))
        if around is not None:  # within what is seen, whichever cell it is
            rect.moveRight(max(min(rect.right(), around.width() - 2), rect.width() - 1))
            rect.moveBottom(max(min(rect.bottom(), around.height() - 2), rect.height() - 1))
        editor.setGeometry(rect)

    def eventFilter(self, _watched: QObject, _event: QEvent) -> bool:
        """Leave keys and focus to the fields, which know when a value may go."""
        return False

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw a value; one that will change as it was, crossed out, and as it will be."""
        line = index.data(LINE_ROLE)
        if not isinstance(line, ElementLine) or not line.is_changed or line.kind != "text":
            super().paint(painter, option, index)
            return
        drawn = QStyleOptionViewItem(option)
        self.initStyleOption(drawn, index)
        drawn.text = ""
        style = QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, drawn, painter, drawn.widget)
        self._paint_change(painter, drawn, line)

    def _paint_change(self, painter: QPainter, option: Any, line: ElementLine) -> None:
        colours = self._theme.colours
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        rect = option.rect.adjusted(8, 0, -6, 0)
        before = "—" if line.before is None else shown.plain(line.before)
        after = "—" if line.after is None else shown.plain(line.after)
        painter.save()
        font = painter.font()
        metrics = QFontMetrics(font)
        arrow = "  →  "
        room = rect.width() - metrics.horizontalAdvance(arrow)
        wanted = metrics.horizontalAdvance(after) + 8
        first = max(room * 2 // 5, room - wanted)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        for text, pen, strikes, bold, width in (
            (before, colours.on_selection if is_selected else colours.muted, line.before is not None, False, first),
            (arrow, colours.on_selection if is_selected else colours.muted, False, False, room),
            (after, colours.on_selection if is_selected else colours.accent, False, True, room),
        ):
            font.setStrikeOut(strikes)
            font.setBold(bold)
            painter.setFont(font)
            painter.setPen(QColor(colour(pen)))
            cut = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, min(width, rect.width()))
            painter.drawText(rect, flags, cut)
            rect.setLeft(rect.left() + QFontMetrics(font).horizontalAdvance(cut))
        painter.restore()
