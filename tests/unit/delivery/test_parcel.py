import io
from collections.abc import Iterable
from datetime import UTC, datetime

import pydicom
import pytest

from tests.builders import (
    DEFLATED,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_BASELINE,
    SYNTAXES,
    Spoiled,
    body,
    mended,
    meta,
    opened,
    part10,
    rich_file,
)
from tests.outbox_double import Objects, line_of
from tolmach.delivery.faults import ObjectRotten
from tolmach.delivery.interfaces import Claimed, Content
from tolmach.delivery.parcel import Unpacker
from tolmach.dicom.delta import encode_delta
from tolmach.dicom.faults import Damaged, NotDicom
from tolmach.dicom.source import MemorySource, Source
from tolmach.edit.rules import parse_rules
from tolmach.intake.faults import ObjectMissing
from tolmach.repair.profile import Profile

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
RULES = parse_rules([{"do": [{"set": "InstitutionName", "value": "Clinic"}]}], lambda _name: {}, "test")


def inflate(blocks: Iterable[bytes]) -> Source:
    return MemorySource(b"".join(blocks))


def never(_blocks: Iterable[bytes]) -> Source:
    raise AssertionError("the data set was looked into")


class Store(Objects):
    """Stored files, and lines for them as the journey would write them."""

    def line(self, file: bytes, *, changed: bool = False) -> Claimed:
        data_set = opened(file)
        offset = data_set.meta_end
        delta = b""
        if changed:
            delta = encode_delta(mended(file, Profile(rules=RULES)).revision.pieces.parts)
        return line_of(
            1, self.keep(file, offset), offset, delta=delta, transfer_syntax_uid=data_set.transfer_syntax_uid
        )


def wire(store: Store, line: Claimed, syntax: str) -> tuple[bytes, str]:
    with Unpacker(store.open, inflate).parcel(line).open() as content:
        source, padded = content.in_syntax(syntax)
        return bytes(source.read(0, source.size)), padded


@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE, JPEG_BASELINE])
def test_what_was_not_changed_leaves_byte_for_byte_and_unread(syntax: str) -> None:
    store, file = Store(), rich_file(syntax, undefined=True)
    line = store.line(file)
    with Unpacker(store.open, never).parcel(line).open() as content:
        source, padded = content.in_syntax(syntax)
    assert (bytes(source.read(0, source.size)), padded) == (file[line.data_set_offset :], "")
    assert "_came" not in vars(content)  # not even scanned


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_changes_reach_the_wire(syntax: str) -> None:
    store, file = Store(), rich_file(syntax, undefined=False)
    line = store.line(file, changed=True)
    raw, _ = wire(store, line, syntax)
    ds = pydicom.dcmread(io.BytesIO(part10_around(raw, syntax)))
    before = pydicom.dcmread(io.BytesIO(file))
    assert ds.InstitutionName == "Clinic"
    assert ds.PixelData == before.PixelData
    assert ds.PatientName == "Петров^Пётр"


def part10_around(raw: bytes, syntax: str) -> bytes:
    return bytes(128) + b"DICM" + meta(syntax) + raw


def test_changes_that_keep_the_syntax_are_not_scanned_again() -> None:
    store, file = Store(), rich_file(EXPLICIT_LE, undefined=True)
    line = store.line(file, changed=True)
    with Unpacker(store.open, never).parcel(line).open() as content:
        content.in_syntax(EXPLICIT_LE)
        assert "_came" not in vars(content)


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize(
    ("own", "asked"), [(EXPLICIT_LE, IMPLICIT_LE), (EXPLICIT_BE, IMPLICIT_LE), (DEFLATED, EXPLICIT_LE)]
)
def test_other_syntaxes_are_made(own: str, asked: str, changed: bool) -> None:
    store, file = Store(), rich_file(own, undefined=True)
    raw, _ = wire(store, store.line(file, changed=changed), asked)
    ds = pydicom.dcmread(io.BytesIO(part10_around(raw, asked)))
    assert sorted(ds.PixelData) == list(range(16))
    assert ("InstitutionName" in ds) == changed
    assert ds.RequestAttributesSequence[1].ScheduledProcedureStepDescription == "hip"


def test_pixels_are_never_decoded() -> None:
    store = Store()
    with pytest.raises(Damaged):
        wire(store, store.line(rich_file(JPEG_BASELINE, undefined=True)), EXPLICIT_LE)


