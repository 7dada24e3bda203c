"""A file is read whatever its machine left out or wrote wrongly, and what is something else is called so."""

import io
import random
import struct
import zipfile

import pytest

from tests.builders import (
    CT_IMAGE,
    DEFLATED,
    EXPLICIT,
    EXPLICIT_BE,
    EXPLICIT_LE,
    FORM_OF,
    IMPLICIT_LE,
    INSTANCE,
    JPEG_BASELINE,
    body,
    meta,
    opened,
    part10,
)
from tolmach.dicom.faults import Damaged, NotDicom

NATIVE = (IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE)


def content(syntax: str) -> bytes:
    return body((0x00080005, "CS", b"ISO_IR 100"), (0x00100010, "PN", b"PETROV"), form=FORM_OF[syntax])


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize(
    ("start", "code"),
    [
        (bytes(128) + b"DICM", None),
        (b"\x55" * 128 + b"DICM", None),
        (b"II*\0" + bytes(124) + b"DICM", None),  # PS3.10 section 7.1: the preamble may make it a TIFF
        (b"DICM", None),
        (b"", None),
    ],
    ids=["usual", "other preamble", "TIFF", "no preamble", "meta only"],
)
def test_beginnings(syntax: str, start: bytes, code: str | None) -> None:
    data_set = opened(start + meta(syntax) + content(syntax))
    assert data_set.transfer_syntax_uid == syntax
    assert (data_set.sop_class_uid, data_set.sop_instance_uid) == (CT_IMAGE, INSTANCE)
    assert [problem.code for problem in data_set.problems] == ([code] if code else [])


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("start", [b"", bytes(128) + b"DICM", b"DICM"], ids=["bare", "prefix", "prefix alone"])
def test_no_file_meta_information(syntax: str, start: bytes) -> None:
    data_set = opened(start + content(syntax))
    assert data_set.transfer_syntax_uid == syntax
    assert data_set.sop_instance_uid == INSTANCE
    assert [problem.code for problem in data_set.problems] == ["TLM-DCM-021"]


def test_132_zeros_in_place_of_preamble_and_prefix() -> None:
    assert opened(bytes(132) + meta(EXPLICIT_LE) + content(EXPLICIT_LE)).sop_instance_uid == INSTANCE
    assert opened(bytes(132) + content(IMPLICIT_LE)).sop_instance_uid == INSTANCE


@pytest.mark.parametrize("syntax", NATIVE)
def test_meta_without_a_transfer_syntax(syntax: str) -> None:
    header = EXPLICIT.element(0x00020003, "UI", b"1.2.3\0")
    assert opened(bytes(128) + b"DICM" + header + content(syntax)).transfer_syntax_uid == syntax


@pytest.mark.parametrize("group_length", [0, 5, 0xFFFFFFFF])
def test_a_wrong_group_length_of_the_meta_information(group_length: int) -> None:
    file = part10(content(EXPLICIT_LE))
    at = file.index(b"UL\x04\0") + 4
    assert opened(file[:at] + struct.pack("<L", group_length) + file[at + 4 :]).sop_instance_uid == INSTANCE


@pytest.mark.parametrize("declared", [*NATIVE, JPEG_BASELINE])
@pytest.mark.parametrize("real", NATIVE)
def test_what_is_found_wins_over_the_label(declared: str, real: str) -> None:
    data_set = opened(bytes(128) + b"DICM" + meta(declared) + content(real))
    honest = declared == real or (declared, real) == (JPEG_BASELINE, EXPLICIT_LE)
    assert data_set.transfer_syntax_uid == (declared if honest else real)
    assert [problem.code for problem in data_set.problems] == ([] if honest else ["TLM-DCM-020"])
    assert data_set.uid(0x00080018) == INSTANCE


def picture(kind: str) -> bytes:
    return {"JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0", "PNG": b"\x89PNG\r\n\x1a\n", "BMP": b"BM6\0", "GIF": b"GIF89a"}[
        kind
    ] + random.Random(1).randbytes(5000)


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("image.dcm", part10(body()))
    return buffer.getvalue()


OTHER_THINGS = {
    "empty": b"",
    "one byte": b"\x08",
    "seven bytes": bytes(7),
    "two letters": b"OK",
    "text": "Привіт, лікарю! Знімки у теці.".encode() * 20,
    "text in cp1251": "Снимки за среду".encode("cp1251") * 20,
    "json": b'{"a": 1}',
    "html": b"<html><body>Not found</body></html>",
    "132 bytes": bytes(132),
    "1000 zeros": bytes(1000),
    "only a preamble": bytes(128),
    "noise": random.Random(2).randbytes(4096),
    "ini": b"[.ShellClassInfo]\r\nIconResource=x\r\n",
    "DS_Store": b"\0\0\0\1Bud1\0\0\x10\0" + bytes(2000),
    "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000),
    "video": b"\0\0\0\x20ftypisom" + bytes(2000),
    "PDF": b"%PDF-1.7\n" + bytes(500),
    "gzip": b"\x1f\x8b\x08" + bytes(500),
    "program": b"MZ" + bytes(500),
    "zip": archive(),
    **{kind: picture(kind) for kind in ("JPEG", "PNG", "BMP", "GIF")},
}


@pytest.mark.parametrize("name", OTHER_THINGS)
def test_other_things_are_not_dicom(name: str) -> None:
    with pytest.raises(NotDicom, match="TLM-DCM-001"):
        opened(OTHER_THINGS[name])


@pytest.mark.parametrize("syntax", [*NATIVE, DEFLATED, ""])
@pytest.mark.parametrize("rest", [b"", b"\x08\0", bytes(7)])
def test_nothing_behind_the_header_is_damage(syntax: str, rest: bytes) -> None:
    with pytest.raises(Damaged):
        opened(bytes(128) + b"DICM" + (meta(syntax) if syntax else b"") + rest)


def test_noise_behind_the_prefix_is_never_a_crash() -> None:
    noise = random.Random(3)
    for _ in range(500):
        file = bytes(128) + b"DICM" + noise.choice([b"", meta(noise.choice(NATIVE))]) + noise.randbytes(300)
        with pytest.raises((Damaged, NotDicom)):
            opened(file)
