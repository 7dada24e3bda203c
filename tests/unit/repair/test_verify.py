"""The proof: whatever goes wrong between the plan and the bytes is caught, down to a single bit."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import (
    BIG,
    DEFLATED,
    EXPLICIT,
    EXPLICIT_LE,
    FORM_OF,
    IMPLICIT,
    JPEG_BASELINE,
    SYNTAXES,
    Form,
    body,
    opened,
    part10,
    rich_file,
)
from tests.random_data_sets import Sample, samples
from tests.unit.dicom.test_splice import SLOW_DRAWING
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.paths import AttributePath, parse_path, path_of
from tolmach.dicom.splice import Extent, Part, Pieces, splice
from tolmach.edit.draft import Draft
from tolmach.edit.finish import UTF_8, Revision, finish
from tolmach.repair.faults import NotVerified
from tolmach.repair.touched import is_plain, is_proved
from tolmach.repair.verify import verify


def edited(data_set: DataSet) -> Revision:
    """Give a revision with every kind of edit in it."""
    draft = Draft(data_set)
    places = {str(path_of(data_set, element)): index for index, element in enumerate(data_set.elements) if element.vr}
    draft.readings = {places["00100010"]: "Петров^Пётр", places["00400275[0].00100010"]: "Сидоров"}
    draft.rewrite(places["00100010"], "Петров^Пётр", "character-set")
    draft.set(parse_path("PatientID"), "017")
    draft.set(parse_path("InstitutionName"), "Міська лікарня")
    draft.set(parse_path("Rows"), "512")
    draft.set(parse_path("(0040,0275)[1].(0040,0007)"), "knee")
    draft.set(parse_path("(0040,0275)[0].(0040,0009)"), "step")
    draft.set(parse_path("(0040,0275)[2].(0040,0009)"), "new item")
    draft.set(parse_path("ProcedureCodeSequence[0].CodeMeaning"), "Хребет")
    draft.delete(parse_path("(0042,0010)"))
    return finish(draft, UTF_8)


def plain(data_set: DataSet) -> Revision:
    """Give a revision of the usual kind: values, a label and an attribute more."""
    draft = Draft(data_set)
    index = data_set.index[(-1, 0x00400275)]
    assert data_set.elements[index].vr == "SQ"
    draft.set(parse_path("(0040,0275)[1].(0040,0007)"), "knee")
    draft.set(parse_path("InstitutionName"), "clinic")
    return finish(draft)


def flipped(revision: Revision) -> Iterator[Revision]:
    """Flip one bit of every byte, the whole data set being one piece."""
    whole = revision.pieces.read(0, revision.pieces.size)
    for at in range(len(whole)):
        for bit in (1, 0x20):
            wrong = whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :]
            yield replace(revision, pieces=Pieces.of(revision.data_set.source, [wrong]))


FORMS = [(syntax, undefined) for syntax in (*SYNTAXES, JPEG_BASELINE) for undefined in (False, True)]


@pytest.mark.parametrize("make", [edited, plain])
@pytest.mark.parametrize(("syntax", "undefined"), FORMS)
def test_what_was_planned_is_proved(syntax: str, undefined: bool, make: Callable[[DataSet], Revision]) -> None:
    revision = make(opened(rich_file(syntax, undefined=undefined)))
    verify(revision)
    whole = revision.pieces.read(0, revision.pieces.size)
    verify(replace(revision, pieces=Pieces.of(revision.data_set.source, [whole])))


@pytest.mark.parametrize(("syntax", "undefined"), FORMS)
def test_every_flipped_bit_is_caught(syntax: str, undefined: bool) -> None:
    revision = edited(opened(rich_file(syntax, undefined=undefined)))
    for wrong in flipped(revision):
        with pytest.raises(NotVerified, match="TLM-TXT-020"):
            verify(wrong)


@pytest.mark.parametrize(("syntax", "undefined"), FORMS)
def test_every_flipped_bit_is_caught_by_the_quick_proof(syntax: str, undefined: bool) -> None:
    """Bits of the new pieces are flipped one by one, and slices of the source are moved, cut and left out."""
    revision = plain(opened(rich_file(syntax, undefined=undefined)))
    assert is_plain(revision)
    assert is_proved(revision)
    parts, whole = list(revision.pieces.parts), revision.pieces.read(0, revision.pieces.size)
    for number, part in enumerate(parts):
        for wrong in misshapen(part):
            pieces = Pieces.of(revision.data_set.source, [*parts[:number], *wrong, *parts[number + 1 :]])
            mutant = replace(revision, pieces=pieces)
            if pieces.read(0, pieces.size) == whole:
                continue
            assert not is_proved(mutant)
            with pytest.raises(NotVerified):
                verify(mutant)


def misshapen(part: Part) -> Iterator[list[Part]]:
    yield []
    yield [part, part]
    if isinstance(part, Extent):
        yield [Extent(part.start, part.end - 1)]
        yield [Extent(part.start + 1, part.end)]
        yield [Extent(part.start, part.end - 2), b"\0\0"]
        if part.start:
            yield [Extent(part.start - 1, part.end - 1)]
        return
    for at in range(len(part)):
        yield [part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :]]


def spans(revision: Revision) -> list[tuple[int, int]]:
    """Give where every element of the new data set stands."""
    new = opened(part10(revision.pieces.read(0, revision.pieces.size), EXPLICIT_LE))
    return [(element.start - new.start, element.end - new.start) for element in new.elements]


@pytest.mark.parametrize("undefined", [False, True])
def test_a_dropped_or_doubled_element_is_caught(undefined: bool) -> None:
    """Every element, item and sequence in turn, with no length in step."""
    revision = edited(opened(rich_file(EXPLICIT_LE, undefined=undefined)))
    whole = revision.pieces.read(0, revision.pieces.size)
    for start, end in spans(revision):
        for wrong in (whole[:start] + whole[end:], whole[:end] + whole[start:]):
            with pytest.raises(NotVerified):
                verify(replace(revision, pieces=Pieces.of(revision.data_set.source, [wrong])))


@pytest.mark.parametrize("undefined", [False, True])
def test_a_splice_in_step_but_not_as_planned_is_caught(undefined: bool) -> None:
    """The bytes are well-formed each time: one edit more, one less, or another value than the plan says."""
    revision = edited(opened(rich_file(EXPLICIT_LE, undefined=undefined)))
    edits = revision.edits
    first = min(edits.replacements)
    untouched = next(
        index
        for index, element in enumerate(revision.data_set.elements)
        if element.vr == "UI" and index not in edits.replacements
    )
    mutants = [
        replace(edits, replacements={**edits.replacements, first: b"other"}),
        replace(edits, replacements={index: value for index, value in edits.replacements.items() if index != first}),
        replace(edits, replacements={**edits.replacements, untouched: b"1.9"}),
        replace(edits, removals=frozenset()),
        replace(edits, removals=edits.removals | {untouched}),
        replace(edits, insertions=edits.insertions[1:]),
        replace(edits, insertions=edits.insertions[:-1]),
        replace(
            edits, insertions=(*edits.insertions, edits.insertions[0]._replace(tag=0x00100040, vr="CS", value=b"M"))
        ),
        replace(edits, insertions=(edits.insertions[0]._replace(value=b"other"), *edits.insertions[1:])),
        replace(edits, insertions=(edits.insertions[0]._replace(vr="ST"), *edits.insertions[1:])),
        replace(edits, items=()),
        replace(edits, items=(*edits.items, edits.items[0])),
        replace(edits, items=(edits.items[0]._replace(content=b""),)),
    ]
    for mutant in mutants:
        assert mutant != edits
        with pytest.raises(NotVerified):
            verify(replace(revision, pieces=splice(revision.data_set, mutant)))


@pytest.mark.parametrize("form", [EXPLICIT, IMPLICIT, BIG], ids=str)
def test_a_wrong_group_length_is_caught(form: Form) -> None:
    syntax = next(uid for uid, known in FORM_OF.items() if known == form and uid != DEFLATED)
    revision = edited(opened(rich_file(syntax, undefined=False)))
    whole = revision.pieces.read(0, revision.pieces.size)
    head = form.head(0x00100000, "UL", 4)
    at = whole.index(head) + len(head)
    wrong = whole[:at] + struct.pack(form.order + "L", 7) + whole[at + 4 :]
    with pytest.raises(NotVerified, match="00100000"):
        verify(replace(revision, pieces=Pieces.of(revision.data_set.source, [wrong])))


def test_a_label_that_does_not_fit_the_text_is_caught() -> None:
    """The bytes are as planned, yet a receiver would read something else."""
    revision = edited(opened(rich_file(EXPLICIT_LE, undefined=False)))
    edits = revision.edits
    wrong = replace(edits, insertions=[one for one in edits.insertions if one.tag != 0x00080005])
    assert wrong != edits
    with pytest.raises(NotVerified, match="it does not read as planned"):
        verify(replace(revision, edits=wrong, pieces=splice(revision.data_set, wrong)))


def test_a_large_value_must_be_the_slice_itself() -> None:
    pixels = bytes(200_000)
    data_set = opened(part10(body((0x00100010, "PN", b"PETROV"), (0x7FE00010, "OB", pixels))))
    draft = Draft(data_set)
    draft.set(parse_path("PatientName"), "IVANOV-PETROV")
    draft.delete(parse_path("InstitutionName"))
    revision = finish(draft)
    verify(revision)
    *parts, last = revision.pieces.parts
    assert isinstance(last, Extent)
    for wrong in ([last.start, last.end - 2], [last.start + 2, last.end]):
        moved = Pieces.of(data_set.source, [*parts, Extent(wrong[0], wrong[1]), b"\0\0"])
        with pytest.raises(NotVerified):
            verify(replace(revision, pieces=moved))


@given(samples(), st.data())
@SLOW_DRAWING
def test_any_draft_is_proved_and_any_flipped_bit_is_not(sample: Sample, draw: st.DataObject) -> None:
    data_set = opened(sample.file)
    draft = Draft(data_set)
    texts = [path_of(data_set, one) for one in data_set.elements if one.vr in ("LO", "PN", "SH", "LT", "ST", "UT")]
    texts = [path for path in texts if path.tag & 0xFFFF > 0xFF]
    for path in [*texts, AttributePath((), 0x00104000)]:
        if draw.draw(st.booleans()):
            draft.set(path, draw.draw(st.text("ABЖґ", max_size=15)))
        elif draw.draw(st.booleans()):
            draft.delete(path)
    revision = finish(draft)
    verify(revision)
    if not revision.is_changed:
        return
    whole = revision.pieces.read(0, revision.pieces.size)
    at = draw.draw(st.integers(0, len(whole) - 1))
    wrong = whole[:at] + bytes([whole[at] ^ (1 << draw.draw(st.integers(0, 7)))]) + whole[at + 1 :]
    with pytest.raises(NotVerified):
        verify(replace(revision, pieces=Pieces.of(data_set.source, [wrong])))
