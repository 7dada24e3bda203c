"""Data sets written from JSON, read back by pydicom and by our own scanner."""

from __future__ import annotations

import io
import json
from typing import Any

import pydicom
import pytest

from tests.builders import part10
from tolmach.adapters.dicomweb.json_model import json_of
from tolmach.adapters.dicomweb.json_reading import Bulk, ModelWriter, parse_models
from tolmach.adapters.dicomweb.served_faults import BadRequest
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource

MODEL: dict[str, Any] = {
    "00080005": {"vr": "CS", "Value": ["ISO_IR 144"]},
    "00080008": {"vr": "CS", "Value": ["ORIGINAL", None, "AXIAL"]},
    "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]},
    "00080018": {"vr": "UI", "Value": ["1.2.3"]},
    "00080050": {"vr": "SH"},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Іваненко^Іван", "Phonetic": "x"}]},
    "00189074": {"vr": "FD", "Value": [0.25]},
    "00280009": {"vr": "AT", "Value": ["00181063"]},
    "00280010": {"vr": "US", "Value": [512]},
    "00400275": {"vr": "SQ", "Value": [{"00400009": {"vr": "SH", "Value": ["S1"]}}, {}]},
    "00091010": {"vr": "UN", "InlineBinary": "AQID"},
}


def written(model: dict[str, Any], bulk: Any = lambda _uri: None) -> bytes:
    pieces = ModelWriter(bulk).pieces(model)
    return b"".join(one if isinstance(one, bytes) else bytes(one.read(0, one.size)) for one in pieces)


def test_what_is_written_reads_back() -> None:
    found = pydicom.dcmread(io.BytesIO(part10(written(MODEL))))
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert str(found.PatientName) == "Іваненко^Іван==x"
    assert list(found.ImageType) == ["ORIGINAL", "", "AXIAL"]
    assert (found.Rows, found[0x00189074].value, found.FrameIncrementPointer) == (512, 0.25, 0x00181063)
    assert found.RequestAttributesSequence[0].ScheduledProcedureStepID == "S1"
    assert found[0x00091010].value == b"\1\2\3\0"


def test_our_own_model_comes_through_unchanged() -> None:
    again = json_of(open_data_set(MemorySource(part10(written(MODEL)))), "x")
    expected = dict(MODEL)
    expected["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    expected["00091010"] = {"vr": "UN", "InlineBinary": "AQIDAA=="}
    assert again == expected


def test_bulk_data_are_parts_of_the_request_and_nothing_else() -> None:
    model = {"7FE00010": {"vr": "OW", "BulkDataURI": "part-1"}}
    assert written(model, {"part-1": Bulk([MemorySource(b"abc")])}.get).endswith(b"OW\0\0\4\0\0\0abc\0")
    for uri in ("file:///etc/passwd", "http://169.254.169.254/latest", "part-2"):
        with pytest.raises(BadRequest, match="nothing is fetched"):
            written({"7FE00010": {"vr": "OW", "BulkDataURI": uri}})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[1, 2]",
        b"[]",
        b'{"a": 1',
        b"[" * 100_000,
        b'{"00100010": {"vr": "PN"}, "00100010": {"vr": "LO"}}',
        b"\xff\xfe\x00",
        b'{"00200013": {"vr": "IS", "Value": [' + b"9" * 5000 + b"]}}",
    ],
)
def test_what_is_no_json_of_data_sets_is_refused(body: bytes) -> None:
    """H-02: depth 100,000, duplicate names, numbers without end."""
    with pytest.raises(BadRequest):
        parse_models(body)


@pytest.mark.parametrize(
    "node",
    [
        {"vr": "XX"},
        {"vr": "US", "Value": [70000]},
        {"vr": "US", "Value": ["a"]},
        {"vr": "US", "Value": "12"},
        {"vr": "LO", "Value": [{"a": 1}]},
        {"vr": "LO", "Value": [True]},
        {"vr": "OB", "InlineBinary": "***"},
        {"vr": "SQ", "Value": ["x"]},
        {"vr": "SQ", "Value": {}},
        {"vr": "FL", "Value": [1e300]},
        {"vr": "AT", "Value": ["xyz"]},
        7,
    ],
)
def test_what_is_no_attribute_is_refused(node: Any) -> None:
    with pytest.raises(BadRequest):
        written({"00100020": node})


@pytest.mark.parametrize("name", ["1", "PatientID", "0010002G", "00100020 "])
def test_what_is_no_tag_is_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        written({name: {"vr": "LO", "Value": ["1"]}})


def test_numbers_beyond_every_type_are_refused() -> None:
    """H-02: 1e400."""
    (model,) = parse_models(b'{"00189074": {"vr": "FD", "Value": [1e400]}, "00180050": {"vr": "DS", "Value": [1e400]}}')
    with pytest.raises(BadRequest):
        written(dict(model))


@pytest.mark.parametrize(("depth", "is_taken"), [(64, True), (65, False), (300, False)])
def test_sequences_nest_no_deeper_than_may_be(depth: int, is_taken: bool) -> None:
    """F-05."""
    model: dict[str, Any] = {}
    for _ in range(depth):
        model = {"00400275": {"vr": "SQ", "Value": [model]}}
    (parsed,) = parse_models(json.dumps(model).encode())
    if is_taken:
        assert written(dict(parsed))
    else:
        with pytest.raises(BadRequest, match="nested"):
            written(dict(parsed))
