"""What to do next is said with the window's buttons: nobody at a window types a command."""

import string
from collections.abc import Iterator

import pytest

from tolmach.apps import faults as apps_faults
from tolmach.apps import findings
from tolmach.apps.desktop.advice import ADVICE, advice
from tolmach.apps.desktop.words import Words
from tolmach.base import Fault, Problem
from tolmach.delivery import faults as delivery_faults
from tolmach.journeys import faults as journey_faults
from tolmach.journeys.faults import SHADOW

COMMANDS = ("tolmach queue", "tolmach watch", "tolmach resend", "tolmach history")


def faults() -> Iterator[Fault]:
    """Give what the queue, the history and the tray tell."""
    for module in (journey_faults, delivery_faults, findings, apps_faults):
        yield from (one for one in vars(module).values() if isinstance(one, Fault))


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("fault", list(faults()), ids=lambda one: one.code)
def test_what_the_window_tells_names_no_command_about_what_it_can_do_itself(fault: Fault) -> None:
    assert not any(one in advice(Problem(fault)).msgid for one in COMMANDS)


@pytest.mark.parametrize("fault", list(ADVICE), ids=lambda one: one.code)
def test_advice_has_no_fact_that_its_fault_has_not(fault: Fault) -> None:
    assert "tolmach " in fault.todo or "--" in fault.todo, "else its own words would do"
    assert names(ADVICE[fault]) <= names(fault.what) | names(fault.todo)


def test_words_say_the_advice_and_the_command_line_keeps_its_own() -> None:
    words, problem = Words("en"), Problem(SHADOW, {"watch": "room-1"})
    assert "switch off “Shadow mode”" in words.advice(problem)
    assert "switch off “Shadow mode”" in words.sentence(problem)
    assert "tolmach watch live room-1 --with-held" in str(problem)
