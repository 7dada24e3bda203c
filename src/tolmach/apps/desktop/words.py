"""The language of the window: chosen once, changed at any time, every text that stays on the screen said anew."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator, Signal

from tolmach.apps.cli.terminal import visible
from tolmach.apps.desktop import shown
from tolmach.apps.desktop.advice import advice
from tolmach.apps.translations import LANGUAGES, translator
from tolmach.base import Phrase, Problem


class Words(QObject):
    """One language, and all texts that are to follow when it changes."""

    changed = Signal()

    def __init__(self, language: str, parent: QObject | None = None) -> None:
        """Speak a language of `LANGUAGES`."""
        super().__init__(parent)
        self._translator = translator(language)
        self._stock = QTranslator(self)
        self._bound: list[tuple[Callable[[str], object], str]] = []
        self._speak_stock()

    @property
    def language(self) -> str:
        """The language that is spoken now."""
        return self._translator.language

    def speak(self, language: str) -> None:
        """Say everything in another language from now on, what stands on the screen too."""
        if language == self.language:
            return
        self._translator = translator(language)
        self._speak_stock()
        for put, msgid in self._bound:
            put(self._translator.gettext(msgid))
        self.changed.emit()

    def bind(self, put: Callable[[str], object], msgid: str) -> None:
        """Put a text where it belongs, now and whenever the language changes; for what lives as long as the window."""
        self._bound.append((put, msgid))
        put(self._translator.gettext(msgid))

    def gettext(self, msgid: str, /, **facts: object) -> str:
        """Give a sentence with its facts filled in."""
        return self._translator.gettext(msgid, **facts)

    def ngettext(self, one: str, many: str, number: int, /, **facts: object) -> str:
        """Give the form that goes with a number, which is also the fact `count`."""
        return self._translator.ngettext(one, many, number, **facts)

    def size(self, count: int) -> str:
        """Give a number of bytes as people of this language read it."""
        number, unit = shown.size(count)
        return self.gettext(unit, size=number.replace(".", QLocale(self.language).decimalPoint()))

    def phrase(self, phrase: Phrase) -> str:
        """Give a phrase as one line that is safe to show."""
        return visible(self._translator.translate(phrase))

    def advice(self, problem: Problem) -> str:
        """Give what to do next with what the window has; see `advice`."""
        return self.phrase(advice(problem))

    def sentence(self, problem: Problem) -> str:
        """Give what happened and what to do, on one line."""
        return f"{self.phrase(problem.what).rstrip()} {self.advice(problem)}"

    def _speak_stock(self) -> None:
        """Let the dialogs Qt brings along follow."""
        QCoreApplication.removeTranslator(self._stock)
        folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
        if self.language != "en" and self._stock.load(f"qtbase_{self.language}", folder):
            QCoreApplication.installTranslator(self._stock)


def language_of_system() -> str:
    """Give the first language of the system that is one of ours, or English."""
    for name in QLocale.system().uiLanguages():
        if (language := name.replace("_", "-").partition("-")[0].lower()) in LANGUAGES:
            return language
    return "en"
