"""Tells people, by e-mail and at a web address, when something is stuck or a folder has gone silent.

Whatever becomes of the telling, nothing else waits for it: each way of telling has a thread of its own while it tells,
and remembers in memory alone what it told. After a restart it may be told again.
"""

from __future__ import annotations

import logging
import platform
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from tolmach.apps.destinations import utc_now
from tolmach.apps.faults import BadConfiguration
from tolmach.apps.findings import STALLED, STALLED_SECONDS, Folder, Key, Seen, Told, Waiting, decide, findings
from tolmach.apps.notice_words import Wording
from tolmach.apps.sections import Settings, WatchSettings
from tolmach.apps.translations import translator
from tolmach.base import N_, Fault, Problem, TolmachError
from tolmach.intake.faults import NoRoom

if TYPE_CHECKING:
    import ssl

    from tolmach.adapters.notices import Notice
    from tolmach.adapters.sql import Records
    from tolmach.adapters.sql.watched import WatchState

log = logging.getLogger(__name__)

NOTICE_SECONDS = 60.0  # how often it is looked whether there is something to tell
SPACING_SECONDS = 300.0  # between two messages by the same way, sent or not
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")

NO_NOTICE = Fault(
    "TLM-SRV-026",
    N_("Nobody is told when something is stuck: neither smtp_host nor webhook_url is set."),
    N_("Set one of them under [notice] in the configuration, then try tolmach notice test again."),
)
SECRET_NOTICE = Fault(
    "TLM-SRV-027",
    N_("The password or token for notices goes over the network unencrypted, to {server}."),
    N_('Use smtp_tls = "starttls" or "tls", and a webhook_url that begins with https://; then change the secret.'),
)


class Channel(Protocol):
    """One way of telling."""

    @property
    def shown(self) -> str:
        """Where messages go, for people."""
        ...

    def send(self, notice: Notice, identity: str) -> Problem | None:
        """Send a message; gives what is wrong although it went. May be repeated with the same identity.

        Raises a `TolmachError` when it did not go.
        """
        ...


def notices(
    settings: Settings,
    records: Records,
    require_room: Callable[[], None],
    now: Callable[[], datetime] = utc_now,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[], None]:
    """Give what is to be called every `NOTICE_SECONDS`: it looks, and tells what is worth telling in the background.

    `require_room` raises `NoRoom` when the disk is too full to take anything. Raises `NoticeRefused`, `BadTlsFiles` at
    once for settings nothing can be sent with; what is called afterwards raises what the records raise.
    """
    channels = channels_of(settings, now)
    if not channels:
        return _nothing
    wording, started = wording_of(settings), now()
    tellers = [Teller(channel, wording, settings, now, clock) for channel in channels]
    stalls = Stalls(clock)

    def look() -> None:
        seen = observed(settings, records, require_room, now(), started, stalls)
        for teller in tellers:
            teller.tell(seen)

    return look


def _nothing() -> None:
    return None


def channels_of(settings: Settings, now: Callable[[], datetime] = utc_now) -> list[Channel]:
    """Give the ways of telling that are configured; raises `NoticeRefused`, `BadTlsFiles`."""
    notice, found = settings.notice, list[Channel]()
    if not notice.is_enabled:
        return found
    from tolmach.adapters.notices import Mail, MailServer, Webhook

    if notice.smtp_host:
        server = MailServer(
            host=notice.smtp_host,
            port=notice.smtp_port,
            encryption=notice.smtp_tls,
            tls=None if notice.smtp_tls == "none" else _context(settings),
            user=notice.smtp_user or "",
            password=notice.smtp_password or "",
            own_name=own_name if _HOST_NAME.fullmatch(own_name := platform.node()) else "",
        )
        found.append(Mail(server, notice.mail_from, notice.mail_to, now))
    if notice.webhook_url is not None:
        is_encrypted = notice.webhook_url.startswith("https://")
        found.append(
            Webhook(notice.webhook_url, notice.webhook_token or "", _context(settings) if is_encrypted else None)
        )
    return found


