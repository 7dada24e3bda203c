"""Small pieces that views are made of: labels that show plain text only, banners, tool buttons, switches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeySequence, QPainter, QPaintEvent, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.drawing import icon, picture
from tolmach.apps.desktop.rows import Tone
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.base import N_, Problem

GAP, MARGIN = 8, 12
_ICON = 18


def text_label(text: str = "", name: str = "", *, wraps: bool = False) -> QLabel:
    """Give a label that takes nothing for markup."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wraps)
    if name:
        made.setObjectName(name)
    return made


def put_tone(widget: QWidget, tone: str) -> None:
    """Show a widget in the colour of a tone, as the style sheet has it; an empty one is the usual."""
    widget.setProperty("tone", tone)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class ElidedLabel(QWidget):
    """One line of text that is cut with an ellipsis where there is no room; the whole stands in its tooltip."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        """Show a text."""
        super().__init__(parent)
        self._text = text
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def text(self) -> str:
        """Give the whole text."""
        return self._text

    def setText(self, text: str) -> None:
        """Show another text."""
        self._text = text
        self.setToolTip(shown.tip(text))
        self.update()

    def set_tone(self, tone: str) -> None:
        """Write in the colour of a tone; an empty one is the usual."""
        put_tone(self, tone)
        self.update()

    def minimumSizeHint(self) -> QSize:
        """Need next to no width."""
        return QSize(20, QFontMetrics(self.font()).height() + 2)

    def sizeHint(self) -> QSize:
        """Like to have room for everything."""
        metrics = QFontMetrics(self.font())
        return QSize(metrics.horizontalAdvance(self._text) + 2, metrics.height() + 2)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw what there is room for."""
        painter = QPainter(self)
        room = QFontMetrics(self.font()).elidedText(self._text, Qt.TextElideMode.ElideRight, self.width())
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), int(flags.value) | int(Qt.TextFlag.TextSingleLine.value), room)
        painter.end()


class ToolButton(QToolButton):
    """A button with an icon in the theme's colours, its text, its shortcut and its tooltip in the window's language."""

    def __init__(
        self, words: Words, theme: Theme, picture_name: str, text: str, about: str, key: str = "", *, wide: bool = True
    ) -> None:
        """Show `text` beside the icon when `wide`; `about` is the tooltip."""
        super().__init__()
        self._words, self._theme, self._picture, self._text, self._about, self._key = (
            words, theme, picture_name, text, about, key,
        )  # fmt: skip
        self.setObjectName("tool")
        self.setIconSize(QSize(_ICON, _ICON))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if wide else Qt.ToolButtonStyle.ToolButtonIconOnly
        self.setToolButtonStyle(style)
        if key:
            self.setShortcut(QKeySequence(key))
        words.changed.connect(self._say)
        theme.changed.connect(self._draw)
        self._say()
        self._draw()

    def _say(self) -> None:
        text = self._words.gettext(self._text)
        self.setText(f" {text}")  # some room behind the icon
        if self._key:
            self.setShortcut(QKeySequence(self._key))  # setText takes the shortcut away for the mnemonic's
        about = self._words.gettext(self._about)
        keys = QKeySequence(self._key).toString(QKeySequence.SequenceFormat.NativeText)
        self.setToolTip(shown.tip(f"{about}\n{keys}" if keys else about))
        self.setAccessibleName(text.replace("&", ""))
        self.setAccessibleDescription(about)

    def _draw(self) -> None:
        colours = self._theme.colours
        self.setIcon(icon(self._picture, colours.text, colours.faint))


