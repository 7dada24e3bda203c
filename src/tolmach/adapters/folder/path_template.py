"""Paths made of attributes, such as `{PatientID}/{StudyDate}/{SOPInstanceUID}.dcm`, that lead nowhere else.

Values come from strangers. Whatever they hold, a template with two slashes gives a path of three names, each of
letters, digits and a few signs, and each one that every file system takes: Windows has the narrowest rules, so they
hold everywhere, because folders are shared and copied.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from tolmach.adapters.folder.walking import OWN_SUFFIXES
from tolmach.base import N_, Fault, NeedsOperator, Phrase
from tolmach.dicom import dictionary
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.paths import AttributePath
from tolmach.edit.draft import Draft
from tolmach.edit.operations import TEMPLATE

BAD_TEMPLATE = Fault(
    "TLM-DLV-050",
    N_("“{template}” cannot be the path of exported files: {why}."),
    N_("Write it like {{PatientID}}/{{StudyDate}}/{{SOPInstanceUID}}.dcm in the settings of this peer."),
)
_ABSOLUTE = N_("it must begin inside the folder, without a slash, a drive or “..”")
_NO_ATTRIBUTE = N_("its last part names no attribute, so all files would get the same name")
_UNKNOWN = N_("“{name}” is no keyword of an attribute")
_EMPTY_PART = N_("a part of it is empty")
_LONG = N_("it has more than {limit} parts")

MAX_NAME = 120  # bytes of UTF-8 of one name
MAX_PARTS = 10
_MAX_VALUE = 1024  # characters of a value that are looked at
_SIGNS = frozenset(" -_.,+=()~")
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lo", "Nd"})
# Devices of Windows, with any extension. Blanks before the extension do not help.
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9]|lpt[0-9])\s*(\..*)?", re.IGNORECASE)
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}$")


class BadTemplate(NeedsOperator):
    """The path template of a destination cannot be used."""


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """The parts of a path, each with its `{Keyword}` places."""

    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> PathTemplate:
        """Understand a template; raises `BadTemplate`."""
        parts = tuple(part.strip() for part in text.replace("\\", "/").split("/"))
        why: Phrase | None = None
        if not text.strip() or parts[0] == "" or ".." in parts or ":" in parts[0]:
            why = Phrase(_ABSOLUTE)
        elif not all(parts):
            why = Phrase(_EMPTY_PART)
        elif len(parts) > MAX_PARTS:
            why = Phrase(_LONG, {"limit": MAX_PARTS})
        elif not TEMPLATE.search(parts[-1]):
            why = Phrase(_NO_ATTRIBUTE)
        else:
            unknown = [name for name in TEMPLATE.findall(text) if dictionary.tag_of(name) is None]
            why = Phrase(_UNKNOWN, {"name": unknown[0]}) if unknown else None
        if why is not None:
            raise BadTemplate(BAD_TEMPLATE, template=text, why=why)
        return cls(parts)

    def names(self, data_set: DataSet) -> tuple[str, ...]:
        """Give the names on the way to a data set's file, the file's own last; every one of them safe."""
        draft = Draft(data_set)

        def value_of(match: re.Match[str]) -> str:
            tag = dictionary.tag_of(match[1])
            text = None if tag is None else draft.text(AttributePath((), tag))
            return (text or "")[:_MAX_VALUE]

        return tuple(safe_name(TEMPLATE.sub(value_of, part)) for part in self.parts)


def safe_name(text: str) -> str:
    """Give a name that stays in its folder on every system, and says as much of the text as can be said so.

    Letters of all scripts stay, composed; carets of names become blanks; everything else becomes `_`. Never empty,
    never longer than `MAX_NAME`, never a device of Windows, and safe again gives the same.
    """
    composed = unicodedata.normalize("NFC", text.replace("^", " "))
    kept = "".join(sign if sign in _SIGNS or unicodedata.category(sign) in _LETTERS else "_" for sign in composed)
    name = _trimmed(" ".join(kept.split()))
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    if name.casefold().endswith(OWN_SUFFIXES):
        name += "_"
    return shortened(name) or "_"


def shortened(name: str, ending: str = "") -> str:
    """Put an ending before a name's extension, and cut the name so that both fit."""
    extension = _EXTENSION.search(name)
    stem, tail = (name, "") if extension is None else (name[: extension.start()], extension[0])
    tail = ending + tail
    room = MAX_NAME - len(tail.encode())
    cut = stem.encode()[:room].decode("utf-8", "ignore")
    # Cut or not, no blank may be left where the name or an empty stem would end with it.
    return _trimmed(cut) + tail if tail.strip(". ") else _trimmed(cut)


def _trimmed(name: str) -> str:
    """Take dots and blanks away at the edges: hidden files, `..`, and what Windows drops silently."""
    return name.strip(" .")
