"""C-FIND as SCU: what does the peer hold. Answers come one by one, and their number is bounded.

Standard: PS3.4 annex C (Query/Retrieve, sections C.2.2.2.2 list of UID matching and C.4.1), PS3.7 section 9.1.2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.association import Association
from tolmach.adapters.dimse.command_set import (
    AFFECTED_SOP_CLASS_UID,
    C_CANCEL_RQ,
    C_FIND_RQ,
    C_FIND_RSP,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    DATA_SET_FOLLOWS,
    MESSAGE_ID,
    MESSAGE_ID_BEING_RESPONDED_TO,
    NO_DATA_SET,
    PENDING,
    PRIORITY,
    STATUS,
    CommandSet,
)
from tolmach.adapters.dimse.errors import ServiceFailedForNow, ServiceRefused
from tolmach.adapters.dimse.message_data import MESSAGE_SYNTAXES, element_of, encoding_of, parse_message_data, uid_in
from tolmach.adapters.dimse.message_scu import accepted_context, failure, unexpected
from tolmach.adapters.dimse.pdu import PresentationContext
from tolmach.adapters.dimse.status import SUCCESS
from tolmach.dicom import uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import Damaged
from tolmach.dicom.scanner import Encoding

QUERY_CONTEXT = PresentationContext(1, uids.StudyRootQueryRetrieveInformationModelFind, MESSAGE_SYNTAXES)
ANSWERS_AT_MOST = 10_000
ANSWER_LIMIT = 1 << 20  # bytes of one answer
AFTER_CANCEL_AT_MOST = 1000  # answers on their way when we have heard enough
UIDS_AT_ONCE = 100  # a list longer than this is more than some archives read

CANCELLED = 0xFE00
MEDIUM = 0

# Elements of an identifier: keyword and value in ASCII, in the order of their tags; or what writes them (`query_keys`).
Keys = Sequence[tuple[str, str]]
WriteKeys = Callable[[Encoding], bytes]


class Find:
    """One C-FIND on an open association: iterate over the answers; `is_cut` says that there would have been more."""

    def __init__(
        self,
        assoc: Association,
        keys: Keys | WriteKeys,
        sop_class_uid: str = uids.StudyRootQueryRetrieveInformationModelFind,
        limit: int = ANSWERS_AT_MOST,
    ) -> None:
        """Prepare; nothing is sent before the first answer is asked for."""
        self._assoc = assoc
        self._keys = keys
        self._sop_class_uid = sop_class_uid
        self._limit = limit
        self.is_cut = False

    def __iter__(self) -> Iterator[DataSet]:
        """Ask, and give what was found; beyond the limit the peer is told to stop. Answers not taken are cancelled too.

        Raises `ContextNotAccepted`, `ServiceFailedForNow`, `ServiceRefused`, and what ends an association.
        """
        context_id, syntax = accepted_context(self._assoc, self._sop_class_uid)
        message_id = self._assoc.next_message_id()
        command = CommandSet(
            {
                AFFECTED_SOP_CLASS_UID: self._sop_class_uid,
                COMMAND_FIELD: C_FIND_RQ,
                MESSAGE_ID: message_id,
                PRIORITY: MEDIUM,
                COMMAND_DATA_SET_TYPE: DATA_SET_FOLLOWS,
            }
        )
        encoding = encoding_of(syntax)
        identifier = self._keys(encoding) if callable(self._keys) else _identifier(self._keys, encoding)
        self._assoc.send_message(context_id, command, identifier)
        count = 0
        is_over = False
        try:
            while (answer := self._answer(message_id, syntax)) is not None:
                count += 1
                if count > self._limit:
                    self.is_cut = True
                    break
                yield answer
            else:
                is_over = True
        except GeneratorExit:
            self._cancel(context_id, message_id)
            raise
        if not is_over:
            self._cancel(context_id, message_id)

    def _answer(self, message_id: int, syntax: str) -> DataSet | None:
        """Give the next answer; None after the last. Answers that cannot be read are left out."""
        while True:
            message = self._assoc.await_message(data_limit=ANSWER_LIMIT)
            command = message.command
            if command.command_field != C_FIND_RSP or command.message_id != message_id:
                raise unexpected(self._assoc, command)
            status = command.number(STATUS)
            if status in (SUCCESS, CANCELLED):
                return None
            if status not in PENDING:
                raise failure(self._assoc, command, faults.QUERY_FAILED)
            try:
                return parse_message_data(message.data, syntax)
            except Damaged:
                continue

    def _cancel(self, context_id: int, message_id: int) -> None:
        """Tell the peer to stop and hear what is on its way; a peer that goes on all the same is left."""
        if not self._assoc.is_open:
            return
        cancel = {
            COMMAND_FIELD: C_CANCEL_RQ,
            MESSAGE_ID_BEING_RESPONDED_TO: message_id,
            COMMAND_DATA_SET_TYPE: NO_DATA_SET,
        }
        self._assoc.send_message(context_id, CommandSet(cancel))
        for _ in range(AFTER_CANCEL_AT_MOST):
            if self._assoc.await_message(data_limit=ANSWER_LIMIT).command.is_final:
                return
        self._assoc.abort()


def find_instances(
    assoc: Association, study_instance_uid: str, series_instance_uid: str, sop_instance_uids: Collection[str]
) -> set[str]:
    """Give those of the instances of one series that the peer finds.

    Asked by lists of UIDs first. Not every archive reads lists, and some read only the first UID of one: for what is
    missing then, the whole series is asked for, as far as the limit goes. Raises as `Find` does, and
    `ServiceFailedForNow` when the series is too long to say who is missing.
    """
    wanted = set(sop_instance_uids)
    found: set[str] = set()
    listed = sorted(wanted)
    for start in range(0, len(listed), UIDS_AT_ONCE):
        some = listed[start : start + UIDS_AT_ONCE]
        there = _find_listed(assoc, study_instance_uid, series_instance_uid, some)
        found |= there
        if not there:
            break
    if wanted - found:
        found |= _find_in_series(assoc, study_instance_uid, series_instance_uid, wanted - found)
    return found


def _find_listed(assoc: Association, study: str, series: str, instances: Sequence[str]) -> set[str]:
    """Give what is found of a list of UIDs; nothing where the peer does not understand lists."""
    try:
        found = {uid_in(answer, "SOPInstanceUID") for answer in Find(assoc, _image_keys(study, series, instances))}
    except (ServiceFailedForNow, ServiceRefused):
        return set()
    return found & set(instances)


def _find_in_series(assoc: Association, study: str, series: str, wanted: set[str]) -> set[str]:
    find = Find(assoc, _image_keys(study, series, ()))
    found = {uid for answer in find if (uid := uid_in(answer, "SOPInstanceUID")) in wanted}
    if find.is_cut and found != wanted:
        raise ServiceFailedForNow(faults.TOO_MANY_ANSWERS, peer=assoc.peer, limit=ANSWERS_AT_MOST)
    return found


def _image_keys(study: str, series: str, instances: Sequence[str]) -> Keys:
    return (
        ("SOPInstanceUID", "\\".join(instances)),
        ("QueryRetrieveLevel", "IMAGE"),
        ("StudyInstanceUID", study),
        ("SeriesInstanceUID", series),
    )


def _identifier(keys: Keys, encoding: Encoding) -> bytes:
    return b"".join(element_of(keyword, value, encoding) for keyword, value in keys)
