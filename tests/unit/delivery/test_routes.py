import pytest

from tests.builders import body, opened, part10
from tolmach.delivery.routes import Leg, Route, legs_of
from tolmach.edit.conditions import Origin
from tolmach.edit.draft import Draft
from tolmach.edit.rules import parse_condition

CT = (parse_condition("Modality", "CT", "test"),)


def draft(modality: str = "CT", comment: str = "") -> Draft:
    elements = [(0x00080060, "CS", modality.encode()), (0x00204000, "LT", comment.encode())]
    return Draft(opened(part10(body(*elements))))


def test_every_route_that_fits_leads_on_in_order() -> None:
    routes = [
        Route(frozenset({"ct-1"}), ("pacs", "backup")),
        Route(frozenset({"*"}), ("archive",), profile="usual"),
        Route(frozenset({"ct-2"}), ("other",)),
    ]
    assert legs_of(routes, "ct-1", draft(), Origin()) == (
        (Leg("pacs", None, False), Leg("backup", None, False), Leg("archive", "usual", False)),
        [],
    )


def test_the_first_route_to_a_destination_says_how() -> None:
    routes = [
        Route(frozenset({"*"}), ("pacs",), profile="first"),
        Route(frozenset({"*"}), ("pacs", "backup"), profile="second", original=True),
    ]
    assert legs_of(routes, "ct-1", draft(), Origin())[0] == (
        Leg("pacs", "first", False),
        Leg("backup", "second", True),
    )


def test_conditions_must_all_hold() -> None:
    from_room = parse_condition("source.watch", "room-1", "test")
    routes = [Route(frozenset({"*"}), ("pacs",), when=(*CT, from_room))]
    here = Origin({"source.watch": "room-1"})
    assert len(legs_of(routes, "x", draft(), here)[0]) == 1
    assert legs_of(routes, "x", draft("DX"), here)[0] == ()
    assert legs_of(routes, "x", draft(), Origin())[0] == ()


def test_nobodys_objects_go_only_where_everybodys_go() -> None:
    routes = [Route(frozenset({"ct-1"}), ("pacs",)), Route(frozenset({"*"}), ("archive",))]
    assert [leg.destination for leg in legs_of(routes, "", draft(), Origin())[0]] == ["archive"]


@pytest.mark.parametrize(("when", "count"), [((), 1), (CT, 0)])
def test_what_is_no_data_set_goes_by_routes_without_conditions(when: tuple[object, ...], count: int) -> None:
    assert len(legs_of([Route(frozenset({"*"}), ("pacs",), when=when)], "", None, Origin())[0]) == count  # type: ignore[arg-type]


def test_a_condition_that_cannot_be_decided_is_told_and_its_route_left_out() -> None:
    pattern = parse_condition("ImageComments", {"matches": "x"}, "test")
    routes = [Route(frozenset({"*"}), ("pacs",), when=(pattern,)), Route(frozenset({"*"}), ("archive",))]
    legs, problems = legs_of(routes, "", draft(comment="y" * 300 + " "), Origin())
    assert [leg.destination for leg in legs] == ["archive"]
    assert len(problems) == 1