def _context(settings: Settings) -> ssl.SSLContext:
    """Give whom we believe: the authorities of `[dicom.tls]` and of the system. We show no certificate of ours."""
    from tolmach.adapters.dicomweb.client_tls import client_context
    from tolmach.adapters.dimse.tls import TlsFiles

    tls = settings.dicom.tls
    return client_context(TlsFiles(None, None, tls.ca, tls.minimum))


def notice_remarks(settings: Settings) -> Iterator[Problem]:
    """Tell what the operator should know of the notices from the start."""
    notice = settings.notice
    is_local = notice.smtp_host in ("localhost", "127.0.0.1", "::1")
    if notice.smtp_host and notice.smtp_tls == "none" and notice.smtp_user and not is_local:
        yield Problem(SECRET_NOTICE, {"server": f"{notice.smtp_host}:{notice.smtp_port}"})
    if notice.webhook_url is not None:
        from tolmach.adapters.notices import Webhook

        webhook = Webhook(notice.webhook_url, notice.webhook_token or "")
        if webhook.tells_openly:
            yield Problem(SECRET_NOTICE, {"server": webhook.shown})


def wording_of(settings: Settings) -> Wording:
    """Give the words of notices: the language of `[notice]`, else that of all messages."""
    language = settings.notice.language or settings.language or "en"
    return Wording(translator(language), f"{platform.node() or 'localhost'} ({settings.dicom.ae_title})")


class Stalls:
    """Tells which folders nobody has looked at for too long: a share that hangs raises no error.

    Times of two looks are only compared with one another, so that a clock that jumps alarms nobody.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Know of no look yet; `clock` never goes back."""
        self._clock = clock
        self._looks: dict[str, tuple[object, float]] = {}

    def among(self, states: Iterable[WatchState]) -> frozenset[str]:
        """Give the names of those in which nothing has happened since `STALLED_SECONDS`; paused ones begin anew."""
        now, looks = self._clock(), dict[str, tuple[object, float]]()
        for state in states:
            if state.mode != "paused":
                look = (state.looked_at, state.last_taken_at)
                known = self._looks.get(state.name)
                looks[state.name] = known if known is not None and known[0] == look else (look, now)
        self._looks = looks
        return frozenset(name for name, (_look, since) in looks.items() if now - since >= STALLED_SECONDS)


def observed(
    settings: Settings,
    records: Records,
    require_room: Callable[[], None],
    now: datetime,
    started: datetime,
    stalls: Stalls | None = None,
) -> Seen:
    """Give how everything is now; where nothing ever came, a folder counts as silent since we `started`.

    Raises what the records raise.
    """
    states = {state.name: state for state in records.watched.states()}
    paused = {name for name, state in states.items() if state.mode == "paused"}
    watches = [watch for watch in settings.watch if watch.name not in paused]
    stalled = frozenset[str]() if stalls is None else stalls.among(states.values())
    folders = [_folder(watch, states.get(watch.name), now, started, watch.name in stalled) for watch in watches]
    shadows = [watch for watch in settings.watch if _is_shadow(watch, states.get(watch.name))]
    # In shadow mode everything is held: that is no news, and would be told again with every image.
    expected = {name for watch in shadows for name in _destinations(watch, settings)}
    return Seen(_waiting(records, now, expected), folders, _disk(require_room), paused)


def _is_shadow(watch: WatchSettings, state: WatchState | None) -> bool:
    if state is None:
        return watch.shadow
    mode = state.mode_before if state.mode == "paused" else state.mode
    return mode == "shadow" if mode else watch.shadow


def _destinations(watch: WatchSettings, settings: Settings) -> Iterator[str]:
    """Give the names of all destinations that images of a watch may go to."""
    yield from watch.to
    if watch.export_peer is not None:
        yield watch.export_peer.name
    for route in settings.route:
        if watch.name in route.from_:
            yield from route.to


