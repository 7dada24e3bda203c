from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.delivery.backoff import RetryPolicy, age_class

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
POLICY = RetryPolicy()
chances = st.floats(0, 1, exclude_max=True)


def test_waits_begin_at_a_second_and_double() -> None:
    assert [POLICY.wait_seconds(failures, lambda: 0.5) for failures in range(1, 10)] == [
        1,
        2,
        4,
        8,
        16,
        32,
        64,
        128,
        256,
    ]


@given(st.integers(1, 10**9), chances)
def test_no_wait_is_longer_than_the_longest_or_shorter_than_a_first_one_may_be(failures: int, chance: float) -> None:
    assert 0.8 <= POLICY.wait_seconds(failures, lambda: chance) <= 600


@given(st.integers(11, 10**9))
def test_the_spread_stays_whole_at_the_cap(failures: int) -> None:
    assert POLICY.wait_seconds(failures, lambda: 0.0) == pytest.approx(400)
    assert POLICY.wait_seconds(failures, lambda: 1.0) == pytest.approx(600)


@given(st.integers(1, 100), chances)
def test_the_spread_is_a_fifth_to_either_side(failures: int, chance: float) -> None:
    nominal = min(2.0 ** (failures - 1), 500)
    assert 0.8 * nominal <= POLICY.wait_seconds(failures, lambda: chance) <= 1.2 * nominal + 1e-9


def test_a_policy_with_other_limits_keeps_them() -> None:
    policy = RetryPolicy(first_wait_seconds=0.01, longest_wait_seconds=0.05)
    assert max(policy.wait_seconds(failures, lambda: 0.999) for failures in range(1, 50)) <= 0.05
    assert policy.next_attempt_at(1, NOW, lambda: 0.5) == NOW + timedelta(seconds=0.01)


@given(chances)
def test_a_slow_attempt_comes_within_the_longest_wait(chance: float) -> None:
    assert timedelta(seconds=480) <= POLICY.slow_attempt_at(NOW, lambda: chance) - NOW <= timedelta(seconds=600)


@pytest.mark.parametrize(
    ("age", "called"),
    [
        (timedelta(0), "fresh"),
        (timedelta(minutes=59, seconds=59), "fresh"),
        (timedelta(hours=1), "old"),
        (timedelta(hours=23, minutes=59), "old"),
        (timedelta(hours=24), "overdue"),
        (timedelta(days=400), "overdue"),
    ],
)
def test_items_grow_old_visibly(age: timedelta, called: str) -> None:
    assert age_class(NOW - age, NOW) == called


def test_the_wait_after_a_loss_is_never_longer_than_the_longest_of_all() -> None:
    policy = RetryPolicy(longest_wait_seconds=5)
    assert policy.wait_seconds(30, lambda: 0.99, policy.longest_wait_after_loss_seconds) <= 5
