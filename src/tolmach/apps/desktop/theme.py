"""Colours and shapes: light, dark and high contrast, following the system until somebody chooses.

States are never told by colour alone: each has an icon and a word as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from tolmach.apps.desktop.drawing import FOLDER
from tolmach.apps.desktop.rows import Tone

SCHEMES = ("light", "dark", "contrast")
_LEAST_POINTS = 10.0


@dataclass(frozen=True, slots=True)
class Colours:
    """One scheme."""

    window: str
    surface: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    accent_over: str
    selection: str
    on_selection: str
    good: str
    good_soft: str
    bad: str
    bad_soft: str
    doubt: str
    doubt_soft: str
    faint: str

    def of(self, tone: Tone) -> str:
        """Give the colour of text and icons in a tone."""
        tones = {"good": self.good, "bad": self.bad, "doubt": self.doubt, "busy": self.muted, "plain": self.muted}
        return tones[tone]

    def soft(self, tone: Tone) -> str:
        """Give the ground behind a row in a tone; empty where it has none."""
        return {"good": self.good_soft, "bad": self.bad_soft, "doubt": self.doubt_soft}.get(tone, "")


_SCHEMES: Mapping[str, Colours] = {
    "light": Colours(
        window="#f2f5f7", surface="#ffffff", raised="#f8fafb", line="#d5dde3", text="#17222c", muted="#566675",
        accent="#0b6e8f", on_accent="#ffffff", accent_over="#095c78", selection="#cfe6f0", on_selection="#0d1f2b",
        good="#156c3e", good_soft="#eaf6ee", bad="#a8231c", bad_soft="#fcecea", doubt="#7d5000", doubt_soft="#fff5df",
        faint="#94a2ae",
    ),
    "dark": Colours(
        window="#12171c", surface="#1a2127", raised="#202930", line="#33404a", text="#e4eaef", muted="#a3b1bd",
        accent="#56b8d7", on_accent="#08151b", accent_over="#79cbe5", selection="#204a5c", on_selection="#f2f8fb",
        good="#6fd19c", good_soft="#17302493", bad="#ff9a91", bad_soft="#3c20209f", doubt="#f3c65b",
        doubt_soft="#382d139f", faint="#6d7c88",
    ),
    "contrast": Colours(
        window="#000000", surface="#000000", raised="#000000", line="#ffffff", text="#ffffff", muted="#ffffff",
        accent="#ffd800", on_accent="#000000", accent_over="#fff07a", selection="#ffd800", on_selection="#000000",
        good="#63ff9c", good_soft="#003016", bad="#ff9b94", bad_soft="#450500", doubt="#ffd800", doubt_soft="#332b00",
        faint="#c8c8c8",
    ),
}  # fmt: skip

_SHEET = Template("""
QWidget { color: $text; }
QMainWindow, QDialog, #views, #settings, #settingsBody { background: $window; }
#navigation { background: $surface; border: 0; border-right: 1px solid $line; }
#navigation QToolButton { border: 0; border-radius: 8px; padding: 8px 2px 6px 2px; margin: 2px 6px; color: $muted; }
#navigation QToolButton:hover { background: $raised; color: $text; }
#navigation QToolButton:checked { background: $selection; color: $on_selection; }
#navigation QToolButton#switch:checked { background: transparent; color: $accent; font-weight: 400; }
#navigation QToolButton:focus { border: 1px solid $accent; }
#panel { background: $surface; border: 1px solid $line; border-radius: 8px; }
#muted { color: $muted; }
#title { font-size: 15pt; font-weight: 600; }
#heading { font-weight: 600; }
#emptyTitle { font-size: 14pt; font-weight: 600; }
#banner[tone="bad"] { background: $bad_soft; border: 1px solid $bad; border-radius: 6px; }
#banner[tone="doubt"] { background: $doubt_soft; border: 1px solid $doubt; border-radius: 6px; }
#banner[tone="good"] { background: $good_soft; border: 1px solid $good; border-radius: 6px; }
#banner[tone="plain"] { background: $raised; border: 1px solid $line; border-radius: 6px; }
QLabel[tone="good"], ElidedLabel[tone="good"] { color: $good; }
QLabel[tone="bad"], ElidedLabel[tone="bad"] { color: $bad; }
QLabel[tone="doubt"], ElidedLabel[tone="doubt"] { color: $doubt; }
QPushButton, QToolButton#tool { background: $surface; border: 1px solid $line; border-radius: 6px; padding: 5px 12px;
  min-height: 20px; }
