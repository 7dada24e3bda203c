"""The queue: whereto lines wait, each line with its age, why it waits and what to do; retry, hold, drop."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QComboBox, QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.auto_desk import AutoDesk
from tolmach.apps.desktop.auto_dialogs import DropDialog, ask_shadow
from tolmach.apps.desktop.auto_panels import Block, BlockList, EmptyPage, ListTable, waiting_text
from tolmach.apps.desktop.auto_queue_model import LINE_TEXTS, Column, QueueModel
from tolmach.apps.desktop.auto_rows import QueueLine, QueueSeen, moment
from tolmach.apps.desktop.auto_targets import TargetTable
from tolmach.apps.desktop.panels import GAP, ToolButton, WrapBox, bind_tip, group, panel, question, text_label
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.apps.overseeing import MOST_LISTED, Shadowed
from tolmach.base import N_, Problem

_COLUMNS: dict[int, tuple[int, int]] = {
    Column.AGE: (14, 0), Column.PATIENT: (13, 4), Column.DESTINATION: (6, 1), Column.STATE: (14, 0),
    Column.ATTEMPTS: (3, 0), Column.NEXT: (8, 2), Column.REASON: (12, 6),
}  # fmt: skip
_STATES = (
    ("", N_("Any state")),
    ("queued", N_("Waiting")),
    ("held", N_("Held")),
    ("quarantined", N_("In quarantine")),
)


class QueuePage(QWidget):
    """What is not delivered."""

    def __init__(self, desk: AutoDesk, words: Words, theme: Theme) -> None:
        """Show nothing yet."""
        super().__init__()
        self._desk, self._words, self._theme = desk, words, theme
        self.seen = QueueSeen()
        self._trouble: Problem | None = None
        self.model = QueueModel(words, theme)
        self.table = ListTable(words, theme, self.model, _COLUMNS, N_("Queue"), {Column.STATE: LINE_TEXTS})
        self.targets = TargetTable(words, theme)
        self.reason = BlockList(theme)
        self.retry = ToolButton(
            words, theme, "retry", N_("&Retry now"), N_("Try the selected lines again now; releases what is held"),
            "Ctrl+R",
        )  # fmt: skip
        self.hold = ToolButton(words, theme, "hold", N_("&Hold"), N_("Keep the selected lines until they are retried"))
        self.drop = ToolButton(
            words, theme, "remove", N_("Dr&op…"), N_("Give the selected lines up for good; asks why"), "Del"
        )
        self.all = ToolButton(words, theme, "send", N_("Retry a&ll"), N_("Try everything that is listed again now"))
        self.state = QComboBox()
        for key, _text in _STATES:
            self.state.addItem("", key)
        bind_tip(words, self.state, N_("How it stands"))
        self.sum = text_label("", "muted")
        self.empty = EmptyPage(words, theme, "good", N_("Nothing waits."),
                               N_("Everything that came was delivered, or is kept here."))  # fmt: skip
        self._arrange()
        self._connect()
        self._age = QTimer(self)
        self._age.setInterval(20_000)
        self._age.timeout.connect(self.model.say_anew)
        self._say()

    def _arrange(self) -> None:
        above, inside = panel()
        inside.addWidget(self.targets)
        self.bar = WrapBox(
            [group(self.retry, self.hold, self.drop, spacing=6), group(self.all, self.state, spacing=6), self.sum]
        )
        frame, lines = panel()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.empty)
        lines.addWidget(self.stack, 1)
        below, why = panel()
        why.addWidget(self.reason)
        below.setMinimumHeight(124)
        self.why = below
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(GAP)
        self.splitter.addWidget(frame)
        self.splitter.addWidget(below)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([360, 150])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(above)
        layout.addWidget(self.bar)
        layout.addWidget(self.splitter, 1)

    def _connect(self) -> None:
        self.model.wanted.connect(self._desk.read_queue)
        self.model.dataChanged.connect(self._explain)
        self.model.modelReset.connect(self._select)
        self.model.layoutChanged.connect(self._select)
        self.table.selectionModel().selectionChanged.connect(self._select)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._explain())
        self.table.customContextMenuRequested.connect(self._menu)
        self.targets.chosen.connect(lambda _name: self._look())
        self.state.currentIndexChanged.connect(lambda _at: self._look())
        self.retry.clicked.connect(lambda: self._desk.retry(self.table.selected_ids()))
        self.hold.clicked.connect(lambda: self._desk.hold(self.table.selected_ids()))
        self.drop.clicked.connect(lambda: self.ask_drop(self.table.selected_ids()))
        self.all.clicked.connect(self._retry_all)
        # Asked later: a dialog opened here would keep back what the desk tells beside it.
        self._desk.asked.connect(self._ask_shadow, Qt.ConnectionType.QueuedConnection)
        self._desk.working.connect(self._enable)
        self._words.changed.connect(self._say)

    # Reading.

    def refresh(self, *, force: bool = False) -> None:
        """Look, where anything has changed."""
        self._desk.look_queue(self.targets.name(), str(self.state.currentData()), force=force)
        if not self._age.isActive():
            self._age.start()

    def _look(self) -> None:
        if self.isVisible():
            self.refresh(force=True)

    def show_seen(self, seen: QueueSeen) -> None:
        """Show what waits, and read again what is seen of it."""
        self.seen = seen
        self.targets.show_targets(seen.targets)
        self.table.show_ids(list(seen.ids))
        self.model.outdate()
        self.stack.setCurrentIndex(0 if seen.ids else 1)
        self.why.setVisible(bool(seen.ids))
        self._say()

    def tell_trouble(self, problem: Problem | None) -> None:
        """Say why what is selected was not read yet, or that it is being read."""
        self._trouble = problem
        self._explain()

    def show_rows(self, rows: dict[int, QueueLine]) -> None:
        """Show rows that were read."""
        self.model.take(rows)

    # What people do.

    def _select(self) -> None:
        self._enable()
        self._explain()

    def _enable(self) -> None:
        may = not self._desk.is_working
        has = self.table.selectionModel().hasSelection()
        for one in (self.retry, self.hold, self.drop):
            one.setEnabled(may and has)
        self.all.setEnabled(may and bool(self.model.ids))

    def _menu(self, place: QPoint) -> None:
        if self.table.selectionModel().hasSelection():
            menu = self.menu_for(self.table.selected_ids())
            menu.exec(self.table.viewport().mapToGlobal(place))
            menu.deleteLater()

    def menu_for(self, ids: Sequence[int]) -> QMenu:
        """Give what can be done with the selected lines."""
        menu, say, desk = QMenu(self), self._words.gettext, self._desk
        for text, does in (
            (N_("Retry now"), lambda: desk.retry(ids)),
            (N_("Hold"), lambda: desk.hold(ids)),
            (N_("Drop…"), lambda: self.ask_drop(ids)),
        ):
            menu.addAction(say(text), does).setEnabled(not desk.is_working)
        return menu

    def ask_drop(self, ids: Sequence[int]) -> None:
        """Ask who drops lines and why, and give them up."""
        if not ids or self._desk.is_working:
            return
        dialog = DropDialog(self._words, len(ids), self._desk.actor, self)
        if dialog.exec():
            self._desk.drop(ids, dialog.name.text().strip(), dialog.reason.text().strip())
        dialog.deleteLater()

    def _retry_all(self) -> None:
        say, name = self._words.gettext, self.targets.name()
        text = self._words.ngettext("Try {count} line again now?", "Try {count} lines again now?", len(self.model.ids))
        more = say(N_("What is held, and what is in quarantine, goes too; not what a folder in shadow mode holds."))
        answers = (("retry", say(N_("Retry all"))), ("leave", say(N_("Leave it as it is"))))
        if question(self, self._words, text, more, answers) == "retry":
            # All of a state are those that are listed; all of a destination may be more by now.
            has_state = bool(self.state.currentData())
            self._desk.retry_all(self.model.ids, name, more=not has_state)

    def _ask_shadow(self, found: Shadowed) -> None:
        """Ask before anything leaves of a folder in shadow mode; nothing of it does unless somebody says so."""
        answer = ask_shadow(self, self._words, found)
        if answer == "send":
            self._desk.retry_agreed([*found.others, *found.ids])
        elif answer == "others":
            self._desk.retry(found.others)

    def _explain(self) -> None:
        number = self.table.current_id()
        row = None if number is None else self.model.known(number)
        if row is None:
            text = self._words.gettext(N_("Select a line to see why it waits, and what to do."))
            if number is not None:
                text = waiting_text(self._words, self._trouble)
            self.reason.show_blocks([Block("", "plain", (text,))])
            return
        self.reason.show_blocks([self._block(row)])

    def _block(self, row: QueueLine) -> Block:
        say, model = self._words.gettext, self.model
        parts = [model.state_text(row), model.age_text(row), moment(row.queued_at)]
        parts.append(self._words.ngettext("{count} attempt", "{count} attempts", row.attempts))
        if row.state == "queued" and row.next_at is not None:
            parts.append(say(N_("next attempt {when}"), when=model.next_text(row)))
        head = f"{row.patient}  →  {row.destination or '—'}"
        if row.problem is None:
            why = N_("It waits for its turn.") if row.state == "queued" else N_("A person holds it.")
            details: tuple[str, ...] = (say(why),)
        else:
            what = self._words.phrase(row.problem.what)
            details = f"{row.problem.code}: {what}", self._words.advice(row.problem)
        return Block(shown.plain(head, 300), model.tone(row), ("   ·   ".join(parts),), details)

    def _say(self) -> None:
        say, count = self._words.gettext, len(self.model.ids)
        for place, (_key, text) in enumerate(_STATES):
            self.state.setItemText(place, say(text))
        parts = [self._words.ngettext("{count} line", "{count} lines", count)] if count else []
        if count >= MOST_LISTED:
            parts = [say(N_("The oldest {count} are listed."), count=count)]
        if self.seen.examined:
            examined = self._words.ngettext(
                "{count} image is being examined", "{count} images are being examined", self.seen.examined
            )
            parts.append(examined)
        self.sum.setText("   ·   ".join(parts))
        self.bar.arrange()
        self._enable()
        self._explain()
