"""Objects to feed: small CT-like data sets made from a number, the same bytes for the same number at any time.

Every second one has its text in Windows-1251 under the label of Latin-1, as the devices of the field have it; the
judge knows both the bytes that came and the bytes an honest repair makes of them. The rest must travel untouched.
"""

from __future__ import annotations

import hashlib
import random
import struct
from dataclasses import dataclass
from functools import lru_cache

from tests.faults.plainwire import CT_IMAGE, EXPLICIT_LE

# All of even length in Windows-1251: what becomes of a trailing blank is not this harness's question.
NAMES = (
    "ИВАНОВА^РИТА^СЕРГЕЕВНА",
    "ЩЕРБАКОВА^ИРИНА^ИГОРЕВНА",
    "КЛИМЕНКО^ГАННА^ЄВГЕНІВНА",
    "Петренко^Олексій^Миколайович",
    "Жукова^Марина^Алексеевна",
    "КУЗНЕЦОВ^ДМИТРИЙ^ЮРЬЕВИЧ",
    "Шевчук^Світлана^Ігорівна",
    "НИКОЛАЕВ^ИГОРЬ^ФЕДОРОВИЧ",
)
PLACES = ("Районная больница №3", "Міська лікарня №12", "Городская больница")
SMALL, LARGE, HUGE = 1 << 11, 200 << 10, 3 << 20
IN_A_STUDY = 10
LONG_HEADS = frozenset((b"OW", b"OB"))


@dataclass(frozen=True)
class Sample:
    """One object as it is sent; `repaired_sha256` is that of the data set every destination must get."""

    number: int
    sop_instance_uid: str
    data_set: bytes
    sha256: str
    repaired_sha256: str


def uid_of(seed: int, number: int) -> str:
    return f"1.2.826.0.1.3680043.9.7.50.{seed}.{number + 1}"


def number_of(uid: str) -> int:
    return int(uid.rpartition(".")[2]) - 1


def size_of(number: int, large_every: int) -> int:
    """Mostly 2 KB; every `large_every`-th has 200 KB, and every tenth of those 3 MB."""
    if not large_every or (number + 1) % large_every:
        return SMALL
    return HUGE if (number + 1) % (large_every * 10) == 0 else LARGE


@lru_cache(maxsize=8)
def _pixels(seed: int, number: int, size: int) -> bytes:
    return random.Random(seed << 32 | number).randbytes(size)


def sample(seed: int, number: int, *, large_every: int = 50, size: int = 0) -> Sample:
    """Make object `number` of a feeder's `seed`; `size` says how many bytes of pixels, in place of `large_every`."""
    pixels = _pixels(seed, number, size or size_of(number, large_every))
    name, place = NAMES[number % len(NAMES)], PLACES[number % len(PLACES)]
    repaired = _encode(seed, number, name, place, "ISO_IR 192", "utf-8", pixels)
    sent = _encode(seed, number, name, place, "ISO_IR 100", "cp1251", pixels) if number % 2 else repaired
    return Sample(number, uid_of(seed, number), sent, sha256(sent), sha256(repaired))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _element(group: int, number: int, vr: bytes, value: bytes, pad: bytes = b" ") -> bytes:
    value += pad * (len(value) % 2)
    head = "<HH2sxxL" if vr in LONG_HEADS else "<HH2sH"
    return struct.pack(head, group, number, vr, len(value)) + value


def _encode(seed: int, number: int, name: str, place: str, label: str, code_page: str, pixels: bytes) -> bytes:
    study = f"1.2.826.0.1.3680043.9.7.51.{seed}.{number // IN_A_STUDY + 1}"
    rows = len(pixels) // 2 // 32
    return b"".join(
        (
            _element(0x0008, 0x0005, b"CS", label.encode()),
            _element(0x0008, 0x0016, b"UI", CT_IMAGE.encode(), b"\0"),
            _element(0x0008, 0x0018, b"UI", uid_of(seed, number).encode(), b"\0"),
            _element(0x0008, 0x0020, b"DA", b"20261122"),
            _element(0x0008, 0x0060, b"CS", b"CT"),
            _element(0x0008, 0x0080, b"LO", place.encode(code_page)),
            _element(0x0010, 0x0010, b"PN", name.encode(code_page)),
            _element(0x0010, 0x0020, b"LO", f"P{seed}-{number // IN_A_STUDY}".encode()),
            _element(0x0020, 0x000D, b"UI", study.encode(), b"\0"),
            _element(0x0020, 0x000E, b"UI", f"{study}.1".encode(), b"\0"),
            _element(0x0020, 0x0013, b"IS", str(number + 1).encode()),
            _element(0x0028, 0x0002, b"US", struct.pack("<H", 1)),
            _element(0x0028, 0x0004, b"CS", b"MONOCHROME2"),
            _element(0x0028, 0x0010, b"US", struct.pack("<H", rows)),
            _element(0x0028, 0x0011, b"US", struct.pack("<H", 32)),
            _element(0x0028, 0x0100, b"US", struct.pack("<H", 16)),
            _element(0x0028, 0x0101, b"US", struct.pack("<H", 16)),
            _element(0x0028, 0x0102, b"US", struct.pack("<H", 15)),
            _element(0x0028, 0x0103, b"US", struct.pack("<H", 0)),
            _element(0x7FE0, 0x0010, b"OW", pixels),
        )
    )


def as_file(made: Sample) -> bytes:
    """Give the object as a Part 10 file."""
    meta = b"".join(
        (
            _element(0x0002, 0x0001, b"OB", b"\0\1"),
            _element(0x0002, 0x0002, b"UI", CT_IMAGE.encode(), b"\0"),
            _element(0x0002, 0x0003, b"UI", made.sop_instance_uid.encode(), b"\0"),
            _element(0x0002, 0x0010, b"UI", EXPLICIT_LE.encode(), b"\0"),
            _element(0x0002, 0x0012, b"UI", b"1.2.826.0.1.3680043.9.7.99", b"\0"),
        )
    )
    return bytes(128) + b"DICM" + _element(0x0002, 0x0000, b"UL", struct.pack("<L", len(meta))) + meta + made.data_set
