"""Any edit, read again by pydicom and by dcmdump, shows that edit and nothing else."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.builders import (
    BIG,
    EXPLICIT,
    EXPLICIT_LE,
    FORM_OF,
    IMPLICIT,
    IMPLICIT_LE,
    JPEG_BASELINE,
    Form,
    body,
    even,
    meta,
    opened,
    part10,
)
from tests.random_data_sets import Flat, Sample, dumped, read, samples
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import BadValue
from tolmach.dicom.paths import path_of
from tolmach.dicom.scanner import ROOT
from tolmach.dicom.splice import AppendedItem, Edits, Insertion, reread, splice

SLOW_DRAWING = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
VALUES = st.text("AZ09 ^=.", max_size=40).map(str.encode)  # pydicom reads private creators even where nobody asks
NEW_TAGS = (0x00080001, 0x00091006, 0x00100030, 0x00104000, 0x00184000, 0x7FE00020)


def found(data_set: DataSet) -> Flat:
    """Give what the scanner found, in pydicom's form."""
    flat: Flat = {}
    for index, element in enumerate(data_set.elements):
        if not element.vr:
            continue
        path = str(path_of(data_set, element))
        if element.vr == "SQ" or (element.vr == "UN" and element.undefined):
            flat[path] = ("SQ", sum(other.parent == index for other in data_set.elements))
        else:
            flat[path] = (element.vr, data_set.raw(element))
    return flat


def without_vr(flat: Flat) -> dict[str, bytes | int]:
    return {path: value for path, (_vr, value) in flat.items()}


@pytest.mark.slow
@given(samples())
@settings(SLOW_DRAWING, max_examples=300)
def test_the_scanner_finds_what_pydicom_finds(sample: Sample) -> None:
    data_set = opened(sample.file)
    judge = read(sample.body, sample.syntax)
    assert without_vr(found(data_set)) == without_vr(judge)
    if sample.syntax != IMPLICIT_LE:
        assert {path: vr for path, (vr, _) in found(data_set).items()} == {path: vr for path, (vr, _) in judge.items()}
    assert splice(data_set, Edits()).read(0, 1 << 20) == sample.body


@dataclass
class Expected:
    """Edits, and what they make of what pydicom read before."""

    values: dict[str, bytes | int]
    replacements: dict[int, bytes] = field(default_factory=dict)
    removals: set[int] = field(default_factory=set)
    insertions: list[Insertion] = field(default_factory=list)
    items: list[AppendedItem] = field(default_factory=list)

    @property
    def edits(self) -> Edits:
        return Edits(self.replacements, frozenset(self.removals), tuple(self.insertions), tuple(self.items))


def draw_edits(draw: st.DataObject, data_set: DataSet, expected: Expected) -> None:
    """Choose some edits and bring the expectation in step with them."""
    chosen = draw.draw(st.lists(st.integers(0, len(data_set.elements) - 1), unique=True, min_size=1, max_size=4))
    for index in chosen:
        element = data_set.elements[index]
        path = str(path_of(data_set, element))
        if not element.vr:
            _insert(draw, data_set, index, expected)
        elif element.vr == "SQ":
            _change_sequence(draw, data_set, index, path, expected)
        elif path not in expected.values or element.tag == 0x00080005:
            continue
        elif draw.draw(st.booleans()):
            value = draw.draw(VALUES)
            expected.replacements[index] = value
            expected.values[path] = even(value, expected_pad(element.vr))
        else:
            expected.removals.add(index)
            del expected.values[path]
    if draw.draw(st.booleans()):
        _insert(draw, data_set, ROOT, expected)
    event(", ".join(sorted(name for name in vars(expected) if name != "values" and getattr(expected, name))))


def _change_sequence(draw: st.DataObject, data_set: DataSet, index: int, path: str, expected: Expected) -> None:
    if path not in expected.values or any(item.sequence == index for item in expected.items):
        return
    if draw.draw(st.booleans()):
        expected.removals.add(index)
        for known in [known for known in expected.values if known == path or known.startswith(f"{path}[")]:
            del expected.values[known]
        return
    form = form_in(data_set, index)
    for _ in range(draw.draw(st.integers(1, 3))):
        text = draw.draw(VALUES)
        number = expected.values[path]
        assert isinstance(number, int)
        expected.items.append(AppendedItem(index, form.element(0x00100020, "LO", even(text))))
        expected.values[f"{path}[{number}].00100020"] = even(text)
        expected.values[path] = number + 1


def _insert(draw: st.DataObject, data_set: DataSet, container: int, expected: Expected) -> None:
    tag, value = draw.draw(st.sampled_from(NEW_TAGS)), draw.draw(VALUES)
    prefix = ""
    if container != ROOT:
        item = data_set.elements[container]
        prefix = f"{path_of(data_set, data_set.elements[item.parent])}[{item.number}]."
        if prefix.rpartition("[")[0] not in expected.values:  # taken out already
            return
    expected.insertions.append(Insertion(container, tag, "LT", value))
    expected.values[f"{prefix}{tag:08X}"] = even(value)


