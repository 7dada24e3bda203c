"""WADO-RS: frames and pixel data, rendered pictures and thumbnails.

Standard: PS3.18 sections 10.4.1.1.6 (frames), 10.4.1.1.4 (rendered), 10.4.1.1.5 (thumbnail), 8.7.3.3 (compression).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tolmach.adapters.dicomweb.answers import Reply, attachment
from tolmach.adapters.dicomweb.frames import DECODABLE, LOSSY, MAX_FRAMES, Frames
from tolmach.adapters.dicomweb.held import Address, Holdings, begun, blocks_of, with_syntax
from tolmach.adapters.dicomweb.media_types import (
    MULTIPART,
    OCTETS,
    MediaRange,
    Offer,
    choose,
    require_one_category,
)
from tolmach.adapters.dicomweb.pictures import FORMATS, View, decoded, picture, view_of
from tolmach.adapters.dicomweb.served_faults import (
    NOT_ACCEPTABLE,
    NOT_HELD,
    TOO_BROAD,
    NotAcceptable,
    NotHeld,
    TooLarge,
    bad,
)
from tolmach.adapters.dicomweb.wado_rs import Parts, multipart_reply
from tolmach.archive.interfaces import Held
from tolmach.base import N_, Phrase
from tolmach.dicom import uids

MOST_FRAMES = 10_000  # in one request
THUMBNAIL = 128
# Standard: PS3.18 table 8.7.3-3 and its forerunners.
MEDIA_OF = {
    uids.JPEGBaseline8Bit: "image/jpeg",
    uids.JPEGExtended12Bit: "image/jpeg",
    uids.JPEGLossless: "image/jpeg",
    uids.JPEGLosslessSV1: "image/jpeg",
    uids.RLELossless: "image/dicom-rle",
    uids.JPEGLSLossless: "image/jls",
    uids.JPEGLSNearLossless: "image/jls",
    uids.JPEG2000Lossless: "image/jp2",
    uids.JPEG2000: "image/jp2",
    uids.JPEG2000MCLossless: "image/jpx",
    uids.JPEG2000MC: "image/jpx",
    uids.HTJ2KLossless: "image/jphc",
    uids.HTJ2KLosslessRPCL: "image/jphc",
    uids.HTJ2K: "image/jphc",
    uids.MPEG2MPML: "video/mpeg",
    uids.MPEG2MPHL: "video/mpeg",
    uids.MPEG4HP41: "video/mp4",
    uids.MPEG4HP41BD: "video/mp4",
    uids.HEVCMP51: "video/H265",
    uids.HEVCM10P51: "video/H265",
}
_OLD_NAMES = {"image/dicom-rle": "image/x-dicom-rle", "image/jls": "image/x-jls"}


@dataclass(frozen=True, slots=True)
class _Form:
    """How frames are given: as they are stored, or decoded."""

    offer: Offer
    way: Literal["stored", "decoded"]
    syntax: str

    @property
    def part_type(self) -> str:
        return with_syntax(self.offer.kind, self.syntax)


class PictureRetrieval:
    """Gives frames, pictures and thumbnails; any thread may call. Raises what `served_faults` name."""

    def __init__(self, holdings: Holdings) -> None:
        """Serve what is held."""
        self._holdings = holdings

    # Frames --------------------------------------------------------------------------------------------------

    def frames(self, address: Address, numbers: str | None, ranges: Sequence[MediaRange]) -> Reply:
        """Give frames by their numbers from 1, in the order they are named; None stands for all of them."""
        held = self._holdings.one(address)
        wanted = None if numbers is None else frame_numbers(numbers)
        with self._holdings.opener(held) as content:
            found = Frames(content.data_set)
            if not found.count or any(number >= found.count for number in wanted or ()):
                raise NotHeld(NOT_HELD)
            form = _form(found, ranges, 1 if wanted is not None and len(wanted) == 1 else 2)
        chosen = range(found.count) if wanted is None else wanted
        if form.offer.is_multipart:
            return multipart_reply(self._frame_parts(address, held, chosen, form), form.offer.kind)
        body = self._frame(held, chosen[0], form)
        return Reply(200, begun(body), form.part_type, attachment(f"{held.sop_instance_uid}.{chosen[0] + 1}.bin"))

    def pixel_data(self, address: Address, ranges: Sequence[MediaRange]) -> Reply:
        """Give all frames of every instance under an address that has any."""
        if address.instance:
            return self.frames(address, None, ranges)

        def parts() -> Parts:
            for held in self._holdings.held(address):
                with self._holdings.opener(held) as content:
                    found = Frames(content.data_set)
                if found.count:
                    yield from self._frame_parts(
                        address.of_held(held), held, range(found.count), _form(found, ranges, 2)
                    )

        return multipart_reply(parts(), OCTETS)

    def _frame_parts(self, address: Address, held: Held, chosen: Sequence[int], form: _Form) -> Parts:
        with self._holdings.opener(held) as content:
            data_set = content.data_set
            found = Frames(data_set)
            for number in chosen:
                yield (
                    {"Content-Type": form.part_type, "Content-Location": f"{address.url}/frames/{number + 1}"},
                    self._blocks(found, number, form),
                )

    def _frame(self, held: Held, number: int, form: _Form) -> Iterator[bytes]:
        with self._holdings.opener(held) as content:
            for block in self._blocks(Frames(content.data_set), number, form):
                yield bytes(block)

    def _blocks(self, frames: Frames, number: int, form: _Form) -> Iterator[memoryview | bytes]:
        if form.way == "decoded":
            return iter((decoded(frames.data_set, frames, number, self._holdings.workers)[1],))
        if frames.layout.bits_allocated % 8:
            return iter((frames.read(number),))
        return blocks_of(frames.source_of(number))

    # Pictures ------------------------------------------------------------------------------------------------

    def rendered(
        self, address: Address, numbers: str | None, ranges: Sequence[MediaRange], parameters: Mapping[str, str]
    ) -> Reply:
        """Give pictures: of the frames named, or the first of an instance; of a study or series every instance's.

        Where a single picture of many is asked for, it is that of the instance in the middle.
        """
        require_one_category(ranges)
        chosen = (0,) if numbers is None else frame_numbers(numbers)
        singles, many = [Offer(kind) for kind in FORMATS], [Offer(kind, is_multipart=True) for kind in FORMATS]
        is_one = bool(address.instance) and len(chosen) == 1
        offer, _range = choose(ranges, [*singles, *many] if is_one or not address.instance else many)
        view = view_of(parameters, offer.kind)
        if not offer.is_multipart:
            return self._single(address, chosen[0], view, offer.kind)

        def parts() -> Parts:
            for held in self._holdings.held(address):
                for number in chosen:
                    yield {"Content-Type": offer.kind}, (self._picture(held, number, view),)

        return multipart_reply(parts(), offer.kind)

    def thumbnail(
        self, address: Address, numbers: str | None, ranges: Sequence[MediaRange], parameters: Mapping[str, str]
    ) -> Reply:
        """Give a small picture of what is under an address: of the frame named, else of what stands in its middle."""
        offer, _range = choose(ranges, (Offer("image/jpeg"), Offer("image/png"), Offer("image/gif")))
        view = view_of({key: parameters[key] for key in parameters if key == "viewport"}, offer.kind, largest=THUMBNAIL)
        return self._single(address, None if numbers is None else frame_numbers(numbers)[0], view, offer.kind)

    def _single(self, address: Address, frame: int | None, view: View, kind: str) -> Reply:
        held = self._middle(address)
        body = self._picture(held, held.frames // 2 if frame is None else frame, view)
        return Reply(200, body, kind)

    def _middle(self, address: Address) -> Held:
        if address.instance:
            return self._holdings.one(address)
        count = sum(1 for _ in self._holdings.held(address))
        return next(held for number, held in enumerate(self._holdings.held(address)) if number == count // 2)

    def _picture(self, held: Held, frame: int, view: View) -> bytes:
        return self.picture_of(held, frame, lambda _frames: view)

    def picture_of(self, held: Held, frame: int, view_for: Callable[[Frames], View]) -> bytes:
        """Give an encoded picture of a frame, counted from 0; the view may depend on the image."""
        with self._holdings.opener(held) as content:
            found = Frames(content.data_set)
            view = view_for(found)
            if frame and frame >= found.count:
                raise NotHeld(NOT_HELD)
            return picture(content.data_set, found, frame, view, self._holdings.workers)


def frame_numbers(text: str) -> Sequence[int]:
    """Give the frames a list of numbers from 1 names, counted from 0; raises `BadRequest`."""
    pieces = text.split(",")
    if len(pieces) > MOST_FRAMES:
        raise TooLarge(TOO_BROAD, why=Phrase(N_("at most {limit} frames"), {"limit": MOST_FRAMES}))
    if not all(piece.isascii() and piece.isdigit() and len(piece) <= 7 for piece in pieces):
        raise bad(Phrase(N_("“{text}” is no list of frame numbers"), {"text": text[:50]}))
    found = [int(piece) - 1 for piece in pieces]
    if not all(0 <= number < MAX_FRAMES for number in found):
        raise bad(Phrase(N_("frames are counted from 1")))
    return found


def _form(frames: Frames, ranges: Sequence[MediaRange], count: int) -> _Form:
    """Choose how frames are given; raises `NotAcceptable`. What the caller likes best decides, then what costs least.

    Standard: PS3.18 section 8.7.3.5: without a transfer syntax pixels are decoded, unless they are lossy.
    """
    forms = _forms(frames)
    for one in ranges:
        for form in forms:
            offers = [Offer(form.offer.kind, is_multipart=True), *([form.offer] if count == 1 else ())]
            for offer in offers:
                if _suits(one, form, offer):
                    return _Form(offer, form.way, form.syntax)
    there = ", ".join(f'{MULTIPART}; type="{form.offer.kind}"; transfer-syntax={form.syntax}' for form in forms)
    raise NotAcceptable(NOT_ACCEPTABLE, why=Phrase(N_("there are {there}"), {"there": there}))


def _suits(one: MediaRange, form: _Form, offer: Offer) -> bool:
    if not one.takes(offer):
        return False
    if one.syntax:
        return one.syntax == form.syntax or (one.syntax == "*" and form.way == "stored")
    # Octets without a word about their syntax are pixels as everybody understands them.
    return form.offer.kind != OCTETS or form.syntax == uids.ExplicitVRLittleEndian


def _forms(frames: Frames) -> Sequence[_Form]:
    stored, explicit = frames.layout.transfer_syntax_uid, uids.ExplicitVRLittleEndian
    if not frames.are_compressed:
        return (_Form(Offer(OCTETS), "stored", explicit),)
    kind = MEDIA_OF.get(stored, OCTETS)
    as_stored = [_Form(Offer(name), "stored", stored) for name in dict.fromkeys((kind, _OLD_NAMES.get(kind, kind)))]
    as_stored.append(_Form(Offer(OCTETS), "stored", stored))
    if stored not in DECODABLE:
        return as_stored
    as_decoded = [_Form(Offer(OCTETS), "decoded", explicit)]
    return [*as_stored, *as_decoded] if stored in LOSSY else [*as_decoded, *as_stored]
