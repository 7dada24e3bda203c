"""The published examples of each standard, the capitals, the boundaries, and what must hold for any text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.base import Refused
from tolmach.text.translit import ALIASES, RULES, transliterate

ALPHABETS = {
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "be": "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
    "kk": "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя",
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "sr": "абвгдђежзијклљмнњопрстћуфхцчџш",
    "mk": "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
}
LETTERS = "".join(sorted(set("".join(ALPHABETS.values()))))
EVERY_LETTER = LETTERS + LETTERS.upper()
CYRILLIC = re.compile("[\u0400-\u052f]")
ASCII_RULES = [rule.id for rule in RULES.values() if rule.ascii]

RUSSIAN_RULES = ("ru-icao9303", "ru-gost52535", "ru-gost779b", "ru-mvd310")
# The MVD 310 column follows iuliia where the sources differ (ъ = ", ь = ', ъе = ye).
RUSSIAN = {
    "Юлия Щеглова": ("Iuliia Shcheglova", "Iuliia Shcheglova", "Yuliya Shheglova", "Yuliya Shcheglova"),
    "Артём Подъячев": ("Artem Podieiachev", "Artem Podiachev", "Artyom Pod``yachev", 'Artem Pod"yachev'),
    "Соловьёв": ("Solovev", "Solovev", "Solov`yov", "Solov'ev"),
    "Ильин Игорь": ("Ilin Igor", "Ilin Igor", "Il`in Igor`", "Il'in Igor'"),
    "Цветкова": ("Tsvetkova", "Tcvetkova", "Czvetkova", "Tsvetkova"),
    "Хрущёв": ("Khrushchev", "Khrushchev", "Xrushhyov", "Khrushchev"),
    "Объедков": ("Obieedkov", "Obedkov", "Ob``edkov", "Obyedkov"),
    "Андрей Видный": ("Andrei Vidnyi", "Andrei Vidnyi", "Andrej Vidny`j", "Andrey Vidnyy"),
    "Ёлкин": ("Elkin", "Elkin", "Yolkin", "Elkin"),
    "Гайдай": ("Gaidai", "Gaidai", "Gajdaj", "Gayday"),
    "Царицын": ("Tsaritsyn", "Tcaritcyn", "Czaricy`n", "Tsaritsyn"),
    "Эльвира Юрьевна": ("Elvira Iurevna", "Elvira Iurevna", "E`l`vira Yur`evna", "El'vira Yuryevna"),
    "Васильева": ("Vasileva", "Vasileva", "Vasil`eva", "Vasilyeva"),
    "Съезд": ("Sieezd", "Sezd", "S``ezd", "Syezd"),
    "Медицинский": ("Meditsinskii", "Meditcinskii", "Medicinskij", "Meditsinskiy"),
}

UKRAINIAN = """
Алушта Андрій | Alushta Andrii | Alushta Andrij
Борщагівка Борисенко | Borshchahivka Borysenko | Borshchaghivka Borysenko
Вінниця Володимир | Vinnytsia Volodymyr | Vinnycja Volodymyr
Гадяч Богдан Згурський | Hadiach Bohdan Zghurskyi | Ghadjach Boghdan Zghursjkyj
Ґалаґан Ґорґани | Galagan Gorgany | Galagan Gorgany
Донецьк Дмитро | Donetsk Dmytro | Donecjk Dmytro
Рівне Олег Есмань | Rivne Oleh Esman | Rivne Olegh Esmanj
Єнакієве Гаєвич Короп'є | Yenakiieve Haievych Koropie | Jenakijeve Ghajevych Korop'je
Житомир Жанна Жежелів | Zhytomyr Zhanna Zhezheliv | Zhytomyr Zhanna Zhezheliv
Медвин Михайленко | Medvyn Mykhailenko | Medvyn Mykhajlenko
Іванків Іващенко | Ivankiv Ivashchenko | Ivankiv Ivashchenko
Їжакевич Кадиївка Мар'їне | Yizhakevych Kadyivka Marine | Jizhakevych Kadyjivka Mar'jine
Йосипівка Стрий Олексій | Yosypivka Stryi Oleksii | Josypivka Stryj Oleksij
Київ Коваленко | Kyiv Kovalenko | Kyjiv Kovalenko
Миколаїв Маринич | Mykolaiv Marynych | Mykolajiv Marynych
Ніжин Наталія | Nizhyn Nataliia | Nizhyn Natalija
Решетилівка Рибчинський | Reshetylivka Rybchynskyi | Reshetylivka Rybchynsjkyj
Тернопіль Троць | Ternopil Trots | Ternopilj Trocj
Ужгород Уляна | Uzhhorod Uliana | Uzhghorod Uljana
Харків Христина | Kharkiv Khrystyna | Kharkiv Khrystyna
Біла Церква Стеценко | Bila Tserkva Stetsenko | Bila Cerkva Stecenko
Чернівці Шевченко | Chernivtsi Shevchenko | Chernivci Shevchenko
Шостка Кишеньки | Shostka Kyshenky | Shostka Kyshenjky
Щербухи Гоща Гаращенко | Shcherbukhy Hoshcha Harashchenko | Shcherbukhy Ghoshcha Gharashchenko
Юрій Корюківка | Yurii Koriukivka | Jurij Korjukivka
Яготин Ярошенко Костянтин Знам'янка Феодосія | Yahotyn Yaroshenko Kostiantyn Znamianka Feodosiia \
| Jaghotyn Jaroshenko Kostjantyn Znam'janka Feodosija
Розгон Згорани Згурівка | Rozghon Zghorany Zghurivka | Rozghon Zghorany Zghurivka
ЗГУРСЬКИЙ ЩЕРБАК ЮРІЙ | ZGHURSKYI SHCHERBAK YURII | ZGHURSJKYJ SHCHERBAK JURIJ
В’ячеслав | Viacheslav | V'jacheslav
Олександр-Юрій | Oleksandr-Yurii | Oleksandr-Jurij
О'Яків | OIakiv | O'Jakiv
"""
UKRAINIAN_ROWS = [
    tuple(cell.strip() for cell in row.split("|")) for row in UKRAINIAN.replace("\\\n", "").strip().splitlines()
]


@pytest.mark.parametrize(
    ("text", "rule", "latin"),
    [(text, rule, row[at]) for text, row in RUSSIAN.items() for at, rule in enumerate(RUSSIAN_RULES)],
)
def test_russian_examples(text: str, rule: str, latin: str) -> None:
    assert transliterate(text, rule) == latin


@pytest.mark.parametrize(("text", "kmu", "dstu_b"), UKRAINIAN_ROWS)
def test_ukrainian_examples(text: str, kmu: str, dstu_b: str) -> None:
    assert transliterate(text, "uk-kmu55") == kmu
    assert transliterate(text, "uk-dstu9112b") == dstu_b


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("Щукин", "Ŝukin"),
        ("Чайковский", "Čajkovskij"),
        ("Подъячев", "Podʺâčev"),
        ("Игорь", "Igorʹ"),
        ("Юлия", "Ûliâ"),
        ("Жуэль", "Žuèlʹ"),
        ("Хрущёв Цой", "Hruŝëv Coj"),
        ("ЩУКИН", "ŜUKIN"),
    ],
)
def test_gost_779_a_is_letter_for_letter(text: str, latin: str) -> None:
    assert transliterate(text, "ru-gost779a") == latin


@pytest.mark.parametrize(
    ("text", "system_a", "system_b"),
    [
        ("Україна, Хмельницький", "Ukraïna, Xmeljnycjkyj", "Ukrajina, Khmeljnycjkyj"),
        ("льє льї лью лья", "ljje ljï ljju ljja", "ljje ljji ljju ljja"),
        ("лье льі льу льа", "lj'e lji lj'u lj'a", "lj'e lj'i lj'u lj'a"),
        ("льйо льо", "ljjo ljo", "ljjo ljo"),
        ("бй бйо щй", "b'j b'jo ŝ'j", "b'j b'jo shch'j"),
        ("б’я щ’я", "b'ja ŝ'ja", "b'ja shch'ja"),
        ("дыня эзёдынъ кроў", "dȳnja ēzödȳnǒ kroŭ", "dywnja ehwzjowdywnoh krouh"),
        ("Єл Їл Юл Ял", "Jel Ïl Jul Jal", "Jel Jil Jul Jal"),
        ("ґедзь", "gedzj", "gedzj"),
    ],
)
def test_dstu_9112_signs_and_foreign_letters(text: str, system_a: str, system_b: str) -> None:
    assert transliterate(text, "uk-dstu9112a") == system_a
    assert transliterate(text, "uk-dstu9112b") == system_b


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("Вераб'ёвічы", "Vierabjovichy"),
        ("Сафіеўка", "Safijewka"),
        ("Татаршчына", "Tatarshchyna"),
        ("Улукаўе", "Ulukawje"),
        ("Шаркаўшчына", "Sharkawshchyna"),
        ("Чарнаручча", "Charnaruchcha"),
        ("Жажэлка", "Zhazhelka"),
        ("Мураўёўка", "Murawjowka"),
        ("Дзедаў Курган", "Dziedaw Kurgan"),
        ("Шчучыншчына", "Shchuchynshchyna"),
        ("Лепель", "Liepiel"),
        ("Вародзькаў", "Varodzkaw"),
        ("Плошча Перамогі", "Ploshcha Pieramogi"),
        ("Чайчицы", "Chajchicy"),
        ("МІХОВІЧ МАРЫЯ", "MIHOVICH MARYJA"),
    ],
)
def test_belarusian_examples_of_2023(text: str, latin: str) -> None:
    assert transliterate(text, "be-2023") == latin


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("Барлық адамдар тумысынан азат және", "Barlyq adamdar tumysynan azat jäne"),
        ("қадір-қасиеті мен құқықтары тең", "qadır-qasietı men qūqyqtary teñ"),
        ("болып дүниеге келеді", "bolyp düniege keledı"),
        ("Даңқымыз шықты ғой", "Dañqymyz şyqty ğoi"),
        ("Жырың болып төгілемін", "Jyryñ bolyp tögılemın"),
        ("Ұрпаққа жол ашқан", "Ūrpaqqa jol aşqan"),
        ("ИМАНОВ^ІЛИЯС", "İMANOV^ILİİAS"),
    ],
)
def test_kazakh_examples_of_2021(text: str, latin: str) -> None:
    assert transliterate(text, "kk-2021") == latin


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("ЩЕРБАКОВ^ЮРИЙ", "SHCHERBAKOV^IURII"),
        ("Щербаков^Юрий", "Shcherbakov^Iurii"),
        ("щукин", "shchukin"),
        ("Щукин Ю.", "Shchukin Iu."),
        ("ЩУКИН Ю.Я.", "SHCHUKIN Iu.Ia."),
        ("ЩУКИН^Ю^Я", "SHCHUKIN^IU^IA"),
        ("Щукин^Ю^Я", "Shchukin^Iu^Ia"),
        ("Ю", "Iu"),
        ("МакЩукин", "MakShchukin"),
        ("ЩУкин", "SHCHUkin"),
        ("УЗИ щитовидной железы", "UZI shchitovidnoi zhelezy"),
        ("ЩУКИН-ЯКОВЛЕВ", "SHCHUKIN-IAKOVLEV"),
        ("Ivanov^Ivan=ИВАНОВ^ЮРИЙ=", "Ivanov^Ivan=IVANOV^IURII="),
        ("Иванов\\Щукин", "Ivanov\\Shchukin"),
        ("МРТ3Щ", "MRT3SHCH"),
    ],
)
def test_capitals_and_boundaries(text: str, latin: str) -> None:
    assert transliterate(text, "ru") == latin


@pytest.mark.parametrize("apostrophe", "'’ʼ`\"′")
def test_every_apostrophe_is_dropped_and_does_not_begin_a_word(apostrophe: str) -> None:
    assert transliterate(f"Знам{apostrophe}янка", "uk") == "Znamianka"
    assert transliterate(f"Знам{apostrophe}янка", "uk-dstu9112b") == "Znam'janka"
    assert transliterate(f"ЗНАМ{apostrophe}ЯНКА", "uk") == "ZNAMIANKA"


def test_quotes_around_words_stay() -> None:
    assert transliterate("'жук' \"жук\"", "uk") == "'zhuk' \"zhuk\""


def test_word_start_letters_after_every_boundary() -> None:
    assert transliterate("Єва^Їжак=Юрій\\Яна-Юля Йосип", "uk") == "Yeva^Yizhak=Yurii\\Yana-Yulia Yosyp"
    assert transliterate("2Яна.Юля/Єва", "uk") == "2Yana.Yulia/Yeva"


def test_decomposed_letters_count_as_composed() -> None:
    assert transliterate("Семе\u0308нов Андреи\u0306", "ru-gost779b") == "Semyonov Andrej"
    assert transliterate("Украі\u0308на", "uk-dstu9112b") == "Ukrajina"


def test_stress_marks_go_from_ascii_only() -> None:
    assert transliterate("Ива\u0301нов", "ru") == "Ivanov"
    assert transliterate("Ива\u0301нов", "ru-gost779a") == "Iva\u0301nov"


def test_latin_twins_inside_a_cyrillic_word_count_as_cyrillic() -> None:
    assert transliterate("ИBAHОB", "ru") == "IVANOV"
    assert transliterate("Ceмëнoв", "ru-gost779b") == "Semyonov"


def test_letters_of_other_alphabets_take_the_icao_spelling() -> None:
    assert transliterate("Ґалаґан Їжак Єва", "ru") == "Galagan Izhak Ieva"
    assert transliterate("Ыбраев Эдуард", "uk") == "Ybraev Eduard"
    assert transliterate("Әлия Ғабит Қуат Ңұр Өмір Үміт Һ", "ru") == "Aliia Gabit Kuat Nur Omir Umit H"
    assert transliterate("Ђорђе Љубица Његош Џон", "ru") == "Dorde Ljubitsa Njegosh Dzon"


def test_printers_signs_become_ascii_with_ascii_rules_only() -> None:
    assert transliterate("ООО «Ромашка» — №5…", "ru") == 'OOO "Romashka" - No5...'
    assert transliterate("«Ромашка»", "ru-gost779a") == "«Romaška»"


@pytest.mark.parametrize("text", ["", "SMITH^JOHN", "Müller^Jörg", "山田^太郎", "Σωκράτης", "«é—»", "`'\"", "e\u0301"])
@pytest.mark.parametrize("rule", RULES)
def test_text_without_cyrillic_passes_unchanged(text: str, rule: str) -> None:
    assert transliterate(text, rule) == text


def test_aliases_are_the_rules_they_name() -> None:
    assert {alias: RULES[rule].id for alias, rule in ALIASES.items()} == {
        "ru": "ru-icao9303",
        "uk": "uk-kmu55",
        "be": "be-2023",
        "kk": "kk-2021",
    }
    for alias, rule in ALIASES.items():
        assert transliterate("Щёґў^Юң", alias) == transliterate("Щёґў^Юң", rule)


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [("ru-icao", "ru-icao9303"), ("uk-kmu", "uk-kmu55"), ("UK-KMU55", "uk-kmu55"), ("be2023", "be-2023")],
)
def test_unknown_rule_names_the_nearest(wrong: str, nearest: str) -> None:
    with pytest.raises(Refused) as refused:
        transliterate("plain", wrong)
    assert refused.value.code == "TLM-TXT-001"
    assert refused.value.problem.facts["nearest"] == nearest
    assert nearest in str(refused.value)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_knows_every_letter_of_seven_alphabets(rule: str) -> None:
    for letter in LETTERS:
        latin = RULES[rule].letters[letter]
        assert not CYRILLIC.search(latin), letter
        assert latin.isascii() or not RULES[rule].ascii, letter


@pytest.mark.parametrize("rule", ASCII_RULES)
@given(text=st.text(alphabet=EVERY_LETTER + " ^=\\-'’.1A", max_size=30))
def test_ascii_rules_give_ascii_and_repeat_without_change(rule: str, text: str) -> None:
    latin = transliterate(text, rule)
    assert latin.isascii() or not CYRILLIC.search(text)
    assert "?" not in latin
    assert transliterate(latin, rule) == latin


@pytest.mark.parametrize("rule", RULES)
@given(text=st.text(alphabet=EVERY_LETTER + " ^=-'", max_size=30))
def test_no_rule_leaves_cyrillic(rule: str, text: str) -> None:
    assert not CYRILLIC.search(transliterate(text, rule))


@pytest.mark.parametrize("rule", RULES)
@given(words=st.lists(st.text(alphabet=LETTERS, min_size=2, max_size=12), min_size=1, max_size=3))
def test_capitals_are_the_small_letters_raised(rule: str, words: list[str]) -> None:
    small = transliterate("^".join(words), rule)
    capital = transliterate("^".join(words).upper(), rule)
    assert len(capital) == len(small)
    raised = small.upper() if rule != "kk-2021" else small.replace("i", "İ").upper()
    assert capital == raised
    titled = transliterate("^".join(word.capitalize() for word in words), rule)
    lowered = titled.lower() if rule != "kk-2021" else titled.replace("I", "ı").replace("İ", "i").lower()
    assert lowered == small
