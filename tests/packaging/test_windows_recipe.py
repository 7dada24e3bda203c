"""The recipe of the installer for Windows, which cannot be run here: what can be read from it holds."""

import re
from collections import defaultdict

import pytest

from tests.conftest import ROOT
from tolmach.apps.service_unit import NAME

FILE = ROOT / "packaging" / "windows" / "tolmach.iss"
LANGUAGES = {"en", "ru", "uk"}


def sections() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    name = ""
    for line in FILE.read_text("utf-8").splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            name = match[1]
        elif line.strip() and not line.startswith(";"):
            found[name].append(line)
    return found


@pytest.fixture(scope="module")
def recipe() -> dict[str, list[str]]:
    return sections()


def setup_of(recipe: dict[str, list[str]]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in recipe["Setup"])


def test_every_text_is_there_in_three_languages(recipe: dict[str, list[str]]) -> None:
    assert {re.search(r'Name: "(\w+)"', line)[1] for line in recipe["Languages"]} == LANGUAGES  # type: ignore[index]
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for line in recipe["CustomMessages"]:
        language, name, text = re.fullmatch(r"(\w+)\.(\w+)=(.+)", line).groups()  # type: ignore[union-attr]
        texts[name][language] = text
    used = set(re.findall(r"\{cm:(\w+)[,}]", FILE.read_text("utf-8"))) - {"LaunchProgram"}  # Inno's own
    used |= set(re.findall(r"CustomMessage\('(\w+)'\)", FILE.read_text("utf-8")))
    assert used == texts.keys()
    for name, spoken in texts.items():
        assert spoken.keys() == LANGUAGES, name
        if name != "Window":
            assert len(set(spoken.values())) == 3, name
            assert not re.search("[ыэъё]", spoken["uk"]), name


def test_it_is_for_the_whole_machine_and_is_recognised_again(recipe: dict[str, list[str]]) -> None:
    told = setup_of(recipe)
    assert told["PrivilegesRequired"] == "admin"
    assert told["AppId"] == "{{6B0C2B5B-5B0E-4B52-9C1C-7C5F5D1E3A64}"
    assert told["DefaultDirName"].startswith("{autopf}")


def test_neither_upgrade_nor_removal_touches_data(recipe: dict[str, list[str]]) -> None:
    assert "UninstallDelete" not in recipe
    assert recipe["InstallDelete"] == ['Type: filesandordirs; Name: "{app}\\_internal"']
    (folder,) = recipe["Dirs"]
    assert "{commonappdata}\\tolmach" in folder
    assert "uninsneveruninstall" in folder
    assert not any("DelTree" in line or "DeleteFile" in line for line in recipe["Code"])


def test_the_service_is_stopped_for_an_upgrade_and_removed_with_the_program(recipe: dict[str, list[str]]) -> None:
    code = "\n".join(recipe["Code"])
    assert "stop tolmach" in code
    assert "start tolmach" in code
    assert "service install" in code
    (removal,) = recipe["UninstallRun"]
    assert '"{app}\\tolmach.exe"; Parameters: "service remove"' in removal
    assert NAME.fullmatch("tolmach")


def test_what_is_asked_for_is_off_until_somebody_asks(recipe: dict[str, list[str]]) -> None:
    assert len(recipe["Tasks"]) == 3
    assert all("Flags: unchecked" in line for line in recipe["Tasks"])
    registry = recipe["Registry"]
    assert all("Tasks: associate" in line for line in registry)
    assert not any('Subkey: "Software\\Classes\\.dcm";' in line for line in registry)  # who opens them now goes on


def test_the_code_has_as_many_ends_as_beginnings(recipe: dict[str, list[str]]) -> None:
    code = re.sub(r"'[^']*'|\{[^}]*\}", "", "\n".join(recipe["Code"]))
    assert len(re.findall(r"\bbegin\b", code)) == len(re.findall(r"\bend\b", code))
    assert code.count("(") == code.count(")")
