"""The acceptor's side of one association: requests in, instances to the sink, answers out.

Nothing of a data set is held in memory: it goes to a spool file as it arrives, up to the object limit.

Standard: PS3.8 section 9.2 (the acceptor's half), PS3.7 sections 9.1.1 and 9.1.5.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from tolmach.adapters.dimse import faults, pdu, pdu_codec
from tolmach.adapters.dimse.acceptance import is_ours
from tolmach.adapters.dimse.command_set import C_ECHO_RQ, C_STORE_RQ, CommandSet, parse_command_set
from tolmach.adapters.dimse.dimse import (
    COMMAND_LIMIT,
    CEchoRequest,
    CEchoResponse,
    Command,
    CStoreRequest,
    CStoreResponse,
    MalformedCommand,
    encode_command,
    parse_command,
)
from tolmach.adapters.dimse.errors import ProtocolViolation
from tolmach.adapters.dimse.part10_meta import encode_file_meta
from tolmach.adapters.dimse.rights import Right
from tolmach.adapters.dimse.spool import Spool, SpoolFile, SpoolFolder
from tolmach.adapters.dimse.status import OUT_OF_RESOURCES, SUCCESS
from tolmach.adapters.dimse.stream import Clock
from tolmach.adapters.dimse.transport import Transport
from tolmach.base import TolmachError


@dataclass(frozen=True, slots=True)
class ReceivedInstance:
    """A whole data set in a Part 10 spool file; not yet safe: syncing and keeping it is the sink's task.

    The data set, byte for byte as it came, begins at `data_set_offset`; `sha256` (hex) is that of the data set alone.
    `peer_name` is the configured name of the caller, empty where everybody may call. `file` is open, complete for other
    readers and positioned at the end. Sync it through `file`; the sink may close it. The file belongs to the SCP and
    disappears after the sink returns, unless the sink has renamed it away.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    calling_ae_title: str
    called_ae_title: str
    peer_host: str
    path: Path
    file: BinaryIO
    data_set_offset: int
    data_set_length: int
    sha256: str
    peer_name: str = ""


# Gives the C-STORE status to answer; 0000H means that the instance is durable. An exception means no answer at all: the
# connection is closed and the peer will send again.
Sink = Callable[[ReceivedInstance], int]


@dataclass(frozen=True, slots=True)
class ReceptionLimits:
    """What one association may take of us."""

    max_pdu_length: int = 1 << 17
    object_limit_bytes: int = 4 << 30
    idle_timeout_seconds: float = 60.0


class Engine(Protocol):
    """Who serves the contexts that are neither Verification nor Storage: ourselves (`Performer`), or `Relay`."""

    contexts: frozenset[int]

    @property
    def is_working(self) -> bool:
        """Whether the peer waits for an answer."""
        ...

    def start(self, outer: Transport, sending: threading.Lock, on_lost: Callable[[], None]) -> None:
        """Serve from now on."""
        ...

    def take_command(self, context_id: int, command: CommandSet) -> None:
        """Take a whole command set."""
        ...

    def take_data(self, fragment: memoryview, *, is_last: bool) -> None:
        """Take a fragment of the data set that belongs to the last command."""
        ...

    def close(self, *, released: bool) -> None:
        """End; returns when no answer can come any more."""
        ...


