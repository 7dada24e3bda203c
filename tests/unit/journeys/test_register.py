"""What must be the only one of its kind."""

import pytest

from tolmach.journeys import register as module
from tolmach.journeys.register import Patient, Register, is_other_name

ONE, OTHER = Patient("17", "Шевченко^Тарас"), Patient("18", "Франко^Іван")


def test_an_instance_is_met_once_or_again() -> None:
    register = Register()
    assert register.twin("1.2", b"a" * 32) is None
    assert register.twin("1.2", b"a" * 32) == "same"
    assert register.twin("1.2", b"b" * 32) == "other"
    assert register.twin("1.3", b"a" * 32) is None


def test_one_identifier_with_two_names() -> None:
    register = Register()
    assert register.other_name("room", ONE) is None
    assert register.other_name("room", ONE) is None
    assert register.other_name("room", Patient("17", "Shevchenko^Taras")) is None, "the same name in Latin letters"
    assert register.other_name("room", Patient("17", "Франко^Іван")) == "Шевченко^Тарас"
    assert register.other_name("other room", Patient("17", "Франко^Іван")) is None, "another machine numbers anew"
    assert register.other_name("room", Patient("", "Франко^Іван")) is None


def test_a_study_of_two_patients() -> None:
    register = Register()
    assert register.other_owner("StudyInstanceUID", "1.2", ONE) is None
    assert register.other_owner("SeriesInstanceUID", "1.2", OTHER) is None
    assert register.other_owner("StudyInstanceUID", "1.2", ONE) is None
    assert register.other_owner("StudyInstanceUID", "1.2", OTHER) == ONE
    assert register.other_owner("StudyInstanceUID", "", OTHER) is None
    assert register.other_owner("StudyInstanceUID", "1.2", Patient("", "")) is None


def test_without_identifiers_names_decide() -> None:
    assert Patient("", "Шевченко^Тарас").is_other(Patient("17", "Франко^Іван"))
    assert not Patient("", "Шевченко^Тарас").is_other(Patient("17", "ШЕВЧЕНКО^ТАРАС"))
    assert not is_other_name("", "Франко")


def test_the_register_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_INSTANCES", 3)
    register = Register()
    for number in range(3):
        register.twin(str(number), b"x" * 32)
    assert not register.is_full
    assert register.twin("new", b"x" * 32) is None
    assert register.is_full
    assert len(register.instances) == 3
    assert register.twin("1", b"y" * 32) == "other", "what is known is still compared"
