"""THIRD-PARTY-NOTICES.txt of the built program: every file in it has an owner, every owner a licence we may ship.

    python -m scripts.licence_notices --manifest FILE --packages SITE-PACKAGES --out FILE

The manifest is written by packaging/tolmach.spec: what is in the program, and from where each file came. It ends with
status 1, and says why, where something is under the GPL alone, or nobody knows its licence, its text or its source.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from scripts.native_libraries import Library, library_of
from scripts.spdx import Verdict, judge, normal

ROOT = Path(__file__).resolve().parents[1]
TEXTS = ROOT / "packaging" / "licences"
DOCUMENTS = Path("/usr/share/doc")
_TEXT = re.compile(r"(^|/)(licen[cs]e|copying|notice)[^/]*$", re.IGNORECASE)
_LIBRARY = re.compile(r"(\.so(\.\d+)*|\.dll)$", re.IGNORECASE)
_HEAD = """\
tolmach brings along the work of others. This file names it, with its licences; tolmach itself is under the MIT licence
(LICENSE). Nothing in this program is under the GPL alone.

How to replace what is under the LGPL. Qt, Qt for Python (PySide6, Shiboken), psycopg and the other works marked LGPL
are used as their makers published them, unchanged, and are loaded when the program runs. Each compiled library is a
file of its own below _internal: put another version with the same interface in its place, under the same name. The
Python part of psycopg and PySide6 is replaced by building the program anew with your version, as docs/packaging.md in
the source of tolmach says; that source is under the MIT licence and complete. You may change these parts for your own
use, and take the program apart to find faults in what you changed.
"""

# What metadata say badly or not at all, with the reason.
CORRECTED: Mapping[str, str] = {
    # COPYING.txt: the bootloader may be part of any program; the modules it loads are under Apache-2.0.
    "pyinstaller": "GPL-2.0-or-later WITH Bootloader-exception",
    # LICENSE: hooks that run in the program (rthooks) are Apache-2.0; the others do not leave the building machine.
    "pyinstaller-hooks-contrib": "Apache-2.0",
    # LICENSE.txt names PSF; the wheel has parts under other names of it.
    "pywin32": "PSF-2.0",
}
# Their licence files have the texts of the libraries they bring along.
TELL_EVERYTHING = frozenset({"numpy", "pillow"})
SOURCES: Mapping[str, str] = {
    "pyside6-essentials": "https://code.qt.io/cgit/pyside/pyside-setup.git and https://download.qt.io/official_releases/qt/",
    "shiboken6": "https://code.qt.io/cgit/pyside/pyside-setup.git",
    "psycopg": "https://github.com/psycopg/psycopg",
    "psycopg-binary": "https://github.com/psycopg/psycopg",
    "psycopg-pool": "https://github.com/psycopg/psycopg",
}


@dataclass(frozen=True, slots=True)
class Component:
    """One work of others: what it is, its licence as written, the part that is chosen, its texts, its source."""

    name: str
    version: str
    licence: str
    texts: tuple[str, ...]
    source: str = ""


class Refused(Exception):
    """What may not be shipped, each with its reason."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = tuple(reasons)


def components(manifest: Iterable[Sequence[str]], installed: Iterable[Distribution]) -> list[Component]:
    """Give every work in the program; raises `Refused` with all that is wrong."""
    owners = {path: found for found in installed for path in _files(found)}
    standard = _standard_folders()
    works: dict[str, Component] = {}
    reasons: list[str] = []
    for destination, source, _ in manifest:
        if not (path := _real(source)):
            continue
        try:
            for work in _works_of(destination, path, owners.get(path), standard):
                works.setdefault(work.name.lower(), work)
        except LookupError as error:
            reasons.append(str(error))
    reasons += [reason for work in works.values() for reason in _wrong_with(work)]
    if reasons:
        raise Refused(sorted(set(reasons)))
    return sorted(works.values(), key=lambda work: work.name.lower())


def _real(source: str | None) -> Path | None:
    """Give the file on the building machine; links and made-up modules have none."""
    path = Path(source or "-")
    return path.resolve() if path.is_absolute() and path.is_file() else None