def _waiting(records: Records, now: datetime, held_as_expected: Collection[str]) -> list[Waiting]:
    troubles = {row.name: row.trouble for row in records.desk.destinations()}
    return [
        Waiting(
            destination=one.destination,
            queued=one.queued,
            over_hour=one.over_hour,
            over_day=one.over_day,
            oldest_seconds=one.oldest_seconds,
            held=0 if one.destination in held_as_expected else one.held,
            quarantined=one.quarantined,
            trouble=troubles.get(one.destination),
        )
        for one in records.desk.ages(now)
    ]


def _folder(
    watch: WatchSettings, state: WatchState | None, now: datetime, started: datetime, is_stalled: bool
) -> Folder:
    silent = None
    if watch.silent_after_hours is not None:
        last = state.last_taken_at if state is not None else None
        since = started if last is None else last
        if now - since >= timedelta(hours=watch.silent_after_hours):
            silent = (now - since).total_seconds()
    trouble = state.trouble if state is not None else None
    if trouble is None and is_stalled:
        trouble = Problem(STALLED)
    return Folder(watch.name, str(watch.folder), trouble, silent)


def _disk(require_room: Callable[[], None]) -> Problem | None:
    try:
        require_room()
    except NoRoom as error:
        return error.problem
    except TolmachError:  # the store cannot be asked, which receiving tells of
        return None
    return None


class Teller:
    """Tells by one way, one message at a time; what could not be told is looked at anew the next time."""

    def __init__(
        self,
        channel: Channel,
        wording: Wording,
        settings: Settings,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        """Have told nothing yet."""
        self._channel, self._wording, self._now, self._clock = channel, wording, now, clock
        self._stuck_seconds = settings.notice.stuck_after_minutes * 60
        self._repeat_seconds = settings.notice.repeat_after_hours * 3600
        self._told: Mapping[Key, Told] = {}
        self._next_at: float | None = None
        self._thread: threading.Thread | None = None
        self._trouble: str | None = None

    def tell(self, seen: Seen) -> None:
        """Begin to tell what is worth telling, and return at once; while a message is under way, nothing is done."""
        if self._thread is not None and self._thread.is_alive():
            return
        now = self._clock()
        decision = decide(findings(seen, self._stuck_seconds), self._told, now, self._repeat_seconds, seen.paused)
        self._told = decision.unsent
        if not decision.news or (self._next_at is not None and now < self._next_at):
            return
        self._next_at = now + SPACING_SECONDS
        notice, told = self._wording.notice(decision.news, self._now()), decision.sent
        # A daemon: a server that never answers must not keep the program from ending.
        self._thread = threading.Thread(target=self._send, args=(notice, told), name="notice", daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait until the message that is under way has gone or failed; False when the time was too short."""
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _send(self, notice: Notice, told: Mapping[Key, Told]) -> None:
        try:
            problem = self._channel.send(notice, new_identity())
        except TolmachError as error:
            self._note(error.problem, logging.ERROR)
            return
        self._told = told
        self._note(problem, logging.WARNING)

    def _note(self, problem: Problem | None, level: int) -> None:
        """Log what is wrong with the telling once, and that it is well again."""
        trouble = None if problem is None else f"{problem.code}: {problem}"
        if trouble != self._trouble:
            log.log(level if trouble else logging.INFO, "%s", trouble or f"notices go to {self._channel.shown} again")
            self._trouble = trouble


def send_test(settings: Settings) -> Sequence[tuple[str, Problem | None]]:
    """Send a message by every way that is configured, now; gives where each goes, and what went wrong, if anything.

    Raises `BadConfiguration` when none is configured, and `NoticeRefused`, `BadTlsFiles` for useless settings.
    """
    channels = channels_of(settings)
    if not channels:
        raise BadConfiguration(NO_NOTICE)
    return [(channel.shown, _tested(channel, wording_of(settings))) for channel in channels]


def _tested(channel: Channel, wording: Wording) -> Problem | None:
    try:
        return channel.send(wording.test(utc_now()), new_identity())
    except TolmachError as error:
        return error.problem


def new_identity() -> str:
    """Give a name for a message that no other has."""
    return f"tolmach.{uuid4().hex}"
