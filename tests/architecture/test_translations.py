"""Nobody meets an English sentence in a Russian or Ukrainian program."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from scripts import translations
from tests.architecture.source import ROOT

CODE = """
from tolmach.base import N_
A = N_("{path} is cut.")
def say(tr):
    tr.gettext("Done.")
    tr.ngettext("{count} file of {total}", "{count} files of {total}", 3)
"""
FORMS = ("{count} файл из {total}", "{count} файла из {total}", "{count} файлов из {total}")


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_the_catalogue_is_complete(language: str) -> None:
    faults = list(translations.faults_of(ROOT, language, translations.extracted(ROOT)))
    assert not faults, f"{len(faults)} faults; see scripts/translations.py missing {language}\n" + "\n".join(
        faults[:40]
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A package with four texts, translated and compiled."""
    package = tmp_path / "src" / "tolmach"
    package.mkdir(parents=True)
    (package / "words.py").write_text(CODE, encoding="utf-8")
    texts: dict[str, str | list[str]] = {"{path} is cut.": "{path} обрезан.", "Done.": "Готово."}
    texts["{count} file of {total}"] = list(FORMS)
    for language in translations.LANGUAGES:
        assert translations.fill(tmp_path, language, texts) == []
    translations.compile_all(tmp_path)
    return tmp_path


def spoil(root: Path, old: str, new: str) -> None:
    path = translations.po_path(root, "ru")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_complete_house_passes(house: Path) -> None:
    assert translations.check(house) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("обрезан", "обрезана", "stale"),
        ("{path} обрезан.", "", "not translated"),
        ("{path} обрезан.", "{file} обрезан.", "placeholders differ"),
        ("{path} обрезан.", "обрезан.", "placeholders differ"),
        ('msgid "Done."', '#, fuzzy\nmsgid "Done."', "fuzzy"),
        ("{count} файлов из {total}", "", "a plural form is missing"),
        ("{count} файлов из {total}", "{count} файлов", "placeholders differ"),
        ('msgid "Done."', 'msgid "Finished."', "missing"),
        ('msgid "Done."', 'msgid "Finished."', "not in the code any more"),
    ],
)
def test_a_planted_fault_is_found(house: Path, old: str, new: str, complaint: str) -> None:
    spoil(house, old, new)
    assert any(complaint in fault for fault in translations.check(house))


def test_a_new_text_is_missing_until_it_is_filled_in(house: Path) -> None:
    (house / "src" / "tolmach" / "more.py").write_text('A = N_("New.")\n', encoding="utf-8")
    assert any("missing" in fault for fault in translations.check(house))
    assert translations.missing(house, "uk") == {"New.": ""}
    for language in translations.LANGUAGES:
        translations.fill(house, language, {"New.": "Нове."})
    translations.compile_all(house)
    assert translations.check(house) == []


def test_a_reworded_text_keeps_its_translation_as_a_suggestion(house: Path) -> None:
    (house / "src" / "tolmach" / "words.py").write_text('A = N_("{path} is cut short.")\n', encoding="utf-8")
    template = translations.extracted(house)
    translations.save(house, "ru", translations.brought_in_step(house, "ru", template))
    assert any("fuzzy" in fault for fault in translations.faults_of(house, "ru", template))
    assert translations.missing(house, "ru") == {"{path} is cut short.": "{path} обрезан."}


def test_update_keeps_translations_and_drops_what_is_gone(house: Path) -> None:
    (house / "src" / "tolmach" / "words.py").write_text('A = N_("Done.")\n', encoding="utf-8")
    catalog: Catalog = translations.brought_in_step(house, "ru", translations.extracted(house))
    assert {message.id: message.string for message in catalog if message.id} == {"Done.": "Готово."}
