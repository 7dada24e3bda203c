"""The Native DICOM Model read into the JSON model, which says the same: what comes by STOW-RS as metadata in XML.

Nothing in a document is ever looked up: one that declares a document type, and with it entities, is refused whole.

Standard: PS3.19 annex A.1 (Native DICOM Model); PS3.18 sections 10.5.2 and F.3 (the two models say the same).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn
from xml.parsers import expat

from tolmach.adapters.dicomweb.served_faults import BadRequest, bad
from tolmach.base import N_, Phrase
from tolmach.dicom.scanner import MAX_DEPTH, MAX_ELEMENTS

MAX_VALUES: Final = 1 << 16
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_COMPONENTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
# What may stand in what; text counts in those without children.
_WITHIN: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"NativeDicomModel"}),
    "NativeDicomModel": frozenset({"DicomAttribute"}),
    "Item": frozenset({"DicomAttribute"}),
    "DicomAttribute": frozenset({"Value", "Item", "PersonName", "BulkData", "InlineBinary"}),
    "PersonName": frozenset(_GROUPS),
    **dict.fromkeys(_GROUPS, frozenset(_COMPONENTS)),
}
_DEEPEST: Final = 2 * MAX_DEPTH + 8  # an attribute and an item for each level, and what is around and inside

Model = dict[str, Any]


def parse_native_model(document: bytes) -> Model:
    """Give the data set of a document as the JSON model; raises `BadRequest`. Every value stays text."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _no_document_type
    parser.buffer_text = True
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise bad(Phrase(N_("the XML cannot be read: {detail}"), {"detail": str(error)[:100]})) from error
    return reader.model


def _no_document_type(*_: object) -> NoReturn:
    raise bad(Phrase(N_("the XML declares a document type, and nothing is looked up")))


@dataclass(slots=True)
class _Open:
    """An element that has begun: its name, what is written in it, and the part of the model it becomes."""

    name: str
    attributes: Mapping[str, str]
    words: list[str] = field(default_factory=list)
    made: Any = None


class _Reader:
    """Takes the events of one document in turn; its depth and the number of its attributes are bounded."""

    def __init__(self) -> None:
        self.model: Model = {}
        self._open: list[_Open] = []
        self._count = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an element."""
        name = name.rpartition(" ")[2]
        around = self._open[-1].name if self._open else ""
        if name not in _WITHIN.get(around, ()) or len(self._open) > _DEEPEST:
            raise _odd(name)
        made: Any = None
        if name in ("NativeDicomModel", "Item", "PersonName"):
            made = {}
        elif name == "DicomAttribute":
            self._count += 1
            if self._count > MAX_ELEMENTS:
                raise bad(Phrase(N_("there are more than {limit} attributes"), {"limit": MAX_ELEMENTS}))
            made = {"vr": attributes.get("vr", "")}
        elif name in _GROUPS:
            made = [""] * len(_COMPONENTS)
        self._open.append(_Open(name, attributes, made=made))

    def text(self, words: str) -> None:
        """Take text; between elements it says nothing."""
        if self._open and self._open[-1].name not in _WITHIN:
            self._open[-1].words.append(words)

    def end(self, _name: str) -> None:
        """Take the end of an element: what it became is put into what is around it."""
        one = self._open.pop()
        words = "".join(one.words)
        around: Any = self._open[-1].made if self._open else None
        match one.name:
            case "NativeDicomModel":
                self.model = one.made
            case "DicomAttribute":
                _put_attribute(around, one)
            case "Value":
                _put_value(around, one, words or None)
            case "Item" | "PersonName":
                _put_value(around, one, one.made)
            case "BulkData":
                around["BulkDataURI"] = one.attributes.get("uri") or one.attributes.get("uuid", "")
            case "InlineBinary":
                around["InlineBinary"] = "".join(words.split())
            case _ if one.name in _GROUPS:
                around[one.name] = "^".join(one.made).rstrip("^")
            case _:
                around[_COMPONENTS.index(one.name)] = words


def _put_attribute(model: Model, one: _Open) -> None:
    tag = one.attributes.get("tag", "").upper()
    creator = one.attributes.get("privateCreator")
    if creator is not None and tag[4:6] == "00":
        tag = _in_block(model, tag, creator)
    if tag in model:
        raise _odd(tag)
    model[tag] = one.made


def _in_block(model: Model, tag: str, creator: str) -> str:
    """Give the tag of a private attribute in the block of its creator, which is reserved where nobody did.

    Standard: PS3.5 section 7.8.1 (private blocks).
    """
    for block in range(0x10, 0x100):
        reserved = f"{tag[:4]}00{block:02X}"
        node = model.setdefault(reserved, {"vr": "LO", "Value": [creator]})
        if node.get("Value") == [creator]:
            return f"{tag[:4]}{block:02X}{tag[6:]}"
    raise _odd(tag)


def _put_value(node: Model, one: _Open, value: Any) -> None:
    """Put a value where its number says; what lies between is empty."""
    number = one.attributes.get("number", "")
    place = int(number) if number.isascii() and number.isdecimal() and len(number) <= 6 else 0
    values = node.setdefault("Value", [])
    if not len(values) < place <= MAX_VALUES:
        raise _odd(one.name)
    values += [None] * (place - len(values) - 1)
    values.append(value)


def _odd(name: str) -> BadRequest:
    return bad(Phrase(N_("the element {name} of the XML is not where or what it should be"), {"name": name[:40]}))
