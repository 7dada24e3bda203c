"""Code strings (VR CS) made legal: a defined term where the Cyrillic means one, else transliteration, else nothing.

The terms are those of PS3.3 and PS3.16 Annex L. Those of Body Part Examined were compared with the Annex L list that an
independent viewer carries: all are there except SINUS. The standard's own text was not at hand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from tolmach.text.lookalikes import mend_lookalikes
from tolmach.text.translit import rule_named, transliterate

LONGEST = 16  # characters of one CS value, PS3.5 table 6.2-1


def _terms(text: str) -> Mapping[str, str]:
    """Read lines `TERM: word, other words` into a mapping from word to term."""
    found: dict[str, str] = {}
    for line in text.strip().splitlines():
        term, _, words = line.partition(":")
        found.update(dict.fromkeys((word.strip() for word in words.split(",")), term.strip()))
    return MappingProxyType(found)


# Keys: upper case, Ё written Е, signs as spaces. Russian, then Ukrainian, then Belarusian and Kazakh where they are
# met. The genitive stands beside the nominative, because consoles are fed "рентгенография кисти". Words of two meanings
# are left out (плечо: shoulder or upper arm; грудь: chest or breast; ПЭТ/КТ: either series).
_SEX = _terms("""
    M: М, МУЖ, МУЖСКОЙ, МУЖЧИНА, МУЖСК, МАЛЬЧИК, Ч, ЧОЛ, ЧОЛОВІК, ЧОЛОВІЧА, ЧОЛОВІЧИЙ, ХЛОПЧИК, МУЖЧЫНА
    M: МУЖЧЫНСКІ, ЕР, ЕРКЕК, MALE
    F: Ж, ЖЕН, ЖЕНСКИЙ, ЖЕНЩИНА, ЖЕНСК, ДЕВОЧКА, ЖІН, ЖІНКА, ЖІНОЧА, ЖІНОЧИЙ, ДІВЧИНКА, ЖАНЧЫНА, ЖАНОЧЫ, ӘЙЕЛ
    F: FEMALE
    O: ДРУГОЙ, ДРУГОЕ, ИНОЙ, ІНША, ІНШЕ, ІНШИЙ, OTHER
""")
_SIDE = _terms("""
    R: П, ПР, ПРАВ, ПРАВЫЙ, ПРАВАЯ, ПРАВОЕ, СПРАВА, ПРАВИЙ, ПРАВА, ПРАВЕ, ПРАВОРУЧ, ОҢ, RIGHT
    L: Л, ЛЕВ, ЛЕВЫЙ, ЛЕВАЯ, ЛЕВОЕ, СЛЕВА, ЛІВИЙ, ЛІВА, ЛІВЕ, ЛІВОРУЧ, СОЛ, LEFT
""")
_IMAGE_SIDE = MappingProxyType(
    {
        **_SIDE,
        **_terms("""
            B: ОБЕ, ОБА, ДВУСТОРОННЕЕ, ДВУСТОРОННЯЯ, С ОБЕИХ СТОРОН, ОБИДВІ, ОБИДВА, ДВОБІЧНА, ДВОБІЧНЕ, BOTH
            U: НЕПАРНЫЙ, НЕПАРНАЯ, НЕПАРНИЙ, НЕПАРНА, UNPAIRED
        """),
    }
)
_YES_NO = _terms("""
    YES: ДА, ЕСТЬ, ТАК, Є, ИӘ, ИЯ
    NO: НЕТ, НІ, НЕМАЄ, ЖОҚ
