"""One object's path through one program: from a sender that is not the product's to a peer that is not either."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults import plainwire as wire
from tests.faults.children import PeerChild
from tests.faults.journal import Journal
from tests.faults.judging import StoredFiles, Unsettled, expected_of, gather, judge, kept_by, settle
from tests.faults.peermodes import Mode
from tests.faults.sample_objects import sample
from tests.faults.serving import AE_TITLE, Destination, Serve, Setup

SEED, NUMBER = 5, 1  # an odd number: its text is repaired, so that the delta is part of the path
ANSWER_SECONDS = 10.0
QUIET_SECONDS = 0.3
CONTEXTS = (wire.Proposed(1, wire.CT_IMAGE, [wire.EXPLICIT_LE]),)
COMMAND: wire.Command = {wire.FIELD: wire.C_STORE, wire.PRIORITY: 0, wire.SOP_CLASS: wire.CT_IMAGE}


@dataclass
class ObjectPath:
    """A program that runs, its only destination, and the journal of what was answered to the sender."""

    folder: Path
    serve: Serve
    peer: PeerChild
    answered: Path
    acknowledged: bool = False

    def send(self) -> int | None:
        """Send the object once; gives the status, None when no answer came, and writes down an acknowledgement."""
        made = sample(SEED, NUMBER)
        try:
            calling = wire.call(self.serve.port, AE_TITLE, "FEEDER", CONTEXTS, seconds=ANSWER_SECONDS)
        except (OSError, wire.Gone):
            return None
        try:
            answer = calling.request(1, {**COMMAND, wire.INSTANCE: made.sop_instance_uid}, made.data_set)
            calling.release()
        except (OSError, wire.Gone):
            return None
        finally:
            calling.line.close()
        status = int(answer.command[wire.STATUS])
        with closing(Journal(self.answered)) as journal:
            journal.write({"uid": made.sop_instance_uid, "sha256": made.sha256, "status": status, "at": time.time()})
        self.acknowledged |= status == 0
        return status

    def send_until_taken(self, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not self.acknowledged:
            if time.monotonic() > deadline:
                raise Unsettled(f"the object is not taken; serve said:\n{self.serve.said()}")
            if self.send() != 0:
                time.sleep(0.05)

    def leave_work(self) -> None:
        """Take one object that cannot be delivered yet, begin to receive another, and be killed."""
        self.peer.become(Mode("refuse"))
        self.send_until_taken()
        other = sample(SEED, NUMBER + 2)
        calling = wire.call(self.serve.port, AE_TITLE, "FEEDER", CONTEXTS, seconds=ANSWER_SECONDS)
        command = {**COMMAND, wire.INSTANCE: other.sop_instance_uid, wire.MESSAGE_ID: 1, wire.DATA_SET_TYPE: 0}
        whole = wire.message_bytes(1, command, other.data_set, calling.max_length)
        calling.line.send(whole[: len(whole) // 2])
        time.sleep(QUIET_SECONDS)
        self.serve.kill()
        calling.line.close()
        self.peer.become(Mode())

    def await_ready(self, seconds: float) -> None:
        """Return when the program answers, or is gone."""
        deadline = time.monotonic() + seconds
        while self.serve.runs and not self.serve.answers() and time.monotonic() < deadline:
            time.sleep(0.01)

    def await_arrival(self, seconds: float) -> None:
        """Return when the peer kept the object and nothing more is to be written, or the program is gone."""
        deadline = time.monotonic() + seconds
        while self.serve.runs and not kept_by(self.peer) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(QUIET_SECONDS)

    def problems(self) -> list[str]:
        audit = settle(self.serve, seconds=30)
        verdict = judge(
            gather(
                self.serve,
                [self.answered],
                {"a": self.peer},
                StoredFiles(self.serve.setup.data_dir),
                expected_of(SEED),
                audit=audit,
            )
        )
        return verdict.problems


@contextmanager
def path(folder: Path, *, delivers: bool = True) -> Iterator[ObjectPath]:
    """Give a program that runs on a new data folder; everything is gone afterwards."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        peer = stack.enter_context(closing(PeerChild(folder, "a")))
        serve = Serve(Setup(folder, folder / "data", [Destination("a", peer.port)] if delivers else []))
        stack.callback(serve.kill)
        serve.first_start()
        yield ObjectPath(folder, serve, peer, folder / "answered.jsonl")
