"""From the routes and profiles of the configuration to where each object goes and how it is mended on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tolmach.apps.profiles import profile_named
from tolmach.apps.sections import RouteSettings, Settings
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import BadValue
from tolmach.edit.conditions import Condition, Origin
from tolmach.edit.draft import Draft
from tolmach.edit.rules import parse_when
from tolmach.intake.interfaces import Provenance
from tolmach.journeys.arrival import Bound, origin_of
from tolmach.repair.profile import Profile, parse_text_policy

ANYBODY = "*"


@dataclass(frozen=True, slots=True)
class _Route:
    """One route: its sources, its conditions, and what becomes of objects on it."""

    sources: frozenset[str]
    when: Sequence[Condition]
    profile: Profile
    bound: Sequence[Bound]

    def begins_at(self, source: str) -> bool:
        """Tell whether objects of that source take this route."""
        return ANYBODY in self.sources or source in self.sources

    def applies_to(self, draft: Draft | None, origin: Origin) -> bool:
        """Tell whether all conditions hold; one that cannot be decided does not, nor does any of an unread object."""
        try:
            return not self.when or (draft is not None and all(one.holds(draft, origin) for one in self.when))
        except BadValue:
            return False


class Routes:
    """The `Router` of journeys: every route that applies, each destination once, the first route's profile counting."""

    def __init__(self, settings: Settings, file: Path | None) -> None:
        """Understand the routes; raises `BadConfiguration` or `BadRule`. `file` is where the settings come from."""
        self.keeps = settings.archive.enabled
        self._names = {peer.ae_title: peer.name for peer in settings.peer if peer.ae_title}
        self._routes = [_understood(route, number, settings, file) for number, route in enumerate(settings.route, 1)]

    def bound_for(self, data_set: DataSet | None, provenance: Provenance) -> Sequence[Bound]:
        """Give the destinations of an object; without a data set, those of the routes that ask nothing of it."""
        found: dict[str, Bound] = {}
        draft = None if data_set is None else Draft(data_set)
        source, origin = self._source(provenance), origin_of(provenance)
        for route in self._routes:
            if route.begins_at(source) and route.applies_to(draft, origin):
                for bound in route.bound:
                    found.setdefault(bound.destination, bound)
        return tuple(found.values())

    def profile_for(self, provenance: Provenance) -> Profile:
        """Give the profile of the first route from that source, or the usual one."""
        source = self._source(provenance)
        return next((route.profile for route in self._routes if route.begins_at(source)), Profile())

    def _source(self, provenance: Provenance) -> str:
        # What was found without records has lost the name of its source, and must not lose its way with it.
        return provenance.name or self._names.get(provenance.ae_title, "")


def _understood(route: RouteSettings, number: int, settings: Settings, file: Path | None) -> _Route:
    profile = Profile() if route.profile is None else profile_named(settings, route.profile, file)
    peers = {peer.name: peer for peer in settings.peer}
    bound = []
    for name in route.to:
        text = peers[name].text
        written = profile if text is None else replace(profile, text=parse_text_policy(text, converts=True))
        bound.append(Bound(name, None if route.original else written))
    return _Route(frozenset(route.from_), parse_when(route.when, f"route {number}"), profile, tuple(bound))
