"""The workers of one destination, started and stopped together: its lanes, its ledger, its proof."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from tolmach.delivery.interfaces import Claimed, ProofAnswer, Prover, Sender
from tolmach.delivery.lane import Lane
from tolmach.delivery.outlet import Outlet
from tolmach.delivery.proof_lane import ProofLane

SECONDS_TO_STOP = 5.0


class Dispatch:
    """Delivers what the outbox holds for one destination until it is stopped; for one start."""

    def __init__(self, outlet: Outlet, senders: Sequence[Sender], owner: str, prover: Prover | None = None) -> None:
        """Make a lane of each sender. `owner` names this process in the leases; lanes add their number to it."""
        self.outlet = outlet
        self._lanes = [Lane(outlet, sender, f"{owner}/{number}") for number, sender in enumerate(senders, 1)]
        self._proof_lane = None if prover is None else ProofLane(outlet, prover)
        self._ledger_thread = self._thread(outlet.ledger.run, "ledger")
        self._threads = [self._thread(lane.run, str(number)) for number, lane in enumerate(self._lanes, 1)]
        if self._proof_lane is not None:
            self._threads.append(self._thread(self._proof_lane.run, "proof"))

    def _thread(self, run: Callable[[], None], name: str) -> threading.Thread:
        # A peer that keeps a lane waiting must not keep the program from ending: what it holds is sent again.
        return threading.Thread(target=run, name=f"delivery/{self.outlet.destination}/{name}", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._ledger_thread.start()
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Say that something was enqueued or released; any thread may call, as often as it likes."""
        self.outlet.bell.ring()

    def answer_proof(self, answer: ProofAnswer, line: Claimed) -> None:
        """Take an answer about proof that came by itself; any thread may call, and repeat it."""
        if self._proof_lane is not None:
            self._proof_lane.answer(answer, line)

    def stop(self, seconds: float = SECONDS_TO_STOP) -> bool:
        """Stop within about so many seconds, and give whether every lane came to its end.

        What was tried is written; a lane that waits for its peer longer than that leaves its lines to their leases.
        """
        deadline = self.outlet.timing.monotonic() + seconds
        self.outlet.bell.stop()
        self.outlet.proof_bell.stop()
        for thread in self._threads:
            thread.join(max(0.0, deadline - self.outlet.timing.monotonic()))
        self.outlet.ledger.stop()
        self._ledger_thread.join(max(0.5, deadline - self.outlet.timing.monotonic()))
        return not any(thread.is_alive() for thread in (*self._threads, self._ledger_thread))
