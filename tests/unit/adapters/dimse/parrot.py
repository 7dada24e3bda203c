"""A scripted peer: it listens on a free port and does exactly what the test tells it, in a thread of its own."""

import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tolmach.adapters.dimse import PeerAddress, pdu, pdu_codec
from tolmach.adapters.dimse.dimse import Command, CStoreRequest, CStoreResponse, encode_command, parse_command
from tolmach.adapters.dimse.pdu import AssociateAccept, AssociateRequest, ContextResult, UserInformation

SECONDS = 60.0  # a ceiling, never waited for when all is well


class Line:
    """The parrot's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(SECONDS)
        self.sock = sock
        self.request: AssociateRequest | None = None
        self.data_sets: list[bytes] = []

    def exactly(self, length: int) -> bytes:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            received = self.sock.recv_into(view)
            if not received:
                raise EOFError
            view = view[received:]
        return bytes(data)

    def hear(self) -> tuple[int, bytes]:
        pdu_type, length = struct.unpack(">BxL", self.exactly(6))
        return pdu_type, self.exactly(length)

    def say(self, raw: bytes) -> None:
        self.sock.sendall(raw)

    def hear_request(self) -> AssociateRequest:
        pdu_type, body = self.hear()
        assert pdu_type == pdu.ASSOCIATE_RQ
        self.request = pdu_codec.parse_associate_rq(body)
        return self.request

    def accept(self, max_pdu_length: int = 16384, results: dict[int, int] | None = None) -> None:
        request = self.hear_request()
        answers = tuple(
            ContextResult(c.context_id, (results or {}).get(c.context_id, 0), c.transfer_syntaxes[0])
            for c in request.contexts
        )
        accept = AssociateAccept("X", "Y", answers, UserInformation(max_pdu_length))
        self.say(pdu_codec.encode_associate_ac(accept))

    def hear_message(self) -> tuple[int, Command, bytes]:
        """Give context id, command and data set of the next message."""
        raw, data, done = b"", bytearray(), False
        command: Command | None = None
        context_id = 0
        while not done:
            pdu_type, body = self.hear()
            assert pdu_type == pdu.P_DATA_TF, pdu_type
            for pdv in pdu_codec.parse_pdvs(body):
                context_id = pdv.context_id
                if pdv.is_command:
                    raw += pdv.fragment
                    if pdv.is_last:
                        command = parse_command(raw)
                        done = not isinstance(command, CStoreRequest)
                else:
                    data += pdv.fragment
                    done = pdv.is_last
        assert command is not None
        if isinstance(command, CStoreRequest):
            self.data_sets.append(bytes(data))
        return context_id, command, bytes(data)

    def answer(self, context_id: int, command: Command) -> None:
        raw = encode_command(command)
        self.say(pdu_codec.encode_p_data_header(context_id, len(raw), is_command=True, is_last=True) + raw)

    def serve(self, status: int = 0) -> None:
        """Accept, then answer every C-STORE with this status until the release."""
        self.accept()
        self.serve_stores(status)

    def serve_stores(self, status: int = 0) -> None:
        while True:
            first = self.sock.recv(1, socket.MSG_PEEK)
            if first != bytes([pdu.P_DATA_TF]):
                break
            context_id, command, _ = self.hear_message()
            assert isinstance(command, CStoreRequest)
            reply = CStoreResponse(command.message_id, status, command.sop_class_uid, command.sop_instance_uid)
            self.answer(context_id, reply)
        self.release()

    def release(self) -> None:
        pdu_type, _ = self.hear()
        assert pdu_type == pdu.RELEASE_RQ
        self.say(pdu_codec.encode_release_rp())

    def wait_for_close(self) -> bytes:
        """Give what the other side still sends until it closes or resets."""
        rest = b""
        try:
            while more := self.sock.recv(1 << 16):
                rest += more
        except ConnectionError:
            pass
        return rest


Script = Callable[[Line], object]


class Parrot:
    """Run a script for one connection; an assertion that fails there fails the test at the end of the `with`."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(SECONDS)
        self._address = PeerAddress("PARROT", "127.0.0.1", self._listener.getsockname()[1])
        self.result: object = None
        self.failure: BaseException | None = None
        self.line: Line | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def address(self) -> PeerAddress:
        return self._address

    def close(self) -> None:
        """Stop listening without having run."""
        self._listener.close()

    def _run(self) -> None:
        try:
            sock, _ = self._listener.accept()
            with sock:
                self.line = Line(sock)
                self.result = self._script(self.line)
        except (AssertionError, EOFError, OSError, ValueError) as error:
            self.failure = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.join(SECONDS)
        self._listener.close()
        if kind is None:
            assert not self._thread.is_alive(), "the scripted peer still waits"
            if self.failure is not None:
                raise self.failure
