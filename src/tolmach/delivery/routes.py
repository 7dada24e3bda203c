"""Routes: which objects go where, and mended with which profile. Data, and one pure question to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tolmach.base import Problem
from tolmach.dicom.faults import BadValue
from tolmach.edit.conditions import Condition, Origin
from tolmach.edit.draft import Draft

EVERY_SOURCE = "*"


@dataclass(frozen=True, slots=True)
class Route:
    """Objects from one of the sources (names, or `*`) that meet all conditions go to all the destinations.

    `original` lets them go untouched; else they are mended with the profile of that name, or with the usual one.
    """

    sources: frozenset[str]
    destinations: Sequence[str]
    when: Sequence[Condition] = ()
    profile: str | None = None
    original: bool = False


@dataclass(frozen=True, slots=True)
class Leg:
    """That an object goes to a destination, and how it is mended for it."""

    destination: str
    profile: str | None
    original: bool


def legs_of(
    routes: Sequence[Route], source: str, draft: Draft | None, origin: Origin
) -> tuple[Sequence[Leg], Sequence[Problem]]:
    """Give where an object goes, each destination once and in the order of the routes, and what could not be decided.

    The first route that leads to a destination says how. `source` is the configured name of who brought it, empty for
    nobody's; `draft` is the object as conditions see it, None where it is no data set: then only routes without
    conditions apply. A condition that cannot be decided keeps its route from applying.
    """
    legs: dict[str, Leg] = {}
    problems: list[Problem] = []
    for route in routes:
        if source not in route.sources and EVERY_SOURCE not in route.sources:
            continue
        try:
            applies = not route.when or (
                draft is not None and all(condition.holds(draft, origin) for condition in route.when)
            )
        except BadValue as error:
            problems.append(error.problem)
            continue
        if applies:
            for destination in route.destinations:
                legs.setdefault(destination, Leg(destination, route.profile, route.original))
    return tuple(legs.values()), problems
