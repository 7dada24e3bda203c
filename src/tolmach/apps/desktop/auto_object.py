"""One object of the history: what was changed in it, where it went and how, its versions, and who said what of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QStackedWidget, QTabWidget, QTreeView, QVBoxLayout, QWidget

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.auto_panels import Block, BlockList, no_page
from tolmach.apps.desktop.auto_queue_model import LINE_TONES
from tolmach.apps.desktop.auto_rows import ACTIONS, MOST_BLOCKS, ObjectSeen, change_lines, moment, patient_of
from tolmach.apps.desktop.element_editors import ValueDelegate
from tolmach.apps.desktop.element_model import Column, ElementModel
from tolmach.apps.desktop.panels import MARGIN, Banner, ElidedLabel, ToolButton, panel, text_label
from tolmach.apps.desktop.rows import Tone
from tolmach.apps.desktop.schema_form import PROOFS
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.apps.overseeing import LINE_STATES
from tolmach.base import N_, Problem

if TYPE_CHECKING:
    from tolmach.apps.overseeing import DeliveryRow, Event, VersionRow

_WIDE = 62  # average letters
_STATES = LINE_STATES | {"deleted": N_("dropped")}  # one word for it in the whole window


class ObjectView(QWidget):
    """What is known of one object. `resend_wanted` gives its number, `other_wanted` that of another version."""

    resend_wanted = Signal(int)

    def __init__(self, words: Words, theme: Theme) -> None:
        """Show that nothing is selected."""
        super().__init__()
        self._words, self._theme = words, theme
        self.seen: ObjectSeen | None = None
        self.head, self.place = ElidedLabel(), ElidedLabel()
        self.head.setObjectName("heading")
        self.place.setObjectName("muted")
        self.resend = ToolButton(words, theme, "send", N_("Resend…"), N_("Deliver this image once more"), wide=False)
        self.banner = Banner(words, theme)
        self.model = ElementModel(words, theme)
        self.model.is_locked = True
        self.tree = self._tree()
        self.unchanged = text_label("", "muted", wraps=True)
        self.unchanged.setMargin(MARGIN)
        self.deliveries, self.versions = BlockList(theme), BlockList(theme)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideRight)
        changes = QWidget()
        inside = QVBoxLayout(changes)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        inside.addWidget(self.unchanged)
        inside.addWidget(self.tree, 1)
        inside.addStretch(0)
        for page, msgid in (
            (changes, N_("C&hanges")),
            (self.deliveries, N_("&Deliveries")),
            (self.versions, N_("&Versions and log")),
        ):
            self.tabs.addTab(page, words.gettext(msgid))
        self._arrange()
        self.resend.clicked.connect(self._want_resend)
        words.changed.connect(self._say)
        self._say()

    def _arrange(self) -> None:
        frame, inside = panel()
        texts = QVBoxLayout()
        texts.setSpacing(3)
        texts.addWidget(self.head)
        texts.addWidget(self.place)
        top = QHBoxLayout()
        top.addLayout(texts, 1)
        top.addWidget(self.resend)
        heads = QVBoxLayout()
        heads.setContentsMargins(MARGIN, 10, MARGIN, 8)
        heads.setSpacing(6)
        heads.addLayout(top)
        heads.addWidget(self.banner)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(heads)
        column.addWidget(self.tabs, 1)
        self.stack = QStackedWidget()
        self.stack.addWidget(no_page(self._words))
        self.stack.addWidget(whole)
        inside.addWidget(self.stack, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(frame)
        self.setMinimumWidth(260)
        self.setMinimumHeight(170)

    def _tree(self) -> QTreeView:
        tree = QTreeView()
        tree.setModel(self.model)
        tree.setItemDelegateForColumn(Column.VALUE, ValueDelegate(self._words, self._theme, tree))
        tree.setUniformRowHeights(True)
        tree.setRootIsDecorated(False)
        tree.setIndentation(6)
        tree.setMinimumHeight(40)
        self._words.bind(tree.setAccessibleName, N_("What was changed"))
        header = tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(Column.VALUE, QHeaderView.ResizeMode.Stretch)
        letter = tree.fontMetrics().averageCharWidth()
        for column, letters in ((Column.NAME, 22), (Column.VR, 7), (Column.TAG, 16)):
            header.resizeSection(column, letters * letter)
        return tree

    def show_seen(self, seen: ObjectSeen | None) -> None:
        """Show an object, or that none is selected."""
        if seen == self.seen and seen is not None:
            return
        is_other = seen is None or self.seen is None or seen.row.object_id != self.seen.row.object_id
        if seen is not None and (is_other or self.seen is None or seen.row.changes != self.seen.row.changes):
            self.model.show_lines(change_lines(seen.row.changes))
        self.seen = seen
        self._say()
        if is_other:
            for one in (self.deliveries, self.versions):
                one.verticalScrollBar().setValue(0)

    def _want_resend(self) -> None:
        if self.seen is not None:
            self.resend_wanted.emit(self.seen.row.object_id)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave room for the values: where it is narrow, tags and VRs stand in the tooltips alone."""
        super().resizeEvent(event)
        is_wide = event.size().width() >= _WIDE * self.fontMetrics().averageCharWidth()
        for column in (Column.VR, Column.TAG):
            self.tree.setColumnHidden(column, not is_wide)

    def _say(self) -> None:
        say, seen = self._words.gettext, self.seen
        self.stack.setCurrentIndex(0 if seen is None else 1)
        for number, msgid in enumerate((N_("C&hanges"), N_("&Deliveries"), N_("&Versions and log"))):
            self.tabs.setTabText(number, say(msgid))
        if seen is None:
            return
        row = seen.row
        self.head.setText(patient_of(row.facts.get("PatientName", ""), row.sop_instance_uid))
        parts = [shown.plain(row.facts.get("PatientID", ""), 64), shown.plain(row.source, 64), moment(row.received_at)]
        parts.append(shown.plain(row.facts.get("StudyDescription", ""), 80))
        self.place.setText("   ·   ".join(part for part in parts if part))
        self._say_problem()
        changes = len(self.model.lines)
        self.tree.setVisible(bool(changes))
        self.unchanged.setVisible(not changes)
        self.unchanged.setText(say(N_("Nothing was changed in this image.") if row.verdict else N_("Being examined")))
        blocks = [self._delivery(line) for line in row.deliveries[:MOST_BLOCKS]]
        self.deliveries.show_blocks(blocks or [Block(say(N_("It goes nowhere: it is kept in the archive here.")))])
        self.versions.show_blocks([*map(self._version, seen.versions[:MOST_BLOCKS]), *self._log()])

    def _say_problem(self) -> None:
        seen = self.seen
        row = None if seen is None else seen.row
        if row is None:
            return
        if row.quarantine is not None:
            self.banner.tell(row.quarantine, can_close=False)
        elif row.problems:
            self.banner.tell(row.problems[0], "doubt", can_close=False)
        elif row.verdict == "unsure":
            self.banner.say(self._words.gettext(N_("The text of this file is doubtful.")), "", "doubt", can_close=False)
        else:
            self.banner.hide()

    def _delivery(self, line: DeliveryRow) -> Block:
        say = self._words.gettext
        tone: Tone = "good" if line.state == "delivered" else LINE_TONES.get(line.state, "plain")
        state = say(_STATES[line.state]) if line.state in _STATES else line.state
        to = shown.plain(line.destination, 64) or "—"
        attempts = self._words.ngettext("{count} attempt", "{count} attempts", line.attempts)
        told = [attempts, moment(line.at), shown.plain(line.status, 40)]
        if line.proof:
            told.append(say(PROOFS[line.proof]) if line.proof in PROOFS else line.proof)
        if line.decided_by:
            told.append(say(N_("said by {name}"), name=shown.plain(line.decided_by, 64)))
        lines = ["   ·   ".join(one for one in told if one)]
        if line.is_original:
            lines.append(say(N_("as it came")))
        if line.place:
            lines.append(shown.plain(line.place, 400))
        return Block(f"{to}: {state}", tone, tuple(lines), self._reason(line.problem))

    def _reason(self, problem: Problem | None) -> tuple[str, ...]:
        if problem is None:
            return ()
        return f"{problem.code}: {self._words.phrase(problem.what)}", self._words.advice(problem)

    def _version(self, version: VersionRow) -> Block:
        say = self._words.gettext
        arrivals = self._words.ngettext("came {count} time", "came {count} times", version.arrivals)
        told = [moment(version.received_at), shown.plain(version.source, 64), self._words.size(version.size), arrivals]
        if version.is_purged:
            told.append(say(N_("its bytes were removed")))
        is_this = self.seen is not None and version.object_id == self.seen.row.object_id
        head = say(N_("Version {number}, shown here") if is_this else N_("Version {number}"), number=version.version)
        return Block(head, "plain", ("   ·   ".join(told), f"sha256 {version.sha256[:32]}…"))

    def _log(self) -> Iterator[Block]:
        seen = self.seen
        for event in reversed(() if seen is None else seen.events):
            if event.actor:
                yield self._event(event)

    def _event(self, event: Event) -> Block:
        say = self._words.gettext
        what = say(ACTIONS[event.action]) if event.action in ACTIONS else event.action
        head = say(N_("{name}: {what}"), name=shown.plain(event.actor, 64), what=what)
        lines = [part for part in (moment(event.at), shown.plain(event.destination, 64)) if part]
        reason = str(event.details.get("reason", ""))
        return Block(head, "busy", ("   ·   ".join(lines),), (shown.plain(reason, 500),) if reason else ())
