"""What the judgement must not do: take other scripts for Cyrillic, or a Cyrillic name for German beside German."""

import pytest

from tolmach.repair.judge import judge

LATIN_1 = ("ISO_IR 100",)
GREEK = ("ΘΕΟΔΩΡΟΥ^ΙΩΑΝΝΗΣ", "ΚΑΡΑΓΙΑΝΝΗΣ", "ΣΤΑΥΡΟΥ^ΑΝΝΑ", "Βασιλείου^Πέτρος")


@pytest.mark.parametrize("name", GREEK)
@pytest.mark.parametrize("terms", [LATIN_1, ("ISO_IR 144",), ("ISO_IR 126",), None])
def test_greek_is_never_read_as_cyrillic(name: str, terms: tuple[str, ...] | None) -> None:
    judgement = judge([name.encode("iso8859_7")], terms)
    assert [ruling.kind for ruling in judgement.rulings] != ["lies"]


def test_text_of_another_script_under_a_cyrillic_label_is_doubtful() -> None:
    judgement = judge(["Krankenhaus Düsseldorf, Röntgenabteilung".encode("latin-1")], ("ISO_IR 144",))
    assert [ruling.kind for ruling in judgement.rulings] == ["doubtful"]


def test_bytes_that_are_illegal_under_their_label_are_doubtful() -> None:
    judgement = judge(["Krankenhaus Düsseldorf, Röntgenabteilung".encode("latin-1")], ("ISO_IR 192",))
    assert [ruling.kind for ruling in judgement.rulings] == ["doubtful"]


def test_a_cyrillic_name_beside_german_is_still_read() -> None:
    name, clinic, ward = "БОНДАРЬ^НАДЕЖДА", "Universitätsklinikum Köln", "Röntgen Süd"
    judgement = judge([name.encode("cp1251"), clinic.encode("latin-1"), ward.encode("latin-1")], LATIN_1)
    assert [(ruling.kind, ruling.text) for ruling in judgement.rulings] == [
        ("lies", name),
        ("right", clinic),
        ("right", ward),
    ]


def test_a_german_value_among_cyrillic_ones_stays_german() -> None:
    values = ["БОНДАРЬ^НАДЕЖДА", "Районная больница", "Снимок грудной клетки"]
    judgement = judge([*(one.encode("cp1251") for one in values), "Gerät aus Köln".encode("latin-1")], LATIN_1)
    assert [ruling.text for ruling in judgement.rulings] == [*values, "Gerät aus Köln"]


@pytest.mark.parametrize("label", ["WINDOWS-1251", "ISO IR 192", "CP1251", "ISO 2022 IR 6\\IS"])
def test_a_label_outside_the_standard_is_never_right(label: str) -> None:
    codec = "utf-8" if "192" in label else "cp1251"
    judgement = judge(["БОНДАРЬ^НАДЕЖДА^ПЕТРОВНА".encode(codec)], tuple(label.split("\\")))
    assert [(ruling.kind, ruling.text) for ruling in judgement.rulings] == [("lies", "БОНДАРЬ^НАДЕЖДА^ПЕТРОВНА")]


def test_spoilt_text_is_read_back_only_from_legal_utf_8() -> None:
    name = "БОНДАРЬ^НАДЕЖДА^ПЕТРОВНА"
    spoilt = name.encode("cp1251").decode("latin-1")
    for terms in (("ISO_IR 192",), LATIN_1, None):
        assert [ruling.text for ruling in judge([spoilt.encode("utf-8")], terms).rulings] == [name]