@dataclass(slots=True)
class Reception:
    """One accepted association, until the peer releases it; `run` is called once."""

    transport: Transport
    request: pdu.AssociateRequest
    accept: pdu.AssociateAccept
    peer_host: str
    peer_name: str
    rights: frozenset[Right]
    spool_folder: SpoolFolder
    sink: Sink
    limits: ReceptionLimits
    clock: Clock
    engines: Sequence[Engine] = ()
    sending: threading.Lock = field(default_factory=threading.Lock)  # held while a message goes out
    _is_within: bool = False  # a message
    _relayed: tuple[int, Engine] | None = None  # the context a data set for an engine is coming on
    _command: bytearray = field(default_factory=bytearray)
    _command_context: int | None = None
    _spool: Spool | None = None
    _spare: SpoolFile | None = None  # for the next instance, made while the peer is busy
    _syntaxes: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def is_busy(self) -> bool:
        """Whether it is in the middle of something that is worth waiting for; any thread may ask."""
        return self._is_within or self._is_worked_for

    @property
    def _is_worked_for(self) -> bool:
        return any(engine.is_working for engine in self.engines)

    def run(self) -> None:
        """Accept the association and serve requests until the peer releases or aborts; no spool file is left behind.

        Raises `ProtocolViolation`, `PeerTimeout`, `AssociationLost`, and `TimeoutError` for a peer that idles too long.
        """
        abstract = {context.context_id: context.abstract_syntax for context in self.request.contexts}
        for result in self.accept.results:
            if result.result == pdu.ACCEPTANCE and is_ours(abstract[result.context_id], self.rights):
                self._syntaxes[result.context_id] = (abstract[result.context_id], result.transfer_syntax)
        released = False
        try:
            self.transport.send([pdu_codec.encode_associate_ac(self.accept)])
            for engine in self.engines:
                engine.start(self.transport, self.sending, self._give_up)
            while self._serve_pdu():
                # What is held is written before the next receive would overwrite it.
                if self._spool is not None and not self.transport.holds_pdu:
                    self._spool.write()
            released = not self.is_busy
        finally:
            self._discard_spool()
            if self._spare is not None:
                self._spare.discard()
            for engine in self.engines:
                engine.close(released=released)

    def _serve_pdu(self) -> bool:
        """Take one PDU; False when the association is over."""
        pdu_type, body = self._read_pdu()
        if pdu_type == pdu.P_DATA_TF:
            try:
                for pdv in pdu_codec.parse_pdvs(body):
                    self._take(pdv)
            except (pdu.MalformedPdu, MalformedCommand) as error:
                raise self._violation(str(error)) from error
            return True
        if pdu_type == pdu.RELEASE_RQ:
            self.transport.send([pdu_codec.encode_release_rp()])
            return False
        if pdu_type == pdu.ABORT:
            return False
        raise self._violation(f"unexpected PDU {pdu_type:02X}H")

    def _read_pdu(self) -> tuple[int, memoryview]:
        """Wait for the next PDU; a peer that waits for our answer is not idle."""
        while True:
            try:
                deadline = self.clock() + self.limits.idle_timeout_seconds
                return self.transport.read_pdu(deadline, self.limits.max_pdu_length)
            except TimeoutError:
                if not self._is_worked_for:
                    raise

    def _take(self, pdv: pdu.Pdv) -> None:
        spool = self._spool
        if spool is not None and not pdv.is_command:
            self._take_data(pdv, spool)
            return
        if not self._is_accepted(pdv.context_id):
            raise self._violation(f"presentation context {pdv.context_id} was not accepted")
        self._is_within = True
        if pdv.is_command:
            self._take_command(pdv)
        elif self._relayed is not None:
            self._relay_data(pdv, *self._relayed)
        else:
            raise self._violation("data without a command")

    def _take_command(self, pdv: pdu.Pdv) -> None:
        is_within = self._spool is not None or self._relayed is not None
        if is_within or self._command_context not in (None, pdv.context_id):
            raise self._violation("a command in the middle of another message")
        self._command_context = pdv.context_id
        self._command += pdv.fragment
        if len(self._command) > COMMAND_LIMIT:
            raise self._violation(f"command set longer than {COMMAND_LIMIT} bytes")
        if not pdv.is_last:
            return
        raw = self._command
        self._command, self._command_context = bytearray(), None
        if not self._relay_command(pdv.context_id, raw):
            self._serve_command(pdv.context_id, raw)

    def _serve_command(self, context_id: int, raw: bytearray) -> None:
        command = parse_command(raw)
        match command:
            case CEchoRequest():
                self._answer(context_id, CEchoResponse(command.message_id, SUCCESS))
            case CStoreRequest():
                self._begin_spool(context_id, command)
            case _:
                raise self._violation("a response that nothing was asked for")

    def _relay_command(self, context_id: int, raw: bytearray) -> bool:
        """Pass a command on to the engine that it is for, if there is one."""
        engine = next((one for one in self.engines if context_id in one.contexts), None)
        if engine is None:
            return False
        command = parse_command_set(raw)
        if context_id in self._syntaxes and command.command_field in (C_STORE_RQ, C_ECHO_RQ):
            return False
        engine.take_command(context_id, command)
        self._is_within = command.has_data_set
        self._relayed = (context_id, engine) if command.has_data_set else None
        return True

    def _relay_data(self, pdv: pdu.Pdv, context_id: int, engine: Engine) -> None:
        if pdv.context_id != context_id:
            raise self._violation("data on another context than their command")
        engine.take_data(pdv.fragment, is_last=pdv.is_last)
        if pdv.is_last:
            self._relayed, self._is_within = None, False

    def _is_accepted(self, context_id: int) -> bool:
        return context_id in self._syntaxes or any(context_id in engine.contexts for engine in self.engines)

    def _begin_spool(self, context_id: int, request: CStoreRequest) -> None:
        abstract_syntax, transfer_syntax = self._syntaxes[context_id]
        if request.sop_class_uid != abstract_syntax:
            raise self._violation("the SOP class is not that of the presentation context")
        meta = encode_file_meta(
            request.sop_class_uid, request.sop_instance_uid, transfer_syntax, self.request.calling_ae_title
        )
        self._spool = Spool(self._make_file, self.spool_folder.scribe, request, context_id, meta)

    def _take_data(self, pdv: pdu.Pdv, spool: Spool) -> None:
        if spool.context_id != pdv.context_id:
            raise self._violation("data on another context than their command")
        spool.hold(pdv.fragment)
        if spool.length > self.limits.object_limit_bytes:
            raise self._violation(f"data set longer than {self.limits.object_limit_bytes} bytes")
        if pdv.is_last:
            self._finish(spool)

    def _finish(self, spool: Spool) -> None:
        received = self._received(spool, spool.finish())
        status = OUT_OF_RESOURCES if received is None else self.sink(received)
        request = spool.request
        comment = (spool.error.strerror or "") if spool.error else ""
        response = CStoreResponse(request.message_id, status, request.sop_class_uid, request.sop_instance_uid, comment)
        self._answer(spool.context_id, response)
        # What the peer need not wait for is done while it makes its next request.
        self._discard_spool()
        if self._spare is None and not self.transport.holds_pdu:
            with suppress(OSError):  # else it is told when a file is needed
                self._spare = self.spool_folder.make_file()

    def _make_file(self) -> SpoolFile:
        spare, self._spare = self._spare, None
        return spare or self.spool_folder.make_file()

    def _received(self, spool: Spool, sha256: str) -> ReceivedInstance | None:
        if spool.error is not None or spool.made is None:
            return None
        return ReceivedInstance(
            sop_class_uid=spool.request.sop_class_uid,
            sop_instance_uid=spool.request.sop_instance_uid,
            transfer_syntax_uid=self._syntaxes[spool.context_id][1],
            calling_ae_title=self.request.calling_ae_title,
            called_ae_title=self.request.called_ae_title,
            peer_host=self.peer_host,
            path=spool.made.path,
            file=spool.made.file,
            data_set_offset=spool.offset,
            data_set_length=spool.length,
            sha256=sha256,
            peer_name=self.peer_name,
        )

    def _discard_spool(self) -> None:
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.discard()

    def _answer(self, context_id: int, command: Command) -> None:
        """Send a response in one write, so that no peer waits for Nagle's algorithm because of us."""
        raw = encode_command(command)
        limit = self.request.user_information.max_pdu_length
        fragment_length = max(limit or len(raw) + pdu.PDV_OVERHEAD, pdu.SMALLEST_PEER_PDU) - pdu.PDV_OVERHEAD & ~1
        buffers: list[pdu.Buffer] = []
        for start in range(0, len(raw), fragment_length):
            fragment = raw[start : start + fragment_length]
            is_last = start + len(fragment) == len(raw)
            buffers.append(pdu_codec.encode_p_data_header(context_id, len(fragment), is_command=True, is_last=is_last))
            buffers.append(fragment)
        with self.sending:
            self.transport.send(buffers)
        self._is_within = False

    def _give_up(self) -> None:
        """End the association from another thread, because who should answer is gone."""
        try:
            with self.sending:
                self.transport.send([pdu_codec.encode_abort(pdu.Abort(pdu.ABORT_BY_PROVIDER))])
        except TolmachError:
            # The peer is gone as well.
            pass
        finally:
            self.transport.shut()

    def _violation(self, detail: str) -> TolmachError:
        peer = f"{self.request.calling_ae_title}@{self.peer_host}"
        return ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=peer, detail=detail)
