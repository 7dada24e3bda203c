"""One image decoded in a process of its own, which may fail, hang or be killed without harm to the window.

Reads `FILE MOST_PIXELS`; writes one line of JSON, then the bytes of a picture of 8 bits: grey, or red, green and blue.
Standard: PS3.3 sections C.7.6.3 (Image Pixel), C.11.1 and C.11.2 (rescale and window); PS3.5 section 8 and annex A.4.
"""

from __future__ import annotations

import io
import json
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tolmach.adapters.folder import FileReader, inflate
from tolmach.apps.desktop.faults import NOT_DECODED, NotDecoded
from tolmach.apps.desktop.preview_limits import MEMORY, SECONDS
from tolmach.base import N_, Phrase, TolmachError
from tolmach.dicom import uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.dictionary import tag_of
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.paths import AttributePath
from tolmach.dicom.scanner import ITEM, PIXEL_DATA
from tolmach.edit.draft import Draft

_MOST_FRAME = 512 << 20  # bytes of one frame, decoded
_BY_PILLOW = frozenset({uids.JPEGBaseline8Bit, uids.JPEGExtended12Bit, uids.JPEG2000, uids.JPEG2000Lossless})
_NONE = N_("it has no pixels")
_CUT = N_("its pixels are cut short")
_TOO_LARGE = N_("it is too large for a preview")
_COMPRESSED = N_("its compression ({syntax}) is not known to the preview")
_ODD = N_("the description of its pixels makes no sense")

Pixels = NDArray[Any]


