"""What a folder says it offers can be had, whatever else is imported or not."""

import importlib
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT, modules

PACKAGES = [module.name for module in modules(ROOT) if module.is_package]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_offered_name_is_there(package: str) -> None:
    folder = importlib.import_module(package)
    absent = [name for name in getattr(folder, "__all__", ()) if not hasattr(folder, name)]
    assert not absent


def test_every_module_can_be_imported_first() -> None:
    """No module leans on another having been imported before it (one fresh interpreter each would be too slow)."""
    names = [module.name for module in modules(ROOT) if not module.name.endswith("__main__")]
    program = (
        "import importlib, sys\n"
        "kept = set(sys.modules)\n"
        "for name in sys.argv[1:]:\n"
        "    for loaded in [m for m in sys.modules if m.partition('.')[0] == 'tolmach']:\n"
        "        del sys.modules[loaded]\n"
        "    importlib.import_module(name)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
