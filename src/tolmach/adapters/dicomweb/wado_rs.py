"""WADO-RS: instances, their metadata and their bulk data, as they stream from the store.

Standard: PS3.18 sections 10.4.1 (resources), 10.4.3 (responses), 8.7.3 (media types).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tolmach.adapters.dicomweb.answers import DICOM_JSON, Reply, attachment, dumped
from tolmach.adapters.dicomweb.held import Address, Holdings, begun, blocks_of, unavailable, with_syntax
from tolmach.adapters.dicomweb.json_model import LONG_TEXT, element_at, json_of, places_elsewhere
from tolmach.adapters.dicomweb.media_types import (
    DICOM,
    MULTIPART,
    OCTETS,
    MediaRange,
    Offer,
    all_suiting,
    choose,
    require_one_category,
)
from tolmach.adapters.dicomweb.multipart import written
from tolmach.adapters.dicomweb.served_faults import NOT_HELD, NotAcceptable, NotHeld
from tolmach.adapters.dicomweb.xml_model import xml_of
from tolmach.archive.interfaces import Held
from tolmach.dicom import uids
from tolmach.dicom.character_sets import show
from tolmach.dicom.data_set import MAX_TEXT, DataSet
from tolmach.dicom.scanner import Element
from tolmach.dicom.source import MemorySource, Source
from tolmach.dicom.splice import Extent, Pieces
from tolmach.dicom.vrs import TEXT_VRS
from tolmach.dicom.wire import Turned

DICOM_XML = "application/dicom+xml"
_BLOCK = 1 << 16
Parts = Iterable[tuple[Mapping[str, str], Iterable[bytes | memoryview]]]


def multipart_reply(parts: Parts, kind: str, new_boundary: Callable[[], str] = lambda: secrets.token_hex(16)) -> Reply:
    """Give an answer of many parts, the first of which is made at once."""
    boundary = new_boundary()
    body = begun(written(parts, boundary))
    return Reply(200, body, f'{MULTIPART}; type="{kind}"; boundary={boundary}')


class InstanceRetrieval:
    """Gives instances, metadata and bulk data; any thread may call. Raises what `served_faults` name."""

    def __init__(self, holdings: Holdings) -> None:
        """Serve what is held."""
        self._holdings = holdings

    # Instances -----------------------------------------------------------------------------------------------

    def instances(self, address: Address, ranges: Sequence[MediaRange]) -> Reply:
        """Give every instance under an address as a Part 10 file; a single one also without multipart.

        An instance that cannot be read later on breaks the answer off: it must not look whole.
        """
        require_one_category(ranges)
        offers = [Offer(DICOM, is_multipart=True), Offer(OCTETS, is_multipart=True)]
        if address.instance:
            offers.append(Offer(DICOM))
        for number, (offer, one) in enumerate(suiting := all_suiting(ranges, offers), 1):
            try:
                return self._given(address, offer, one.syntax)
            except NotAcceptable:
                if number == len(suiting):
                    raise
        raise AssertionError("all_suiting gives something or raises")

    def _given(self, address: Address, offer: Offer, wanted: str) -> Reply:
        if wanted not in ("", "*"):
            self._require_syntax(address, wanted)
        if offer.is_multipart:
            return multipart_reply(self._files(address, self._holdings.held(address), wanted), DICOM)
        held = self._holdings.one(address)
        headers: dict[str, str] = {}
        body = begun(self._file(held, wanted, headers))
        return Reply(200, body, headers["Content-Type"], attachment(f"{held.sop_instance_uid}.dcm"))

    def _require_syntax(self, address: Address, wanted: str) -> None:
        """Look at all before the first is given; what would have to be decoded is looked at when it comes."""
        for held in self._holdings.held(address):
            if wanted not in (held.transfer_syntax_uid, uids.ExplicitVRLittleEndian):
                raise unavailable(held.transfer_syntax_uid, wanted)

    def _files(self, address: Address, helds: Iterator[Held], wanted: str) -> Parts:
        for held in helds:
            with self._holdings.opener(held) as content:
                syntax, blocks = self._holdings.as_file(held, content, wanted)
                yield (
                    {
                        "Content-Type": with_syntax(DICOM, syntax),
                        "Content-Location": address.of_held(held).url,
                    },
                    blocks,
                )

    def _file(self, held: Held, wanted: str, headers: dict[str, str]) -> Iterator[bytes]:
        with self._holdings.opener(held) as content:
            syntax, blocks = self._holdings.as_file(held, content, wanted)
            headers["Content-Type"] = with_syntax(DICOM, syntax)
            for block in blocks:
                yield bytes(block)

    # Metadata ------------------------------------------------------------------------------------------------

    def metadata(self, address: Address, ranges: Sequence[MediaRange]) -> Reply:
        """Give every instance under an address without its bulk data, as JSON or XML."""
        offers = (Offer(DICOM_JSON), Offer("application/json"), Offer(DICOM_XML, is_multipart=True))
        offer, _range = choose(ranges, offers)
        models = self._models(address, self._holdings.held(address))
        if offer.is_multipart:
            return multipart_reply((({"Content-Type": DICOM_XML}, [xml_of(one)]) for one in models), DICOM_XML)
        return Reply(200, begun(_array(models)), offer.kind)

    def _models(self, address: Address, helds: Iterator[Held]) -> Iterator[dict[str, object]]:
        for held in helds:
            with self._holdings.opener(held) as content:
                model = json_of(content.data_set, f"{address.of_held(held).url}/bulkdata")
            yield model

    # Bulk data -----------------------------------------------------------------------------------------------

    def bulk_data(self, address: Address, place: str, ranges: Sequence[MediaRange]) -> Reply:
        """Give the value of one attribute, which metadata names by such an address."""
        offer, _range = choose(ranges, (Offer(OCTETS, is_multipart=True), Offer(OCTETS)))
        held = self._holdings.one(address)
        body = self._value(held, place)
        if offer.is_multipart:
            head = {"Content-Type": OCTETS, "Content-Location": f"{address.url}/bulkdata/{place}"}
            return multipart_reply(((head, body),), OCTETS)
        return Reply(200, begun(body), OCTETS, attachment(f"{held.sop_instance_uid}.{place}.bin"))

    def all_bulk_data(self, address: Address, ranges: Sequence[MediaRange]) -> Reply:
        """Give every value that metadata leaves out, of every instance under an address, pixels as they are stored."""
        choose(ranges, (Offer(OCTETS, is_multipart=True),))
        helds = self._holdings.held(address)
        return multipart_reply(self._all_values(address, helds), OCTETS)

    def _all_values(self, address: Address, helds: Iterator[Held]) -> Parts:
        for held in helds:
            url = f"{address.of_held(held).url}/bulkdata"
            with self._holdings.opener(held) as content:
                data_set = content.data_set
                for place in places_elsewhere(json_of(data_set, url), url):
                    element = element_at(data_set, place)
                    if element is not None:
                        head = {"Content-Type": OCTETS, "Content-Location": f"{url}/{place}"}
                        yield head, blocks_of(_bulk(data_set, element))

    def _value(self, held: Held, place: str) -> Iterator[bytes]:
        with self._holdings.opener(held) as content:
            data_set = content.data_set
            element = element_at(data_set, place)
            if element is None or element.vr == "SQ":
                raise NotHeld(NOT_HELD)
            for block in blocks_of(_bulk(data_set, element)):
                yield bytes(block)


def _bulk(data_set: DataSet, element: Element) -> Source:
    """Give a value in little endian; text in UTF-8. Standard: PS3.18 sections F.2.6 and 8.8.1."""
    if element.vr in TEXT_VRS and LONG_TEXT <= element.length <= MAX_TEXT:
        text = show(data_set.raw(element), data_set.character_set_at(element.parent))
        return MemorySource(text.rstrip("\0 ").encode("utf-8", "replace"))
    return Pieces.of(Turned.of(data_set), [Extent(element.value, element.value + element.length)])


def _array(models: Iterator[dict[str, object]]) -> Iterator[bytes]:
    """Give a JSON array in blocks, whatever the number of its objects."""
    gathered = bytearray(b"[")
    for number, model in enumerate(models):
        gathered += b"," if number else b""
        gathered += dumped(model)
        if len(gathered) >= _BLOCK:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered + b"]")