def test_a_deflated_object_goes_out_as_it_came_with_one_nul_where_it_is_odd() -> None:
    store = Store()
    for number in range(4):
        file = part10(body((0x00100020, "LO", b"17" * number)), DEFLATED)
        for cut in (file, file[:-1] if file[-1:] == b"\0" else file):
            line = store.line(cut)
            raw, padded = wire(store, line, DEFLATED)
            own = cut[line.data_set_offset :]
            assert (raw, padded) == (own + b"\0" * (len(own) % 2), "")


def test_an_odd_data_set_is_padded_and_says_where() -> None:
    store, file = Store(), part10(body((0x00100020, "LO", b"123")))
    raw, padded = wire(store, store.line(file), EXPLICIT_LE)
    assert len(raw) % 2 == 0
    assert padded == "00100020"


@pytest.mark.parametrize("at", [-1, -40])
def test_rotten_bytes_are_never_given(at: int) -> None:
    store, file = Store(), rich_file(EXPLICIT_LE, undefined=True)
    line = store.line(file)
    rotten = bytearray(file)
    rotten[at] ^= 1
    store.files[line.stored_sha256] = bytes(rotten)
    with pytest.raises(ObjectRotten) as caught, Unpacker(store.open, inflate).parcel(line).open():
        pass
    assert line.stored_sha256 in str(caught.value)


@pytest.mark.parametrize("left", [0, 100, 500])
def test_cut_objects_are_never_given(left: int) -> None:
    store, file = Store(), rich_file(EXPLICIT_LE, undefined=True)
    line = store.line(file)
    store.files[line.stored_sha256] = file[:left]
    with pytest.raises(ObjectRotten), Unpacker(store.open, inflate).parcel(line).open():
        pass


def test_a_missing_object_is_told() -> None:
    with pytest.raises(ObjectMissing), Unpacker(Store().open, inflate).parcel(line_of(1, "00", 0)).open():
        pass


@pytest.mark.parametrize("delta", [b"\x07", b"\x01\x00", b"\x01\x00" + b"\xff" * 16])
def test_a_broken_delta_is_told(delta: bytes) -> None:
    store, file = Store(), rich_file(EXPLICIT_LE, undefined=True)
    line = store.line(file)
    broken = line_of(1, line.stored_sha256, line.data_set_offset, delta=delta)
    for ask in (lambda content: content.in_syntax(EXPLICIT_LE), lambda content: content.data_set):
        with pytest.raises(ObjectRotten), Unpacker(store.open, inflate).parcel(broken).open() as content:
            ask(content)


def test_what_is_no_data_set_can_be_had_as_it_is() -> None:
    store = Store()
    message = b"MSH|^~\\&|TOLMACH|\r"
    line = line_of(1, store.keep(message, 0), 0)
    with Unpacker(store.open, inflate).parcel(line).open() as content:
        assert bytes(content.stored.read(0, 99)) == message
        assert file_of(content) == message
        with pytest.raises(NotDicom):
            _ = content.data_set


def file_of(content: Content) -> bytes:
    return b"".join(bytes(chunk) for chunk in content.as_file())


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_file_is_the_stored_one_or_the_changed_one_whole(syntax: str) -> None:
    store = Store()
    file = rich_file(syntax, undefined=True)
    with Unpacker(store.open, inflate).parcel(store.line(file)).open() as content:
        assert file_of(content) == file
    with Unpacker(store.open, inflate).parcel(store.line(file, changed=True)).open() as content:
        assert content.data_set.uid(0x00080018) == content.data_set.sop_instance_uid
        ds = pydicom.dcmread(io.BytesIO(file_of(content)))
    assert ds.InstitutionName == "Clinic"
    assert ds.file_meta.TransferSyntaxUID == syntax


def test_repaired_text_reaches_the_wire() -> None:
    file = Spoiled({0x00100010: ("PN", "ИВАНОВ^ИВАН^ИВАНОВИЧ")}, "cp1251", "ISO_IR 100").file()
    store = Store()
    raw, _ = wire(store, store.line(file, changed=True), EXPLICIT_LE)
    assert "ИВАНОВ^ИВАН^ИВАНОВИЧ".encode() in raw
