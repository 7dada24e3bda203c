"""What a server says it did with the instances of one STOW-RS request, read from JSON or XML that may be anything.

Standard: PS3.18 section 10.5.3 and annex I.2 (Store Instances Response), annex F (JSON model); PS3.19 annex A (XML).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from tolmach.adapters.dicomweb.dicom_json import UnreadableAnswer, parse_json, values_of

MAX_DEPTH = 20
MAX_ELEMENTS = 200_000


@dataclass(frozen=True, slots=True)
class StowAnswer:
    """Instances by SOP Instance UID: those stored, with a warning reason or 0, and those failed, with the reason."""

    stored: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)


def parse_answer(body: bytes, content_type: str) -> StowAnswer:
    """Read an answer; raises `UnreadableAnswer`. An empty body says nothing about any instance."""
    if not body.strip():
        return StowAnswer()
    kind = content_type.partition(";")[0].strip().lower()
    is_xml = "xml" in kind or (not kind.endswith("json") and body.lstrip()[:1] == b"<")
    data_set = _from_xml(body) if is_xml else _from_json(body)
    return StowAnswer(
        dict(_references(data_set, "ReferencedSOPSequence", "WarningReason")),
        dict(_references(data_set, "FailedSOPSequence", "FailureReason")),
    )


def _references(data_set: object, sequence: str, reason: str) -> Iterator[tuple[str, int]]:
    for item in values_of(data_set, sequence):
        for uid in values_of(item, "ReferencedSOPInstanceUID")[:1]:
            number = next(iter(values_of(item, reason)), 0)
            yield str(uid).strip(" \0"), _number(number)


def _number(value: object) -> int:
    try:
        return int(str(value).strip())
    except ValueError:
        return 0


def _from_json(body: bytes) -> object:
    data_set = parse_json(body)
    return data_set[0] if isinstance(data_set, list) and data_set else data_set


def _from_xml(body: bytes) -> object:
    """Turn the Native DICOM Model into the shape of the JSON model."""
    reader = _XmlReader()
    try:
        reader.parser.Parse(body, True)
    except expat.ExpatError as error:
        raise UnreadableAnswer(str(error)) from error
    return reader.root


class _XmlReader:
    """Follows the elements that matter and no others; document types and their entities are refused whole."""

    def __init__(self) -> None:
        self.root: dict[str, object] = {}
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.depth = self.count = 0
        self.data_sets: list[dict[str, object]] = [self.root]
        self.values: list[list[object]] = []
        self.text: list[str] | None = None

    def _refuse(self, *_: object) -> None:
        raise UnreadableAnswer("it declares a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth, self.count = self.depth + 1, self.count + 1
        if self.depth > MAX_DEPTH or self.count > MAX_ELEMENTS:
            raise UnreadableAnswer("it is too deep or too long")
        kind = name.rpartition(":")[2]
        if kind == "DicomAttribute":
            values: list[object] = []
            self.data_sets[-1][attributes.get("tag", "").upper()] = {"Value": values}
            self.values.append(values)
        elif kind == "Item" and self.values:
            item: dict[str, object] = {}
            self.values[-1].append(item)
            self.data_sets.append(item)
        elif kind == "Value":
            self.text = []

    def _text(self, text: str) -> None:
        if self.text is not None:
            self.text.append(text)

    def _end(self, name: str) -> None:
        self.depth -= 1
        kind = name.rpartition(":")[2]
        if kind == "DicomAttribute" and self.values:
            self.values.pop()
        elif kind == "Item" and len(self.data_sets) > 1:
            self.data_sets.pop()
        elif kind == "Value" and self.text is not None:
            if self.values:
                self.values[-1].append("".join(self.text))
            self.text = None
