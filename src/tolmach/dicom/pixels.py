"""Whether the pixels a data set speaks of are there: the surest sign that a file was not cut between two elements.

No pixel is decoded; only where the elements stand and what the Image Pixel module says is looked at.

Standard: PS3.3 section C.7.6.3 (Image Pixel), PS3.5 section 8 (native and encapsulated pixel data).
"""

from __future__ import annotations

from tolmach.base import Problem
from tolmach.dicom import faults, uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.scanner import PIXEL_DATA, ROOT
from tolmach.dicom.values import numbers_as_text
from tolmach.dicom.vrs import STRING_VRS

PIXEL_ELEMENTS = (PIXEL_DATA, 0x7FE00008, 0x7FE00009)  # and float and double float
PIXEL_GROUP = 0x7FE00000
_ROWS, _COLUMNS, _BITS_ALLOCATED = 0x00280010, 0x00280011, 0x00280100
_SAMPLES, _FRAMES, _PHOTOMETRIC, _PROVIDER_URL = 0x00280002, 0x00280008, 0x00280004, 0x00287FE0
# What decides how many pixels there must be.
EXTENT_OF_PIXELS = frozenset({_ROWS, _COLUMNS, _BITS_ALLOCATED, _SAMPLES, _FRAMES, _PHOTOMETRIC})
# Classes whose data stands elsewhere. Standard: PS3.3 sections A.36.3 (spectroscopy) and A.37 (raw data).
_WITHOUT_PIXELS = frozenset({uids.MRSpectroscopyStorage, uids.RawDataStorage})


def missing_pixels(data_set: DataSet) -> Problem | None:
    """Give what is to be noted where an image has no pixels, or native ones, the last thing in it, are too few.

    Only noted, never refused: such files exist on purpose too. Those whose pixels are fetched from elsewhere need none.

    Standard: PS3.5 section 8.1.1 (native pixel cells) and annex A.6 (Pixel Data Provider URL); PS3.3 section
    C.7.6.3.1.2 (subsampled colours need less).
    """
    here = data_set.root_index
    if not any(tag in here for tag in PIXEL_ELEMENTS):
        says = [data_set.find(tag) for tag in (_ROWS, _COLUMNS, _BITS_ALLOCATED)]
        is_image = all(one is not None and one.length for one in says) and _PROVIDER_URL not in here
        return Problem(faults.NO_PIXELS) if is_image and data_set.sop_class_uid not in _WITHOUT_PIXELS else None
    index = data_set.root_index.get(PIXEL_DATA)
    if index is None or index != len(data_set.elements) - 1 or data_set.elements[index].undefined:
        return None
    photometric = data_set.find(_PHOTOMETRIC)
    if photometric is not None and data_set.raw(photometric)[:16].rstrip(b" \0").endswith((b"422", b"420")):
        return None
    bits = 1
    for tag, absent in ((_ROWS, 0), (_COLUMNS, 0), (_BITS_ALLOCATED, 0), (_SAMPLES, 1), (_FRAMES, 1)):
        bits *= _number(data_set, tag, absent)
    expected, present = (bits + 7) // 8, data_set.elements[index].length
    return Problem(faults.SHORT_PIXELS, {"expected": expected, "present": present}) if present < expected else None


def ends_in_header(data_set: DataSet) -> bool:
    """Tell whether the few bytes behind the last element are the header of another that was cut, not mere padding.

    What stands behind the pixels, and zeros, is padding some machine has written. Standard: PS3.5 section 7.1.
    """
    rest = data_set.source.size - data_set.end
    if not 0 < rest < 8 or not any(bytes(data_set.source.read(data_set.end, rest))):
        return False
    index = len(data_set.elements) - 1
    while data_set.elements[index].parent != ROOT:
        index = data_set.elements[index].parent
    return data_set.elements[index].tag < PIXEL_GROUP


def _number(data_set: DataSet, tag: int, absent: int) -> int:
    """Give a whole number of the data set itself, whatever VR it is written in; `absent` where there is none."""
    element = data_set.find(tag)
    if element is None or not 0 < element.length <= 16:
        return absent
    raw = data_set.raw(element)
    text = raw.decode("latin_1") if element.vr in STRING_VRS else numbers_as_text(raw, element.vr, data_set.encoding)
    text = (text or "").split("\\")[0].strip(" \0")
    return int(text) if text.isascii() and text.isdigit() else absent
