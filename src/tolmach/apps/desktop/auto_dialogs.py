"""What is asked before something is given up or sent once more."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.panels import question, text_label
from tolmach.apps.desktop.words import Words
from tolmach.apps.overseeing import Shadowed
from tolmach.base import N_

_LONGEST_NAME, _LONGEST_REASON = 64, 500
_MOST_NAMED = 3  # folders in a question


def ask_shadow(parent: QWidget, words: Words, found: Shadowed) -> str:
    """Ask whether held images of folders in shadow mode go all the same; gives `send`, `others` or `leave`."""
    say, several = words.gettext, len(found.watches) > 1
    name = ", ".join(shown.plain(one, 60) for one in found.watches[:_MOST_NAMED])
    if len(found.watches) > _MOST_NAMED:
        name += ", …"
    if several:
        head = say(N_("The folders {name} are in shadow mode."), name=name)
        ask = words.ngettext(
            "Send {count} image of them all the same?", "Send {count} images of them all the same?", found.images
        )
        text = f"{head} {ask}"
    else:
        text = words.ngettext(
            "The folder {name} is in shadow mode. Send {count} image all the same?",
            "The folder {name} is in shadow mode. Send these {count} images all the same?",
            found.images,
            name=name,
        )
    to = shown.plain(", ".join(found.to), 300) or "—"
    more = say(N_("They go to {to} at once, and cannot be called back. The folder stays in shadow mode."), to=to)
    answers = [("send", say(N_("Send all the same"))), ("leave", say(N_("Leave it as it is")))]
    if found.others:
        answers.insert(1, ("others", say(N_("Only the others"))))
    return question(parent, words, text, more, answers)


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setSpacing(10)
    form.setHorizontalSpacing(14)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return form


def _add_row(form: QFormLayout, text: str, field: QWidget) -> None:
    label = text_label(text)
    label.setBuddy(field)
    label.setMinimumHeight(field.sizeHint().height())
    form.addRow(label, field)


def _buttons() -> QDialogButtonBox:
    """Give the buttons without the pictures some systems put on them."""
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
    for button in box.buttons():
        button.setIcon(QIcon())
    return box


class DropDialog(QDialog):
    """Asks who gives lines up, and why; both are kept in the audit log."""

    def __init__(self, words: Words, count: int, name: str, parent: QWidget | None) -> None:
        """Ask about so many lines; `name` is that of the person at the keyboard, as the system has it."""
        super().__init__(parent)
        say = words.gettext
        self.setWindowTitle(say(N_("Drop from the queue")))
        self.setMinimumWidth(460)
        about = words.ngettext(
            "{count} image will not be delivered. The file is kept; your name and the reason are noted.",
            "{count} images will not be delivered. The files are kept; your name and the reason are noted.",
            count,
        )
        self.name, self.reason = QLineEdit(name), QLineEdit()
        self.name.setMaxLength(_LONGEST_NAME)
        self.reason.setMaxLength(_LONGEST_REASON)
        self.reason.setPlaceholderText(say(N_("For example: the patient was X-rayed twice")))
        form = _form()
        _add_row(form, say(N_("&Reason")), self.reason)
        _add_row(form, say(N_("Your &name")), self.name)
        self.buttons = _buttons()
        self.ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok.setText(words.ngettext("Drop {count} image", "Drop {count} images", count))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 14)
        layout.setSpacing(12)
        layout.addWidget(text_label(about, wraps=True))
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        for field in (self.name, self.reason):
            field.textChanged.connect(self._judge)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._judge()
        self.reason.setFocus()

    def _judge(self) -> None:
        self.ok.setEnabled(all(field.text().strip() for field in (self.name, self.reason)))


class ResendDialog(QDialog):
    """Asks whereto images go once more, and how. `to` and `is_original` are what was chosen."""

    def __init__(self, words: Words, count: int, destinations: Sequence[str], parent: QWidget | None) -> None:
        """Ask about so many images."""
        super().__init__(parent)
        say = words.gettext
        self.setWindowTitle(say(N_("Deliver once more")))
        self.setMinimumWidth(420)
        self._where = QComboBox()
        self._where.addItem(say(N_("Where it went before")), "")
        for name in destinations:
            self._where.addItem(shown.plain(name, 64), name)
        self.where = self._where
        self.original = QCheckBox(say(N_("As it &came: without what was changed")))
        form = QFormLayout()
        form.setSpacing(10)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(say(N_("&To")), self.where)
        form.addRow("", self.original)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok.setObjectName("primary")
        self.ok.setText(words.ngettext("Resend {count} image", "Resend {count} images", count))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 14)
        layout.setSpacing(12)
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    @property
    def to(self) -> tuple[str, ...]:
        """The destination that was chosen; none: where each went before."""
        name = str(self.where.currentData())
        return (name,) if name else ()

    @property
    def is_original(self) -> bool:
        """Whether images go as they came."""
        return self.original.isChecked()
