"""The door of the built program, packaging/start.py, as a module: it is no part of a package."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from tests.conftest import ROOT

START = ROOT / "packaging" / "start.py"


def _loaded() -> ModuleType:
    specification = importlib.util.spec_from_file_location("tolmach_start", START)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


start = _loaded()
CHILDREN = frozenset[str](start.CHILDREN)