class Segments(QWidget):
    """A switch of two or three buttons of which one is down."""

    chosen = Signal(str)

    def __init__(self, words: Words, parts: Sequence[tuple[str, str, str]]) -> None:
        """Offer parts: (key, text, tooltip)."""
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QPushButton] = {}
        for number, (key, text, about) in enumerate(parts):
            button = QPushButton()
            button.setObjectName("segment")
            button.setProperty("edge", "left" if not number else "right" if number == len(parts) - 1 else "middle")
            button.setCheckable(True)
            button.clicked.connect(self._told(key))
            if text:
                words.bind(button.setText, text)
            if about:
                words.bind(_tip_setter(button), about)
            self._group.addButton(button)
            self.buttons[key] = button
            layout.addWidget(button)
        next(iter(self.buttons.values())).setChecked(True)

    def _told(self, key: str) -> Callable[[], None]:
        return lambda: self.chosen.emit(key)

    def key(self) -> str:
        """Give the key of the part that is down."""
        return next(key for key, button in self.buttons.items() if button.isChecked())

    def choose(self, key: str) -> None:
        """Put a part down without telling anybody."""
        self.buttons[key].setChecked(True)


def _tip_setter(widget: QWidget) -> Callable[[str], None]:
    return lambda text: widget.setToolTip(shown.tip(text))


def bind_tip(words: Words, widget: QWidget, msgid: str) -> None:
    """Give a widget a tooltip that follows the language; screen readers hear it too."""

    def put(text: str) -> None:
        widget.setToolTip(shown.tip(text))
        widget.setAccessibleDescription(text)

    words.bind(put, msgid)


class Banner(QFrame):
    """A line that says what is wrong and what to do, with an icon; hidden while there is nothing to say."""

    closed = Signal()

    def __init__(self, words: Words, theme: Theme) -> None:
        """Say nothing."""
        super().__init__()
        self.setObjectName("banner")
        self._words, self._theme = words, theme
        self._tone: Tone = "plain"
        self._icon = text_label()
        self.head, self.rest = text_label("", "heading", wraps=True), text_label("", wraps=True)
        for one in (self.head, self.rest):
            one.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            one.setMinimumWidth(60)
        self._close = QToolButton()
        self._close.setAutoRaise(True)
        bind_tip(words, self._close, N_("Hide this message"))
        self._close.clicked.connect(self._shut)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self.head)
        texts.addWidget(self.rest)
        layout = self.row = QHBoxLayout(self)
        layout.setContentsMargins(10, 8, 8, 8)
        layout.setSpacing(10)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(texts, 1)
        layout.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        theme.changed.connect(self._draw)
        self.hide()

    def _shut(self) -> None:
        self.hide()
        self.closed.emit()

    def say(self, head: str, rest: str = "", tone: Tone = "plain", *, can_close: bool = True) -> None:
        """Show a message."""
        self._tone = tone
        self.head.setText(head)
        self.rest.setText(rest)
        self.rest.setVisible(bool(rest))
        self._close.setVisible(can_close)
        put_tone(self, tone if tone != "busy" else "plain")
        self._draw()
        self.show()

    def tell(self, problem: Problem, tone: Tone = "bad", *, can_close: bool = True) -> None:
        """Show what happened and what to do."""
        self.say(self._words.phrase(problem.what), self._words.advice(problem), tone, can_close=can_close)

    def _draw(self) -> None:
        colours = self._theme.colours
        self._icon.setPixmap(picture("doubt" if self._tone in ("doubt", "bad") else self._tone,
                                     colours.of(self._tone), 20))  # fmt: skip
        self._close.setIcon(icon("clear", colours.muted))


