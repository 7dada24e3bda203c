"""The first page: which folder. What is in it is shown while it is chosen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QDir, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.drawing import icon
from tolmach.apps.desktop.errand import Errand, IsWanted, Say
from tolmach.apps.desktop.panels import MARGIN, Banner, ToolButton, bind_tip, panel, text_label
from tolmach.apps.desktop.wizard_course import Course
from tolmach.apps.desktop.wizard_page import WizardPage
from tolmach.apps.desktop.wizard_survey import Survey, survey
from tolmach.apps.reports import printable
from tolmach.base import N_

_PAUSE_MILLISECONDS = 250
_PATH = int(Qt.ItemDataRole.UserRole)
_UP = ".."


class FolderPage(WizardPage):
    """Asks for the folder."""

    title = N_("Which folder?")
    about = N_("Choose the folder that the machine writes its images into. It is only read.")

    def __init__(self, course: Course) -> None:
        """Show nothing yet."""
        super().__init__(course)
        words = self.words
        self.path = QLineEdit()
        self.path.setClearButtonEnabled(True)
        words.bind(self.path.setPlaceholderText, N_("Path of the folder, or drop it here"))
        words.bind(self.path.setAccessibleName, N_("Folder"))
        self.browse = ToolButton(words, self.theme, "folder", N_("&Browse…"), N_("Choose the folder in a dialog"))
        self.browse.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.banner = Banner(words, self.theme)
        self.folders = QListWidget()
        self.folders.setObjectName("found")
        self.folders.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.folders.setMinimumHeight(120)
        bind_tip(words, self.folders, N_("Folders inside it; press Enter to go into one"))
        self.facts = _Facts(course)
        self._chosen = ("", "")  # what stands in the line, and the path it stands for
        self._arrange()
        self._survey: Errand[Survey] = Errand(self._take, self)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_PAUSE_MILLISECONDS)
        self._soon.timeout.connect(self.look)
        self.path.textChanged.connect(self._typed)
        self.path.returnPressed.connect(self.look)
        self.browse.clicked.connect(self._browse)
        self.folders.itemActivated.connect(self._go_into)
        self.setAcceptDrops(True)
        self.theme.changed.connect(self._draw)

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.path, 1)
        row.addWidget(self.browse)
        self.column.addLayout(row)
        self.column.addWidget(self.banner)
        below = QHBoxLayout()
        below.setSpacing(12)
        below.addWidget(self.folders, 2)
        below.addWidget(self.facts, 3)
        self.column.addLayout(below, 1)
        self.folders.setMinimumWidth(150)

    @property
    def may_go_on(self) -> bool:
        """Whether a folder is chosen that may be watched; it need not be counted to the end."""
        found = self.course.survey
        return found is not None and found.problem is None and not self._soon.isActive() and self._is_of_text(found)

    def _is_of_text(self, found: Survey) -> bool:
        return str(found.path) == str(Path(self._text))

    @property
    def _text(self) -> str:
        if self.path.text() == self._chosen[0]:
            return self._chosen[1]  # as the system has it, whatever a line makes of it
        text = self.path.text().strip()
        # Explorers copy paths in quotation marks.
        return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text

    def enter(self) -> None:
        """Show the folder that was chosen, if one was."""
        if self.course.trouble is not None:
            self.banner.tell(self.course.trouble, can_close=False)
        if not self._text:
            self._show_places()
        self.path.setFocus()

    def _show_places(self) -> None:
        """Offer where to begin: the home folder and the drives."""
        drives = [one.absoluteFilePath() for one in QDir.drives()]
        home = (str(Path.home()), shown.plain(printable(Path.home().name or Path.home()), 80))
        self._list([home, *((str(Path(one)), shown.plain(one, 80)) for one in drives)])

    def _typed(self) -> None:
        self._survey.drop()
        self.facts.begin(bool(self._text))
        self._soon.start()
        self.changed.emit()

    def look(self) -> None:
        """Look at what stands in the line now."""
        self._soon.stop()
        text, settings, file = self._text, self.course.settings, self.course.file
        if not text:
            self._survey.drop()
            self.course.survey = None
            self.banner.hide()
            self.facts.begin(False)
            self._show_places()
            self.changed.emit()
            return

        def work(say: Say[Survey], is_wanted: IsWanted) -> None:
            survey(text, settings, file, say, is_wanted)

        self._survey.begin(work, "survey")

    def _take(self, found: Survey) -> None:
        self.course.survey = found
        self.facts.show_survey(found)
        self._show_folders(found)
        self._say_banner(found)
        self.changed.emit()

    def _say_banner(self, found: Survey) -> None:
        problem = found.problem or found.unread or found.doubt
        if problem is not None:
            self.banner.tell(problem, "bad" if found.problem is not None else "doubt", can_close=False)
        elif self.course.trouble is not None:
            self.banner.tell(self.course.trouble, can_close=False)
        else:
            self.banner.hide()

    def _show_folders(self, found: Survey) -> None:
        up = [] if found.path.parent == found.path else [(str(found.path.parent), _UP)]
        inside = [(str(found.path / name), shown.plain(printable(name), 80)) for name in found.folders]
        if found.problem is None or found.folders:
            self._list([*up, *inside])

    def _list(self, entries: Sequence[tuple[str, str]]) -> None:
        """Show folders to go into: (path, what is shown)."""
        present = [self.folders.item(number).data(_PATH) for number in range(self.folders.count())]
        if present == [path for path, _text in entries]:
            return
        self.folders.clear()
        for path, text in entries:
            item = QListWidgetItem(text)
            item.setData(_PATH, path)
            item.setToolTip(shown.tip(printable(path)))
            self.folders.addItem(item)
        self._draw()

    def _draw(self) -> None:
        drawn = icon("folder", self.theme.colours.muted, selected=self.theme.colours.on_selection)
        for number in range(self.folders.count()):
            self.folders.item(number).setIcon(drawn)

    def _go_into(self, item: QListWidgetItem) -> None:
        self.choose(Path(str(item.data(_PATH))))

    def choose(self, folder: Path) -> None:
        """Choose a folder and look at it at once."""
        shown_as = printable(folder)
        self._chosen = shown_as, str(folder)
        self.path.setText(shown_as)
        self._chosen = self.path.text(), str(folder)
        self.look()

    def _browse(self) -> None:
        begin = self._text or str(Path.home())
        name = QFileDialog.getExistingDirectory(self, self.words.gettext(N_("Choose a folder")), begin)
        if name:
            self.choose(Path(name))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take one folder."""
        if _local(event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Choose what was dropped; of a file the folder it lies in."""
        path = _local(event.mimeData().urls())
        if path:
            event.acceptProposedAction()
            self.choose(Path(path))

    def say(self) -> None:
        """Say what was found anew."""
        if self.course.survey is not None:
            self.facts.show_survey(self.course.survey)
            self._say_banner(self.course.survey)
        else:
            self.facts.begin(bool(self._text))

    def close_down(self) -> None:
        """Count no further."""
        self._soon.stop()
        self._survey.drop()


def _local(urls: list[QUrl]) -> str:
    return urls[0].toLocalFile() if len(urls) == 1 and urls[0].isLocalFile() else ""


class _Facts(QWidget):
    """What is in the folder, in a few lines."""

    def __init__(self, course: Course) -> None:
        super().__init__()
        self._words = course.words
        frame, inside = panel()
        frame.setFrameShape(QFrame.Shape.NoFrame)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(MARGIN + 4, MARGIN, MARGIN + 4, MARGIN)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        inside.addLayout(self._grid)
        inside.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(frame)
        self.state = text_label("", "heading", wraps=True)
        self._grid.addWidget(self.state, 0, 0, 1, 2)
        self.values: dict[str, tuple[QLabel, QLabel]] = {}
        for row, (key, msgid) in enumerate(
            (
                ("files", N_("Files")),
                ("size", N_("Size")),
                ("dicom", N_("DICOM")),
                ("suffixes", N_("Names end in")),
                ("newest", N_("Newest file")),
            ),
            1,
        ):
            name, value = text_label("", "muted"), text_label("", wraps=True)
            self._words.bind(name.setText, msgid)
            self._grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, row, 1)
            self.values[key] = name, value
        self.begin(False)

    def begin(self, is_looking: bool) -> None:
        """Show nothing, or that it is being looked."""
        say = self._words.gettext
        self.state.setText(say(N_("Looking…")) if is_looking else say(N_("What is in the folder is shown here.")))
        for name, value in self.values.values():
            name.hide()
            value.hide()

    def show_survey(self, found: Survey) -> None:
        """Show what was found so far."""
        say = self._words.gettext
        if found.problem is not None:
            self.begin(False)
            return
        self.state.setText(say(self._state(found)))
        more = "+" if found.is_cut else "" if found.is_whole else "…"
        dicom = say(N_("{dicom} of {looked} looked into"), dicom=found.dicom, looked=found.looked)
        none = say(N_("no ending"))
        texts = {
            "files": f"{found.files:,}{more}".replace(",", "\u202f"),
            "size": f"{self._words.size(found.size)}{more}",
            "dicom": dicom if found.looked else "",
            "suffixes": ", ".join(f"{shown.plain(one, 16) or none}: {count}" for one, count in found.top_suffixes()),
            "newest": time.strftime("%Y-%m-%d %H:%M", time.localtime(found.newest)) if found.newest else "",
        }
        for key, text in texts.items():
            name, value = self.values[key]
            value.setText(text)
            name.setVisible(bool(text))
            value.setVisible(bool(text))

    def _state(self, found: Survey) -> str:
        if not found.is_whole:
            return N_("Looking…")
        if not found.files:
            return N_("The folder is empty. Images can come later.")
        if not found.dicom:
            return N_("None of the files is DICOM. Is it the right folder?")
        if found.is_cut:
            return N_("Many files: not all were counted.")
        return N_("There are images in it.") if found.dicom * 2 > found.looked else N_("Some of the files are DICOM.")
