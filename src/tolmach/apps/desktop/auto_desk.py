"""What goes on behind the Auto-export view: each kind of question has a thread, and only the newest one counts.

The window asks and goes on; answers come through a mailbox. What is not seen is not read, what has not changed is not
read again, and what takes long is read less often.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Signal

from tolmach.apps.desktop.auto_faults import LOOK_BROKE_OFF, WORD_BROKE_OFF
from tolmach.apps.desktop.auto_source import AutoSource
from tolmach.apps.desktop.latest import Latest
from tolmach.apps.desktop.mailbox import Mailbox
from tolmach.base import Problem, TolmachError

if TYPE_CHECKING:
    from tolmach.apps.overseeing import Said, Shadowed, Wanted

Kind = Literal["folders", "history", "history-lines", "object", "queue", "queue-lines"]
KINDS: tuple[Kind, ...] = ("folders", "history", "history-lines", "object", "queue", "queue-lines")
SLOW_SECONDS = 3.0  # an answer that takes longer is told of
_REST, _LONGEST_REST = 4.0, 10.0  # so many times as long as an answer took, nothing is asked again


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question gave; `value` is None where nothing has changed since `stamp`."""

    kind: Kind
    key: object
    value: object = None
    problem: Problem | None = None
    stamp: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Done:
    """What a person's word has done: how many lines it changed, or what was wrong; or what is to be asked first."""

    verb: str
    count: int = 0
    problem: Problem | None = None
    name: str = ""
    asks: Shadowed | None = None


@dataclass(slots=True)
class _Known:
    """Where the window stands with one kind of question."""

    key: object = None
    stamp: int = 0
    is_asked: bool = False
    asked_at: float = 0.0
    rests_until: float = 0.0
    problem: Problem | None = None


Job = Callable[[], object]


