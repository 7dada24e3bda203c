"""The log: what happened, with the time, as plain text; the oldest lines go when there are too many."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.panels import MARGIN, ToolButton, panel, text_label
from tolmach.apps.desktop.theme import Theme, colour
from tolmach.apps.desktop.words import Words
from tolmach.base import N_

_MOST_LINES = 5_000
_MOST_LETTERS = 2_000
_MARKS = {"good": "✓", "bad": "✗", "doubt": "!"}
_TONES = tuple(_MARKS)


class LogPane(QWidget):
    """Lines in the order they came."""

    def __init__(self, words: Words, theme: Theme) -> None:
        """Begin empty."""
        super().__init__()
        self._theme = theme
        self.text = QPlainTextEdit()
        self.text.setObjectName("log")
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(_MOST_LINES)
        self.text.setUndoRedoEnabled(False)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        title = text_label("", "heading")
        words.bind(title.setText, N_("Log"))
        words.bind(self.text.setAccessibleName, N_("Log"))
        clear = ToolButton(words, theme, "clear", N_("Clear"), N_("Clear the log"), wide=False)
        clear.setObjectName("flat")
        clear.clicked.connect(self.text.clear)
        head = QHBoxLayout()
        head.setContentsMargins(MARGIN, 4, 6, 2)
        head.addWidget(title)
        head.addStretch(1)
        head.addWidget(clear)
        self.text.setMinimumHeight(36)
        theme.changed.connect(self._draw)
        frame, inside = panel()
        inside.addLayout(head)
        inside.addWidget(self.text, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(frame)

    def add(self, tone: str, line: str) -> None:
        """Add one line; what it says of trouble stands in the colour of trouble, and begins with a mark."""
        bar = self.text.verticalScrollBar()
        is_at_end = bar.value() >= bar.maximum() - 4
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        now = datetime.now().astimezone().strftime("%H:%M:%S")
        text = f"{now}  {_MARKS.get(tone, ' ')}  {shown.plain(line, _MOST_LETTERS)}"
        cursor.insertText(text if self.text.document().isEmpty() else f"\n{text}", self._form(tone))
        cursor.block().setUserState(_TONES.index(tone) if tone in _TONES else -1)
        if is_at_end:
            bar.setValue(bar.maximum())

    def _form(self, tone: str) -> QTextCharFormat:
        colours, form = self._theme.colours, QTextCharFormat()
        known = {"good": colours.good, "bad": colours.bad, "doubt": colours.doubt}
        form.setForeground(colour(known.get(tone, colours.text)))
        return form

    def _draw(self) -> None:
        """Give the lines that are there the colours of another scheme, in which the old ones may not be readable."""
        forms = [self._form(tone) for tone in _TONES] + [self._form("")]
        cursor, block = QTextCursor(self.text.document()), self.text.document().begin()
        while block.isValid():
            cursor.setPosition(block.position())
            cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
            cursor.setCharFormat(forms[block.userState()])
            block = block.next()
