"""The same data set comes once more in a file with a longer or shorter head, after the first file has gone.

What is kept of an object counts from the beginning of its file: it must go on fitting the file that is there now.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.archive_double import NOW, entry, held_for
from tests.builders import EXPLICIT_LE
from tests.contracts.records_factories import FACTORIES, Clock, opened
from tests.contracts.records_values import FROM_CT
from tolmach.adapters.sql import Records
from tolmach.archive.interfaces import Entry
from tolmach.delivery.interfaces import Edition, Ending, NewDelivery
from tolmach.dicom.delta import apply_delta, encode_delta
from tolmach.dicom.source import MemorySource
from tolmach.dicom.splice import Extent
from tolmach.intake.interfaces import Arrival, Stored

DEFLATED = "1.2.840.10008.1.2.1.99"
DATA_SET = bytes(range(256)) * 2
MENDED = DATA_SET[:40] + b"mended" + DATA_SET[50:]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=FACTORIES)
def records(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Records]:
    yield from opened(request.param, tmp_path, clock)


def record(records: Records, one: Entry, head: int, at: datetime, syntax: str = EXPLICIT_LE) -> int:
    """Let the data set arrive behind a head of so many bytes; give the number of the object."""
    held = held_for(one)
    uids = (held.sop_class_uid, held.sop_instance_uid, syntax)
    arrival = Arrival("5" * 64, head + len(DATA_SET), head, *uids, FROM_CT, at)
    return records.receipts.record(arrival).object_id


def arrive(records: Records, one: Entry, head: int, syntax: str = EXPLICIT_LE) -> int:
    """Let the data set arrive behind a head of so many bytes, and be mended."""
    held, number = held_for(one), record(records, one, head, NOW, syntax)
    start = 0 if syntax == DEFLATED else head
    delta = encode_delta((Extent(start, start + 40), b"mended", Extent(start + 50, start + len(DATA_SET))))
    edition = Edition(delta, held.sop_class_uid, held.sop_instance_uid)
    above = (held.study_instance_uid, held.series_instance_uid)
    uids = (held.sop_class_uid, held.sop_instance_uid, syntax)
    records.ends.finish(
        [Ending(number, *uids, *above, editions=[edition], deliveries=[NewDelivery("pacs", 0)], entry=one)]
    )
    return number


def require_given_back(records: Records, one: Entry, head: int, source: bytes) -> None:
    (held,) = records.index.held(instances=[held_for(one).sop_instance_uid])
    assert (held.data_set_offset, held.size) == (head, head + len(DATA_SET))
    given = b"".join(bytes(chunk) for chunk in apply_delta(held.delta, MemorySource(source)).chunks())
    assert given == MENDED


@pytest.mark.parametrize("head", [344, 300, 400])
def test_what_comes_again_in_another_file_is_given_back_and_sent(records: Records, clock: Clock, head: int) -> None:
    one = entry()
    number = arrive(records, one, 344)
    require_given_back(records, one, 344, b"h" * 344 + DATA_SET)
    assert record(records, one, head, clock.pass_by(minutes=2)) == number
    require_given_back(records, one, head, b"h" * head + DATA_SET)
    (line,) = records.outbox.claim("pacs", "me", 1, clock.now, 60)
    assert line.data_set_offset == head
    pieces = apply_delta(line.delta, MemorySource(b"h" * head + DATA_SET))
    assert b"".join(bytes(chunk) for chunk in pieces.chunks()) == MENDED
    assert [known.size for known in records.stored.stored_objects()] == [head + len(DATA_SET)]
    assert records.desk.audit().holds


@pytest.mark.parametrize("head", [344, 300, 400])
def test_what_is_found_in_another_file_is_given_back_and_sent(records: Records, clock: Clock, head: int) -> None:
    """M-06: after a restore, or when two machines wrote the same image at once; found by `verify`."""
    one = entry()
    arrive(records, one, 344)
    for _again in range(2):
        records.stored.follow(Stored("5" * 64, head + len(DATA_SET), head))
        require_given_back(records, one, head, b"h" * head + DATA_SET)
    (line,) = records.outbox.claim("pacs", "me", 1, clock.pass_by(minutes=2), 60)
    assert line.data_set_offset == head
    assert [known.size for known in records.stored.stored_objects()] == [head + len(DATA_SET)]
    assert records.desk.audit().holds


def test_what_is_kept_of_a_deflated_object_counts_in_what_it_inflates_to(records: Records, clock: Clock) -> None:
    one = entry()
    arrive(records, one, 344, DEFLATED)
    record(records, one, 300, clock.pass_by(minutes=2), DEFLATED)
    require_given_back(records, one, 300, DATA_SET)


def test_every_object_of_the_same_bytes_follows(records: Records, clock: Clock) -> None:
    first, second = entry(1, 1, 1), entry(1, 1, 2)
    arrive(records, first, 344)
    arrive(records, second, 344)
    record(records, second, 400, clock.pass_by(minutes=2))
    for one in (first, second):
        require_given_back(records, one, 400, b"h" * 400 + DATA_SET)
    third = entry(1, 1, 3)
    arrive(records, third, 300)
    for one in (first, second, third):
        require_given_back(records, one, 300, b"h" * 300 + DATA_SET)


def test_a_delta_that_is_damaged_stays_as_it_is(records: Records, clock: Clock) -> None:
    one = entry()
    held, number = held_for(one), record(records, one, 344, NOW)
    uids = (held.sop_class_uid, held.sop_instance_uid, EXPLICIT_LE)
    above = (held.study_instance_uid, held.series_instance_uid)
    edition = Edition(b"\x01damaged", held.sop_class_uid, held.sop_instance_uid)
    records.ends.finish([Ending(number, *uids, *above, editions=[edition], deliveries=[], entry=one)])
    assert record(records, one, 300, clock.pass_by(minutes=2)) == number
    (found,) = records.index.held(instances=[held.sop_instance_uid])
    assert (found.data_set_offset, found.delta) == (300, b"\x01damaged")
