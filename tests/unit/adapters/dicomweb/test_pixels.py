"""Frames, decoding and pictures: against pydicom's pixels, and against frames made to kill a decoder (F-09)."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from tests.builders import EXPLICIT, EXPLICIT_LE, INSTANCE, even, part10
from tolmach.adapters.dicomweb import pixel_workers
from tolmach.adapters.dicomweb.explicit import as_explicit
from tolmach.adapters.dicomweb.frames import DECODABLE, Frames
from tolmach.adapters.dicomweb.pictures import View, decoded, picture, uri_view_of, view_of
from tolmach.adapters.dicomweb.pixel_workers import PixelLimits, PixelWorkers
from tolmach.adapters.dicomweb.served_faults import BadRequest, Busy, NoPicture
from tolmach.dicom import uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import Damaged, NotDicom
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource

PNG = View("PNG")


@pytest.fixture(scope="module")
def workers() -> Iterator[PixelWorkers]:
    found = PixelWorkers(PixelLimits(seconds=20))
    yield found
    found.close()


def opened(file: bytes) -> DataSet:
    return open_data_set(MemorySource(file))


def image(
    pixels: bytes,
    *,
    rows: int = 4,
    columns: int = 4,
    bits: int = 8,
    samples: int = 1,
    photometric: str = "MONOCHROME2",
    frames: int = 1,
    signed: bool = False,
    more: bytes = b"",
    syntax: str = EXPLICIT_LE,
    fragments: list[bytes] | None = None,
) -> DataSet:
    """Give an image of our own making; numbers may be as absurd as they like."""

    def us(tag: int, number: int) -> bytes:
        return EXPLICIT.element(tag, "US", struct.pack("<H", number))

    body = EXPLICIT.element(0x00080018, "UI", even(INSTANCE.encode(), b"\0")) + us(0x00280002, samples)
    body += EXPLICIT.element(0x00280004, "CS", even(photometric.encode()))
    body += EXPLICIT.element(0x00280008, "IS", even(str(frames).encode()))
    body += us(0x00280010, rows) + us(0x00280011, columns) + us(0x00280100, bits) + us(0x00280101, bits)
    body += us(0x00280102, max(0, bits - 1)) + us(0x00280103, int(signed)) + more
    if fragments is not None:
        return opened(part10(body + EXPLICIT.fragments(0x7FE00010, fragments), syntax))
    return opened(part10(body + EXPLICIT.element(0x7FE00010, "OW", even(pixels, b"\0")), syntax))


def shown(data_set: DataSet, workers: PixelWorkers, view: View = PNG, frame: int = 0) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(picture(data_set, Frames(data_set), frame, view, workers))) as found:
        return np.asarray(found)


def test_decoded_frames_are_the_pixels_pydicom_sees(corpus: Path, workers: PixelWorkers) -> None:
    seen: set[str] = set()
    for path in sorted(corpus.rglob("*")):
        if not path.is_file() or path.stat().st_size > 4_000_000:
            continue
        try:
            data_set = opened(path.read_bytes())
        except (NotDicom, Damaged):
            continue
        found = Frames(data_set)
        syntax = data_set.transfer_syntax_uid
        if not found.are_compressed or syntax not in DECODABLE or syntax in seen or not found.count:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            oracle = pydicom.dcmread(path)
            try:
                expected = oracle.pixel_array
            except (AttributeError, ValueError, RuntimeError):
                continue
        try:
            _photometric, body = decoded(data_set, found, 0, workers)
        except NoPicture:
            continue
        first = expected[0] if found.layout.frames > 1 else expected
        given = np.frombuffer(body, expected.dtype).reshape(first.shape)
        tolerance = 2 if syntax == uids.JPEGBaseline8Bit else 0
        assert np.abs(given.astype(int) - first.astype(int)).max() <= tolerance, path
        seen.add(syntax)
    assert {uids.RLELossless, uids.JPEG2000Lossless, uids.JPEGLSLossless, uids.JPEGBaseline8Bit} <= seen


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm"])
def test_any_uncompressed_data_set_becomes_explicit(name: str) -> None:
    file = Path(str(get_testdata_file(name))).read_bytes()
    source = as_explicit(opened(file))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = pydicom.dcmread(io.BytesIO(file))
        found = pydicom.dcmread(io.BytesIO(part10(bytes(source.read(0, source.size)))))
        assert np.array_equal(found.pixel_array, expected.pixel_array)
        for element in expected:
            if element.tag.element and element.VR not in ("UN", "OW"):
                assert str(found[element.tag].value) == str(element.value)


def test_native_frames_are_cut_by_counting() -> None:
    data_set = image(bytes(range(48)), frames=3)
    found = Frames(data_set)
    assert found.count == 3
    assert [found.read(number) for number in range(3)] == [bytes(range(at, at + 16)) for at in (0, 16, 32)]


def test_frames_of_single_bits_begin_where_they_begin() -> None:
    data_set = image(bytes([0b11111111, 0b00000001, 0b10]), rows=3, columns=3, bits=1, frames=2)
    found = Frames(data_set)
    assert found.read(0) == bytes([0b11111111, 0b1])
    assert found.read(1)[0] & 0b1 == 0
    assert found.read(1)[0] >> 8 == 0


OFFSETS = struct.pack("<LL", 0, 20)


@pytest.mark.parametrize(
    ("items", "frames", "expected"),
    [
        ([b"", b"AB", b"CD"], 2, [b"AB", b"CD"]),
        ([b"", b"AB", b"CD"], 1, [b"ABCD"]),
        ([OFFSETS, b"AB", b"CD", b"EF"], 2, [b"ABCD", b"EF"]),
        ([struct.pack("<LL", 0, 7), b"AB", b"CD"], 2, [b"AB", b"CD"]),
        ([struct.pack("<LL", 20, 0), b"AB", b"CD"], 2, [b"AB", b"CD"]),
        ([b"", b"AB", b"CD", b"EF", b"GH"], 2, [b"ABCD", b"EFGH"]),
        ([b"", b"AB"], 9, [b"AB"]),
        ([b""], 1, []),
        ([], 1, []),
    ],
)
def test_compressed_frames_are_found_whatever_the_table_says(
    items: list[bytes], frames: int, expected: list[bytes]
) -> None:
    found = Frames(image(b"", frames=frames, syntax=uids.JPEG2000, fragments=items))
    assert [found.read(number) for number in range(found.count)] == expected


def test_a_window_is_applied_after_the_rescaling(workers: PixelWorkers) -> None:
    more = EXPLICIT.element(0x00281052, "DS", b"-100") + EXPLICIT.element(0x00281053, "DS", b"2 ")
    data_set = image(struct.pack("<16H", *range(0, 160, 10)), bits=16, more=more)
    found = shown(data_set, workers, View("PNG", window=(0.0, 100.0, "linear-exact")))
    expected = [round(min(max((value * 2 - 100) / 100 + 0.5, 0), 1) * 255) for value in range(0, 160, 10)]
    assert np.abs(found.reshape(-1).astype(int) - expected).max() <= 1


def test_the_own_window_counts_where_none_is_asked_for(workers: PixelWorkers) -> None:
    more = EXPLICIT.element(0x00281050, "DS", b"8 ") + EXPLICIT.element(0x00281051, "DS", b"2 ")
    found = shown(image(bytes(range(16)), more=more), workers).reshape(-1)
    assert found[0] == 0
    assert found[15] == 255
    assert not found[:7].any()


def test_monochrome_1_is_shown_with_low_values_white(workers: PixelWorkers) -> None:
    found = shown(image(bytes(range(16)), photometric="MONOCHROME1"), workers).reshape(-1)
    assert found[0] == 255
    assert found[15] == 0


def test_signed_values_are_signed(workers: PixelWorkers) -> None:
    found = shown(image(struct.pack("<16h", *range(-8, 8)), bits=16, signed=True), workers).reshape(-1)
    assert list(found) == sorted(found)
    assert (found[0], found[15]) == (0, 255)


def test_planes_become_colours(workers: PixelWorkers) -> None:
    planar = EXPLICIT.element(0x00280006, "US", b"\1\0")
    # (0028,0006) stands out of order here, as some machines write it.
    data_set = image(b"\xff" * 16 + b"\0" * 32, samples=3, photometric="RGB", more=planar)
    assert (shown(data_set, workers) == [255, 0, 0]).all()


def palette(first: int, table: bytes) -> bytes:
    more = b""
    for colour in range(3):
        more += EXPLICIT.element(0x00281101 + colour, "US", struct.pack("<HHH", len(table), first, 8))
    for colour in range(3):
        more += EXPLICIT.element(0x00281201 + colour, "OW", even(table if colour == 0 else bytes(len(table)), b"\0"))
    return more


def test_indices_outside_the_palette_get_its_last_colour(workers: PixelWorkers) -> None:
    """F-09: a palette index out of range."""
    data_set = image(bytes([0, 1, 2, 255] * 4), photometric="PALETTE COLOR", more=palette(1, bytes([10, 20])))
    found = shown(data_set, workers)[0, :, 0]
    assert list(found) == [10, 10, 20, 20]


def test_a_viewport_keeps_the_proportions_and_a_region_is_cut_out(workers: PixelWorkers) -> None:
    data_set = image(bytes(range(32)), rows=4, columns=8)
    assert shown(data_set, workers, view_of({"viewport": "4,4"}, "image/png")).shape == (2, 4)
    cut = shown(data_set, workers, view_of({"viewport": "2,2,6,2,2,2"}, "image/png"))
    assert cut.shape == (2, 2)
    flipped = shown(data_set, workers, view_of({"viewport": "8,4,0,0,-8,4"}, "image/png"))
    assert (flipped == shown(data_set, workers)[:, ::-1]).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"viewport": "100000,100000"},
        {"viewport": "0,5"},
        {"viewport": "5"},
        {"viewport": "5,5,-1,0,1,1"},
        {"viewport": "a,b"},
        {"viewport": "5,5,1e400,0,1,1"},
        {"window": "40,400"},
        {"window": "40,0,linear"},
        {"window": "nan,1,linear"},
        {"window": "40,400,cubic"},
        {"quality": "0"},
        {"quality": "101"},
        {"quality": "٣"},
        {"annotation": "everything"},
        {"iccprofile": "mine"},
    ],
)
def test_what_cannot_be_rendered_is_refused_before_anything_is_read(parameters: dict[str, str]) -> None:
    """H-10: pictures of 100,000 by 100,000 and the like."""
    with pytest.raises(BadRequest):
        view_of(parameters, "image/jpeg")


@pytest.mark.parametrize(
    "parameters", [{"rows": "5"}, {"region": "0,0,2,2"}, {"windowCenter": "5"}, {"imageQuality": "x"}]
)
def test_parameters_of_wado_uri_are_judged_too(parameters: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        uri_view_of(parameters, "image/jpeg", Frames(image(bytes(16))).layout)


# What is made to kill -----------------------------------------------------------------------------------------

HUGE = (struct.pack("<L", 1) + struct.pack("<15L", *[64] * 15)) + b"\x81\0" * 40_000


@pytest.mark.parametrize(
    "data_set",
    [
        image(b"\1\2", rows=65535, columns=65535),
        image(b"\1\2", rows=46341, columns=46341, bits=32),
        image(b"\1\2", frames=10**9),
        image(b"", rows=0, columns=0),
        image(bytes(64), bits=13),
        image(bytes(64), samples=200),
        image(b"", syntax=uids.RLELossless, fragments=[b"", b"\1\0\0\0"]),
        image(b"", syntax=uids.RLELossless, fragments=[b"", struct.pack("<16L", 1, 5_000_000, *[0] * 14)]),
        image(b"", rows=14000, columns=14000, bits=16, syntax=uids.RLELossless, fragments=[b"", HUGE]),
        image(b"", syntax=uids.JPEG2000, fragments=[b"", b"\xff\x4f\xff\x51" + os.urandom(500)]),
        image(b"", syntax=uids.JPEGLSLossless, fragments=[b"", b"\xff\xd8\xff\xf7" + os.urandom(500)]),
        image(b"", syntax=uids.JPEGBaseline8Bit, fragments=[b"", b"\xff\xd8\xff\xe0" + os.urandom(500)]),
        image(b"", syntax="1.2.840.10008.1.2.4.111", fragments=[b"", b"jxl"]),
        image(b"", syntax="1.2.3.4.5", fragments=[b"", b"private"]),
    ],
    ids=lambda one: f"{Frames(one).layout.rows}x{Frames(one).layout.columns}-{one.transfer_syntax_uid[-6:]}",
)
def test_absurd_pixels_are_no_picture_and_kill_nobody(data_set: DataSet, workers: PixelWorkers) -> None:
    """F-09, F-10: sizes beyond the data, mutated RLE and J2K, unknown syntaxes."""
    began = time.monotonic()
    with pytest.raises(NoPicture):
        picture(data_set, Frames(data_set), 0, View("JPEG"), workers)
    assert time.monotonic() - began < 10
    assert shown(image(bytes(range(16))), workers).shape == (4, 4)


def test_a_child_that_wants_too_much_memory_is_refused_with_words() -> None:
    """F-09: the limit is the child's, not ours."""
    small = PixelWorkers(PixelLimits(memory_bytes=64 << 20))
    data_set = image(bytes(2 * 6000 * 6000), rows=6000, columns=6000, bits=16)
    try:
        with pytest.raises(NoPicture, match=r"memory|survive"):
            shown(data_set, small)
    finally:
        small.close()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "survive"),
        ("import time; time.sleep(60)", "longer"),
        ("import sys; sys.stdout.buffer.write(b'\\xff' * 100); sys.stdout.flush()", "survive"),
        ("import sys; sys.stdout.buffer.write(b'\\5\\0\\0\\0hello'); sys.stdout.flush()", "survive"),
        (
            "import sys; d = b'{\"length\": 99999999999}'; sys.stdout.buffer.write(len(d).to_bytes(4, 'little') + d)",
            "survive",
        ),
    ],
)
def test_a_decoder_that_dies_hangs_or_babbles_costs_one_picture(program: str, words: str) -> None:
    """F-09: a killed child gives an answer with words; the next one is a new child."""
    bad = PixelWorkers(PixelLimits(seconds=1.0), [sys.executable, "-c", program])
    data_set = image(bytes(16))
    try:
        for _ in range(2):
            with pytest.raises(NoPicture, match=words):
                picture(data_set, Frames(data_set), 0, PNG, bad)
    finally:
        bad.close()


