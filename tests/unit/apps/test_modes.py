"""Live, shadow, paused: what was configured, what a person said since, and what was under way in between."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.calling import numbered
from tolmach.adapters.folder import inflate
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.sql import Records, open_records
from tolmach.apps.destinations import utc_now
from tolmach.apps.modes import EndsByMode, Modes
from tolmach.apps.routing import Routes
from tolmach.apps.sections import Settings
from tolmach.intake.interfaces import Provenance
from tolmach.intake.receive import Intake
from tolmach.intake.room import Reserve
from tolmach.journeys.arrival import ArrivalJourney

SETTINGS = Settings.model_validate(
    {
        "peer": [{"name": "pacs", "ae_title": "PACS", "host": "10.0.0.5", "port": 104}],
        "watch": [
            {"name": "live", "folder": "in-1", "to": ["pacs"]},
            {"name": "shadow", "folder": "in-2", "to": ["pacs"], "shadow": True},
        ],
    }
)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with open_records(tmp_path) as opened:
        yield opened


@pytest.fixture
def modes(records: Records) -> Modes:
    made = Modes(records.watched.said)
    made.configure(SETTINGS.watch)
    return made


@pytest.fixture
def bring(tmp_path: Path, records: Records, modes: Modes) -> Callable[[str, int], str]:
    """Give what takes an image from a watch, walks its journey and tells the state of its line."""
    store = FolderStore(tmp_path)
    intake = Intake(store, records.receipts, Reserve(bytes=0), utc_now, lambda: 0.0)
    routes = Routes(SETTINGS, None, modes.is_shadow)
    journey = ArrivalJourney(store.open, records.journeys, EndsByMode(records, modes), routes, inflate)

    def take(watch: str, number: int) -> str:
        receipt = intake.accept_stream([numbered(number)], Provenance("folder", watch))
        assert journey.advance() == 1
        (row,) = records.desk.objects([receipt.object_id])
        return row.deliveries[0].state

    return take


def test_as_configured_until_somebody_says_otherwise(records: Records, modes: Modes) -> None:
    assert [modes.is_shadow(name) for name in ("live", "shadow", "unknown")] == [False, True, False]
    records.watched.set_mode("live", "shadow", "me")
    records.watched.set_mode("shadow", "live", "me")
    modes.refresh()
    assert [modes.is_shadow(name) for name in ("live", "shadow")] == [True, False]
    records.watched.set_mode("shadow", "", "me")
    modes.refresh()
    assert modes.is_shadow("shadow")


def test_a_pause_leaves_what_is_under_way_as_it_was(records: Records, modes: Modes) -> None:
    records.watched.set_mode("live", "shadow", "me")
    modes.refresh()
    records.watched.set_mode("live", "paused", "me")
    modes.refresh()
    assert (modes.is_paused("live"), modes.is_shadow("live")) == (True, True)
    records.watched.resume("live", "me")
    modes.refresh()
    assert (modes.is_paused("live"), modes.is_shadow("live")) == (False, True)


def test_a_folder_that_was_paused_in_shadow_mode_is_so_after_a_restart(records: Records, modes: Modes) -> None:
    records.watched.set_mode("live", "shadow", "me")
    records.watched.set_mode("live", "paused", "me")
    records.watched.set_mode("shadow", "live", "me")
    records.watched.set_mode("shadow", "paused", "me")
    again = Modes(records.watched.said)
    again.configure(SETTINGS.watch)
    assert [again.is_shadow(name) for name in ("live", "shadow")] == [True, False]
    assert again.is_paused("live")
    assert again.is_paused("shadow")


def test_shadow_mode_holds_everything(bring: Callable[[str, int], str]) -> None:
    assert [bring("live", 1), bring("shadow", 2)] == ["queued", "held"]


def test_what_was_under_way_while_a_folder_went_live_is_not_left_behind(
    bring: Callable[[str, int], str], records: Records, modes: Modes
) -> None:
    assert bring("shadow", 1) == "held"
    records.watched.set_mode("shadow", "live", "me")  # nobody has noticed yet
    assert modes.is_shadow("shadow")
    assert bring("shadow", 2) == "queued"
    assert [row.state for row in records.desk.queue()] == ["held", "queued"]
