"""QIDO-RS: the parameters of an address become a question, the answers the DICOM JSON model.

Standard: PS3.18 sections 10.6 (Search Transaction) and 8.3.4 (query parameters).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tolmach.adapters.dicomweb.answers import DICOM_JSON, Reply, cannot_be_found, dumped, warning
from tolmach.adapters.dicomweb.json_model import Json, json_of_values
from tolmach.adapters.dicomweb.media_types import MediaRange, Offer, choose
from tolmach.adapters.dicomweb.served_faults import TOO_BROAD, TooLarge, bad
from tolmach.adapters.dicomweb.wado_rs import DICOM_XML, multipart_reply
from tolmach.adapters.dicomweb.xml_model import xml_of
from tolmach.archive.attributes import USUAL, everything, up_to, usual
from tolmach.archive.faults import Unanswerable
from tolmach.archive.interfaces import MOST_COUNTED, Entity, Index, Level
from tolmach.archive.questions import question
from tolmach.base import N_, Phrase
from tolmach.dicom import dictionary
from tolmach.dicom.character_sets import UTF_8

MOST_PARAMETERS = 200
MOST_ANSWERS = 10_000  # on one page
_WORDS = frozenset(
    {"includefield", "limit", "offset", "fuzzymatching", "emptyvaluematching", "multiplevaluematching", "accept"}
)


@dataclass(frozen=True, slots=True)
class Search:
    """What a request asks: conditions by keyword, what is to be told, and which page of it."""

    conditions: Mapping[str, str]
    returned: frozenset[str] | None
    limit: int
    offset: int
    fuzzy: bool
    warnings: tuple[str, ...]


def parse_search(parameters: Sequence[tuple[str, str]], level: Level) -> Search:
    """Understand the parameters, percent-decoded already; raises `BadRequest`, `TooLarge` beyond the limits."""
    if len(parameters) > MOST_PARAMETERS:
        raise TooLarge(TOO_BROAD, why=Phrase(N_("at most {limit} parameters"), {"limit": MOST_PARAMETERS}))
    conditions: dict[str, str] = {}
    fields: list[str] = []
    words: dict[str, str] = {}
    for name, value in parameters:
        if name == "includefield":
            fields += [field for field in value.split(",") if field]
        elif name in _WORDS:
            words[name] = value
        else:
            keyword = keyword_of(name)
            if keyword in conditions:
                raise bad(Phrase(N_("{name} is asked for twice"), {"name": keyword}))
            # A list of UIDs has commas here and backslashes everywhere else.
            is_list = dictionary.vr_of(dictionary.tag_of(keyword.rpartition(".")[2]) or 0) == "UI"
            conditions[keyword] = value.replace(",", "\\") if is_list else value
    return Search(
        conditions,
        _returned(fields, level),
        min(_unsigned(words, "limit", MOST_ANSWERS), MOST_ANSWERS),
        _unsigned(words, "offset", 0),
        _flag(words, "fuzzymatching"),
        tuple(_unsupported(words)),
    )


def keyword_of(name: str) -> str:
    """Give the keywords of an attribute named by tags or keywords, with dots between levels; raises `BadRequest`."""
    found = []
    for step in name.split("."):
        is_tag = len(step) == 8 and all(sign in "0123456789abcdefABCDEF" for sign in step)
        keyword = dictionary.keyword_of(int(step, 16)) if is_tag else step
        if not keyword or dictionary.tag_of(keyword) is None:
            raise bad(Phrase(N_("“{name}” is no attribute that can be searched for"), {"name": name[:100]}))
        found.append(keyword)
    return ".".join(found)


def _returned(fields: Iterable[str], level: Level) -> frozenset[str] | None:
    wanted = set(fields)
    if not wanted:
        return None
    if "all" in wanted:
        return everything(level)
    return frozenset(keyword_of(field).partition(".")[0] for field in wanted) | usual(level)


def _unsigned(words: Mapping[str, str], name: str, absent: int) -> int:
    value = words.get(name)
    if value is None:
        return absent
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise bad(Phrase(N_("{name} must be a whole number from 0"), {"name": name}))
    return int(value)


def _flag(words: Mapping[str, str], name: str) -> bool:
    value = words.get(name, "false").lower()
    if value not in ("true", "false"):
        raise bad(Phrase(N_("{name} must be true or false"), {"name": name}))
    return value == "true"


def _unsupported(words: Mapping[str, str]) -> Iterable[str]:
    for name in ("emptyvaluematching", "multiplevaluematching"):
        if _flag(words, name):
            yield f"The {name} parameter is not supported. Only literal matching has been performed."


class QidoSearch:
    """Answers searches; any thread may call. Raises what `served_faults` name, and `RecordsTrouble`."""

    def __init__(self, index: Index) -> None:
        """Ask `index`."""
        self._index = index

    def search(
        self,
        level: Level,
        above: Mapping[str, str],
        parameters: Sequence[tuple[str, str]],
        ranges: Sequence[MediaRange],
        base: str,
    ) -> Reply:
        """Answer a search below what the path names; 204 where nothing is found.

        `above` are the UIDs of the path by keyword; `base` is where addresses begin.
        """
        offer, _range = choose(
            ranges, (Offer(DICOM_JSON), Offer("application/json"), Offer(DICOM_XML, is_multipart=True))
        )
        wanted = parse_search(parameters, level)
        if any(wanted.conditions.get(keyword, uid) != uid for keyword, uid in above.items()):
            return Reply(204)
        # Standard: PS3.18 section 10.6.3.3: what the path names is told again only where all studies are searched.
        returned = wanted.returned or frozenset(key for one in up_to(level)[1 + len(above) :] for key in USUAL[one])
        try:
            query = question(
                level,
                {**wanted.conditions, **above},
                returned | _IDENTITY[level],
                fuzzy=wanted.fuzzy,
                relational=True,
                limit=wanted.limit,
                offset=wanted.offset,
            )
        except Unanswerable as error:
            raise bad(str(error.problem.what).removesuffix(".")) from error
        since = self._index.missing_since()
        entities, more = self._index.find(query)
        models = [_model(one, base) for one in entities]
        ignored = [name for name in query.not_supported if name in wanted.conditions]
        return _reply(models, offer, [*wanted.warnings, *_ignored(ignored), *_more(more), *cannot_be_found(since)])


def _reply(models: Sequence[Json], offer: Offer, warnings: Sequence[str]) -> Reply:
    headers = warning(warnings)
    if not models:
        return Reply(204, headers=headers)
    if offer.is_multipart:
        found = multipart_reply((({"Content-Type": DICOM_XML}, [xml_of(one)]) for one in models), DICOM_XML)
        return Reply(200, found.body, found.content_type, headers)
    return Reply(200, dumped(models), offer.kind, headers)


def _more(count: int) -> Sequence[str]:
    counted = f"at least {count}" if count >= MOST_COUNTED else str(count)
    return [f"There are {counted} additional results that can be requested"] if count else []


def _ignored(names: Sequence[str]) -> Sequence[str]:
    return [f"These attributes cannot be matched here and were ignored: {' '.join(names)}"] if names else []


_UIDS = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID", "instance": "SOPInstanceUID"}
# What an address is made of, also where it is not asked back.
_IDENTITY: Mapping[Level, frozenset[str]] = {
    "study": frozenset({"StudyInstanceUID"}),
    "series": frozenset({"StudyInstanceUID", "SeriesInstanceUID"}),
    "instance": frozenset({"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"}),
}


# Standard: PS3.18 tables 10.6.3-3 to 10.6.3-5: what is always told, if only to be empty.
_ALWAYS: Mapping[Level, tuple[str, ...]] = {
    "study": (
        *("StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy", "ReferringPhysicianName", "PatientName"),
        *("PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID"),
    ),
    "series": ("Modality", "SeriesInstanceUID", "SeriesNumber"),
    "instance": ("SOPClassUID", "SOPInstanceUID", "InstanceNumber"),
}


def _model(entity: Entity, base: str) -> Json:
    """Give one answer, with the address it is to be had at. Standard: PS3.18 tables 10.6.3-3 to 10.6.3-5."""
    values = dict(entity.values)
    path = base
    for name, keyword in (("studies", "study"), ("series", "series"), ("instances", "instance")):
        uid = str(next(iter(values.get(_UIDS[keyword], ())), ""))
        path += f"/{name}/{uid}"
        if keyword == entity.level:
            break
    values["RetrieveURL"] = (path,)
    values["InstanceAvailability"] = ("ONLINE",)
    values["SpecificCharacterSet"] = (UTF_8,)
    for keyword in _ALWAYS[entity.level]:
        values.setdefault(keyword, ())
    return json_of_values(values)
