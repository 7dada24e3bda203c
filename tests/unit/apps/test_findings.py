"""What is told, when it is told again, and that no fact of a patient gets through."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tolmach.apps.findings import (
    QUIET_SECONDS,
    SETTLED_SECONDS,
    Decision,
    Finding,
    Folder,
    Key,
    Seen,
    Told,
    Waiting,
    age,
    decide,
    findings,
    harmless,
)
from tolmach.base import Fault, Phrase, Problem

STUCK_AFTER, REPEAT = 1800.0, 24 * 3600.0
TROUBLE = Problem(Fault("TLM-NET-001", "{peer} cannot be reached: {why}. {path}", "Check {path}."), {"peer": "PACS"})
AWAY = Waiting("pacs", queued=5, oldest_seconds=2000)


class Story:
    """Decisions one after the other, each message sent."""

    def __init__(self) -> None:
        self.told: Mapping[Key, Told] = {}

    def at(self, now: float, seen: Seen, *, is_sent: bool = True) -> list[tuple[str, str, str]]:
        decision: Decision = decide(findings(seen, STUCK_AFTER), self.told, now, REPEAT, seen.paused)
        self.told = decision.sent if is_sent else decision.unsent
        return [(one.change, one.finding.kind, one.finding.name) for one in decision.news]


def one(seen: Seen) -> Finding:
    (found,) = findings(seen, STUCK_AFTER)
    return found


@pytest.mark.parametrize(("seconds", "levels"), [(1799, []), (1800, [0]), (3599, [0]), (3600, [1]), (86400, [2])])
def test_what_waits_is_told_by_its_age_class(seconds: float, levels: list[int]) -> None:
    seen = Seen([Waiting("pacs", queued=1, oldest_seconds=seconds)])
    assert [found.level for found in findings(seen, STUCK_AFTER)] == levels


def test_nothing_is_stuck_where_nothing_is_queued() -> None:
    assert findings(Seen([Waiting("pacs", queued=0, oldest_seconds=1e9)]), STUCK_AFTER) == []


def test_everything_that_can_be_found_has_a_sentence() -> None:
    disk = Problem(Fault("TLM-INT-001", "Only {free}, {reserve}.", "Free some."), {"free": "1 B", "reserve": "5 GiB"})
    seen = Seen(
        [Waiting("pacs", 5, 3, 1, 90000, held=2, quarantined=1, trouble=TROUBLE), Waiting("", quarantined=2)],
        [Folder("room-1", "D:/Export", TROUBLE, 1e6), Folder("room-2", "D:/Two", None, 26 * 3600 + 60)],
        disk,
    )
    found = findings(seen, STUCK_AFTER)
    assert [(one.kind, one.name) for one in found] == [
        ("disk", ""),
        ("watch", "room-1"),
        ("silent", "room-2"),
        ("stuck", "pacs"),
        ("held", "pacs"),
        ("quarantined", ""),
    ]
    said = [str(one.problem) for one in found]
    assert "1 d 2 h" in said[2]
    assert "“pacs”: 5, over 1 hour: 3, over 24 hours: 1; the oldest: 1 d 1 h" in said[3]
    assert "quarantine: 3" in said[5]
    assert not any("{" in sentence for sentence in said)
    assert [one.cause is not None for one in found] == [False, True, False, True, False, False]


def test_told_once_then_repeated_while_it_holds() -> None:
    story, seen = Story(), Seen([AWAY])
    assert story.at(0, seen) == [("new", "stuck", "pacs")]
    assert all(story.at(minute * 60, seen) == [] for minute in range(1, 24 * 60))
    assert story.at(REPEAT, seen) == [("repeated", "stuck", "pacs")]
    assert story.at(REPEAT + 60, seen) == []


def test_what_was_not_sent_is_new_the_next_time() -> None:
    story, seen = Story(), Seen([AWAY])
    for minute in range(5):
        assert story.at(minute * 60, seen, is_sent=False) == [("new", "stuck", "pacs")]
    assert story.at(300, seen) == [("new", "stuck", "pacs")]
    assert story.at(360, seen) == []


def test_growing_older_is_told_at_each_age_class() -> None:
    story = Story()
    told = [
        (hours, change)
        for hours in range(60)
        for change, *_ in story.at(hours * 3600, Seen([Waiting("pacs", 1, oldest_seconds=1800 + hours * 3600)]))
    ]
    assert told == [(0, "new"), (1, "worse"), (24, "worse"), (48, "repeated")]


def test_more_held_images_are_told_at_most_once_an_hour() -> None:
    story = Story()
    told = [minute for minute in range(181) if story.at(minute * 60, Seen([Waiting("pacs", held=1 + minute)]))]
    assert told == [0, 60, 120, 180]
    assert QUIET_SECONDS == 3600


def test_fewer_held_images_are_no_news_and_a_new_one_among_them_is() -> None:
    story = Story()
    story.at(0, Seen([Waiting("pacs", held=3)]))
    assert story.at(7200, Seen([Waiting("pacs", held=1)])) == []
    assert story.at(14400, Seen([Waiting("pacs", held=2)])) == [("worse", "held", "pacs")]


def test_well_again_is_told_when_it_stays_so() -> None:
    story = Story()
    story.at(0, Seen([AWAY]))
    assert story.at(60, Seen()) == []
    assert story.at(60 + SETTLED_SECONDS - 1, Seen()) == []
    assert story.at(60 + SETTLED_SECONDS, Seen()) == [("over", "stuck", "pacs")]
    assert story.at(60 + SETTLED_SECONDS + 60, Seen()) == []
    assert story.told == {}


def test_what_comes_and_goes_is_one_trouble() -> None:
    story, folder = Story(), Seen(folders=[Folder("room-1", "D:/Export", TROUBLE)])
    told = [story.at(minute * 60, folder if minute % 5 else Seen()) for minute in range(1, 200)]
    assert [one for one in told if one] == [[("new", "watch", "room-1")]]


def test_well_again_is_told_once_more_when_it_could_not_be_sent() -> None:
    story = Story()
    story.at(0, Seen([AWAY]))
    story.at(60, Seen())
    assert story.at(5000, Seen(), is_sent=False) == [("over", "stuck", "pacs")]
    assert story.at(5300, Seen()) == [("over", "stuck", "pacs")]


def test_what_was_never_told_is_not_told_to_be_over() -> None:
    story = Story()
    story.at(0, Seen([AWAY]), is_sent=False)
    assert [story.at(now, Seen()) for now in (60, 5000)] == [[], []]


def test_everything_new_comes_in_one_message_and_is_repeated_in_one() -> None:
    story = Story()
    both = [AWAY, Waiting("second", 1, oldest_seconds=2000)]
    assert len(story.at(0, Seen(both))) == 2
    third = [*both, Waiting("third", 1, oldest_seconds=2000)]
    assert len(story.at(3600, Seen(third))) == 1
    assert len(story.at(REPEAT, Seen(third))) == 3


def test_a_paused_folder_is_forgotten_without_a_word() -> None:
    story = Story()
    story.at(0, Seen(folders=[Folder("room-1", "D:/Export", TROUBLE)]))
    assert story.at(60, Seen(paused={"room-1"})) == []
    assert story.told == {}


def test_a_folder_that_cannot_be_looked_at_is_not_silent_beside() -> None:
    assert one(Seen(folders=[Folder("room-1", "D:/Export", TROUBLE, 1e6)])).kind == "watch"


@pytest.mark.parametrize(
    ("seconds", "said"), [(-5, "0 min"), (59, "0 min"), (720, "12 min"), (11100, "3 h 5 min"), (187200, "2 d 4 h")]
)
def test_ages(seconds: float, said: str) -> None:
    assert str(age(seconds)) == said


def test_only_harmless_facts_get_through() -> None:
    fault = Fault("TLM-X-001", "{peer} {why} {path} {text} {value}", "{file}")
    why = Phrase("{detail} of {path}", {"detail": "no room", "path": "ШЕВЧЕНКО"})
    secret = dict.fromkeys(("path", "text", "value", "file"), "ШЕВЧЕНКО")
    said = str(harmless(Problem(fault, {"peer": "PACS@h:104", "why": why, **secret})))
    assert said == "PACS@h:104 no room of … … … … …"
