"""Lengths that count letters: what was put together again is what was meant, and what is broken stays refused."""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from tests.builders import (
    CT_IMAGE,
    DEFLATED,
    EXPLICIT,
    EXPLICIT_BE,
    EXPLICIT_LE,
    FORM_OF,
    IMPLICIT,
    IMPLICIT_LE,
    INSTANCE,
    Form,
    body,
    even,
    mended,
    opened,
    part10,
    read_back,
    written,
)
from tests.random_data_sets import data_sets, dumped, flat
from tolmach.dicom.delta import apply_delta, encode_delta
from tolmach.dicom.faults import Damaged, NotDicom
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource
from tolmach.dicom.vrs import TEXT_VRS
from tolmach.repair.profile import Profile, parse_text_policy

NATIVE = (IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE)
NAME, COMMENT = 0x00100010, 0x00104000


@dataclass(frozen=True)
class Habit:
    """How a writer counts: `pads` is what it makes even, the string and with it the bytes, or number and bytes each for
    itself; `sums` says whether lengths of sequences and items are sums of the lengths it wrote."""

    form: Form
    pads: str = "string"
    sums: bool = False


@dataclass(frozen=True)
class Written:
    """Bytes of elements, how long the writer believes they are, and the paths it counted wrongly."""

    raw: bytes = b""
    believed: int = 0
    wrong: frozenset[str] = frozenset()

    def __add__(self, other: "Written") -> "Written":
        return Written(self.raw + other.raw, self.believed + other.believed, self.wrong | other.wrong)


def text(habit: Habit, tag: int, vr: str, value: str, *, counts_letters: bool, path: str = "") -> Written:
    """Write a text element as a program does that asks its string for its length."""
    if habit.pads == "string" and len(value) % 2:
        value += " "
    raw = value.encode() if habit.pads == "string" else even(value.encode())
    count = len(value) + len(value) % 2 if counts_letters else len(raw)
    made = habit.form.element(tag, vr, raw, length=count)
    return Written(made, len(made) - len(raw) + count, frozenset({path}) if count != len(raw) else frozenset())


def container(habit: Habit, tag: int, vr: str, content: Written, *, undefined: bool) -> Written:
    form, end = habit.form, 0xFFFEE00D if tag == 0xFFFEE000 else 0xFFFEE0DD
    if undefined:
        made = form.head(tag, vr, 0xFFFFFFFF) + content.raw + form.head(end, "", 0)
        return Written(made, len(made) - len(content.raw) + content.believed, content.wrong)
    head = form.head(tag, vr, content.believed if habit.sums else len(content.raw))
    return Written(head + content.raw, len(head) + content.believed, content.wrong)


def serialized(data_set: Dataset, habit: Habit, *, counts_letters: bool, prefix: str = "") -> Written:
    """Write a data set of pydicom; its texts in UTF-8, its other values as pydicom writes them."""
    whole = Written()
    for element in data_set:
        path = f"{prefix}{int(element.tag):08X}"
        if element.VR == "SQ":
            items = Written()
            for number, item in enumerate(element.value):
                inside = serialized(item, habit, counts_letters=counts_letters, prefix=f"{path}[{number}].")
                undefined = bool(item.is_undefined_length_sequence_item)
                items += container(habit, 0xFFFEE000, "", inside, undefined=undefined)
            whole += container(habit, int(element.tag), "SQ", items, undefined=bool(element.is_undefined_length))
        elif element.VR in TEXT_VRS and element.tag != 0x00080005:
            value = "\\".join(map(str, element.value)) if element.VM > 1 else str(element.value or "")
            whole += text(habit, int(element.tag), element.VR, value, counts_letters=counts_letters, path=path)
        else:
            one = Dataset()
            one.add(element)
            buffer = io.BytesIO()
            implicit, little = not habit.form.explicit, not habit.form.big
            pydicom.dcmwrite(buffer, one, implicit_vr=implicit, little_endian=little, force_encoding=True)
            whole += Written(buffer.getvalue(), len(buffer.getvalue()))
    return whole


@st.composite
def cases(draw: st.DrawFn) -> tuple[Dataset, str, Habit]:
    data_set = draw(data_sets())
    data_set.SpecificCharacterSet = "ISO_IR 192"
    data_set.SOPClassUID, data_set.SOPInstanceUID = CT_IMAGE, INSTANCE
    syntax = draw(st.sampled_from(NATIVE))
    return data_set, syntax, Habit(FORM_OF[syntax], draw(st.sampled_from(["string", "each"])), draw(st.booleans()))


SLOW_DRAWING = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def values(file: bytes) -> dict[str, tuple[str, bytes | int]]:
    """Give what pydicom reads, without what pads it."""
    found = flat(read_back(file))
    return {path: (vr, raw.rstrip(b" ") if isinstance(raw, bytes) else raw) for path, (vr, raw) in found.items()}


