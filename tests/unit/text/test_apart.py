"""Values unlike the rest of their file: read in their own code page where that is clear, never in a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.text.test_detect import pairs
from tolmach.text.apart import detect_each
from tolmach.text.code_pages import decode
from tolmach.text.detect import detect


def test_a_file_of_several_code_pages_is_judged_value_by_value() -> None:
    values = [
        "КОВАЛЬЧУК^НАТАЛІЯ".encode("cp1251"),
        "Міська лікарня".encode(),
        "Schädel seitlich".encode("latin-1"),
        "IВАНЕНКО".encode("cp1251"),
        b"CHEST",
    ]
    found = detect_each(values)
    assert [verdict.code_page for verdict in found[:4]] == ["cp1251", "utf-8", None, "cp1251"]
    assert found[2].outcome == "leave"
    assert "{" not in str(found[2].evidence)


@pytest.mark.parametrize("page", ["cp1251", "cp1125", "koi8_u", "mac_cyrillic", "utf-8"])
def test_a_file_of_one_code_page_is_judged_as_one(page: str) -> None:
    for name in pairs("uk")[:60]:
        values = [text.encode(page) for text in (name.upper(), "Міська лікарня", "ОГК", "CHEST")]
        assert detect_each(values) == (detect(values),) * len(values)


@given(st.lists(st.binary(max_size=24), max_size=5))
def test_every_value_gets_its_verdict(values: list[bytes]) -> None:
    found = detect_each(values)
    assert len(found) == len(values)
    assert all((verdict.code_page is not None) == (verdict.outcome == "cyrillic") for verdict in found)


@pytest.mark.parametrize(
    ("values", "page"),
    [
        (("ЖОЛТИКОВ^ЛЕВ", "37,2°"), "cp866"),  # ° would be Ї in cp1125
        (("ЖОЛТИКОВ^ЛЕВ", "№ 7"), "mac_cyrillic"),  # capitals are the same in cp866, № would be a piece of a box
        (("Жовтопляс^Ярина", "15±2 мм", "№4/11"), "cp1251"),
        (("Жовтопляс^Ярина", "№ 4"), "cp1125"),
    ],
)
def test_signs_beside_figures_are_no_letters(values: tuple[str, ...], page: str) -> None:
    raws = [value.encode(page) for value in values]
    found = detect_each(raws)
    assert [decode(raw, verdict.code_page or "ascii") for raw, verdict in zip(raws, found, strict=True)] == [*values]


RUSSIAN_FILE = ("ЖОЛТИКОВ^ЛЕВ^АРСЕНТЬЕВИЧ", "Осмотр терапевта", "ПОВТОРНЫЙ СНИМОК", "№ 7")


@pytest.mark.parametrize("odd", ["Дорожный госпиталь имени Сеченова", "ГОСПИТАЛЬ ВЕТЕРАНОВ", "Госпиталь № 1 (архив)"])
@pytest.mark.parametrize("place", [0, 4])
@pytest.mark.parametrize(
    ("page", "other"),
    [
        ("cp1251", "cp866"), ("cp1251", "koi8-r"), ("koi8-r", "cp1251"), ("cp866", "cp1251"), ("iso8859-5", "cp1251"),
        ("cp1251", "mac-cyrillic"),
    ],
)  # fmt: skip
def test_a_value_in_another_code_page_is_read_in_its_own(page: str, other: str, place: int, odd: str) -> None:
    texts = [text for text in RUSSIAN_FILE if "№" not in text or page in ("cp1251", "iso8859-5")]
    odd = odd if other != "koi8-r" else odd.replace("№ ", "")
    raws = [text.encode(page.replace("mac-", "mac_")) for text in texts]
    place = min(place, len(raws))
    raws.insert(place, odd.encode(other.replace("mac-", "mac_")))
    texts.insert(place, odd)
    found = detect_each(raws)
    assert [decode(raw, verdict.code_page or "ascii") for raw, verdict in zip(raws, found, strict=True)] == texts


@pytest.mark.parametrize(("page", "other"), [("cp1251", "koi8-r"), ("koi8-r", "cp1251"), ("cp1251", "cp866")])
def test_a_short_odd_value_is_never_read_in_the_page_of_its_file(page: str, other: str) -> None:
    raws = [text.encode(page) for text in RUSSIAN_FILE[:3]]
    for odd in ("НПО АЛЬТАИР", "ФЭУ БОРКИ", "Госпиталь"):
        verdict = detect_each([*raws, odd.encode(other)])[-1]
        assert verdict.code_page is None or decode(odd.encode(other), verdict.code_page) == odd
        assert "{" not in str(verdict.evidence)


def test_signs_that_stand_for_no_word_are_doubted() -> None:
    raws = [*(text.encode("cp1251") for text in RUSSIAN_FILE), "УФМ ГД".encode("cp866")]  # “”Њ ѓ„ on Windows
    assert detect_each(raws)[-1].outcome == "unsure"


def test_one_long_odd_value_does_not_outvote_many_short_ones() -> None:
    values = ["ЖОЛТИКОВ^Л", "Осмотр", "Госпиталь", "Снимок"]
    odd = "Жалоб нет, лечение продолжать по прежней схеме, явка через полгода"
    found = detect_each([*(value.encode("cp1251") for value in values), odd.encode("koi8-r")])
    assert [verdict.code_page for verdict in found] == ["cp1251"] * 4 + ["koi8-r"]


# What a letter on its own beside Latin words is, nobody can tell by its looks: É and Й are one byte.
LATIN_WITH_A_LETTER = ("DUPONT^É", "É. DUPONT", "Dupont^Anne É.", "MARTIN^Ü", "OLSEN^Ø", "NAGY^Ö^Á", "LOPES^Ç")


@pytest.mark.parametrize("page", ["cp1251", "koi8-r", "iso8859-5", "mac-cyrillic"])
@pytest.mark.parametrize("odd", LATIN_WITH_A_LETTER)
def test_an_accented_capital_beside_latin_words_is_no_cyrillic_letter(page: str, odd: str) -> None:
    raws = [*(text.encode(page) for text in RUSSIAN_FILE[:3]), odd.encode("latin-1")]
    *most, verdict = detect_each(raws, declared="latin-1")
    assert verdict.code_page is None
    assert "{" not in str(verdict.evidence)
    assert [decode(raw, one.code_page or "ascii") for raw, one in zip(raws, most, strict=False)] == [*RUSSIAN_FILE[:3]]


@pytest.mark.parametrize("page", ["cp1251", "koi8-r", "iso8859-5", "cp866"])
@pytest.mark.parametrize(
    "text",
    [
        "ЖОЛТИКОВ^Й",
        "Й",
        "Ж",
        "КТ Й",
        "CT А",
        "PETROV^С",
        "Rg ОГК в 2 pr.",
        "Йодный тест PET",
        "ЖОЛТИКОВ^Й DR.",
        "№ 5 DX",
    ],
)
def test_letters_that_are_cyrillic_stay_so(page: str, text: str) -> None:
    if "№" in text and page == "koi8-r":
        return
    raws = [*(one.encode(page) for one in RUSSIAN_FILE[:3]), text.encode(page)]
    verdict = detect_each(raws, declared="latin-1")[-1]
    assert decode(raws[-1], verdict.code_page or "ascii") == text


def test_where_the_label_says_the_same_a_letter_is_what_it_says() -> None:
    for page in ("cp1251", "iso8859-5"):
        raws = [*(one.encode(page) for one in RUSSIAN_FILE[:3]), "PETROV^Й".encode(page)]
        assert decode(raws[-1], detect_each(raws, declared=page)[-1].code_page or "ascii") == "PETROV^Й"


@pytest.mark.parametrize("label", ["latin-1", None])
def test_a_latin_file_with_one_accented_capital_stays(label: str | None) -> None:
    for text in (*LATIN_WITH_A_LETTER, "Á", "HÔPITAL^É", "Peña^Í.", "É"):
        for others in ((), ("Hôpital Général",), ("SAINT-ANTOINE", "Clinique Générale")):
            raws = [value.encode("latin-1") for value in (*others, text)]
            assert [verdict.code_page for verdict in detect_each(raws, declared=label)] == [None] * len(raws)


@pytest.mark.parametrize("page", ["cp1251", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic"])
@pytest.mark.parametrize("text", ["пгт Пржевальское, мкр. 7-й", "УзИнС", "ст-ца, Щ/Ц"])
def test_what_reads_badly_everywhere_is_in_the_page_of_its_file(page: str, text: str) -> None:
    raws = [*(one.encode(page) for one in RUSSIAN_FILE[:3]), text.encode(page)]
    verdict = detect_each(raws, declared="latin-1")[-1]
    assert decode(raws[-1], verdict.code_page or "ascii") == text


@pytest.mark.parametrize("declared", ["latin-1", "cp1251", None])
def test_nobody_mixes_sister_pages(declared: str | None) -> None:
    texts = ["ҚОЖАБЕРГЕН^ШЫҢҒЫСХАН", "Өңештің рентгеноскопиясы", "Өкпенің КТ-сы"]
    found = detect_each([text.encode("kz1048") for text in texts], declared=declared)
    assert {verdict.code_page for verdict in found} == {"kz-1048"}


@pytest.mark.parametrize("others", [(), ("МАЛЕЕВ^ЯРОМИР", "Перевязочная"), ("SMITH^JOHN",)])
@pytest.mark.parametrize("text", ["№ 5 МРТ Гол", "№ 5 РГ ОБПС", "КТ, ПЗ и МТС"])
@pytest.mark.parametrize("declared", [None, "latin-1", "utf-8"])
def test_utf_8_cut_in_the_middle_of_a_letter_behind_a_short_word(
    others: tuple[str, ...], text: str, declared: str | None
) -> None:
    cut = text.encode()[:-1]
    assert detect_each([*(other.encode() for other in others), cut], declared=declared)[-1].code_page == "utf-8"
