"""Code pages are strict both ways, and the capability table of the module is true."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.text.code_pages import CYRILLIC_CODE_PAGES, canonical, codec_of, decode, encode, missing

RUSSIAN = "".join(map(chr, range(0x410, 0x450))) + "Ёё"
UKRAINIAN = "АБВГҐДЕЄЖЗИІЇЙКЛМНОПРСТУФХЦЧШЩЬЮЯабвгґдеєжзиіїйклмнопрстуфхцчшщьюя"
BELARUSIAN = "АБВГДЕЁЖЗІЙКЛМНОПРСТУЎФХЦЧШЫЬЭЮЯабвгдеёжзійклмнопрстуўфхцчшыьэюя"
KAZAKH = RUSSIAN + "ӘҒҚҢӨҰҮҺІәғқңөұүһі"
TABLE = {  # what each code page cannot hold of: Russian, Ukrainian, Belarusian, Kazakh, quotes and dashes, №
    "utf-8": ("", "", "", "", "", ""),
    "cp1251": ("", "", "", "ӘҒҚҢӨҰҮҺәғқңөұүһ", "", ""),
    "kz-1048": ("", "ҐЄЇґєї", "Ўў", "", "", ""),
    "cp866": ("", "ҐІґі", "Іі", "ӘҒҚҢӨҰҮҺІәғқңөұүһі", "«»–’„", ""),
    "cp1125": ("", "", "Ўў", "ӘҒҚҢӨҰҮҺәғқңөұүһ", "«»–’„", ""),
    "koi8-r": ("", "ҐЄІЇґєії", "ІЎіў", "ӘҒҚҢӨҰҮҺІәғқңөұүһі", "«»–’„", "№"),
    "koi8-u": ("", "", "Ўў", "ӘҒҚҢӨҰҮҺәғқңөұүһ", "«»–’„", "№"),
    "iso-8859-5": ("", "Ґґ", "", "ӘҒҚҢӨҰҮҺәғқңөұүһ", "«»–’„", ""),
    "mac-cyrillic": ("", "", "", "ӘҒҚҢӨҰҮҺәғқңөұүһ", "", ""),
}


@pytest.mark.parametrize("page", CYRILLIC_CODE_PAGES)
def test_the_capability_table_is_true(page: str) -> None:
    texts = (RUSSIAN, UKRAINIAN, BELARUSIAN, KAZAKH, "«»–’„", "№")
    assert tuple(missing(text, page) for text in texts) == TABLE[page]


@pytest.mark.parametrize(
    ("text", "page", "expected"),
    [
        ("Иванов^Пётр", "cp1251", "C8 E2 E0 ED EE E2 5E CF B8 F2 F0"),
        ("Шевченко^Ілля", "cp1125", "98 A5 A2 E7 A5 AD AA AE 5E F6 AB AB EF"),
        ("Щербакова^Юлия", "koi8-r", "FD C5 D2 C2 C1 CB CF D7 C1 5E E0 CC C9 D1"),
        ("Ґалаґан^Є", "koi8-u", "BD C1 CC C1 AD C1 CE 5E B4"),
        ("Їжакевич", "iso-8859-5", "A7 D6 D0 DA D5 D2 D8 E7"),
        ("Ґалаґан^Є", "mac-cyrillic", "A2 E0 EB E0 B6 E0 ED 5E B8"),
        ("Қасымов", "kz-1048", "8D E0 F1 FB EC EE E2"),
        ("Київ", "utf-8", "D0 9A D0 B8 D1 97 D0 B2"),
    ],
)
def test_known_bytes(text: str, page: str, expected: str) -> None:
    raw = bytes.fromhex(expected)
    assert encode(text, page) == raw
    assert decode(raw, page) == text


@pytest.mark.parametrize(
    ("raw", "page"),
    [
        (b"\x98", "cp1251"),
        (b"\xc8\xe2\x98", "cp1251"),
        (b"\x98", "kz-1048"),
        (b"\x88\xd2", "iso-8859-5"),  # a C1 control
        (b"\xd0", "utf-8"),
        (b"\xc3\x28", "utf-8"),
        (b"\xc2\x98", "utf-8"),  # a C1 control, well encoded
    ],
)
def test_what_means_nothing_is_not_decoded(raw: bytes, page: str) -> None:
    assert decode(raw, page) is None


@pytest.mark.parametrize(
    ("text", "page"),
    [("Ґ", "iso-8859-5"), ("№", "koi8-r"), ("І", "cp866"), ("Ә", "cp1251"), ("é", "cp1251"), ("\x85", "iso-8859-5")],
)
def test_what_has_no_byte_is_not_encoded(text: str, page: str) -> None:
    assert encode(text, page) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("windows-1251", "cp1251"),
        ("CP1251", "cp1251"),
        ("iso_ir_144", "iso-8859-5"),
        ("iso8859_5", "iso-8859-5"),
        ("UTF8", "utf-8"),
        ("KOI8-U", "koi8-u"),
        ("kz1048", "kz-1048"),
        ("maccyrillic", "mac-cyrillic"),
        ("latin-1", "iso8859-1"),
        ("iso8859", "iso8859-1"),
        ("iso_ir_126", "iso8859-7"),
        ("no such page", None),
        ("", None),
        ("hex", None),
        ("utf-16", None),
        ("cp\x001251", None),
    ],
)
def test_names_are_brought_to_one(name: str, expected: str | None) -> None:
    assert canonical(name) == expected


def test_an_unknown_page_is_said_to_be_unknown() -> None:
    with pytest.raises(LookupError):
        codec_of("no such page")


@given(st.binary(max_size=64), st.sampled_from(CYRILLIC_CODE_PAGES))
def test_what_decodes_encodes_to_the_same_bytes(raw: bytes, page: str) -> None:
    text = decode(raw, page)
    if text is not None:
        assert encode(text, page) == raw
        assert not any("\x80" <= character <= "\x9f" for character in text)


@given(st.text(max_size=32), st.sampled_from(CYRILLIC_CODE_PAGES))
def test_what_encodes_decodes_to_the_same_text(text: str, page: str) -> None:
    raw = encode(text, page)
    if raw is not None:
        assert decode(raw, page) == text
    else:
        assert missing(text, page)
