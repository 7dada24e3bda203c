"""The fields of forms for [[watch]] and [[profile]]: each shows one key, what it means, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.panels import put_tone, text_label
from tolmach.apps.desktop.watch_words import CHOICES, LABELS, SUGGESTIONS
from tolmach.apps.desktop.words import Words
from tolmach.base import N_, Phrase

_NUMBER_WIDTH = 200


class Field(QWidget):
    """One key: its widget, its name, what it means, and what is wrong with it."""

    edited = Signal()

    def __init__(self, words: Words, name: str, about: str, widget: QWidget) -> None:
        """Show a widget for a key; `about` is the schema's own description."""
        super().__init__()
        self._words, self.name, self._about = words, name, about
        self.first = widget
        self.reason: Phrase | None = None
        self._why: Phrase | str | None = None
        self.label = text_label("", wraps=True)
        self.about, self.error = text_label("", "muted", wraps=True), text_label("", wraps=True)
        self.error.hide()
        put_tone(self.error, "bad")
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(widget, 1)

    def put(self, value: Any) -> None:
        """Show a value."""
        raise NotImplementedError

    def value(self) -> Any:
        """Give what stands there; None where nothing does."""
        raise NotImplementedError

    def mark(self, why: Phrase | str | None) -> None:
        """Say what is wrong, or nothing."""
        self._why = why
        text = "" if why is None else self._words.phrase(why) if isinstance(why, Phrase) else shown.plain(why)
        self.error.setText(text[:1].upper() + text[1:])
        self.error.setVisible(bool(text) and not self.isHidden())
        is_wrong = "true" if text else "false"
        if self.first.property("wrong") != is_wrong:
            self.first.setProperty("wrong", is_wrong)
            self.first.style().unpolish(self.first)
            self.first.style().polish(self.first)

    def set_shown(self, is_shown: bool) -> None:
        """Show or hide the field with all its texts."""
        for one in (self, self.label, self.about):
            one.setVisible(is_shown)
        self.error.setVisible(is_shown and bool(self.error.text()))

    def say(self) -> None:
        """Say every text in the language that is spoken now."""
        about = self._words.gettext(self._about)
        if self.reason is not None:
            why = self._words.gettext(N_("Proposed: {why}."), why=self._words.phrase(self.reason).rstrip("."))
            about = f"{about} {why}"
        self.about.setText(about)
        self.first.setAccessibleDescription(about)
        name = self._words.gettext(LABELS[self.name])
        self.label.setText(name)
        self.first.setAccessibleName(name)
        self.mark(self._why)


class LineField(Field):
    """A text; a number or a list is written as one."""

    def __init__(self, words: Words, name: str, about: str, *, is_number: bool, is_list: bool) -> None:
        """Show a line; `is_list`: with commas between entries."""
        self.line = QLineEdit()
        super().__init__(words, name, about, self.line)
        self._is_number, self._is_list = is_number, is_list
        if is_number:
            self.line.setMaximumWidth(_NUMBER_WIDTH)
            self._layout.setAlignment(self.line, Qt.AlignmentFlag.AlignLeft)
        self.line.textChanged.connect(self.edited)

    def put(self, value: Any) -> None:
        """Show a value as it is written."""
        if isinstance(value, list | tuple):
            value = ", ".join(f'"{one}"' if not one or "," in one else one for one in value)
        text = "" if value is None else str(value)
        self.line.blockSignals(True)
        self.line.setText(text)
        self.line.setCursorPosition(0)
        self.line.blockSignals(False)

    def value(self) -> Any:
        """Give what stands there; a number may have a comma."""
        text = self.line.text().strip()
        if not text:
            return None
        if self._is_list:
            return listed(text)
        return text.replace(",", ".") if self._is_number else text


class FolderField(LineField):
    """A folder, typed or chosen."""

    def __init__(self, words: Words, name: str, about: str) -> None:
        super().__init__(words, name, about, is_number=False, is_list=False)
        self.browse = QPushButton()
        self.browse.clicked.connect(self._choose)
        self._layout.addWidget(self.browse)

    def _choose(self) -> None:
        title = self._words.gettext(N_("Choose a folder"))
        if chosen := QFileDialog.getExistingDirectory(self, title, self.line.text()):
            self.line.setText(chosen)

    def say(self) -> None:
        """Say the button anew too."""
        super().say()
        self.browse.setText(self._words.gettext(N_("Browse…")))

    def value(self) -> Any:
        """Give the path; blanks at its ends belong to it."""
        text = self.line.text()
        return Path(text) if text.strip() else None


class SwitchField(Field):
    """Yes or no."""

    def __init__(self, words: Words, name: str, about: str, usual: bool) -> None:
        self.box = QCheckBox()
        super().__init__(words, name, about, self.box)
        self._usual = usual
        self.box.toggled.connect(self.edited)

    def put(self, value: Any) -> None:
        """Tick it, or as is usual."""
        self.box.blockSignals(True)
        self.box.setChecked(self._usual if value is None else bool(value))
        self.box.blockSignals(False)

    def value(self) -> Any:
        """Tell whether it is ticked."""
        return self.box.isChecked()


