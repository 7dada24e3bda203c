"""Objects that come as metadata in JSON or XML with their bulk data in parts of their own, put together again.

Bulk data wait in one temporary file; nothing but the metadata is in memory.

Standard: PS3.18 sections 10.5.2 and 8.7.3.3 (compressed bulk data: a part for each frame).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from tolmach.adapters.dicomweb.answers import DICOM_JSON
from tolmach.adapters.dicomweb.held import blocks_of
from tolmach.adapters.dicomweb.json_reading import Bulk, ModelWriter, parse_models, text_of
from tolmach.adapters.dicomweb.media_types import OCTETS, parse_media_type
from tolmach.adapters.dicomweb.multipart import Part
from tolmach.adapters.dicomweb.served_faults import TOO_LARGE, TooLarge, bad
from tolmach.adapters.dicomweb.wado_rs import DICOM_XML
from tolmach.adapters.dicomweb.xml_reading import parse_native_model
from tolmach.adapters.dimse.part10_meta import encode_file_meta
from tolmach.adapters.folder.reading import SeekingSource
from tolmach.adapters.objects.faults import mapped
from tolmach.base import N_, Phrase
from tolmach.dicom import uids
from tolmach.dicom.source import Source
from tolmach.dicom.splice import Extent, Pieces

MOST_METADATA = 64 << 20
_ASCII_UID = 64
# Standard: PS3.18 table 8.7.3-3, the syntax a media type stands for where the part does not say it.
_SYNTAX_OF = {
    "image/jpeg": uids.JPEGLosslessSV1,
    "image/dicom-rle": uids.RLELossless,
    "image/x-dicom-rle": uids.RLELossless,
    "image/jls": uids.JPEGLSLossless,
    "image/x-jls": uids.JPEGLSLossless,
    "image/jp2": uids.JPEG2000Lossless,
    "image/jpx": uids.JPEG2000MCLossless,
    "image/jphc": uids.HTJ2KLossless,
    "video/mpeg": uids.MPEG2MPML,
    "video/mp4": uids.MPEG4HP41,
}


class Assembly:
    """What one request brought in pieces; used in a `with` block, by one thread."""

    def __init__(self, folder: Path) -> None:
        """Keep bulk data in a nameless file in `folder`; raises `StoreTrouble`."""
        with mapped(folder):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed at the end of the block
        self._size = 0
        self._found: dict[str, list[tuple[Extent, str]]] = {}
        self.models: list[Mapping[str, Any]] = []

    def __enter__(self) -> Assembly:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, part: Part) -> None:
        """Take a part; raises `BadRequest`, `TooLarge` and `StoreTrouble`."""
        kind, parameters = parse_media_type(part.headers.get("content-type", OCTETS))
        if kind in (DICOM_JSON, "application/json"):
            self.models += parse_models(_gathered(part))
            return
        if kind == DICOM_XML:
            self.models.append(parse_native_model(_gathered(part)))
            return
        place = part.headers.get("content-location", "")
        start = self._size
        with mapped("the bulk data of a request"):
            for block in part.blocks:
                self._size += self._file.write(block)
        syntax = parameters.get("transfer-syntax") or _SYNTAX_OF.get(kind, "")
        is_plain = kind not in _SYNTAX_OF and syntax in ("", *uids.UNCOMPRESSED)
        self._found.setdefault(place, []).append((Extent(start, self._size), "" if is_plain else syntax))

    def uids_of(self, model: Mapping[str, Any]) -> tuple[str, str, str, str]:
        """Give the UIDs of class, instance, study and series that a model says, empty where it says none."""
        keywords = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
        found = (text_of(model, keyword) for keyword in keywords)
        sop_class, instance, study, series = (uid if uid.isascii() and len(uid) <= _ASCII_UID else "" for uid in found)
        return sop_class, instance, study, series

    def file_of(self, model: Mapping[str, Any]) -> Iterator[bytes | memoryview]:
        """Give an object as the blocks of a Part 10 file; raises `BadRequest` for a model that cannot be written."""
        sop_class, instance, _study, _series = self.uids_of(model)
        if not sop_class or not instance:
            raise bad(Phrase(N_("an object has no SOP Class UID or no SOP Instance UID")))
        syntaxes: set[str] = set()
        source = SeekingSource(self._file, self._size, "bulk data")

        def bulk_of(uri: str) -> Bulk | None:
            found = self._found.get(uri)
            if found is None:
                return None
            syntaxes.update(syntax for _extent, syntax in found if syntax)
            parts: Sequence[Source] = [Pieces.of(source, [extent]) for extent, _syntax in found]
            return Bulk(parts, is_compressed=any(syntax for _extent, syntax in found))

        pieces = list(ModelWriter(bulk_of).pieces(model))
        if len(syntaxes) > 1:
            raise bad(Phrase(N_("the parts of one object are in several transfer syntaxes")))
        syntax = syntaxes.pop() if syntaxes else uids.ExplicitVRLittleEndian
        head = encode_file_meta(sop_class, instance, syntax)
        return chain([head], *((piece,) if isinstance(piece, bytes) else blocks_of(piece) for piece in pieces))


def _gathered(part: Part) -> bytes:
    gathered = bytearray()
    for block in part.blocks:
        gathered += block
        if len(gathered) > MOST_METADATA:
            raise TooLarge(TOO_LARGE, limit=MOST_METADATA)
    return bytes(gathered)
