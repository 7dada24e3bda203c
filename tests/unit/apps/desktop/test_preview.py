"""Images are decoded in another process; what comes back is a picture, or words that say why there is none."""

import shutil
import sys
import time
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from pytestqt.qtbot import QtBot

from tests.builders import body, part10
from tests.calling import CLEAN
from tests.unit.apps.desktop.conftest import WAIT, MakeWindow, loaded
from tolmach.apps.desktop.faults import NotDecoded
from tolmach.apps.desktop.preview import NoPicture, Picture, Preview, Told, picture_of
from tolmach.apps.desktop.preview_child import decode

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
SHOWN = {
    "CT_small.dcm": (128, 128, 1),
    "MR_small_bigendian.dcm": (64, 64, 1),
    "SC_rgb_small_odd.dcm": (3, 3, 3),
    "SC_rgb_jpeg_dcmtk.dcm": (100, 100, 3),
    "examples_palette.dcm": (800, 350, 3),
    "JPEG2000.dcm": (256, 1024, 1),
    "SC_rgb_dcmtk_+eb+cr.dcm": (100, 100, 3),
}


def sample(name: str) -> Path:
    found = get_testdata_file(name, download=False)
    assert isinstance(found, str), name
    return Path(found)


@pytest.mark.parametrize("name", SHOWN)
def test_images_are_decoded(name: str) -> None:
    about, pixels = decode(sample(name), 1400)
    assert (about["width"], about["height"], about["channels"]) == SHOWN[name]
    assert len(pixels) == about["width"] * about["height"] * about["channels"]
    assert len(set(pixels)) > 2


def test_large_images_are_made_small() -> None:
    about, _ = decode(sample("CT_small.dcm"), 50)
    assert max(about["width"], about["height"]) <= 50


@pytest.mark.parametrize("name", ["MR_small_jpeg_ls_lossless.dcm", "SC_rgb_rle.dcm"])
def test_a_compression_it_does_not_know_is_named(name: str) -> None:
    with pytest.raises(NotDecoded, match="compression"):
        decode(sample(name), 1400)


def test_no_pixels_and_lies_about_pixels(tmp_path: Path) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(CLEAN)
    with pytest.raises(NotDecoded, match="no pixels"):
        decode(file, 1400)
    huge = [(0x00280010, "US", b"\xff\xff"), (0x00280011, "US", b"\xff\xff"), (0x00280100, "US", b"\x20\0")]
    file.write_bytes(part10(body(*huge, (0x7FE00010, "OW", bytes(16)))))
    with pytest.raises(NotDecoded, match="too large"):
        decode(file, 1400)
    short = [(0x00280010, "US", b"\x40\0"), (0x00280011, "US", b"\x40\0"), (0x00280100, "US", b"\x10\0")]
    file.write_bytes(part10(body(*short, (0x7FE00010, "OW", bytes(16)))))
    with pytest.raises(NotDecoded, match="cut short"):
        decode(file, 1400)


def asked(qtbot: QtBot, path: Path, command: list[str] | None = None, seconds: float = 0) -> Told:
    told: list[Told] = []
    preview = Preview(told.append, command, seconds)
    preview.ask(path)
    qtbot.waitUntil(lambda: bool(told), timeout=60_000)
    return told[0]


def test_the_other_process_gives_a_picture(qtbot: QtBot) -> None:
    told = asked(qtbot, sample("CT_small.dcm"))
    assert isinstance(told, Picture)
    assert (told.width, told.height, told.channels, told.frames) == (128, 128, 1, 1)


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.abort()",
        "import time; time.sleep(600)",
        "print('no json')",
        "import sys; sys.stdout.buffer.write(b'{}\\n')",
        'import sys; sys.stdout.buffer.write(b\'{"width": 9, "height": 9, "channels": 3, "frames": 1}\\nx\')',
    ],
)
def test_a_process_that_dies_hangs_or_lies_is_told_in_words(qtbot: QtBot, code: str) -> None:
    began = time.monotonic()
    told = asked(qtbot, Path("x"), [sys.executable, "-c", code], 1.0)
    assert isinstance(told, NoPicture)
    assert time.monotonic() - began < 30


def test_words_of_the_other_process_are_facts_not_code() -> None:
    told = picture_of(
        Path("x"),
        b'{"why": {"msgid": "its compression ({syntax}) is not known to the preview", "facts": {"syntax": "RLE"}}}\n',
    )
    assert isinstance(told, NoPicture)
    assert "RLE" in str(told.why)


def test_the_view_shows_the_image_of_the_selected_file(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> None:
    for name in ("CT_small.dcm", "SC_rgb_rle.dcm"):
        shutil.copy(sample(name), tmp_path)
    window = loaded(make_window(), qtbot, tmp_path / "CT_small.dcm", tmp_path / "SC_rgb_rle.dcm", count=2)
    view = window.send_view
    view.table.selectRow(0)
    view.details.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: view.details.picture.has_picture, timeout=WAIT)
    assert "128 × 128" in view.details.picture.about.text()
    view.table.selectRow(1)
    qtbot.waitUntil(lambda: "RLELossless" in view.details.picture.label.text(), timeout=WAIT)
