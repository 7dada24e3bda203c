"""Gates on words: faults that tell the operator what to do, nothing private in the repository, locks with hashes."""

from __future__ import annotations

import re
import string
import tomllib
from collections import Counter
from pathlib import Path

from scripts.fault_list import written_faults
from tests.architecture.source import Finding, Gate, modules

CODE = re.compile(r"TLM-[A-Z]{3}-\d{3}")
# Paths of one machine, and addresses of package registries: neither belongs into a repository.
PRIVATE = re.compile(
    r"(?<![\w.}])/(?:work|root|home)/[\w.]+|[A-Za-z]:\\\\?Users\\\\?\w"
    r"|files\.pythonhosted\.org|pypi\.org/simple|registry\.npmjs\.org|proxy\.golang\.org|--(?:extra-)?index-url"
)
TEXT_FILES = ("*.py", "*.md", "*.toml", "*.txt", "*.sh", "*.po", "*.cfg", "*.ini", "*.yml", "*.yaml", "Makefile", "run")
NOT_OURS = frozenset(".git .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis node_modules build dist".split())


def faults(root: Path) -> list[Finding]:
    """Every fault has a code of its own, says what happened and what to do, both marked for translation."""
    written = list(written_faults(root))
    uses = Counter(fault.code for fault in written)
    found = []
    for fault in written:
        if not CODE.fullmatch(fault.code):
            found.append(Finding(fault.where, f"“{fault.code}” is not a code like TLM-DCM-001, written out"))
        elif uses[fault.code] > 1:
            found.append(Finding(fault.where, f"{fault.code} is used {uses[fault.code]} times"))
        for part, text in (("what", fault.what), ("todo", fault.todo)):
            if text is None or not text.strip():
                found.append(Finding(fault.where, f"{fault.code}: its {part} is not a text in N_(…)"))
            elif any(name == "" or (name or "a").isdigit() for _, name, _, _ in string.Formatter().parse(text)):
                found.append(Finding(fault.where, f"{fault.code}: placeholders must have names"))
    return found


def faults_documented(root: Path) -> list[Finding]:
    """Every fault has its line in docs/errors.md."""
    page = root / "docs" / "errors.md"
    listed = set(CODE.findall(page.read_text(encoding="utf-8"))) if page.exists() else set()
    return [
        Finding(fault.where, f"{fault.code} is not in docs/errors.md; run `make docs`")
        for fault in written_faults(root)
        if fault.code not in listed
    ]


def public_docstrings(root: Path) -> list[Finding]:
    """Docstrings repeat no parameter lists: the signature says names and types."""
    lists = re.compile(r"^\s*(?::param\b|Args:|Arguments:|Parameters\n\s*-{3,}|@param\b)", re.MULTILINE)
    return [
        Finding(module.path, "a docstring lists parameters; say only what the signature cannot")
        for module in modules(root)
        if lists.search(module.text)
    ]


def private_words(root: Path) -> list[Finding]:
    """No path of somebody's machine and no address of a package registry is committed."""
    found = []
    for pattern in TEXT_FILES:
        for file in sorted(root.rglob(pattern)):
            path = file.relative_to(root)
            if NOT_OURS.isdisjoint(path.parts) and path.as_posix() not in (
                "tests/architecture/texts.py",
                "tests/architecture/test_planted.py",
            ):
                for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                    if "--no-emit-index-url" not in line and (hit := PRIVATE.search(line)):
                        found.append(Finding(f"{path.as_posix()}:{number}", f"names a machine's own place: {hit[0]}"))
    return found


def locks(root: Path) -> list[Finding]:
    """Every requirement of pyproject.toml is locked, pinned and hashed; no lock says where a package comes from."""
    found = _unlocked(root)
    for file in sorted((root / "requirements").glob("*.txt")):
        path = file.relative_to(root).as_posix()
        entries = re.split(r"(?<!\\)\n", file.read_text(encoding="utf-8").strip())
        for entry in entries:
            if not re.match(r"[A-Za-z0-9_.\[\]-]+==\S+ ", entry) or "--hash=sha256:" not in entry:
                found.append(Finding(path, f"not pinned with hashes: {entry.splitlines()[0]}"))
            if "://" in entry or " @ " in entry:
                found.append(Finding(path, f"names an address: {entry.splitlines()[0]}"))
    return found


def _unlocked(root: Path) -> list[Finding]:
    written = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    runtime: list[str] = written["project"]["dependencies"]
    wanted = {"runtime": runtime, "dev": runtime + written["dependency-groups"]["dev"]}
    found = []
    for lock, requirements in wanted.items():
        path = root / "requirements" / f"{lock}.txt"
        locked = {
            line.partition("==")[0].lower() for line in path.read_text(encoding="utf-8").splitlines() if "==" in line
        }
        for requirement in requirements:
            name = re.split(r"[^A-Za-z0-9_.-]", requirement)[0].lower()
            if name not in locked:
                found.append(Finding(f"requirements/{lock}.txt", f"{name} is not locked; run: make lock"))
    return found


GATES: dict[str, Gate] = {
    gate.__name__: gate for gate in (faults, faults_documented, public_docstrings, private_words, locks)
}
