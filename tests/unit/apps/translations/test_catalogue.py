"""Sentences reach people in their language, and never fail on the way."""

import gettext
import io
import time

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from tolmach.apps.translations import LANGUAGES, Translator, choose_language, translator
from tolmach.base import Phrase


def speaking(language: str, texts: dict[object, object]) -> Translator:
    """A translator with exactly these texts, through a real compiled catalogue."""
    catalog = Catalog(locale=language)
    for msgid, text in texts.items():
        catalog.add(msgid, text)
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    buffer.seek(0)
    return Translator(language, gettext.GNUTranslations(buffer))


def test_a_phrase_is_translated_with_its_facts() -> None:
    ukrainian = speaking("uk", {"{peer} is silent.": "{peer} мовчить."})
    assert ukrainian.translate(Phrase("{peer} is silent.", {"peer": "ORTHANC"})) == "ORTHANC мовчить."


def test_facts_that_are_phrases_are_translated_too() -> None:
    russian = speaking("ru", {"Not DICOM: {why}.": "Это не DICOM: {why}.", "it is empty": "он пуст"})
    assert russian.translate(Phrase("Not DICOM: {why}.", {"why": Phrase("it is empty")})) == "Это не DICOM: он пуст."


def test_an_unknown_msgid_stays_english_and_a_missing_fact_shows_as_its_placeholder() -> None:
    russian = speaking("ru", {})
    assert russian.translate(Phrase("{path} is odd by {count}.", {"path": "a.dcm"})) == "a.dcm is odd by {count}."


def test_a_fact_may_carry_any_name() -> None:
    assert translator("en").gettext("{msgid} and {self}", msgid="a", self="b") == "a and b"


def test_the_empty_text_is_not_the_catalogue_header() -> None:
    assert translator("ru").gettext("") == ""


@pytest.mark.parametrize("language", ["ru", "uk"])
@pytest.mark.parametrize(
    ("count", "form"),
    [(1, 0), (21, 0), (101, 0), (2, 1), (4, 1), (22, 1), (0, 2), (5, 2), (11, 2), (12, 2), (14, 2), (111, 2), (100, 2)],
)
def test_three_plural_forms(language: str, count: int, form: int) -> None:
    forms = ("{count} файл", "{count} файла", "{count} файлов")
    spoken = speaking(language, {("{count} file", "{count} files"): forms}).ngettext(
        "{count} file", "{count} files", count
    )
    assert spoken == forms[form].format(count=count)


def test_english_counts_without_a_catalogue() -> None:
    english = translator("en")
    assert [english.ngettext("{count} file", "{count} files", n) for n in (1, 2)] == ["1 file", "2 files"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_loads_quickly(language: str) -> None:
    times = []
    for _ in range(15):
        start = time.perf_counter()
        loaded = translator(language)
        times.append(time.perf_counter() - start)
    assert loaded.language == language
    assert min(times) < 0.010, "a catalogue may take 10 ms, because every start of the program pays for it"


@pytest.mark.parametrize(
    ("option", "configured", "environment", "chosen"),
    [
        ("uk", "ru", {"LANG": "ru_RU.UTF-8"}, "uk"),
        (None, "ru", {"LANG": "uk_UA.UTF-8"}, "ru"),
        (None, None, {"LANG": "uk_UA.UTF-8"}, "uk"),
        (None, None, {"LANG": "uk_UA.UTF-8", "LC_MESSAGES": "ru_RU.UTF-8"}, "ru"),
        (None, None, {"LC_ALL": "C", "LANG": "uk_UA.UTF-8"}, "en"),
        (None, None, {"LC_ALL": "", "LANG": "uk"}, "uk"),
        (None, None, {"LANG": "de_DE.UTF-8"}, "en"),
        (None, None, {}, "en"),
        ("", "", {"LANG": "ru"}, "ru"),
        ("uk-UA", None, {}, "uk"),
        (None, "klingon", {"LANG": "ru_RU"}, "ru"),
    ],
)
def test_the_choice_of_language(
    option: str | None, configured: str | None, environment: dict[str, str], chosen: str
) -> None:
    assert choose_language(option, configured, environment) == chosen
