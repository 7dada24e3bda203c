"""Asking another archive: keys as people write them, in letters it can read; its answers in letters people can.

What an archive answers is judged like any other text: by its label, and by evidence where the label lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tolmach.adapters.dimse import Association, PresentationContext
from tolmach.adapters.dimse.pdu import RoleSelection
from tolmach.adapters.dimse.query_answers import Letters, letters_for
from tolmach.adapters.dimse.query_identifier import KNOWN_PAGE_WEIGHT
from tolmach.adapters.dimse.query_keys import writer_of
from tolmach.adapters.dimse.query_scu import WriteKeys
from tolmach.apps.sending import Destination
from tolmach.archive.attributes import UNIQUE, USUAL, up_to
from tolmach.archive.interfaces import Level
from tolmach.base import N_, Fault, NeedsOperator
from tolmach.dicom import character_sets, dictionary, uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import BadValue
from tolmach.dicom.scanner import ROOT
from tolmach.dicom.values import numbers_as_text, strip_padding
from tolmach.dicom.vrs import TEXT_VRS
from tolmach.repair.diagnose import diagnose
from tolmach.repair.judge import NO_MEMORY
from tolmach.repair.profile import TextPolicy, parse_text_policy
from tolmach.text.code_pages import CYRILLIC_CODE_PAGES

BAD_KEY: Final = Fault(
    "TLM-CLI-050",
    N_("“{text}” is no key to ask by."),
    N_("Write it as KEYWORD=VALUE, for example PatientName=Іваненко* or 0010,0020=17; wild cards are * and ?."),
)
BAD_LEVEL: Final = Fault(
    "TLM-CLI-051",
    N_("“{level}” is no level to ask at."),
    N_("Use one of: patient, study, series, image."),
)
NO_GET: Final = Fault(
    "TLM-CLI-052",
    N_("{peer} does not give images back on the association they are asked for on (C-GET)."),
    N_("Have it move them to us instead: in the archive, or with its own program, move to the AE title {own}."),
)
CUT: Final = Fault(
    "TLM-CLI-053",
    N_("{to} found more than {limit} answers; only these are shown."),
    N_("Ask for less, or allow more with --limit."),
)
NOT_ALL_CAME: Final = Fault(
    "TLM-CLI-054",
    N_("{failed} of the objects asked for did not come from {to}."),
    N_("It may hold them in a form that C-GET cannot carry here: have it move them to us instead."),
)
MAY_LACK_SOME: Final = Fault(
    "TLM-CLI-056",
    N_("{to} ended with a warning and counts nothing that failed: there may be more than what came."),
    N_("Get it once more in a few minutes; if it stays so, look into the log of that archive."),
)
NOTHING_ASKED: Final = Fault(
    "TLM-CLI-055",
    N_("Nothing was named that could be brought."),
    N_("Name a study, series or image by its UID, for example StudyInstanceUID=1.2.3."),
)

LEVEL_NAMES: Final[Mapping[str, Level]] = {
    "patient": "patient",
    "study": "study",
    "series": "series",
    "image": "instance",
    "instance": "instance",
}
_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")
_STEP: Final = re.compile(r"\[0\]")


class BadQuestion(NeedsOperator):
    """What is asked cannot be asked so."""


def level_named(text: str) -> Level:
    """Understand the name of a level; raises `BadQuestion`."""
    level = LEVEL_NAMES.get(text.lower())
    if level is None:
        raise BadQuestion(BAD_LEVEL, level=text)
    return level


def keys_in(texts: Sequence[str], returned: Sequence[str] = ()) -> dict[str, str]:
    """Understand keys as they are typed, `returned` those without a value; raises `BadQuestion`."""
    keys: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadQuestion(BAD_KEY, text=text)
        keys[_key_named(name, text)] = value
    for name in returned:
        keys.setdefault(_key_named(name, name), "")
    return keys


def _key_named(name: str, text: str) -> str:
    steps = [_keyword(step.strip()) for step in _STEP.sub("", name).split(".")]
    if not all(steps) or len(steps) > 2:
        raise BadQuestion(BAD_KEY, text=text)
    return ".".join(steps)


def _keyword(step: str) -> str:
    match = _TAG.fullmatch(step)
    if match is not None:
        return dictionary.keyword_of(int(match[1] + match[2], 16))
    return step if dictionary.tag_of(step) is not None else ""


def with_usual(level: Level, keys: Mapping[str, str]) -> dict[str, str]:
    """Give the keys with those that answers of this level usually hold."""
    levels: Sequence[Level] = (level, "patient") if level == "study" else (level,)
    wanted = {keyword: "" for each in levels for keyword in USUAL[each]}
    counted = "NumberOfPatientRelatedStudies" if level != "patient" else ""
    wanted |= {UNIQUE[each]: "" for each in up_to(level)[0 if level in ("patient", "study") else 1 :]}
    return {**{name: value for name, value in wanted.items() if name != counted}, **keys}


def model_for(level: Level, service: str) -> str:
    """Give the SOP class to ask with: `service` is Find or Get; only patients need Patient Root."""
    root = "PatientRoot" if level == "patient" else "StudyRoot"
    uid: str = getattr(uids, f"{root}QueryRetrieveInformationModel{service}")
    return uid


def writer_for(level: Level, keys: Mapping[str, str], text: str | None) -> WriteKeys:
    """Give what writes the keys for a peer that reads `text`; UTF-8 where nothing is known. Raises `BadQuestion`."""
    names = {"patient": "PATIENT", "study": "STUDY", "series": "SERIES", "instance": "IMAGE"}
    try:
        write = writer_of({"QueryRetrieveLevel": names[level], **keys}, _letters(text))
    except BadValue as error:
        raise BadQuestion(BAD_KEY, text=f"{error.problem.facts.get('path')}=…") from error
    return write


def _letters(text: str | None) -> Sequence[Letters]:
    return letters_for(_policy(text), (character_sets.UTF_8,))


def _policy(text: str | None) -> TextPolicy | None:
    return None if text is None else parse_text_policy(text, converts=True)


def open_association(
    destination: Destination, contexts: Sequence[PresentationContext], roles: Sequence[RoleSelection] = ()
) -> Association:
    """Open an association with another archive; raises what opening raises."""
    own, timeouts = destination.calling_ae_title, destination.timeouts
    return Association.open(destination.address, contexts, own, timeouts, tls=destination.tls, roles=roles)


# Answers --------------------------------------------------------------------------------------------------------------


def values_in(answer: DataSet, text: str | None) -> dict[str, object]:
    """Give the values of an answer by keyword, sequences as lists of such; `text` is what the peer writes."""
    page = _page_of(_policy(text))
    memory = {page: KNOWN_PAGE_WEIGHT} if page in CYRILLIC_CODE_PAGES else NO_MEMORY
    diagnosis = diagnose(answer, memory=memory)
    known = {**diagnosis.right, **diagnosis.readings}
    return dict(_values(answer, ROOT, known))


def _page_of(policy: TextPolicy | None) -> str:
    if policy is None:
        return ""
    return {"iso_ir_144": "iso-8859-5", "code-page": policy.argument, "utf-8": "utf-8"}.get(policy.writing, "")


def _values(answer: DataSet, container: int, known: Mapping[int, str]) -> Iterator[tuple[str, object]]:
    for index, element in enumerate(answer.elements):
        if element.parent != container or not element.vr:
            continue
        name = dictionary.keyword_of(element.tag) or f"{element.tag:08X}"
        if element.vr == "SQ":
            items = (answer.index.get((index, number)) for number in range(len(answer.elements)))
            yield name, [dict(_values(answer, item, known)) for item in _until_none(items)]
        else:
            yield name, _text(answer, index, known)


def _until_none(items: Iterator[int | None]) -> Iterator[int]:
    for item in items:
        if item is None:
            return
        yield item


def _text(answer: DataSet, index: int, known: Mapping[int, str]) -> str:
    element = answer.elements[index]
    vr, raw = element.vr, answer.raw(element)
    if vr == "UN":
        vr = dictionary.vr_of(element.tag)
    number = numbers_as_text(raw, vr, answer.encoding_in(element.parent)) if raw else None
    if number is not None:
        return number
    terms = answer.character_set_at(element.parent) if vr in TEXT_VRS else None
    return strip_padding(known.get(index) or character_sets.show(raw, terms), vr)
