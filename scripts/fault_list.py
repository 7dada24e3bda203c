"""Every fault of the package, read from its source: what `docs/errors.md` and the gates on faults stand on.

A fault is written as `Fault("TLM-XXX-000", N_("what"), N_("todo"))`; a text may also be a constant of the same module
made with `N_`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WrittenFault:
    """A fault as the source has it. `what` and `todo` are None when they are not marked, constant texts."""

    where: str
    code: str
    what: str | None
    todo: str | None


def written_faults(root: Path) -> Iterator[WrittenFault]:
    """Yield every fault of `src/tolmach` in the order of files and lines."""
    for file in sorted((root / "src" / "tolmach").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if "Fault(" not in text or file.name == "words.py":
            continue
        tree = ast.parse(text)
        constants = _marked_constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) == "Fault":
                given = dict(zip(("code", "what", "todo"), node.args, strict=False))
                given |= {word.arg: word.value for word in node.keywords if word.arg}
                code = given.get("code")
                yield WrittenFault(
                    where=f"{file.relative_to(root).as_posix()}:{node.lineno}",
                    code=str(code.value) if isinstance(code, ast.Constant) else "",
                    what=_marked(given.get("what"), constants),
                    todo=_marked(given.get("todo"), constants),
                )


def _marked_constants(tree: ast.Module) -> dict[str, str]:
    constants: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            text = _marked(node.value, {})
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if text is not None:
                constants |= {target.id: text for target in targets if isinstance(target, ast.Name)}
    return constants


def _marked(node: ast.expr | None, constants: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.Call) and _name(node.func) == "N_" and len(node.args) == 1:
        text = node.args[0]
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            return text.value
    return None


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
