"""From the routes, watches and profiles of the configuration to where each object goes and how it is mended for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tolmach.apps.profiles import profile_named
from tolmach.apps.sections import Settings, WatchSettings
from tolmach.base import Problem
from tolmach.delivery.routes import EVERY_SOURCE, Leg, Route, legs_of
from tolmach.dicom.data_set import DataSet
from tolmach.edit.draft import Draft
from tolmach.edit.rules import parse_when
from tolmach.intake.interfaces import Provenance
from tolmach.journeys.arrival import Bound, origin_of
from tolmach.journeys.faults import SHADOW
from tolmach.repair.profile import Profile, TextPolicy, parse_text_policy


class Routes:
    """The `Router` of journeys: routes with the profiles they name, and what each destination can read.

    What a watch brings goes to the watch's own destinations and its export folder, and by the routes that name the
    watch; `*` means those who call us.
    """

    def __init__(self, settings: Settings, file: Path | None, is_shadow: Callable[[str], bool] | None = None) -> None:
        """Understand the routes; raises `BadConfiguration` or `BadRule`. `file` is where the settings come from.

        `is_shadow` tells of a watch by name whether nothing it brings may be delivered now; else the settings say so.
        """
        self.keeps = settings.archive.enabled
        shadows = {one.name for one in settings.watch if one.shadow}
        self._is_shadow = is_shadow or shadows.__contains__
        self._names = {peer.ae_title: peer.name for peer in settings.peer if peer.ae_title}
        configured = [
            Route(frozenset(one.from_), one.to, parse_when(one.when, f"route {number}"), one.profile, one.original)
            for number, one in enumerate(settings.route, 1)
        ]
        own = [way for watch in settings.watch for way in _ways_of(watch)]
        self._routes = [*own, *configured]
        self._routes_of_watches = {
            one.name: [route for route in self._routes if one.name in route.sources] for one in settings.watch
        }
        self._profiles_of_watches = {one.name: one.profile for one in settings.watch if one.profile is not None}
        self._profiles = {one.name: profile_named(settings, one.name, file) for one in settings.profile}
        self._texts: Mapping[str, TextPolicy] = {
            peer.name: parse_text_policy(peer.text, converts=True) for peer in settings.peer if peer.text is not None
        }

    def bound_for(self, data_set: DataSet | None, provenance: Provenance) -> tuple[Sequence[Bound], Sequence[Problem]]:
        """Give the destinations of an object, and what could not be decided; see `Router.bound_for`."""
        draft = None if data_set is None else Draft(data_set)
        source = self._source(provenance)
        legs, problems = legs_of(self._routes_from(provenance), source, draft, origin_of(provenance))
        hold = None
        if provenance.entrance == "folder" and self._is_shadow(source):
            hold = Problem(SHADOW, {"watch": source})
        return [Bound(leg.destination, None if leg.original else self._mended_for(leg), hold) for leg in legs], problems

    def profile_for(self, provenance: Provenance) -> Profile:
        """Give the profile of the watch or of the first route from that source, or the usual one."""
        if provenance.entrance == "folder" and provenance.name in self._profiles_of_watches:
            return self._profiles[self._profiles_of_watches[provenance.name]]
        sources = {EVERY_SOURCE, self._source(provenance)}
        routes = self._routes_from(provenance)
        return next((self._profile(route.profile) for route in routes if route.sources & sources), Profile())

    def _routes_from(self, provenance: Provenance) -> Sequence[Route]:
        if provenance.entrance == "folder":
            return self._routes_of_watches.get(provenance.name, ())
        return self._routes

    def _mended_for(self, leg: Leg) -> Profile:
        profile, text = self._profile(leg.profile), self._texts.get(leg.destination)
        return profile if text is None else replace(profile, text=text)

    def _profile(self, name: str | None) -> Profile:
        return Profile() if name is None else self._profiles[name]

    def _source(self, provenance: Provenance) -> str:
        # What was found without records has lost the name of its source, and must not lose its way with it.
        return provenance.name or self._names.get(provenance.ae_title, "")


def _ways_of(watch: WatchSettings) -> Iterator[Route]:
    source = frozenset({watch.name})
    if watch.to:
        yield Route(source, watch.to, profile=watch.profile, original=watch.original)
    if watch.export_peer is not None:
        yield Route(source, (watch.export_peer.name,), profile=watch.profile)
