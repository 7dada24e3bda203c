"""The parameters of a search: tags or keywords, lists, limits, and what is refused (facts 9.4, H-09, H-10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from tests.archive_double import ArchiveDouble, entry
from tolmach.adapters.dicomweb.media_types import parse_accept
from tolmach.adapters.dicomweb.qido import MOST_ANSWERS, MOST_PARAMETERS, QidoSearch, keyword_of, parse_search
from tolmach.adapters.dicomweb.served_faults import BadRequest, TooLarge
from tolmach.archive.interfaces import MOST_COUNTED, Entity, Query


def parsed(query: str) -> object:
    return parse_search(parse_qsl(query, keep_blank_values=True), "study")


@pytest.mark.parametrize(
    ("name", "keyword"),
    [
        ("PatientName", "PatientName"),
        ("00100010", "PatientName"),
        ("0020000d", "StudyInstanceUID"),
        ("00400275.00400009", "RequestAttributesSequence.ScheduledProcedureStepID"),
        ("OtherPatientIDsSequence.PatientID", "OtherPatientIDsSequence.PatientID"),
        ("RequestAttributesSequence.00401001", "RequestAttributesSequence.RequestedProcedureID"),
    ],
)
def test_attributes_are_named_by_tag_or_keyword(name: str, keyword: str) -> None:
    assert keyword_of(name) == keyword


@pytest.mark.parametrize(
    "name",
    ["", "patientname", "Name'; DROP TABLE studies;--", "0010001", "00091001", "PatientName.", "._.", "\x00", "й"],
)
def test_what_names_no_attribute_is_refused(name: str) -> None:
    """H-09."""
    with pytest.raises(BadRequest):
        keyword_of(name)


def test_lists_of_uids_have_commas_and_text_keeps_its_own() -> None:
    found = parse_search([("StudyInstanceUID", "1.2,1.3"), ("StudyDescription", "a,b")], "study")
    assert found.conditions == {"StudyInstanceUID": "1.2\\1.3", "StudyDescription": "a,b"}


def test_percent_encoded_cyrillic_is_understood() -> None:
    found = parse_search(parse_qsl("PatientName=%D0%98%D0%B2%D0%B0%D0%BD%2A&limit=5&offset=10"), "study")
    assert found.conditions == {"PatientName": "Иван*"}
    assert (found.limit, found.offset) == (5, 10)


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=abc",
        "limit=1e9",
        "offset=%D9%A3",
        "limit=" + "9" * 30,
        "fuzzymatching=maybe",
        "PatientID=1&00100020=2",
        "includefield=nothing",
        "nonsense=1",
    ],
)
def test_what_means_nothing_is_refused(query: str) -> None:
    with pytest.raises(BadRequest):
        parsed(query)


def test_limits_hold_whatever_is_asked() -> None:
    """H-10: limit=10^9, and 10^4 parameters."""
    assert parse_search([("limit", "1000000000")], "study").limit == MOST_ANSWERS
    with pytest.raises(TooLarge):
        parse_search([("includefield", "PatientName")] * (MOST_PARAMETERS + 1), "study")


def test_fields_are_told_besides_the_usual_ones() -> None:
    found = parse_search([("includefield", "StudyDescription,00081030"), ("includefield", "PatientComments")], "study")
    assert found.returned is not None
    assert {"StudyDescription", "PatientComments", "PatientName"} <= found.returned
    assert "PatientComments" not in (parse_search([], "study").returned or ())
    everything = parse_search([("includefield", "all")], "study").returned
    assert everything is not None
    assert everything > found.returned


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (0, ""),
        (1, "There are 1 additional results that can be requested"),
        (MOST_COUNTED - 1, f"There are {MOST_COUNTED - 1} additional results that can be requested"),
        (MOST_COUNTED, f"There are at least {MOST_COUNTED} additional results that can be requested"),
    ],
)
def test_what_was_not_counted_to_its_end_is_told_so(more: int, told: str) -> None:
    class ManyMore(ArchiveDouble):
        def find(self, query: Query) -> tuple[Sequence[Entity], int]:
            return [Entity("study", {"StudyInstanceUID": ("1.2",)})], more

    reply = QidoSearch(ManyMore()).search("study", {}, [("limit", "1")], parse_accept(None), "http://here")
    assert told in reply.headers.get("Warning", "")
    assert bool(reply.headers) == bool(told)


@pytest.mark.parametrize(("kept", "status"), [(1, 200), (0, 204)])
def test_what_cannot_be_found_yet_is_told_whatever_was_found(kept: int, status: int) -> None:
    index = ArchiveDouble(unfindable_since=datetime(2026, 11, 22, 10, 5, 7, 999, tzinfo=UTC))
    index.add(*(entry(number) for number in range(kept)))
    reply = QidoSearch(index).search("study", {}, [], parse_accept(None), "http://here")
    assert reply.status == status
    assert reply.headers["Warning"] == (
        '299 tolmach "Some of what was received since 2026-11-22 10:05:07 UTC cannot be found yet"'
    )
