"""The judgement on what arrived: whole or not, and what its sender said or not."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.builders import (
    CT_IMAGE,
    DEFLATED,
    EXPLICIT,
    EXPLICIT_LE,
    IMPLICIT,
    IMPLICIT_LE,
    INSTANCE,
    body,
    meta,
    opened,
    part10,
    rich_file,
)
from tolmach.base import Problem
from tolmach.dicom import faults as dicom_faults
from tolmach.dicom import uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.source import MemorySource, Source
from tolmach.dicom.vrs import STRING_VRS
from tolmach.intake import faults, whole
from tolmach.intake.interfaces import Arrival, Provenance
from tolmach.intake.whole import judge

SAID = Arrival(
    "0" * 64, 0, 0, CT_IMAGE, INSTANCE, EXPLICIT_LE, Provenance("dimse", "", "CT1", "192.0.2.1"), datetime.now(UTC)
)
UNSAID = replace(SAID, sop_class_uid="", sop_instance_uid="", transfer_syntax_uid="")
OTHER = "1.2.826.0.1.3680043.9.7.1.2"


def judged(content: bytes, said: Arrival = SAID) -> DataSet | Problem:
    return judge(MemorySource(content), said)


def reason(content: bytes, said: Arrival = SAID) -> str:
    found = judged(content, said)
    return found.code if isinstance(found, Problem) else "whole"


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, DEFLATED])
def test_what_is_whole_is_given(syntax: str, undefined: bool) -> None:
    found = judged(rich_file(syntax, undefined=undefined), replace(SAID, transfer_syntax_uid=syntax))
    assert isinstance(found, DataSet)
    assert (found.sop_instance_uid, found.transfer_syntax_uid) == (INSTANCE, syntax)
    assert not [problem for problem in found.problems if problem.fault is dicom_faults.LABEL_LIES]


def test_what_nobody_said_is_taken_as_it_is_found() -> None:
    assert isinstance(judged(body(), UNSAID), DataSet)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "TLM-DCM-001"),
        (b"x", "TLM-DCM-001"),
        (b"MSH|^~\\&|MIS|CLINIC|||20260101||ORU^R01|1|P|2.5\r", "TLM-DCM-001"),
        (b"\xff\xd8\xff\xe0" + bytes(500), "TLM-DCM-001"),
        (bytes(128) + b"DICM", "TLM-DCM-002"),
        (part10(b""), "TLM-DCM-002"),
        (part10(body())[:-1], "TLM-DCM-002"),
        (part10(body() + EXPLICIT.element(0x7FE00010, "OW", b"12", length=0xFFFFFFF0)), "TLM-DCM-002"),
        (part10(body((0x00400275, "raw", EXPLICIT.nested(65)))), "TLM-DCM-004"),
        (part10(body((0x00400275, "raw", EXPLICIT.nested(100_000)))), "TLM-DCM-004"),
    ],
    ids=["empty", "1 byte", "HL7", "JPEG", "prefix", "head", "cut", "lying length", "65 deep", "100,000 deep"],
)
def test_what_is_not_whole_waits(content: bytes, code: str) -> None:
    assert reason(content) == reason(content, UNSAID) == code


def test_a_bomb_waits() -> None:
    """F-06: as soon as 64 MiB have come out, whatever would follow; that costs two seconds of a processor at most."""
    bomb = part10(bytes(300 << 20), DEFLATED)
    out = 0

    def counted(blocks: Iterable[bytes]) -> Source:
        nonlocal out
        for block in blocks:
            out += len(block)
        raise AssertionError("it came to its end")

    began = time.process_time()
    found = judge(MemorySource(bomb), SAID, counted)
    assert time.process_time() - began < 2
    assert out <= 64 << 20
    assert isinstance(found, Problem)
    assert found.code == "TLM-DCM-006"
    assert reason(bomb) == "TLM-DCM-006"


MIB = 1 << 20


def with_text(*values: tuple[int, str, int]) -> bytes:
    """Give a file with values of as many letters as told."""
    return part10(body(*((tag, "raw", EXPLICIT.element(tag, vr, b"x" * size)) for tag, vr, size in values)))


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([(0x0040A160, "UT", 64 * MIB - 2)], "TLM-INT-024"),
        ([(0x00091001 + number, "UT", 13 * MIB) for number in range(5)], "TLM-INT-024"),
        ([(0x00091001 + number, "LO", 65_534) for number in range(1_100)], "TLM-INT-024"),
        ([(0x00091001, "UT", 32 * MIB), (0x00091002, "UC", 31 * MIB)], "whole"),
        ([(0x00091001 + number, "DS", 65_534) for number in range(1_100)], "whole"),
        ([(0x00091001, "OB", 70 * MIB)], "whole"),
    ],
    ids=["one value", "several", "many", "just below", "contours", "no text"],
)
def test_more_text_than_any_image_has_waits(values: list[tuple[int, str, int]], code: str) -> None:
    """F-08: 64 MiB of text are the most; outlines in a radiotherapy plan and bytes that are no text do not count."""
    assert reason(with_text(*values), UNSAID) == code


def test_text_is_counted_to_the_byte() -> None:
    """F-08: at the limit it is whole, one value beyond it waits."""
    plain = opened(with_text((0x0040A160, "UT", 0)))
    room = 64 * MIB - sum(one.length for one in plain.elements if one.vr in STRING_VRS)
    assert reason(with_text((0x0040A160, "UT", room)), UNSAID) == "whole"
    assert reason(with_text((0x0040A160, "UT", room + 2)), UNSAID) == "TLM-INT-024"


def test_every_place_a_file_can_be_cut_at_waits() -> None:
    content = rich_file(EXPLICIT_LE, undefined=False)
    chance = random.Random(3)
    for at in chance.sample(range(len(content)), 60):
        found = judged(content[:at])
        # Cut behind a whole element nothing is missing that anybody could know of: the pixels are.
        assert isinstance(found, Problem) or found.end <= at < len(content) - 16


def test_a_dicomdir_waits_whatever_was_said() -> None:
    """F-22."""
    directory = uids.MediaStorageDirectoryStorage
    content = bytes(128) + b"DICM" + meta(EXPLICIT_LE, sop_class=directory)
    content += EXPLICIT.element(0x00041130, "CS", b"DISC")
    assert reason(content, UNSAID) == "TLM-DCM-008"
    assert reason(part10(body()), replace(SAID, sop_class_uid=directory)) == "TLM-DCM-008"


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID"])
def test_another_object_than_the_sender_named_waits(keyword: str) -> None:
    changed = replace(SAID, **{"sop_class_uid" if keyword == "SOPClassUID" else "sop_instance_uid": OTHER})
    found = judged(part10(body()), changed)
    assert isinstance(found, Problem)
    assert found.fault is faults.NOT_THE_ONE_SAID
    assert found.facts["keyword"] == keyword
    assert OTHER in str(found)


def test_an_object_without_uids_waits() -> None:
    head = bytes(128) + b"DICM" + EXPLICIT.element(0x00020010, "UI", EXPLICIT_LE.encode() + b"\0")
    content = head + EXPLICIT.element(0x00080060, "CS", b"CT") + EXPLICIT.element(0x00100010, "PN", b"A^B ")
    assert reason(content, UNSAID) == "TLM-DCM-009"


@pytest.mark.parametrize(
    "uid", [b"../../../../tmp/x ", b"1." + b"2" * 63 + b"\0", b"1.2\n3 ", b"1.2\\1.3 ", "1.й".encode()]
)
def test_what_is_no_uid_waits(uid: bytes) -> None:
    data_set = EXPLICIT.element(0x00080016, "UI", CT_IMAGE.encode() + b"\0") + EXPLICIT.element(0x00080018, "UI", uid)
    found = judged(part10(data_set), UNSAID)
    assert isinstance(found, Problem)
    assert found.fault is faults.BAD_UID


def test_a_transfer_syntax_that_is_not_the_one_said_is_only_noted() -> None:
    implicit = body(form=IMPLICIT)
    for content in (part10(implicit), part10(implicit, IMPLICIT_LE)):
        found = judged(content)
        assert isinstance(found, DataSet)
        assert found.transfer_syntax_uid == IMPLICIT_LE
        assert [problem.fault for problem in found.problems] == [dicom_faults.LABEL_LIES]
        assert "ExplicitVRLittleEndian" in str(found.problems[0])


@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_what_needs_more_than_there_is_waits(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def too_much(*_: object) -> DataSet:
        raise error

    monkeypatch.setattr(whole, "open_data_set", too_much)
    assert reason(part10(body())) == "TLM-INT-022"


def test_real_files_are_judged_without_an_error_and_none_that_is_sound_waits(corpus: Path) -> None:
    files = [path for path in sorted((corpus / "pydicom").rglob("*.dcm")) if path.stat().st_size < 2_000_000]
    verdicts = {path.name: reason(path.read_bytes(), UNSAID) for path in files}
    assert len(verdicts) > 50
    assert list(verdicts.values()).count("whole") > 0.8 * len(verdicts)


def test_no_spoiled_file_stops_anything() -> None:
    chance, content = random.Random(24), rich_file(EXPLICIT_LE, undefined=True)
    codes = set()
    for _ in range(2000):
        spoiled = bytearray(content)
        for _ in range(chance.randrange(1, 6)):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        codes.add(reason(bytes(spoiled)))
    assert "whole" in codes
    assert len(codes) > 3
