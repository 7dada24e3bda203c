"""What long lists are made of, for every implementation of the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.records_factories import FACTORIES, Clock, opened
from tests.contracts.records_values import NOW, PROBLEM, arrival, ending
from tolmach.adapters.sql import NoSuchThing, Records, Wanted
from tolmach.delivery.interfaces import Conclusion
from tolmach.intake.interfaces import Provenance

ROOM = Provenance("folder", "room-1")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=FACTORIES)
def records(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Records]:
    yield from opened(request.param, tmp_path, clock)


def take(records: Records, number: int, to: Sequence[str] = ("pacs",), **what: object) -> int:
    """Take one image of room-1, a minute after the one before it."""
    came = arrival(number, provenance=ROOM, at=NOW + timedelta(minutes=number))
    object_id = records.receipts.record(came).object_id
    told = ending(object_id, study=f"1.{number}", destinations=to, **{k: v for k, v in what.items() if k != "verdict"})
    if "verdict" in what:
        told = replace(told, verdict=str(what["verdict"]))
    records.ends.finish([told])
    return object_id


def deliver(records: Records, to: str = "pacs") -> None:
    (line,) = records.outbox.claim(to, "w", 1, NOW + timedelta(days=1), 60)
    records.outbox.conclude([Conclusion(line.delivery_id, "delivered", status="0000", proof="response")], NOW)


def found(records: Records, **wanted: object) -> list[int]:
    return records.listing.history(Wanted(**wanted))  # type: ignore[arg-type]


def test_history_comes_newest_first_and_only_what_is_looked_for(records: Records) -> None:
    one = take(records, 1, name="ЩЕРБАКОВ^ИВАН")
    two = take(records, 2, name="Іваненко^Іван", verdict="unsure")
    three = take(records, 3, name="Ivanenko^Ivan", quarantine=PROBLEM)
    walking = records.receipts.record(arrival(4, at=NOW + timedelta(minutes=4))).object_id
    assert found(records) == [walking, three, two, one]
    assert found(records, patient="Shcherbakov") == [one]
    assert found(records, patient="щербаков") == [one]
    assert found(records, kind="unsure") == [two]
    assert found(records, kind="quarantined") == [three]
    assert found(records, kind="waiting") == [walking, two, one]
    assert found(records, since=NOW + timedelta(minutes=2), until=NOW + timedelta(minutes=4)) == [three, two]
    assert found(records, watch="room-1") == [three, two, one]
    assert found(records, watch="room-1", patient="nobody") == []
    assert records.listing.history(Wanted(), newer_than=two) == [walking, three]
    assert records.listing.examined() == 1


def test_delivered_is_what_every_destination_has(records: Records) -> None:
    one, two = take(records, 1, ("pacs", "ris")), take(records, 2)
    deliver(records)
    assert found(records, kind="delivered") == []
    deliver(records, "ris")
    assert found(records, kind="delivered") == [one]
    assert found(records, kind="changed") == [two, one]
    (line,) = records.listing.queue("pacs")
    records.desk.drop([line], None, "Olena", " the patient came twice ")
    assert found(records, kind="deleted") == [two]
    assert found(records, kind="delivered") == [one]


def test_the_queue_is_given_by_destination_and_state(records: Records, clock: Clock) -> None:
    take(records, 1, ("pacs", "ris"))
    take(records, 2, ("pacs",), held_for=PROBLEM)
    first, second, third = records.listing.queue()
    assert records.listing.queue("pacs") == [first, third]
    assert records.listing.queue("pacs", "held") == [third]
    assert records.listing.queue(None, "queued") == [first, second]
    assert records.listing.queue("nobody") == []
    rows = records.desk.lines([third, first, 77, -1, 1 << 70])
    assert [(row.delivery_id, row.destination, row.state) for row in rows] == [
        (first, "pacs", "queued"),
        (third, "pacs", "held"),
    ]
    assert rows[1].last_error == PROBLEM
    deliver(records)
    assert records.desk.lines([first]) == []


def test_why_something_was_dropped_is_kept(records: Records) -> None:
    one = take(records, 1)
    (line,) = records.listing.queue()
    assert records.desk.drop([line], None, "Olena", f"  doubled\0{'x' * 900}") == 1
    event = list(records.events(one))[-1]
    assert (event.actor, event.action) == ("Olena", "dropped")
    reason = str(event.details["reason"])
    assert reason.startswith("doubled\N{REPLACEMENT CHARACTER}xxx")
    assert len(reason) == 500
    with pytest.raises(NoSuchThing):
        records.desk.drop([line], None, "Olena", "once more")


def test_the_images_of_watches_are_counted_by_what_became_of_them(records: Records) -> None:
    for number in (1, 2, 3):
        take(records, number, ("pacs", "ris"))
    deliver(records)
    deliver(records, "ris")
    take(records, 4, ("pacs", "ris"), held_for=PROBLEM)
    take(records, 5, quarantine=PROBLEM)
    take(records, 6, ("web",))
    (line,) = records.listing.queue("web")
    records.desk.hold([line], None, "Olena")
    records.receipts.record(arrival(7, provenance=ROOM))
    records.receipts.record(arrival(8))  # over DICOM
    counted = {(one.state, one.code, one.by_person): one.images for one in records.listing.watches()}
    assert {one.watch for one in records.listing.watches()} == {"room-1"}
    assert counted == {
        ("delivered", "", False): 1,
        ("walked", "", False): 1,
        ("queued", "", False): 2,
        ("held", PROBLEM.code, False): 1,
        ("quarantined", PROBLEM.code, False): 1,
        ("held", "", True): 1,
    }


def test_versions_of_one_instance_are_found(records: Records) -> None:
    first = take(records, 1)
    again = records.receipts.record(arrival(1, version=2, provenance=ROOM)).object_id
    take(records, 2)
    versions = records.listing.versions(again)
    assert [(row.object_id, row.version, row.verdict) for row in versions] == [(first, 1, "repairable"), (again, 2, "")]
    assert versions[0].source == "room-1"
    assert records.listing.versions(999) == []
