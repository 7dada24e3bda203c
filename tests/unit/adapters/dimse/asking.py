"""Asking an SCP of ours the way a test likes: identifiers made byte by byte, messages by our own calling side."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any

from pydicom import Dataset
from pydicom.filereader import read_dataset

from tests.builders import EXPLICIT, IMPLICIT, Form, even
from tolmach.adapters.dimse import Association, PeerAddress, PresentationContext
from tolmach.adapters.dimse.command_set import (
    AFFECTED_SOP_CLASS_UID,
    C_CANCEL_RQ,
    C_FIND_RQ,
    C_MOVE_RQ,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    MESSAGE_ID,
    MESSAGE_ID_BEING_RESPONDED_TO,
    MOVE_DESTINATION,
    PRIORITY,
    STATUS,
    CommandSet,
    Value,
)
from tolmach.adapters.dimse.pdu import RoleSelection
from tolmach.dicom import dictionary, uids

STUDY_FIND = uids.StudyRootQueryRetrieveInformationModelFind
PATIENT_FIND = uids.PatientRootQueryRetrieveInformationModelFind
STUDY_MOVE = uids.StudyRootQueryRetrieveInformationModelMove
PATIENT_MOVE = uids.PatientRootQueryRetrieveInformationModelMove
STUDY_GET = uids.StudyRootQueryRetrieveInformationModelGet
LE, IMPLICIT_LE = uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian

Key = str | bytes


def identifier(keys: Mapping[str | int, Key], form: Form = EXPLICIT, label: str | None = None) -> bytes:
    """Give an identifier: text stands as UTF-8, bytes as they are; an int is a tag nobody knows."""
    known: list[tuple[int, str, bytes]] = []
    if label is not None:
        known.append((0x00080005, "CS", even(label.encode())))
    for name, value in keys.items():
        tag = name if isinstance(name, int) else dictionary.tag_of(name)
        assert tag is not None, name
        vr = "LO" if isinstance(name, int) else dictionary.vr_of(tag)
        raw = value.encode() if isinstance(value, str) else value
        if vr == "US" and raw:
            raw = struct.pack("<H", int(raw))
        known.append((tag, vr, even(raw, b"\0" if vr == "UI" else b" ")))
    return b"".join(form.element(*one) for one in sorted(known))


@dataclass
class Heard:
    """What was answered to one request: the data sets of pending responses, and the final one."""

    status: int = -1
    final: CommandSet = field(default_factory=CommandSet)
    raws: list[bytes] = field(default_factory=list)
    read: Callable[[bytes], Dataset] = lambda _raw: Dataset()
    pending: list[CommandSet] = field(default_factory=list)
    final_data: bytes = b""

    @cached_property
    def answers(self) -> list[Dataset]:
        """The answers as pydicom reads them, when somebody looks: that takes longer than to be given them."""
        return [self.read(raw) for raw in self.raws]

    @property
    def comment(self) -> str:
        return self.final.text(0x0902)

    def values(self, keyword: str) -> list[Any]:
        return [str(answer.get(keyword, "")) for answer in self.answers]


class Asker:
    """An association with an SCP, to ask over."""

    def __init__(
        self,
        port: int,
        classes: Sequence[str],
        *,
        calling: str = "ASKER",
        syntax: str = LE,
        extended: Sequence[tuple[str, bytes]] = (),
        roles: Sequence[RoleSelection] = (),
        called: str = "TOLMACH",
    ) -> None:
        self.form = EXPLICIT if syntax == LE else IMPLICIT
        self.contexts = [PresentationContext(2 * number + 1, uid, (syntax,)) for number, uid in enumerate(classes)]
        self.assoc = Association.open(
            PeerAddress(called, "127.0.0.1", port), self.contexts, calling, roles=roles, extended=extended
        )

    def ask(self, sop_class: str, command: int, data: bytes, *, stop_after: int | None = None, **more: Value) -> Heard:
        """Send a request and hear it to its end; `stop_after` so many pending responses it is cancelled."""
        message_id = self.begin(sop_class, command, data, **more)
        heard = Heard(read=self.data_set)
        while True:
            message = self.assoc.await_message()
            assert message.command.message_id == message_id
            if message.command.is_final:
                heard.status, heard.final, heard.final_data = (
                    message.command.number(STATUS),
                    message.command,
                    message.data,
                )
                return heard
            heard.pending.append(message.command)
            if message.data:
                heard.raws.append(message.data)
            if stop_after is not None and len(heard.pending) == stop_after:
                self.cancel(sop_class, message_id)

    def begin(self, sop_class: str, command: int, data: bytes, **more: Value) -> int:
        """Send a request and give its Message ID."""
        message_id = self.assoc.next_message_id()
        values: dict[int, Value] = {
            AFFECTED_SOP_CLASS_UID: sop_class,
            COMMAND_FIELD: command,
            MESSAGE_ID: message_id,
            PRIORITY: 0,
            COMMAND_DATA_SET_TYPE: 1,
        }
        if "destination" in more:
            values[MOVE_DESTINATION] = more["destination"]
        self.assoc.send_message(self.context_of(sop_class), CommandSet(values), data)
        return message_id

    def cancel(self, sop_class: str, message_id: int) -> None:
        command = {
            COMMAND_FIELD: C_CANCEL_RQ,
            MESSAGE_ID_BEING_RESPONDED_TO: message_id,
            COMMAND_DATA_SET_TYPE: 0x0101,
        }
        self.assoc.send_message(self.context_of(sop_class), CommandSet(command))

    def find(
        self,
        keys: Mapping[str | int, Key],
        *,
        label: str | None = None,
        sop_class: str = STUDY_FIND,
        stop_after: int | None = None,
    ) -> Heard:
        data = identifier(keys, self.form, label)
        return self.ask(sop_class, C_FIND_RQ, data, stop_after=stop_after)

    def move(
        self,
        keys: Mapping[str | int, Key],
        destination: str,
        *,
        sop_class: str = STUDY_MOVE,
        stop_after: int | None = None,
    ) -> Heard:
        data = identifier(keys, self.form)
        return self.ask(sop_class, C_MOVE_RQ, data, destination=destination, stop_after=stop_after)

    def context_of(self, sop_class: str) -> int:
        return next(one.context_id for one in self.contexts if one.abstract_syntax == sop_class)

    def data_set(self, raw: bytes) -> Dataset:
        """Read an answer as pydicom does, so that our own reader is not its own judge."""
        is_implicit = self.form is IMPLICIT
        ds = read_dataset(BytesIO(raw), is_implicit_VR=is_implicit, is_little_endian=True)
        ds.decode()
        return ds

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.assoc.release()
        else:
            self.assoc.abort()