""")
# A plain X-ray picture is left out on purpose: whether it is CR, DX or RG is told by the SOP class, not by the word.
_MODALITY = _terms("""
    CT: КТ, МСКТ, СКТ, РКТ, КЛКТ, МДКТ, КОМПЬЮТЕРНАЯ ТОМОГРАФИЯ, КОМП ЮТЕРНА ТОМОГРАФІЯ, ТОМОГРАФИЯ КОМПЬЮТЕРНАЯ
    MR: МРТ, МР, ЯМР, МАГНИТНО РЕЗОНАНСНАЯ ТОМОГРАФИЯ, МАГНІТНО РЕЗОНАНСНА ТОМОГРАФІЯ
    US: УЗИ, УЗД, УЗ, УЛЬТРАЗВУК, УЗДГ, УЗДС, ЭХОКГ, ЭХОКАРДИОГРАФИЯ, ЕХОКГ, УДЗ
    MG: МГ, ММГ, МАММОГРАФИЯ, МАМОГРАФІЯ, МАМАГРАФІЯ
    XA: АНГИОГРАФИЯ, АНГІОГРАФІЯ, КОРОНАРОГРАФИЯ, КОРОНАРОГРАФІЯ
    RF: РЕНТГЕНОСКОПИЯ, РЕНТГЕНОСКОПІЯ
    PX: ОПТГ, ОРТОПАНТОМОГРАММА, ОРТОПАНТОМОГРАФИЯ, ОРТОПАНТОМОГРАФІЯ, ПАНТОМОГРАФИЯ
    NM: ОФЭКТ, ОФЕКТ, СЦИНТИГРАФИЯ, СЦИНТИГРАФІЯ, РНД
    PT: ПЭТ, ПЕТ
    ES: ЭНДОСКОПИЯ, ЕНДОСКОПІЯ, ЭГДС, ФГДС, ФГС, ЕГДС, КОЛОНОСКОПИЯ, КОЛОНОСКОПІЯ, БРОНХОСКОПИЯ, БРОНХОСКОПІЯ
    ECG: ЭКГ, ЕКГ
    EEG: ЭЭГ, ЕЕГ
    OT: ДРУГОЕ, ІНШЕ, ПРОЧЕЕ
