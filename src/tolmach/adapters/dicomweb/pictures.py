"""Pictures of frames: what the caller asks for, what the image says of itself, and a job for the process that decodes.

Standard: PS3.18 section 8.3.5 (rendering parameters); PS3.3 sections C.11.1, C.11.2 and C.7.6.16.2.9 to .10 (windows of
single frames).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from tolmach.adapters.dicomweb.frames import DECODABLE, Frames, Layout, number, text
from tolmach.adapters.dicomweb.pixel_workers import PixelWorkers
from tolmach.adapters.dicomweb.served_faults import NO_PICTURE, NoPicture, bad
from tolmach.base import N_, Phrase
from tolmach.dicom import dictionary, uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.scanner import ROOT
from tolmach.dicom.source import MemorySource
from tolmach.dicom.values import numbers_as_text
from tolmach.dicom.vrs import STRING_VRS

MOST_PIXELS = 200_000_000
MOST_SIDE = 8192
FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF"}
_QUALITY = 90
_FUNCTIONS = ("linear", "linear-exact", "sigmoid")
_PALETTE = 65_536


@dataclass(frozen=True, slots=True)
class View:
    """How a caller wants a picture. `region` is left, top, width, height; where negative it is turned around."""

    format: str
    size: tuple[int, int] | None = None
    region: tuple[int, int, int, int] | None = None
    window: tuple[float, float, str] | None = None
    quality: int = _QUALITY


def view_of(parameters: Mapping[str, str], media_type: str, *, largest: int | None = None) -> View:
    """Understand the rendering parameters of WADO-RS; raises `BadRequest`.

    `annotation` and `iccprofile` are checked and otherwise left out of account: nothing is written into pictures.
    `largest` is the side of a picture whose size is not asked for. Standard: PS3.18 section 8.3.5.1.
    """
    for one in parameters.get("annotation", "").split(","):
        if one.strip() not in ("", "patient", "technique"):
            raise bad(_unlike("annotation"))
    if parameters.get("iccprofile", "no") not in ("no", "yes", "srgb", "adobergb", "rommrgb"):
        raise bad(_unlike("iccprofile"))
    size, region = _viewport(parameters.get("viewport"))
    if size is None and largest is not None:
        size = (largest, largest)
    window = parameters.get("window")
    return View(
        FORMATS[media_type], size, region, None if window is None else _window(window), _quality(parameters, "quality")
    )


def uri_view_of(parameters: Mapping[str, str], media_type: str, layout: Layout) -> View:
    """Understand the rendering parameters of WADO-URI; raises `BadRequest`. Standard: PS3.18 section 9.1.2.2."""
    size = region = window = None
    if "rows" in parameters or "columns" in parameters:
        size = (_side(parameters.get("columns")), _side(parameters.get("rows")))
    if "region" in parameters:
        left, top, right, bottom = _floats(parameters["region"], 4, "region")
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise bad(_unlike("region"))
        place = (round(left * layout.columns), round(top * layout.rows))
        end = (math.ceil(right * layout.columns), math.ceil(bottom * layout.rows))
        region = (*place, max(1, end[0] - place[0]), max(1, end[1] - place[1]))
    if "windowCenter" in parameters or "windowWidth" in parameters:
        wanted = f"{parameters.get('windowCenter', '')},{parameters.get('windowWidth', '')},linear"
        window = _window(wanted)
    return View(FORMATS[media_type], size, region, window, _quality(parameters, "imageQuality"))


def picture(data_set: DataSet, frames: Frames, frame: int, view: View, workers: PixelWorkers) -> bytes:
    """Give an encoded picture of a frame, counted from 0; raises `NoPicture` and `Busy`."""
    require_decodable(frames)
    job = _job(data_set, frames, frame)
    job["view"] = asdict(view)
    if view.window is None:
        job["view"]["window"] = _own_window(data_set, frame)
    job |= _rescaling(data_set, frame)
    if frames.layout.photometric == "PALETTE COLOR":
        job["palette"] = {colour: _palette(data_set, colour) for colour in ("Red", "Green", "Blue")}
        job["palette"] = {colour.lower(): table for colour, table in job["palette"].items()}
    return workers.ask(job, MemorySource(frames.read(frame)))[1]


def decoded(data_set: DataSet, frames: Frames, frame: int, workers: PixelWorkers) -> tuple[str, bytes]:
    """Give a compressed frame's photometric interpretation and its pixels, uncompressed; raises `NoPicture`, `Busy`."""
    require_decodable(frames)
    facts, body = workers.ask(_job(data_set, frames, frame), frames.source_of(frame))
    if len(body) * 8 != frames.layout.frame_bits:
        raise _impossible(Phrase(N_("the frame has another size than the data set says")))
    return str(facts["photometric"]), body