QToolButton#tool { padding: 5px 6px; }
QPushButton:hover, QToolButton#tool:hover { background: $raised; border-color: $accent; }
QPushButton:focus, QToolButton#tool:focus { border: 1px solid $accent; }
QPushButton:pressed, QToolButton#tool:pressed, QToolButton#tool:checked { background: $selection;
  color: $on_selection; }
QPushButton:disabled, QToolButton#tool:disabled { color: $faint; background: $window; }
QPushButton#primary { background: $accent; color: $on_accent; border: 1px solid $accent; font-weight: 600;
  padding: 5px 18px; }
QPushButton#primary:hover, QPushButton#primary:focus { background: $accent_over; border-color: $text; }
QPushButton#primary:disabled { background: $window; color: $faint; border-color: $line; }
QPushButton#segment { border-radius: 0; padding: 5px 10px; }
QPushButton#segment[edge="left"] { border-top-left-radius: 6px; border-bottom-left-radius: 6px; }
QPushButton#segment[edge="right"] { border-top-right-radius: 6px; border-bottom-right-radius: 6px; border-left: 0; }
QPushButton#segment[edge="middle"] { border-left: 0; }
QPushButton#segment:checked { background: $selection; color: $on_selection; border-bottom: 2px solid $accent;
  padding-bottom: 4px; }
QPushButton#segment:focus { border: 1px solid $accent; }
QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox, QPlainTextEdit { background: $surface; border: 1px solid $line;
  border-radius: 6px; padding: 4px 8px; selection-background-color: $accent; selection-color: $on_accent; }
QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox { min-height: 22px; }
QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus, QPlainTextEdit:focus {
  border: 1px solid $accent; }
QLineEdit[wrong="true"], QComboBox[wrong="true"], QSpinBox[wrong="true"] { border: 1px solid $bad; }
QLineEdit:disabled, QComboBox:disabled, QSpinBox:disabled { color: $faint; background: $window; }
QSpinBox > QLineEdit, QDoubleSpinBox > QLineEdit { border: 0; padding: 0 0 0 6px; min-height: 0; }
QLineEdit, QPlainTextEdit { placeholder-text-color: $muted; }
QComboBox::drop-down { border: 0; width: 24px; }
QComboBox::down-arrow { image: url($icons/chevron.svg); width: 14px; height: 14px; }
QComboBox QAbstractItemView { background: $surface; border: 1px solid $line; outline: 0; padding: 4px;
  selection-background-color: $selection; selection-color: $on_selection; }
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button { width: 0; }
QCheckBox { spacing: 8px; }
QCheckBox::indicator { width: 16px; height: 16px; border: 1px solid $muted; border-radius: 4px; background: $surface; }
QCheckBox::indicator:focus, QCheckBox::indicator:hover { border-color: $accent; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url($icons/$check.svg); }
QRadioButton { spacing: 8px; }
QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid $muted; border-radius: 8px;
  background: $surface; }
QRadioButton::indicator:focus, QRadioButton::indicator:hover { border-color: $accent; }
QRadioButton::indicator:checked { width: 6px; height: 6px; border: 5px solid $accent; }
QTableView, QTreeView, QListView#found { background: $surface; alternate-background-color: $raised; border: 0;
  outline: 0; gridline-color: $line; selection-background-color: $selection; selection-color: $on_selection; }
QTreeView::item { padding: 3px 6px; border: 0; border-bottom: 1px solid $window; min-height: 22px; }
QTreeView::item:selected { background: $selection; color: $on_selection; }
QTableView:focus, QTreeView:focus { border: 1px solid $accent; border-radius: 6px; }
QHeaderView { background: $surface; border: 0; }
QHeaderView::section { background: $surface; color: $muted; border: 0; border-bottom: 1px solid $line;
  padding: 7px 4px; font-weight: 600; }
QTabWidget::pane { border: 0; border-top: 1px solid $line; }
QTabBar::tab { background: transparent; color: $muted; padding: 7px 14px; border: 0;
  border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; font-weight: 600; }
