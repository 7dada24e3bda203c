"""What people see and say of watched folders: the same for the commands and the window."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.records_values import NOW, PROBLEM, arrival, ending
from tolmach.adapters.sql import Records, open_records
from tolmach.apps.overseeing import (
    FolderCounts,
    aims_of,
    folder_state,
    folders,
    is_stale,
    resend,
    retry,
    say_mode,
    shadowed,
)
from tolmach.apps.sections import PeerSettings, RouteSettings, Settings, WatchSettings
from tolmach.base import Problem
from tolmach.delivery.interfaces import Conclusion
from tolmach.intake.interfaces import Provenance
from tolmach.journeys.faults import SHADOW
from tolmach.repair.holding import HELD_UNSURE

SHADOWED = Problem(SHADOW, {"watch": "room-1"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    peers = tuple(PeerSettings(name=name, ae_title=name.upper(), host="h", port=104) for name in ("pacs", "ris"))
    return Settings(
        data_dir=tmp_path,
        peer=peers,
        watch=(
            WatchSettings(name="room-1", folder=tmp_path / "in", to=("pacs",)),
            WatchSettings(name="room-2", folder=tmp_path / "in2", to=("pacs",), shadow=True),
        ),
        route=(RouteSettings.model_validate({"from": ("room-1",), "to": ("ris", "pacs")}),),
    )


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with open_records(tmp_path) as records:
        yield records


def take(records: Records, number: int, held: Problem | None = None, quarantine: Problem | None = None) -> int:
    one = records.receipts.record(arrival(number, provenance=Provenance("folder", "room-1"))).object_id
    records.ends.finish([ending(one, study=f"1.{number}", held_for=held, quarantine=quarantine)])
    return one


def test_a_folder_is_as_configured_until_somebody_says_otherwise(settings: Settings, records: Records) -> None:
    def states() -> dict[str, tuple[str, bool]]:
        return {one.name: (one.state, one.is_shadow) for one in folders(settings, records)}

    assert states() == {"room-1": ("live", False), "room-2": ("shadow", True)}
    say_mode(records, "room-2", "paused", "Olena")
    assert states()["room-2"] == ("paused", True)
    records.watched.resume("room-2", "Olena")
    say_mode(records, "room-1", "shadow", "Olena")
    say_mode(records, "room-2", "live", "Olena")
    say_mode(records, "gone", "paused", "Olena")
    assert states() == {
        "room-1": ("shadow", True),
        "room-2": ("live", False),
        "gone": ("unconfigured", False),
    }
    assert folder_state(settings, "room-2", None) == "shadow"
    assert [one.name for one in folders(settings, None)] == ["room-1", "room-2"]


def test_images_are_counted_by_what_became_of_them(settings: Settings, records: Records) -> None:
    take(records, 1)
    (line,) = records.outbox.claim("pacs", "w", 1, NOW + timedelta(days=400), 60)
    records.outbox.conclude([Conclusion(line.delivery_id, "delivered", status="0000", proof="response")], NOW)
    take(records, 2)
    take(records, 3, SHADOWED)
    take(records, 4, Problem(HELD_UNSURE))
    take(records, 5, PROBLEM)
    take(records, 6, quarantine=PROBLEM)
    by_person = take(records, 7)
    (own,) = [row.delivery_id for row in records.desk.queue() if row.object_id == by_person]
    records.desk.hold([own], None, "Olena")
    counts = folders(settings, records)[0].counts
    assert counts == FolderCounts(delivered=1, waiting=1, failed=2, unsure=1, held=2)


def test_where_a_watch_leads_to(settings: Settings) -> None:
    assert aims_of(settings.watch[0], settings) == ("pacs", "ris")
    assert aims_of(settings.watch[1], settings) == ("pacs",)


def test_going_live_and_retrying_know_of_shadow_mode(records: Records) -> None:
    take(records, 1, SHADOWED)
    take(records, 2, PROBLEM)
    assert retry(records, None, None, "Olena") == 1
    assert say_mode(records, "room-1", "live", "Olena") == 0
    assert say_mode(records, "room-1", "live", "Olena", with_held=True) == 1
    assert [row.state for row in records.desk.queue()] == ["queued", "queued"]


def test_resending_goes_where_it_went_or_where_it_is_told(records: Records) -> None:
    one = take(records, 1)
    records.desk.drop(None, None, "Olena")
    assert resend(records, [one], (), "Olena", original=False) == 1
    assert resend(records, [one], ("ris",), "Olena", original=True) == 1
    assert sorted(row.destination for row in records.desk.queue()) == ["pacs", "ris"]


@pytest.mark.parametrize(
    ("minutes", "state", "stale"),
    [(20, "live", True), (20, "paused", False), (1, "shadow", False), (20, "shadow", True)],
)
def test_a_folder_nobody_looks_at_is_stale(minutes: int, state: str, stale: bool) -> None:
    heard = NOW - timedelta(minutes=minutes)
    assert is_stale((None, heard), state, NOW) == stale  # type: ignore[arg-type]
    assert not is_stale((None, None), state, NOW)  # type: ignore[arg-type]


def test_what_shadow_mode_keeps_back_is_told_before_it_is_retried(settings: Settings, records: Records) -> None:
    take(records, 1, SHADOWED)
    take(records, 2)
    take(records, 3, Problem(HELD_UNSURE, {"attributes": "PatientName"}))
    lines = [row.delivery_id for row in records.desk.queue()]
    assert shadowed(settings, records, lines) is None, "the folder is live"
    left = shadowed(settings, records, lines, with_left=True)
    assert left is not None
    assert (left.ids, left.others) == ((lines[0],), tuple(lines[1:]))
    say_mode(records, "room-1", "shadow", "Olena")
    say_mode(records, "room-1", "paused", "Olena")
    found = shadowed(settings, records, lines)
    assert found is not None
    assert (found.ids, found.watches, found.images) == ((lines[0], lines[2]), ("room-1",), 2)
    assert found.others == (lines[1],), "what waits already was let go before"
    records.desk.hold([lines[1]], None, "Olena")
    found = shadowed(settings, records, lines)
    assert found is not None
    assert found.ids == tuple(lines)


def test_a_line_of_a_folder_configured_no_more_stays_in_shadow_mode(settings: Settings, records: Records) -> None:
    one = records.receipts.record(arrival(1, provenance=Provenance("folder", "gone"))).object_id
    records.ends.finish([ending(one, study="1.1", held_for=Problem(SHADOW, {"watch": "gone"}))])
    (line,) = [row.delivery_id for row in records.desk.queue()]
    found = shadowed(settings, records, [line])
    assert found is not None
    assert found.watches == ("gone",)
    say_mode(records, "gone", "live", "Olena")
    assert shadowed(settings, records, [line]) is None
