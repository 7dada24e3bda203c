"""The column of buttons on the left: one for each view, and switches below them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton, QVBoxLayout

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.drawing import icon
from tolmach.apps.desktop.panels import shortcut
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words

_WIDTH = 122
_ICON = 22


class Navigation(QFrame):
    """Buttons with an icon above their text; `chosen` tells which view is wanted."""

    chosen = Signal(str)

    def __init__(self, words: Words, theme: Theme) -> None:
        """Begin without buttons."""
        super().__init__()
        self.setObjectName("navigation")
        self.setFixedWidth(_WIDTH)
        self._words, self._theme = words, theme
        self.buttons: dict[str, QToolButton] = {}
        self._pictures: list[tuple[QToolButton, str]] = []
        self._group = QButtonGroup(self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 10, 0, 10)
        self._column.setSpacing(2)
        self._column.addStretch(1)
        self._stretch = 0  # where the free space stands
        theme.changed.connect(self._draw)

    def add(self, key: str, picture_name: str, title: str, keys: str, *, at_end: bool = False) -> None:
        """Add a view's button; the first one is down from the beginning."""
        button = self._button(picture_name, title, keys)
        self._column.insertWidget(self._stretch + 1 if at_end else self._stretch, button)
        self._stretch += not at_end
        self._group.addButton(button)
        button.clicked.connect(lambda: self.chosen.emit(key))
        button.setChecked(not self.buttons)
        self.buttons[key] = button

    def switch(self, picture_name: str, title: str, keys: str) -> QToolButton:
        """Add a button of its own at the very bottom, which is down or up."""
        button = self._button(picture_name, title, keys)
        button.setObjectName("switch")
        self._draw()
        self._column.addWidget(button)
        return button

    def opener(self, picture_name: str, title: str, keys: str, opens: Callable[[], object]) -> QToolButton:
        """Add a button below everything that opens something and stays up."""
        button = self._button(picture_name, title, keys)
        button.setCheckable(False)
        button.clicked.connect(lambda: opens())
        self._column.addWidget(button)
        return button

    def mark(self, key: str) -> None:
        """Put a view's button down."""
        self.buttons[key].setChecked(True)

    def _button(self, picture_name: str, title: str, keys: str) -> QToolButton:
        button = QToolButton()
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setCheckable(True)
        button.setIconSize(QSize(_ICON, _ICON))
        button.setFixedWidth(_WIDTH - 1)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)

        def say(text: str) -> None:
            button.setText(text)
            button.setToolTip(shown.tip(f"{text.replace('&', '')}\n{keys}"))
            button.setAccessibleName(text.replace("&", ""))

        self._words.bind(say, title)
        shortcut(self, keys, button.click)
        self._pictures.append((button, picture_name))
        self._draw()
        return button

    def _draw(self) -> None:
        colours = self._theme.colours
        for button, name in self._pictures:
            drawn = QIcon(icon(name, colours.muted))
            down = colours.accent if button.objectName() == "switch" else colours.on_selection
            drawn.addPixmap(icon(name, down).pixmap(24, 24), QIcon.Mode.Normal, QIcon.State.On)
            button.setIcon(drawn)
