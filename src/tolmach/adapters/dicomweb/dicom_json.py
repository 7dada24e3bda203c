"""Reading the DICOM JSON model from an answer that may be anything.

Standard: PS3.18 annex F (DICOM JSON model).
"""

from __future__ import annotations

import json

from tolmach.dicom import dictionary


class UnreadableAnswer(ValueError):
    """The body is not what was asked for, or beyond a limit."""


def parse_json(body: bytes) -> object:
    """Give what a body says, every number as it is written; raises `UnreadableAnswer`. Limit the size beforehand."""
    try:
        # Numbers stay text: nobody has to wait for, or to mistrust, one of a million digits.
        return json.loads(body, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise UnreadableAnswer(str(error)) from error


def values_of(data_set: object, keyword: str) -> list[object]:
    """Give the values of an attribute, none where the answer is not built as it should be."""
    tag = dictionary.tag_of(keyword)
    element = data_set.get(f"{tag:08X}") if isinstance(data_set, dict) and tag is not None else None
    values = element.get("Value") if isinstance(element, dict) else None
    return [one for one in values if one is not None] if isinstance(values, list) else []
