"""The top of the Send view: where to, whether it answers, and what is done with the files on the way."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QVBoxLayout, QWidget

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.desk import Echoed
from tolmach.apps.desktop.panels import ElidedLabel, Segments, ToolButton, WrapBox, bind_tip, group, text_label
from tolmach.apps.desktop.station import Choice, Station
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.base import N_


class TargetBar(QWidget):
    """Choices about sending; `chosen` tells that one was made."""

    chosen = Signal(Choice)
    echo_wanted = Signal()
    peer_wanted = Signal(str)  # the name of the one to change, or nothing for a new one

    def __init__(self, words: Words, theme: Theme) -> None:
        """Offer nothing yet."""
        super().__init__()
        self._words = words
        self._is_filling = False
        self._ae_title = ""
        self._echoed: Echoed | None = None
        self.peer = QComboBox()
        self.peer.setMinimumContentsLength(16)
        self.peer.setMaximumWidth(280)
        self.peer.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.echo = ToolButton(
            words, theme, "echo", N_("&Echo"), N_("Ask the destination whether it answers"), "Ctrl+E"
        )
        self.add = ToolButton(words, theme, "plus", N_("Add destination"), N_("Add a destination"), wide=False)
        self.change = ToolButton(
            words, theme, "edit", N_("Change destination"), N_("Change this destination"), wide=False
        )
        self.answer = ElidedLabel()
        self.answer.setMinimumWidth(20)
        self.mode = Segments(
            words,
            (
                ("repair", N_("&Repair and edit"), N_("Repair the text, carry out rules and edits, then send")),
                ("as-is", N_("&As is"), N_("Send every byte as it is in the file")),
            ),
        )
        self.profile = QComboBox()
        self.profile.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.hold = QCheckBox()
        words.bind(self.hold.setText, N_("&Hold back unsure"))
        bind_tip(words, self.hold, N_("Files whose text is doubtful stay here until somebody has looked at them"))
        bind_tip(words, self.peer, N_("Where the files are sent"))
        bind_tip(words, self.profile, N_("What is done with the files, as the configuration says"))
        self._arrange()
        self.peer.currentIndexChanged.connect(self._tell_peer)
        self.profile.currentIndexChanged.connect(self._tell)
        self.hold.toggled.connect(self._tell)
        self.mode.chosen.connect(self._tell)
        self.echo.clicked.connect(self._want_echo)
        self.add.clicked.connect(lambda: self.peer_wanted.emit(""))
        self.change.clicked.connect(lambda: self.peer_wanted.emit(self.choice.peer))
        words.changed.connect(self._say_anew)

    def _arrange(self) -> None:
        to, what = text_label("", "muted"), text_label("", "muted")
        to.setBuddy(self.peer)
        what.setBuddy(self.profile)
        self._words.bind(to.setText, N_("To"))
        self._words.bind(what.setText, N_("Profile"))
        self._profile_group = group(what, self.profile)
        self.wrap = WrapBox(
            [
                group(to, self.peer, self.change, self.add, self.echo, spacing=6),
                self.mode,
                self._profile_group,
                self.hold,
            ]
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.wrap)
        layout.addWidget(self.answer)
        self.answer.hide()

    def fill(self, station: Station, choice: Choice) -> None:
        """Offer what there is, and show what is chosen."""
        self._is_filling = True
        self._ae_title = choice.ae_title
        self.peer.clear()
        for one in station.peers:
            self.peer.addItem(
                f"{shown.plain(one.name, 40)}   {shown.plain(one.ae_title, 16)}@{shown.plain(one.host, 40)}:{one.port}",
                one.name,
            )
        self.peer.setCurrentIndex(max(0, self.peer.findData(choice.peer)) if station.peers else -1)
        self.peer.setPlaceholderText(self._words.gettext(N_("no destination yet")))
        self._fill_profiles(station.profiles, choice.profile)
        self.hold.setChecked(choice.hold_unsure)
        self.mode.choose("as-is" if choice.as_is else "repair")
        self._station = station
        self._is_filling = False
        self._enable()

    def _fill_profiles(self, names: Sequence[str], chosen: str) -> None:
        self.profile.clear()
        self.profile.addItem(self._words.gettext(N_("standard")), "")
        for name in names:
            self.profile.addItem(shown.plain(name, 40), name)
        self.profile.setCurrentIndex(max(0, self.profile.findData(chosen)))
        self._profile_group.setVisible(bool(names))

    @property
    def choice(self) -> Choice:
        """What is chosen now."""
        return Choice(
            str(self.peer.currentData() or ""),
            str(self.profile.currentData() or ""),
            self.mode.key() == "as-is",
            self.hold.isChecked(),
            self._ae_title,
        )

    def show_echo(self, echoed: Echoed) -> None:
        """Show what the destination said; an answer for another one is not shown."""
        self.echo.setEnabled(bool(self.choice.peer))
        if echoed.peer != self.choice.peer:
            return
        self._echoed = echoed
        if echoed.problem is not None:
            text, tone = f"{echoed.problem.code}: {self._words.sentence(echoed.problem)}", "bad"
        else:
            text = self._words.gettext(N_("{peer} answers, {milliseconds} ms"), peer=shown.plain(echoed.peer, 40),
                                       milliseconds=shown.milliseconds(echoed.seconds))  # fmt: skip
            tone = "good"
        self._say(text, tone)

    def _say(self, text: str, tone: str) -> None:
        self.answer.setText(text)
        self.answer.set_tone(tone)
        self.answer.setVisible(bool(text))

    def _want_echo(self) -> None:
        self.echo.setEnabled(False)
        self._say(self._words.gettext(N_("Asking…")), "")
        self.echo_wanted.emit()

    def _tell_peer(self) -> None:
        if not self._is_filling:
            self._echoed = None
            self._say("", "")
        self._tell()

    def _tell(self) -> None:
        if self._is_filling:
            return
        self._enable()
        self.chosen.emit(self.choice)

    def _enable(self) -> None:
        choice = self.choice
        for one in (self.profile, self.hold):
            one.setEnabled(not choice.as_is)
        self.echo.setEnabled(bool(choice.peer))
        self.change.setEnabled(bool(choice.peer) and self._station.is_own(choice.peer))
        self.wrap.arrange()

    def _say_anew(self) -> None:
        self.profile.setItemText(0, self._words.gettext(N_("standard")))
        self.peer.setPlaceholderText(self._words.gettext(N_("no destination yet")))
        if self._echoed is not None:
            self.show_echo(self._echoed)
        self.wrap.arrange()
