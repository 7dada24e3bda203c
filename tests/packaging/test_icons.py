"""The icons: every size there is a use for, sharp, with clear corners, from the one drawing."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from scripts.render_icons import DRAWING, ICO_SIZES, SIZES
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def icons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("icons")
    subprocess.run(
        [sys.executable, str(ROOT / "scripts/render_icons.py"), str(folder)], check=True, capture_output=True
    )
    return folder


@pytest.mark.parametrize("size", SIZES)
def test_each_size_is_drawn(icons: Path, size: int) -> None:
    with Image.open(icons / "hicolor" / f"{size}x{size}" / "apps" / "tolmach.png") as image:
        assert image.size == (size, size)
        assert image.mode == "RGBA"
        assert image.getpixel((0, 0))[3] == 0  # type: ignore[index]
        red, green, blue, alpha = image.getpixel((size // 2, size * 15 // 64))  # type: ignore[misc]
        assert alpha == 255
        assert abs(red - 0x0B) + abs(green - 0x6E) + abs(blue - 0x8F) < 120
        lightest = max(sum(colour[1][:3]) for colour in image.getcolors(1 << 20) or ())  # type: ignore[index]
        assert lightest > 600  # the letter can be told from what it stands on


def test_the_drawing_itself_goes_along(icons: Path) -> None:
    assert (icons / "hicolor/scalable/apps/tolmach.svg").read_bytes() == DRAWING.read_bytes()


def test_windows_gets_every_size_in_one_file(icons: Path) -> None:
    with Image.open(icons / "tolmach.ico") as image:
        assert image.info["sizes"] == {(size, size) for size in ICO_SIZES}
