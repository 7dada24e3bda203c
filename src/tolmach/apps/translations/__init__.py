"""The texts of all programs in Russian, Ukrainian and English, and the choice between them."""

from tolmach.apps.translations.catalogue import LANGUAGES, Translator, choose_language, translator

__all__ = ["LANGUAGES", "Translator", "choose_language", "translator"]
