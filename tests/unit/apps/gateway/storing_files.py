"""Files to store, written by hand."""

from __future__ import annotations

from tests.builders import CT_IMAGE, EXPLICIT, EXPLICIT_LE, IMPLICIT, IMPLICIT_LE, even, part10

ROOT = "1.2.826.0.1.3680043.10.77"


def instance(
    number: int, *, study: int = 1, name: str = "Іваненко^Іван", more: bytes = b"", syntax: str = EXPLICIT_LE
) -> bytes:
    """Give a whole file, written by hand."""
    form = IMPLICIT if syntax == IMPLICIT_LE else EXPLICIT

    def put(tag: int, vr: str, value: str, pad: bytes = b" ") -> bytes:
        return form.element(tag, vr, even(value.encode("utf-8"), pad))

    uid = f"{ROOT}.{study}.1.{number}"
    body = put(0x00080005, "CS", "ISO_IR 192") + put(0x00080016, "UI", CT_IMAGE, b"\0")
    body += put(0x00080018, "UI", uid, b"\0") + put(0x00080020, "DA", "20261122") + put(0x00080050, "SH", f"A{study}")
    body += put(0x00080060, "CS", "CT") + put(0x00100010, "PN", name) + put(0x00100020, "LO", f"P{study}")
    body += put(0x0020000D, "UI", f"{ROOT}.{study}", b"\0") + put(0x0020000E, "UI", f"{ROOT}.{study}.1", b"\0")
    return part10(body + put(0x00200013, "IS", str(number)) + more, syntax, instance=uid)
