"""The import contract of `.importlinter`, held against the package and shown faults of every kind."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

FLOORS = [
    ["apps"],
    ["adapters", "journeys"],
    ["intake", "delivery", "worklist", "archive", "reports"],
    ["repair"],
    ["edit"],
    ["dicom", "hl7"],
    ["text"],
    ["base"],
]
FOLDERS = [folder for floor in FLOORS for folder in floor]
OWNERS = {
    "pydicom": ["dicom", "adapters.dimse", "apps.demo"],
    "pynetdicom": ["adapters.dimse"],
    "sqlalchemy": ["adapters.sql"],
    "alembic": ["adapters.sql"],
    "psycopg": ["adapters.sql"],
    "fastapi": ["adapters.dicomweb", "apps.console", "apps.gateway"],
    "starlette": ["adapters.dicomweb", "apps.console", "apps.gateway"],
    "uvicorn": ["adapters.dicomweb", "apps.console", "apps.gateway"],
    "PySide6": ["apps.desktop"],
    "obstore": ["adapters.objects"],
    "watchdog": ["adapters.folder"],
}


def lint(root: Path) -> str:
    """Run import-linter on the package below `root` and give what it prints; empty when every contract is kept."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    ended = subprocess.run(
        [*command, "--no-cache", "--no-logo", "--config", str(ROOT / ".importlinter")],
        cwd=root,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(root / "src"), str(ROOT)]), "COLUMNS": "300"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode in (0, 1), ended.stderr
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """All fourteen folders, and a module of every owner that uses its library as it may."""
    package(tmp_path, "")
    for folder in FOLDERS:
        package(tmp_path, folder)
    for library, owners in OWNERS.items():
        for owner in owners:
            package(tmp_path, owner)
            plant(tmp_path, f"{owner}.uses_{library.lower()}", f"import {library}")
    return tmp_path


def package(root: Path, name: str) -> None:
    folder = root.joinpath("src", "tolmach", *name.split("."))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").write_text('"""A folder."""\n', encoding="utf-8")


def plant(root: Path, module: str, line: str) -> None:
    file = root.joinpath("src", "tolmach", *module.split(".")).with_suffix(".py")
    file.write_text(f'"""A module."""\n\n{line}\n', encoding="utf-8")


def test_the_house_keeps_its_contract() -> None:
    assert not lint(ROOT)


def test_a_house_in_order_passes(house: Path) -> None:
    for upper, lower in pairwise(FLOORS):
        plant(house, f"{upper[0]}.downwards", f"import tolmach.{lower[-1]}")
    assert not lint(house)


def test_imports_upwards_and_between_strangers_are_found(house: Path) -> None:
    """One tree with every forbidden step: each must be named, so that none hides behind another."""
    steps = [(lower[0], upper[0]) for upper, lower in pairwise(FLOORS)]
    steps += [(floor[0], floor[-1]) for floor in FLOORS if len(floor) > 1]
    for source, target in steps:
        plant(house, f"{source}.towards_{target}", f"import tolmach.{target}")
    found = lint(house)
    for source, target in steps:
        assert f"tolmach.{source}.towards_{target} -> tolmach.{target}" in found


def test_a_folder_without_a_floor_is_found(house: Path) -> None:
    package(house, "billing")
    assert "billing" in lint(house)


def test_strangers_who_use_an_owned_library_are_found(house: Path) -> None:
    for library in OWNERS:
        plant(house, f"adapters.stranger_to_{library.lower()}", f"from {library} import something")
    found = lint(house)
    for library in OWNERS:
        assert f"tolmach.adapters.stranger_to_{library.lower()} imports {library};" in found


def test_a_folder_named_like_an_owner_is_no_owner(house: Path) -> None:
    plant(house, "adapters.dimse_too", "import pynetdicom")
    assert "tolmach.adapters.dimse_too imports pynetdicom;" in lint(house)