class ChoiceField(Field):
    """One of several, by key; some may be typed as well."""

    def __init__(self, words: Words, name: str, about: str, known: Sequence[str], usual: str) -> None:
        """Offer keys, shown in words where there are any; where there are none, anything may be typed."""
        self.combo = QComboBox()
        super().__init__(words, name, about, self.combo)
        self._usual, self._is_free = usual, name in SUGGESTIONS
        self._texts: Callable[[str], str] = self._text_of
        self.combo.setEditable(self._is_free)
        self.combo.setMinimumContentsLength(8)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.combo.installEventFilter(self)
        self.offer(known)
        self.combo.currentTextChanged.connect(self.edited)

    def offer(self, keys: Sequence[str], texts: Callable[[str], str] | None = None) -> None:
        """Offer other keys, telling nobody; `texts` says what each is called."""
        self._texts = texts or self._texts
        self.combo.blockSignals(True)
        self.combo.clear()
        for key in keys:
            self.combo.addItem(self._texts(key), key)
        self.combo.blockSignals(False)

    def _text_of(self, key: str) -> str:
        msgid = CHOICES.get(self.name, {}).get(key)
        return key if msgid is None else self._words.gettext(msgid)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Let the wheel scroll the page, and not change what is chosen on the way."""
        if event.type() != QEvent.Type.Wheel or self.combo.hasFocus():
            return False
        event.ignore()
        return True

    def put(self, value: Any) -> None:
        """Choose a key; one that is not offered can be typed only."""
        key = self._usual if value is None else str(value)
        self.combo.blockSignals(True)
        place = self.combo.findData(key)
        if place < 0 and not self._is_free:
            self.combo.addItem(shown.label(key), key)
            place = self.combo.count() - 1
        if place >= 0:
            self.combo.setCurrentIndex(place)
        else:
            self.combo.setCurrentText(key)
        self.combo.blockSignals(False)

    def value(self) -> Any:
        """Give the key."""
        if self._is_free:
            return self.combo.currentText().strip() or None
        return self.combo.currentData() or None

    def say(self) -> None:
        """Say the offered keys anew too."""
        super().say()
        self.combo.blockSignals(True)
        for number in range(self.combo.count()):
            self.combo.setItemText(number, self._texts(str(self.combo.itemData(number))))
        self.combo.blockSignals(False)


class WrappedBox(QWidget):
    """A box to tick with a text that goes on in a second line where one is too narrow."""

    toggled = Signal(bool)

    def __init__(self, text: str = "") -> None:
        """Show a text, not ticked."""
        super().__init__()
        self.box, self._label = QCheckBox(), text_label("", wraps=True)
        self.box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.box, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._label, 1)
        self.box.toggled.connect(self.toggled)
        self.setText(text)

    def text(self) -> str:
        """Give the text."""
        return self._label.text()

    def setText(self, text: str) -> None:
        """Show another text."""
        self._label.setText(text)
        self.box.setAccessibleName(text)

    def isChecked(self) -> bool:
        """Tell whether it is ticked."""
        return self.box.isChecked()

    def setChecked(self, is_checked: bool) -> None:
        """Tick it or not."""
        self.box.setChecked(is_checked)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let a click on the text count too."""
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.box.toggle()


class ManyField(Field):
    """Some of several names, each with a box of its own."""

    def __init__(self, words: Words, name: str, about: str) -> None:
        """Offer nothing yet."""
        self._column = QWidget()
        super().__init__(words, name, about, self._column)
        self._inside = QVBoxLayout(self._column)
        self._inside.setContentsMargins(0, 3, 0, 3)
        self._inside.setSpacing(6)
        self.boxes: dict[str, WrappedBox] = {}

    def offer(self, names: Mapping[str, str]) -> None:
        """Offer names, each with what is shown of it; those that were chosen stay so."""
        chosen = self.value() or []
        for box in self.boxes.values():
            self._inside.removeWidget(box)
            box.deleteLater()
        self.boxes = {}
        for name, text in names.items():
            box = self.boxes[name] = WrappedBox(text)
            box.setChecked(name in chosen)
            box.toggled.connect(self.edited)
            self._inside.addWidget(box)

    def put(self, value: Any) -> None:
        """Choose names."""
        for name, box in self.boxes.items():
            box.blockSignals(True)
            box.setChecked(name in (value or ()))
            box.blockSignals(False)

    def value(self) -> Any:
        """Give the chosen names."""
        return [name for name, box in self.boxes.items() if box.isChecked()] or None


def listed(text: str) -> list[str]:
    """Give the entries of a list as people write it: with commas between, in quotation marks where one is empty."""
    entries, begun, is_quoted = [], "", False
    for sign in text:
        if sign == '"':
            is_quoted = not is_quoted
        if sign == "," and not is_quoted:
            entries.append(begun)
            begun = ""
        else:
            begun += sign
    entries.append(begun)
    stripped = [one.strip() for one in entries]
    return [one[1:-1] if len(one) > 1 and one[0] == one[-1] == '"' else one for one in stripped if one]
