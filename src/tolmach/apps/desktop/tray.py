"""The icon beside the clock: how everything is, a menu, and a message when something becomes stuck.

Some desktops have no such place; whatever is here can be reached in the window too.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.drawing import icon
from tolmach.apps.desktop.overview import Mood

_TOOLTIP = 127  # letters; Windows shows no more
_MESSAGE = 250
_MESSAGE_MILLISECONDS = 15_000
_OPENS = (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick)


class Tray(QObject):
    """The icon; `opened` tells that somebody wants to see the window."""

    opened = Signal()

    def __init__(self, menu: QMenu, parent: QObject) -> None:
        """Show nothing yet."""
        super().__init__(parent)
        self.icon = QSystemTrayIcon(self)
        self.icon.setContextMenu(menu)
        self.icon.activated.connect(self._take_click)
        self.icon.messageClicked.connect(self.opened)
        self.mood: Mood | None = None

    @property
    def is_there(self) -> bool:
        """Whether the desktop has a place for it just now."""
        return QSystemTrayIcon.isSystemTrayAvailable()

    def show(self) -> None:
        """Be there, now or as soon as the desktop has a place."""
        self.icon.show()

    def hide(self) -> None:
        """Be gone: an icon of a program that has ended stays on some desktops until the mouse meets it."""
        self.icon.hide()

    def tell(self, mood: Mood, lines: list[str]) -> None:
        """Show how everything is; the lines are the tooltip."""
        if mood != self.mood:
            self.mood = mood
            self.icon.setIcon(icon(f"tray-{mood}"))
        text = "\n".join(shown.plain(line, _TOOLTIP) for line in lines)
        self.icon.setToolTip(text if len(text) <= _TOOLTIP else f"{text[: _TOOLTIP - 1]}…")

    def message(self, head: str, rest: str, *, is_bad: bool) -> None:
        """Say something for a while; a click on it opens the window."""
        kinds = QSystemTrayIcon.MessageIcon
        kind = kinds.Warning if is_bad else kinds.Information
        self.icon.showMessage(shown.plain(head, 60), shown.plain(rest, _MESSAGE), kind, _MESSAGE_MILLISECONDS)

    def _take_click(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in _OPENS:
            self.opened.emit()
