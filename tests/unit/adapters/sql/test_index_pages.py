"""Pages of an index that holds more than anybody counts, and statements that are put into words once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.archive_double import NOW, ROOT, entry
from tests.contracts.records_factories import FACTORIES, Clock
from tolmach.adapters.sql import Records
from tolmach.adapters.sql.index_statements import a_page, numbers_of
from tolmach.adapters.sql.index_writing import ToIndex, index_all
from tolmach.adapters.sql.schema import objects
from tolmach.archive.interfaces import MOST_COUNTED
from tolmach.archive.questions import question

INSTANCES = MOST_COUNTED + 50


@pytest.fixture(scope="module", params=list(FACTORIES))
def records(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    """One series with more instances than are counted."""
    with FACTORIES[request.param](tmp_path_factory.mktemp("pages"), Clock()) as opened:
        opened._database.write(_fill)
        yield opened


def _fill(connection: sa.Connection) -> None:
    numbers = range(1, INSTANCES + 1)
    known = {"size": 1, "data_set_offset": 0, "received_at": 1, "last_arrived_at": 1, "ended_at": 1, "is_indexed": 1}
    connection.execute(objects.insert(), [{"id": one, "sha256": f"{one:064x}", **known} for one in numbers])
    entries = [ToIndex(one, entry(1, 1, one, ImageComments=f"slice {one % 2}")) for one in numbers]
    index_all(connection, entries, NOW, "newest")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [({}, INSTANCES), ({"ImageComments": "SLICE*"}, INSTANCES), ({"ImageComments": "slice 1"}, INSTANCES // 2)],
)
def test_what_lies_behind_a_page_is_counted_so_far(records: Records, asked: dict[str, str], meant: int) -> None:
    for offset, limit in ((0, 1), (0, 10), (10, 40), (40, 0), (meant - 7, 5), (meant - 5, 5), (meant + 5, 5)):
        page, more = records.index.find(question("instance", asked, ["SOPInstanceUID"], offset=offset, limit=limit))
        left = max(0, meant - offset - limit)
        assert (len(page), more) == (max(0, min(limit, meant - offset)), min(left, MOST_COUNTED)), (offset, limit)


@pytest.mark.parametrize("asked", [{}, {"ImageComments": "SLICE*"}])
def test_a_large_page_is_whole_and_in_order(records: Records, asked: dict[str, str]) -> None:
    page, more = records.index.find(question("instance", asked, ["SOPInstanceUID", "ImageComments"]))
    uids = [one.values["SOPInstanceUID"][0] for one in page]
    assert (len(set(uids)), more) == (INSTANCES, 0)
    assert uids == sorted(uids)
    assert {(one.values["SOPInstanceUID"][0], one.values["ImageComments"][0]) for one in page} == {
        (f"{ROOT}.1.1.{number}", f"slice {number % 2}") for number in range(1, INSTANCES + 1)
    }


def test_questions_of_one_form_are_one_statement(records: Records) -> None:
    def ask(values: dict[str, str]) -> None:
        records.index.find(question("study", values, limit=5))

    ask({"PatientName": "Иваненко", "StudyDate": "20261101-", "AccessionNumber": "A1"})
    ask({"AccessionNumber": r"A1\A2\A3"})
    before = a_page.cache_info().currsize
    ask({"PatientName": "Петренко", "StudyDate": "20251101-", "AccessionNumber": "B7"})
    ask({"AccessionNumber": r"A1\A2\A3\A4"})
    assert a_page.cache_info().currsize == before


@pytest.mark.parametrize("count", [1, 2, 3, 64, 65, 500])
def test_rows_are_asked_for_by_few_statements(count: int) -> None:
    rows = list(range(7, 7 + count))
    places, values = numbers_of(rows)
    assert places == len(values) == 1 << (count - 1).bit_length()
    assert set(values.values()) == set(rows)
