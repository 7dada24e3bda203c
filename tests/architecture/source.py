"""The package as the gates see it: files and syntax trees under a root, so a planted tree is judged the same way."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The floors that may touch the outside world. Everything else is domain.
OUTER = ("apps", "adapters")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Finding:
    """A place that breaks a rule."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


Gate = Callable[[Path], list[Finding]]


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file: its path below the root, its dotted name, its text and tree."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def folder(self) -> str:
        """The floor it belongs to: `tolmach.dicom.scanner` belongs to `dicom`; the package itself to none."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else ""

    @property
    def outer(self) -> bool:
        return self.folder in OUTER

    @property
    def generated(self) -> bool:
        return self.path.endswith("_generated.py")

    @property
    def is_package(self) -> bool:
        return self.path.endswith("__init__.py")

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


@cache
def _parsed(path: str, name: str, text: str) -> Module:
    return Module(path, name, text, ast.parse(text, path))


def modules(root: Path, *trees: str) -> Iterator[Module]:
    """Yield every Python file below the given folders of the root (the package alone when none is given)."""
    for tree in trees or ("src/tolmach",):
        for file in sorted((root / tree).rglob("*.py")):
            path = file.relative_to(root).as_posix()
            dotted = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            yield _parsed(path, dotted, file.read_text(encoding="utf-8"))


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Yield every function and method with its qualified name, nested ones included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield f"{prefix}{node.name}", node
            yield from functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")
        else:
            yield from functions(node, prefix)


def docstrings(tree: ast.AST) -> set[int]:
    """Give the identities of the constants that are docstrings."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | Function) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add(id(first.value))
    return found


def imported(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield the dotted name of every module that is imported (and `module.name` for `from module import name`)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node


def dotted(node: ast.AST) -> str:
    """Give `os.path.join` for such an expression, and an empty text for anything that is not a plain chain of names."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}" if dotted(node.value) else ""
    return ""


def reasons(root: Path, file: str) -> dict[str, dict[str, str]]:
    """Read a waiver file: a table for each place, which must say `reason`."""
    path = root / "tests" / "architecture" / file
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
