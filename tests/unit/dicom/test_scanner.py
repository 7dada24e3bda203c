"""The scanner finds every element where it stands, in every way a data set may be written."""

import struct

import pytest

from tests.builders import (
    BIG,
    DEFLATED,
    EXPLICIT,
    EXPLICIT_LE,
    FORM_OF,
    IMPLICIT,
    IMPLICIT_LE,
    JPEG_BASELINE,
    SYNTAXES,
    Form,
    body,
    opened,
    part10,
    read_back,
)
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import Damaged, NotDicom
from tolmach.dicom.paths import path_of

SEQUENCE, INNER, PRIVATE = 0x00400275, 0x00081140, 0x00091001
NAME, ID, REFERENCED = 0x00100010, 0x00100020, 0x00081155


def values(data_set: DataSet) -> dict[str, bytes]:
    """Give every leaf by its path."""
    leaves = [element for element in data_set.elements if element.vr not in ("SQ", "")]
    return {str(path_of(data_set, element)): data_set.raw(element) for element in leaves}


def nested_body(form: Form, *, undefined: bool) -> bytes:
    inner = form.sequence(INNER, [form.element(REFERENCED, "UI", b"1.2\0")], undefined=undefined)
    items = [inner + form.element(0x00400007, "LO", b"first "), form.element(0x00400007, "LO", b"second")]
    return body(
        (NAME, "PN", b"IVANOV^I"),
        (SEQUENCE, "raw", form.sequence(SEQUENCE, items, undefined=undefined)),
        (0x00280010, "US", struct.pack(form.order + "H", 1)),
        (0x7FE00010, "OW", bytes(32)),
        form=form,
    )


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_nested_elements_of_every_syntax(syntax: str, undefined: bool) -> None:
    form = FORM_OF[syntax]
    data_set = opened(part10(nested_body(form, undefined=undefined), syntax))
    found = values(data_set)
    assert found["00400275[0].00081140[0].00081155"] == b"1.2\0"
    assert found["00400275[0].00400007"] == b"first "
    assert found["00400275[1].00400007"] == b"second"
    assert found["00280010"] == struct.pack(form.order + "H", 1)
    assert len(found["7FE00010"]) == 32
    assert data_set.transfer_syntax_uid == syntax
    assert not data_set.problems
    assert data_set.sop_instance_uid.startswith("1.2.826")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_undefined_lengths_are_measured(syntax: str) -> None:
    """`length` is what is really there, whether or not the file says it."""
    spans = {}
    for undefined in (False, True):
        data_set = opened(part10(nested_body(FORM_OF[syntax], undefined=undefined), syntax))
        sequence = data_set.find(SEQUENCE)
        assert sequence is not None
        assert sequence.undefined == undefined
        spans[undefined] = sequence.length
        assert sequence.end == sequence.value + sequence.length + 8 * undefined
    # Two items and an inner sequence with one: each closes with 8 bytes more.
    assert spans[True] == spans[False] + 8 * 4


def test_an_empty_sequence_and_empty_items() -> None:
    content = body(
        (0x00081110, "raw", EXPLICIT.sequence(0x00081110, [])),
        (0x00081115, "raw", EXPLICIT.sequence(0x00081115, [], undefined=True)),
        (INNER, "raw", EXPLICIT.sequence(INNER, [b"", b""], undefined=True)),
    )
    data_set = opened(part10(content))
    assert [element.tag for element in data_set.elements if element.vr == "SQ"] == [0x00081110, 0x00081115, INNER]
    assert [element.number for element in data_set.elements if not element.vr] == [0, 1]


def test_a_sequence_of_unknown_vr_is_implicit_inside() -> None:
    """PS3.5 section 6.2.2: UN of undefined length holds Implicit VR Little Endian, also in a big-endian data set."""
    for syntax in (EXPLICIT_LE, "1.2.840.10008.1.2.2"):
        form = FORM_OF[syntax]
        inside = IMPLICIT.element(NAME, "PN", b"PETROV") + IMPLICIT.sequence(INNER, [b""], undefined=True)
        unknown = form.head(PRIVATE, "UN", 0xFFFFFFFF) + IMPLICIT.item(inside) + IMPLICIT.head(0xFFFEE0DD, "", 0)
        data_set = opened(part10(body((PRIVATE, "raw", unknown), (ID, "LO", b"17"), form=form), syntax))
        found = values(data_set)
        assert found["00091001[0].00100010"] == b"PETROV"
        assert found["00100020"] == b"17"


