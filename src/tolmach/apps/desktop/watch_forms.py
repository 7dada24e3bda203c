"""Forms for [[watch]] and [[profile]], made from the schema of the settings: each field with what it means.

A form judges nothing: what stands in it goes to the schema as it is, and what the schema says comes back to the field.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.panels import put_tone, text_label
from tolmach.apps.desktop.watch_words import CHOICES, LABELS, SUGGESTIONS
from tolmach.apps.desktop.words import Words
from tolmach.base import N_, Phrase

_LABEL_WIDTH, _NUMBER_WIDTH = 168, 200
_NUMBERS = (int, float)


class SectionForm(QWidget):
    """Fields of one table. `changed` tells that a person has changed something."""

    changed = Signal()

    def __init__(self, words: Words, model: type[BaseModel], names: Sequence[str]) -> None:
        """Offer the named keys, as they are called in the file."""
        super().__init__()
        self._words = words
        self.fields = {name: _field_of(model, name, words) for name in names}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnMinimumWidth(0, _LABEL_WIDTH)
        self._grid.setColumnStretch(1, 1)
        for number, field in enumerate(self.fields.values()):
            self._place(field, 4 * number)
            field.edited.connect(self.changed)
        words.changed.connect(self.say)
        self.say()

    def _place(self, field: Field, row: int) -> None:
        field.label.setBuddy(field.first)
        field.label.setFixedWidth(_LABEL_WIDTH)
        field.label.setMinimumHeight(field.first.sizeHint().height())
        self._grid.addWidget(field.label, row, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(field, row, 1)
        self._grid.addWidget(field.about, row + 1, 1)
        self._grid.addWidget(field.error, row + 2, 1)
        self._grid.setRowMinimumHeight(row + 3, 8)

    def put(self, values: Mapping[str, Any]) -> None:
        """Fill the fields, telling nobody; what is not given is as the schema has it."""
        for name, field in self.fields.items():
            field.put(values.get(name))

    def values(self) -> dict[str, Any]:
        """Give what stands in the fields; what is empty is left out, so that the schema's defaults hold."""
        found = {name: field.value() for name, field in self.fields.items()}
        return {name: value for name, value in found.items() if value is not None}

    def mark(self, errors: Mapping[str, Phrase | str]) -> None:
        """Show what is wrong with which field, and with the others nothing."""
        for name, field in self.fields.items():
            field.mark(errors.get(name))

    def explain(self, reasons: Mapping[str, Phrase]) -> None:
        """Say of fields why they are proposed so, below what they mean."""
        for name, field in self.fields.items():
            field.reason = reasons.get(name)
            field.say()

    def hint(self, texts: Mapping[str, str]) -> None:
        """Show in empty fields what holds then."""
        for name, text in texts.items():
            field = self.fields.get(name)
            if isinstance(field, _Line):
                field.line.setPlaceholderText(text)

    def show_only(self, names: Sequence[str]) -> None:
        """Show these fields and no others; what stands in the others stays."""
        for name, field in self.fields.items():
            field.set_shown(name in names)

    def say(self) -> None:
        """Say every text in the language that is spoken now."""
        for field in self.fields.values():
            field.say()


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


class _Line(Field):
    """A text; a number or a list is written as one."""

    def __init__(self, words: Words, name: str, about: str, *, is_number: bool, is_list: bool) -> None:
        self.line = QLineEdit()
        super().__init__(words, name, about, self.line)
        self._is_number, self._is_list = is_number, is_list
        if is_number:
            self.line.setMaximumWidth(_NUMBER_WIDTH)
            self._layout.setAlignment(self.line, Qt.AlignmentFlag.AlignLeft)
        self.line.textChanged.connect(self.edited)

    def put(self, value: Any) -> None:
        if isinstance(value, list | tuple):
            value = ", ".join(f'"{one}"' if not one or "," in one else one for one in value)
        text = "" if value is None else str(value)
        self.line.blockSignals(True)
        self.line.setText(text)
        self.line.setCursorPosition(0)
        self.line.blockSignals(False)

    def value(self) -> Any:
        text = self.line.text().strip()
        if not text:
            return None
        if self._is_list:
            return listed(text)
        return text.replace(",", ".") if self._is_number else text


class _Folder(_Line):
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
        super().say()
        self.browse.setText(self._words.gettext(N_("Browse…")))

    def value(self) -> Any:
        text = super().value()
        return None if text is None else Path(text)


class _Switch(Field):
    """Yes or no."""

    def __init__(self, words: Words, name: str, about: str, usual: bool) -> None:
        self.box = QCheckBox()
        super().__init__(words, name, about, self.box)
        self._usual = usual
        self.box.toggled.connect(self.edited)

    def put(self, value: Any) -> None:
        self.box.blockSignals(True)
        self.box.setChecked(self._usual if value is None else bool(value))
        self.box.blockSignals(False)

    def value(self) -> Any:
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
        self.combo.setMinimumContentsLength(12)
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


class ManyField(Field):
    """Some of several names, each with a box of its own."""

    def __init__(self, words: Words, name: str, about: str) -> None:
        """Offer nothing yet."""
        self._column = QWidget()
        super().__init__(words, name, about, self._column)
        self._inside = QVBoxLayout(self._column)
        self._inside.setContentsMargins(0, 3, 0, 3)
        self._inside.setSpacing(6)
        self.boxes: dict[str, QCheckBox] = {}

    def offer(self, names: Mapping[str, str]) -> None:
        """Offer names, each with what is shown of it; those that were chosen stay so."""
        chosen = self.value() or []
        for box in self.boxes.values():
            self._inside.removeWidget(box)
            box.deleteLater()
        self.boxes = {}
        for name, text in names.items():
            box = self.boxes[name] = QCheckBox(text)
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


def _field_of(model: type[BaseModel], name: str, words: Words) -> Field:
    """Give the field for a key as its place in the schema asks for."""
    key = next(one for one, field in model.model_fields.items() if name in (one, field.alias))
    schema = model.model_fields[key]
    about, kinds = schema.description or "", set(_kinds(schema.annotation))
    usual = schema.get_default()
    if name == "to":
        return ManyField(words, name, about)
    if bool in kinds:
        return _Switch(words, name, about, bool(usual))
    if literals := [one for one in kinds if isinstance(one, str)]:
        known = [one for one in CHOICES.get(name, {}) if one in literals]
        return ChoiceField(words, name, about, known, str(usual))
    if name in CHOICES or name in SUGGESTIONS:
        known = [*CHOICES.get(name, {}), *SUGGESTIONS.get(name, ())]
        return ChoiceField(words, name, about, known, str(usual or ""))
    if Path in kinds:
        return _Folder(words, name, about)
    is_list = any(typing.get_origin(one) is tuple for one in kinds)
    return _Line(words, name, about, is_number=bool(kinds & set(_NUMBERS)), is_list=is_list)


def _kinds(annotation: Any) -> Iterator[Any]:
    """Give the types a key may have; of literals the values."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        yield from parts
    elif origin is typing.Annotated:
        yield from _kinds(parts[0])
    elif origin is None or origin is tuple:
        yield annotation
    else:  # a union
        for one in parts:
            yield from _kinds(one)


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
