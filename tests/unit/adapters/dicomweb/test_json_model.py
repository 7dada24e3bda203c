"""The DICOM JSON model against pydicom's reading of the same files, and its rules one by one (PS3.18 annex F)."""

from __future__ import annotations

import base64
import json
import struct
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pydicom
import pytest

from tests.builders import BIG, EXPLICIT, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT, IMPLICIT_LE, even, part10
from tolmach.adapters.dicomweb.answers import dumped
from tolmach.adapters.dicomweb.json_model import INLINE, element_at, json_of, json_of_values, places_elsewhere
from tolmach.adapters.dicomweb.xml_model import xml_of
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import Damaged, NotDicom
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource

BASE = "http://host/dicom-web/x/bulkdata"
CYRILLIC = EXPLICIT.element(0x00080005, "CS", b"ISO_IR 144")
NAME = "Іваненко^Іван"


def opened(body: bytes, syntax: str = EXPLICIT_LE) -> DataSet:
    return open_data_set(MemorySource(part10(body, syntax)))


def model(body: bytes, syntax: str = EXPLICIT_LE) -> dict[str, Any]:
    found = json_of(opened(body, syntax), BASE)
    read: dict[str, Any] = json.loads(dumped(found))
    assert read == found
    return read


def text(tag: int, vr: str, value: str, codec: str = "iso8859_5") -> bytes:
    return EXPLICIT.element(tag, vr, even(value.encode(codec)))