def decode(path: Path, most: int) -> tuple[dict[str, Any], bytes]:
    """Give the size and the bytes of a picture of the first frame, no side longer than `most`.

    Raises `NotDecoded`, and what opening a file raises.
    """
    with FileReader().open(path) as source:
        data_set = open_data_set(source, inflate)
        pixels, is_colour = _frame(data_set)
        frames = max(1, _whole(data_set, "NumberOfFrames", 1))
    step = max(1, -(-max(pixels.shape[:2]) // most))
    pixels = pixels[::step, ::step]
    picture = pixels if is_colour else _windowed(pixels, data_set)
    height, width = picture.shape[:2]
    about = {"width": width, "height": height, "channels": 3 if is_colour else 1, "frames": frames}
    return about, np.ascontiguousarray(picture).tobytes()


def _frame(data_set: DataSet) -> tuple[Pixels, bool]:
    element = data_set.find(PIXEL_DATA)
    rows, columns = _whole(data_set, "Rows", 0), _whole(data_set, "Columns", 0)
    samples, bits = _whole(data_set, "SamplesPerPixel", 1), _whole(data_set, "BitsAllocated", 8)
    if element is None or not element.length:
        raise _refused(_NONE)
    if not (rows and columns) or samples not in (1, 3) or bits not in (1, 8, 16, 32):
        raise _refused(_ODD)
    if rows * columns * samples * max(8, bits) // 8 > _MOST_FRAME:
        raise _refused(_TOO_LARGE)
    if element.undefined:
        pixels = _decompressed(data_set, element.value, element.length)
    else:
        pixels = _native(data_set, element.value, element.length, (rows, columns, samples, bits))
    return _as_colour_or_grey(pixels, data_set)


def _native(data_set: DataSet, offset: int, length: int, shape: tuple[int, int, int, int]) -> Pixels:
    rows, columns, samples, bits = shape
    count = rows * columns * samples
    needed = (count * bits + 7) // 8
    if length < needed:
        raise _refused(_CUT)
    raw = bytes(data_set.source.read(offset, needed))
    if bits == 1:
        flat = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")[:count] * 255
    else:
        order = ">" if data_set.encoding.big else "<"
        sign = "i" if _whole(data_set, "PixelRepresentation", 0) and samples == 1 else "u"
        flat = np.frombuffer(raw, np.dtype(f"{order}{sign}{bits // 8}"))
    flat = _stored_bits(flat, data_set, bits)
    if samples == 1:
        return flat.reshape(rows, columns)
    if _whole(data_set, "PlanarConfiguration", 0):
        return flat.reshape(samples, rows, columns).transpose(1, 2, 0)
    return flat.reshape(rows, columns, samples)


def _stored_bits(flat: Pixels, data_set: DataSet, bits: int) -> Pixels:
    """Take away what older machines put above the stored bits. Standard: PS3.5 section 8.1.1."""
    stored = _whole(data_set, "BitsStored", bits)
    high = _whole(data_set, "HighBit", stored - 1)
    if bits not in (8, 16) or not 0 < stored < bits or high != stored - 1:
        return flat
    if flat.dtype.kind == "u":
        return flat & ((1 << stored) - 1)
    shift = bits - stored
    return (flat.astype(flat.dtype.newbyteorder("=")) << shift) >> shift


def _decompressed(data_set: DataSet, offset: int, length: int) -> Pixels:
    syntax = data_set.transfer_syntax_uid
    if syntax not in _BY_PILLOW:
        raise _refused(_COMPRESSED, syntax=uids.name_of(syntax))
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = _MOST_FRAME // 4
    frames = max(1, _whole(data_set, "NumberOfFrames", 1))
    try:
        with Image.open(io.BytesIO(_first_fragments(data_set, offset, length, frames))) as image:
            image.load()
            picture = image if image.mode in ("L", "RGB") or image.mode.startswith("I") else image.convert("RGB")
            decoded: Pixels = np.asarray(picture)
            return decoded
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _refused(_COMPRESSED, syntax=uids.name_of(syntax)) from error


def _first_fragments(data_set: DataSet, offset: int, length: int, frames: int) -> bytes:
    """Give the compressed bytes of the first frame. Standard: PS3.5 annex A.4 (offset table first, then fragments)."""
    fragments: list[bytes] = []
    position, end, total = offset, offset + length, 0
    while position + 8 <= end:
        group, number, size = struct.unpack("<HHL", bytes(data_set.source.read(position, 8)))
        if (group << 16 | number) != ITEM or position + 8 + size > end:
            break
        fragments.append(bytes(data_set.source.read(position + 8, size)) if total < _MOST_FRAME else b"")
        total += size
        position += 8 + size
        if frames > 1 and len(fragments) == 2:
            break  # with several frames each is one fragment, as good as always
    return b"".join(fragments[1:])


def _as_colour_or_grey(pixels: Pixels, data_set: DataSet) -> tuple[Pixels, bool]:
    kind = _text(data_set, "PhotometricInterpretation")
    if pixels.ndim == 3:
        if pixels.dtype.itemsize > 1:
            pixels = (pixels >> (8 * pixels.dtype.itemsize - 8)).astype(np.uint8)
        is_native = data_set.transfer_syntax_uid not in _BY_PILLOW
        return (_from_ybr(pixels) if is_native and kind == "YBR_FULL" else pixels.astype(np.uint8)), True
    if kind == "PALETTE COLOR":
        return _through_palette(pixels, data_set), True
    return pixels, False


def _from_ybr(pixels: Pixels) -> Pixels:
    """Give red, green and blue. Standard: PS3.3 section C.7.6.3.1.2 (YBR_FULL)."""
    y, b, r = (pixels[..., number].astype(np.float32) for number in range(3))
    b, r = b - 128, r - 128
    colours = np.stack((y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b), axis=-1)
    clipped: Pixels = np.clip(colours, 0, 255).astype(np.uint8)
    return clipped


def _through_palette(pixels: Pixels, data_set: DataSet) -> Pixels:
    """Give the colours a palette names. Standard: PS3.3 sections C.7.6.3.1.5 and C.7.6.3.1.6."""
    tables = []
    for colour in ("Red", "Green", "Blue"):
        described = _text(data_set, f"{colour}PaletteColorLookupTableDescriptor").split("\\")
        element = data_set.find(tag_of(f"{colour}PaletteColorLookupTableData") or 0)
        if element is None or len(described) != 3:
            raise _refused(_ODD)
        wide = int(described[2]) == 16
        order = ">" if data_set.encoding.big else "<"
        raw = bytes(data_set.source.read(element.value, min(element.length, 1 << 18)))
        entries = np.frombuffer(raw[: len(raw) // 2 * 2], f"{order}u2") if wide else np.frombuffer(raw, np.uint8)
        tables.append((entries >> 8 if wide else entries).astype(np.uint8))
        first = int(described[1])
    if not all(len(table) for table in tables):
        raise _refused(_ODD)
    return np.stack([table[np.clip(pixels.astype(np.int64) - first, 0, len(table) - 1)] for table in tables], axis=-1)


def _windowed(pixels: Pixels, data_set: DataSet) -> Pixels:
    """Give grey of 8 bits through the file's own window, or from its darkest to its brightest pixel.

    Standard: PS3.3 section C.11.2.1.2 (linear).
    """
    values = pixels.astype(np.float32) * _number(data_set, "RescaleSlope", 1.0)
    values += _number(data_set, "RescaleIntercept", 0.0)
    centre, width = _number(data_set, "WindowCenter", None), _number(data_set, "WindowWidth", None)
    if centre is None or width is None or width < 1 or (pixels.dtype.itemsize == 1 and width >= 256):
        low, high = float(values.min()), float(values.max())
    else:
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    grey = np.clip((values - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    shown: Pixels = 255 - grey if _text(data_set, "PhotometricInterpretation") == "MONOCHROME1" else grey
    return shown


def _text(data_set: DataSet, keyword: str) -> str:
    return (Draft(data_set).text(AttributePath((), tag_of(keyword) or 0)) or "").strip()


def _whole(data_set: DataSet, keyword: str, absent: int) -> int:
    text = _text(data_set, keyword).split("\\")[0].strip()
    return int(text) if text.isascii() and text.isdigit() else absent


def _number(data_set: DataSet, keyword: str, absent: float | None) -> Any:
    try:
        return float(_text(data_set, keyword).split("\\")[0])
    except ValueError:
        return absent


def _refused(why: str, **facts: object) -> NotDecoded:
    return NotDecoded(NOT_DECODED, why=Phrase(why, facts))


def _limit() -> None:
    """Let the system hold this process to its limits, where it can."""
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits; the window ends us there
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(path: str, most: int) -> int:
    """Write the picture to stdout, or why there is none."""
    _limit()
    try:
        about, picture = decode(Path(path), most)
    except TolmachError as error:
        about, picture = {"why": _as_json(error)}, b""
    except MemoryError:
        about, picture = {"why": {"msgid": _TOO_LARGE, "facts": {}}}, b""
    except (ValueError, IndexError, OverflowError, ZeroDivisionError):  # numbers of the file that fit nothing
        about, picture = {"why": {"msgid": _ODD, "facts": {}}}, b""
    sys.stdout.buffer.write(json.dumps(about).encode("ascii") + b"\n" + picture)
    sys.stdout.buffer.flush()
    return 0


def _as_json(error: TolmachError) -> dict[str, Any]:
    why = error.problem.facts.get("why") if isinstance(error, NotDecoded) else error.problem.what
    phrase = why if isinstance(why, Phrase) else error.problem.what
    return {"msgid": phrase.msgid, "facts": {name: str(fact) for name, fact in phrase.facts.items()}}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