def outcome(data_set: Dataset, syntax: str, habit: Habit) -> str:
    """Write a data set wrongly, have it mended and compare; gives what became of it."""
    right = part10(serialized(data_set, habit, counts_letters=False).raw, syntax)
    spoilt = serialized(data_set, habit, counts_letters=True)
    file = part10(spoilt.raw, syntax)
    assert written(mended(right)) == right
    if not spoilt.wrong:
        assert file == right
        return "nothing to do"
    try:
        result = mended(file)
    except Damaged:
        return "refused"
    assert values(written(result)) == values(right)
    assert {(change.path, change.reason) for change in result.changes} == {(path, "length") for path in spoilt.wrong}
    assert result.verdict == "repairable"
    assert written(mended(written(result))) == written(result)
    return "mended"


def has_defined_lengths(data_set: Dataset) -> bool:
    """Tell whether any sequence or item says how long it is."""
    return any(
        element.VR == "SQ"
        and (
            not element.is_undefined_length
            or any(not item.is_undefined_length_sequence_item or has_defined_lengths(item) for item in element.value)
        )
        for element in data_set
    )


@settings(SLOW_DRAWING, max_examples=400)
@given(cases())
def test_what_was_meant_comes_out_or_nothing(case: tuple[Dataset, str, Habit]) -> None:
    """Where containers have lengths, both ways to count them may fit: then nobody knows. Otherwise all is mended."""
    assert outcome(*case) != "refused" or has_defined_lengths(case[0])


@pytest.mark.slow
@settings(SLOW_DRAWING, max_examples=12)
@given(cases())
def test_dcmdump_reads_what_was_meant(peer_program: Callable[[str], Path], case: tuple[Dataset, str, Habit]) -> None:
    data_set, syntax, habit = case
    data_set.PatientComments = "Жалобы на кашель"
    file = part10(serialized(data_set, habit, counts_letters=True).raw, syntax)
    try:
        result = written(mended(file))
    except Damaged:
        assert has_defined_lengths(data_set)
        return
    right = part10(serialized(data_set, habit, counts_letters=False).raw, syntax)
    assert dumped(result, peer_program) == dumped(right, peer_program)


SENTENCES = {
    0x00080080: ("LO", "Міська лікарня № 5"),
    NAME: ("PN", "Щербаков^Юрий^Олегович"),
    0x00104000: ("LT", "Жалобы\r\nна кашель"),
}


def spoilt(syntax: str, label: str = "ISO_IR 192", *more: tuple[int, str, bytes]) -> bytes:
    """Give a file whose three texts have lengths in letters."""
    form = FORM_OF[syntax]
    made = [
        (tag, "raw", text(Habit(form), tag, vr, value, counts_letters=True).raw)
        for tag, (vr, value) in SENTENCES.items()
    ]
    return part10(body((0x00080005, "CS", even(label.encode())), *made, *more, form=form), syntax)


@pytest.mark.parametrize("syntax", [*NATIVE, DEFLATED])
@pytest.mark.parametrize("label", ["ISO_IR 192", "ISO_IR 100", "ISO_IR 144", "", "WINDOWS-1251"])
def test_whatever_the_label_says(syntax: str, label: str) -> None:
    result = mended(spoilt(syntax, label, (0x7FE00010, "OW", bytes(64))))
    data_set = read_back(written(result))
    assert {tag: str(data_set[tag].value) for tag in SENTENCES} == {
        tag: value for tag, (_vr, value) in SENTENCES.items()
    }
    assert data_set.PixelData == bytes(64)
    assert [problem.code for problem in result.problems if problem.code.startswith("TLM-DCM")] == ["TLM-DCM-027"]
    found = {change.keyword: change for change in result.changes if change.reason == "length"}
    assert found.keys() == {"InstitutionName", "PatientName", "PatientComments"}
    assert found["PatientName"].after == "Щербаков^Юрий^Олегович"
    assert found["PatientName"].raw_before == "Щербаков^Юрий^Олегович".encode()[:22]


@pytest.mark.parametrize("writing", ["iso_ir_144", "cp1251", "transliterate:ru-icao9303", "as-is"])
def test_however_it_is_to_be_written(writing: str) -> None:
    result = mended(spoilt(EXPLICIT_LE), Profile(text=parse_text_policy(writing, converts=True)))
    codec = {"iso_ir_144": "iso8859_5", "cp1251": "cp1251"}.get(writing, "utf_8")
    expected = "Shcherbakov^Iurii^Olegovich" if writing.startswith("transliterate") else SENTENCES[NAME][1]
    element = result.result.find(NAME)
    assert element is not None
    assert result.result.raw(element).decode(codec).rstrip() == expected
    assert [change.reason for change in result.changes if change.keyword == "PatientName"] == ["length"]


def test_a_change_can_be_kept_and_made_again() -> None:
    """What is kept of a change are slices of the bytes that came: the right lengths must be among the new ones."""
    file = spoilt(IMPLICIT_LE)
    result = mended(file)
    again = apply_delta(encode_delta(result.revision.pieces.parts), MemorySource(file))
    assert part10(again.read(0, again.size), IMPLICIT_LE) == written(result)