class AutoDesk(QObject):
    """Questions and answers. `answered` brings values, `troubled` what is wrong or None, `done` what was said."""

    answered = Signal(str, object)  # kind, value
    troubled = Signal(object)  # Problem or None
    slow = Signal(bool)
    done = Signal(Done)
    asked = Signal(object)  # Shadowed: nothing was retried, a person is to be asked first
    working = Signal(bool)

    def __init__(self, source: AutoSource, actor: str, parent: QObject | None = None) -> None:
        """Ask nothing yet; `actor` is the name of the person at the keyboard."""
        super().__init__(parent)
        self.source, self.actor = source, actor
        self._known: dict[Kind, _Known] = {kind: _Known() for kind in KINDS}
        self._attended: frozenset[Kind] = frozenset(KINDS)
        self._in_hand = 0
        self.mailbox: Mailbox[Answer | Done] = Mailbox(self._deliver, self)
        self._broken: set[Kind] = set()
        self._askers: dict[Kind, Latest[Callable[[], Answer], Answer]] = {}

    @property
    def is_working(self) -> bool:
        """Whether something that was said is not done yet."""
        return self._in_hand > 0

    # Questions.

    def look_folders(self, *, force: bool = False) -> None:
        """Look at the folders, where anything has changed."""
        self._ask("folders", "", self.source.folders, force=force)

    def look_history(self, wanted: Wanted, known: Sequence[int], *, force: bool = False) -> None:
        """Look for objects; those known already are found again without a search, where that is enough."""
        source, is_same = self.source, self._known["history"].key == wanted and bool(known)

        def look() -> list[int]:
            if not is_same or wanted.kind:
                return source.history(wanted)
            newer = source.history(wanted, known[0])
            return [*newer, *known] if newer else list(known)

        self._ask("history", wanted, look, force=force)

    def look_queue(self, to: str | None, state: str, *, force: bool = False) -> None:
        """Look at the queue, where anything has changed."""
        self._ask("queue", (to, state), lambda: self.source.queue(to, state), force=force)

    def read_history(self, ids: Sequence[int]) -> None:
        """Read some objects of the list."""
        self._ask("history-lines", tuple(ids), lambda: self.source.history_lines(ids), force=True)

    def read_queue(self, ids: Sequence[int]) -> None:
        """Read some lines of the list."""
        self._ask("queue-lines", tuple(ids), lambda: self.source.queue_lines(ids), force=True)

    def look_object(self, object_id: int, *, force: bool = False) -> None:
        """Look at one object whole, where anything has changed."""
        self._ask("object", object_id, lambda: self.source.one(object_id), force=force)

    def _ask(self, kind: Kind, key: object, job: Job, *, force: bool) -> None:
        known, now = self._known[kind], time.monotonic()
        is_same = known.key == key
        if is_same and not force and (known.is_asked or now < known.rests_until):
            return
        if not known.is_asked:
            known.asked_at = now
        known.key, known.is_asked = key, True
        stamp = known.stamp if is_same and not force else 0
        asker = self._askers.get(kind)
        if asker is None or kind in self._broken:  # its thread has ended with an error
            self._broken.discard(kind)
            asker = self._askers[kind] = Latest(lambda work: work(), self.mailbox.put)
        asker.ask(lambda: self._answer(kind, key, job, stamp))

    def _answer(self, kind: Kind, key: object, job: Job, known_stamp: int) -> Answer:
        """Work in the thread of a kind; the stamp is taken first, so that nothing that comes meanwhile is missed."""
        began, answer = time.monotonic(), None
        try:
            stamp = self.source.stamp() if not kind.endswith("lines") else 0
            value = None if stamp and stamp == known_stamp else job()
            answer = Answer(kind, key, value, None, stamp, time.monotonic() - began)
        except TolmachError as error:
            self.source.drop()
            answer = Answer(kind, key, problem=error.problem, seconds=time.monotonic() - began)
        finally:
            if answer is None:  # the error nobody foresaw goes on, and the thread ends with it
                self._broken.add(kind)
                self.mailbox.put(Answer(kind, key, problem=Problem(LOOK_BROKE_OFF), seconds=1.0))
        return answer

    def attend(self, kinds: Collection[Kind]) -> None:
        """Tell of troubles with these alone, as they come; what nobody sees any more troubles nobody."""
        self._attended = frozenset(kinds)
        for one in self._known.values():
            one.problem = None

    def has_failed(self, kind: Kind) -> bool:
        """Tell whether the last question of a kind brought trouble, and is not asked again yet."""
        known = self._known[kind]
        return known.problem is not None and not known.is_asked and time.monotonic() >= known.rests_until

    def tick(self) -> None:
        """Tell whether an answer is awaited for long; to be called now and then."""
        now = time.monotonic()
        self.slow.emit(any(one.is_asked and now - one.asked_at > SLOW_SECONDS for one in self._known.values()))

    # What people say.

    def pause(self, name: str) -> None:
        """Take nothing from a folder until it is resumed."""
        self._say("pause", lambda: self.source.pause(name, self.actor), name)

    def resume(self, name: str) -> None:
        """Go on as before the pause."""
        self._say("resume", lambda: self.source.resume(name, self.actor), name)

    def say_mode(self, name: str, said: Said, *, with_held: bool = False) -> None:
        """Let a folder be live or in shadow mode."""
        self._say(said, lambda: self.source.say_mode(name, said, self.actor, with_held=with_held), name)

    def retry(self, ids: Sequence[int]) -> None:
        """Try lines again now; where a folder in shadow mode brought some of those held, `asked` comes instead."""
        self._say("retry", lambda: self.source.shadowed(ids) or self.source.retry(ids, None, self.actor))

    def retry_agreed(self, ids: Sequence[int]) -> None:
        """Try lines again now, also those of folders in shadow mode: a person was asked."""
        self._say("retry", lambda: self.source.retry(ids, None, self.actor))

    def retry_all(self, ids: Sequence[int], to: str | None, *, more: bool) -> None:
        """Try all again now that are listed, or `more`: all of a destination; not what folders in shadow mode hold."""
        self._say("retry", lambda: self.source.retry_all(ids, to, self.actor, more=more))

    def hold(self, ids: Sequence[int]) -> None:
        """Keep lines until somebody says otherwise."""
        self._say("hold", lambda: self.source.hold(ids, self.actor))

    def drop(self, ids: Sequence[int], actor: str, reason: str) -> None:
        """Give lines up for good."""
        self._say("drop", lambda: self.source.drop_lines(ids, actor, reason))

    def resend(self, ids: Sequence[int], to: Sequence[str], *, original: bool) -> None:
        """Deliver objects once more."""
        self._say("resend", lambda: self.source.resend(ids, to, self.actor, original=original))

    def _say(self, verb: str, say: Callable[[], int | Shadowed], name: str = "") -> None:
        def do() -> None:
            done = Done(verb, 0, Problem(WORD_BROKE_OFF), name)  # unless it comes to its end
            try:
                said = say()
                done = Done(verb, said, None, name) if isinstance(said, int) else Done(verb, asks=said)
            except TolmachError as error:
                done = Done(verb, 0, error.problem, name)
            finally:
                self.mailbox.put(done)

        self._in_hand += 1
        self.working.emit(True)
        threading.Thread(target=do, name=f"say {verb}", daemon=True).start()

    # What threads tell.

    def _deliver(self, batch: list[Answer | Done]) -> None:
        for message in batch:
            if isinstance(message, Done):
                self._in_hand -= 1
                if message.asks is None:
                    self.done.emit(message)
                else:
                    self.asked.emit(message.asks)
                self.working.emit(self.is_working)
            else:
                self._take(message)

    def _take(self, answer: Answer) -> None:
        known = self._known[answer.kind]
        if answer.key != known.key:
            return  # another question was asked meanwhile
        known.is_asked = False
        known.rests_until = time.monotonic() + min(_REST * answer.seconds, _LONGEST_REST)
        known.stamp, known.problem = answer.stamp, answer.problem
        troubles = (self._known[kind].problem for kind in KINDS if kind in self._attended)
        self.troubled.emit(next((one for one in troubles if one is not None), None))
        if answer.value is not None:
            self.answered.emit(answer.kind, answer.value)

    def close(self, seconds: float = 2.0) -> None:
        """End the threads, waiting so long at most in all; what hangs has nothing of ours in hand."""
        until = time.monotonic() + seconds
        for asker in self._askers.values():
            asker.close(max(0.0, until - time.monotonic()))
        closing = threading.Thread(target=self.source.close, name="close records", daemon=True)
        closing.start()
        closing.join(max(0.1, until - time.monotonic()))
