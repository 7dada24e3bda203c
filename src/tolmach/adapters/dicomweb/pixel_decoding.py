"""Pixels out of their compression, as an array; runs in a process of its own, which may die of what it is given.

Standard: PS3.5 annexes A.4 and G (RLE), section 8.2 (encapsulated).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tolmach.dicom import uids

Array = NDArray[Any]
Job = dict[str, Any]  # the attributes of the image, by the names of `frames.Layout`

_JPEG_2000 = frozenset({uids.JPEG2000Lossless, uids.JPEG2000, uids.HTJ2KLossless, uids.HTJ2KLosslessRPCL, uids.HTJ2K})
_JPEG = frozenset({uids.JPEGBaseline8Bit, uids.JPEGExtended12Bit})
_JPEG_LS = frozenset({uids.JPEGLSLossless, uids.JPEGLSNearLossless})


class Undecodable(Exception):
    """The bytes are no frame of that kind, or nothing here can decode it; the text says which."""


def decode(job: Job, data: bytes) -> tuple[Array, str]:
    """Give a frame as (rows, columns) or (rows, columns, samples), as it is stored, and its photometric interpretation.

    Raises `Undecodable`. What the frame says of its own size must be what the data set says.
    """
    syntax, photometric = job["transfer_syntax_uid"], job["photometric"]
    if job["compressed"]:
        pixels = _decoder_of(syntax)(job, data)
        if syntax in _JPEG_2000 or syntax in _JPEG:
            photometric = "RGB" if pixels.ndim == 3 else photometric
    else:
        pixels = _native(job, data)
    expected = (job["rows"], job["columns"]) + ((job["samples"],) if job["samples"] > 1 else ())
    if pixels.shape != expected:
        raise Undecodable(f"the frame is {pixels.shape}, and the data set says {expected}")
    return pixels, photometric


def _decoder_of(syntax: str) -> Callable[[Job, bytes], Array]:
    if syntax == uids.RLELossless:
        return _rle
    if syntax in _JPEG:
        return _jpeg
    if syntax in _JPEG_2000:
        return _jpeg_2000
    if syntax in _JPEG_LS:
        return _jpeg_ls
    raise Undecodable(f"there is no decoder for {uids.name_of(syntax)}")


def _native(job: Job, data: bytes) -> Array:
    rows, columns, samples, bits = job["rows"], job["columns"], job["samples"], job["bits_allocated"]
    count = rows * columns * samples
    if bits == 1:
        pixels: Array = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[:count]
    else:
        pixels = np.frombuffer(data, _dtype(job))[:count]
    if pixels.size < count:
        raise Undecodable("the frame has too few bytes")
    if samples == 1:
        return pixels.reshape(rows, columns)
    if job["planar"] == 1:
        return pixels.reshape(samples, rows, columns).transpose(1, 2, 0)
    return pixels.reshape(rows, columns, samples)


def _dtype(job: Job) -> np.dtype[Any]:
    bits = job["bits_allocated"]
    if job.get("float") and bits in (32, 64):
        return np.dtype(f"<f{bits // 8}")
    if bits not in (8, 16, 32):
        raise Undecodable(f"pixels of {bits} bits are not understood")
    return np.dtype(f"<{'i' if job['is_signed'] else 'u'}{bits // 8}")


def _rle(job: Job, data: bytes) -> Array:
    """Give a frame of run lengths: one segment for each byte of each sample, the high byte first.

    Standard: PS3.5 annex G.
    """
    if len(data) < 64:
        raise Undecodable("the RLE header is cut short")
    count, *offsets = struct.unpack("<16L", data[:64])
    rows, columns, samples, bits = job["rows"], job["columns"], job["samples"], job["bits_allocated"]
    width = bits // 8
    if count != samples * width or not 1 <= count <= 15 or bits % 8:
        raise Undecodable("the RLE header does not fit the image")
    pixels = np.empty((samples, rows * columns, width), np.uint8)
    for segment in range(count):
        start = offsets[segment]
        end = offsets[segment + 1] if segment + 1 < count else len(data)
        if not 64 <= start <= end <= len(data):
            raise Undecodable("the RLE header points outside the frame")
        plane = _unpacked(data[start:end], rows * columns)
        pixels[segment // width, :, width - 1 - segment % width] = np.frombuffer(plane, np.uint8)
    whole = pixels.reshape(samples, -1).view(_dtype(job)).reshape(samples, rows, columns)
    return whole[0] if samples == 1 else whole.transpose(1, 2, 0)


def _unpacked(packed: bytes, size: int) -> bytes:
    out, at, end = bytearray(), 0, len(packed)
    while at < end and len(out) < size:
        code = packed[at]
        if code < 128:
            out += packed[at + 1 : at + 2 + code]
            at += 2 + code
        elif code > 128:
            out += packed[at + 1 : at + 2] * (257 - code)
            at += 2
        else:
            at += 1
    if len(out) < size:
        raise Undecodable("an RLE segment is cut short")
    return bytes(out[:size])


def _jpeg(job: Job, data: bytes) -> Array:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # its size is compared with the data set's, which was judged before
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        _require_size(job, image.size)
        if job["photometric"] == "RGB" and not {"adobe_transform", "jfif"} & image.info.keys():
            image.draft("YCbCr", None)  # the components as they are: nothing says that they were turned into YCbCr
        return np.asarray(image)


def _jpeg_2000(job: Job, data: bytes) -> Array:
    try:
        from openjpeg import utils as openjpeg
    except ImportError:
        return _jpeg_2000_by_pillow(job, data)
    found = openjpeg.get_parameters(data)
    _require_size(job, (int(found["columns"]), int(found["rows"])))
    pixels: Array = openjpeg.decode(data)
    return pixels


def _jpeg_2000_by_pillow(job: Job, data: bytes) -> Array:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    with Image.open(io.BytesIO(data), formats=["JPEG2000"]) as image:
        _require_size(job, image.size)
        if job["is_signed"]:
            raise Undecodable("signed pixels need pylibjpeg-openjpeg")
        pixels = np.asarray(image)
        return pixels.astype(_dtype(job)) if pixels.ndim == 2 else pixels


def _jpeg_ls(job: Job, data: bytes) -> Array:
    try:
        import jpeg_ls  # type: ignore[import-untyped]
    except ImportError as error:
        raise Undecodable("pyjpegls is not installed") from error
    _decoded, info = jpeg_ls.decode_buffer(data)
    _require_size(job, (info["width"], info["height"]))
    bits = 8 if info["bits_per_sample"] <= 8 else 16
    pixels: Array = np.frombuffer(bytes(_decoded), f"<u{bits // 8}")
    rows, columns, samples = job["rows"], job["columns"], info["components"]
    if job["is_signed"]:
        pixels = pixels.view(f"<i{bits // 8}")
    if samples == 1:
        return pixels.reshape(rows, columns)
    if info["interleave_mode"] == 0:
        return pixels.reshape(samples, rows, columns).transpose(1, 2, 0)
    return pixels.reshape(rows, columns, samples)


def _require_size(job: Job, size: tuple[int, int]) -> None:
    if size != (job["columns"], job["rows"]):
        raise Undecodable(f"the frame is {size[0]} × {size[1]}, and the data set says otherwise")