def test_text_is_read_as_labelled_and_the_label_becomes_utf_8() -> None:
    found = model(CYRILLIC + text(0x00100010, "PN", NAME))
    assert found["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    assert found["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": NAME}]}


def test_an_item_with_a_label_of_its_own_is_read_by_that_one() -> None:
    inner = EXPLICIT.element(0x00080005, "CS", b"ISO_IR 192") + text(0x00080104, "LO", "Огляд", "utf-8")
    plain = text(0x00080104, "LO", "Грудна")
    found = model(CYRILLIC + EXPLICIT.sequence(0x00081032, [inner, plain]))
    items = found["00081032"]["Value"]
    assert items[0]["00080104"]["Value"] == ["Огляд"]
    assert items[0]["00080005"]["Value"] == ["ISO_IR 192"]
    assert items[1]["00080104"]["Value"] == ["Грудна"]


def test_component_groups_stand_apart_and_empty_ones_are_left_out() -> None:
    found = model(CYRILLIC + text(0x00100010, "PN", "Ivanenko^Ivan==Іваненко^Іван"))
    assert found["00100010"]["Value"] == [{"Alphabetic": "Ivanenko^Ivan", "Phonetic": NAME}]


def test_an_empty_value_among_others_is_null_and_an_empty_attribute_has_no_value() -> None:
    found = model(text(0x00080008, "CS", "ORIGINAL\\\\AXIAL") + EXPLICIT.element(0x00080050, "SH", b""))
    assert found["00080008"] == {"vr": "CS", "Value": ["ORIGINAL", None, "AXIAL"]}
    assert found["00080050"] == {"vr": "SH"}


def test_an_empty_sequence_has_no_value_and_an_empty_item_is_an_empty_object() -> None:
    found = model(EXPLICIT.sequence(0x00081032, []) + EXPLICIT.sequence(0x00081110, [b""]))
    assert found["00081032"] == {"vr": "SQ"}
    assert found["00081110"] == {"vr": "SQ", "Value": [{}]}


def test_attributes_ascend_and_group_lengths_are_left_out() -> None:
    inner = text(0x00080104, "LO", "b") + text(0x00080100, "SH", "a")
    body = EXPLICIT.element(0x00080000, "UL", bytes(4)) + EXPLICIT.sequence(0x00081032, [inner])
    found = model(body + text(0x00100020, "LO", "1"))
    assert list(found) == sorted(found)
    assert "00080000" not in found
    assert list(found["00081032"]["Value"][0]) == ["00080100", "00080104"]


@pytest.mark.parametrize(("form", "syntax"), [(EXPLICIT, EXPLICIT_LE), (BIG, EXPLICIT_BE)])
def test_numbers_are_numbers_in_any_byte_order(form: Any, syntax: str) -> None:
    order = form.order
    found = model(
        form.element(0x00080016, "UI", even(b"1.2.3", b"\0"))
        + form.element(0x00280009, "AT", struct.pack(f"{order}HH", 0x0018, 0x1063))
        + form.element(0x00280010, "US", struct.pack(f"{order}H", 512))
        + form.element(0x00280106, "SS", struct.pack(f"{order}h", -5))
        + form.element(0x00189074, "FD", struct.pack(f"{order}dd", 0.1, float("nan")))
        + form.element(0x00282000, "OW", struct.pack(f"{order}HH", 1, 2)),
        syntax,
    )
    assert found["00280009"]["Value"] == ["00181063"]
    assert found["00280010"]["Value"] == [512]
    assert found["00280106"]["Value"] == [-5]
    assert found["00189074"]["Value"] == [0.1, "NaN"]
    assert base64.b64decode(found["00282000"]["InlineBinary"]) == struct.pack("<HH", 1, 2)


def test_strings_of_digits_become_numbers_only_where_nothing_is_lost() -> None:
    found = model(
        text(0x00180050, "DS", "1.50\\1234567890.1234567")
        + text(0x00200013, "IS", "+7")
        + text(0x00200032, "DS", "1e-3\\nan\\5")
    )
    assert found["00180050"]["Value"] == [1.5, "1234567890.1234567"]
    assert found["00200013"]["Value"] == [7]
    assert found["00200032"]["Value"] == [0.001, "nan", 5]


def test_what_implicit_vr_does_not_say_is_known_all_the_same() -> None:
    found = model(
        IMPLICIT.element(0x00080016, "UI", even(b"1.2.3", b"\0"))
        + IMPLICIT.element(0x00280103, "US", b"\1\0")
        + IMPLICIT.element(0x00280120, "US", struct.pack("<h", -2000))
        + IMPLICIT.element(0x7FE00010, "OW", bytes(8)),
        IMPLICIT_LE,
    )
    assert found["00280120"] == {"vr": "SS", "Value": [-2000]}
    assert found["7FE00010"] == {"vr": "OW", "BulkDataURI": f"{BASE}/7FE00010"}


def test_un_of_a_known_attribute_is_what_it_is_and_of_undefined_length_a_sequence() -> None:
    inner = IMPLICIT.item(IMPLICIT.element(0x00080104, "LO", b"deep")) + IMPLICIT.head(0xFFFEE0DD, "", 0)
    body = EXPLICIT.element(0x00080050, "UN", b"A1") + EXPLICIT.element(0x00091001, "UN", b"\1\2")
    found = model(body + EXPLICIT.head(0x00111001, "UN", 0xFFFFFFFF) + inner)
    assert found["00080050"] == {"vr": "SH", "Value": ["A1"]}
    assert found["00091001"] == {"vr": "UN", "InlineBinary": "AQI="}
    assert found["00111001"] == {"vr": "SQ", "Value": [{"00080104": {"vr": "LO", "Value": ["deep"]}}]}


def test_what_is_large_stays_where_it_is_and_is_found_by_its_place() -> None:
    secret = b"\1" * (INLINE + 2)
    inner = EXPLICIT.element(0x54001010, "OW", secret)
    body = EXPLICIT.element(0x00091001, "OB", bytes(INLINE)) + EXPLICIT.sequence(0x54000100, [b"", inner])
    data_set = opened(body)
    found = json_of(data_set, BASE)
    assert "InlineBinary" in found["00091001"]
    assert found["54000100"]["Value"][1]["54001010"]["BulkDataURI"] == f"{BASE}/54000100.1.54001010"
    (place,) = places_elsewhere(found, BASE)
    element = element_at(data_set, place)
    assert element is not None
    assert data_set.raw(element) == secret


@pytest.mark.parametrize(
    "place", ["", "xyz", "00100010", "54000100.7.54001010", "../../etc", "54000100.1", "١٢", "1.2.3.4"]
)
def test_places_that_are_none_are_not_found(place: str) -> None:
    assert (
        element_at(
            opened(text(0x00080050, "SH", "A1") + EXPLICIT.sequence(0x54000100, [text(0x00080104, "LO", "a")])), place
        )
        is None
    )


@pytest.mark.parametrize("depth", [1, 63, 64])
def test_sequences_nest_as_deep_as_may_be(depth: int) -> None:
    """F-05: also in JSON and XML."""
    found: Any = model(EXPLICIT.nested(depth))
    for _ in range(depth):
        (found,) = found["00400275"]["Value"]
    document = xml_of(json_of(opened(EXPLICIT.nested(depth)), BASE))
    assert document.count(b"<Item") == depth


def test_hostile_text_stays_text() -> None:
    """F-19: markup, control characters and marks of direction are quoted, in JSON and in XML."""
    hostile = "<script>alert(1)</script>\x1b\x07\u202eЇ&\"'"
    body = EXPLICIT.element(0x00080005, "CS", b"ISO_IR 192") + text(0x00104000, "LT", hostile, "utf-8")
    found = model(body)
    assert found["00104000"]["Value"] == [hostile]
    root = ET.fromstring(xml_of(found))
    (value,) = [one.text for one in root.iter() if one.tag.endswith("Value") and "script" in (one.text or "")]
    assert value == hostile.replace("\x1b", "\ufffd").replace("\x07", "\ufffd")


def test_every_real_file_becomes_what_pydicom_reads(corpus: Path) -> None:
    compared = 0
    for path in sorted(corpus.rglob("*")):
        if not path.is_file() or path.stat().st_size > 3_000_000:
            continue
        try:
            data_set = open_data_set(MemorySource(path.read_bytes()))
        except (NotDicom, Damaged):
            continue
        found = json.loads(dumped(json_of(data_set, BASE)))
        assert list(found) == sorted(found)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compared += _same_plain_values(found, pydicom.dcmread(path, force=True))
    assert compared > 1_900


def _same_plain_values(found: dict[str, Any], oracle: pydicom.Dataset) -> int:
    """Compare what needs no character set and no forgiveness; give how many values were."""
    compared = 0
    for raw in list(oracle.keys()):
        if raw.group in (2, 0xFFFC) or raw.element == 0:
            continue
        try:
            element = oracle[raw]
            if element.VR not in ("UI", "US", "AE", "DA", "TM") or element.VM != 1 or not element.value:
                continue
        except (ValueError, KeyError, NotImplementedError):
            continue
        node = found[f"{int(raw):08X}"]
        if node["vr"] == element.VR:
            assert node["Value"] == [element.value if element.VR == "US" else str(element.value).strip()]
            compared += 1
    return compared


def test_what_the_index_knows_is_told_the_same_way() -> None:
    found = json_of_values(
        {
            "PatientName": (NAME,),
            "StudyDate": ("20261122",),
            "NumberOfStudyRelatedInstances": ("12",),
            "Rows": ("512",),
            "ModalitiesInStudy": ("CT", "SR"),
            "AccessionNumber": (),
            "RequestAttributesSequence": ({"RequestedProcedureID": ("R1",)},),
            "NotAKeyword": ("x",),
        }
    )
    assert found["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": NAME}]}
    assert found["00201208"] == {"vr": "IS", "Value": [12]}
    assert found["00280010"] == {"vr": "US", "Value": [512]}
    assert found["00080061"]["Value"] == ["CT", "SR"]
    assert found["00080050"] == {"vr": "SH"}
    assert found["00400275"]["Value"] == [{"00401001": {"vr": "SH", "Value": ["R1"]}}]
    assert list(found) == sorted(found)
    assert len(found) == 7
