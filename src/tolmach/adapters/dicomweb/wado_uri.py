"""WADO-URI: one instance, or a picture of it, by the parameters of an address.

Standard: PS3.18 chapter 9 (URI Service).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tolmach.adapters.dicomweb.answers import Reply, attachment
from tolmach.adapters.dicomweb.held import Address, Holdings, begun
from tolmach.adapters.dicomweb.media_types import DICOM, Offer, choose, parse_accept
from tolmach.adapters.dicomweb.pictures import FORMATS, uri_view_of
from tolmach.adapters.dicomweb.served_faults import NOT_ACCEPTABLE, NotAcceptable, bad
from tolmach.adapters.dicomweb.wado_frames import PictureRetrieval, frame_numbers
from tolmach.archive.interfaces import Held
from tolmach.base import N_, Phrase

_NEEDED = ("studyUID", "seriesUID", "objectUID")


class UriRetrieval:
    """Answers requests with `requestType=WADO`; any thread may call. Raises what `served_faults` name."""

    def __init__(self, holdings: Holdings) -> None:
        """Serve what is held."""
        self._holdings, self._pictures = holdings, PictureRetrieval(holdings)

    def object(self, base: str, parameters: Mapping[str, str], accept: str | None) -> Reply:
        """Give the instance, or its picture: JPEG where nothing else is asked for."""
        if parameters.get("requestType") != "WADO":
            raise bad(Phrase(N_("requestType must be WADO")))
        missing = [name for name in _NEEDED if not parameters.get(name)]
        if missing:
            raise bad(Phrase(N_("the parameter {name} is missing"), {"name": missing[0]}))
        address = Address.of(base, *(parameters[name] for name in _NEEDED))
        if parameters.get("anonymize", "no") != "no":
            # Half an anonymisation is worse than none: what a picture shows is not looked at here.
            raise NotAcceptable(NOT_ACCEPTABLE, why=Phrase(N_("nothing is made anonymous here")))
        wished = parameters.get("contentType") or accept
        offer, one = choose(parse_accept(wished), [*(Offer(kind) for kind in FORMATS), Offer(DICOM)])
        if offer.kind == DICOM:
            return self._instance(address, parameters.get("transferSyntax", "") or one.syntax)
        return self._picture(address, parameters, offer.kind)

    def _instance(self, address: Address, wanted: str) -> Reply:
        held = self._holdings.one(address)
        headers: dict[str, str] = {}
        body = begun(self._file(held, wanted, headers))
        return Reply(200, body, headers["Content-Type"], attachment(f"{held.sop_instance_uid}.dcm"))

    def _file(self, held: Held, wanted: str, headers: dict[str, str]) -> Iterator[bytes]:
        with self._holdings.opener(held) as content:
            _syntax, blocks = self._holdings.as_file(held, content, wanted)
            headers["Content-Type"] = DICOM
            for block in blocks:
                yield bytes(block)

    def _picture(self, address: Address, parameters: Mapping[str, str], kind: str) -> Reply:
        frame = frame_numbers(parameters.get("frameNumber", "1"))[0]
        held = self._holdings.one(address)
        body = self._pictures.picture_of(held, frame, lambda found: uri_view_of(parameters, kind, found.layout))
        return Reply(200, body, kind)
