"""Write the generated tables of `src/tolmach/dicom`: attributes and UIDs of PS3.6, taken from pydicom's dictionary.

    python scripts/generate_dictionary.py

pydicom carries the tables of one edition of the standard; its version is written into the files' headings. Attributes
whose VR depends on others ("US or SS") keep the first VR: tolmach only needs to know which of them hold text.
"""

from __future__ import annotations

import keyword
import subprocess
import sys
from pathlib import Path

import pydicom
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom._uid_dict import UID_dictionary

TARGET = Path(__file__).resolve().parent.parent / "src" / "tolmach" / "dicom"
HEADING = (
    '"""{what} of PS3.6, as pydicom {version} carries them. Made by scripts/generate_dictionary.py; do not edit."""\n\n'
)


def tags_text() -> str:
    lines = [HEADING.format(what="Attributes", version=pydicom.__version__)]
    lines.append(
        "# One line an attribute: tag (x stands for any digit), VR, keyword. Text loads ten times faster than a dict.\n"
    )
    lines.append('ATTRIBUTES = """\\\n')
    for tag, (vr, _vm, _name, _retired, word) in sorted(DicomDictionary.items()):
        if word:
            lines.append(f"{tag:08X} {vr.split(' or ')[0]} {word}\n")
    for mask, (vr, _vm, _name, _retired, word) in sorted(RepeatersDictionary.items()):
        lines.append(f"{mask} {vr.split(' or ')[0]} {word}\n")
    lines.append('"""\n')
    return "".join(lines)


def uids_text() -> str:
    lines = [HEADING.format(what="UIDs", version=pydicom.__version__)]
    names: list[tuple[str, str, str]] = []
    seen: set[str] = set()
    for uid, (_name, kind, _info, _retired, word) in UID_dictionary.items():
        if kind in (
            "SOP Class",
            "Transfer Syntax",
            "Meta SOP Class",
            "Application Context Name",
            "Well-known SOP Instance",
        ):
            if not word or keyword.iskeyword(word) or word in seen:
                continue
            seen.add(word)
            names.append((word, uid, kind))
    lines.extend(f'{word} = "{uid}"\n' for word, uid, _kind in names)
    lines.append("\n# UID: keyword\nSOP_CLASSES: dict[str, str] = {\n")
    lines.extend(f'    {word}: "{word}",\n' for word, _uid, kind in names if kind == "SOP Class")
    lines.append("}\nTRANSFER_SYNTAXES: dict[str, str] = {\n")
    lines.extend(f'    {word}: "{word}",\n' for word, _uid, kind in names if kind == "Transfer Syntax")
    lines.append("}\n")
    return "".join(lines)


def main() -> None:
    for name, text in (("attributes_generated.py", tags_text()), ("uids_generated.py", uids_text())):
        path = TARGET / name
        path.write_text(text, encoding="utf-8", newline="\n")
        subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(path)], check=True)


if __name__ == "__main__":
    main()
