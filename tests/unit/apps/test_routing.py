"""Where objects go: sources, conditions, the first route's profile, unread objects."""

from pathlib import Path

import pytest

from tests.builders import Spoiled, opened
from tolmach.apps.routing import Routes
from tolmach.apps.settings import load_settings
from tolmach.base import TolmachError
from tolmach.edit.faults import BadRule
from tolmach.intake.interfaces import Provenance
from tolmach.repair.profile import Profile, TextPolicy

PEERS = """
[[peer]]
name = "ct-1"
ae_title = "CT1"
host = "10.0.0.1"
rights = ["store"]
[[peer]]
name = "pacs"
ae_title = "PACS"
host = "10.0.0.2"
port = 104
[[peer]]
name = "old"
ae_title = "OLD"
host = "10.0.0.3"
port = 104
text = "transliterate:uk-kmu55"
[[profile]]
name = "upper"
unsure = "hold"
[[profile.rule]]
do = [ { upper = "PatientName" } ]
"""
CT = opened(Spoiled({0x00080060: ("CS", "CT"), 0x00100010: ("PN", "Іваненко")}, "cp1251", "ISO_IR 100").file())
FROM_CT, STRANGER = Provenance("dimse", "ct-1", "CT1", "10.0.0.1"), Provenance("dimse", "mr-9", "MR9", "10.0.0.9")
FOUND = Provenance("rebuild", "", "CT1", "")


def routes(tmp_path: Path, text: str) -> Routes:
    file = tmp_path / "tolmach.toml"
    file.write_text(PEERS + text, "utf-8")
    return Routes(load_settings(file, {}), file)


def test_every_route_that_applies_and_each_destination_once(tmp_path: Path) -> None:
    made = routes(
        tmp_path,
        '[[route]]\nfrom = ["ct-1"]\nprofile = "upper"\nto = ["pacs"]\n[[route]]\nfrom = ["*"]\nto = ["old", "pacs"]\n',
    )
    from_ct, stranger = made.bound_for(CT, FROM_CT)[0], made.bound_for(CT, STRANGER)[0]
    assert [one.destination for one in from_ct] == ["pacs", "old"]
    assert [one.destination for one in stranger] == ["old", "pacs"]
    assert from_ct[0].profile is not None
    assert (from_ct[0].profile.unsure, len(from_ct[0].profile.rules)) == ("hold", 1)
    assert from_ct[1].profile == Profile(text=TextPolicy("transliterate", "uk-kmu55", converts=True))
    assert made.profile_for(FROM_CT).unsure == "hold"
    assert made.profile_for(STRANGER) == Profile()


def test_conditions_are_asked_of_the_object(tmp_path: Path) -> None:
    made = routes(tmp_path, '[[route]]\nwhen = { Modality = { in = ["CT", "MR"] } }\nto = ["pacs"]\n')
    other = opened(Spoiled({0x00080060: ("CS", "DX")}, "cp1251", None).file())
    assert [one.destination for one in made.bound_for(CT, FROM_CT)[0]] == ["pacs"]
    assert made.bound_for(other, FROM_CT) == ([], [])
    assert made.bound_for(None, FROM_CT) == ([], [])


def test_conditions_may_ask_for_the_source(tmp_path: Path) -> None:
    made = routes(tmp_path, '[[route]]\nwhen = { "source.ae_title" = "CT1" }\nto = ["pacs"]\n')
    assert made.bound_for(CT, FROM_CT)[0]
    assert not made.bound_for(CT, STRANGER)[0]


def test_a_condition_that_cannot_be_decided_does_not_hold(tmp_path: Path) -> None:
    made = routes(tmp_path, '[[route]]\nwhen = { PatientName = { matches = "x" } }\nto = ["pacs"]\n')
    long = opened(Spoiled({0x00100010: ("PN", "x" * 300)}, "cp1251", None).file())
    bound, (problem,) = made.bound_for(long, FROM_CT)
    assert bound == []
    assert "PatientName" in str(problem)


def test_an_unread_object_takes_the_routes_that_ask_nothing(tmp_path: Path) -> None:
    made = routes(tmp_path, '[[route]]\nto = ["pacs"]\n[[route]]\nwhen = { Modality = "CT" }\nto = ["old"]\n')
    assert [one.destination for one in made.bound_for(None, STRANGER)[0]] == ["pacs"]


def test_what_was_rebuilt_finds_its_source_by_its_ae_title(tmp_path: Path) -> None:
    made = routes(tmp_path, '[[route]]\nfrom = ["ct-1"]\nto = ["pacs"]\n')
    assert made.bound_for(CT, FOUND)[0]
    assert not made.bound_for(CT, Provenance("rebuild"))[0]


def test_the_untouched_object_may_be_asked_for(tmp_path: Path) -> None:
    (bound,) = routes(tmp_path, '[[route]]\nto = ["old"]\noriginal = true\n').bound_for(CT, FROM_CT)[0]
    assert bound.profile is None


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('[[route]]\nwhen = { Modalty = "CT" }\nto = ["pacs"]\n', BadRule),
        ('[[route]]\nwhen = { Modality = { matches = "(" } }\nto = ["pacs"]\n', BadRule),
    ],
)
def test_bad_conditions_are_refused_at_once(tmp_path: Path, text: str, error: type[TolmachError]) -> None:
    with pytest.raises(error, match="route 1"):
        routes(tmp_path, text)


def test_the_archive_says_whether_objects_stay(tmp_path: Path) -> None:
    assert routes(tmp_path, "").keeps
    assert not routes(tmp_path, "[archive]\nenabled = false\n").keeps