def require_decodable(frames: Frames) -> None:
    """Refuse what is no picture, or larger than any; raises `NoPicture`. Decides by what the data set says alone."""
    layout = frames.layout
    if not frames.count or not layout.pixels:
        raise _impossible(Phrase(N_("it has no pixels")))
    if layout.pixels > MOST_PIXELS or layout.samples not in (1, 3):
        raise _impossible(Phrase(N_("no image has {rows} × {columns} pixels of {samples} samples"), _facts(layout)))
    if frames.are_compressed and layout.transfer_syntax_uid not in DECODABLE:
        why = Phrase(N_("there is no decoder for {syntax}"), {"syntax": uids.name_of(layout.transfer_syntax_uid)})
        raise _impossible(why)


def _facts(layout: Layout) -> Mapping[str, object]:
    return {"rows": layout.rows, "columns": layout.columns, "samples": layout.samples}


def _impossible(why: Phrase) -> NoPicture:
    return NoPicture(NO_PICTURE, why=why)


def _job(data_set: DataSet, frames: Frames, frame: int) -> dict[str, Any]:
    job = asdict(frames.layout)
    job["compressed"] = frames.are_compressed
    job["frame"] = frame
    job["float"] = data_set.find(dictionary.tag_of("PixelData") or 0) is None
    return job


# What the image says -----------------------------------------------------------------------------------------


def _rescaling(data_set: DataSet, frame: int) -> dict[str, Any]:
    slope = _first(_functional(data_set, frame, "PixelValueTransformationSequence", "RescaleSlope"), 1.0)
    intercept = _first(_functional(data_set, frame, "PixelValueTransformationSequence", "RescaleIntercept"), 0.0)
    padding = text(data_set, "PixelPaddingValue")
    return {
        "slope": slope or 1.0,
        "intercept": intercept,
        "inverse": text(data_set, "PresentationLUTShape") == "INVERSE",
        "padding": number(data_set, "PixelPaddingValue", 0) if padding else None,
    }


def _own_window(data_set: DataSet, frame: int) -> tuple[float, float, str] | None:
    """Give the image's first window, None where it has none that can be used."""
    center = _first(_functional(data_set, frame, "FrameVOILUTSequence", "WindowCenter"), math.nan)
    width = _first(_functional(data_set, frame, "FrameVOILUTSequence", "WindowWidth"), math.nan)
    function = _functional(data_set, frame, "FrameVOILUTSequence", "VOILUTFunction").lower().replace("_", "-")
    if not (math.isfinite(center) and math.isfinite(width) and width > 0):
        return None
    return center, width, function if function in _FUNCTIONS else "linear"


def _functional(data_set: DataSet, frame: int, group: str, keyword: str) -> str:
    """Give a value of a frame: from its functional group, else the shared one, else the data set itself.

    Standard: PS3.3 section C.7.6.16 (Multi-frame Functional Groups).
    """
    for sequence, item in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        inside = _item(data_set, ROOT, sequence, item)
        inside = None if inside is None else _item(data_set, inside, group, 0)
        if inside is not None and (found := _text_in(data_set, inside, keyword)):
            return found
    return _text_in(data_set, ROOT, keyword)


def _item(data_set: DataSet, container: int, sequence: str, item: int) -> int | None:
    position = data_set.position(dictionary.tag_of(sequence) or 0, container)
    return None if position is None else data_set.index.get((position, item))


def _text_in(data_set: DataSet, container: int, keyword: str) -> str:
    element = data_set.find(dictionary.tag_of(keyword) or 0, container)
    if element is None or not 0 < element.length <= 1024 or element.vr not in STRING_VRS:
        return ""
    return data_set.raw(element).decode("ascii", "replace").strip(" \0")


