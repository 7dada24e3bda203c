"""What `tolmach serve` runs: the port, the journeys of what arrives, and a dispatch for each destination.

Everything here is a thread that can be killed at any moment; what is true is in the data folder alone.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Self

from tolmach.adapters.dimse.commitment import PROCESSING_FAILURE, Failure, Reference
from tolmach.adapters.dimse.provers import outcome_of_report, proof_answers
from tolmach.adapters.dimse.reception import ReceivedInstance
from tolmach.adapters.dimse.status import OUT_OF_RESOURCES, SUCCESS
from tolmach.base import Retryable, TolmachError
from tolmach.delivery.bell import Bell
from tolmach.delivery.dispatch import Dispatch
from tolmach.delivery.interfaces import CommitmentTransactions
from tolmach.intake.interfaces import Provenance, Spooled
from tolmach.intake.receive import Intake
from tolmach.journeys.arrival import ArrivalJourney

log = logging.getLogger(__name__)

BATCH = 256
# Journeys wait for a pause in what arrives: those that end together share a commit, and whoever waits for an
# acknowledgement has the processor. But they do not wait long.
PAUSE_SECONDS, LONGEST_WAIT_SECONDS = 0.05, 1.0
COMPLAIN_SECONDS = 300.0
LOOK_SECONDS = 0.5  # how soon a command of another process is noticed
RETRY_SECONDS = 1.0
KEEP_SECONDS = 15.0  # how often what was learned of devices is kept


class Entrance:
    """What the Storage SCP gives instances to: an answer of success only when they are ours for good (promise 1)."""

    def __init__(self, intake: Intake, arrived: Callable[[], None]) -> None:
        """Tell `arrived` of each instance taken."""
        self._intake, self._arrived = intake, arrived

    def __call__(self, received: ReceivedInstance) -> int:
        """Take one instance and give the C-STORE status to answer."""
        spooled = Spooled(
            path=received.path,
            file=received.file,
            size=received.data_set_offset + received.data_set_length,
            data_set_offset=received.data_set_offset,
            sha256=received.sha256,
            sop_class_uid=received.sop_class_uid,
            sop_instance_uid=received.sop_instance_uid,
            transfer_syntax_uid=received.transfer_syntax_uid,
        )
        provenance = Provenance("dimse", received.peer_name, received.calling_ae_title, received.peer_host)
        try:
            self._intake.accept(spooled, provenance)
        except Retryable as error:
            log.error("%s", error)
            return OUT_OF_RESOURCES
        self._arrived()
        return SUCCESS


class Reports:
    """Takes Storage Commitment reports that come by themselves, and gives each line's proof to its destination."""

    def __init__(
        self, transactions: CommitmentTransactions, dispatches: Mapping[str, Dispatch], now: Callable[[], datetime]
    ) -> None:
        """Find destinations by their names when a report comes."""
        self._transactions, self._dispatches, self._now = transactions, dispatches, now

    def __call__(self, transaction_uid: str, stored: Sequence[Reference], failed: Sequence[Failure]) -> int:
        """Take one report and give the status to answer; what it says counts once the records know it."""
        there, missing = outcome_of_report(stored, failed)
        answer = self._transactions.answer(transaction_uid, there, missing, self._now())
        dispatch = None if answer is None else self._dispatches.get(answer.destination)
        if answer is None or dispatch is None:
            log.warning("a commitment report about a transaction that nobody began: %s", transaction_uid)
            return PROCESSING_FAILURE
        for proof, line in proof_answers(answer):
            dispatch.answer_proof(proof, line)
        return SUCCESS


class Complaints:
    """Writes a trouble that lasts into the log when it begins, and then now and then: a full disk fills no log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Have written nothing yet; `clock` never goes back."""
        self._clock = clock
        self._code, self._again_at = "", 0.0

    def tell(self, error: TolmachError) -> None:
        """Write what is wrong, unless that was done not long ago."""
        if error.code != self._code or self._clock() >= self._again_at:
            self._code, self._again_at = error.code, self._clock() + COMPLAIN_SECONDS
            log.error("%s", error)

    def end(self) -> None:
        """Say that nothing is wrong now: what comes next is new."""
        self._code = ""


