"""The routes of DICOMweb and WADO-URI: paths and parameters become calls of `adapters.dicomweb`.

Standard: PS3.18 tables 10.1-1 and 10.4.1-1 to 10.6.1-5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tolmach.adapters.dicomweb.answers import Reply, cannot_be_found, warning
from tolmach.adapters.dicomweb.held import Address, Holdings
from tolmach.adapters.dicomweb.media_types import MediaRange, parse_accept, wished
from tolmach.adapters.dicomweb.qido import QidoSearch
from tolmach.adapters.dicomweb.served_faults import NotHeld
from tolmach.adapters.dicomweb.stow import StoreRequest, StowReceiver
from tolmach.adapters.dicomweb.wado_frames import PictureRetrieval
from tolmach.adapters.dicomweb.wado_rs import InstanceRetrieval
from tolmach.adapters.dicomweb.wado_uri import UriRetrieval
from tolmach.apps.gateway.application import Application, Question, Turnstile, Work
from tolmach.apps.gateway.bridge import Body, Patience, Receive
from tolmach.apps.gateway.errors import body_of
from tolmach.apps.gateway.faults import NO_ARCHIVE, NoArchive
from tolmach.apps.gateway.http_settings import HttpSettings
from tolmach.apps.gateway.rights import FRAMES, INSTANCE, RIGHTS, SERIES, STUDY, WEB
from tolmach.archive.interfaces import Level
from tolmach.dicom import dictionary, uids
from tolmach.intake.interfaces import Provenance

_KEYWORDS = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID"}
_PIXELS = f"{dictionary.tag_of('PixelData') or 0:08X}"
_WADL = "application/vnd.sun.wadl+xml"
_CAPABILITIES = (
    b'<?xml version="1.0" encoding="UTF-8"?><application xmlns="http://wadl.dev.java.net/2009/02">'
    b'<doc title="tolmach">STOW-RS, QIDO-RS, WADO-RS; see /api/v1/openapi.json</doc></application>'
)


@dataclass(frozen=True, slots=True)
class DicomWebRoutes:
    """Everything under `/dicom-web`, and `/wado`."""

    holdings: Holdings
    receiver: StowReceiver
    settings: HttpSettings

    def add_to(self, application: Application, *, serves_archive: bool = True) -> None:
        """Add all routes; without an archive things are taken, to be passed on, and nothing is found or given."""
        self._add_store(application)
        if serves_archive:
            self._add_searches(application)
            self._add_retrieval(application)
            self._add_pictures(application)
            self._add(application, "/wado", self._uri, "Retrieve an instance or its picture (WADO-URI)")
        else:
            _add_refusals(application)
        for path in (WEB, f"{WEB}/"):
            application.add("OPTIONS", path, lambda _: Reply(200, _CAPABILITIES, _WADL), "Capabilities")

    def _add_searches(self, application: Application) -> None:
        search = QidoSearch(self.holdings.index)
        levels: Sequence[tuple[str, Level, str]] = (
            (f"{WEB}/studies", "study", "Search for studies"),
            (f"{WEB}/series", "series", "Search for series"),
            (f"{WEB}/instances", "instance", "Search for instances"),
            (f"{STUDY}/series", "series", "Search for a study's series"),
            (f"{STUDY}/instances", "instance", "Search for a study's instances"),
            (f"{SERIES}/instances", "instance", "Search for a series' instances"),
        )
        for path, level, about in levels:

            def work(question: Question, level: Level = level) -> Reply:
                _address(question)
                above = {_KEYWORDS[name]: uid for name, uid in question.path.items()}
                return search.search(level, above, question.query, _ranges(question), question.base + WEB)

            application.add("GET", path, work, about)

    def _add(self, application: Application, path: str, work: Work, about: str) -> None:
        """Add a retrieval: it says so when something may be missing from what it gives, or from what it looked for."""
        index = self.holdings.index

        def told(question: Question) -> Reply:
            may_lack = "study" in question.path and "instance" not in question.path
            since = index.missing_since() if may_lack else None
            try:
                reply = work(question)
            except NotHeld as error:
                texts = cannot_be_found(index.missing_since())
                return Reply(404, body_of(error.problem), "application/json", warning(texts))
            return replace(reply, headers={**reply.headers, **warning(cannot_be_found(since))})

        application.add("GET", path, told, about)

    def _add_retrieval(self, application: Application) -> None:
        retrieval, pictures = InstanceRetrieval(self.holdings), PictureRetrieval(self.holdings)

        def bulk_data(question: Question) -> Reply:
            address, place = _address(question), question.path["place"].upper()
            if place == _PIXELS and self.holdings.one(address).transfer_syntax_uid not in uids.UNCOMPRESSED:
                return pictures.frames(address, None, _ranges(question))
            return retrieval.bulk_data(address, place, _ranges(question))

        for path, name in ((STUDY, "a study"), (SERIES, "a series"), (INSTANCE, "an instance")):
            self._add(
                application, path, lambda one: retrieval.instances(_address(one), _ranges(one)), f"Retrieve {name}"
            )
            self._add(
                application,
                f"{path}/metadata",
                lambda one: retrieval.metadata(_address(one), _ranges(one)),
                f"Retrieve the metadata of {name}",
            )
            self._add(
                application,
                f"{path}/bulkdata",
                lambda one: retrieval.all_bulk_data(_address(one), _ranges(one)),
                f"Retrieve the bulk data of {name}",
            )
        self._add(application, f"{INSTANCE}/bulkdata/{{place}}", bulk_data, "Retrieve the value of an attribute")

    def _add_pictures(self, application: Application) -> None:
        pictures = PictureRetrieval(self.holdings)
        self._add(
            application,
            FRAMES,
            lambda one: pictures.frames(_address(one), one.path["frames"], _ranges(one)),
            "Retrieve frames",
        )
        for path, name in ((STUDY, "a study"), (SERIES, "a series"), (INSTANCE, "an instance"), (FRAMES, "frames")):
            if path != FRAMES:
                self._add(
                    application,
                    f"{path}/pixeldata",
                    lambda one: pictures.pixel_data(_address(one), _ranges(one)),
                    f"Retrieve the pixel data of {name}",
                )
            for kind, work in (("rendered", pictures.rendered), ("thumbnail", pictures.thumbnail)):
                self._add(application, f"{path}/{kind}", _shown(work), f"Retrieve {name}, {kind}")

    def _add_store(self, application: Application) -> None:
        turnstile = Turnstile(self.settings.max_stores)
        patience = Patience(self.settings.idle_seconds)

        async def store(question: Question, receive: Receive) -> Reply:
            _address(question)
            ranges = _ranges(question)
            with turnstile:
                body = Body(receive, self.settings.max_body_bytes, patience)
                filling = asyncio.ensure_future(body.fill())
                request = StoreRequest(
                    body.blocks(),
                    question.request.headers.get("content-type", ""),
                    Provenance("stow", question.caller_name, "", question.address),
                    question.path.get("study", ""),
                    ranges,
                    question.base + WEB,
                )
                try:
                    loop = asyncio.get_running_loop()
                    return await loop.run_in_executor(application.threads, self.receiver.receive, request)
                finally:
                    body.stop()
                    filling.cancel()

        application.add_raw("POST", f"{WEB}/studies", store, "Store instances")
        application.add_raw("POST", STUDY, store, "Store instances of a study")

    def _uri(self, question: Question) -> Reply:
        parameters: Mapping[str, str] = question.parameters
        return UriRetrieval(self.holdings).object(question.base + WEB, parameters, question.accept)


def _add_refusals(application: Application) -> None:
    """Answer whoever searches or retrieves, and may, that there is no archive here."""

    def refuse(_question: Question) -> Reply:
        raise NoArchive(NO_ARCHIVE)

    for method, path in RIGHTS:
        if method == "GET" and (path.startswith(WEB) or path == "/wado"):
            application.add(method, path, refuse, "")


_Show = Callable[[Address, str | None, Sequence[MediaRange], Mapping[str, str]], Reply]


def _shown(show: _Show) -> Work:
    return lambda one: show(_address(one), one.path.get("frames"), _ranges(one), one.parameters)


def _address(question: Question) -> Address:
    path = question.path
    return Address.of(question.base + WEB, path.get("study", ""), path.get("series", ""), path.get("instance", ""))


def _ranges(question: Question) -> Sequence[MediaRange]:
    accept = question.parameters.get("accept")
    return parse_accept(question.accept) if accept is None else wished(question.accept, accept)
