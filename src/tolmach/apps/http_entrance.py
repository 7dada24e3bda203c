"""The HTTP entrance of a station, and how it follows a configuration that changes while it is open.

What it needs is heavy and loaded only when it is opened. It is open by itself, on this machine alone; where nobody
asked for it in the configuration, somebody else's use of its port keeps no image from being taken.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tolmach.apps.gateway.faults import CannotListenHttp
from tolmach.apps.gateway.http_settings import HttpSettings
from tolmach.apps.sections import Settings
from tolmach.apps.tls_state import times_of
from tolmach.base import Problem, TolmachError

if TYPE_CHECKING:
    from tolmach.apps.gateway.listening import Served

log = logging.getLogger(__name__)

_TRIES, _SECONDS_BETWEEN_TRIES = 10, 0.5

# Gives what is served to a station that keeps what it receives, or to one that does not.
WhatIsServed = Callable[[bool], "Served"]


@dataclass(frozen=True, slots=True)
class NewHttp:
    """How HTTP is to be listened for; `is_wanted` when the configuration says so itself."""

    settings: HttpSettings
    is_wanted: bool
    serves_archive: bool
    certificates: tuple[int, ...]


class HttpEntrance:
    """Listens for HTTP requests. One thread changes it."""

    def __init__(self, served: WhatIsServed) -> None:
        """Listen to nobody yet."""
        self._served = served
        self._open = ExitStack()
        self._now: NewHttp | None = None
        self.url = ""
        self.trouble: Problem | None = None

    def prepare(self, settings: Settings) -> NewHttp:
        """Understand how HTTP is to be listened for."""
        http = settings.http
        files = (http.certificate, http.key)
        return NewHttp(http, "http" in settings.model_fields_set, settings.archive.enabled, times_of(files))

    def change(self, new: NewHttp) -> Callable[[], None]:
        """Listen as described, and give what makes it as it was; nobody notices when that is how it is already.

        What is in hand is finished first. Raises `UnsafeHttp` or `CannotListenHttp`, and then it is as it was before.
        """
        before = self._now
        if new == before and self.trouble is None:
            return lambda: None
        self.stop()
        try:
            self._listen(new)
        except TolmachError:
            self._listen_again(before)
            raise

        def undo() -> None:
            self.stop()
            self._listen_again(before)

        return undo

    def stop(self) -> None:
        """Finish what is in hand, then listen to nobody; may be repeated."""
        self._open.close()
        self._now, self.url, self.trouble = None, "", None

    def _listen(self, new: NewHttp) -> None:
        if new.settings.enabled:
            from tolmach.apps.gateway.listening import gateway

            try:
                listening = self._open.enter_context(gateway(new.settings, self._served(new.serves_archive)))
            except CannotListenHttp as error:
                if new.is_wanted:
                    raise
                self.trouble = error.problem
            else:
                self.url = listening.url
        self._now = new

    def _listen_again(self, before: NewHttp | None) -> None:
        """Listen as before; somebody may just have the port for a moment."""
        if before is None:
            return
        for left in reversed(range(_TRIES)):
            try:
                self._listen(before)
            except TolmachError as error:
                log.error("%s", error)
                if left:
                    time.sleep(_SECONDS_BETWEEN_TRIES)
            else:
                return