def test_children_are_replaced_after_their_share_and_none_is_left() -> None:
    few = PixelWorkers(PixelLimits(processes=1, jobs_each=2))
    data_set = image(bytes(range(16)))
    seen = []
    for _ in range(4):
        shown(data_set, few)
        seen.append([one._process.pid for one in few._idle])
    assert seen[0]
    assert seen[1] == []
    assert seen[2] != seen[0]
    few.close()
    assert few._idle == []


@pytest.mark.parametrize("fires", ["just before the end", "just after it"])
def test_a_time_limit_that_fires_as_a_job_ends_costs_no_picture(fires: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alarms: list[Callable[[], None]] = []

    class Clock:
        def __init__(self, _seconds: float, alarm: Callable[[], None]) -> None:
            alarms.append(alarm)

        def start(self) -> None:
            pass

        def cancel(self) -> None:
            if fires == "just before the end":
                alarms[-1]()

    monkeypatch.setattr(pixel_workers.threading, "Timer", Clock)
    few = PixelWorkers(PixelLimits(processes=1))
    data_set = image(bytes(range(16)))
    try:
        for _ in range(3):
            assert shown(data_set, few).shape == (4, 4)
            if fires == "just after it":
                alarms[-1]()
            assert len(few._idle) == (fires == "just after it")
    finally:
        few.close()


def test_children_open_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows a program without a console of its own would show one for each child."""
    asked: list[int] = []
    started = subprocess.Popen

    def seen(*arguments: Any, creationflags: int = 0, **more: Any) -> Any:
        asked.append(creationflags)
        return started(*arguments, **more)

    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 0x08000000, raising=False)
    monkeypatch.setattr(pixel_workers.subprocess, "Popen", seen)
    few = PixelWorkers()
    try:
        shown(image(bytes(range(16))), few)
    finally:
        few.close()
    assert asked == [0x08000000]


def test_who_waits_too_long_for_a_child_is_told_to_come_again() -> None:
    slow = PixelWorkers(
        PixelLimits(processes=1, seconds=3.0, wait_seconds=0.05), [sys.executable, "-c", "import time; time.sleep(9)"]
    )
    data_set = image(bytes(16))
    begun = threading.Event()

    def occupy() -> None:
        begun.set()
        with pytest.raises(NoPicture):
            picture(data_set, Frames(data_set), 0, PNG, slow)

    thread = threading.Thread(target=occupy)
    thread.start()
    begun.wait()
    try:
        deadline = time.monotonic() + 10
        while slow._free._value and time.monotonic() < deadline:
            time.sleep(0.001)
        with pytest.raises(Busy):
            picture(data_set, Frames(data_set), 0, PNG, slow)
    finally:
        thread.join()
        slow.close()
