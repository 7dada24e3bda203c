"""Files for an archive under test: images of several patients, small, in as many syntaxes as a test likes."""

from __future__ import annotations

from tests.builders import EXPLICIT_LE, FORM_OF, body, even, part10

ROOT = "1.2.826.0.1.3680043.10.4321"
CT = "1.2.840.10008.5.1.4.1.1.2"


def image(
    study: int = 1,
    series: int = 1,
    instance: int = 1,
    *,
    name: str = "Щербаков^Семён^Ильич",
    patient_id: str = "",
    modality: str = "CT",
    syntax: str = EXPLICIT_LE,
    pixels: int = 2048,
    sop_class: str = CT,
) -> bytes:
    """Give a Part 10 file in UTF-8, as what was repaired is kept."""
    form = FORM_OF.get(syntax, FORM_OF[EXPLICIT_LE])
    uid = f"{ROOT}.{study}.{series}.{instance}"
    side = max(1, int(pixels**0.5))
    texts: list[tuple[int, str, str]] = [
        (0x00080005, "CS", "ISO_IR 192"),
        (0x00080020, "DA", f"202611{study % 28 + 1:02}"),
        (0x00080030, "TM", "101500"),
        (0x00080050, "SH", f"A{study}"),
        (0x00080060, "CS", modality),
        (0x00081030, "LO", "Органи грудної клітки"),
        (0x00100010, "PN", name),
        (0x00100020, "LO", patient_id or f"P{study}"),
        (0x00100030, "DA", "19700131"),
        (0x00100040, "CS", "M"),
        (0x00200010, "SH", str(study)),
        (0x00200011, "IS", str(series)),
        (0x00200013, "IS", str(instance)),
    ]
    elements = [(tag, vr, even(text.encode())) for tag, vr, text in texts]
    elements += [
        (0x0020000D, "UI", even(f"{ROOT}.{study}".encode(), b"\0")),
        (0x0020000E, "UI", even(f"{ROOT}.{study}.{series}".encode(), b"\0")),
        (0x00280010, "US", side.to_bytes(2, "little")),
        (0x00280011, "US", side.to_bytes(2, "little")),
        (0x7FE00010, "OW", bytes(side * side * 2)),
    ]
    raw = body(*elements, form=form)
    old = b"1.2.826.0.1.3680043.9.7.1.1\0"
    head = form.element(0x00080018, "UI", old)
    raw = raw.replace(head, form.element(0x00080018, "UI", even(uid.encode(), b"\0")), 1)
    return part10(raw, syntax, sop_class=sop_class, instance=uid)
