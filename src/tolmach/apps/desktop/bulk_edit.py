"""One edit for all selected files: set, set where missing, delete; the element is found by any of its names."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from tolmach.apps.desktop.edits import VERBS, objection
from tolmach.apps.desktop.element_editors import HINTS
from tolmach.apps.desktop.element_search import ElementSearch, Found, name_of
from tolmach.apps.desktop.panels import put_tone, text_label
from tolmach.apps.desktop.rows import Step
from tolmach.apps.desktop.words import Words
from tolmach.base import N_, TolmachError
from tolmach.dicom.dictionary import vr_of
from tolmach.dicom.paths import parse_path
from tolmach.dicom.values import NUMBER_VRS
from tolmach.dicom.vrs import STRING_VRS

_FOUND_ROLE = int(Qt.ItemDataRole.UserRole)
_FIRST = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDescription", "InstitutionName",
          "AccessionNumber", "Modality", "BodyPartExamined", "ReferringPhysicianName")  # fmt: skip


class BulkEditDialog(QDialog):
    """Asks for one edit. `step` is what was asked for."""

    def __init__(self, words: Words, search: ElementSearch, count: int, query: str, parent: QWidget | None) -> None:
        """Ask about so many files, beginning with what was searched for."""
        super().__init__(parent)
        self._words, self._search = words, search
        say = words.gettext
        self.setWindowTitle(say(N_("Edit elements")))
        self.setMinimumWidth(520)
        self.verb = QComboBox()
        for verb, text in VERBS.items():
            self.verb.addItem(say(text), verb)
        self.query = QLineEdit(query)
        self.query.setPlaceholderText(say(N_("Keyword, tag, or name in English, Russian or Ukrainian")))
        self.query.setClearButtonEnabled(True)
        self.found = QListWidget()
        self.found.setObjectName("found")
        self.found.setMinimumHeight(190)
        self.value = QLineEdit()
        self.hint = text_label("", wraps=True)
        self.hint.setMinimumHeight(self.fontMetrics().height() * 2)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok.setObjectName("primary")
        self.ok.setText(words.ngettext("Edit {count} file", "Edit {count} files", count))
        self._arrange(count)
        self.query.textChanged.connect(self._find)
        self.query.installEventFilter(self)
        for signal in (self.verb.currentIndexChanged, self.found.currentRowChanged, self.value.textChanged):
            signal.connect(self._judge)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._find()

    def _arrange(self, count: int) -> None:
        say = self._words.gettext
        about = self._words.ngettext(
            "The edit is kept for {count} selected file and made when it is sent or copied.",
            "The edit is kept for {count} selected files and made when they are sent or copied.",
            count,
        )
        form = QFormLayout()
        form.setSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(say(N_("&What to do")), self.verb)
        form.addRow(say(N_("&Element")), self.query)
        form.addRow("", self.found)
        form.addRow(say(N_("&Value")), self.value)
        form.addRow("", self.hint)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 14)
        layout.setSpacing(12)
        layout.addWidget(text_label(about, "muted", wraps=True))
        layout.addLayout(form)
        layout.addWidget(self.buttons)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrow keys move in the list while a name is typed."""
        arrows = (Qt.Key.Key_Up, Qt.Key.Key_Down)
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() in arrows:
            QApplication.sendEvent(self.found, event)
            return True
        return super().eventFilter(watched, event)

    def _find(self) -> None:
        query = self.query.text()
        found = self._search.find(query) if query.strip() else [
            one for keyword in _FIRST for one in self._search.find(keyword, 1)
        ]  # fmt: skip
        if not found and (named := self._by_path(query)) is not None:
            found = [named]
        self.found.clear()
        for one in found:
            if one.vr in STRING_VRS | NUMBER_VRS or one.vr in ("SQ", "UN"):
                name = name_of(one.keyword, self._words.gettext) if one.keyword else query.strip()
                item = QListWidgetItem(f"{name}   ({one.tag >> 16:04X},{one.tag & 0xFFFF:04X})   {one.vr}")
                item.setData(_FOUND_ROLE, one)
                self.found.addItem(item)
        self.found.setCurrentRow(0)
        self._judge()

    def _by_path(self, query: str) -> Found | None:
        """Give an attribute inside a sequence, or a private one, written out as a path."""
        try:
            path = parse_path(query)
        except TolmachError:
            return None
        return Found(path.tag, path.keyword, vr_of(path.tag))

    @property
    def _chosen(self) -> Found | None:
        item = self.found.currentItem()
        found = None if item is None else item.data(_FOUND_ROLE)
        return found if isinstance(found, Found) else None

    @property
    def step(self) -> Step | None:
        """The edit that was asked for; None while no element is chosen."""
        chosen = self._chosen
        if chosen is None:
            return None
        verb = str(self.verb.currentData())
        written = self.query.text().strip()
        path = written if "." in written or "[" in written else f"{chosen.tag:08X}"
        return verb, path, "" if verb == "delete" else self.value.text()

    def _judge(self) -> None:
        step, chosen = self.step, self._chosen
        self.value.setEnabled(step is None or step[0] != "delete")
        if step is None or chosen is None:
            self._say(self._words.gettext(N_("No element of that name is known.")), is_wrong=True)
            return
        why = objection(step, chosen.vr)
        if why is not None:
            self._say(self._words.phrase(why), is_wrong=True)
            return
        hint = HINTS.get(chosen.vr, "")
        self._say(self._words.gettext(hint) if hint and step[0] != "delete" else "", is_wrong=False)

    def _say(self, text: str, *, is_wrong: bool) -> None:
        self.hint.setText(text[:1].upper() + text[1:])
        put_tone(self.hint, "bad" if is_wrong else "")
        self.ok.setEnabled(not is_wrong)