class OfferBanner(Banner):
    """Asks whether the unsent files of an earlier session shall come back; `decided` gives the answer."""

    decided = Signal(bool)

    def __init__(self, words: Words, theme: Theme) -> None:
        """Ask nothing."""
        super().__init__(words, theme)
        self._count = 0
        self.yes, self.no = QPushButton(), QPushButton()
        words.bind(self.yes.setText, N_("Take them up"))
        words.bind(self.no.setText, N_("Forget them"))
        for place, (button, answer) in enumerate(((self.yes, True), (self.no, False)), 2):
            button.clicked.connect(self._teller(answer))
            self.row.insertWidget(place, button)
        words.changed.connect(self._say_anew)

    def _teller(self, answer: bool) -> Callable[[], None]:
        def decide() -> None:
            self._count = 0
            self.hide()
            self.decided.emit(answer)

        return decide

    def offer(self, count: int) -> None:
        """Ask about so many files."""
        self._count = count
        head = self._words.ngettext(
            "{count} file of the last session was not sent.", "{count} files of the last session were not sent.", count
        )
        self.say(head, "", "doubt", can_close=False)

    def _say_anew(self) -> None:
        if self._count:
            self.offer(self._count)


class WrapBox(QWidget):
    """A row of groups that goes to a second line where one is too narrow; each group keeps together."""

    def __init__(self, groups: Sequence[QWidget]) -> None:
        """Arrange the groups."""
        super().__init__()
        self._groups = list(groups)
        for one in self._groups:
            one.setParent(self)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def _placed(self, width: int, *, moves: bool) -> int:
        shown_ones = [one for one in self._groups if not one.isHidden()]
        sizes = [one.sizeHint().expandedTo(one.minimumSizeHint()) for one in shown_ones]
        line = max((one.height() for one in sizes), default=0)
        x = y = 0
        for one, wanted in zip(shown_ones, sizes, strict=True):
            if x and x + wanted.width() > width:
                x, y = 0, y + line + GAP
            if moves:
                top = y + (line - wanted.height()) // 2
                one.setGeometry(x, top, min(wanted.width(), width), wanted.height())
            x += wanted.width() + 2 * GAP
        return y + line

    def hasHeightForWidth(self) -> bool:
        """Say that the height follows from the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Give the height the lines need."""
        return self._placed(width, moves=False)

    def sizeHint(self) -> QSize:
        """Give what fits into the present width."""
        return QSize(320, self._placed(max(self.width(), 320), moves=False))

    def minimumSizeHint(self) -> QSize:
        """Give what the widest group needs."""
        widest = max((one.minimumSizeHint().width() for one in self._groups), default=0)
        return QSize(widest, self._placed(max(self.width(), widest), moves=False))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange the groups anew."""
        self._placed(event.size().width(), moves=True)
        self.updateGeometry()

    def arrange(self) -> None:
        """Arrange the groups anew, after texts in them have changed."""
        self._placed(self.width(), moves=True)
        self.updateGeometry()


def group(*widgets: QWidget, spacing: int = GAP) -> QWidget:
    """Give widgets side by side as one."""
    made = QWidget()
    layout = QHBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for one in widgets:
        layout.addWidget(one)
    return made


def panel() -> tuple[QFrame, QVBoxLayout]:
    """Give a bordered panel and the layout inside it."""
    made = QFrame()
    made.setObjectName("panel")
    layout = QVBoxLayout(made)
    layout.setContentsMargins(1, 1, 1, 1)
    layout.setSpacing(0)
    return made, layout


def shortcut(widget: QWidget, key: str, does: Callable[[], object]) -> QShortcut:
    """Let a key do something while the widget's window is in front."""
    made = QShortcut(QKeySequence(key), widget)
    made.activated.connect(does)
    return made


def question(parent: QWidget, words: Words, text: str, more: str, answers: Sequence[tuple[str, str]]) -> str:
    """Ask a person and give the key of the answer; Enter and Esc give the last one. `answers` are (key, text)."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(words.gettext(N_("tolmach")))
    box.setText(text)
    box.setInformativeText(more)
    buttons = {}
    for key, answer in answers:
        buttons[box.addButton(answer, QMessageBox.ButtonRole.ActionRole)] = key
    last = list(buttons)[-1]
    last.setObjectName("primary")
    box.setEscapeButton(last)
    box.setDefaultButton(last)
    box.exec()
    clicked = box.clickedButton()
    return next((key for button, key in buttons.items() if button is clicked), answers[-1][0])
