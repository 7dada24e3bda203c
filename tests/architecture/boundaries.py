"""Gates on who may know and touch what: tags and UIDs, the environment, files and sockets, foreign libraries."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.source import Finding, Gate, Module, docstrings, dotted, imported, modules

UID = re.compile(r"(?<!\d)1\.2\.840\.")
# `0x0010, 0x0020` as it stands in the text. Status ranges look alike, so the dictionary decides; three are no tag.
RUN = re.compile(r"0x[0-9A-Fa-f]{4}(?:\s*,\s*0x[0-9A-Fa-f]{4})+(?![0-9A-Fa-f_])")
WHOLE_TAG = re.compile(r"0x([0-9A-Fa-f]{8})(?![0-9A-Fa-f_])")

ENVIRONMENT = frozenset("environ environb getenv getenvb putenv unsetenv".split())
IO_MODULES = frozenset(
    "socket ssl select selectors socketserver subprocess sqlite3 shutil tempfile fcntl msvcrt http.client http.server "
    "urllib.request smtplib ftplib imaplib asyncio multiprocessing ctypes webbrowser".split()
)
OS_CALLS = frozenset(
    "open fdopen read write pread pwrite writev sendfile fsync fdatasync replace rename renames remove unlink rmdir "
    "removedirs mkdir makedirs link symlink truncate ftruncate chmod chown utime listdir scandir walk stat lstat "
    "system popen spawnl spawnv execv execl fork kill".split()
)
# Methods of pathlib that change the disk, and those that read it.
PATH_WRITES = frozenset("write_text write_bytes unlink mkdir rmdir touch symlink_to hardlink_to rename chmod".split())
PATH_READS = frozenset("read_text read_bytes iterdir rglob is_file is_dir".split())
# What a domain folder may import from outside the standard library. Nobody here does input or output.
DOMAIN_LIBRARIES = {"dicom": {"pydicom", "pydantic"}}
DOMAIN_LIBRARIES_OF_ALL = {"pydantic", "typing_extensions"}


@cache
def known_tags() -> frozenset[str]:
    from tolmach.dicom.attributes_generated import ATTRIBUTES

    return frozenset(line[:8].upper() for line in ATTRIBUTES.splitlines())


def tags(root: Path) -> list[Finding]:
    """Tags are written in numbers in `dicom` alone; everybody else uses keywords."""
    found = []
    for module in modules(root):
        if module.folder == "dicom":
            continue
        for number, line in enumerate(module.text.splitlines(), 1):
            code = line.partition("#")[0]
            runs = [re.findall(r"0x(\w{4})", run) for run in RUN.findall(code)]
            written = ["".join(run).upper() for run in runs if len(run) == 2]
            written += [tag.upper() for tag in WHOLE_TAG.findall(code)]
            found += [
                Finding(f"{module.path}:{number}", f"the tag {tag[:4]},{tag[4:]} belongs into dicom; use its keyword")
                for tag in written
                if tag in known_tags() - {"00000000"}
            ]
    return found


def uids(root: Path) -> list[Finding]:
    """UIDs of the standard are written out in `dicom` alone."""
    found = []
    for module in modules(root):
        if module.folder == "dicom":
            continue
        said = docstrings(module.tree)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and id(node) not in said:
                text = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
                if isinstance(text, str) and UID.search(text):
                    found.append(
                        Finding(module.at(node), f"the UID {text[:40]!r} belongs into dicom/uids; use its keyword")
                    )
    return found


def environment(root: Path) -> list[Finding]:
    """Only `apps` read the environment; everybody else is told."""
    found = []
    for module in modules(root):
        if module.folder == "apps":
            continue
        for node in ast.walk(module.tree):
            read = isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and dotted(node.value) == "os"
            taken = (
                isinstance(node, ast.ImportFrom) and node.module == "os" and {a.name for a in node.names} & ENVIRONMENT
            )
            home = isinstance(node, ast.Attribute) and node.attr in ("expandvars", "expanduser")
            if read or taken or home:
                found.append(Finding(module.at(node), "reads the environment; let apps read it and pass it in"))
    return found


def domain_io(root: Path) -> list[Finding]:
    """Domain folders open no file and no socket and start no program."""
    found = []
    for module in modules(root):
        if module.outer or not module.folder:
            continue
        for name, node in imported(module.tree):
            if any(f"{name}.".startswith(f"{io}.") for io in IO_MODULES):
                found.append(Finding(module.at(node), f"imports {name}; input and output belong into adapters"))
        calls = [(node, _io_call(node)) for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
        found += [
            Finding(module.at(node), f"calls {what}; input and output belong into adapters")
            for node, what in calls
            if what
        ]
    return found


def _io_call(call: ast.Call) -> str:
    name = dotted(call.func)
    if name in ("open", "io.open", "input") or (name.startswith("os.") and name[3:] in OS_CALLS):
        return name
    if isinstance(call.func, ast.Attribute) and call.func.attr in PATH_WRITES:
        return f".{call.func.attr}"
    if isinstance(call.func, ast.Attribute) and call.func.attr in PATH_READS and not _is_own_resource(call.func.value):
        return f".{call.func.attr}"
    return ""


def _is_own_resource(receiver: ast.AST) -> bool:
    """Tables shipped inside the package are part of the program: `importlib.resources.files(...)` may be read."""
    return any(isinstance(node, ast.Call) and dotted(node.func).endswith("files") for node in ast.walk(receiver))


def domain_libraries(root: Path) -> list[Finding]:
    """Domain folders import the standard library, tolmach and the few libraries that do no input or output."""
    found = []
    for module in modules(root):
        if module.outer or not module.folder:
            continue
        allowed = DOMAIN_LIBRARIES_OF_ALL | DOMAIN_LIBRARIES.get(module.folder, set()) | {"tolmach"}
        for name, node in _top_imports(module):
            if name not in allowed and name not in sys.stdlib_module_names:
                found.append(Finding(module.at(node), f"imports {name}, which no domain folder may"))
    return found


def _top_imports(module: Module) -> Iterator[tuple[str, ast.AST]]:
    for name, node in imported(module.tree):
        yield name.partition(".")[0], node


GATES: dict[str, Gate] = {gate.__name__: gate for gate in (tags, uids, environment, domain_io, domain_libraries)}
