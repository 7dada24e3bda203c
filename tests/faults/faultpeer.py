"""A Storage SCP that fails in the way it is told, and remembers the sha256 of every data set that it really kept.

It is a process of its own: JSON lines on stdin change the mode ({"mode": {"name": "stall", "seconds": 9}}) or ask
({"tally": true}), answers come on stdout, and it ends when stdin does. Its word about what it kept is a synced journal.

    python -m tests.faults.faultpeer --port 11113 --journal kept.jsonl
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults import plainwire as wire
from tests.faults.journal import Journal, read_journal
from tests.faults.peermodes import Mode, Tally, Turn, decide
from tests.faults.sample_objects import sha256

REJECTED = wire.pdu(wire.RJ, bytes((0, 1, 1, 1)))
ABORTED = wire.pdu(wire.ABORT, bytes((0, 0, 2, 0)))
RELEASED = wire.pdu(wire.RELEASE_RP, bytes(4))
IDLE_SECONDS = 600.0
SLOW_CHUNK = 256


class Peer:
    """The peer: a listener that may be deaf, a mode, and what was kept."""

    def __init__(self, port: int, journal: Path, ae_title: str = "PEER") -> None:
        self.ae_title = ae_title
        self.mode = Mode()
        self.tally = Tally()
        self.kept: dict[str, str] = {entry["uid"]: entry["sha256"] for entry in read_journal(journal)[0]}
        self._journal = Journal(journal)
        self._lock = threading.Lock()
        self._heard = threading.Condition()
        self._listener = _bound(port)
        self._listens = False
        self.port: int = self._listener.getsockname()[1]

    def _fail(self) -> None:
        """Note that somebody has met with the fault, so that nobody believes in a test that never hurt."""
        with self._lock:
            self.tally.faults += 1

    # Control ----------------------------------------------------------------------------------------------------------

    def become(self, mode: Mode) -> None:
        """Change the mode for everything that begins from now on."""
        with self._heard:
            self.mode = mode
            listens = mode.name != "refuse"
            if listens and not self._listens:
                self._listener.listen(128)
            elif self._listens and not listens:
                # A listening socket that is shut down refuses and keeps its port (Linux).
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listens = listens
            self._heard.notify_all()

    def accept_for_ever(self) -> None:
        while True:
            with self._heard:
                self._heard.wait_for(lambda: self._listens)
            try:
                sock, _address = self._listener.accept()
            except OSError:  # deaf by now
                continue
            with self._lock:
                self.tally.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    # One association --------------------------------------------------------------------------------------------------

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(IDLE_SECONDS)
        line = wire.Line(sock)
        try:
            if self.mode.name == "blackhole":
                self._fail()
                time.sleep(IDLE_SECONDS)
            elif request := self._greet(line):
                while self._answer_one(line, request):
                    pass
        except (wire.Gone, OSError) as error:
            with self._lock:
                self.tally.errors = [*self.tally.errors[-9:], f"{type(error).__name__}: {error}"]
        finally:
            line.close()

    def _greet(self, line: wire.Line) -> wire.Request | None:
        kind, body = line.read_pdu()
        if kind != wire.RQ:
            raise wire.Gone("no A-ASSOCIATE-RQ came")
        request = wire.parse_rq(body)
        if self.mode.name in ("reject", "no_context"):
            self._fail()
        if self.mode.name == "reject":
            line.send(REJECTED)
            return None
        result = 3 if self.mode.name == "no_context" else 0
        line.send(
            wire.associate_ac(request, {one.context_id: (result, one.transfer_syntaxes[0]) for one in request.contexts})
        )
        with self._lock:
            self.tally.associations += 1
        return request

    def _answer_one(self, line: wire.Line, request: wire.Request) -> bool:
        """Take one message and answer it; False when the association is over."""
        mode = self.mode
        if mode.name == "slow":
            self._fail()
            line.chunk = SLOW_CHUNK
            line.on_chunk = lambda count: time.sleep(count / mode.bytes_per_second)
        else:
            line.chunk, line.on_chunk = 1 << 18, lambda count: None
        message = wire.read_message(line, lambda: self._on_pdu(line))
        if message is None:
            if self.mode.name == "drop_release":
                self._fail()
                time.sleep(IDLE_SECONDS)
            line.send(RELEASED)
            return False
        field = message.command[wire.FIELD]
        if field == wire.C_STORE:
            return self._store(line, message, request.max_length)
        if field == wire.C_FIND:
            self._find(line, message, request.max_length)
        elif field == wire.N_ACTION:
            return self._commit(line, message, request)
        elif field == wire.C_ECHO:
            with self._lock:
                self.tally.echoes += 1
            line.send(wire.message_bytes(message.context_id, wire.answer_to(message.command, 0)))
        else:
            raise wire.Gone(f"nobody asked for command {field}")
        return True

    def _on_pdu(self, line: wire.Line) -> None:
        if self.mode.name == "abort" and line.data_pdus >= self.mode.pdu:
            self._fail()
            line.send(ABORTED)
            raise wire.Gone("aborted as told")
        if self.mode.name == "cut_reading":
            self._fail()
            line.reset()
            raise wire.Gone("cut as told")

    # What it does with messages ---------------------------------------------------------------------------------------

    def _store(self, line: wire.Line, message: wire.Message, max_length: int) -> bool:
        uid = str(message.command[wire.INSTANCE])
        with self._lock:
            self.tally.received += 1
            turn = decide(self.mode, self.tally.received)
            self.tally.faults += turn != Turn()
        if turn.keeps:
            self._keep(uid, sha256(message.data))
        time.sleep(turn.wait_seconds)
        answer = wire.answer_to(message.command, turn.status)
        if turn.wrong_id:
            answer[wire.ANSWERED_ID] = int(answer[wire.ANSWERED_ID]) ^ 0x5555
        if turn.wrong_uid:
            answer[wire.INSTANCE] = uid[:-1] + str((int(uid[-1]) + 1) % 10)
        return self._send_answer(line, wire.message_bytes(message.context_id, answer, b"", max_length), turn)

    def _send_answer(self, line: wire.Line, whole: bytes, turn: Turn) -> bool:
        if turn.leaves == "half":
            line.send(whole[: len(whole) // 2])
            return False
        line.send(whole * 2 if turn.leaves == "twice" else whole)
        if turn.leaves == "then_gone":
            line.reset()
            return False
        return True

    def _keep(self, uid: str, digest: str) -> None:
        self._journal.write({"uid": uid, "sha256": digest, "at": time.time()})
        with self._lock:
            self.tally.kept += 1
            self.tally.kept_again += uid in self.kept
            self.kept[uid] = digest

    def _find(self, line: wire.Line, message: wire.Message, max_length: int) -> None:
        from tests.faults.peeranswers import found_answer  # pydicom takes its time; a peer starts often

        with self._lock:
            self.tally.finds += 1
            kept = dict(self.kept)
        line.send(found_answer(message, kept, max_length))

    def _commit(self, line: wire.Line, message: wire.Message, request: wire.Request) -> bool:
        from tests.faults.peeranswers import commit_answers, event_report

        with self._lock:
            self.tally.commitments += 1
            self.tally.faults += self.mode.name == "commitment_no"
            kept = {} if self.mode.name == "commitment_no" else dict(self.kept)
        response, report = commit_answers(message, kept)
        line.send(response)
        if self.mode.report_port:
            threading.Thread(target=self._call_back, args=(request.calling, report), daemon=True).start()
            return True
        line.send(event_report(message.context_id, report, request.max_length))
        return wire.read_message(line) is not None

    def _call_back(self, called: str, report: tuple[wire.Command, bytes]) -> None:
        context = wire.Proposed(1, wire.COMMITMENT, [wire.IMPLICIT_LE])
        try:
            calling = wire.call(self.mode.report_port, called, self.ae_title, [context])
            calling.request(1, *report)
            calling.release()
        except (wire.Gone, OSError) as error:
            with self._lock:
                self.tally.errors.append(f"report not delivered: {error}")


def _bound(port: int) -> socket.socket:
    """Bind by number: only then does Linux keep the port for a listener that is shut down."""
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as chosen:
            port = chosen.getsockname()[1]
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


def _obey(peer: Peer, order: dict[str, Any]) -> dict[str, Any]:
    if "mode" in order:
        peer.become(Mode.parse(order["mode"]))
    return {"tally": asdict(peer.tally)} if order.get("tally") else {"ok": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--ae-title", default="PEER")
    parser.add_argument("--mode", type=json.loads, default={})
    arguments = parser.parse_args()
    peer = Peer(arguments.port, arguments.journal, arguments.ae_title)
    peer.become(Mode.parse(arguments.mode))
    threading.Thread(target=peer.accept_for_ever, daemon=True).start()
    print(json.dumps({"port": peer.port}), flush=True)
    for order in sys.stdin:
        print(json.dumps(_obey(peer, json.loads(order))), flush=True)


if __name__ == "__main__":
    main()