def _files(distribution: Distribution) -> Iterator[Path]:
    for file in distribution.files or ():
        yield Path(str(distribution.locate_file(file))).resolve()


def _standard_folders() -> tuple[Path, ...]:
    """Give where Python itself is, without what was installed into it."""
    folders = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), sysconfig.get_config_var("LIBDIR")]
    return tuple(dict.fromkeys(Path(folder).resolve() for folder in folders if folder))


def _works_of(
    destination: str, path: Path, owner: Distribution | None, standard: Sequence[Path]
) -> Iterator[Component]:
    """Give whose a file is: a distribution's, and a library that it brings along has an owner of its own."""
    if path.is_relative_to(ROOT / "src") or path.is_relative_to(ROOT / "packaging"):
        return
    if owner is not None:
        yield work_of(owner)
        if re.search(r"\.libs/", destination.replace("\\", "/")) or path.name.startswith("libicu"):
            yield _of_library(_known(path), work_of(owner))
        return
    if (
        path.name == "base_library.zip"
        or path.name.lower().startswith(("libpython", "python3"))
        or _is_of_python(path, standard)
    ):
        yield _python()
        return
    yield _of_library(_known(path))


def _is_of_python(path: Path, standard: Sequence[Path]) -> bool:
    is_ours = any(
        path.is_relative_to(folder) for folder in standard if folder.name.startswith(("python", "Lib", "lib"))
    )
    return is_ours and "site-packages" not in path.parts and "dist-packages" not in path.parts and _is_module(path)


def _is_module(path: Path) -> bool:
    return path.suffix in {".py", ".pyd"} or "lib-dynload" in path.parts


def _known(path: Path) -> Library:
    if not _LIBRARY.search(path.name) or (library := library_of(path.name)) is None:
        raise LookupError(f"{path}: nobody knows whose this is; see scripts/native_libraries.py")
    return library


def _python() -> Component:
    text = next((path.read_text("utf-8") for path in _python_texts() if path.is_file()), "")
    return Component("Python", sys.version.split()[0], "Python-2.0", (text,) if text else (), "https://www.python.org")


def _python_texts() -> Iterator[Path]:
    yield Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    yield Path(sys.base_prefix) / "LICENSE.txt"
    yield DOCUMENTS / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "copyright"


def _of_library(library: Library, brought_by: Component | None = None) -> Component:
    papers = [DOCUMENTS / package / "copyright" for package in library.packages]
    found = tuple(paper.read_text("utf-8") for paper in papers if paper.is_file())[:1]
    texts = found or _standard_texts(library.licence)
    if brought_by is not None and brought_by.name in TELL_EVERYTHING:
        texts = brought_by.texts
    return Component(library.name, "", library.licence, texts, library.source)


def work_of(distribution: Distribution) -> Component:
    """Give what a distribution says of itself."""
    name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
    licence = CORRECTED.get(name) or licence_of(distribution)
    texts = tuple(dict.fromkeys(_own_texts(distribution))) or _standard_texts(judge(licence)[1])
    if name in SOURCES:
        texts = tuple(dict.fromkeys((*texts, *_standard_texts(judge(licence)[1]))))
    return Component(name, distribution.version, licence, texts, SOURCES.get(name, ""))


def licence_of(distribution: Distribution) -> str:
    """Give the licence of a distribution as an expression, from the newest way its metadata tell it; empty if none."""
    metadata = distribution.metadata
    if expression := metadata.get_all("License-Expression"):
        return str(expression[0])
    prefix = "License :: "
    written = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or () if line.startswith(prefix)]
    named = [normal(line) for line in written if line != "OSI Approved"]
    if named:
        return " AND ".join(dict.fromkeys(named))
    return normal(str((metadata.get_all("License") or [""])[0]))


def _own_texts(distribution: Distribution) -> Iterator[str]:
    for file in distribution.files or ():
        if _TEXT.search(file.as_posix()) and file.suffix in {"", ".txt", ".md", ".APACHE", ".BSD", ".rst"}:
            yield Path(str(distribution.locate_file(file))).read_text("utf-8", "replace")


