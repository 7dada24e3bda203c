"""From the routes and profiles of the configuration to where each object goes and how it is mended on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tolmach.apps.profiles import profile_named
from tolmach.apps.sections import Settings
from tolmach.base import Problem
from tolmach.delivery.routes import EVERY_SOURCE, Leg, Route, legs_of
from tolmach.dicom.data_set import DataSet
from tolmach.edit.draft import Draft
from tolmach.edit.rules import parse_when
from tolmach.intake.interfaces import Provenance
from tolmach.journeys.arrival import Bound, origin_of
from tolmach.repair.profile import Profile, TextPolicy, parse_text_policy


class Routes:
    """The `Router` of journeys: routes with the profiles they name, and what each destination can read."""

    def __init__(self, settings: Settings, file: Path | None) -> None:
        """Understand the routes; raises `BadConfiguration` or `BadRule`. `file` is where the settings come from."""
        self.keeps = settings.archive.enabled
        self._names = {peer.ae_title: peer.name for peer in settings.peer if peer.ae_title}
        self._routes = [
            Route(frozenset(one.from_), one.to, parse_when(one.when, f"route {number}"), one.profile, one.original)
            for number, one in enumerate(settings.route, 1)
        ]
        self._profiles = {one.name: profile_named(settings, one.name, file) for one in settings.profile}
        self._texts: Mapping[str, TextPolicy] = {
            peer.name: parse_text_policy(peer.text, converts=True) for peer in settings.peer if peer.text is not None
        }

    def bound_for(self, data_set: DataSet | None, provenance: Provenance) -> tuple[Sequence[Bound], Sequence[Problem]]:
        """Give the destinations of an object, and what could not be decided; see `Router.bound_for`."""
        draft = None if data_set is None else Draft(data_set)
        legs, problems = legs_of(self._routes, self._source(provenance), draft, origin_of(provenance))
        return [Bound(leg.destination, None if leg.original else self._mended_for(leg)) for leg in legs], problems

    def profile_for(self, provenance: Provenance) -> Profile:
        """Give the profile of the first route from that source, or the usual one."""
        sources = {EVERY_SOURCE, self._source(provenance)}
        return next((self._profile(route.profile) for route in self._routes if route.sources & sources), Profile())

    def _mended_for(self, leg: Leg) -> Profile:
        profile, text = self._profile(leg.profile), self._texts.get(leg.destination)
        return profile if text is None else replace(profile, text=text)

    def _profile(self, name: str | None) -> Profile:
        return Profile() if name is None else self._profiles[name]

    def _source(self, provenance: Provenance) -> str:
        # What was found without records has lost the name of its source, and must not lose its way with it.
        return provenance.name or self._names.get(provenance.ae_title, "")
