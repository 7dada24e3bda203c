"""What is held under an address, opened one after another, and in which transfer syntax it can be given.

Standard: PS3.18 sections 8.7.3.5 and 10.4 (Retrieve Transaction).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

from tolmach.adapters.dicomweb.explicit import DecodedPixels, as_explicit, can_be_explicit, with_pixels
from tolmach.adapters.dicomweb.frames import DECODABLE, LOSSY, Frames
from tolmach.adapters.dicomweb.pictures import decoded
from tolmach.adapters.dicomweb.pixel_workers import PixelWorkers
from tolmach.adapters.dicomweb.served_faults import NOT_ACCEPTABLE, NOT_HELD, NotAcceptable, NotHeld, bad
from tolmach.adapters.dimse.part10_meta import encode_file_meta
from tolmach.archive.interfaces import Content, Held, Index, Opener
from tolmach.base import N_, Phrase
from tolmach.dicom import uids
from tolmach.dicom.source import Source
from tolmach.dicom.splice import Extent, Pieces

MOST_DECODED = 1 << 30  # bytes of pixels that are decoded for one instance; larger ones are given as they are stored
_UID = re.compile(r"[0-9A-Za-z._-]{1,64}")


def is_uid(text: str) -> bool:
    """Tell whether a text can stand for a UID in an address; letters stand in badly anonymised ones."""
    return _UID.fullmatch(text) is not None


def with_syntax(kind: str, syntax: str) -> str:
    """Give a media type with its transfer syntax, without it where it is no UID: it would break the header."""
    return f"{kind}; transfer-syntax={syntax}" if is_uid(syntax) else kind


@dataclass(frozen=True, slots=True)
class Address:
    """A study, a series or an instance as the path of a request names it; `base` is where the paths begin."""

    base: str
    study: str
    series: str = ""
    instance: str = ""

    @classmethod
    def of(cls, base: str, study: str, series: str = "", instance: str = "") -> Address:
        """Take UIDs from a path; raises `BadRequest` for what can be none."""
        for uid in (study, series, instance):
            if uid and not is_uid(uid):
                raise bad(Phrase(N_("“{text}” is no UID"), {"text": uid[:70]}))
        return cls(base, study, series, instance)

    @property
    def url(self) -> str:
        """The address itself."""
        names = (("studies", self.study), ("series", self.series), ("instances", self.instance))
        return self.base + "".join(f"/{name}/{uid}" for name, uid in names if uid)

    def of_held(self, held: Held) -> Address:
        """Give the address of one instance."""
        return Address(self.base, held.study_instance_uid, held.series_instance_uid, held.sop_instance_uid)


class Holdings:
    """The archive as retrieving sees it; any thread may call."""

    def __init__(self, index: Index, opener: Opener, workers: PixelWorkers) -> None:
        """Find by `index`, open by `opener`, decode by `workers`."""
        self.index, self.opener, self.workers = index, opener, workers

    def held(self, address: Address) -> Iterator[Held]:
        """Give what is held under an address, in order; raises `NotHeld` at once where there is nothing."""
        found = self.index.held(
            studies=(address.study,),
            series=(address.series,) if address.series else (),
            instances=(address.instance,) if address.instance else (),
        )
        first = next(found, None)
        if first is None:
            raise NotHeld(NOT_HELD)
        return chain([first], found)

    def one(self, address: Address) -> Held:
        """Give the only instance under an address; raises `NotHeld`."""
        return next(self.held(address))

    def as_file(self, held: Held, content: Content, wanted: str) -> tuple[str, Iterable[memoryview | bytes]]:
        """Give the transfer syntax an instance is given in, and the blocks of its file, each valid until the next.

        `wanted` is a transfer syntax, "*" for the stored one, or empty. Implicit VR and Big Endian are not spoken on
        the web. Without a wish compressed pixels are decoded, unless that would be of no use: where they are lossy, too
        many, or nothing here can decode them. Raises `NotAcceptable`.
        """
        stored, explicit = held.transfer_syntax_uid, uids.ExplicitVRLittleEndian
        if stored == explicit and wanted in ("", "*", explicit):
            return stored, _as_stored(held, content, stored)
        data_set = content.data_set
        stored = data_set.transfer_syntax_uid
        if can_be_explicit(data_set) and (wanted in ("", explicit) or stored in uids.UNCOMPRESSED):
            if wanted not in ("", "*", explicit):
                raise unavailable(stored, wanted)
            source = as_explicit(data_set)
            return explicit, chain([_meta(held, explicit)], blocks_of(source))
        if wanted in ("*", stored):
            return stored, _as_stored(held, content, stored)
        frames = Frames(data_set)
        if self._decodes(frames, wanted):
            return explicit, chain([_meta(held, explicit)], with_pixels(data_set, self._pixels(content, frames)))
        if wanted == "":
            return stored, _as_stored(held, content, stored)
        raise unavailable(stored, wanted)

    def _decodes(self, frames: Frames, wanted: str) -> bool:
        layout = frames.layout
        is_wanted = wanted == uids.ExplicitVRLittleEndian or (wanted == "" and layout.transfer_syntax_uid not in LOSSY)
        size = layout.frame_bits * layout.frames // 8
        is_whole = frames.count == layout.frames and layout.frame_bits % 8 == 0
        return is_wanted and is_whole and layout.transfer_syntax_uid in DECODABLE and 0 < size <= MOST_DECODED

    def _pixels(self, content: Content, frames: Frames) -> DecodedPixels:
        """Give the decoded pixels of an instance; the first frame is decoded at once, and says what colours they are.

        Standard: PS3.5 section 8.2 (photometric interpretation of uncompressed pixels), PS3.3 section C.7.6.3.1.3.
        """
        data_set, layout = content.data_set, frames.layout
        photometric, first = decoded(data_set, frames, 0, self.workers)
        others = (decoded(data_set, frames, number, self.workers)[1] for number in range(1, layout.frames))
        attributes = {"PhotometricInterpretation": photometric.encode("ascii", "replace")}
        if layout.samples > 1:
            attributes["PlanarConfiguration"] = b"\0\0"
        vr = "OB" if layout.bits_allocated <= 8 else "OW"
        return DecodedPixels(chain([first], others), layout.frames, len(first), vr, attributes)


def unavailable(stored: str, wanted: str) -> NotAcceptable:
    """Give the refusal of a transfer syntax."""
    facts = {"stored": uids.name_of(stored), "wanted": uids.name_of(wanted)}
    return NotAcceptable(NOT_ACCEPTABLE, why=Phrase(N_("it is stored as {stored} and cannot become {wanted}"), facts))


def blocks_of(source: Source) -> Iterator[memoryview | bytes]:
    """Give the bytes of a source in order, each block valid until the next is asked for."""
    return (source if isinstance(source, Pieces) else Pieces.of(source, [Extent(0, source.size)])).chunks()


def begun(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Give the same blocks, the first of them made already: what goes wrong before it is raised here and now."""
    first = next(blocks, b"")
    return _going_on(first, blocks)


def _going_on(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    with closing(blocks):  # type: ignore[type-var]
        yield first
        yield from blocks


def _as_stored(held: Held, content: Content, syntax: str) -> Iterable[memoryview | bytes]:
    """Give the data set as it is, behind a head of our own: what came in a preamble may be a program (F-21).

    Only where the file says a transfer syntax that is no UID its own head is kept, as odd as it is.
    """
    if not is_uid(syntax):
        return content.as_file()
    return chain([_meta(held, syntax)], blocks_of(content.in_syntax(syntax)[0]))


def _meta(held: Held, syntax: str) -> bytes:
    return encode_file_meta(held.sop_class_uid, held.sop_instance_uid, syntax)