def _first(values: str, absent: float) -> float:
    try:
        value = float(values.split("\\", maxsplit=1)[0])
    except ValueError:
        return absent
    return value if math.isfinite(value) else absent


def _palette(data_set: DataSet, colour: str) -> tuple[int, int, list[int]]:
    """Give the first index of a palette, the bits of its entries, and its entries.

    Standard: PS3.3 section C.7.6.3.1.5 (descriptor; 0 entries stand for 65536).
    """
    descriptor = _numbers(data_set, f"{colour}PaletteColorLookupTableDescriptor", "US")
    element = data_set.find(dictionary.tag_of(f"{colour}PaletteColorLookupTableData") or 0)
    if len(descriptor) < 3 or element is None or not 0 < element.length <= 2 * _PALETTE:
        raise _impossible(Phrase(N_("its palette is missing")))
    raw, count = data_set.raw(element), descriptor[0] or _PALETTE
    order = ">" if data_set.encoding.big else "<"
    width = 1 if len(raw) < 2 * count else 2
    entries = list(memoryview(raw).cast("B")) if width == 1 else _words(raw, order)
    first = descriptor[1] - 65_536 if descriptor[1] >= 32_768 and number(data_set, "PixelRepresentation", 0) else None
    return descriptor[1] if first is None else first, descriptor[2], entries[:count]


def _words(raw: bytes, order: str) -> list[int]:
    byteorder: Any = "big" if order == ">" else "little"
    return [int.from_bytes(raw[at : at + 2], byteorder) for at in range(0, len(raw) - 1, 2)]


def _numbers(data_set: DataSet, keyword: str, vr: str) -> list[int]:
    element = data_set.find(dictionary.tag_of(keyword) or 0)
    if element is None or not 0 < element.length <= 64:
        return []
    return [int(one) for one in (numbers_as_text(data_set.raw(element), vr, data_set.encoding) or "0").split("\\")]


# What the caller says ----------------------------------------------------------------------------------------


def _unlike(name: str) -> Phrase:
    return Phrase(N_("the parameter {name} has no value that is understood"), {"name": name})


def _viewport(value: str | None) -> tuple[tuple[int, int] | None, tuple[int, int, int, int] | None]:
    if value is None:
        return None, None
    pieces = value.split(",")
    if len(pieces) not in (2, 6):
        raise bad(_unlike("viewport"))
    size = (_side(pieces[0]), _side(pieces[1]))
    if len(pieces) == 2:
        return size, None
    # Standard: PS3.18 section 8.3.5.1.3: what is left empty is 0 for the place, the rest of the picture for the size.
    texts = [piece.strip() or default for piece, default in zip(pieces[2:], ("0", "0", "65535", "65535"), strict=True)]
    left, top, width, height = (round(one) for one in _floats(",".join(texts), 4, "viewport"))
    if left < 0 or top < 0 or not width or not height:
        raise bad(_unlike("viewport"))
    return size, (left, top, width, height)


def _window(value: str) -> tuple[float, float, str]:
    pieces = value.split(",")
    if len(pieces) != 3 or pieces[2].strip().lower() not in _FUNCTIONS:
        raise bad(_unlike("window"))
    center, width = _floats(",".join(pieces[:2]), 2, "window")
    if width <= 0:
        raise bad(_unlike("window"))
    return center, width, pieces[2].strip().lower()


def _quality(parameters: Mapping[str, str], name: str) -> int:
    value = parameters.get(name, str(_QUALITY))
    if not (value.isascii() and value.isdigit() and len(value) <= 3 and 1 <= int(value) <= 100):
        raise bad(_unlike(name))
    return int(value)


def _side(value: str | None) -> int:
    digits = (value or "").strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 6 and 1 <= int(digits) <= MOST_SIDE):
        raise bad(Phrase(N_("a picture has sides of 1 to {limit} pixels"), {"limit": MOST_SIDE}))
    return int(digits)


def _floats(value: str, count: int, name: str) -> Iterator[float]:
    pieces = value.split(",")
    try:
        found = [float(piece) for piece in pieces]
    except ValueError as error:
        raise bad(_unlike(name)) from error
    if len(found) != count or not all(math.isfinite(one) and abs(one) < 1e9 for one in found):
        raise bad(_unlike(name))
    return iter(found)
