"""The menu entry: what the specification asks for, in three languages; also by desktop-file-validate if it is there.

Standard: freedesktop.org Desktop Entry Specification 1.1, Desktop Menu Specification 1.1 (categories).
"""

import configparser
import re
import shutil
import subprocess

import pytest

from scripts import render_icons
from tests.conftest import ROOT

FILE = ROOT / "packaging" / "linux" / "tolmach.desktop"
KNOWN = {
    *("Type", "Version", "Name", "GenericName", "Comment", "Icon", "TryExec", "Exec", "Terminal", "MimeType"),
    *("Categories", "Keywords", "StartupNotify", "StartupWMClass"),
}
LISTS = {"MimeType", "Categories", "Keywords"}
LANGUAGES = ("ru", "uk")


@pytest.fixture
def entry() -> dict[str, str]:
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(FILE.read_text("utf-8"))
    assert parser.sections() == ["Desktop Entry"]
    return dict(parser["Desktop Entry"])


def test_it_has_what_is_required_and_nothing_unknown(entry: dict[str, str]) -> None:
    assert FILE.read_bytes().startswith(b"[Desktop Entry]\nType=Application\n")
    assert {key.partition("[")[0] for key in entry} == KNOWN
    assert entry["Terminal"] == "false"
    assert entry["StartupNotify"] == "true"
    for key in LISTS:
        assert entry[key].endswith(";"), key
        assert len(set(entry[key].split(";"))) == entry[key].count(";") + 1, key
    for value in entry.values():
        assert value == value.strip()
        assert not re.search(r"[\x00-\x1f\x7f]", value)


def test_it_starts_the_window_with_the_files_that_are_given(entry: dict[str, str]) -> None:
    words = entry["Exec"].split()
    assert words == [entry["TryExec"], "desktop", "%F"]
    assert entry["MimeType"] == "application/dicom;"


def test_its_categories_are_registered_and_the_main_one_is_there(entry: dict[str, str]) -> None:
    categories = entry["Categories"].rstrip(";").split(";")
    assert categories == ["Science", "MedicalSoftware", "Qt"]  # MedicalSoftware belongs to Science


@pytest.mark.parametrize("key", ["GenericName", "Comment", "Keywords"])
def test_texts_are_there_in_three_languages(entry: dict[str, str], key: str) -> None:
    assert entry[key].isascii()
    for language in LANGUAGES:
        text = entry[f"{key}[{language}]"]
        assert re.search("[а-яіїєґ]", text)
        assert text != entry[key]
    assert re.search("[іїєґ]", entry[f"{key}[uk]"]) or key == "Keywords"
    assert not re.search("[ыэъё]", entry[f"{key}[uk]"])
    assert not re.search("[іїєґ]", entry[f"{key}[ru]"])


def test_the_window_and_the_icon_are_called_the_same(entry: dict[str, str]) -> None:
    program = (ROOT / "src/tolmach/apps/desktop/program.py").read_text("utf-8")
    assert 'setDesktopFileName("tolmach")' in program
    assert entry["Icon"] == entry["StartupWMClass"] == FILE.stem == render_icons.NAME


def test_the_tool_of_the_desktop_finds_nothing_where_it_is_installed() -> None:
    tool = shutil.which("desktop-file-validate")
    if tool is None:
        return  # no peer that is required; the tests above stand in for it
    ran = subprocess.run([tool, str(FILE)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")
