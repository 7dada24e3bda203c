"""Pixels as people see them: modality and window applied, colours turned into RGB, cut and scaled, then encoded.

Runs in the same process as the decoders.

Standard: PS3.18 section 8.3.5 (rendering parameters); PS3.3 sections C.11.1 (modality), C.11.2.1 (window), C.7.6.3.1.5
(palettes).
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from tolmach.adapters.dicomweb.pixel_decoding import Array, Job, Undecodable

_SIGMOID, _EXACT = "sigmoid", "linear-exact"


def render(job: Job, pixels: Array, photometric: str) -> bytes:
    """Give an encoded picture of a frame; `job["view"]` says how. Raises `Undecodable`."""
    if photometric == "PALETTE COLOR":
        shown = _coloured(job, pixels)
    elif pixels.ndim == 2:
        shown = Image.fromarray(_windowed(job, pixels, photometric))
    else:
        shown = _in_rgb(job, pixels, photometric)
    return _encoded(_placed(shown, job["view"]), job["view"])


def _windowed(job: Job, pixels: Array, photometric: str) -> Array:
    """Give 256 shades. Whole numbers of 16 bits go through a table, so that a frame needs no floats of its own."""
    bits, stored = job["bits_allocated"], min(job["bits_stored"], job["bits_allocated"])
    if pixels.dtype.kind == "f" or bits > 16:
        return _shades(job, pixels.astype(np.float64), photometric)
    whole = pixels.view(np.uint16 if pixels.dtype.itemsize == 2 else np.uint8) & ((1 << stored) - 1)
    values = np.arange(1 << stored, dtype=np.float64)
    if job["is_signed"]:
        values[1 << (stored - 1) :] -= 1 << stored
    lowest = highest = 0.0
    if job["view"].get("window") is None:
        there = np.unique(whole)
        there = there[values[there] != job["padding"]] if job.get("padding") is not None and there.size > 1 else there
        lowest, highest = values[there].min(), values[there].max()
    table = _shades(job, values, photometric, (lowest, highest))
    shades: Array = table[whole]
    return shades


def _shades(job: Job, values: Array, photometric: str, extent: tuple[float, float] | None = None) -> Array:
    """Give values as shades: rescaled, then through the window, or from the lowest to the highest."""
    slope, intercept = job["slope"], job["intercept"]
    window = job["view"].get("window")
    if window is None:
        low, high = extent or (float(np.nanmin(values)), float(np.nanmax(values)))
        first, last = sorted((low * slope + intercept, high * slope + intercept))
        window = [(first + last) / 2, max(last - first, 1e-9), _EXACT]
    real = np.nan_to_num(values * slope + intercept)
    shown = _through_window(real, *window)
    if (photometric == "MONOCHROME1") != bool(job.get("inverse")):
        shown = 255 - shown
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def _through_window(values: Array, center: float, width: float, function: str) -> Array:
    """Apply a window. Standard: PS3.3 sections C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2."""
    if function == _SIGMOID:
        result: Array = 255 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
        return result
    if function == _EXACT:
        return np.clip((values - center) / width + 0.5, 0, 1) * 255
    if width <= 1:
        return np.where(values > center - 0.5, 255.0, 0.0)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1) * 255


def _coloured(job: Job, pixels: Array) -> Image.Image:
    """Look the colours up; indices outside the palette get its first or last colour."""
    planes = []
    for colour in ("red", "green", "blue"):
        first, depth, table = job["palette"][colour]
        entries = np.array(table, np.int64)
        if not entries.size:
            raise Undecodable("the palette is empty")
        if depth > 8 and entries.max(initial=0) > 255:
            entries = entries >> 8
        index = np.clip(pixels.astype(np.int64) - first, 0, entries.size - 1)
        planes.append(entries.clip(0, 255).astype(np.uint8)[index])
    return Image.fromarray(np.stack(planes, axis=-1))


def _in_rgb(job: Job, pixels: Array, photometric: str) -> Image.Image:
    if pixels.dtype.itemsize > 1:
        pixels = pixels.astype(np.float64) * (255 / ((1 << job["bits_stored"]) - 1))
        pixels = np.clip(pixels, 0, 255)
    pixels = np.ascontiguousarray(pixels.astype(np.uint8))
    if pixels.shape[2] == 1:
        return Image.fromarray(pixels[:, :, 0])
    if pixels.shape[2] != 3:
        raise Undecodable(f"pixels of {pixels.shape[2]} samples are not understood")
    if photometric.startswith("YBR"):
        red_green_blue = Image.frombytes("YCbCr", (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
        return red_green_blue.convert("RGB")
    return Image.fromarray(pixels)


def _placed(image: Image.Image, view: dict[str, Any]) -> Image.Image:
    """Cut out the region, turn it where it is asked for backwards, and scale it into the viewport.

    Standard: PS3.18 section 8.3.5.1.3 (viewport; its proportions are kept).
    """
    if view.get("region"):
        left, top, width, height = view["region"]
        box = (max(0, left), max(0, top), min(image.width, left + abs(width)), min(image.height, top + abs(height)))
        if box[0] >= box[2] or box[1] >= box[3]:
            raise Undecodable("the region lies outside the picture")
        image = image.crop(box)
        if width < 0:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if height < 0:
            image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    if view.get("size"):
        scale = min(view["size"][0] / image.width, view["size"][1] / image.height)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return image


def _encoded(image: Image.Image, view: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    if view["format"] == "JPEG":
        image.save(out, "JPEG", quality=view["quality"])
    else:
        image.save(out, view["format"])
    return out.getvalue()
