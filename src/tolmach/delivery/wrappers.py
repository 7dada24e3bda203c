"""What all senders can do and none of them knows: try again at once, keep a pace, keep to hours, only pretend.

Each is a `Sender` around a `Sender`. From the inside: `FreshConnection`, `Paced`, `InWindow`; `DryRun` stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from tolmach.base import Problem, TolmachError
from tolmach.delivery.faults import DRY_RUN, NOT_CALLED_FOR, NotNow
from tolmach.delivery.interfaces import Content, Outcome, Parcel, Sender
from tolmach.delivery.pace import Pace
from tolmach.delivery.windows import Window

MAX_BARREN = 8
PATIENCE_SECONDS = 20.0


@contextmanager
def following(outcomes: Iterator[Outcome]) -> Iterator[Iterator[Outcome]]:
    """Give outcomes as they come, and leave the sender in order however the block ends."""
    try:
        yield outcomes
    finally:
        close = getattr(outcomes, "close", None)
        if close is not None:
            close()


class FreshConnection:
    """Goes on with the rest at once when a connection is lost with an object in flight.

    One object that a peer stumbles over does not keep the others then. It ends when a connection cannot be made, when
    `MAX_BARREN` of them in a row brought nothing through, and when the peer was silent for long before it was lost.
    """

    def __init__(self, sender: Sender, monotonic: Callable[[], float]) -> None:
        """Take a sender that nobody else uses."""
        self._sender, self._monotonic = sender, monotonic

    def send(self, parcels: Sequence[Parcel]) -> Iterator[Outcome]:
        """Try parcels in order, over as many connections as it takes."""
        left = {parcel.line.delivery_id: parcel for parcel in parcels}
        barren = 0
        while left:
            barren += 1
            is_tried, heard_at, silence = False, self._monotonic(), 0.0
            try:
                with following(self._sender.send(list(left.values()))) as outcomes:
                    for outcome in outcomes:
                        left.pop(outcome.delivery_id, None)
                        is_tried = True
                        silence, heard_at = self._monotonic() - heard_at, self._monotonic()
                        if outcome.kind == "stored" or outcome.status:
                            barren = 0
                        yield outcome
            except NotNow:
                raise
            except TolmachError:
                if not is_tried or not left or barren > MAX_BARREN or silence > PATIENCE_SECONDS:
                    raise
            else:
                return

    def close(self) -> None:
        """Give up the connection; may be repeated."""
        self._sender.close()


class Paced:
    """Sends one parcel after another, no faster than a pace that lanes share."""

    def __init__(self, sender: Sender, pace: Pace, pause: Callable[[float], None]) -> None:
        """Take a sender that nobody else uses. `pause` waits, and ends early when everything stops."""
        self._sender, self._pace, self._pause = sender, pace, pause

    def send(self, parcels: Sequence[Parcel]) -> Iterator[Outcome]:
        """Try parcels in order, each when its turn has come."""
        for parcel in parcels:
            seconds = self._pace.seconds_until_next()
            if seconds > 0:
                self._pause(seconds)
            with following(self._sender.send([self._weighed(parcel)])) as outcomes:
                yield from outcomes

    def _weighed(self, parcel: Parcel) -> Parcel:
        @contextmanager
        def opened() -> Iterator[Content]:
            with parcel.open() as content:
                self._pace.left(content.stored.size)
                yield content

        return Parcel(parcel.line, opened)

    def close(self) -> None:
        """Give up the connection; may be repeated."""
        self._sender.close()


class InWindow:
    """Sends only at certain times of day; outside them nothing is tried."""

    def __init__(self, sender: Sender, destination: str, window: Window, now: Callable[[], datetime]) -> None:
        """Take a sender that nobody else uses."""
        self._sender, self._destination, self._window, self._now = sender, destination, window, now

    def send(self, parcels: Sequence[Parcel]) -> Iterator[Outcome]:
        """Try parcels in order while the window is open; raises `NotNow` when it is closed, or closes."""
        self._require_open()
        with following(self._sender.send(parcels)) as outcomes:
            for outcome in outcomes:
                yield outcome
                self._require_open()

    def _require_open(self) -> None:
        opens_at = self._window.opens_at(self._now())
        if opens_at is not None:
            shown = opens_at.astimezone(self._window.zone).strftime("%H:%M")
            raise NotNow(NOT_CALLED_FOR, opens_at, destination=self._destination, opens_at=shown)

    def close(self) -> None:
        """Give up the connection; may be repeated."""
        self._sender.close()


class DryRun:
    """Sends nothing: tells what would be sent, and everything stays queued."""

    def __init__(self, destination: str, report: Callable[[Parcel], None]) -> None:
        """`report` is told of each parcel; any of them may come again."""
        self._destination, self._report = destination, report

    def send(self, parcels: Sequence[Parcel]) -> Iterator[Outcome]:
        """Report parcels in order; none is ever stored, and no attempt is counted."""
        for parcel in parcels:
            self._report(parcel)
            problem = Problem(DRY_RUN, {"destination": self._destination})
            yield Outcome(parcel.line.delivery_id, "later", problem=problem, attempted=False)

    def close(self) -> None:
        """There is nothing to close; may be repeated."""