""")
_BODY_PART = _terms("""
    CHEST: ОГК, ОГП, ГК, ОРГАНЫ ГРУДНОЙ КЛЕТКИ, ОРГАНОВ ГРУДНОЙ КЛЕТКИ, ГРУДНАЯ КЛЕТКА, ГРУДНОЙ КЛЕТКИ
    CHEST: ФЛГ, ГРУДНАЯ ПОЛОСТЬ, ОРГАНИ ГРУДНОЇ КЛІТКИ, ОРГАНІВ ГРУДНОЇ КЛІТКИ, ГРУДНА КЛІТКА, ГРУДНОЇ КЛІТКИ
    CHEST: ГРУДНА ПОРОЖНИНА, КЕУДЕ, ОРГАНИ ГРУДНОЇ ПОРОЖНИНИ, ОРГАНІВ ГРУДНОЇ ПОРОЖНИНИ
    LUNG: ЛЕГКИЕ, ЛЕГКИХ, ЛЕГКОЕ, ЛЕГЕНІ, ЛЕГЕНЬ, ЛЕГЕНЯ, ӨКПЕ
    ABDOMEN: ОБП, БРЮШНАЯ ПОЛОСТЬ, БРЮШНОЙ ПОЛОСТИ, ЖИВОТ, ЖИВОТА, ОРГАНЫ БРЮШНОЙ ПОЛОСТИ
    ABDOMEN: ОРГАНОВ БРЮШНОЙ ПОЛОСТИ, ЧЕРЕВНА ПОРОЖНИНА, ЧЕРЕВНОЇ ПОРОЖНИНИ, ОЧП, ОРГАНИ ЧЕРЕВНОЇ ПОРОЖНИНИ
    ABDOMEN: ОРГАНІВ ЧЕРЕВНОЇ ПОРОЖНИНИ, ЖИВІТ
    PELVIS: ТАЗ, ТАЗА, ТАЗУ, КОСТИ ТАЗА, КОСТЕЙ ТАЗА, КІСТКИ ТАЗА, КІСТОК ТАЗУ, ОМТ, МАЛЫЙ ТАЗ, МАЛОГО ТАЗА
    PELVIS: МАЛИЙ ТАЗ, МАЛОГО ТАЗУ
    ABDOMENPELVIS: ЖИВОТ И ТАЗ, БРЮШНАЯ ПОЛОСТЬ И ТАЗ, ЧЕРЕВНА ПОРОЖНИНА ТА ТАЗ, ЖИВІТ І ТАЗ
    CHESTABDOMEN: ГРУДЬ И ЖИВОТ, ГРУДНАЯ КЛЕТКА И БРЮШНАЯ ПОЛОСТЬ
    SKULL: ЧЕРЕП, ЧЕРЕПА, КОСТИ ЧЕРЕПА, КОСТЕЙ ЧЕРЕПА, КІСТКИ ЧЕРЕПА, КІСТОК ЧЕРЕПА
    HEAD: ГОЛОВА, ГОЛОВЫ, ГОЛОВИ, БАС
    BRAIN: ГОЛОВНОЙ МОЗГ, ГОЛОВНОГО МОЗГА, ГМ, МОЗГ, ГОЛОВНИЙ МОЗОК, ГОЛОВНОГО МОЗКУ, МОЗОК
    NECK: ШЕЯ, ШЕИ, ШИЯ, ШИЇ, МЯГКИЕ ТКАНИ ШЕИ
    HEADNECK: ГОЛОВА И ШЕЯ, ГОЛОВА ШЕЯ, ГОЛОВА ТА ШИЯ
    CSPINE: ШОП, ШЕЙНЫЙ, ШЕЙНЫЙ ОТДЕЛ, ШЕЙНОГО ОТДЕЛА, ШЕЙНЫЙ ОТДЕЛ ПОЗВОНОЧНИКА, ШЕЙНОГО ОТДЕЛА ПОЗВОНОЧНИКА
    CSPINE: ШИЙНИЙ, ШИЙНИЙ ВІДДІЛ, ШИЙНИЙ ВІДДІЛ ХРЕБТА, ШИЙНОГО ВІДДІЛУ ХРЕБТА, ШВХ
    TSPINE: ГОП, ГРУДНОЙ ОТДЕЛ, ГРУДНОГО ОТДЕЛА, ГРУДНОЙ ОТДЕЛ ПОЗВОНОЧНИКА, ГРУДНОГО ОТДЕЛА ПОЗВОНОЧНИКА
    TSPINE: ГРУДНИЙ ВІДДІЛ, ГРУДНИЙ ВІДДІЛ ХРЕБТА, ГРУДНОГО ВІДДІЛУ ХРЕБТА, ГВХ
    LSPINE: ПОП, ПОЯСНИЧНЫЙ, ПОЯСНИЧНЫЙ ОТДЕЛ, ПОЯСНИЧНОГО ОТДЕЛА, ПОЯСНИЧНЫЙ ОТДЕЛ ПОЗВОНОЧНИКА, ПОЯСНИЦА
    LSPINE: ПОЯСНИЧНОГО ОТДЕЛА ПОЗВОНОЧНИКА, ПОПЕРЕКОВИЙ, ПОПЕРЕКОВИЙ ВІДДІЛ, ПОПЕРЕКОВИЙ ВІДДІЛ ХРЕБТА
    LSPINE: ПОПЕРЕКОВОГО ВІДДІЛУ ХРЕБТА
    LSSPINE: ПКОП, ПОЯСНИЧНО КРЕСТЦОВЫЙ, ПОЯСНИЧНО КРЕСТЦОВЫЙ ОТДЕЛ, ПОЯСНИЧНО КРЕСТЦОВЫЙ ОТДЕЛ ПОЗВОНОЧНИКА
    LSSPINE: ПОПЕРЕКОВО КРИЖОВИЙ, ПОПЕРЕКОВО КРИЖОВИЙ ВІДДІЛ, ПОПЕРЕКОВО КРИЖОВИЙ ВІДДІЛ ХРЕБТА, ПКВХ
    SSPINE: КРЕСТЕЦ, КРЕСТЦОВЫЙ, КРЕСТЦОВЫЙ ОТДЕЛ, КРИЖІ, КРИЖІВ, КРИЖОВИЙ ВІДДІЛ
    COCCYX: КОПЧИК, КОПЧИКА, КУПРИК, КУПРИКА
    SPINE: ПОЗВОНОЧНИК, ПОЗВОНОЧНИКА, ХРЕБЕТ, ХРЕБТА, ОМЫРТҚА
    HAND: КИСТЬ, КИСТИ, КИСТЕЙ, КИСТЬ РУКИ, КИСТІ
    FINGER: ПАЛЕЦ КИСТИ, ПАЛЬЦЫ КИСТИ, ПАЛЕЦЬ КИСТІ, ПАЛЬЦІ КИСТІ
    WRIST: ЗАПЯСТЬЕ, ЛУЧЕЗАПЯСТНЫЙ СУСТАВ, ЛУЧЕЗАПЯСТНОГО СУСТАВА, ЗАП ЯСТОК, ЗАП ЯСТЯ
    WRIST: ПРОМЕНЕВО ЗАП ЯСТКОВИЙ СУГЛОБ
    RADIUSULNA: ПРЕДПЛЕЧЬЕ, ПРЕДПЛЕЧЬЯ, КОСТИ ПРЕДПЛЕЧЬЯ, КОСТЕЙ ПРЕДПЛЕЧЬЯ, ПЕРЕДПЛІЧЧЯ, КІСТКИ ПЕРЕДПЛІЧЧЯ
    ELBOW: ЛОКОТЬ, ЛОКТЯ, ЛОКТЕВОЙ СУСТАВ, ЛОКТЕВОГО СУСТАВА, ЛІКОТЬ, ЛІКТЬОВИЙ СУГЛОБ, ЛІКТЬОВОГО СУГЛОБА
    HUMERUS: ПЛЕЧЕВАЯ КОСТЬ, ПЛЕЧЕВОЙ КОСТИ, ПЛЕЧОВА КІСТКА, ПЛЕЧОВОЇ КІСТКИ
    SHOULDER: ПЛЕЧЕВОЙ СУСТАВ, ПЛЕЧЕВОГО СУСТАВА, ПЛЕЧОВИЙ СУГЛОБ, ПЛЕЧОВОГО СУГЛОБА
    CLAVICLE: КЛЮЧИЦА, КЛЮЧИЦЫ, КЛЮЧИЦЯ, КЛЮЧИЦІ
    SCAPULA: ЛОПАТКА, ЛОПАТКИ
    STERNUM: ГРУДИНА, ГРУДИНЫ, ГРУДИНИ
    RIB: РЕБРА, РЕБЕР, РЕБРО
    FOOT: СТОПА, СТОПЫ, СТОПИ, СТОП
    TOE: ПАЛЕЦ СТОПЫ, ПАЛЬЦЫ СТОПЫ, ПАЛЕЦЬ СТОПИ, ПАЛЬЦІ СТОПИ
    CALCANEUS: ПЯТКА, ПЯТОЧНАЯ КОСТЬ, ПЯТОЧНОЙ КОСТИ, П ЯТКА, П ЯТКОВА КІСТКА, П ЯТКОВОЇ КІСТКИ
    ANKLE: ГОЛЕНОСТОП, ГОЛЕНОСТОПНЫЙ СУСТАВ, ГОЛЕНОСТОПНОГО СУСТАВА, ГОМІЛКОВОСТОПНИЙ СУГЛОБ
    ANKLE: ГОМІЛКОВО СТОПНИЙ СУГЛОБ
    TIBIAFIBULA: ГОЛЕНЬ, ГОЛЕНИ, КОСТИ ГОЛЕНИ, КОСТЕЙ ГОЛЕНИ, ГОМІЛКА, ГОМІЛКИ, КІСТКИ ГОМІЛКИ, КІСТОК ГОМІЛКИ
    KNEE: КОЛЕНО, КОЛЕНА, КОЛЕННЫЙ СУСТАВ, КОЛЕННОГО СУСТАВА, КОЛЕННЫЕ СУСТАВЫ, КОЛЕННЫХ СУСТАВОВ, ТІЗЕ, КОЛІНО
    KNEE: КОЛІНА, КОЛІННИЙ СУГЛОБ, КОЛІННОГО СУГЛОБА, КОЛІННІ СУГЛОБИ, КОЛІННИХ СУГЛОБІВ
    PATELLA: НАДКОЛЕННИК, НАДКОЛЕННИКА, НАДКОЛІНОК
    FEMUR: БЕДРЕННАЯ КОСТЬ, БЕДРЕННОЙ КОСТИ, СТЕГНОВА КІСТКА, СТЕГНОВОЇ КІСТКИ
    THIGH: БЕДРО, БЕДРА, СТЕГНО, СТЕГНА
    HIP: ТБС, ТАЗОБЕДРЕННЫЙ СУСТАВ, ТАЗОБЕДРЕННОГО СУСТАВА, ТАЗОБЕДРЕННЫЕ СУСТАВЫ, ТАЗОБЕДРЕННЫХ СУСТАВОВ
    HIP: КУЛЬШОВИЙ СУГЛОБ, КУЛЬШОВОГО СУГЛОБА, КУЛЬШОВІ СУГЛОБИ, КУЛЬШОВИХ СУГЛОБІВ
    EXTREMITY: КОНЕЧНОСТЬ, КОНЕЧНОСТИ, КІНЦІВКА, КІНЦІВКИ
    SINUS: ППН, ПРИДАТОЧНЫЕ ПАЗУХИ НОСА, ПРИДАТОЧНЫХ ПАЗУХ НОСА, ОНП, ОКОЛОНОСОВЫЕ ПАЗУХИ, ПРИНОСОВІ ПАЗУХИ, ПНП
    NOSE: НОС, НОСА, КОСТИ НОСА, КОСТЕЙ НОСА, НІС, КІСТКИ НОСА, КІСТОК НОСА
    JAW: ЧЕЛЮСТЬ, ЧЕЛЮСТИ, НИЖНЯЯ ЧЕЛЮСТЬ, НИЖНЕЙ ЧЕЛЮСТИ, ЩЕЛЕПА, ЩЕЛЕПИ, НИЖНЯ ЩЕЛЕПА
    MAXILLA: ВЕРХНЯЯ ЧЕЛЮСТЬ, ВЕРХНЕЙ ЧЕЛЮСТИ, ВЕРХНЯ ЩЕЛЕПА
    TMJ: ВНЧС, ВИСОЧНО НИЖНЕЧЕЛЮСТНОЙ СУСТАВ, СНЩС, СКРОНЕВО НИЖНЬОЩЕЛЕПНИЙ СУГЛОБ
    ORBIT: ОРБИТА, ОРБИТЫ, ГЛАЗНИЦА, ОРБІТА, ОЧНИЦЯ
    EYE: ГЛАЗ, ГЛАЗА, ОКО
    EAR: УХО, ВУХО
    BREAST: МОЛОЧНАЯ ЖЕЛЕЗА, МОЛОЧНЫЕ ЖЕЛЕЗЫ, МОЛОЧНЫХ ЖЕЛЕЗ, МЖ, МОЛОЧНА ЗАЛОЗА, МОЛОЧНІ ЗАЛОЗИ, МОЛОЧНИХ ЗАЛОЗ
    HEART: СЕРДЦЕ, СЕРДЦА, СЕРЦЕ, СЕРЦЯ, ЖҮРЕК
    KIDNEY: ПОЧКИ, ПОЧЕК, ПОЧКА, НИРКИ, НИРОК, НИРКА
    BLADDER: МОЧЕВОЙ ПУЗЫРЬ, МОЧЕВОГО ПУЗЫРЯ, СЕЧОВИЙ МІХУР, СЕЧОВОГО МІХУРА
    LIVER: ПЕЧЕНЬ, ПЕЧЕНИ, ПЕЧІНКА, ПЕЧІНКИ, БАУЫР
    GALLBLADDER: ЖЕЛЧНЫЙ ПУЗЫРЬ, ЖЕЛЧНОГО ПУЗЫРЯ, ЖОВЧНИЙ МІХУР, ЖОВЧНОГО МІХУРА
    PANCREAS: ПОДЖЕЛУДОЧНАЯ ЖЕЛЕЗА, ПОДЖЕЛУДОЧНОЙ ЖЕЛЕЗЫ, ПІДШЛУНКОВА ЗАЛОЗА, ПІДШЛУНКОВОЇ ЗАЛОЗИ
    SPLEEN: СЕЛЕЗЕНКА, СЕЛЕЗЕНКИ, СЕЛЕЗІНКА
    STOMACH: ЖЕЛУДОК, ЖЕЛУДКА, ШЛУНОК, ШЛУНКА, АСҚАЗАН
    ESOPHAGUS: ПИЩЕВОД, ПИЩЕВОДА, СТРАВОХІД, СТРАВОХОДУ
    COLON: ТОЛСТАЯ КИШКА, ТОЛСТОЙ КИШКИ, ТОВСТА КИШКА, ТОВСТОЇ КИШКИ
    THYROID: ЩЖ, ЩИТОВИДНАЯ ЖЕЛЕЗА, ЩИТОВИДНОЙ ЖЕЛЕЗЫ, ЩИТОПОДІБНА ЗАЛОЗА, ЩИТОПОДІБНОЇ ЗАЛОЗИ, ЩЗ
    PROSTATE: ПРЕДСТАТЕЛЬНАЯ ЖЕЛЕЗА, ПРЕДСТАТЕЛЬНОЙ ЖЕЛЕЗЫ, ПРОСТАТА, ПРОСТАТЫ, ПРОСТАТИ, ПЕРЕДМІХУРОВА ЗАЛОЗА
    UTERUS: МАТКА, МАТКИ
    WHOLEBODY: ВСЕ ТЕЛО, ВСЕГО ТЕЛА, УСЕ ТІЛО, ВСЕ ТІЛО