@pytest.mark.parametrize("form", [EXPLICIT, IMPLICIT])
def test_group_lengths_that_are_sums_of_such_lengths_are_right_afterwards(form: Form) -> None:
    syntax = EXPLICIT_LE if form.explicit else IMPLICIT_LE
    group = text(Habit(form), NAME, "PN", "Щербаков", counts_letters=True)
    for stated, expected in ((group.believed, len(group.raw)), (len(group.raw), len(group.raw)), (5, 5)):
        length = form.element(0x00100000, "UL", struct.pack("<L", stated))
        result = mended(part10(body((0x00100000, "raw", length + group.raw), form=form), syntax))
        element = result.result.find(0x00100000)
        assert element is not None
        # An odd value gets its padding, and the label that is missing is put into another group.
        assert struct.unpack("<L", result.result.raw(element))[0] == expected


def test_a_text_at_the_very_end_of_a_file() -> None:
    """The few bytes that are left over are no header, and without them the file looks whole."""
    for value in ("Щи", "Щука", "Müller", "Щербаков"):
        end = text(Habit(EXPLICIT), 0x00420010, "ST", value, counts_letters=True).raw
        data_set = opened(part10(body((0x00420010, "raw", end))))
        assert data_set.raw(data_set.elements[-1]).decode().rstrip() == value
        assert data_set.end == data_set.source.size


def test_when_both_ways_to_count_fit_nobody_knows() -> None:
    """Eight bytes more or less: the empty element behind the item may be its last or the first behind it."""
    eight = text(Habit(IMPLICIT), 0x00080050, "SH", "ЩЩЩЩЩЩЩЩ", counts_letters=True)
    for behind, is_refused in ((IMPLICIT.element(0x00081155, "UI", b""), True), (b"", False)):
        item = container(Habit(IMPLICIT), 0xFFFEE000, "", eight, undefined=False)
        sequence = container(Habit(IMPLICIT), 0x00081115, "SQ", item, undefined=False)
        file = part10(body((0x00081115, "raw", sequence.raw + behind), form=IMPLICIT), IMPLICIT_LE)
        if is_refused:
            with pytest.raises(Damaged):
                opened(file)
        else:
            assert list(opened(file).recounted.values()) == [8]


@settings(max_examples=300)
@given(st.data())
def test_other_wrong_lengths_are_not_explained_away(data: st.DataObject) -> None:
    """A length that counts neither bytes nor letters makes a broken file, as it always did, or an odd one."""
    form = data.draw(st.sampled_from([EXPLICIT, IMPLICIT]))
    value = data.draw(st.text("AbЩиґ漢 ^", min_size=4, max_size=40)).strip() or "Щука"
    encoding = data.draw(st.sampled_from(["utf-8", "cp1251", "koi8-u"]))
    raw = even(value.encode(encoding, "replace"))
    try:
        written = raw.decode("utf-8")  # also letters of another page that happen to read as UTF-8
        counts: tuple[int, ...] = (len(value), len(written), len(written.rstrip(" ")))
    except UnicodeDecodeError:
        counts = ()
    letters = {count + padding for count in counts for padding in (0, count % 2)}
    length = data.draw(st.integers(0, 2 * len(raw)).filter(lambda n: n not in letters | {len(raw)}))
    made = form.element(NAME, "PN", raw, length=length)
    file = part10(
        body((NAME, "raw", made), (COMMENT, "LT", b"text"), form=form), EXPLICIT_LE if form.explicit else IMPLICIT_LE
    )
    try:
        data_set = opened(file)
    except (Damaged, NotDicom):
        return
    assert not data_set.recounted


@pytest.mark.parametrize("cut", [1, 2, 7, 20, 60])
def test_a_file_that_is_cut_as_well_stays_refused(cut: int) -> None:
    with pytest.raises(Damaged):
        opened(spoilt(EXPLICIT_LE, "ISO_IR 192", (0x7FE00010, "OW", bytes(64)))[:-cut])


def test_thousands_of_such_texts_are_read_a_few_times_and_no_more() -> None:
    class Counted(MemorySource):
        def read(self, offset: int, length: int) -> memoryview:
            nonlocal total
            total += min(length, self.size - offset)
            return super().read(offset, length)

    total = 0
    form, habit = EXPLICIT, Habit(EXPLICIT)
    items = b"".join(
        form.item(
            text(habit, 0x0040A160, "UT", f"Щербаков {number} без особенностей", counts_letters=True).raw,
            undefined=True,
        )
        for number in range(10_000)
    )
    sequence = form.head(0x0040A730, "SQ", 0xFFFFFFFF) + items + form.head(0xFFFEE0DD, "", 0)
    file = part10(body((0x0040A730, "raw", sequence)))
    assert len(opened(file).recounted) == 10_000
    data_set = open_data_set(Counted(file))
    assert len(data_set.recounted) == 10_000
    assert total < 20 * len(file)
