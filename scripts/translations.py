"""Keep the gettext catalogues of ru and uk in step with the code.

    python scripts/translations.py extract             list the msgids of the code
    python scripts/translations.py update              bring ru and uk in step: new msgids in, gone ones out
    python scripts/translations.py missing ru          print what is not translated as JSON, to be filled in
    python scripts/translations.py fill ru FILE.json   take translations from such a file
    python scripts/translations.py compile             write the .mo files that the programs read
    python scripts/translations.py check               exit 1 when anything is missing, fuzzy, stale or does not fit

In the JSON a key is the msgid; the value is the translation, or for a plural the list of the language's three forms
(1 file, 2 files, 5 files). Placeholders such as `{path}` stay as they are. Where a msgid was only reworded, the old
translation stands there as a suggestion; it counts as missing until it is filled in again.
"""

from __future__ import annotations

import argparse
import io
import json
import string
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("ru", "uk")
KEYWORDS = {"N_": None, "_": None, "gettext": None, "ngettext": (1, 2), "count": (1, 2)}
HEADER = "# The {name} texts of tolmach. Kept in step with the code by scripts/translations.py."
PEOPLE = "The tolmach developers"
NAMES = {"ru": "Russian", "uk": "Ukrainian"}
# A date in the header would make every update a change.
NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)

Msgid = str | tuple[str, str]


def po_path(root: Path, language: str) -> Path:
    return root / "src" / "tolmach" / "apps" / "translations" / language / "LC_MESSAGES" / "tolmach.po"


def extracted(root: Path = ROOT) -> Catalog:
    """Collect every marked msgid of the package."""
    catalog = new_catalog(None)
    source = root / "src" / "tolmach"
    for path, _line, msgid, comments, context in extract_from_dir(
        str(source), keywords=KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True
    ):
        if msgid and path:
            catalog.add(msgid, auto_comments=comments, context=context)
    return catalog


def new_catalog(language: str | None) -> Catalog:
    return Catalog(
        locale=language,
        domain="tolmach",
        header_comment=HEADER.format(name=NAMES.get(language or "", "marked")),
        project="tolmach",
        version="1",
        copyright_holder=PEOPLE,
        msgid_bugs_address=PEOPLE,
        last_translator=PEOPLE,
        language_team=PEOPLE,
        creation_date=NO_DATE,
        revision_date=NO_DATE,
        fuzzy=False,
    )


def load(root: Path, language: str) -> Catalog:
    path = po_path(root, language)
    if not path.exists():
        return new_catalog(language)
    with path.open("rb") as stream:
        return read_po(stream, locale=language, domain="tolmach")


def po_bytes(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=0, no_location=True, sort_output=True, ignore_obsolete=True, include_lineno=False)
    return buffer.getvalue()