""")
_PRIORITY = _terms("""
    STAT: ЦИТО, CITO, ЭКСТРЕННО, ЭКСТРЕННЫЙ, ЕКСТРЕНО, НЕВІДКЛАДНО, НЕОТЛОЖНО
    HIGH: СРОЧНО, СРОЧНЫЙ, ТЕРМІНОВО, ТЕРМІНОВИЙ
    ROUTINE: ПЛАНОВЫЙ, ПЛАНОВО, ПЛАНОВОЕ, ПЛАНОВИЙ, ПЛАНОВЕ, ОБЫЧНЫЙ, ЗВИЧАЙНИЙ
""")

_BY_KEYWORD: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "PatientSex": _SEX,
        "Laterality": _SIDE,
        "ImageLaterality": _IMAGE_SIDE,
        "FrameLaterality": _IMAGE_SIDE,
        "BodyPartExamined": _BODY_PART,
        "Modality": _MODALITY,
        "ModalitiesInStudy": _MODALITY,
        "BurnedInAnnotation": _YES_NO,
        "RecognizableVisualFeatures": _YES_NO,
        "PatientIdentityRemoved": _YES_NO,
        "QualityControlImage": _YES_NO,
        "SmokingStatus": _YES_NO,
        "RequestedProcedurePriority": _PRIORITY,
    }
)
# Attributes with enumerated values: a value that is none of them is worse than none, so nothing is transliterated
# there.
_ONLY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "PatientSex": frozenset("MFO"),
        "Laterality": frozenset("RL"),
        "ImageLaterality": frozenset("RLUB"),
        "FrameLaterality": frozenset("RLUB"),
        "BurnedInAnnotation": frozenset(("YES", "NO")),
        "RecognizableVisualFeatures": frozenset(("YES", "NO")),
        "PatientIdentityRemoved": frozenset(("YES", "NO")),
        "QualityControlImage": frozenset(("YES", "NO", "BOTH")),
        "SmokingStatus": frozenset(("YES", "NO", "UNKNOWN")),
    }
)

_SEPARATORS = re.compile(r"[\W_]+")
_QUOTES = str.maketrans(dict.fromkeys("'`\"’ʼʹʺ"))
_ILLEGAL = re.compile("[^A-Z0-9_]+")
# Words about how the picture was taken, which say nothing about the part of the body.
_EXAMINATION = re.compile(
    r"\b(?:РЕНТГЕНОГРАФИЯ|РЕНТГЕНОГРАФІЯ|РЕНТГЕН|СНИМОК|ЗНІМОК|ОБЗОРНАЯ|ОБЗОРНЫЙ|ОГЛЯДОВА|КТ|МСКТ|МРТ|УЗИ|УЗД)\b"
    r"|\bР ГРАФИЯ\b|\b[ВУ] [0-9]( Х)? ПРОЕКЦ\w*|\b[0-9] ПРОЕКЦ\w*"
)


def to_code_string(text: str, keyword: str, rule: str = "ru-icao9303") -> str | None:
    """Give one legal CS value for the text, or None when there is none that says the same.

    A word known for this attribute (`keyword`, as in PS3.6) becomes its defined term; a side named with a body part
    (`кисть правая`) is not dropped for that. Otherwise the text is transliterated by `rule`, upper-cased, everything
    outside A-Z, 0-9, space and underscore becomes a space, and spaces are collapsed. None is given when nothing would
    be left, when more than 16 characters would be (nothing is cut), when a letter has no ASCII spelling, and for
    attributes with enumerated values when the word is none of them. A rule that is not ASCII gives way to
    ru-icao9303. One value: the caller splits at backslashes. Repeating changes nothing.

    Refused with TLM-TXT-001 when there is no such rule.

    Standard: PS3.5 section 6.2 (CS); PS3.3 C.7.3.1 (Modality, Laterality); PS3.16 Annex L (Body Part Examined).
    """
    spelling = rule_named(rule)
    plain = mend_lookalikes(unicodedata.normalize("NFC", text))
    term = _term_of(plain, keyword)
    if term is None:
        latin = transliterate(plain, spelling.id if spelling.ascii else "ru-icao9303")
        term = _legal(latin)
    allowed = _ONLY.get(keyword)
    if not term or len(term) > LONGEST or (allowed is not None and term not in allowed):
        return None
    return term


def _term_of(text: str, keyword: str) -> str | None:
    """Give the defined term this text means for this attribute, if it is a known word."""
    terms = _BY_KEYWORD.get(keyword)
    if terms is None:
        return None
    words = _SEPARATORS.sub(" ", text.upper().replace("Ё", "Е")).strip()
    found = terms.get(words)
    if found is None and terms is _BODY_PART:
        found = terms.get(" ".join(_EXAMINATION.sub(" ", words).split()))
    return found


def _legal(latin: str) -> str | None:
    """Give the text in capitals and signs a CS may hold; None when a letter has no ASCII spelling."""
    bare = unicodedata.normalize("NFD", latin.translate(_QUOTES)).upper()
    bare = "".join(sign for sign in bare if not unicodedata.combining(sign))
    if any(sign.isalpha() and not sign.isascii() for sign in bare):
        return None
    return _ILLEGAL.sub(" ", bare).strip()
