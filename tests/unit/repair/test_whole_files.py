"""Spoiled Cyrillic of every kind met in the field comes out right; what is right stays byte for byte."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import (
    EXPLICIT,
    SYNTAXES,
    Spoiled,
    body,
    even,
    mended,
    opened,
    part10,
    read_back,
    written,
)
from tolmach.edit.conditions import Origin
from tolmach.edit.rules import parse_rules
from tolmach.journeys.file import mend
from tolmach.repair.profile import Profile, TextPolicy, parse_text_policy

RUSSIAN = {
    0x00080080: ("LO", "Городская клиническая больница №3"),
    0x00081030: ("LO", "Рентгенография органов грудной клетки"),
    0x00081070: ("PN", "Кузнецова^Ольга^Сергеевна"),
    0x00100010: ("PN", "Щербаков^Юрий^Эдуардович"),
    0x00104000: ("LT", "Жалобы на кашель. Хрипы справа."),
}
UKRAINIAN = {
    0x00080080: ("LO", "Міська лікарня, кабінет рентгену"),
    0x00081030: ("LO", "Рентгенографія органів грудної клітки"),
    0x00100010: ("PN", "Їжакевич^Євген^Ґедзьович"),
    0x00104000: ("LT", "Скарги на кашель, є хрипи зліва"),
}
UPPER = {
    0x00080080: ("LO", "ЦРБ РЕНТГЕН"),
    0x00100010: ("PN", "КОВАЛЕВСКАЯ^НАДЕЖДА^ПЕТРОВНА"),
    0x00081030: ("LO", "ОРГАНЫ ГРУДНОЙ КЛЕТКИ"),
}
FITTING = {
    name: {tag: (vr, text.replace("№", "N ")) for tag, (vr, text) in texts.items()}
    for name, texts in (("russian", RUSSIAN), ("ukrainian", UKRAINIAN), ("upper", UPPER))
}
# Two letters say nothing: ЛИ is also ЬТ and МК.
DOUBTFUL = Spoiled({0x00100010: ("PN", "ЛИ")}, "cp1251", None).file()
LABELS = (None, "ISO_IR 100", "ISO 2022 IR 6\\IS", "ISO_IR 144", "ISO_IR 192", "", "ISO_IR 6", "WINDOWS-1252")
RECIPES = [
    *((name, "cp1251", label) for name in FITTING for label in LABELS),
    *(("russian", page, label) for page in ("koi8-r", "cp866") for label in (None, "ISO_IR 100", "ISO_IR 144")),
    *(("upper", page, label) for page in ("koi8-r", "cp866") for label in (None, "ISO_IR 100")),
    ("ukrainian", "koi8-u", None),
    ("ukrainian", "koi8-u", "ISO_IR 100"),
    ("russian", "iso8859-5", None),
    ("russian", "iso8859-5", "ISO_IR 100"),
    ("russian", "iso8859-5", "ISO_IR 192"),
    ("upper", "iso8859-5", None),
    *((name, "utf-8", label) for name in FITTING for label in (None, "ISO_IR 100", "ISO_IR 144")),
]


def texts_of(file: bytes) -> dict[int, str]:
    data_set = read_back(file)
    return {
        int(element.tag): str(element.value) for element in data_set if element.VR in ("LO", "PN", "LT", "SH", "ST")
    }


@pytest.mark.parametrize("syntax", [SYNTAXES[0]])
@pytest.mark.parametrize(("name", "code_page", "label"), RECIPES)
def test_a_lying_label_is_found_out(name: str, code_page: str, label: str | None, syntax: str) -> None:
    file = Spoiled(FITTING[name], code_page, label, syntax).file()
    result = mended(file)
    assert result.verdict == "repairable", result.diagnosis
    out = written(result)
    assert read_back(out).SpecificCharacterSet == "ISO_IR 192"
    assert texts_of(out) == {tag: text for tag, (_vr, text) in FITTING[name].items()}
    assert result.diagnosis.detection is not None
    expected = {"iso8859-5": "iso-8859-5"}.get(code_page, code_page)
    assert result.diagnosis.detection.code_page in (expected, "cp1125" if expected == "cp866" else expected)
    changed = {change.path for change in result.changes}
    assert changed == {f"{tag:08X}" for tag in FITTING[name]} | (set() if label == "ISO_IR 192" else {"00080005"})
    again = mended(out)
    assert again.verdict == "clean"
    assert written(again) == out


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_syntax(syntax: str) -> None:
    file = Spoiled(RUSSIAN, "cp1251", None, syntax).file()
    result = mended(file)
    assert result.result.transfer_syntax_uid == syntax
    assert texts_of(written(result)) == {tag: text for tag, (_vr, text) in RUSSIAN.items()}


@pytest.mark.parametrize(
    ("code_page", "label", "texts"),
    [
        ("iso8859-5", "ISO_IR 144", FITTING["russian"]),
        ("utf-8", "ISO_IR 192", UKRAINIAN),
        ("utf-8", "ISO_IR 192", {0x00100010: ("PN", "山田^太郎")}),
        (
            "latin_1",
            "ISO_IR 100",
            {0x00100010: ("PN", "Müller^Jürgen"), 0x00080080: ("LO", "Universitätsklinikum Köln")},
        ),
        ("iso8859-7", "ISO_IR 126", {0x00100010: ("PN", "Παπαδόπουλος^Γιώργος")}),
        ("iso8859-8", "ISO_IR 138", {0x00100010: ("PN", "שרון^דבורה")}),
        (
            "iso8859-2",
            "ISO_IR 101",
            {0x00100010: ("PN", "Wałęsa^Błażej"), 0x00080080: ("LO", "Szpital Świętej Rodziny")},
        ),
        ("gb18030", "GB18030", {0x00100010: ("PN", "王^小东")}),
        ("ascii", None, {0x00100010: ("PN", "Ivanov^Ivan")}),
        ("ascii", "ISO_IR 144", {0x00100010: ("PN", "Ivanov^Ivan")}),
    ],
)
def test_what_is_right_stays_byte_for_byte(code_page: str, label: str, texts: dict[int, tuple[str, str]]) -> None:
    file = Spoiled(texts, code_page, label).file()
    result = mended(file)
    assert (result.verdict, result.changes) == ("clean", ())
    assert result.result is result.revision.data_set
    assert written(result) == file


def test_text_with_code_extensions_stays() -> None:
    name = b"Ivanov^Ivan=\x1b-L" + "Иванов".encode("iso8859_5") + b"^\x1b-L" + "Иван".encode("iso8859_5")
    file = part10(body((0x00080005, "CS", even(b"\\ISO 2022 IR 144")), (0x00100010, "PN", even(name))))
    assert written(mended(file)) == file
    assert str(read_back(file).PatientName) == "Ivanov^Ivan=Иванов^Иван"


def nested(label: bytes | None, text: bytes) -> bytes:
    own = b"" if label is None else EXPLICIT.element(0x00080005, "CS", even(label))
    return EXPLICIT.sequence(0x00400275, [own + EXPLICIT.element(0x00321060, "LO", even(text))])


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (("ISO_IR 100", "cp1251"), (None, "cp1251")),
        (("ISO_IR 100", "cp1251"), (b"ISO_IR 100", "cp1251")),
        (("ISO_IR 100", "cp1251"), (b"ISO_IR 192", "utf-8")),
        (("ISO_IR 100", "cp1251"), (b"ISO_IR 144", "iso8859-5")),
        ((None, "cp1251"), (b"ISO_IR 144", "cp1251")),
        (("ISO_IR 144", "iso8859-5"), (b"ISO_IR 100", "cp1251")),
    ],
)
def test_items_with_a_character_set_of_their_own(
    outer: tuple[str | None, str], inner: tuple[bytes | None, str]
) -> None:
    description = "Рентгенография кисти и лучезапястного сустава"
    request = nested(inner[0], description.encode(inner[1]))
    file = Spoiled(FITTING["russian"], outer[1], outer[0], raw=((0x00400275, "raw", request),)).file()
    result = mended(file)
    assert result.verdict == "repairable"
    out = written(result)
    assert texts_of(out) == {tag: text for tag, (_vr, text) in FITTING["russian"].items()}
    item = read_back(out).RequestAttributesSequence[0]
    assert item.RequestedProcedureDescription == description
    assert item.get("SpecificCharacterSet", "ISO_IR 192") == "ISO_IR 192"
    assert written(mended(out)) == out


def with_code(label: str | None, code_page: str, code: bytes) -> bytes:
    return Spoiled(FITTING["russian"], code_page, label, raw=((0x00180015, "CS", even(code)),)).file()


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(("text", "code"), [("ГРУДНАЯ КЛЕТКА", "CHEST"), ("ЧЕРЕП", "SKULL"), ("Рука", "RUKA")])
def test_cyrillic_in_a_code_string_under_every_label(label: str | None, text: str, code: str) -> None:
    result = mended(with_code(label, "cp1251", text.encode("cp1251")))
    assert result.verdict == "repairable"
    out = read_back(written(result))
    assert out.BodyPartExamined == code
    change = next(change for change in result.changes if change.keyword == "BodyPartExamined")
    assert (change.reason, change.vr, change.after) == ("code-string", "CS", code)
    assert change.raw_before == even(text.encode("cp1251"))


@pytest.mark.parametrize(("label", "code_page"), [("ISO_IR 144", "iso8859-5"), ("ISO_IR 192", "utf-8")])
def test_a_code_string_where_the_other_text_is_right(label: str, code_page: str) -> None:
    file = with_code(label, code_page, "ГРУДНАЯ КЛЕТКА".encode(code_page))
    result = mended(file)
    assert result.verdict == "repairable"
    assert [change.path for change in result.changes] == ["00180015"]
    assert read_back(written(result)).BodyPartExamined == "CHEST"
    assert texts_of(written(result)) == texts_of(file)


def test_a_code_string_is_left_where_the_profile_says_so() -> None:
    file = with_code("ISO_IR 144", "iso8859-5", "ЧЕРЕП".encode("iso8859-5"))
    assert written(mended(file, Profile(code_strings="leave"))) == file
    assert mended(file, Profile(code_strings="leave")).verdict == "clean"


def test_only_defined_terms_count_as_mapped() -> None:
    known, unknown = (
        mended(with_code("ISO_IR 144", "iso8859-5", text.encode("iso8859-5")), Profile(code_strings="map"))
        for text in ("ЧЕРЕП", "ШИШКА")
    )
    assert read_back(written(known)).BodyPartExamined == "SKULL"
    assert unknown.verdict == "unsure"
    assert "TLM-TXT-012" in {problem.code for problem in unknown.problems}


def policy(name: str, **given: object) -> Profile:
    converts = bool(given.pop("converts", False))
    return replace(Profile(), text=parse_text_policy(name, converts=converts), **given)  # type: ignore[arg-type]


TYPOGRAPHIC = {**UKRAINIAN, 0x00081030: ("LO", "«Ґанок» – огляд")}


def test_iso_ir_144_with_substitutes() -> None:
    file = Spoiled(TYPOGRAPHIC, "cp1251", None).file()
    result = mended(file, policy("iso_ir_144"))
    out = written(result)
    assert read_back(out).SpecificCharacterSet == "ISO_IR 144"
    assert texts_of(out)[0x00100010] == "Їжакевич^Євген^Гедзьович"
    assert texts_of(out)[0x00081030] == '"Ганок" - огляд'
    assert b"?" not in out
    assert written(mended(out, policy("iso_ir_144"))) == out


def test_iso_ir_144_where_a_letter_has_no_substitute() -> None:
    texts = {0x00100010: ("PN", "Әлиев^Нұрлан"), 0x00080080: ("LO", "Қалалық аурухана, рентген бөлмесі")}
    result = mended(Spoiled(texts, "utf-8", "ISO_IR 100").file(), policy("iso_ir_144"))
    assert read_back(written(result)).SpecificCharacterSet == "ISO_IR 192"
    assert texts_of(written(result)) == {tag: text for tag, (_vr, text) in texts.items()}
    assert "TLM-EDT-022" in {problem.code for problem in result.problems}


@pytest.mark.parametrize("label", [None, "ISO_IR 100", "ISO_IR 192", "ISO 2022 IR 6\\IS"])
def test_a_receiver_with_a_code_page_of_its_own(label: str | None) -> None:
    file = Spoiled(FITTING["russian"], "koi8-r", label).file()
    result = mended(file, policy("cp1251"))
    assert result.verdict == "repairable"
    out = written(result)
    raw = {element.tag: opened(out).raw(element).rstrip(b" ") for element in opened(out).elements}
    for tag, (_vr, text) in FITTING["russian"].items():
        assert raw[tag] == text.encode("cp1251")
    assert read_back(out).get("SpecificCharacterSet") in (None, "ISO_IR 100")
    again = mended(out, policy("cp1251"))
    assert (again.changes, written(again)) == ((), out)


@pytest.mark.parametrize(("label", "code_page"), [("ISO_IR 100", "cp1251"), ("ISO_IR 144", "iso8859-5")])
def test_transliteration(label: str, code_page: str) -> None:
    texts = {0x00100010: ("PN", "Щербань^Юлія^Ігорівна"), 0x00080080: ("LO", "Міська лікарня, кабінет рентгену")}
    result = mended(Spoiled(texts, code_page, label).file(), policy("transliterate:uk-kmu55"))
    out = written(result)
    assert texts_of(out) == {0x00100010: "Shcherban^Yuliia^Ihorivna", 0x00080080: "Miska likarnia, kabinet renthenu"}
    assert opened(out).marked_text == ()
    assert written(mended(out, policy("transliterate:uk-kmu55"))) == out


def test_as_is_changes_nothing() -> None:
    file = Spoiled(RUSSIAN, "cp1251", None).file()
    assert written(mended(file, policy("as-is"))) == file


@pytest.mark.parametrize("converts", [False, True])
def test_right_text_is_converted_only_where_a_receiver_asks(converts: bool) -> None:
    file = Spoiled(FITTING["russian"], "iso8859-5", "ISO_IR 144").file()
    result = mended(file, policy("utf-8", converts=converts))
    assert (written(result) == file) != converts
    assert texts_of(written(result)) == texts_of(file)
    expected = "ISO_IR 192" if converts else "ISO_IR 144"
    assert read_back(written(result)).SpecificCharacterSet == expected


def test_the_operators_word_is_taken() -> None:
    assert mended(DOUBTFUL).verdict == "unsure"
    assert texts_of(written(mended(DOUBTFUL, Profile(code_page="cp1251")))) == {0x00100010: "ЛИ"}


def test_doubt_leaves_the_bytes_and_says_so() -> None:
    result = mended(DOUBTFUL)
    assert (result.verdict, result.changes) == ("unsure", ())
    assert written(result) == DOUBTFUL
    assert "TLM-TXT-010" in {problem.code for problem in result.problems}


def test_a_rule_settles_what_was_doubtful() -> None:
    rules = parse_rules([{"do": [{"set": "PatientName", "value": "LI"}]}], lambda _name: {}, "test")
    result = mended(DOUBTFUL, Profile(rules=rules))
    assert result.verdict == "repairable"
    assert texts_of(written(result)) == {0x00100010: "LI"}


def test_rules_follow_the_repair() -> None:
    rules = parse_rules(
        [
            {
                "when": {"PatientName": {"matches": "^Щербаков"}, "source.watch": "room-1"},
                "do": [{"set": "StudyID", "value": "{PatientName}"[:9]}, {"upper": "PatientName"}],
            }
        ],
        lambda _name: {},
        "test",
    )
    file = Spoiled(RUSSIAN, "cp1251", None).file()
    result = mended(file, Profile(rules=rules), Origin({"source.watch": "room-1"}))
    assert texts_of(written(result))[0x00100010] == "ЩЕРБАКОВ^ЮРИЙ^ЭДУАРДОВИЧ"
    assert texts_of(written(mended(file, Profile(rules=rules))))[0x00100010] == "Щербаков^Юрий^Эдуардович"


def test_nothing_but_text_is_touched() -> None:
    """Pixels, odd lengths, private and unknown elements, group lengths of other groups: byte for byte."""
    keep = (
        (0x00090010, "LO", b"VENDOR"),
        (0x00091001, "OB", bytes(range(7))),
        (0x00091002, "UN", b"\xcf\xe5\xf2"),
        (0x00100020, "LO", b"ODD"),
        (0x00280010, "US", b"\1\0"),
        (0x7FE00010, "OB", bytes(range(256))),
    )
    before = opened(Spoiled(RUSSIAN, "cp1251", None, raw=keep).file())
    after = mend(before, Profile(), Origin()).result
    for tag, _vr, value in keep:
        element = after.find(tag)
        assert element is not None
        assert after.raw(element) == value


def test_text_too_large_for_its_field_is_left_and_told() -> None:
    """Doubled by UTF-8 it would not fit a length of two bytes: the file goes on as it came."""
    long = "Жалобы на кашель. " * 2500
    file = Spoiled({0x00100010: ("PN", "Щербаков^Юрий"), 0x00120081: ("LO", long)}, "cp1251", None).file()
    result = mended(file)
    assert result.verdict == "unsure"
    assert "TLM-DCM-011" in {problem.code for problem in result.problems}
    assert written(result) == file


@pytest.mark.parametrize(
    "label", ["hex", "rot13", "idna", "punycode", "undefined", "unicode_escape", "zlib", "utf-7", "utf_16", "\\", "Я"]
)
def test_no_label_is_strange_enough_to_stop_an_image(label: str) -> None:
    elements = [(tag, vr, even(text.encode("cp1251"))) for tag, (vr, text) in RUSSIAN.items()]
    file = part10(body(*elements, (0x00080005, "CS", even(label.encode()))))
    result = mended(file)
    assert result.verdict in ("repairable", "unsure")
    rules = parse_rules([{"do": [{"set": "StudyID", "value": "{PatientName}"[:13]}]}], lambda _name: {}, "test")
    mended(file, Profile(rules=rules, text=TextPolicy("as-is")))


def test_every_form_is_proved_and_none_is_thrown_away() -> None:
    """`mend` throws a repair away whose proof fails; no ordinary file may come to that."""
    for name, code_page, label in RECIPES:
        for syntax in SYNTAXES:
            result = mended(Spoiled(FITTING[name], code_page, label, syntax).file())
            assert "TLM-TXT-020" not in {problem.code for problem in result.problems}


def test_an_accented_capital_on_its_own_stays_what_it_looks_like() -> None:
    """In a Cyrillic file nobody can tell É from Й beside a Latin name: it is flagged, and reads as it did before."""
    texts = (("Городская больница", "cp1251"), ("DUPONT^É", "latin_1"), ("Щербаков^Юрий^Й", "cp1251"))
    tags = ((0x00080080, "LO"), (0x00080090, "PN"), (0x00100010, "PN"))
    elements = [(tag, vr, even(text.encode(page))) for (tag, vr), (text, page) in zip(tags, texts, strict=True)]
    result = mended(part10(body((0x00080005, "CS", b"ISO_IR 100"), *elements)))
    data_set = read_back(written(result))
    assert result.verdict == "unsure"
    assert [problem.code for problem in result.problems] == ["TLM-TXT-010"]
    assert [str(data_set[tag].value) for tag, _vr in tags] == [text for text, _page in texts]


@pytest.mark.parametrize(("typed", "legal"), [("Череп", "SKULL"), ("Кисть", "HAND"), ("Стопа", "FOOT")])
@pytest.mark.parametrize("page", ["cp866", "mac_cyrillic"])
def test_small_letters_of_a_code_string_tell_pages_with_the_same_capitals_apart(
    typed: str, legal: str, page: str
) -> None:
    name = "ГРИГОРЬЕВ^МАТВЕЙ"
    made = [(0x00100010, "PN", even(name.encode(page))), (0x00180015, "CS", even(typed.encode(page)))]
    result = mended(part10(body((0x00080005, "CS", b"ISO_IR 100"), *made)))
    data_set = read_back(written(result))
    assert (str(data_set.PatientName), data_set.BodyPartExamined) == (name, legal)


WORDS_OF_FILES = (
    "ЩЕРБАКОВ^ЮРИЙ",
    "Міська лікарня",
    "пгт, мкр. 3-й",
    "ЕхоКГ",
    "ЛИ",
    "Ж",
    "№ 5",
    "Каб.",
    "ПЗ",
    "Müller",
    "Éva",
    "É",
)
PAGES_OF_FILES = ("cp1251", "koi8_u", "cp1125", "iso8859_5", "utf_8", "latin_1", "mac_cyrillic")


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(WORDS_OF_FILES), st.sampled_from(PAGES_OF_FILES)), min_size=1, max_size=4),
    st.sampled_from([None, "ISO_IR 100", "ISO_IR 144", "ISO_IR 192", "WINDOWS-1251"]),
)
def test_what_was_fixed_needs_no_fixing(texts: list[tuple[str, str]], label: str | None) -> None:
    tags = ((0x00080080, "LO"), (0x00081030, "LO"), (0x00100010, "PN"), (0x00104000, "LT"))
    made = [(tag, vr, even(text.encode(page, "ignore"))) for (tag, vr), (text, page) in zip(tags, texts, strict=False)]
    labelled = [(0x00080005, "CS", even(label.encode()))] if label is not None else []
    once = written(mended(part10(body(*labelled, *made))))
    assert written(mended(once)) == once


def test_letters_in_the_file_meta_information_are_told_and_kept() -> None:
    title = EXPLICIT.element(0x00020016, "AE", "РЕНТГЕН".encode("cp1251") + b" ")
    plain = part10(body((0x00100010, "PN", "ЩЕРБАКОВ^ЮРИЙ".encode("cp1251") + b" ")))
    at = plain.index(b"\x08\x00\x16\x00UI")
    result = mended(plain[:at] + title + plain[at:])
    assert [problem.code for problem in result.problems] == ["TLM-TXT-023"]
    assert "SourceApplicationEntityTitle" in str(result.problems[0])
    assert result.verdict == "repairable"
    assert title in written(result)
    clean = mended(part10(body()).replace(b"\x08\x00\x16\x00UI", title + b"\x08\x00\x16\x00UI", 1))
    assert (clean.verdict, [problem.code for problem in clean.problems]) == ("clean", ["TLM-TXT-023"])


@pytest.mark.parametrize("label", ["ISO_IR 100", "ISO_IR 192"])
def test_what_is_said_to_be_written_is_what_was_written(label: str) -> None:
    """In ISO_IR 144 some signs have substitutes: those are what everybody will read."""
    page = "cp1251" if label == "ISO_IR 100" else "utf_8"
    policy = Profile(text=parse_text_policy("iso_ir_144", converts=True))
    texts = {0x00080080: ("LO", "Лікарня «Ґердан» — № 1…"), 0x00100010: ("PN", "Їжакевич^Євген")}
    result = mended(Spoiled(texts, page, label).file(), policy)
    data_set = read_back(written(result))
    after = {change.keyword: change.after for change in result.changes}
    assert after["InstitutionName"] == data_set.InstitutionName == 'Лікарня "Гердан" - № 1...'
    assert after["PatientName"] == str(data_set.PatientName)