def test_a_private_sequence_in_implicit_vr() -> None:
    inside = IMPLICIT.sequence(PRIVATE, [IMPLICIT.element(NAME, "PN", b"PETROV")], undefined=True)
    data_set = opened(part10(body((PRIVATE, "raw", inside), form=IMPLICIT), IMPLICIT_LE))
    assert values(data_set)["00091001[0].00100010"] == b"PETROV"


@pytest.mark.parametrize("fragments", [[b"", b"ab" * 9], [bytes(4), b"abc", b"de"], [b"", b"x"], []])
def test_fragments_are_stepped_over(fragments: list[bytes]) -> None:
    content = body((0x7FE00010, "raw", EXPLICIT.fragments(0x7FE00010, fragments)), (0xFFFCFFFC, "OB", bytes(2)))
    data_set = opened(part10(content, JPEG_BASELINE))
    pixels = data_set.find(0x7FE00010)
    assert pixels is not None
    assert pixels.undefined
    assert pixels.length == sum(8 + len(fragment) for fragment in fragments)
    assert data_set.find(0xFFFCFFFC) is not None
    odd = [fragment for fragment in fragments if len(fragment) % 2]
    if odd:
        assert data_set.odd_fragment is not None
        _index, offset, length = data_set.odd_fragment
        assert data_set.source.read(offset + 8, length) == odd[-1]
    else:
        assert data_set.odd_fragment is None


def test_odd_lengths_are_taken_as_they_are() -> None:
    data_set = opened(part10(body((NAME, "PN", b"ODD"), (ID, "LO", b"1"))))
    assert (values(data_set)["00100010"], values(data_set)["00100020"]) == (b"ODD", b"1")


@pytest.mark.parametrize("code", [b"??", b"  ", b"\0\0", b"zz"])
@pytest.mark.parametrize("first", [False, True])
def test_an_illegal_vr_is_read_as_it_must_have_been_meant(code: bytes, first: bool) -> None:
    tag = 0x00080014 if first else ID
    strange = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, code, 4) + b"1.23"
    data_set = opened(part10(body((tag, "raw", strange), (0x00100040, "CS", b"M "))))
    assert values(data_set)[f"{tag:08X}"] == b"1.23"
    assert values(data_set)["00100040"] == b"M "
    assert "TLM-DCM-024" in {problem.code for problem in data_set.problems}


def test_a_vr_newer_than_the_table_has_the_long_form() -> None:
    strange = struct.pack("<HH2sHL", 0x0010, 0x0020, b"XY", 0, 4) + b"1234"
    data_set = opened(part10(body((ID, "raw", strange), (0x00100040, "CS", b"M "))))
    assert values(data_set)["00100020"] == b"1234"


def test_implicit_elements_among_explicit_ones() -> None:
    strange = IMPLICIT.element(ID, "LO", b"1234")
    data_set = opened(part10(body((ID, "raw", strange), (0x00100040, "CS", b"M "))))
    assert values(data_set)["00100020"] == b"1234"


@pytest.mark.parametrize("form", [EXPLICIT, IMPLICIT, BIG], ids=str)
def test_group_lengths_are_elements(form: Form) -> None:
    syntax = next(uid for uid, known in FORM_OF.items() if known == form)
    data_set = opened(part10(body((0x00080000, "UL", struct.pack(form.order + "L", 70)), form=form), syntax))
    assert values(data_set)["00080000"] == struct.pack(form.order + "L", 70)


