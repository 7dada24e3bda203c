import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.misbehaving import stow_answer
from tolmach.adapters.dicomweb.dicom_json import UnreadableAnswer
from tolmach.adapters.dicomweb.stow_answer import MAX_DEPTH, StowAnswer, parse_answer

JSON, XML = "application/dicom+json", "application/dicom+xml"


def xml(*references: tuple[str, str, str, int | None]) -> bytes:
    """Give a Native DICOM Model with references: sequence tag, UID, reason tag, reason."""
    made = []
    for sequence, uid, tag, reason in references:
        extra = "" if reason is None else attribute(tag, "US", str(reason))
        made.append(
            f'<DicomAttribute tag="{sequence}" vr="SQ" keyword="X"><Item number="1">'
            f"{attribute('00081155', 'UI', uid)}{extra}"
            "</Item></DicomAttribute>"
        )
    space = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
    whole = f'<?xml version="1.0"?><NativeDicomModel xmlns="{space}">{"".join(made)}</NativeDicomModel>'
    return whole.encode()


def attribute(tag: str, vr: str, value: str) -> str:
    return f'<DicomAttribute tag="{tag}" vr="{vr}"><Value number="1">{value}</Value></DicomAttribute>'


def test_json_says_what_was_stored_and_what_failed() -> None:
    said = parse_answer(stow_answer(["1.2.3"], {"1.2.4": 0xA700}, warning=0xB000), JSON)
    assert said == StowAnswer({"1.2.3": 0xB000}, {"1.2.4": 0xA700})


def test_a_list_of_one_data_set_is_met_too() -> None:
    assert parse_answer(b"[" + stow_answer(["1.2.3"], {}) + b"]", JSON).stored == {"1.2.3": 0}


def test_xml_says_the_same() -> None:
    body = xml(("00081199", "1.2.3", "00081196", 45056), ("00081198", "1.2.4", "00081197", 272))
    for kind in (XML, "application/xml; charset=utf-8", "text/xml", ""):
        assert parse_answer(body, kind) == StowAnswer({"1.2.3": 0xB000}, {"1.2.4": 0x0110})


@pytest.mark.parametrize("body", [b"", b"  \r\n"])
def test_an_empty_body_says_nothing(body: bytes) -> None:
    assert parse_answer(body, JSON) == StowAnswer()


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b'"x"',
        b"7",
        b'{"00081199": 7}',
        b'{"00081199": {"Value": 7}}',
        b'{"00081199": {"Value": [7, null, {}, {"00081155": {}}, {"00081155": {"Value": []}}]}}',
    ],
)
def test_json_of_another_shape_says_nothing(body: bytes) -> None:
    assert parse_answer(body, JSON) == StowAnswer()


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 200_000, b'{"a":' * 100_000, b"NaN-"])
def test_broken_json_is_told(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_answer(body, JSON)


DEEP = MAX_DEPTH + 1
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + b"".join(b'<!ENTITY lol%d "&lol%d;&lol%d;">' % (n, n - 1, n - 1) for n in range(1, 30))
    + b"]><NativeDicomModel>&lol29;</NativeDicomModel>"
)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]><NativeDicomModel>&x;</NativeDicomModel>'


@pytest.mark.parametrize(
    "body",
    [
        b"<",
        b"<a>",
        b"<a></b>",
        BOMB,
        OUTSIDE,
        b"<!DOCTYPE a><a/>",
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
    ],
)
def test_broken_and_hostile_xml_is_told(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_answer(body, XML)


@given(st.binary(max_size=300), st.sampled_from([JSON, XML, "text/plain", ""]))
def test_any_bytes_are_read_or_told(body: bytes, kind: str) -> None:
    try:
        said = parse_answer(body, kind)
    except UnreadableAnswer:
        return
    assert not said.stored


KEYS = st.sampled_from(["00081199", "00081155", "00081198", "Value", "vr"])
LEAVES = st.none() | st.integers() | st.text(max_size=5)
NESTED = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


@given(NESTED)
def test_any_json_is_read(value: object) -> None:
    parse_answer(json.dumps(value).encode(), JSON)
