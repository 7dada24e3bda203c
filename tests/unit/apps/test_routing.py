"""Where objects go: sources, conditions, the first route's profile, unread objects."""

from pathlib import Path

import pytest

from tests.builders import Spoiled, opened
from tolmach.apps.routing import Routes
from tolmach.apps.settings import load_settings
from tolmach.base import TolmachError
from tolmach.edit.faults import BadRule
from tolmach.intake.interfaces import Provenance
from tolmach.journeys.faults import SHADOW
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


WATCHES = """
[[watch]]
name = "room-1"
folder = "in-1"
profile = "upper"
to = ["pacs", "old"]
original = true
export_folder = "out-1"
[[watch]]
name = "room-2"
folder = "in-2"
to = ["old"]
[[watch]]
name = "room-3"
folder = "in-3"
shadow = true
"""
ROOM_1, ROOM_2, ROOM_3 = (Provenance("folder", f"room-{number}") for number in (1, 2, 3))


def test_what_a_watch_brings_goes_to_its_own_destinations(tmp_path: Path) -> None:
    made = routes(tmp_path, '[[route]]\nto = ["pacs"]\n' + WATCHES)  # "*" is for those who call
    bound, problems = made.bound_for(CT, ROOM_2)
    assert ([one.destination for one in bound], problems) == (["old"], [])
    assert bound[0].profile == Profile(text=TextPolicy("transliterate", "uk-kmu55", converts=True))
    assert made.bound_for(CT, ROOM_3) == ([], [])
    assert made.bound_for(CT, Provenance("folder", "gone")) == ([], [])
    assert [one.destination for one in made.bound_for(CT, FROM_CT)[0]] == ["pacs"]


def test_the_export_folder_gets_the_mended_file_also_beside_the_original(tmp_path: Path) -> None:
    made = routes(tmp_path, WATCHES)
    bound = made.bound_for(CT, ROOM_1)[0]
    assert [one.destination for one in bound] == ["pacs", "old", "room-1 export"]
    assert [one.profile is None for one in bound] == [True, True, False]
    assert bound[2].profile == made.profile_for(ROOM_1)
    assert made.profile_for(ROOM_1).unsure == "hold"
    assert made.profile_for(ROOM_2) == Profile()


def test_a_route_may_name_a_watch(tmp_path: Path) -> None:
    made = routes(
        tmp_path,
        WATCHES + '[[route]]\nfrom = ["room-2", "room-3"]\nwhen = { Modality = "CT" }\nprofile = "upper"\n'
        'to = ["pacs", "old"]\n',
    )
    (own, routed) = made.bound_for(CT, ROOM_2)[0]
    assert (own.destination, own.profile and own.profile.unsure) == ("old", "pass")  # the watch's own word counts first
    assert (routed.destination, routed.profile and routed.profile.unsure) == ("pacs", "hold")
    assert made.bound_for(None, ROOM_3) == ([], [])
    assert made.profile_for(ROOM_3).unsure == "hold"


def test_rules_may_ask_for_the_watch(tmp_path: Path) -> None:
    made = routes(
        tmp_path,
        WATCHES + '[[route]]\nfrom = ["room-2", "room-3"]\nwhen = { "source.watch" = "room-3" }\nto = ["pacs"]\n',
    )
    assert [one.destination for one in made.bound_for(CT, ROOM_3)[0]] == ["pacs"]
    assert [one.destination for one in made.bound_for(CT, ROOM_2)[0]] == ["old"]


def test_in_shadow_mode_everything_is_held_for_it(tmp_path: Path) -> None:
    shadow = WATCHES + '[[route]]\nfrom = ["room-3"]\nto = ["pacs"]\n'
    (held,) = routes(tmp_path, shadow).bound_for(CT, ROOM_3)[0]
    assert held.hold is not None
    assert (held.hold.fault, held.hold.facts["watch"]) == (SHADOW, "room-3")
    assert {one.hold for one in routes(tmp_path, shadow).bound_for(CT, ROOM_1)[0]} == {None}
    file = tmp_path / "tolmach.toml"
    modes = {"room-1": True, "room-3": False}
    told = Routes(load_settings(file, {}), file, modes.__getitem__)
    assert [one.hold is None for one in told.bound_for(CT, ROOM_3)[0]] == [True]
    assert {one.hold is None for one in told.bound_for(CT, ROOM_1)[0]} == {False}
