"""What OpenAPI says of each route beside its path: parameters, what is sent, and every answer there may be.

Written by kinds of routes, since those of DICOMweb differ in levels alone. A test asks each route all manner of things
and holds the answers against this.

Standard: OpenAPI 3.1.0; PS3.18 sections 8.3.5, 9.1 and 10.4 to 10.6.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal

from tolmach.apps.gateway.rights import OPENAPI, PROBES

Json = dict[str, Any]
Kind = Literal[
    "search", "store", "instances", "metadata", "bulk", "pictures", "uri", "capabilities", "figures", "probe"
]

_PARAMETER: Final = re.compile(r"{([a-z]+)}")
_JSON, _PROBLEM = "application/json", {"$ref": "#/components/schemas/Problem"}
_DICOM, _DICOM_JSON, _DICOM_XML = "application/dicom", "application/dicom+json", "application/dicom+xml"
_MULTIPART, _OCTETS = "multipart/related", "application/octet-stream"
_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer", "minimum": 0}
_BYTES: Final[Json] = {}  # of any kind: JSON Schema has no words for bytes
_MODELS: Final = {"type": "array", "items": {"$ref": "#/components/schemas/DicomJson"}}

SCHEMAS: Final[Mapping[str, Json]] = {
    "Problem": {
        "type": "object",
        "description": "What went wrong: a code that never changes its meaning, what happened, what to do next.",
        "required": ["code", "message", "todo"],
        "properties": {
            "code": {"type": "string", "pattern": "^TLM-[A-Z]{3}-[0-9]{3}$"},
            "message": _TEXT,
            "todo": _TEXT,
        },
    },
    "DicomJson": {
        "type": "object",
        "description": "A data set in the DICOM JSON model (PS3.18 annex F).",
        "propertyNames": {"pattern": "^[0-9A-F]{8}$"},
    },
    "State": {"type": "object", "required": ["status"], "properties": {"status": {"enum": ["live", "ready"]}}},
}
_MEANS: Final[Mapping[int, str]] = {
    200: "As asked.",
    202: "Some were stored; the answer tells each apart.",
    204: "Nothing was found.",
    400: "The request means nothing.",
    401: "A valid token is needed.",
    403: "The role may not do this, or the request is meant for another server.",
    404: "Nothing is held under this address.",
    406: "Not to be had in any form that was asked for.",
    408: "The body came too slowly, or not to its end.",
    409: "Nothing was stored; the answer says why for each.",
    413: "More than may be asked for, or sent, at once.",
    415: "A body of this kind is not taken; the header Accept says which is.",
    431: "More head than anybody needs.",
    500: "An error of tolmach; its log says where.",
    503: "Not now: come again after Retry-After.",
    507: "There is no room.",
}
_ALWAYS: Final = (400, 401, 403, 431, 500, 503)
# What may be answered beside that, and in which forms what was asked for comes.
_MORE: Final[Mapping[Kind, tuple[int, ...]]] = {
    "search": (204, 406, 413),
    "store": (202, 406, 408, 409, 413, 415, 507),
    "instances": (404, 406),
    "metadata": (404, 406),
    "bulk": (404, 406),
    "pictures": (404, 406),
    "uri": (404, 406),
    "capabilities": (),
    "figures": (),
    "probe": (507,),
}
_FORMS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "search": (_DICOM_JSON, _JSON, _MULTIPART),
    "store": (_DICOM_JSON, _JSON, _DICOM_XML),
    "instances": (_MULTIPART, _DICOM),
    "metadata": (_DICOM_JSON, _JSON, _MULTIPART),
    "bulk": (_MULTIPART, _OCTETS, "image/*", "video/*"),
    "pictures": ("image/jpeg", "image/png", "image/gif", _MULTIPART),
    "uri": ("image/jpeg", "image/png", "image/gif", _DICOM),
    "capabilities": ("application/vnd.sun.wadl+xml",),
    "figures": ("text/plain",),
    "probe": (_JSON,),
}
_FORM_OF_FAILURE: Final[Mapping[tuple[Kind, int], tuple[str, ...]]] = {
    ("store", status): (_DICOM_JSON, _JSON, _DICOM_XML) for status in (202, 409, 503, 507)
}
_QUERY: Final[Mapping[Kind, Sequence[tuple[str, Json, str]]]] = {
    "search": (
        ("limit", _NUMBER, "So many answers at most; 10,000 are."),
        ("offset", _NUMBER, "Pass over so many."),
        ("includefield", _TEXT, "An attribute by keyword or tag, a list of them with commas, or all; may be repeated."),
        ("fuzzymatching", {"type": "boolean"}, "Names in any script and spelling."),
        ("accept", _TEXT, "As the header Accept, within what that allows."),
    ),
    "pictures": (
        ("viewport", _TEXT, "WIDTH,HEIGHT, or with what to cut out: WIDTH,HEIGHT,LEFT,TOP,WIDTH,HEIGHT."),
        ("window", _TEXT, "CENTER,WIDTH,linear (or linear-exact, sigmoid)."),
        ("quality", {"type": "integer", "minimum": 1, "maximum": 100}, "Of a JPEG."),
        ("accept", _TEXT, "As the header Accept, within what that allows."),
    ),
    "uri": (
        ("requestType", {"enum": ["WADO"]}, "Must be WADO."),
        ("studyUID", _TEXT, "Study Instance UID."),
        ("seriesUID", _TEXT, "Series Instance UID."),
        ("objectUID", _TEXT, "SOP Instance UID."),
        ("contentType", _TEXT, "image/jpeg, image/png, image/gif or application/dicom."),
        ("transferSyntax", _TEXT, "Of an instance."),
        ("frameNumber", {"type": "integer", "minimum": 1}, "Of a picture."),
        ("rows", _NUMBER, "Of a picture."),
        ("columns", _NUMBER, "Of a picture."),
        ("region", _TEXT, "LEFT,TOP,RIGHT,BOTTOM as shares from 0 to 1."),
        ("windowCenter", {"type": "number"}, "With windowWidth."),
        ("windowWidth", {"type": "number"}, "With windowCenter."),
        ("imageQuality", {"type": "integer", "minimum": 1, "maximum": 100}, "Of a JPEG."),
    ),
}
_NEEDED: Final = frozenset({"requestType", "studyUID", "seriesUID", "objectUID"})


def kind_of(method: str, path: str) -> Kind:
    """Give what is done at a route."""
    if path in PROBES:
        return "figures" if path.endswith("metrics") else "probe"
    if path == OPENAPI:
        return "probe"
    if method == "OPTIONS":
        return "capabilities"
    if method == "POST":
        return "store"
    if path == "/wado":
        return "uri"
    if path.endswith("/metadata"):
        return "metadata"
    if path.endswith(("/rendered", "/thumbnail")):
        return "pictures"
    if path.endswith(("/bulkdata", "/pixeldata", "{place}", "{frames}")):
        return "bulk"
    return "search" if path.endswith(("/studies", "/series", "/instances")) else "instances"


def operation(method: str, path: str, about: str, roles: Collection[str]) -> Json:
    """Give the Operation Object of a route."""
    kind = kind_of(method, path)
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in _PARAMETER.findall(path)
    ]
    for name, schema, words in _QUERY.get(kind, ()):
        is_needed = kind == "uri" and name in _NEEDED
        parameters.append({"name": name, "in": "query", "required": is_needed, "schema": schema, "description": words})
    if kind == "search":
        parameters.append(_ATTRIBUTES)
    found: Json = {
        "summary": about,
        "operationId": method.lower() + re.sub(r"\W", "_", path),
        "parameters": parameters,
        "responses": {str(status): _response(kind, status, path) for status in sorted({200, *_ALWAYS, *_MORE[kind]})},
        "security": [{"bearer": []}] if roles else [{}, {"bearer": []}],
        "x-roles": sorted(roles),
    }
    if kind == "store":
        found["requestBody"] = _STORED
    return found


_ATTRIBUTES: Final[Json] = {
    "name": "attributes",
    "in": "query",
    "required": False,
    "style": "form",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": _TEXT},
    "description": "Attributes to match, by keyword or tag, inside sequences with dots: PatientName=Щербаков*.",
}
_STORED: Final[Json] = {
    "required": True,
    "content": {
        _MULTIPART: {"schema": _BYTES},
        _DICOM: {"schema": _BYTES},
    },
    "description": (
        "multipart/related of application/dicom, or of application/dicom+json or application/dicom+xml with bulk data; "
        "or one instance as application/dicom."
    ),
}


def _response(kind: Kind, status: int, path: str) -> Json:
    answer: Json = {"description": _MEANS[status]}
    if status == 204:
        return answer
    forms = _FORMS[kind] if status == 200 else _FORM_OF_FAILURE.get((kind, status), ())
    content: Json = {form: {"schema": _schema(form, kind, path)} for form in forms}
    if status >= 400:
        content.setdefault(_JSON, {"schema": _PROBLEM})
    answer["content"] = content
    return answer


def _schema(form: str, kind: Kind, path: str) -> Json:
    if path == OPENAPI:
        return {"type": "object"}
    if kind == "probe":
        return {"$ref": "#/components/schemas/State"}
    if form in (_DICOM_JSON, _JSON):
        return {"$ref": "#/components/schemas/DicomJson"} if kind == "store" else _MODELS
    return _TEXT if form.startswith("text/") else _BYTES
