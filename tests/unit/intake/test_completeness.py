"""Whole, growing, or something else: judged by the bytes alone."""

from __future__ import annotations

import struct

import pytest

from tests.builders import DEFLATED, SYNTAXES, body, part10, rich_file
from tests.watch_double import image
from tolmach.dicom import uids
from tolmach.dicom.source import MemorySource
from tolmach.intake.completeness import completeness, ends_in_zeros

ROWS = (
    (0x00280010, "US", struct.pack("<H", 64)),
    (0x00280011, "US", struct.pack("<H", 64)),
    (0x00280100, "US", struct.pack("<H", 16)),
)


def extent(content: bytes) -> str:
    return completeness(MemorySource(content)).extent


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [True, False])
def test_whole_files_are_whole_in_every_syntax(syntax: str, undefined: bool) -> None:
    assert extent(rich_file(syntax, undefined=undefined)) == "whole"


def test_a_file_cut_anywhere_in_its_last_element_is_growing() -> None:
    whole = image(1, *ROWS, pixels=bytes(range(256)) * 32)
    for size in range(len(whole) - 8192 - 12, len(whole), 97):
        assert extent(whole[:size]) == "growing", size


def test_an_image_that_ends_between_two_elements_before_its_pixels_is_growing() -> None:
    whole = image(1, *ROWS, pixels=b"\1\2" * 4096)
    found = completeness(MemorySource(whole[: -(8192 + 12)]))
    assert (found.extent, found.problem.code if found.problem else "") == ("growing", "TLM-DCM-015")


@pytest.mark.parametrize("content", [b"", b"D", b"x" * 100, bytes(4096), bytes(128) + b"DICM", bytes(128)])
def test_what_is_too_short_or_empty_to_tell_may_still_grow(content: bytes) -> None:
    assert extent(content) == "growing"


@pytest.mark.parametrize("content", [b"\xff\xd8\xff" + bytes(500), b"%PDF-1.7" + b" " * 500, b"text " * 100])
def test_other_kinds_of_files_are_foreign(content: bytes) -> None:
    assert extent(content) == "foreign"


def test_the_index_of_a_disc_is_foreign_whatever_its_name() -> None:
    directory = part10(body(), sop_class=uids.MediaStorageDirectoryStorage)
    directory = directory.replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0")
    assert extent(directory) == "foreign"


def test_a_broken_stream_is_growing() -> None:
    whole = part10(body((0x00100010, "PN", b"A" * 2000)), DEFLATED)
    assert extent(whole[:-10]) == "growing"


def test_zeros_at_the_end() -> None:
    assert ends_in_zeros(MemorySource(image(pixels=b"\1\2" + bytes(8192))))
    assert not ends_in_zeros(MemorySource(image(pixels=bytes(8192) + b"\1\2")))
    assert not ends_in_zeros(MemorySource(b""))