QTabBar::tab:focus { color: $accent; }
QProgressBar { background: $line; border: 0; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QSplitter::handle { background: transparent; }
QAbstractScrollArea::corner { background: transparent; border: 0; }
QScrollBar:vertical { background: transparent; width: 11px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 11px; margin: 0; }
QScrollBar::handle { background: $faint; border-radius: 4px; margin: 2px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QScrollArea { background: transparent; border: 0; }
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: 6px; }
QMenu { background: $surface; border: 1px solid $line; padding: 4px; }
QMenu::item { padding: 6px 26px 6px 14px; border-radius: 4px; }
QMenu::item:selected { background: $selection; color: $on_selection; }
QMenu::item:disabled { color: $faint; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }
QToolButton#flat { border: 0; padding: 4px; border-radius: 4px; }
QToolButton#flat:hover, QToolButton#flat:focus { background: $selection; }
QListView#found { border: 1px solid $line; border-radius: 6px; padding: 4px; }
QListView#found::item { padding: 4px 6px; border-radius: 4px; }
QListView#found::item:selected { background: $selection; color: $on_selection; }
#log { font-family: monospace; border: 0; background: $surface; }
#dropHere { border: 2px dashed $accent; border-radius: 10px; }
#editor { background: $raised; border: 1px solid $accent; border-radius: 4px; }
#editor QLineEdit, #editor QPlainTextEdit, #editor QComboBox { border: 0; border-radius: 0; padding: 1px 4px;
  background: $surface; min-height: 20px; }
#picture { background: #000000; border-radius: 6px; color: #d7dee4; }
""")


class Theme(QObject):
    """The scheme in force; `changed` tells when another is."""

    changed = Signal()

    def __init__(self, app: QApplication, chosen: str = "") -> None:
        """Dress the program as chosen (`light`, `dark`, `contrast`), or as the system is."""
        super().__init__()
        self._app, self._chosen = app, chosen
        app.setStyle("Fusion")
        font = QFont(app.font())
        if 0 < font.pointSizeF() < _LEAST_POINTS:
            font.setPointSizeF(_LEAST_POINTS)
            app.setFont(font)
        self.colours = _SCHEMES["light"]
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow)
        self._follow()

    @property
    def name(self) -> str:
        """The scheme in force by name."""
        return next(name for name, colours in _SCHEMES.items() if colours is self.colours)

    def choose(self, scheme: str) -> None:
        """Keep to a scheme from now on; an empty one means as the system is."""
        self._chosen = scheme
        self._follow()

    def _follow(self) -> None:
        wanted = _SCHEMES[self._chosen] if self._chosen in _SCHEMES else _SCHEMES[_scheme_of_system()]
        self.colours = wanted
        self._app.setPalette(palette_of(wanted))
        self._app.setStyleSheet(sheet_of(wanted))
        self.changed.emit()


def _scheme_of_system() -> str:
    hints = QGuiApplication.styleHints()
    accessibility = getattr(hints, "accessibility", None)  # since Qt 6.10
    if accessibility is not None and accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast:
        return "contrast"
    return "dark" if hints.colorScheme() == Qt.ColorScheme.Dark else "light"


def sheet_of(colours: Colours) -> str:
    """Give the style sheet in a scheme's colours."""
    named = {name: _css(getattr(colours, name)) for name in Colours.__slots__}
    check = "check" if colours is _SCHEMES["light"] else "check-dark"
    return _SHEET.substitute(named, icons=str(FOLDER).replace("\\", "/"), check=check)


def _css(colour: str) -> str:
    """Give a colour as style sheets know it; `#rrggbbaa` has its transparency at the end."""
    if len(colour) == 9:
        parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5, 7)]
        return f"rgba({parts[0]}, {parts[1]}, {parts[2]}, {parts[3]})"
    return colour


def colour(text: str) -> QColor:
    """Give `#rrggbb` or `#rrggbbaa` as a colour."""
    if len(text) == 9:
        return QColor(int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16), int(text[7:9], 16))
    return QColor(text)


def palette_of(colours: Colours) -> QPalette:
    """Give the palette of a scheme, for what the style sheet leaves to the style."""
    palette = QPalette()
    role = QPalette.ColorRole
    for one, value in (
        (role.Window, colours.window),
        (role.WindowText, colours.text),
        (role.Base, colours.surface),
        (role.AlternateBase, colours.raised),
        (role.Text, colours.text),
        (role.Button, colours.surface),
        (role.ButtonText, colours.text),
        (role.ToolTipBase, colours.raised),
        (role.ToolTipText, colours.text),
        (role.PlaceholderText, colours.muted),
        (role.Highlight, colours.selection),
        (role.HighlightedText, colours.on_selection),
        (role.Link, colours.accent),
        (role.Mid, colours.line),
    ):
        palette.setColor(one, colour(value))
    for one in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, one, colour(colours.faint))
    return palette