def _standard_texts(licence: str) -> tuple[str, ...]:
    """Give the texts that we keep of the licences in an expression; the LGPL says its own part of the GPL."""
    names = [word for word in re.findall(r"[\w.+-]+", licence) if word not in {"AND", "OR", "WITH"}]
    names += ["GPL-3.0-only"] if any(name.startswith("LGPL-3") for name in names) else []
    files = [TEXTS / f"{name}.txt" for name in names]
    return tuple(file.read_text("utf-8") for file in files if file.is_file())


def _wrong_with(work: Component) -> Iterator[str]:
    verdict, chosen = judge(work.licence)
    if verdict is Verdict.REFUSED:
        yield f"{work.name}: {chosen} may not be in the program"
    elif verdict is Verdict.UNKNOWN:
        yield f"{work.name}: its licence is not known ({work.licence or 'none is told'}); see scripts/spdx.py"
    elif verdict is Verdict.WITH_SOURCE and not work.source:
        yield f"{work.name}: {chosen} needs the place of its source; see SOURCES"
    elif not work.texts:
        yield f"{work.name}: the text of its licence ({chosen}) is nowhere; see packaging/licences"


def inner_works(packages: Path) -> Iterator[tuple[str, str, str, str]]:
    """Give what distributions say is compiled into their extensions (CycloneDX): of, name, version, licence."""
    for file in sorted(packages.glob("*.dist-info/sboms/*.json")):
        told = json.loads(file.read_text("utf-8"))
        for part in told.get("components", ()):
            licences = [
                one.get("expression") or one.get("license", {}).get("id", "") for one in part.get("licenses", ())
            ]
            if licences and part.get("scope") not in {"optional", "excluded"}:
                yield file.parent.parent.name, part["name"], str(part.get("version") or ""), " AND ".join(licences)


def notices(works: Sequence[Component], inner: Sequence[tuple[str, str, str, str]]) -> str:
    """Give the file: a list of everything, then the texts, each once; raises `Refused` for inner works."""
    wrong = [f"{name} in {of}: {licence}" for of, name, _, licence in inner if judge(licence)[0] < Verdict.WITH_SOURCE]
    if wrong:
        raise Refused(wrong)
    lines = [_HEAD, "What is in it", ""]
    for work in works:
        verdict, chosen = judge(work.licence)
        of_choice = f" (used under {chosen})" if chosen != work.licence else ""
        lines.append(f"  {work.name} {work.version}: {work.licence}{of_choice}".replace(" :", ":"))
        if work.source:
            lines.append(
                f"      source{' of the part under ' + chosen if verdict is Verdict.WITH_SOURCE else ''}: {work.source}"
            )
    lines += ["", (TEXTS / "qt-third-party.txt").read_text("utf-8"), "Compiled into the libraries above", ""]
    lines += [f"  {name} {version}: {licence} (in {of})" for of, name, version, licence in inner]
    by_text: dict[str, list[str]] = {}
    for work in works:
        for text in work.texts:
            by_text.setdefault(text.strip(), []).append(work.name)
    for text, names in by_text.items():
        lines += ["", "=" * 100, ", ".join(names), "=" * 100, "", text]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the notices, or say on stderr what may not be shipped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    told = parser.parse_args(arguments)
    manifest = json.loads(told.manifest.read_text("utf-8"))
    try:
        works = components(manifest, list(distributions(path=[str(told.packages)])))
        shipped = {work.name.replace("-", "_") for work in works}
        inner = [one for one in inner_works(told.packages) if one[0].partition("-")[0] in shipped]
        text = notices(works, inner)
    except Refused as refused:
        sys.stderr.write("".join(f"licence: {reason}\n" for reason in refused.reasons))
        return 1
    told.out.write_text(text, encoding="utf-8")
    sys.stderr.write(f"licences: {len(works)} works and {len(inner)} compiled into them, {len(text):,} characters\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