def form_in(data_set: DataSet, container: int) -> Form:
    return Form(*data_set.encoding_in(container))


def expected_pad(vr: str) -> bytes:
    return b"\0" if vr in ("UI", "OB", "OW", "UN", "US", "FD", "AT") else b" "


@pytest.mark.slow
@given(samples(), st.data())
@settings(SLOW_DRAWING, max_examples=600)
def test_an_edit_shows_as_itself_and_nothing_else(sample: Sample, draw: st.DataObject) -> None:
    data_set = opened(sample.file)
    expected = Expected(without_vr(read(sample.body, sample.syntax)))
    draw_edits(draw, data_set, expected)
    # What stands inside something that goes is not edited as well.
    pieces = splice(data_set, expected.edits)
    new = pieces.read(0, 1 << 20)
    assert without_vr(read(new, sample.syntax)) == expected.values
    assert len(new) == pieces.size == sum(len(chunk) for chunk in pieces.chunks(7))
    assert b"".join(bytes(chunk) for chunk in pieces.chunks(7)) == new
    assert without_vr(found(reread(data_set, pieces))) == expected.values


@given(sample=samples(), draw=st.data())
@settings(SLOW_DRAWING, max_examples=12)
def test_dcmdump_reads_what_was_spliced(
    sample: Sample, draw: st.DataObject, peer_program: Callable[[str], Path]
) -> None:
    data_set = opened(sample.file)
    expected = Expected(without_vr(read(sample.body, sample.syntax)))
    draw_edits(draw, data_set, expected)
    new = splice(data_set, expected.edits).read(0, 1 << 20)
    paths = [re.sub(r"\[\d+\]", "", path) for path in read(new, sample.syntax)]
    assert dumped(part10(new, sample.syntax), peer_program) == paths


def with_group_lengths(form: Form) -> bytes:
    """Give a data set whose groups 0008 and 0010, and a group in an item, begin with their right lengths."""

    def measured(group: int, content: bytes) -> bytes:
        return form.element(group << 16, "UL", struct.pack(form.order + "L", len(content))) + content

    item = measured(0x0040, form.element(0x00400007, "LO", b"text"))
    references = form.sequence(0x00081140, [item])
    text = "raw"
    known = body((0x00081140, text, references), form=form)
    return measured(0x0008, known) + measured(0x0010, form.element(0x00100010, "PN", b"PETROV"))


@pytest.mark.parametrize("form", [EXPLICIT, IMPLICIT, BIG], ids=str)
def test_group_lengths_follow_their_groups(form: Form) -> None:
    syntax = next(uid for uid, known in FORM_OF.items() if known == form)
    data_set = opened(part10(with_group_lengths(form), syntax))
    places = {str(path_of(data_set, element)): index for index, element in enumerate(data_set.elements) if element.vr}
    edits = Edits(
        {places["00081140[0].00400007"]: b"a longer text", places["00100010"]: b"I"},
        insertions=(Insertion(ROOT, 0x00080080, "LO", b"clinic"),),
    )
    after = reread(data_set, splice(data_set, edits))
    checked = 0
    for element in after.elements:
        if element.vr and element.tag & 0xFFFF == 0:
            fellows = [other for other in after.elements if other.parent == element.parent and other != element]
            members = [other for other in fellows if other.vr and other.tag >> 16 == element.tag >> 16]
            (said,) = struct.unpack(form.order + "L", after.raw(element))
            assert said == sum(member.end - member.start for member in members)
            checked += 1
    assert checked == 3


def test_items_are_appended_in_the_order_given() -> None:
    data_set = opened(part10(body((0x00081140, "raw", EXPLICIT.sequence(0x00081140, [])))))
    index = next(index for index, element in enumerate(data_set.elements) if element.vr == "SQ")
    contents = [EXPLICIT.element(0x00081155, "UI", uid) for uid in (b"1.9\0", b"1.1\0", b"1.5\0")]
    after = reread(data_set, splice(data_set, Edits(items=[AppendedItem(index, content) for content in contents])))
    values = [after.raw(element) for element in after.elements if element.tag == 0x00081155]
    assert values == [b"1.9\0", b"1.1\0", b"1.5\0"]


@pytest.mark.parametrize("code", [b"??", b"\0\0"])
def test_an_element_of_illegal_vr_keeps_its_form_of_length(code: bytes) -> None:
    strange = struct.pack("<HH2sH", 0x0010, 0x0020, code, 4) + b"1234"
    if code == b"\0\0":
        strange = IMPLICIT.element(0x00100020, "LO", b"1234")
    data_set = opened(part10(body((0x00100020, "raw", strange), (0x00100040, "CS", b"M "))))
    index = next(index for index, element in enumerate(data_set.elements) if element.tag == 0x00100020)
    after = reread(data_set, splice(data_set, Edits({index: b"a longer id"})))
    element = after.find(0x00100020)
    assert element is not None
    assert after.raw(element) == b"a longer id "
    assert bytes(after.source.read(element.start + 4, 2)) == (code if code == b"??" else struct.pack("<H", 12))
    assert after.find(0x00100040) is not None


