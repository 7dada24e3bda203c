"""Forms for [[watch]] and [[profile]], made from the schema of the settings: each field with what it means.

A form judges nothing: what stands in it goes to the schema as it is, and what the schema says comes back to the field.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from tolmach.apps.desktop.watch_fields import ChoiceField, Field, FolderField, LineField, ManyField, SwitchField
from tolmach.apps.desktop.watch_words import CHOICES, SUGGESTIONS
from tolmach.apps.desktop.words import Words
from tolmach.base import Phrase

LABEL_WIDTH = 160
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
        self._grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        self._grid.setColumnStretch(1, 1)
        for number, field in enumerate(self.fields.values()):
            self._place(field, 4 * number)
            field.edited.connect(self.changed)
        words.changed.connect(self.say)
        self.say()

    def _place(self, field: Field, row: int) -> None:
        field.label.setBuddy(field.first)
        field.label.setFixedWidth(LABEL_WIDTH)
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
            if isinstance(field, LineField):
                field.line.setPlaceholderText(text)

    def show_only(self, names: Sequence[str]) -> None:
        """Show these fields and no others; what stands in the others stays."""
        for name, field in self.fields.items():
            field.set_shown(name in names)

    def say(self) -> None:
        """Say every text in the language that is spoken now."""
        for field in self.fields.values():
            field.say()


def _field_of(model: type[BaseModel], name: str, words: Words) -> Field:
    """Give the field for a key as its place in the schema asks for."""
    key = next(one for one, field in model.model_fields.items() if name in (one, field.alias))
    schema = model.model_fields[key]
    about, kinds = schema.description or "", set(_kinds(schema.annotation))
    usual = schema.get_default()
    if name == "to":
        return ManyField(words, name, about)
    if bool in kinds:
        return SwitchField(words, name, about, bool(usual))
    if literals := [one for one in kinds if isinstance(one, str)]:
        known = [one for one in CHOICES.get(name, {}) if one in literals]
        return ChoiceField(words, name, about, known, str(usual))
    if name in CHOICES or name in SUGGESTIONS:
        known = [*CHOICES.get(name, {}), *SUGGESTIONS.get(name, ())]
        return ChoiceField(words, name, about, known, str(usual or ""))
    if Path in kinds:
        return FolderField(words, name, about)
    is_list = any(typing.get_origin(one) is tuple for one in kinds)
    return LineField(words, name, about, is_number=bool(kinds & set(_NUMBERS)), is_list=is_list)


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
