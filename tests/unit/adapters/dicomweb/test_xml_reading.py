"""The Native DICOM Model read: what is written as XML comes back as it was, and nothing hostile is looked up."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import pytest

from tests.unit.adapters.dicomweb.test_json_reading import MODEL, written
from tolmach.adapters.dicomweb.served_faults import BadRequest
from tolmach.adapters.dicomweb.xml_model import xml_of
from tolmach.adapters.dicomweb.xml_reading import parse_native_model

SPACE = 'xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM"'


def native(inside: str, head: str = "") -> bytes:
    return f"{head}<NativeDicomModel {SPACE}>{inside}</NativeDicomModel>".encode()


def attribute(tag: str, vr: str, inside: str = "") -> str:
    return f'<DicomAttribute tag="{tag}" vr="{vr}">{inside}</DicomAttribute>'


def test_our_own_model_comes_through_unchanged() -> None:
    """Written from XML and from JSON it is the same data set, byte for byte."""
    assert written(parse_native_model(xml_of(MODEL))) == written(MODEL)


def test_names_items_and_bulk_data_are_what_the_standard_says() -> None:
    name = (
        '<PersonName number="1"><Alphabetic><FamilyName>Іваненко</FamilyName><GivenName>Іван</GivenName></Alphabetic>'
        "<Phonetic><FamilyName>x</FamilyName></Phonetic></PersonName>"
    )
    found = parse_native_model(
        native(
            attribute("00100010", "PN", name)
            + attribute("00080008", "CS", '<Value number="1">ORIGINAL</Value><Value number="3">AXIAL</Value>')
            + attribute("00400275", "SQ", '<Item number="1">' + attribute("00400009", "SH") + "</Item>")
            + attribute("7fe00010", "OW", '<BulkData uri="bulk/1"/>')
            + attribute("00091010", "UN", "<InlineBinary>AQ\nID</InlineBinary>"),
            '<?xml version="1.0" encoding="UTF-8"?>',
        )
    )
    assert found == {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Іваненко^Іван", "Phonetic": "x"}]},
        "00080008": {"vr": "CS", "Value": ["ORIGINAL", None, "AXIAL"]},
        "00400275": {"vr": "SQ", "Value": [{"00400009": {"vr": "SH"}}]},
        "7FE00010": {"vr": "OW", "BulkDataURI": "bulk/1"},
        "00091010": {"vr": "UN", "InlineBinary": "AQID"},
    }


def test_private_attributes_get_a_block_of_their_creator() -> None:
    def private(tag: str, creator: str) -> str:
        return attribute(tag, f'LO" privateCreator="{creator}', '<Value number="1">x</Value>')

    found = parse_native_model(native(private("00090001", "A") + private("00090001", "B") + private("00090002", "A")))
    assert found["00090010"]["Value"] == ["A"]
    assert found["00090011"]["Value"] == ["B"]
    assert {"00091001", "00091002", "00091101"} <= set(found)


def test_other_encodings_are_read_as_they_say() -> None:
    text = native(attribute("00100020", "LO", '<Value number="1">П-17</Value>')).decode()
    found = parse_native_model(('<?xml version="1.0" encoding="UTF-16"?>' + text).encode("utf-16"))
    assert found["00100020"]["Value"] == ["П-17"]


BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "document",
    [
        native(attribute("00100020", "LO", '<Value number="1">&a9;</Value>'), f'<!DOCTYPE x [<!ENTITY a0 "x">{BOMB}]>'),
        native(
            attribute("00100020", "LO", '<Value number="1">&e;</Value>'),
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        ),
        native("", '<!DOCTYPE x SYSTEM "http://169.254.169.254/x.dtd">'),
        native("", '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/"> %p;]>'),
        native(attribute("00100020", "LO", '<Value number="1">&unknown;</Value>')),
    ],
    ids=["laughs", "file", "dtd", "parameter", "unknown"],
)
def test_nothing_is_looked_up_and_nothing_multiplied(document: bytes) -> None:
    """H-02: entities in each of their forms are refused at once, in little memory."""
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(BadRequest):
        parse_native_model(document)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"not xml",
        b"<a/>",
        native("")[:-5],
        native("<Value/>"),
        native("<DicomAttribute/>") + b"<x/>",
        native(attribute("00100020", "LO", '<Value number="0">x</Value>')),
        native(attribute("00100020", "LO", '<Value number="99999999999">x</Value>')),
        native(attribute("00100020", "LO", '<Value number="2">x</Value><Value number="1">x</Value>')),
        native(attribute("00100020", "LO") * 2),
        native(attribute("00100020", "LO", "<script>x</script>")),
        b'<?xml version="1.0" encoding="klingon"?>' + native(""),
        native("\0"),
    ],
    ids=range(13),
)
def test_what_is_no_native_model_is_refused(document: bytes) -> None:
    """H-02."""
    with pytest.raises(BadRequest):
        parse_native_model(document)


def nested(depth: int) -> bytes:
    opened = '<DicomAttribute tag="00400275" vr="SQ"><Item number="1">' * depth
    return native(opened + "</Item></DicomAttribute>" * depth)


@pytest.mark.parametrize(("depth", "is_taken"), [(63, True), (64, True), (65, False), (5_000, False), (100_000, False)])
def test_sequences_nest_no_deeper_than_may_be(depth: int, is_taken: bool) -> None:
    """F-05, H-02: refused while it is read, or when it is written; never by running out of stack."""
    if is_taken:
        assert written(parse_native_model(nested(depth)))
    else:
        with pytest.raises(BadRequest):
            written(parse_native_model(nested(depth)))


def test_more_attributes_than_anybody_has_are_refused() -> None:
    """F-08."""
    items = '<Item number="{}"></Item>'
    many: Any = attribute("00400275", "SQ", "".join(items.format(n + 1) for n in range(70_000)))
    with pytest.raises(BadRequest):
        parse_native_model(native(many))
    inside = "".join(attribute(f"0009{n:04X}", "LO") for n in range(0x1000, 0xFFFF))
    sequences = "".join(attribute(f"0040{n:04X}", "SQ", f'<Item number="1">{inside}</Item>') for n in range(4))
    with pytest.raises(BadRequest, match="more than"):
        parse_native_model(native(sequences))
