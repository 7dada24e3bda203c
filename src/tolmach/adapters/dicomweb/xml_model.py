"""The Native DICOM Model: the JSON model once more, in XML.

Standard: PS3.19 annex A.1; PS3.18 section F.3 (the two models say the same).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from tolmach.adapters.dicomweb.json_model import Json
from tolmach.dicom import dictionary

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
# Characters that no XML 1.0 document may hold, whatever is done to them.
_FORBIDDEN = {code: "\N{REPLACEMENT CHARACTER}" for code in range(32) if chr(code) not in "\t\n\r"}
_FORBIDDEN |= {0xFFFE: "\N{REPLACEMENT CHARACTER}", 0xFFFF: "\N{REPLACEMENT CHARACTER}"}


def xml_of(model: Json) -> bytes:
    """Give a model of JSON as a document in UTF-8; the depth of its sequences is limited by whoever made the model."""
    body = "".join(_attributes(model))
    return f'{_HEAD}<NativeDicomModel xmlns="{_NAMESPACE}">{body}</NativeDicomModel>'.encode("utf-8", "replace")


def _attributes(model: Json) -> Iterator[str]:
    for tag, node in model.items():
        keyword = dictionary.keyword_of(int(tag, 16))
        named = f" keyword={quoteattr(keyword)}" if keyword else ""
        yield f"<DicomAttribute tag={quoteattr(tag)} vr={quoteattr(node['vr'])}{named}>"
        if "InlineBinary" in node:
            yield f"<InlineBinary>{escape(node['InlineBinary'])}</InlineBinary>"
        elif "BulkDataURI" in node:
            yield f"<BulkData uri={quoteattr(_legal(node['BulkDataURI']))}/>"
        for number, value in enumerate(node.get("Value", ()), 1):
            yield from _value(number, value, node["vr"])
        yield "</DicomAttribute>"


def _value(number: int, value: Any, vr: str) -> Iterator[str]:
    if vr == "SQ":
        yield f'<Item number="{number}">'
        yield from _attributes(value)
        yield "</Item>"
    elif value is None:
        yield f'<Value number="{number}"/>'
    elif vr == "PN":
        groups = "".join(f"<{group}>{_components(text)}</{group}>" for group, text in value.items())
        yield f'<PersonName number="{number}">{groups}</PersonName>'
    else:
        yield f'<Value number="{number}">{escape(_legal(str(value)))}</Value>'


def _components(text: str) -> str:
    parts = zip(_COMPONENTS, text.split("^"), strict=False)
    return "".join(f"<{name}>{escape(_legal(part))}</{name}>" for name, part in parts if part)


def _legal(text: str) -> str:
    return text.translate(_FORBIDDEN)
