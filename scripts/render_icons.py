"""Icons of the desktop in the usual sizes, from the project's own drawing, src/tolmach/apps/desktop/icons/app.svg.

    python -m scripts.render_icons FOLDER   hicolor PNG and SVG below FOLDER, and FOLDER/tolmach.ico for Windows

Needs Qt (extra `desktop`) and Pillow, no screen and no network. May be repeated.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage, QImageWriter, QPainter
from PySide6.QtSvg import QSvgRenderer

ROOT = Path(__file__).resolve().parents[1]
DRAWING = ROOT / "src" / "tolmach" / "apps" / "desktop" / "icons" / "app.svg"
NAME = "tolmach"
# Sizes of the hicolor theme, and those Windows asks for.
SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
ICO_SIZES = (16, 20, 24, 32, 40, 48, 64, 128, 256)


def rendered(drawing: bytes, size: int) -> bytes:
    """Give a drawing as PNG of so many pixels each way, its background clear."""
    image = QImage(QSize(size, size), QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(QByteArray(drawing)).render(painter, QRectF(0, 0, size, size))
    painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(b"png"))
    if not writer.write(image):
        raise OSError(writer.errorString())
    return bytes(data.data())


def write_icons(folder: Path) -> None:
    """Write everything below a folder."""
    drawing = DRAWING.read_bytes()
    theme = folder / "hicolor"
    for size in SIZES:
        _write(theme / f"{size}x{size}" / "apps" / f"{NAME}.png", rendered(drawing, size))
    _write(theme / "scalable" / "apps" / f"{NAME}.svg", drawing)
    pictures = [Image.open(io.BytesIO(rendered(drawing, size))) for size in ICO_SIZES]
    icon = io.BytesIO()
    pictures[-1].save(icon, "ICO", sizes=[(size, size) for size in ICO_SIZES], append_images=pictures[:-1])
    _write(folder / f"{NAME}.ico", icon.getvalue())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def main(arguments: Sequence[str]) -> int:
    """Write the icons below the folder that is named."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if QGuiApplication.instance() is None:
        application = QGuiApplication(["render_icons"])
        application.setApplicationName(NAME)
    write_icons(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
