"""Sends objects over several associations until told otherwise, and writes down every acknowledgement it got.

It does what a stubborn modality does: what was not acknowledged is sent again, the same bytes under the same UID. Its
journal has a synced line for each answer: {"uid", "sha256", "status", "at"}; status 0 is an acknowledgement. JSON lines
on stdin steer it ({"do": "pause"}, {"do": "go"}, {"tally": true}); it ends when stdin does.

    python -m tests.faults.feeder --port 11112 --called TOLMACH --seed 7 --associations 3 --journal acks.jsonl
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import plainwire as wire
from tests.faults.journal import Journal
from tests.faults.sample_objects import Sample, sample

RETRY_SECONDS = 0.03
BUSY_SECONDS = 0.1
CONTEXTS = (wire.Proposed(1, wire.CT_IMAGE, [wire.EXPLICIT_LE]),)


@dataclass
class Tally:
    acknowledged: int = 0
    refused: int = 0
    broken: int = 0
    sending: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    last_error: str = ""


@dataclass(frozen=True)
class Plan:
    """What to send where; `count` 0 means without end, `per_association` 0 that associations stay open."""

    port: int
    called: str
    calling: str
    seed: int
    first: int
    count: int
    associations: int
    per_association: int
    large_every: int
    size: int
    seconds: float
    rest: float


class Feeder:
    """Shares out the numbers of objects among associations, and takes back what was not acknowledged."""

    def __init__(self, plan: Plan, journal: Path) -> None:
        self.plan = plan
        self.tally = Tally()
        self._journal = Journal(journal)
        self._again: deque[int] = deque()
        self._next = plan.first
        self._turn = threading.Condition()
        self._paused = True

    # Control ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        for _ in range(self.plan.associations):
            threading.Thread(target=self._feed, daemon=True).start()

    def go(self) -> None:
        with self._turn:
            self._paused = False
            self._turn.notify_all()

    def pause(self) -> None:
        """Return when nothing is on its way any more."""
        with self._turn:
            self._paused = True
            self._turn.wait_for(lambda: self.tally.sending == 0)

    def done(self) -> bool:
        with self._turn:
            return bool(self.plan.count) and self.tally.acknowledged >= self.plan.count

    # Feeding ----------------------------------------------------------------------------------------------------------

    def _take(self, *, wait: bool = True) -> int | None:
        """Give the number of the next object to send; without `wait` None when there is none now."""
        with self._turn:
            while self._paused or not (self._again or self._has_more()):
                if not wait:
                    return None
                self._turn.wait()
            self.tally.sending += 1
            if self._again:
                return self._again.popleft()
            self._next += 1
            return self._next - 1

    def _has_more(self) -> bool:
        return not self.plan.count or self._next < self.plan.first + self.plan.count

    def _ended(self, number: int, status: int | None, error: str = "") -> None:
        with self._turn:
            self.tally.sending -= 1
            if status == 0:
                self.tally.acknowledged += 1
            else:
                self._again.append(number)
            if status is None:
                self.tally.broken += 1
                self.tally.last_error = error
            elif status:
                self.tally.refused += 1
                name = f"{status:04X}"
                self.tally.statuses[name] = self.tally.statuses.get(name, 0) + 1
            self._turn.notify_all()

    def _feed(self) -> None:
        while True:
            number = self._take()
            if number is None:
                raise AssertionError("waiting ends with a number")
            self._over_one_association(number)

    def _over_one_association(self, number: int | None) -> None:
        """Send objects, `number` first, until the association breaks, has carried enough, or nothing is left."""
        plan = self.plan
        calling = None
        sent = 0
        try:
            calling = wire.call(plan.port, plan.called, plan.calling, CONTEXTS, seconds=plan.seconds)
            if 1 not in calling.accepted:
                raise wire.Gone("the context was not accepted")
            while number is not None:
                status = self._send(calling, sample(plan.seed, number, large_every=plan.large_every, size=plan.size))
                self._ended(number, status)
                number = None
                sent += 1
                time.sleep(BUSY_SECONDS if status else plan.rest)
                if not plan.per_association or sent < plan.per_association:
                    number = self._take(wait=False)
            calling.release()
        except (wire.Gone, OSError) as error:
            if number is not None:
                self._ended(number, None, f"{type(error).__name__}: {error}")
            if calling is not None:
                calling.line.close()
            time.sleep(RETRY_SECONDS)

    def _send(self, calling: wire.Calling, made: Sample) -> int:
        command: wire.Command = {
            wire.FIELD: wire.C_STORE,
            wire.PRIORITY: 0,
            wire.SOP_CLASS: wire.CT_IMAGE,
            wire.INSTANCE: made.sop_instance_uid,
        }
        answer = calling.request(1, command, made.data_set)
        status = int(answer.command[wire.STATUS])
        if status == 0 and answer.command.get(wire.INSTANCE, made.sop_instance_uid) != made.sop_instance_uid:
            raise wire.Gone("success for another object")
        entry = {"uid": made.sop_instance_uid, "sha256": made.sha256, "status": status, "at": time.time()}
        self._journal.write(entry)
        return status


def _obey(feeder: Feeder, order: dict[str, Any]) -> dict[str, Any]:
    if order.get("do") == "pause":
        feeder.pause()
    elif order.get("do") == "go":
        feeder.go()
    return {"tally": asdict(feeder.tally), "done": feeder.done()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("seed", 1), ("first", 0), ("count", 0), ("associations", 3), ("per-association", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--called", default="TOLMACH")
    parser.add_argument("--calling", default="FEEDER")
    parser.add_argument("--large-every", type=int, default=50)
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rest", type=float, default=0.0, help="seconds between two objects of an association")
    parser.add_argument("--journal", type=Path, required=True)
    arguments = vars(parser.parse_args())
    journal = arguments.pop("journal")
    feeder = Feeder(Plan(**arguments), journal)
    feeder.start()
    print(json.dumps({"ready": True}), flush=True)
    for order in sys.stdin:
        print(json.dumps(_obey(feeder, json.loads(order))), flush=True)


if __name__ == "__main__":
    main()
