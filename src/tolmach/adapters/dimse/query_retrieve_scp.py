"""Query/Retrieve SCP: C-FIND, C-MOVE and C-GET of both information models, served by our own upper layer.

Standard: PS3.4 annex C (sections C.4 and C.6), PS3.7 sections 9.1.2 to 9.1.4.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tolmach.adapters.dimse.command_set import C_FIND_RQ, C_GET_RQ, C_MOVE_RQ, OFFENDING_ELEMENT
from tolmach.adapters.dimse.message_data import MESSAGE_SYNTAXES
from tolmach.adapters.dimse.operation import Operation
from tolmach.adapters.dimse.query_answers import AnswerWriter, letters_for
from tolmach.adapters.dimse.query_identifier import (
    LEVEL_NAMES,
    BadIdentifier,
    Identifier,
    parse_identifier,
)
from tolmach.adapters.dimse.relayed_service import RelayedService
from tolmach.adapters.dimse.retrieving import FindMoveDestination, Retrieval
from tolmach.adapters.dimse.status import OUT_OF_RESOURCES, SUCCESS
from tolmach.adapters.dimse.sub_operations import cannot_be_found
from tolmach.archive import faults as archive_faults
from tolmach.archive.attributes import UNIQUE, up_to
from tolmach.archive.faults import Unanswerable
from tolmach.archive.interfaces import Entity, Index, Level, Opener
from tolmach.archive.names import has_wild_cards
from tolmach.archive.questions import Question, question
from tolmach.base import TolmachError
from tolmach.dicom import dictionary, uids
from tolmach.intake.faults import RecordsTrouble
from tolmach.repair.profile import TextPolicy

log = logging.getLogger(__name__)

PENDING: Final = 0xFF00
PENDING_WITHOUT_SOME: Final = 0xFF01
CANCELLED: Final = 0xFE00
NOT_THIS_CLASS: Final = 0xA900
UNABLE: Final = 0xC001

MOST_ANSWERS: Final = 10_000
FIRST_PAGE, PAGE = 100, 1_000
IDENTIFIER_LIMIT: Final = 1 << 18  # bytes; a list of a thousand UIDs takes a quarter of it

# Service class application information of both models. Standard: PS3.4 section C.5.1.1 (relational queries, date and
# time as one, names compared by meaning, time zones); C.5.2.1 and C.5.3.1 (relational retrieval).
RELATIONAL, COMBINED, FUZZY = 0, 1, 2

FIND_CLASSES: Final = frozenset(
    {uids.PatientRootQueryRetrieveInformationModelFind, uids.StudyRootQueryRetrieveInformationModelFind}
)
MOVE_CLASSES: Final = frozenset(
    {uids.PatientRootQueryRetrieveInformationModelMove, uids.StudyRootQueryRetrieveInformationModelMove}
)
GET_CLASSES: Final = frozenset(
    {uids.PatientRootQueryRetrieveInformationModelGet, uids.StudyRootQueryRetrieveInformationModelGet}
)


@dataclass(frozen=True, slots=True)
class QuerySettings:
    """Who answers, how much at most, and what each caller reads, by its configured name."""

    ae_title: str
    texts: Mapping[str, TextPolicy] = field(default_factory=dict)
    most_answers: int = MOST_ANSWERS
    clock: Callable[[], float] = time.monotonic


def query_retrieve_services(
    index: Index, opener: Opener, destination_of: FindMoveDestination, settings: QuerySettings
) -> Sequence[RelayedService]:
    """Give the services that answer from an index and send what is held.

    C-FIND takes the right "find", C-MOVE "move", C-GET "get". C-MOVE sends to what `destination_of` knows by its AE
    title and to nobody else.
    """
    finding = _Finding(index, settings)
    retrieval = Retrieval(index, opener, destination_of, _page_of(settings))
    return [
        RelayedService(
            FIND_CLASSES,
            transfer_syntaxes=MESSAGE_SYNTAXES,
            performs={C_FIND_RQ: finding.perform},
            message_limit=IDENTIFIER_LIMIT,
            negotiate=lambda asked: _agreed(asked, 3),
        ),
        RelayedService(
            MOVE_CLASSES,
            transfer_syntaxes=MESSAGE_SYNTAXES,
            performs={C_MOVE_RQ: retrieval.move},
            message_limit=IDENTIFIER_LIMIT,
            negotiate=lambda asked: _agreed(asked, 1),
        ),
        RelayedService(
            GET_CLASSES,
            transfer_syntaxes=MESSAGE_SYNTAXES,
            performs={C_GET_RQ: retrieval.get},
            message_limit=IDENTIFIER_LIMIT,
            sends_instances=True,
            negotiate=lambda asked: _agreed(asked, 1),
        ),
    ]


def _agreed(asked: bytes, known: int) -> bytes:
    """Agree to the first `known` of what is asked, and to none of the rest, as many bytes as came."""
    return bytes(1 if number < known and byte == 1 else 0 for number, byte in enumerate(asked[:16]))


def _page_of(settings: QuerySettings) -> Callable[[str], str]:
    """Give what tells the code page that a caller is configured to read, and so most likely writes."""

    def page_of(name: str) -> str:
        policy = settings.texts.get(name)
        if policy is None:
            return ""
        return {"utf-8": "utf-8", "iso_ir_144": "iso-8859-5", "code-page": policy.argument}.get(policy.writing, "")

    return page_of


class _Finding:
    """Answers C-FIND."""

    def __init__(self, index: Index, settings: QuerySettings) -> None:
        self._index, self._settings = index, settings
        self._page_of = _page_of(settings)

    def perform(self, operation: Operation) -> None:
        """Answer one request: matches as they are read, page by page, then how it ended."""
        started = self._settings.clock()
        try:
            identifier = parse_identifier(
                operation.data, operation.transfer_syntax_uid, self._page_of(operation.caller.name)
            )
            self._require_keys(operation, identifier)
            status, comment, count = self._answer(operation, identifier)
        except BadIdentifier as error:
            log.info("%s: a query was refused: %s", operation.peer, error)
            operation.fail(NOT_THIS_CLASS, str(error), _offending(error))
            return
        except Unanswerable as error:
            # Its text holds the name that was asked for, which no log may.
            log.info("%s: a query was refused: %s", operation.peer, error.code)
            lost = error.problem.fault is archive_faults.LOST_LETTERS
            operation.fail(UNABLE if lost else NOT_THIS_CLASS, _LOST if lost else _plain(error))
            return
        except RecordsTrouble as error:
            log.error("%s: a query could not be answered: %s", operation.peer, error)
            operation.fail(UNABLE, "the index cannot be read now: ask again")
            return
        log.info(
            "%s: C-FIND at %s level: %d answers, status %04X, %.3f s",
            *(operation.peer, LEVEL_NAMES[identifier.level], count, status, self._settings.clock() - started),
        )
        if comment:
            operation.fail(status, comment)
        else:
            operation.respond(status)

    def _require_keys(self, operation: Operation, identifier: Identifier) -> None:
        """Require what the levels above are known by, unless relational queries were agreed on.

        Standard: PS3.4 sections C.4.1.2.1 (hierarchical) and C.4.1.2.2 (relational).
        """
        is_patient_root = operation.abstract_syntax == uids.PatientRootQueryRetrieveInformationModelFind
        if identifier.level == "patient" and not is_patient_root:
            raise BadIdentifier("this model has no PATIENT level")
        if _has(operation, RELATIONAL):
            return
        above: Sequence[Level] = up_to(identifier.level)[:-1]
        for level in above if is_patient_root else above[1:]:
            value = identifier.keys.get(UNIQUE[level], "")
            if not value.strip() or "\\" in value or has_wild_cards(value):
                raise MissingKey(UNIQUE[level])

    def _answer(self, operation: Operation, identifier: Identifier) -> tuple[int, str, int]:
        """Answer, and tell the caller when it cannot be all; gives status, comment, number."""
        since = self._index.missing_since()
        status, comment, count = self._answer_as_read(operation, identifier)
        if status == SUCCESS and since is not None:
            return OUT_OF_RESOURCES, cannot_be_found(since), count
        return status, comment, count

    def _answer_as_read(self, operation: Operation, identifier: Identifier) -> tuple[int, str, int]:
        """Give the readings of the question to the index until one finds somebody; gives status, comment, number."""
        for number, keys in enumerate(identifier.readings, 1):
            asked = self._question(operation, identifier, keys)
            page, more = self._page(asked, 0, min(FIRST_PAGE, self._settings.most_answers))
            if page or number == len(identifier.readings):
                return self._answer_all(operation, identifier, asked, page, more)
        raise AssertionError("an identifier has at least one reading")

    def _question(self, operation: Operation, identifier: Identifier, keys: Mapping[str, str]) -> Question:
        asked = question(
            identifier.level,
            keys,
            {*keys, UNIQUE[identifier.level]},
            fuzzy=True,
            relational=_has(operation, RELATIONAL),
            combined=_has(operation, COMBINED),
            limit=self._settings.most_answers,
        )
        for problem in asked.problems:
            log.info("%s: %s", operation.peer, problem.code)
        return asked

    def _page(self, asked: Question, offset: int, limit: int) -> tuple[Sequence[Entity], int]:
        return self._index.find(replace(asked, offset=offset, limit=limit))

    def _answer_all(
        self, operation: Operation, identifier: Identifier, asked: Question, page: Sequence[Entity], more: int
    ) -> tuple[int, str, int]:
        supported = frozenset(asked.returned or ())
        letters = letters_for(self._settings.texts.get(operation.caller.name), identifier.terms)
        writer = AnswerWriter(identifier, supported, letters, self._settings.ae_title, operation.encoding)
        is_whole = identifier.is_complete and not asked.not_supported
        pending, count, most = PENDING if is_whole else PENDING_WITHOUT_SOME, 0, self._settings.most_answers
        while True:
            for entity in page:
                if operation.is_cancelled:
                    return CANCELLED, "", count
                operation.hold(pending, writer.answer(entity))
                count += 1
            operation.flush()
            if not more or not page or count >= most:
                break
            page, more = self._page(asked, count, min(PAGE, most - count))
        if operation.is_cancelled or not more:
            return CANCELLED if operation.is_cancelled else SUCCESS, "", count
        log.warning("%s: %d answers were given, and there are %d more: ask for less", operation.peer, count, more)
        # There is no status "success, but not all": saying 0000H would be believed. Standard: PS3.4 section C.4.1.1.4.
        return OUT_OF_RESOURCES, f"only the first {count} matches were given", count


class MissingKey(BadIdentifier):
    """A unique key of a level above is missing, or has no single value."""

    def __init__(self, keyword: str) -> None:
        """Name the key."""
        super().__init__(f"{keyword} must have one value at this level")
        self.keyword = keyword


_LOST = "letters of the name were lost: ask by ID or in Latin letters"


def _offending(error: BadIdentifier) -> Mapping[int, bytes]:
    tag = dictionary.tag_of(error.keyword) if isinstance(error, MissingKey) else None
    if tag is None:
        return {}
    return {OFFENDING_ELEMENT: (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")}


def _plain(error: TolmachError) -> str:
    keyword = error.problem.facts.get("keyword", "")
    return f"{keyword}: too much is asked" if error.code == archive_faults.TOO_LONG.code else f"{keyword}: bad value"


def _has(operation: Operation, feature: int) -> bool:
    return len(operation.extended) > feature and operation.extended[feature] == 1
