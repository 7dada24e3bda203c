"""The head of a Part 10 file for a data set that came over the network.

Standard: PS3.10 section 7.1 (preamble, prefix, File Meta Information, table 7.1-1).
"""

from __future__ import annotations

import struct
from functools import lru_cache

from tolmach.adapters.dimse.pdu import IMPLEMENTATION_VERSION_NAME
from tolmach.dicom import uids

PREAMBLE_AND_PREFIX = bytes(128) + b"DICM"

_SHORT_ELEMENT = struct.Struct("<HH2sH")
_LONG_ELEMENT = struct.Struct("<HH2sxxL")
_LENGTH = struct.Struct("<L")
_BEGINNING = PREAMBLE_AND_PREFIX + _SHORT_ELEMENT.pack(2, 0x0000, b"UL", 4)


def encode_file_meta(
    sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, source_ae_title: str = ""
) -> bytes:
    """Give preamble, prefix and File Meta Information; the data set follows directly, byte for byte as it came.

    The source AE title is who sent it to us (0002,0016); it is left out when empty.
    """
    before, after = _around_instance(sop_class_uid, transfer_syntax_uid, source_ae_title)
    instance = _element(0x0003, b"UI", sop_instance_uid)
    length = _LENGTH.pack(len(before) + len(instance) + len(after))
    return b"".join((_BEGINNING, length, before, instance, after))


@lru_cache(maxsize=256)
def _around_instance(sop_class_uid: str, transfer_syntax_uid: str, source_ae_title: str) -> tuple[bytes, bytes]:
    """Give what stands before and after the instance's UID: the same in a whole series."""
    version = _LONG_ELEMENT.pack(2, 0x0001, b"OB", 2) + b"\x00\x01"
    return version + _element(0x0002, b"UI", sop_class_uid), b"".join(
        (
            _element(0x0010, b"UI", transfer_syntax_uid),
            _element(0x0012, b"UI", uids.IMPLEMENTATION_CLASS_UID),
            _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME),
            _element(0x0016, b"AE", source_ae_title) if source_ae_title else b"",
        )
    )


def _element(element: int, vr: bytes, text: str) -> bytes:
    raw = text.encode("ascii")
    if len(raw) % 2:
        raw += b"\0" if vr == b"UI" else b" "
    return _SHORT_ELEMENT.pack(2, element, vr, len(raw)) + raw