class Walker:
    """Walks the journeys of what has arrived, in a thread of its own."""

    def __init__(self, journey: ArrivalJourney, enqueued: Callable[[], None]) -> None:
        """Tell `enqueued` whenever lines may have come into the outbox."""
        self._journey, self._enqueued = journey, enqueued
        self._walking = threading.Lock()
        self._complaints = Complaints()
        self._hurried = threading.Event()
        self.bell = Bell()

    def hurry(self) -> None:
        """Walk what has arrived by now at once, for somebody waits for it. Any thread may call."""
        self._hurried.set()
        self.bell.ring()

    def change(self, journey: ArrivalJourney) -> None:
        """Walk otherwise from now on; returns when what was being walked has come to its end. Any thread may call."""
        with self._walking:
            self._journey = journey

    def run(self) -> None:
        """Walk until the bell says stop; trouble with the disk or the records is waited out."""
        while not self.bell.stopped:
            self._hurried.clear()
            try:
                with self._walking:
                    walked = self._journey.advance(BATCH)
            except TolmachError as error:
                self._complaints.tell(error)
                self.bell.pause(RETRY_SECONDS)
                continue
            self._complaints.end()
            if walked:
                self._enqueued()
            if walked < BATCH and self.bell.sleep(RETRY_SECONDS):
                self._await_pause()

    def _await_pause(self) -> None:
        """Wait until nothing has arrived for a moment, or for as long as anybody may be made to wait."""
        until = time.monotonic() + LONGEST_WAIT_SECONDS
        while time.monotonic() < until and not self.bell.stopped:
            if self._hurried.wait(PAUSE_SECONDS) or not self.bell.sleep(0):
                return


@dataclass(slots=True)
class Chore:
    """Something small that is done again and again, so often."""

    do: Callable[[], None]
    every_seconds: float
    due_at: float = 0.0
    complaints: Complaints = field(default_factory=Complaints)


@dataclass(slots=True)
class Keeper:
    """Does the chores, in a thread of its own; one that fails is tried again next time."""

    chores: list[Chore]
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Work until stopped."""
        while not self.stopping.wait(LOOK_SECONDS):
            for chore in self.chores:
                if time.monotonic() >= chore.due_at:
                    chore.due_at = time.monotonic() + chore.every_seconds
                    try:
                        chore.do()
                    except TolmachError as error:
                        chore.complaints.tell(error)
                    else:
                        chore.complaints.end()


class Running:
    """Parts started in order and stopped in the reverse one; used with `with`."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._stack = ExitStack()

    def thread(self, run: Callable[[], None], name: str, stop: Callable[[], None], seconds: float = 5.0) -> None:
        """Run a loop in a thread until `stop` makes it end, for which it has so many seconds."""
        thread = threading.Thread(target=_kept_running(run, name), name=name, daemon=True)
        thread.start()

        def end() -> None:
            stop()
            thread.join(seconds)

        self._stack.callback(end)

    def at_end(self, do: Callable[[], object]) -> None:
        """Do this when everything that is started later has been stopped."""
        self._stack.callback(do)

    def close(self) -> None:
        """Stop everything now; may be repeated."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _kept_running(run: Callable[[], None], name: str) -> Callable[[], None]:
    """Give a loop that begins anew when an error nobody foresaw has ended it."""

    def keep() -> None:
        while True:
            try:
                run()
            except Exception:
                # A supervisor: whatever went wrong with one item, the others wait for this thread.
                log.exception("%s failed and is started again", name)
                time.sleep(RETRY_SECONDS)
            else:
                return

    return keep


class Orders:
    """What the system tells a running program by signals: to stop, or to read its configuration anew."""

    def __init__(self) -> None:
        """Wait for orders."""
        self._told = threading.Event()
        self.stopping = False
        self._reloading = False

    def stop(self) -> None:
        """Tell it to stop; any thread may call."""
        self.stopping = True
        self._told.set()

    def reload(self) -> None:
        """Tell it to read the configuration anew; any thread may call."""
        self._reloading = True
        self._told.set()

    def wait(self) -> bool:
        """Wait until told something; True when the configuration is to be read anew, False when it is time to stop."""
        while not self.stopping:
            if self._reloading:
                self._reloading = False
                return True
            self._told.wait(1.0)  # in slices: on Windows a wait without an end does not hear Ctrl-C
            self._told.clear()
        return False


@contextmanager
def orders_by_signal() -> Iterator[Orders]:
    """Give what SIGTERM, SIGINT, Ctrl-Break on Windows and SIGHUP elsewhere tell, until the block ends."""
    import signal

    orders = Orders()
    meaning = {"SIGTERM": orders.stop, "SIGINT": orders.stop, "SIGBREAK": orders.stop, "SIGHUP": orders.reload}
    before = {
        number: signal.signal(number, partial(_obey, order))
        for name, order in meaning.items()
        if (number := getattr(signal, name, None)) is not None
    }
    try:
        yield orders
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _obey(order: Callable[[], None], *_: object) -> None:
    order()
