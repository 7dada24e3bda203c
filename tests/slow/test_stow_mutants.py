"""F-24 over HTTP: mutated files by STOW-RS, each stored or told, and given back afterwards or told again."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.slow.test_mutants import mutant, seeds  # noqa: F401 - a fixture
from tests.web_archive import Client, web_archive

pytestmark = pytest.mark.slow

MUTANTS, AT_ONCE, LONGEST = 20_000, 50, 10.0
STORED, FAILED, OTHERS = "00081199", "00081198", "0008119A"


def test_every_mutant_is_stored_or_told(seeds: list[bytes], tmp_path: Path) -> None:  # noqa: F811
    """F-24: 20,000 files in 400 requests; the numbers agree, no request takes ten seconds, nothing answers 500."""
    chance = random.Random(20_261_123)
    outcomes: Counter[str] = Counter()
    statuses: Counter[int] = Counter()
    with web_archive(tmp_path / "data", pixel_processes=1) as (archive, client):
        for number in range(MUTANTS // AT_ONCE):
            files = [mutant(chance.choice(seeds), seeds, chance) for _ in range(AT_ONCE)]
            began = time.monotonic()
            answer = client.store(*files)
            assert time.monotonic() - began < LONGEST, number
            assert answer.status in (200, 202, 409), (number, answer.body)
            told = {name: len(answer.json.get(name, {}).get("Value", [])) for name in (STORED, FAILED, OTHERS)}
            assert sum(told.values()) == AT_ONCE, number
            outcomes.update(told)
            if number % 40 == 0:
                statuses.update(_asked(client, answer.json))
        assert min(outcomes.values()) > 100, outcomes
        assert set(statuses) <= {200, 400, 404, 406}, statuses
        assert len(archive.receipts.arrivals) == outcomes[STORED]
        assert client.get("/health/live").status == 200
        assert list(archive.store.incoming.iterdir()) == []


def _asked(client: Client, told: dict[str, object]) -> list[int]:
    """Ask for what was stored in every form; what nobody can show is told so."""
    places = [one["00081190"].get("Value", [""])[0] for one in told.get(STORED, {}).get("Value", [])]  # type: ignore[attr-defined]
    paths = [place.removeprefix(client.listening.url) for place in places if place]
    assert paths
    xml = 'multipart/related; type="application/dicom+xml"'
    forms = (
        ("", None),
        ("/metadata", None),
        ("/metadata", xml),
        ("/bulkdata", None),
        ("/frames/1", None),
        ("/rendered", None),
    )
    return [client.get(path + more, accept).status for path in paths for more, accept in forms]
