"""The Accept header, as browsers, viewers and archives write it."""

from __future__ import annotations

import pytest

from tolmach.adapters.dicomweb.media_types import (
    DICOM,
    MAX_RANGES,
    OCTETS,
    MediaRange,
    Offer,
    choose,
    parse_accept,
    parse_media_type,
    require_one_category,
    wished,
)
from tolmach.adapters.dicomweb.served_faults import BadRequest, NotAcceptable

DICOM_PARTS, OCTET_PARTS, SINGLE = Offer(DICOM, True), Offer(OCTETS, True), Offer(DICOM)
JPEG, PNG = Offer("image/jpeg"), Offer("image/png")


@pytest.mark.parametrize(
    ("text", "kind", "part", "syntax"),
    [
        ('multipart/related; type="application/dicom"', "multipart/related", DICOM, ""),
        ("multipart/related; type=application/dicom; transfer-syntax=*", "multipart/related", DICOM, "*"),
        ('Multipart/Related;Type="application/dicom";transfer-syntax=1.2.3', "multipart/related", DICOM, "1.2.3"),
        ('multipart/related; type="*/*"', "multipart/related", "*/*", ""),
        ('multipart/related; type="image/"', "multipart/related", "image/", ""),
        ("application/dicom+json", "application/dicom+json", "", ""),
        ("*/*", "*/*", "", ""),
        ("*", "*/*", "", ""),
    ],
)
def test_what_clients_write_is_understood(text: str, kind: str, part: str, syntax: str) -> None:
    (one,) = parse_accept(text)
    assert (one.kind, one.part, one.syntax) == (kind, part, syntax)


def test_the_best_liked_comes_first_and_what_is_refused_is_left_out() -> None:
    found = parse_accept('text/html;q=0.1, multipart/related; type="a/b,c"; q=0.5 , image/png, image/gif;q=0')
    assert [(one.kind, one.part) for one in found] == [
        ("image/png", ""),
        ("multipart/related", "a/b,c"),
        ("text/html", ""),
    ]


def test_what_java_writes_by_itself_is_understood() -> None:
    """Its HttpURLConnection sends this where a program says nothing of its own, and has for decades."""
    found = parse_accept("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2")
    assert [one.kind for one in found] == ["text/html", "image/gif", "image/jpeg", "*/*", "*/*"]


@pytest.mark.parametrize("text", [";", ";;;", " ; q=1", "; type=a/b"])
def test_parameters_without_a_type_are_refused(text: str) -> None:
    for parse in (parse_accept, parse_media_type):
        with pytest.raises(BadRequest):
            parse(text)


@pytest.mark.parametrize("text", [None, "", "  "])
def test_who_says_nothing_takes_anything(text: str | None) -> None:
    assert parse_accept(text) == (MediaRange("*/*"),)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        'multipart/related; type="a',
        ",",
        "a/b," * 3000,
        "a/b\x00",
        "/",
        ", ".join(["a/b"] * (MAX_RANGES + 1)),
    ],
)
def test_what_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_accept(text)


@pytest.mark.parametrize(
    ("accept", "offers", "chosen"),
    [
        ("*/*", [DICOM_PARTS, SINGLE], DICOM_PARTS),
        ("application/*", [DICOM_PARTS, SINGLE], SINGLE),
        ("application/dicom", [DICOM_PARTS, SINGLE], SINGLE),
        ('multipart/related; type="*/*"', [OCTET_PARTS, SINGLE], OCTET_PARTS),
        ("multipart/related", [OCTET_PARTS, SINGLE], OCTET_PARTS),
        ('multipart/related; type="application/octet-stream"', [DICOM_PARTS, OCTET_PARTS], OCTET_PARTS),
        ("text/html,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", [JPEG, PNG], JPEG),
        ("image/png, image/jpeg;q=0.5", [JPEG, PNG], PNG),
        ("image/", [PNG], PNG),
    ],
)
def test_the_offer_that_suits_best_is_chosen(accept: str, offers: list[Offer], chosen: Offer) -> None:
    assert choose(parse_accept(accept), offers)[0] == chosen


@pytest.mark.parametrize("accept", ["text/plain", 'multipart/related; type="text/plain"', "*/*;q=0"])
def test_what_is_not_to_be_had_is_told(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="application/dicom"):
        choose(parse_accept(accept), [DICOM_PARTS, SINGLE])


def test_the_address_goes_before_the_header_that_covers_it() -> None:
    assert [one.kind for one in wished("*/*", "image/png")] == ["image/png"]
    assert [one.kind for one in wished(None, "application/dicom+json")] == ["application/dicom+json"]
    with pytest.raises(NotAcceptable):
        wished("image/jpeg", "image/png")


def test_pictures_and_dicom_in_one_list_are_refused() -> None:
    with pytest.raises(BadRequest):
        require_one_category(parse_accept('multipart/related; type="application/dicom", image/png'))
    require_one_category(parse_accept("text/html, */*;q=0.8"))


def test_parameters_hide_in_quotes() -> None:
    kind, parameters = parse_media_type('multipart/related; boundary="a;b=\\"c\\""; type=x/y')
    assert kind == "multipart/related"
    assert parameters == {"boundary": 'a;b="c"', "type": "x/y"}
