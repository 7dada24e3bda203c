"""AETITLE@host:port, as people write it."""

import pytest

from tolmach.adapters.dimse import PeerAddress, is_ae_title, parse_ae_title, parse_peer_address
from tolmach.adapters.dimse.errors import BadAddress


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PACS@10.0.0.5:104", PeerAddress("PACS", "10.0.0.5", 104)),
        ("  PACS@pacs.clinic.example:11112 ", PeerAddress("PACS", "pacs.clinic.example", 11112)),
        ("PACS@[::1]:104", PeerAddress("PACS", "::1", 104)),
        ("A@B@host:1", PeerAddress("A@B", "host", 1)),  # PS3.5 allows @ in an AE title, no host has one
        ("TWO WORDS@host:65535", PeerAddress("TWO WORDS", "host", 65535)),
    ],
)
def test_good_addresses(text: str, expected: PeerAddress) -> None:
    assert parse_peer_address(text) == expected
    assert parse_peer_address(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("10.0.0.5:104", "TLM-NET-001"),
        ("@10.0.0.5:104", "TLM-NET-001"),
        ("  @10.0.0.5:104", "TLM-NET-001"),
        ("PACS@10.0.0.5", "TLM-NET-002"),
        ("PACS@10.0.0.5:", "TLM-NET-002"),
        ("PACS@10.0.0.5:0", "TLM-NET-002"),
        ("PACS@10.0.0.5:65536", "TLM-NET-002"),
        ("PACS@10.0.0.5:١٠٤", "TLM-NET-002"),
        ("PACS@10.0.0.5:-1", "TLM-NET-002"),
        ("PACS@:104", "TLM-NET-003"),
        ("PACS@::1:104", "TLM-NET-003"),
        ("PACS@[host]:104", "TLM-NET-003"),
        ("PACS@a b:104", "TLM-NET-003"),
        ("PACS@http://host:104", "TLM-NET-003"),
        ("ПАКС@host:104", "TLM-NET-004"),
        ("SEVENTEEN-LETTERS@host:104", "TLM-NET-004"),
        ("BACK\\SLASH@host:104", "TLM-NET-004"),
    ],
)
def test_bad_addresses_say_which_part_is_wrong(text: str, code: str) -> None:
    with pytest.raises(BadAddress) as caught:
        parse_peer_address(text)
    assert caught.value.code == code


@pytest.mark.parametrize("title", ["", " ", " " * 16, "A" * 17, "A\\B", "A\n", "Ж", "\x7f"])
def test_what_is_no_ae_title(title: str) -> None:
    assert not is_ae_title(title)


def test_outer_spaces_of_an_ae_title_are_not_significant() -> None:
    assert parse_ae_title("  STORE 1 ") == "STORE 1"
