"""Forms made from the settings' own schema: each field with its description, judged by the schema itself."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QLineEdit, QSpinBox, QWidget

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.panels import text_label
from tolmach.apps.desktop.words import Words
from tolmach.base import N_

# Short names for fields, and the schema's own descriptions marked for translation; a test holds them to the schema.
LABELS: Mapping[str, str] = {
    "name": N_("Name"),
    "ae_title": N_("AE title"),
    "host": N_("Host"),
    "port": N_("Port"),
    "text": N_("Text it can read"),
    "proof": N_("Proof of delivery"),
    "associations": N_("Associations"),
    "tls": N_("Encrypted (TLS)"),
    "tls_check_name": N_("Check its host name"),
    "connect_timeout_seconds": N_("Connecting, seconds"),
    "dimse_timeout_seconds": N_("Answer, seconds"),
}
DESCRIPTIONS: Sequence[str] = (
    N_("The name used on the command line and in routes."),
    N_("The AE title the peer listens to."),
    N_("Host name or address."),
    N_("Port the peer listens on; not needed where it only calls us."),
    N_("What this peer can read; absent: repaired text in UTF-8."),
    N_("What counts as delivered."),
    N_("How many associations at once."),
    N_("Whether associations with the peer are encrypted."),
    N_("Whether its certificate must carry its host name."),
    N_("How long a connection may take."),
    N_("How long the answer to an object may take."),
)
# What counts as delivered, as people say it.
PROOFS: Mapping[str, str] = {
    "response": N_("the receiver’s answer"),
    "commitment": N_("storage commitment"),
    "query": N_("found there by a query"),
}
CHOICES: Mapping[str, Mapping[str, str]] = {"proof": PROOFS}
# What may stand in a field that is free text in the schema; the first is “absent”.
SUGGESTIONS: Mapping[str, Sequence[str]] = {
    "text": ("", "utf-8", "iso_ir_144", "cp1251", "transliterate:ru-icao9303", "transliterate:uk-kmu55"),
}


class SchemaForm(QWidget):
    """Fields of one model. `changed` tells that a person has changed something."""

    changed = Signal()

    def __init__(self, words: Words, model: type[BaseModel], names: Sequence[str], least: Mapping[str, int]) -> None:
        """Offer the named fields; `least` raises the lower limit of numbers where this form needs it."""
        super().__init__()
        self._words, self._least = words, least
        self.fields: dict[str, QWidget] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name in names:
            field = model.model_fields[name]
            widget = self._widget(name, field)
            described = field.description or ""
            about = words.gettext(described) if described else ""  # of nothing gettext gives its header
            widget.setToolTip(shown.tip(about))
            widget.setAccessibleDescription(about)
            label = text_label(words.gettext(LABELS[name]))
            label.setBuddy(widget)
            label.setMinimumHeight(widget.sizeHint().height())
            label.setToolTip(shown.tip(about))
            layout.addRow(label, widget)
            self.fields[name] = widget

    def _widget(self, name: str, field: FieldInfo) -> QWidget:
        kind = field.annotation
        literals = typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
        if kind is bool:
            box = QCheckBox()
            box.toggled.connect(self.changed)
            return box
        if literals or name in SUGGESTIONS:
            choice = QComboBox()
            choice.setEditable(name in SUGGESTIONS)
            for one in literals or SUGGESTIONS[name]:
                label = CHOICES.get(name, {}).get(one)
                choice.addItem(one if label is None else self._words.gettext(label), one)
            choice.currentTextChanged.connect(self.changed)
            return choice
        if kind is int or kind is float:
            return self._number(name, field)
        line = QLineEdit()
        line.textChanged.connect(self.changed)
        return line

    def _number(self, name: str, field: FieldInfo) -> QWidget:
        low, high = 0.0, 1_000_000.0
        for rule in field.metadata:
            low = float(getattr(rule, "ge", 0.1 if hasattr(rule, "gt") else low))
            high = float(getattr(rule, "le", high))
        low = max(low, self._least.get(name, low))
        if field.annotation is int:
            whole = QSpinBox()
            whole.setRange(int(low), int(high))
            whole.valueChanged.connect(self.changed)
            return whole
        number = QDoubleSpinBox()
        number.setDecimals(1)
        number.setRange(low, high)
        number.valueChanged.connect(self.changed)
        return number

    def put(self, values: Mapping[str, Any]) -> None:
        """Fill the fields."""
        for name, widget in self.fields.items():
            value = values.get(name)
            if isinstance(widget, QCheckBox):
                widget.setChecked(bool(value))
            elif isinstance(widget, QComboBox):
                place = widget.findData(str(value or ""))
                if place >= 0 and not widget.isEditable():
                    widget.setCurrentIndex(place)
                else:
                    widget.setCurrentText(str(value or ""))
            elif isinstance(widget, QSpinBox):
                widget.setValue(int(value or 0))
            elif isinstance(widget, QDoubleSpinBox):
                widget.setValue(float(value or 0))
            elif isinstance(widget, QLineEdit):
                widget.setText(str(value or ""))

    def values(self) -> dict[str, Any]:
        """Give what stands in the fields; empty texts are left out, so that the schema's defaults hold."""
        given: dict[str, Any] = {}
        for name, widget in self.fields.items():
            if isinstance(widget, QCheckBox):
                given[name] = widget.isChecked()
            elif isinstance(widget, QSpinBox | QDoubleSpinBox):
                given[name] = widget.value()
            else:
                text = _text_in(widget).strip()
                if text:
                    given[name] = text
        return given

    def mark(self, wrong: str) -> None:
        """Mark one field as wrong, or none."""
        for name, widget in self.fields.items():
            is_wrong = "true" if name == wrong else "false"
            if widget.property("wrong") != is_wrong:
                widget.setProperty("wrong", is_wrong)
                widget.style().unpolish(widget)
                widget.style().polish(widget)


def _text_in(widget: QWidget) -> str:
    if isinstance(widget, QComboBox):
        return widget.currentText() if widget.isEditable() else str(widget.currentData() or "")
    return widget.text() if isinstance(widget, QLineEdit) else ""
