"""Icons in the colours of the theme, drawn sharp at every scaling."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

FOLDER = files("tolmach.apps.desktop.icons")
_SIZES = (16, 20, 24, 32, 40, 48, 64)


@lru_cache(maxsize=256)
def icon(name: str, colour: str = "", disabled: str = "", selected: str = "") -> QIcon:
    """Give an icon; lines are drawn in `colour`, as `#rrggbb`. Without one it keeps its own colours."""
    made = QIcon()
    for size in _SIZES:
        made.addPixmap(picture(name, colour, size))
        if disabled:
            made.addPixmap(picture(name, disabled, size), QIcon.Mode.Disabled)
        if selected:
            made.addPixmap(picture(name, selected, size), QIcon.Mode.Selected)
    return made


def picture(name: str, colour: str, size: int) -> QPixmap:
    """Give an icon as a picture of so many pixels."""
    text = FOLDER.joinpath(f"{name}.svg").read_text("utf-8")
    if colour:
        text = text.replace("#000000", colour)
    renderer = QSvgRenderer(QByteArray(text.encode("utf-8")))
    made = QPixmap(QSize(size, size))
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return made