def test_a_value_too_long_for_its_length_field() -> None:
    data_set = opened(part10(body((0x00104000, "LT", b"text"))))
    index = next(index for index, element in enumerate(data_set.elements) if element.tag == 0x00104000)
    after = splice(data_set, Edits({index: b"x" * 0xFFFE}))
    assert after.size == data_set.end - data_set.start + 0xFFFE - 4
    with pytest.raises(BadValue, match="TLM-DCM-011"):
        splice(data_set, Edits({index: b"x" * 0xFFFF}))
    with pytest.raises(BadValue, match="TLM-DCM-011"):
        splice(data_set, Edits(insertions=[Insertion(ROOT, 0x00080080, "LO", b"x" * 0x10000)]))


def test_what_goes_with_its_container_is_not_edited_as_well() -> None:
    inner = EXPLICIT.sequence(0x00081115, [EXPLICIT.element(0x00081155, "UI", b"1.2\0")])
    data_set = opened(part10(body((0x00081140, "raw", EXPLICIT.sequence(0x00081140, [inner])))))
    by_tag = {element.tag: index for index, element in enumerate(data_set.elements)}
    edits = Edits(
        {by_tag[0x00081155]: b"1.2.3.4"},
        frozenset({by_tag[0x00081140]}),
        (Insertion(by_tag[0x00081155] - 1, 0x00100010, "PN", b"X"),),
        (AppendedItem(by_tag[0x00081115], b""),),
    )
    assert splice(data_set, edits).read(0, 1 << 16) == body()


def test_pixel_data_is_a_slice_of_the_source() -> None:
    """Nothing large is copied: the bytes between edits are extents of what came."""
    pixels = bytes(range(256)) * 4096
    file = part10(body((0x00100010, "PN", b"PETROV"), (0x7FE00010, "OB", pixels)))
    data_set = opened(file)
    index = next(index for index, element in enumerate(data_set.elements) if element.tag == 0x00100010)
    pieces = splice(data_set, Edits({index: b"A LONGER NAME"}))
    copied = sum(len(part) for part in pieces.parts if isinstance(part, bytes))
    assert copied < 64
    assert pieces.size == len(file) - len(bytes(132) + meta(EXPLICIT_LE)) + len("A LONGER NAME ") - len("PETROV")


def test_encapsulated_pixels_survive_an_edit_before_them() -> None:
    content = body(
        (0x00100010, "PN", b"PETROV"), (0x7FE00010, "raw", EXPLICIT.fragments(0x7FE00010, [b"", b"\xff\xd8"]))
    )
    data_set = opened(part10(content, JPEG_BASELINE))
    index = next(index for index, element in enumerate(data_set.elements) if element.tag == 0x00100010)
    new = splice(data_set, Edits({index: b"IVANOV-PETROV"})).read(0, 1 << 16)
    assert new.endswith(EXPLICIT.fragments(0x7FE00010, [b"", b"\xff\xd8"]))


@pytest.mark.parametrize(("said", "then"), [(0xFFFFFFFF, 0xFFFFFFFF), (0, 8), (2, 10)])
def test_a_nonsensical_group_length_stays_within_its_four_bytes(said: int, then: int) -> None:
    head = EXPLICIT.element(0x00100000, "UL", struct.pack("<L", said))
    data_set = opened(part10(body((0x00100000, "raw", head), (0x00100010, "PN", b"PETROV"))))
    index = next(index for index, element in enumerate(data_set.elements) if element.tag == 0x00100010)
    after = reread(data_set, splice(data_set, Edits({index: b"IVANOV-PETROV"})))
    assert after.raw(after.elements[index - 1]) == struct.pack("<L", then)


def test_an_item_that_was_left_open_stays_so() -> None:
    """Its length is not made up where the sequence's delimiter closes it."""
    item = EXPLICIT.head(0xFFFEE000, "", 0xFFFFFFFF) + EXPLICIT.element(0x00081155, "UI", b"1.2\0")
    broken = EXPLICIT.head(0x00081140, "SQ", 0xFFFFFFFF) + item + EXPLICIT.head(0xFFFEE0DD, "", 0)
    content = body((0x00081140, "raw", broken))
    data_set = opened(part10(content))
    index = next(index for index, element in enumerate(data_set.elements) if element.tag == 0x00081155)
    new = splice(data_set, Edits({index: b"1.2.3"})).read(0, 1 << 16)
    assert new == content.replace(b"UI\4\x001.2\0", b"UI\6\x001.2.3\0")
