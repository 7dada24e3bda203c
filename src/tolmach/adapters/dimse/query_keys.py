"""Identifiers we ask with: keys by keyword, their text in letters the peer can read.

Standard: PS3.4 section C.4.1.1.3.1 (request identifier), PS3.5 section 7.5 (sequences).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from tolmach.adapters.dimse.query_answers import Letters
from tolmach.adapters.dimse.query_scu import WriteKeys
from tolmach.dicom import dictionary, encode
from tolmach.dicom.scanner import Encoding
from tolmach.dicom.values import NUMBER_VRS
from tolmach.dicom.vrs import TEXT_VRS

_CHARACTER_SET = "SpecificCharacterSet"


def writer_of(keys: Mapping[str, str], letters: Sequence[Letters]) -> WriteKeys:
    """Give what writes the keys: by keyword, or "Sequence.Attribute" for one in the item of a sequence.

    Text goes out in the first of `letters` that holds all of it. Raises `BadValue` for a number that is none, and
    `KeyError` for a keyword nobody knows.
    """
    for known in keys:
        _tag(known.rpartition(".")[2])
    texts = [value for name, value in keys.items() if _vr(name.rpartition(".")[2]) in TEXT_VRS]
    chosen = next((one for one in letters if all(one.write(text) is not None for text in texts)), letters[-1])
    write = partial(_written, {_CHARACTER_SET: chosen.label, **keys}, chosen)
    write(Encoding(explicit=True, big=False))  # what cannot be written is told now
    return write


def _written(keys: Mapping[str, str], letters: Letters, encoding: Encoding) -> bytes:
    elements: dict[int, bytes] = {}
    items: dict[str, dict[str, str]] = {}
    for name, value in keys.items():
        sequence, _, inner = name.rpartition(".")
        if sequence:
            items.setdefault(sequence, {})[inner] = value
        elif _vr(name) != "SQ":
            elements[_tag(name)] = _element(name, value, letters, encoding)
        else:
            items.setdefault(name, {})
    for sequence, inside in items.items():
        content = b"".join(
            _element(name, value, letters, encoding)
            for name, value in sorted(inside.items(), key=lambda one: _tag(one[0]))
        )
        elements[_tag(sequence)] = encode.sequence(_tag(sequence), [content] if content else [], encoding)
    return b"".join(raw for _tag, raw in sorted(elements.items()))


def _element(keyword: str, value: str, letters: Letters, encoding: Encoding) -> bytes:
    tag, vr = _tag(keyword), _vr(keyword)
    if vr in TEXT_VRS:
        raw = letters.write(value) or b""
    elif vr in NUMBER_VRS and value:
        raw = encode.binary(vr, value, encoding, path=keyword)
    else:
        raw = value.encode("ascii", "replace")
    return encode.element(tag, vr, raw, encoding)


def _tag(keyword: str) -> int:
    tag = dictionary.tag_of(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag


def _vr(keyword: str) -> str:
    return dictionary.vr_of(_tag(keyword))
