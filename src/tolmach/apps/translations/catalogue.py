"""Sentences in somebody's language, made at the last moment from msgids and facts.

The catalogues lie beside this module as gettext has them (`ru/LC_MESSAGES/tolmach.po`, and `.mo` compiled from it by
`scripts/translations.py`). English needs none: the msgids are English.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tolmach.base import Phrase

DOMAIN = "tolmach"
FOLDER = Path(__file__).parent
LANGUAGES = ("en", "ru", "uk")
# What gettext itself asks, in its order (`LANGUAGE`, a list, is left out: one program speaks one language).
LANGUAGE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


class _Facts(dict[str, object]):
    """Facts for `format_map`; one that is missing shows as its own placeholder, because a report must not fail."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


@dataclass(frozen=True, slots=True)
class Translator:
    """One language, ready to speak. Safe to share between threads."""

    language: str
    _catalogue: gettext.NullTranslations

    def gettext(self, msgid: str, /, **facts: object) -> str:
        """Give the sentence in this language with the facts filled in; an unknown msgid stays English."""
        return self._fill(self._catalogue.gettext(msgid) if msgid else "", facts)

    def ngettext(self, one: str, many: str, count: int, /, **facts: object) -> str:
        """Give the form that goes with `count`, which is also the fact `count`."""
        return self._fill(self._catalogue.ngettext(one, many, count), {"count": count, **facts})

    def translate(self, phrase: Phrase) -> str:
        """Give the phrase in this language; facts that are phrases themselves are translated too."""
        return self.gettext(phrase.msgid, **phrase.facts)

    def _fill(self, sentence: str, facts: Mapping[str, object]) -> str:
        spoken = {name: self.translate(fact) if isinstance(fact, Phrase) else fact for name, fact in facts.items()}
        return sentence.format_map(_Facts(spoken))


def translator(language: str) -> Translator:
    """Load a language of `LANGUAGES`; any other gives English."""
    if language not in LANGUAGES or language == "en":
        return Translator("en", gettext.NullTranslations())
    with (FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as compiled:
        return Translator(language, gettext.GNUTranslations(compiled))


def choose_language(option: str | None, configured: str | None, environment: Mapping[str, str]) -> str:
    """Choose among `LANGUAGES`: what was asked for, else the configuration, else the environment, else English.

    A value that is not one of ours (`C`, `de_DE.UTF-8`, empty) decides nothing in `option` and `configured`; in the
    environment the first variable that is set decides, as gettext has it, so `LC_ALL=C` means English.
    """
    for wish in (option, configured):
        if wish and _language_of(wish) in LANGUAGES:
            return _language_of(wish)
    for variable in LANGUAGE_VARIABLES:
        if locale := environment.get(variable):
            return _language_of(locale) if _language_of(locale) in LANGUAGES else "en"
    return "en"


def _language_of(locale: str) -> str:
    """Give `uk` for `uk`, `uk_UA.UTF-8` and `uk-UA`."""
    return locale.replace("-", "_").partition(".")[0].partition("_")[0].lower()
