"""The recipes of `reliability.md` C5 and `facts.md` 1.6: how text gets spoilt, and other scripts as traps."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from benchmarks._spoilt_files import (
    BOOKS,
    LABELS,
    PAGES,
    SEQUENCES,
    Book,
    Case,
    Encoder,
    Value,
    Writer,
    book_named,
    carrier_for,
    chained,
    dice_for,
    encoder,
    values_of,
)  # fmt: skip

TABLE = "code page x label"
LONE, LONE_SHORT = "lone SURNAME", "lone SURNAME of 2-4 letters"
LATIN_TRAPS = ("de", "fr", "es", "pt", "sv", "is", "it", "pl", "cs", "hu", "ro", "tr")

# Text that an earlier program read wrongly and wrote again: codecs, and the label the last program set.
CHAINS: dict[str, tuple[tuple[str, ...], str]] = {
    "UTF-8 twice via Latin-1": (("utf_8", "latin_1", "utf_8"), "ISO_IR 192"),
    "UTF-8 twice via cp1252": (("utf_8", "cp1252", "utf_8"), "ISO_IR 192"),
    "cp1251 as Latin-1, to UTF-8": (("cp1251", "latin_1", "utf_8"), "ISO_IR 192"),
    "cp1251 as 8859-5, to UTF-8": (("cp1251", "iso8859_5", "utf_8"), "ISO_IR 192"),
    "UTF-8 as cp1251, to UTF-8": (("utf_8", "cp1251", "utf_8"), "ISO_IR 192"),
    "UTF-8 as 8859-5, to UTF-8": (("utf_8", "iso8859_5", "utf_8"), "ISO_IR 192"),
    "cp866 as cp1251, to UTF-8": (("cp866", "cp1251", "utf_8"), "ISO_IR 192"),
    "KOI8-R as Latin-1, to UTF-8": (("koi8_r", "latin_1", "utf_8"), "ISO_IR 192"),
    "KOI8-R as cp1251, to UTF-8": (("koi8_r", "cp1251", "utf_8"), "ISO_IR 192"),
    "8859-5 as Latin-1, to UTF-8": (("iso8859_5", "latin_1", "utf_8"), "ISO_IR 192"),
    "8859-5 as cp1251, to UTF-8": (("iso8859_5", "cp1251", "utf_8"), "ISO_IR 192"),
    "cp1251 as cp866, to UTF-8": (("cp1251", "cp866", "utf_8"), "ISO_IR 192"),
    "cp1251 as Latin-1, UTF-8, label lost": (("cp1251", "latin_1", "utf_8"), ""),
}
ODD = (
    ("cp1251", "utf_8"), ("cp866", "utf_8"), ("cp1251", "cp866"), ("cp1251", "koi8_r"),
    ("koi8_u", "cp1251"), ("utf_8", "cp1251"), ("cp1251", "latin_1"), ("utf_8", "latin_1"),
)  # fmt: skip
LOOKALIKES = str.maketrans("АВСЕНКМОРТХаеорсх", "ABCEHKMOPTXaeopcx")


def cases(scale: int = 1, book: str = BOOKS[0]) -> Iterator[Case]:
    """Give all files of a list of names; with a scale of n only every n-th of each recipe."""
    for number, case in _counted(book_named(book)):
        if number % scale == 0:
            yield case


def _counted(book: Book) -> Iterator[tuple[int, Case]]:
    for recipe in (_table, _right, _chains, _second_groups, _cut, _lost, _code_strings, _lookalikes, _odd, _nested,
                   _long, _identifiers, _symbols_only, _lone, _traps, _mixed_traps, _letters_counted):  # fmt: skip
        yield from enumerate(recipe(book))


def _file(
    book: Book,
    recipe: str,
    dice: random.Random,
    page: str,
    label: str | None,
    encoded: Encoder | None = None,
    fewest: int = 0,
) -> Case:
    language = dice.choices(PAGES[page], (6, 6, 2, 2, 2)[: len(PAGES[page])])[0]
    encoded = encoded or encoder(page)
    values = values_of(dice, Writer(book, dice, language, encoded), encoded, fewest)
    return Case(recipe, language, label, carrier_for(dice, values), tuple(values), page)


def _table(book: Book) -> Iterator[Case]:
    for page in PAGES:
        for name, label in LABELS.items():
            dice = dice_for(f"{page} {name}")
            for _ in range(16):
                yield _file(book, TABLE, dice, page, label)


def _right(book: Book) -> Iterator[Case]:
    for name, page, label in (
        ("right ISO_IR 144", "iso8859_5", "ISO_IR 144"),
        ("right ISO_IR 192", "utf_8", "ISO_IR 192"),
        ("single ISO 2022 IR 144, no escapes", "iso8859_5", "ISO 2022 IR 144"),
        ("2022 labels, cp1251, no escapes", "cp1251", "\\ISO 2022 IR 144"),
        ("right code extensions", "iso8859_5", "\\ISO 2022 IR 144"),
    ):
        dice = dice_for(name)
        for _ in range(30):
            yield _file(book, name, dice, page, label, _extended if name == "right code extensions" else None)


def _extended(text: str) -> bytes | None:
    """Give ISO 8859-5 with the escape again after every delimiter. Standard: PS3.5 section 6.1.2.5.3."""
    parts = []
    for group in text.split("="):
        raws = [encoder("iso8859_5")(component) for component in group.split("^")]
        if None in raws:
            return None
        parts.append(b"^".join(raw if raw.isascii() else b"\x1b-L" + raw for raw in raws if raw is not None))
    return b"=".join(parts)


def _chains(book: Book) -> Iterator[Case]:
    for name, (codecs, label) in CHAINS.items():
        dice = dice_for(name)
        for _ in range(24):
            yield _file(book, name, dice, codecs[0], label or None, chained(*codecs))


def _second_groups(book: Book) -> Iterator[Case]:
    """Give names spelled in Latin letters with the Cyrillic ones in the second group."""
    for page in ("cp1251", "cp866", "koi8_r", "utf_8"):
        for label in (None, "ISO_IR 100"):
            dice = dice_for(f"second {page} {label}")
            for _ in range(8):
                case = _file(book, "Ivanov^I=Иванов^И", dice, page, label)
                encoded = encoder(page)
                writer = Writer(book, dice, case.language, encoded)
                text = f"{dice.choice(book['several']['spelled_in_latin'])}={writer.text('name')}"
                yield replace(case, values=(Value("PatientName", text, encoded(text) or b""), *case.values[1:]))


def _cut(book: Book) -> Iterator[Case]:
    """Give UTF-8 that a length limit counted in bytes has cut, mostly in the middle of a letter."""
    for label in (None, "ISO_IR 100", "ISO_IR 192"):
        dice = dice_for(f"cut {label}")
        for _ in range(24):
            case = _file(book, "UTF-8 cut at 16 or 64 bytes", dice, "utf_8", label)
            study = Writer(book, dice, case.language, encoder("utf_8")).text("studies")
            text = dice.choice(("КТ ", "№ 5 ", "1-я ", "X")) + study
            place, most = dice.choice((("StationName", 16), ("ImageID", 16), ("InstitutionalDepartmentName", 64)))
            raw = text.encode()[:most]
            value = Value(place, raw.decode("utf-8", "ignore").strip(), raw)
            yield replace(case, values=(*(one for one in case.values if one.place != place), value))


def _lost(book: Book) -> Iterator[Case]:
    for label, page in ((None, "cp1251"), ("ISO_IR 100", "cp866"), ("ISO_IR 192", "utf_8"), ("ISO_IR 144", "cp1251")):
        dice = dice_for(f"lost {label}")
        for number in range(12):
            case = _file(book, "?????", dice, page, label)
            text = Writer(book, dice, case.language, encoder(page)).text("name")
            gone = "".join("?" if letter > "\x7f" else letter for letter in text)
            if number % 3 == 2:
                gone = text[:3] + "?" * 5
            value = Value("PatientName", gone, gone.encode(page), "lost")
            others = case.values[1:] if number % 3 else ()
            yield replace(case, values=(value, *others))


def _code_strings(book: Book) -> Iterator[Case]:
    for page in ("cp1251", "cp866", "koi8_r", "iso8859_5", "mac_cyrillic", "utf_8"):
        for label in (None, "ISO_IR 100", "ISO_IR 144"):
            dice = dice_for(f"CS {page} {label}")
            for _ in range(4):
                case = _file(book, "CS in Cyrillic", dice, page, label)
                keyword, typed, legal = dice.choice(book["several"]["code_strings"])
                yield replace(case, values=(*case.values, Value(keyword, legal, typed.encode(page))))


def _lookalikes(book: Book) -> Iterator[Case]:
    for page in ("cp1251", "cp866", "koi8_r", "iso8859_5", "utf_8"):
        for label in (None, "ISO_IR 100"):
            dice = dice_for(f"look-alikes {page} {label}")
            for _ in range(5):
                case = _file(book, "Latin look-alikes", dice, page, label)
                mixed = "".join(
                    letter.translate(LOOKALIKES) if dice.random() < 0.3 else letter for letter in case.values[0].truth
                )
                value = Value("PatientName", mixed, mixed.encode(page))
                yield replace(case, values=(value, *case.values[1:]))


def _odd(book: Book) -> Iterator[Case]:
    """Give files of one code page with one value in another; of one byte, it may be left, but not read wrongly."""
    for page, other in ODD:
        for label in (None, "ISO_IR 100"):
            dice = dice_for(f"odd {page} {other} {label}")
            for _ in range(6):
                case = _file(book, f"one value odd: {other} in {page}", dice, page, label, fewest=3)
                if other == "latin_1":
                    trap = book["traps"][dice.choice(("de", "fr", "sv"))]
                    text = dice.choice([name for name in trap["names"].strip().splitlines() if not name.isascii()])
                else:
                    text = Writer(book, dice, "ru", encoder(other)).text("institutions")
                value = Value("InstitutionAddress", text, text.encode(other), "plain" if other == "utf_8" else "odd")
                yield replace(case, values=(*case.values, value))


def _nested(book: Book) -> Iterator[Case]:
    """Give items with a Specific Character Set of their own, right or wrong, in files whose own is wrong or right."""
    for outer, label, inner, item_label in (
        ("cp1251", None, "iso8859_5", "ISO_IR 144"),
        ("utf_8", "ISO_IR 192", "cp1251", "ISO_IR 100"),
        ("cp1251", "ISO_IR 100", "utf_8", "ISO_IR 192"),
        ("iso8859_5", "ISO_IR 144", "cp866", "ISO_IR 100"),
    ):
        dice = dice_for(f"nested {outer} {inner}")
        for _ in range(12):
            case = _file(book, "items with a label of their own", dice, outer, label)
            flat = [value for value in case.values if "/" not in value.place]
            encoded = encoder(inner)
            writer = Writer(book, dice, "ru", encoded)
            places = (f"{SEQUENCES[0]}/RequestedProcedureDescription", f"{SEQUENCES[0]}/RequestingPhysician")
            texts = writer.text("studies"), writer.text("name")
            own = [Value(place, text, encoded(text) or b"") for place, text in zip(places, texts, strict=True)]
            yield replace(case, values=(*flat, *own), item_label=item_label)


def _long(book: Book) -> Iterator[Case]:
    """Give values over the limit of their VR: they are repaired whole, nothing is cut."""
    for page in ("cp1251", "utf_8"):
        dice = dice_for(f"long {page}")
        for _ in range(12):
            case = _file(book, "longer than the VR allows", dice, page, "ISO_IR 100")
            writer = Writer(book, dice, case.language, encoder(page))
            text = f"{writer.text('studies')}; {writer.text('comments')}; {writer.text('institutions')}"
            values = (Value("StationName", text[:40].strip(), text[:40].strip().encode(page)),
                      Value("StudyDescription", text.strip(), text.strip().encode(page)))  # fmt: skip
            taken = {value.place for value in values}
            yield replace(case, values=(*(one for one in case.values if one.place not in taken), *values))


def _identifiers(book: Book) -> Iterator[Case]:
    for page in ("cp1251", "cp866", "utf_8"):
        dice = dice_for(f"identifiers {page}")
        for _ in range(10):
            case = _file(book, "PatientID in Cyrillic", dice, page, dice.choice((None, "ISO_IR 100")))
            text = Writer(book, dice, "ru", encoder(page)).text("identifier")
            value = Value("PatientID", text, text.encode(page))
            yield replace(case, values=(*(one for one in case.values if one.place != "PatientID"), value))


def _letters_counted(book: Book) -> Iterator[Case]:
    """Give files whose lengths of text count letters: by its headers nobody can read such a file to its end."""
    for label in ("ISO_IR 192", "ISO_IR 100", None):
        dice = dice_for(f"letters counted {label}")
        for number in range(24):
            case = _file(book, "length in letters, not bytes", dice, "utf_8", label)
            yield replace(case, counts=("letters", "letters everywhere")[number % 2])


def _symbols_only(book: Book) -> Iterator[Case]:
    """Give files with no letter outside ASCII, only signs, digits, or nothing; right as they are, or nobody knows."""
    dice = dice_for("symbols")
    for number in range(30):
        if number % 3 == 0:
            values = [Value("StudyDescription", text, text.encode("latin_1")) for text in ("37°", "5±1")]
            yield Case("trap: signs only, right", "-", "ISO_IR 100", carrier_for(dice, values), tuple(values))
        elif number % 3 == 1:
            values = [Value("PatientName", text, text.encode()) for text in dice.sample(book["several"]["plain"], 1)]
            yield Case("trap: ASCII only", "-", dice.choice((None, "ISO_IR 144")), "MR_small", tuple(values))
        else:
            values = [Value("InstitutionName", "№5", "№5".encode("cp1251"), "odd")]
            yield Case("a lone №5", "ru", dice.choice((None, "ISO_IR 100")), "CT_small", tuple(values))


def _lone(book: Book) -> Iterator[Case]:
    for language in ("ru", "uk"):
        surnames: Sequence[str] = sorted(set(book["surnames"][language].split()))
        for number, surname in enumerate(surnames):
            pages = [page for page in PAGES if page not in ("kz1048",) and language in PAGES[page]]
            page = pages[number % len(pages)]
            raw = encoder(page)(surname.upper())
            if raw is not None:
                label = (None, "ISO_IR 100")[number // len(pages) % 2]
                value = Value("PatientName", surname.upper(), raw)
                recipe = LONE if len(surname) > 4 else LONE_SHORT
                yield Case(recipe, language, label, "MR_small", (value,), page)


def _traps(book: Book) -> Iterator[Case]:
    """Give names of other scripts under their right label, in UTF-8, and Latin ones without a label."""
    for language, trap in book["traps"].items():
        names = trap["names"].strip().splitlines()
        written: list[tuple[str, str | None, Encoder]] = [
            ("trap: right label", trap["label"], partial(_escaped, trap)),
            ("trap: right UTF-8", "ISO_IR 192", encoder("utf_8")),
        ]
        if language in LATIN_TRAPS:
            written.append(("trap: Latin, no label", None, encoder(trap["codec"])))
        for recipe, label, encoded in written:
            dice = dice_for(f"{language} {recipe}")
            for name in names:
                yield _trap(recipe, language, label, [name], encoded, dice)
            for _ in range(5):
                yield _trap(recipe, language, label, dice.sample(names, 3), encoded, dice)
    for name in book["several"]["unicode_only"]:
        yield _trap("trap: right UTF-8", "other", "ISO_IR 192", [name], encoder("utf_8"), dice_for(name))


def _trap(
    recipe: str, language: str, label: str | None, names: Sequence[str], encoded: Encoder, dice: random.Random
) -> Case:
    places = ("PatientName", "InstitutionName", "StudyDescription")
    values = [Value(place, name, encoded(name) or b"") for place, name in zip(places, names, strict=False)]
    return Case(recipe, language, label, carrier_for(dice, values), tuple(values))


def _escaped(trap: dict[str, str], text: str) -> bytes:
    """Give a name with the escape of its script before every component that needs it."""
    escape = b"\x1b" + trap["escape"].encode() if "escape" in trap else b""

    def written(part: str) -> bytes:
        return part.encode() if part.isascii() else escape + part.encode(trap["codec"])

    return b"=".join(b"^".join(map(written, group.split("^"))) for group in text.split("="))


def _mixed_traps(book: Book) -> Iterator[Case]:
    """Give Latin-1 files, right, whose only Cyrillic is a code string nobody may write so."""
    dice = dice_for("mixed")
    names = book["traps"]["de"]["names"].strip().splitlines()
    for _ in range(8):
        name = dice.choice([one for one in names if not one.isascii()])
        values = (Value("PatientName", name, name.encode("latin_1")),
                  Value("BodyPartExamined", "CHEST", "ГРУДНАЯ КЛЕТКА".encode("cp1251")))  # fmt: skip
        yield Case("German name, CS in Cyrillic", "de", "ISO_IR 100", "CT_small", values)
