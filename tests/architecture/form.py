"""Gates on form: sizes, names, docstrings, what a folder offers, who may catch everything."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.architecture.source import Finding, Function, Gate, Module, functions, modules, reasons

MODULE_LINES = 400
FUNCTION_LINES = 50
# Above this no reason helps.
FUNCTION_LINES_EVER = 80
REFUSED_NAMES = frozenset(
    "common utils util helpers helper core lib misc manager managers services handlers shared".split()
)
REFUSED_VERBS = frozenset("process handle manage".split())


def size(root: Path) -> list[Finding]:
    """Modules have at most 400 lines and functions at most 50, unless a reason is given; functions never over 80."""
    waivers = reasons(root, "size_waivers.toml")
    used: set[str] = set()
    found: list[Finding] = []

    def over(place: str, lines: int, limit: int) -> None:
        if place in waivers and lines <= (FUNCTION_LINES_EVER if "::" in place else lines):
            used.add(place)
        else:
            found.append(Finding(place, f"{lines} lines; the budget is {limit}"))

    for module in modules(root, "src/tolmach", "scripts", "benchmarks"):
        if module.generated:
            continue
        if (lines := module.text.count("\n")) > MODULE_LINES:
            over(module.path, lines, MODULE_LINES)
        for name, node in functions(module.tree):
            if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES:
                over(f"{module.path}::{name}", lines, FUNCTION_LINES)
    found += [Finding(place, "a waiver without a reason") for place, w in waivers.items() if not w.get("reason")]
    found += [Finding(place, "a waiver that nothing needs any more") for place in waivers.keys() - used]
    return found


def refused_names(root: Path) -> list[Finding]:
    """No folder or module is called by a word that means nothing."""
    found = []
    for module in modules(root):
        name = module.name.rpartition(".")[2]
        if name.strip("_") in REFUSED_NAMES:
            found.append(Finding(module.path, f"“{name}” says nothing; name it after what it knows"))
    return found


def refused_verbs(root: Path) -> list[Finding]:
    """No public function is called process, handle or manage, alone or in front."""
    return [
        Finding(module.at(node), f"“{node.name}”: say what it does (detect, plan, apply, accept, enqueue, parse, …)")
        for module in modules(root)
        for _, node in functions(module.tree)
        if node.name.partition("_")[0] in REFUSED_VERBS
    ]


def folder_docstrings(root: Path) -> list[Finding]:
    """Every folder says in one line what it is for."""
    found = []
    for module in modules(root):
        if module.is_package:
            said = ast.get_docstring(module.tree, clean=True) or ""
            if not said.endswith(".") or "\n" in said:
                found.append(Finding(module.path, "a folder needs a docstring of one line that ends with a full stop"))
    packages = {Path(module.path).parent for module in modules(root) if module.is_package}
    strays = {Path(module.path).parent for module in modules(root)} - packages
    return found + [Finding(folder.as_posix(), "a folder of code without __init__.py") for folder in sorted(strays)]


def offered_names(root: Path) -> list[Finding]:
    """`__all__` of a folder is exactly what its `__init__` has for others."""
    found = []
    for module in modules(root):
        if not module.is_package or module.name == "tolmach":
            continue
        offered, bound = _all_of(module), _public_names(module)
        lazily = any(isinstance(node, Function) and node.name == "__getattr__" for node in module.tree.body)
        found += [Finding(module.path, f"{name} is there but not in __all__") for name in sorted(bound - set(offered))]
        if not lazily:
            found += [
                Finding(module.path, f"__all__ names {name}, which is not there")
                for name in offered
                if name not in bound
            ]
        if len(set(offered)) != len(offered):
            found.append(Finding(module.path, "__all__ names something twice"))
    return found


def _all_of(module: Module) -> list[str]:
    for node in module.tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            value = ast.literal_eval(node.value) if isinstance(node, ast.Assign | ast.AnnAssign) and node.value else []
            return [str(name) for name in value]
    return []


def _public_names(module: Module) -> set[str]:
    names: set[str] = set()
    for node in module.tree.body:
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__"):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, Function | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")}


def broad_except(root: Path) -> list[Finding]:
    """Nobody catches everything, except the supervisors named in supervisors.toml and those who raise it again."""
    supervisors = reasons(root, "supervisors.toml")
    found = [Finding(place, "a supervisor without a reason") for place, w in supervisors.items() if not w.get("reason")]
    seen: set[str] = set()
    for module in modules(root):
        scopes = [("", module.tree), *functions(module.tree)]
        for name, scope in scopes:
            for node in _own_nodes(scope):
                if _catches_everything(node):
                    place = f"{module.path}::{name}"
                    seen.add(place)
                    if place not in supervisors:
                        found.append(
                            Finding(module.at(node), "catches everything; name the errors, or be a supervisor")
                        )
    return found + [Finding(place, "a supervisor that is not there") for place in supervisors.keys() - seen]


def _own_nodes(scope: ast.AST) -> list[ast.AST]:
    """Give the nodes of a scope without those of functions inside it."""
    nodes: list[ast.AST] = []
    queue = list(ast.iter_child_nodes(scope))
    while queue:
        node = queue.pop()
        if not isinstance(node, Function):
            nodes.append(node)
            queue += ast.iter_child_nodes(node)
    return nodes


def _catches_everything(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        raises_again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
        return not raises_again and (node.type is None or _names_everything(node.type))
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return called == "suppress" and any(_names_everything(argument) for argument in node.args)
    return False


def _names_everything(node: ast.AST) -> bool:
    if isinstance(node, ast.Tuple):
        return any(_names_everything(element) for element in node.elts)
    return isinstance(node, ast.Name) and node.id in ("Exception", "BaseException")


GATES: dict[str, Gate] = {
    gate.__name__: gate for gate in (size, refused_names, refused_verbs, folder_docstrings, offered_names, broad_except)
}
