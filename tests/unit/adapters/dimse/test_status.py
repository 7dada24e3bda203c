"""The table of C-STORE statuses, walked from end to end."""

import pytest

from tolmach.adapters.dimse.errors import StoreFailedForNow, StoreRefused
from tolmach.adapters.dimse.status import StoreOutcomeClass, meaning_of, store_error

FACTS = {"peer": "PACS@10.0.0.5:104", "status": "XXXX", "comment": ""}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0x0000, StoreOutcomeClass.SUCCESS),
        (0xB000, StoreOutcomeClass.WARNING),
        (0xB006, StoreOutcomeClass.WARNING),
        (0xB007, StoreOutcomeClass.WARNING),
        (0xA700, StoreOutcomeClass.RETRYABLE),
        (0xA701, StoreOutcomeClass.RETRYABLE),
        (0xA7FF, StoreOutcomeClass.RETRYABLE),
        (0xA76F, StoreOutcomeClass.RETRYABLE),
        (0xA770, StoreOutcomeClass.REFUSED),  # dcm4chee-arc: a fault of the data set
        (0xA77B, StoreOutcomeClass.REFUSED),
        (0xA77C, StoreOutcomeClass.RETRYABLE),
        (0xA900, StoreOutcomeClass.REFUSED),
        (0xA9FF, StoreOutcomeClass.REFUSED),
        (0xC000, StoreOutcomeClass.REFUSED),
        (0xC210, StoreOutcomeClass.REFUSED),
        (0xCFFF, StoreOutcomeClass.REFUSED),
        (0x0110, StoreOutcomeClass.RETRYABLE),
        (0x0111, StoreOutcomeClass.DUPLICATE),
        (0x0117, StoreOutcomeClass.REFUSED),
        (0x0122, StoreOutcomeClass.REFUSED),
        (0x0124, StoreOutcomeClass.REFUSED),
        (0x0210, StoreOutcomeClass.RETRYABLE),
        (0x0211, StoreOutcomeClass.REFUSED),
        (0x0212, StoreOutcomeClass.REFUSED),
        (0x0213, StoreOutcomeClass.RETRYABLE),
        (0x0001, StoreOutcomeClass.REFUSED),
        (0xB001, StoreOutcomeClass.REFUSED),  # a warning that PS3.4 does not know proves nothing
        (0xFF00, StoreOutcomeClass.REFUSED),
        (0xFE00, StoreOutcomeClass.REFUSED),
        (0xA800, StoreOutcomeClass.REFUSED),
        (0xFFFF, StoreOutcomeClass.REFUSED),
    ],
)
def test_what_a_status_means(status: int, outcome: StoreOutcomeClass) -> None:
    assert meaning_of(status).outcome is outcome


def test_only_four_of_all_statuses_say_stored() -> None:
    stored = {status for status in range(0x10000) if store_error(status, FACTS) is None}
    assert stored == {0x0000, 0xB000, 0xB006, 0xB007}


def test_the_base_of_the_error_says_whether_to_try_again() -> None:
    assert isinstance(store_error(0xA700, FACTS), StoreFailedForNow)
    assert isinstance(store_error(0xC000, FACTS), StoreRefused)
    assert isinstance(store_error(0x0111, FACTS), StoreRefused)


def test_codes_are_different_and_texts_can_be_filled() -> None:
    rows = {id(row.fault): row for row in map(meaning_of, range(0x10000))}
    assert len({row.fault.code for row in rows.values()}) == len(rows) == 17
    for row in rows.values():
        assert row.first <= row.last
        assert row.fault.what.format_map(FACTS)
        assert row.fault.todo.format_map(FACTS)
