import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.hl7.acknowledgement import Acknowledgement, MalformedMessage, message_control_id, parse_acknowledgement

MSH = b"MSH|^~\\&|MIS|Y|TOLMACH|X|20261122030001||ACK^O23^ACK|A1|P|2.5.1\r"


def acknowledged(*segments: bytes) -> Acknowledgement:
    return parse_acknowledgement(MSH + b"\r".join(segments) + b"\r")


@pytest.mark.parametrize("ending", [b"\r", b"\n", b"\r\n"])
def test_an_acknowledgement_says_whose_it_is(ending: bytes) -> None:
    said = parse_acknowledgement((MSH + b"MSA|AA|ID7\r").replace(b"\r", ending))
    assert (said.code, said.message_control_id, said.verdict) == ("AA", "ID7", "accepted")


@pytest.mark.parametrize(
    ("code", "error", "verdict"),
    [
        ("AA", "", "accepted"),
        ("CA", "", "accepted"),
        ("AA", "207", "accepted"),
        ("AE", "", "refused"),
        ("CE", "", "refused"),
        ("AE", "101", "refused"),
        ("AE", "206", "later"),
        ("AE", "207", "later"),
        ("AR", "", "later"),
        ("CR", "", "later"),
        ("AR", "200", "refused"),
        ("AR", "203", "refused"),
        ("AR", "207", "later"),
        ("aa", "", "refused"),
        ("XX", "", "refused"),
        ("", "", "refused"),
    ],
)
def test_codes_mean_what_the_tables_say(code: str, error: str, verdict: str) -> None:
    said = acknowledged(f"MSA|{code}|ID7".encode(), f"ERR|||{error}^what|E".encode())
    assert (said.verdict, said.error_code) == (verdict, error)


def test_errors_are_read_in_the_form_of_2_5_and_in_the_one_before() -> None:
    new = acknowledged(b"MSA|AE|ID7|No", "ERR||PID^1^5|101^Required field missing|E|||no name|немає прізвища".encode())
    assert (new.error_code, new.text) == ("101", "No Required field missing немає прізвища")
    old = acknowledged(b"MSA|AE|ID7", b"ERR|PID^1^5^101&Required field missing")
    assert (old.error_code, old.text) == ("101", "Required field missing")


def test_other_separators_are_followed() -> None:
    said = parse_acknowledgement(b"MSH#*~\\&#MIS#Y#T#X#2026##ACK#A1#P#2.5.1\rMSA#AA#ID7\r")
    assert (said.code, said.message_control_id) == ("AA", "ID7")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\r\r",
        b"MSA|AA|ID7\r",
        MSH,
        b"MSH",
        b"MSH|^~",
        MSH + b"MSAX|AA|ID7\r",
        MSH + b"MSA#AA#ID7\r",
        b"\xff" * 99,
    ],
)
def test_what_is_no_acknowledgement_is_told(message: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse_acknowledgement(message)


@given(st.binary(max_size=400))
def test_no_bytes_are_taken_for_an_acceptance_by_chance(tail: bytes) -> None:
    for message in (tail, MSH + tail):
        try:
            said = parse_acknowledgement(message)
        except MalformedMessage:
            continue
        assert said.verdict in ("accepted", "later", "refused")
        assert said.text.isprintable()


def test_the_control_id_of_a_message_is_its_tenth_field() -> None:
    assert message_control_id(MSH) == "A1"
    assert message_control_id("MSH|^~\\&|ТОЛМАЧ|X|MIS|Y|2026||ORU^R01|ID-7|P\rPID|1\r".encode("cp1251")) == "ID-7"


@pytest.mark.parametrize("message", [b"MSH|^~\\&|A|B|C|D|2026||ORU^R01||P\r", b"MSH|^~\\&|A\r", b"PID|1\r", b""])
def test_a_message_without_a_control_id_is_told(message: bytes) -> None:
    with pytest.raises(MalformedMessage):
        message_control_id(message)