def test_a_stray_sequence_end_closes_an_open_item() -> None:
    item = EXPLICIT.head(0xFFFEE000, "", 0xFFFFFFFF) + EXPLICIT.element(REFERENCED, "UI", b"1.2\0")
    broken = EXPLICIT.head(INNER, "SQ", 0xFFFFFFFF) + item + EXPLICIT.head(0xFFFEE0DD, "", 0)
    data_set = opened(part10(body((INNER, "raw", broken), (NAME, "PN", b"PETROV"))))
    assert values(data_set)["00081140[0].00081155"] == b"1.2\0"
    assert values(data_set)["00100010"] == b"PETROV"
    assert "TLM-DCM-025" in {problem.code for problem in data_set.problems}


def test_a_stray_delimiter_in_a_sequence_of_defined_length() -> None:
    content = EXPLICIT.item(b"") + EXPLICIT.head(0xFFFEE0DD, "", 0)
    strange = EXPLICIT.head(INNER, "SQ", len(content)) + content
    data_set = opened(part10(body((INNER, "raw", strange), (NAME, "PN", b"PETROV"))))
    assert values(data_set)["00100010"] == b"PETROV"
    assert "TLM-DCM-025" in {problem.code for problem in data_set.problems}


@pytest.mark.parametrize("tail", [bytes(1), bytes(8), bytes(9), bytes(100_000), b"\r\n", b"\x1a"])
@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE])
def test_stray_bytes_after_the_end(syntax: str, tail: bytes) -> None:
    pixels = (0x7FE00010, "OW", bytes(4))
    file = part10(body((NAME, "PN", b"PETROV"), *[pixels] * any(tail), form=FORM_OF[syntax]), syntax)
    data_set = opened(file + tail)
    assert data_set.end == len(file)
    assert [problem.code for problem in data_set.problems] == ["TLM-DCM-022"]
    assert data_set.problems[0].facts["count"] == len(tail)


def test_an_item_outside_a_sequence_is_refused() -> None:
    with pytest.raises(Damaged, match="TLM-DCM-003"):
        opened(part10(body((NAME, "PN", b"PETROV")) + EXPLICIT.item(b"")))


def test_a_value_longer_than_its_item_is_refused() -> None:
    inside = EXPLICIT.element(REFERENCED, "UI", b"1.2\0", length=400)
    content = body((INNER, "raw", EXPLICIT.sequence(INNER, [inside])), (0x7FE00010, "OB", bytes(1000)))
    with pytest.raises(Damaged, match="TLM-DCM-003"):
        opened(part10(content))


def test_the_character_set_in_force_is_that_of_the_nearest_container() -> None:
    own = EXPLICIT.element(0x00080005, "CS", b"ISO_IR 144")
    deeper = EXPLICIT.sequence(INNER, [EXPLICIT.element(NAME, "PN", b"A ")])
    content = body(
        (0x00080005, "CS", b"ISO_IR 100"),
        (SEQUENCE, "raw", EXPLICIT.sequence(SEQUENCE, [own + deeper, EXPLICIT.element(NAME, "PN", b"B ")])),
    )
    data_set = opened(part10(content))
    labels = {
        str(path_of(data_set, element)): data_set.character_set_at(element.parent)
        for element in data_set.elements
        if element.tag == NAME
    }
    assert labels == {
        "00400275[0].00081140[0].00100010": ("ISO_IR 144",),
        "00400275[1].00100010": ("ISO_IR 100",),
    }


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
def test_a_file_cut_anywhere_is_refused_or_read(syntax: str, undefined: bool) -> None:
    """Cut at every byte: never a crash, and never more than what pydicom finds in the part that is there."""
    whole = part10(nested_body(FORM_OF[syntax], undefined=undefined), syntax)
    refused = 0
    for length in range(len(whole)):
        try:
            data_set = opened(whole[:length])
        except (NotDicom, Damaged):
            refused += 1
            continue
        top = {element.tag for element in data_set.elements if element.parent == -1}
        assert top == set(map(int, read_back(whole[:length]).keys())) | ({0} & top)
    assert refused > len(whole) // 2
    assert syntax != DEFLATED or refused > len(whole) - 4
