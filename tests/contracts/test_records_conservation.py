"""Whatever happens in whatever order, nothing is lost: promise 8, for every implementation of the records."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from tests.contracts.records_factories import FACTORIES, Clock, Factory
from tests.contracts.records_values import FROM_CT, PROBLEM, arrival, ending
from tolmach.adapters.sql import Records
from tolmach.delivery.interfaces import Claimed, Conclusion, State
from tolmach.intake.interfaces import Provenance

DESTINATIONS = ("pacs", "mirror", "gone")
SOME = st.lists(st.sampled_from(DESTINATIONS), unique=True)
SOURCES = (FROM_CT, Provenance("folder", "room-1"), Provenance("dimse", "", "MR1", "10.0.0.8"))
OWNERS = st.sampled_from(["one", "two"])


class Conservation(RuleBasedStateMachine):
    """Keeps its own simple books, one state for each line, and compares them with the records after every step."""

    make: Factory
    claims = Bundle("claims")

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.records: Records = self.make(Path(self.folder.name), self.clock)
        self.taken: dict[tuple[int, int], int] = {}
        self.pending: set[int] = set()
        self.source: dict[int, Provenance] = {}
        self.to_come: dict[int, list[Provenance]] = defaultdict(list)
        self.locked: set[int] = set()
        self.released: set[int] = set()
        self.lines: dict[tuple[int, str], State] = {}

    def teardown(self) -> None:
        if hasattr(self, "records"):
            self.records.close()
            self.folder.cleanup()

    @rule(number=st.integers(0, 5), version=st.integers(1, 2), source=st.sampled_from(SOURCES))
    def arrive(self, number: int, version: int, source: Provenance) -> None:
        receipt = self.records.receipts.record(arrival(number, version, source))
        assert receipt.is_new == ((number, version) not in self.taken)
        one = self.taken.setdefault((number, version), receipt.object_id)
        assert one == receipt.object_id
        is_other = self.source.setdefault(one, source) != source
        states = {state for (of, _), state in self.lines.items() if of == one}
        if receipt.is_new:
            self.pending.add(one)
        elif one in self.pending or "quarantined" in states:
            if is_other and source not in self.to_come[one]:
                self.to_come[one].append(source)
        elif is_other or states == {"deleted"}:
            self.begin_anew(one, source)

    def begin_anew(self, one: int, source: Provenance) -> None:
        self.pending.add(one)
        self.source[one] = source
        if source in self.to_come[one]:
            self.to_come[one].remove(source)

    def take_turns(self) -> None:
        """What `pending` does before it looks."""
        for one, sources in self.to_come.items():
            if sources and one not in self.pending and (one not in self.locked or one in self.released):
                self.begin_anew(one, sources[0])

    @rule(to=SOME, how=st.sampled_from(["send", "hold", "quarantine"]), count=st.integers(1, 3))
    def finish(self, to: list[str], how: str, count: int) -> None:
        found = self.records.journeys.pending(count)
        assert {one.object_id for one in found} <= self.pending
        problem = PROBLEM if how == "quarantine" else None
        held = PROBLEM if how == "hold" else None
        ends = [
            replace(
                ending(one.object_id, study=str(one.object_id % 2), destinations=to, quarantine=problem, held_for=held)
            )
            for one in found
        ]
        for _ in range(2):  # said twice, counted once
            self.records.ends.finish(ends)
        for one in found:
            assert one.arrival.provenance == self.source[one.object_id]
            self.pending.discard(one.object_id)
            lives = {state for (of, name), state in self.lines.items() if of == one.object_id and name} - {"deleted"}
            if problem and lives:  # sent on its way by an earlier journey
                self.locked.discard(one.object_id)
                continue
            (self.locked.add if problem else self.locked.discard)(one.object_id)
            state: State = "quarantined" if problem else "held" if held else "queued"
            for name in [""] if problem else to:
                if self.lines.get((one.object_id, name), "deleted") == "deleted":
                    self.lines[one.object_id, name] = state

    @rule(target=claims, to=st.sampled_from(DESTINATIONS), owner=OWNERS, limit=st.integers(1, 3))
    def claim(self, to: str, owner: str, limit: int) -> Any:
        found = self.records.outbox.claim(to, owner, limit, self.clock.now, 60)
        for line in found:
            assert self.lines[line.object_id, line.destination] in ("queued", "held")
        assert len({line.study_instance_uid for line in found}) <= 1
        return multiple(*found)

    @rule(line=consumes(claims), state=st.sampled_from(["queued", "delivered", "held"]), data=st.data())
    def conclude(self, line: Claimed, state: State, data: st.DataObject) -> None:
        waits = data.draw(st.sampled_from([None, timedelta(minutes=3)]))
        proof = state == "queued" and data.draw(st.booleans())
        next_at = None if waits is None else self.clock.now + waits
        said = Conclusion(line.delivery_id, state, next_at, awaits_proof=proof, problem=PROBLEM)
        self.records.outbox.conclude([said], self.clock.now)
        key = (line.object_id, line.destination)
        if state == "delivered":
            self.lines[key] = "delivered"
        else:
            # A lease may have ended meanwhile, a person may have spoken: the records decide which word counts.
            (row,) = self.records.desk.objects([line.object_id])
            (now,) = [one.state for one in row.deliveries if one.delivery_id == line.delivery_id]
            assert now in (state, self.lines[key])
            self.lines[key] = now

    @rule(line=consumes(claims), owner=OWNERS)
    def give_back(self, line: Claimed, owner: str) -> None:
        self.records.outbox.give_back([line.delivery_id], owner)

    @rule(to=st.sampled_from(DESTINATIONS), has_it=st.booleans())
    def prove(self, to: str, has_it: bool) -> None:
        for line, _ in self.records.outbox.awaiting_proof(to, 2):
            assert self.lines[line.object_id, to] == "queued"
            state: State = "delivered" if has_it else "queued"
            said = Conclusion(line.delivery_id, state, attempted=False, proof="query" if has_it else None)
            self.records.outbox.conclude([said], self.clock.now)
            self.lines[line.object_id, to] = state

    @rule(verb=st.sampled_from(["retry", "hold", "drop"]), to=st.sampled_from([None, *DESTINATIONS]))
    def decide(self, verb: str, to: str | None) -> None:
        getattr(self.records.desk, verb)(None, to, "somebody")
        open_now = {(row.object_id, row.destination): row.state for row in self.records.desk.queue()}
        for key, state in list(self.lines.items()):
            if state in ("delivered", "deleted") or (to is not None and key[1] != to):
                continue
            if verb == "drop":
                self.lines[key] = "deleted"
            elif verb == "hold" and state != "quarantined":
                self.lines[key] = "held"
            elif verb == "retry" and state == "quarantined":
                del self.lines[key]
                self.pending.add(key[0])
                self.locked.discard(key[0])
                self.released.add(key[0])
            elif verb == "retry":
                self.lines[key] = open_now[key]  # type: ignore[assignment]
                assert open_now[key] in ("queued", state)  # what is being tried stays as it is

    @rule(to=SOME.filter(bool), data=st.data())
    def resend(self, to: list[str], data: st.DataObject) -> None:
        ready = sorted(set(self.taken.values()) - self.pending - self.locked)
        if not ready:
            return
        one = data.draw(st.sampled_from(ready))
        self.records.desk.resend([one], to, "somebody")
        open_now = {(row.object_id, row.destination): row.state for row in self.records.desk.queue()}
        self.lines |= {(one, name): open_now[one, name] for name in to}  # type: ignore[misc]
        assert all(open_now[one, name] in ("queued", "held") for name in to)

    @rule(minutes=st.integers(0, 5))
    def time_passes(self, minutes: int) -> None:
        self.clock.pass_by(minutes=minutes)

    @rule()
    def restart(self) -> None:
        self.records.close()
        self.records = self.make(Path(self.folder.name), self.clock)
        self.records.outbox.clear_leases()

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "records"):
            return
        report = self.records.desk.audit()
        assert report.holds, report
        assert report.total.taken == len(self.taken)
        self.take_turns()
        assert {one.object_id for one in self.records.journeys.pending(99)} == self.pending
        rows = {
            (row.object_id, line.destination): line.state
            for row in self.records.desk.history()
            for line in row.deliveries
        }
        assert rows == self.lines
        for row in report.destinations:
            states = [state for (_, name), state in self.lines.items() if name == row.destination]
            assert row.taken == len(states)
            assert (row.queued, row.delivered) == (states.count("queued"), states.count("delivered"))


@pytest.mark.parametrize("name", FACTORIES)
def test_nothing_is_ever_lost(name: str) -> None:
    machine = type("ConservationOf" + name, (Conservation,), {"make": staticmethod(FACTORIES[name])})
    machine.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)  # type: ignore[attr-defined]
    run = machine.TestCase("runTest")  # type: ignore[attr-defined]
    run.runTest()


@pytest.mark.slow
@pytest.mark.parametrize("name", FACTORIES)
def test_nothing_is_ever_lost_in_long_histories(name: str) -> None:
    machine = type("LongConservationOf" + name, (Conservation,), {"make": staticmethod(FACTORIES[name])})
    machine.TestCase.settings = settings(max_examples=30, stateful_step_count=60, deadline=None)  # type: ignore[attr-defined]
    run = machine.TestCase("runTest")  # type: ignore[attr-defined]
    run.runTest()