def mo_bytes(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def brought_in_step(root: Path, language: str, template: Catalog) -> Catalog:
    """Make the catalogue that has exactly the msgids of the code, with the translations already there.

    A new msgid that is close to one that is gone gets its translation as a suggestion, marked fuzzy.
    """
    old = load(root, language)
    wanted = {_key(message) for message in template if message.id}
    gone = [_key(message) for message in old if message.id and _key(message) not in wanted]
    catalog = new_catalog(language)
    for message in template:
        if message.id:
            known = old.get(_key(message))
            flags = known.flags & {"fuzzy"} if known is not None else {"fuzzy"}
            if known is None and (near := get_close_matches(_key(message), gone, 1, 0.7)):
                known = old.get(near[0])
            if known is None or bool(known.pluralizable) != bool(message.pluralizable) or not _texts(known):
                known, flags = None, set()
            text = known.string if known is not None else ""
            catalog.add(message.id, text, auto_comments=message.auto_comments, flags=flags)
    return catalog


def faults_of(root: Path, language: str, template: Catalog) -> Iterator[str]:
    """Name what is wrong with a language's catalogue, one line each."""
    path = po_path(root, language)
    if not path.exists():
        yield f"{language}: there is no {path.name}; run scripts/translations.py update"
        return
    catalog = load(root, language)
    for message in template:
        if message.id:
            known = catalog.get(_key(message))
            for fault in _faults_of_message(message, known, catalog.num_plurals):
                yield f"{language}: {_key(message)!r}: {fault}"
    wanted = {_key(message) for message in template if message.id}
    for message in catalog:
        if message.id and _key(message) not in wanted:
            yield f"{language}: {_key(message)!r}: not in the code any more"
    compiled = path.with_suffix(".mo")
    if not compiled.exists() or compiled.read_bytes() != mo_bytes(catalog):
        yield f"{language}: {compiled.name} is stale; run scripts/translations.py compile"


def _faults_of_message(message: Message, known: Message | None, forms: int) -> Iterator[str]:
    if known is None:
        yield "missing"
        return
    if known.fuzzy:
        yield "fuzzy"
    texts = known.string if isinstance(known.string, tuple | list) else (known.string,)
    if not all(texts) or len(texts) != (forms if message.pluralizable else 1):
        yield "not translated" if not any(texts) else "a plural form is missing"
        return
    wanted = set().union(*(placeholders(msgid) for msgid in _msgids(message)))
    for text in texts:
        # "1 file" may leave the number out in words; nothing may be invented.
        missing = wanted - placeholders(text) - ({"count"} if message.pluralizable else set())
        invented = placeholders(text) - wanted
        if missing or invented:
            yield f"placeholders differ: {sorted(missing | invented)} in {text!r}"


def placeholders(text: str) -> set[str]:
    """Name the placeholders of a text that `format_map` fills."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _msgids(message: Message) -> tuple[str, ...]:
    return tuple(message.id) if isinstance(message.id, tuple | list) else (message.id,)


def _key(message: Message) -> str:
    return _msgids(message)[0]


def missing(root: Path, language: str) -> dict[str, str | list[str]]:
    """Give what is still to be translated: msgid to an empty text, to three empty forms, or to what may nearly fit."""
    catalog = brought_in_step(root, language, extracted(root))
    open_ones: dict[str, str | list[str]] = {}
    for message in catalog:
        if message.id and message.fuzzy:
            open_ones[_key(message)] = list(message.string) if message.pluralizable else str(message.string)
        elif message.id and not _texts(message):
            open_ones[_key(message)] = [""] * catalog.num_plurals if message.pluralizable else ""
    return open_ones


def _texts(message: Message) -> bool:
    return all(message.string) if isinstance(message.string, tuple | list) else bool(message.string)


def fill(root: Path, language: str, translations: dict[str, str | list[str]]) -> list[str]:
    """Write translations into the catalogue; returns the keys that are no msgid of the code."""
    catalog = brought_in_step(root, language, extracted(root))
    strangers = []
    for msgid, text in translations.items():
        message = catalog.get(msgid)
        if message is None:
            strangers.append(msgid)
            continue
        message.string = tuple(text) if isinstance(text, list) else text
        message.flags.discard("fuzzy")
    save(root, language, catalog)
    return strangers


def save(root: Path, language: str, catalog: Catalog) -> None:
    path = po_path(root, language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(po_bytes(catalog))


def compile_all(root: Path) -> None:
    for language in LANGUAGES:
        po_path(root, language).with_suffix(".mo").write_bytes(mo_bytes(load(root, language)))


def check(root: Path) -> list[str]:
    template = extracted(root)
    return [fault for language in LANGUAGES for fault in faults_of(root, language, template)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("extract", "update", "compile", "check"):
        verbs.add_parser(verb)
    verbs.add_parser("missing").add_argument("language", choices=LANGUAGES)
    filling = verbs.add_parser("fill")
    filling.add_argument("language", choices=LANGUAGES)
    filling.add_argument("file", type=Path)
    asked = parser.parse_args()
    lines: list[str] = []
    if asked.verb == "extract":
        print("\n".join(_key(message) for message in extracted() if message.id))
    elif asked.verb == "update":
        template = extracted()
        for language in LANGUAGES:
            save(ROOT, language, brought_in_step(ROOT, language, template))
            print(f"{language}: {len(missing(ROOT, language))} of {len(template)} to translate")
    elif asked.verb == "missing":
        print(json.dumps(missing(ROOT, asked.language), ensure_ascii=False, indent=1))
    elif asked.verb == "fill":
        lines = [f"no msgid of the code: {key!r}" for key in fill(ROOT, asked.language, _read(asked.file))]
        compile_all(ROOT)
    elif asked.verb == "compile":
        compile_all(ROOT)
    else:
        lines = check(ROOT)
    print("\n".join(lines), end="\n" if lines else "", file=sys.stderr)
    return 1 if lines else 0


def _read(path: Path) -> dict[str, str | list[str]]:
    translations = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(translations, dict):
        raise SystemExit(f"{path}: a JSON object of msgid and translation is needed")
    return translations


if __name__ == "__main__":
    sys.exit(main())
