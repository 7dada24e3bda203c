"""Code strings end as legal ASCII that means the same, or as nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.base import Refused
from tolmach.text.code_string import _BODY_PART, _BY_KEYWORD, to_code_string
from tolmach.text.translit import RULES

LEGAL = re.compile(r"[A-Z0-9_]([A-Z0-9 _]{0,14}[A-Z0-9_])?")
# Annex L as an independent viewer carries it, for the terms used here.
ANNEX_L = frozenset(
    "ABDOMEN ABDOMENPELVIS ANKLE BLADDER BRAIN BREAST CALCANEUS CHEST CHESTABDOMEN CLAVICLE COCCYX COLON CSPINE EAR "
    "ELBOW ESOPHAGUS EXTREMITY EYE FEMUR FINGER FOOT GALLBLADDER HAND HEAD HEADNECK HEART HIP HUMERUS JAW KIDNEY KNEE "
    "LIVER LSPINE LSSPINE LUNG MAXILLA NECK NOSE ORBIT PANCREAS PATELLA PELVIS PROSTATE RADIUSULNA RIB SCAPULA "
    "SHOULDER SKULL SPINE SPLEEN SSPINE STERNUM STOMACH THIGH THYROID TIBIAFIBULA TMJ TOE TSPINE UTERUS "
    "WHOLEBODY WRIST".split()
)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("ОГК", "CHEST"),
        ("ОГП", "CHEST"),
        ("Грудная клетка", "CHEST"),
        ("грудна клітка", "CHEST"),
        ("органи грудної порожнини", "CHEST"),
        ("Органы грудной клетки в 2-х проекциях", "CHEST"),
        ("Рентгенография ОГК", "CHEST"),
        ("БРЮШНАЯ ПОЛОСТЬ", "ABDOMEN"),
        ("Живот", "ABDOMEN"),
        ("черевна порожнина", "ABDOMEN"),
        ("ЧЕРЕП", "SKULL"),
        ("череп", "SKULL"),
        ("ТАЗ", "PELVIS"),
        ("ШЕЙНЫЙ", "CSPINE"),
        ("шийний відділ хребта", "CSPINE"),
        ("ГРУДНОЙ ОТДЕЛ", "TSPINE"),
        ("ПОЯСНИЧНЫЙ", "LSPINE"),
        ("пояснично-крестцовый отдел", "LSSPINE"),
        ("кисть", "HAND"),
        ("рентгенография кисти", "HAND"),
        ("СТОПА", "FOOT"),
        ("стопи", "FOOT"),
        ("КОЛЕНО", "KNEE"),
        ("колінний суглоб", "KNEE"),
        ("Всё тело", "WHOLEBODY"),
        ("КТ головного мозга", "BRAIN"),
        ("п’яткова кістка", "CALCANEUS"),
        ("ЧEPEП", "SKULL"),
        ("chest", "CHEST"),
        ("CHEST", "CHEST"),
    ],
)
def test_body_part_words_become_defined_terms(text: str, term: str) -> None:
    assert to_code_string(text, "BodyPartExamined") == term


@pytest.mark.parametrize(
    ("text", "sex"),
    [
        ("М", "M"),
        ("муж", "M"),
        ("Муж.", "M"),
        ("чол", "M"),
        ("Ч", "M"),
        ("Ж", "F"),
        ("жен", "F"),
        ("Жін.", "F"),
        ("ЖЕНСКИЙ", "F"),
        ("Әйел", "F"),
        ("M", "M"),
        ("f", "F"),
        ("Female", "F"),
        ("інша", "O"),
        ("Неизвестно", None),
        ("Х", None),
        ("Z", None),
        ("", None),
    ],
)
def test_sex_is_one_of_three_or_nothing(text: str, sex: str | None) -> None:
    assert to_code_string(text, "PatientSex") == sex


@pytest.mark.parametrize(
    ("text", "keyword", "term"),
    [
        ("КТ", "Modality", "CT"),
        ("УЗИ", "Modality", "US"),
        ("узд", "Modality", "US"),
        ("МРТ", "Modality", "MR"),
        ("Маммография", "Modality", "MG"),
        ("мамографія", "Modality", "MG"),
        ("ЭКГ", "Modality", "ECG"),
        ("комп'ютерна томографія", "Modality", "CT"),
        ("ПЭТ/КТ", "Modality", "PET KT"),
        ("Правая", "Laterality", "R"),
        ("ліва", "Laterality", "L"),
        ("Обе", "Laterality", None),
        ("Обе", "ImageLaterality", "B"),
        ("обидві", "FrameLaterality", "B"),
        ("непарный", "ImageLaterality", "U"),
        ("Да", "BurnedInAnnotation", "YES"),
        ("ні", "BurnedInAnnotation", "NO"),
        ("возможно", "BurnedInAnnotation", None),
        ("Цито", "RequestedProcedurePriority", "STAT"),
        ("Терміново", "RequestedProcedurePriority", "HIGH"),
        ("плановый", "RequestedProcedurePriority", "ROUTINE"),
    ],
)
def test_other_attributes_have_their_own_words(text: str, keyword: str, term: str | None) -> None:
    assert to_code_string(text, keyword) == term


def test_a_side_beside_a_body_part_is_not_lost() -> None:
    assert to_code_string("Кисть пр.", "BodyPartExamined") == "KIST PR"


def test_words_of_one_attribute_do_not_leak_into_another() -> None:
    assert to_code_string("М", "BodyPartExamined") == "M"
    assert to_code_string("КТ", "StationName") == "KT"


@pytest.mark.parametrize(
    ("text", "rule", "legal"),
    [
        ("Щитовидка", "ru-icao9303", "SHCHITOVIDKA"),
        ("Згин", "uk-kmu55", "ZGHYN"),
        ("Ц-1/2 (тест)", "ru-gost52535", "TC 1 2 TEST"),
        ("Подъём", "ru-gost779b", "PODYOM"),
        ("Қол", "kk-2021", "KOL"),
        ("a_b  c", "ru", "A_B C"),
        ("Größe", "ru", "GROSSE"),
        ("«Ромашка»", "uk", "ROMASHKA"),
    ],
)
def test_unknown_words_are_transliterated(text: str, rule: str, legal: str) -> None:
    assert to_code_string(text, "ProtocolCode", rule) == legal


@pytest.mark.parametrize("text", ["", "   ", "-/-", "ь", "胸部", "Θώραξ", "Эндоваскулярное вмешательство", "A" * 17])
def test_nothing_legal_or_too_long_is_none_and_never_cut(text: str) -> None:
    assert to_code_string(text, "BodyPartExamined") is None


def test_sixteen_characters_fit() -> None:
    assert to_code_string("а" * 16, "BodyPartExamined") == "A" * 16


def test_unknown_rule_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        to_code_string("КТ", "Modality", "ru-iso9")
    assert refused.value.code == "TLM-TXT-001"


def test_the_terms_used_are_those_of_annex_l() -> None:
    assert set(_BODY_PART.values()) - ANNEX_L == {"SINUS"}


def test_every_known_word_can_be_reached_and_gives_a_legal_value() -> None:
    for keyword, terms in _BY_KEYWORD.items():
        for word, term in terms.items():
            assert to_code_string(word.lower(), keyword) == term, (keyword, word)
            assert LEGAL.fullmatch(term)


@given(
    text=st.text(max_size=24),
    keyword=st.sampled_from([*_BY_KEYWORD, "ImageType"]),
    rule=st.sampled_from(sorted(RULES)),
)
def test_always_legal_or_none_and_repeats_without_change(text: str, keyword: str, rule: str) -> None:
    code = to_code_string(text, keyword, rule)
    if code is not None:
        assert LEGAL.fullmatch(code)
        assert to_code_string(code, keyword, rule) == code
