"""From the records to a letter: real records, real sockets, and nothing that could make delivery wait."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.builders import CT_IMAGE, EXPLICIT_LE, INSTANCE
from tests.calling import IVANOV, call, spoiled
from tests.peers.mail_server import MailServer
from tests.unit.adapters.notices.test_mail import silent
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.sql import Records, open_records
from tolmach.apps.findings import Seen, Waiting
from tolmach.apps.noticing import (
    SPACING_SECONDS,
    Stalls,
    Teller,
    channels_of,
    notice_remarks,
    notices,
    observed,
    wording_of,
)
from tolmach.apps.sections import Settings
from tolmach.base import Fault, Problem
from tolmach.delivery.interfaces import Conclusion, Edition, Ending, NewDelivery
from tolmach.intake.faults import NO_ROOM, NoRoom
from tolmach.intake.interfaces import Dealing, FileMark, Provenance
from tolmach.intake.receive import Intake
from tolmach.intake.room import Reserve

CANARY = IVANOV.partition("^")[0]
REFUSED = Problem(Fault("TLM-NET-111", "{peer} refused {path}.", "Look."), {"peer": "PACS", "path": CANARY})
AWAY = Seen([Waiting("pacs", queued=5, oldest_seconds=7200)])


class Clock:
    """Time that the test tells, for the records and for what looks at them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 10, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def advance(self, **units: float) -> None:
        self.seconds += timedelta(**units).total_seconds()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(tmp_path: Path, clock: Clock) -> Iterator[Records]:
    with open_records(tmp_path / "data", clock=clock.now) as opened:
        yield opened


def take(records: Records, folder: Path, clock: Clock, *, to: str = "pacs", number: int = 1) -> None:
    """Take an image of a patient, and queue it."""
    intake = Intake(FolderStore(folder), records.receipts, Reserve(bytes=0), clock.now, clock)
    receipt = intake.accept_stream([spoiled(f"{IVANOV}{number}")], Provenance("dimse", "ct-1", "CT1", "10.0.0.1"))
    uid = f"{INSTANCE}.{number}"
    records.ends.finish(
        [
            Ending(
                object_id=receipt.object_id,
                sop_class_uid=CT_IMAGE,
                sop_instance_uid=uid,
                transfer_syntax_uid=EXPLICIT_LE,
                study_instance_uid="1.2.3",
                verdict="repairable",
                facts={"PatientName": IVANOV, "PatientID": "1"},
                editions=[Edition(b"", CT_IMAGE, uid, ())],
                deliveries=[NewDelivery(to, 0)],
            )
        ]
    )


def settings_of(tmp_path: Path, **notice: object) -> Settings:
    pacs = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": 104}
    watch = {"name": "room-1", "folder": str(tmp_path / "in"), "to": ["pacs"], "silent_after_hours": 24}
    values = {"data_dir": str(tmp_path / "data"), "peer": [pacs], "watch": [watch], "notice": notice}
    return Settings.model_validate(values)


def by_mail(server: MailServer, **more: object) -> dict[str, object]:
    addresses = {"mail_from": "tolmach@clinic.example", "mail_to": ["tech@clinic.example"]}
    return {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_tls": "none", **addresses, **more}


def room() -> None:
    return None


def test_what_is_stuck_arrives_as_a_letter_without_a_patient(tmp_path: Path, records: Records, clock: Clock) -> None:
    take(records, tmp_path / "data", clock)
    records.outbox.note_destination("pacs", REFUSED, None)
    with MailServer() as server:
        settings = settings_of(tmp_path, **by_mail(server))
        look = notices(settings, records, room, clock.now, clock)
        for _ in range(59):
            look()
            clock.advance(minutes=1)
        assert server.calls == 0
        clock.advance(minutes=2)
        look()
        (letter,) = server.await_letters(1)
    text = letter.message.get_content()
    assert "“pacs”: 1" in letter.message["Subject"]
    assert "1 h 1 min" in text
    assert "TLM-NET-111: PACS refused ….\n" in text
    assert CANARY not in letter.raw.decode() + text + letter.message["Subject"]
    assert "{" not in text


def test_held_and_quarantined_images_are_told(tmp_path: Path, records: Records, clock: Clock) -> None:
    for number in (1, 2):
        take(records, tmp_path / "data", clock, number=number)
    lines = records.outbox.claim("pacs", "me", 10, clock.now(), 60)
    records.outbox.conclude(
        [Conclusion(line.delivery_id, "held", clock.now(), status="0122", problem=REFUSED) for line in lines],
        clock.now(),
    )
    settings = settings_of(tmp_path, smtp_host="")
    seen = observed(settings, records, room, clock.now(), clock.now())
    assert [(one.destination, one.held, one.queued) for one in seen.waiting] == [("pacs", 2, 0)]
    records.watched.set_mode("room-1", "shadow", "tester")
    seen = observed(settings, records, room, clock.now(), clock.now())
    assert [(one.destination, one.held) for one in seen.waiting] == [("pacs", 0)]


def test_a_folder_is_silent_since_its_last_file(tmp_path: Path, records: Records, clock: Clock) -> None:
    settings, started = settings_of(tmp_path, smtp_host=""), clock.now()

    def silent_seconds() -> float | None:
        (folder,) = observed(settings, records, room, clock.now(), started).folders
        return folder.silent_seconds

    assert silent_seconds() is None
    clock.advance(hours=23)
    take(records, tmp_path / "data", clock)
    records.watched.note("room-1", [Dealing(FileMark(b"1.dcm", 1, 2, 3, 4), "00" * 32, 1)])
    clock.advance(hours=23)
    assert silent_seconds() is None
    clock.advance(hours=1)
    assert silent_seconds() == 24 * 3600


def test_a_folder_nothing_ever_came_from_is_silent_since_the_start(
    tmp_path: Path, records: Records, clock: Clock
) -> None:
    settings, started = settings_of(tmp_path, smtp_host=""), clock.now()
    clock.advance(hours=24)
    (folder,) = observed(settings, records, room, clock.now(), started).folders
    assert folder.silent_seconds == 24 * 3600


def test_trouble_with_a_folder_and_a_pause(tmp_path: Path, records: Records, clock: Clock) -> None:
    settings = settings_of(tmp_path, smtp_host="")
    records.watched.note_state("room-1", REFUSED, clock.now())
    (folder,) = observed(settings, records, room, clock.now(), clock.now()).folders
    assert folder.trouble is not None
    assert folder.trouble.code == "TLM-NET-111"
    records.watched.set_mode("room-1", "paused", "tester")
    seen = observed(settings, records, room, clock.now(), clock.now())
    assert (seen.folders, seen.paused) == ([], {"room-1"})


def test_a_folder_nobody_has_looked_at_for_long_is_told_whatever_the_clocks_say(
    tmp_path: Path, records: Records, clock: Clock
) -> None:
    settings, stalls, wall = settings_of(tmp_path, smtp_host=""), Stalls(clock), clock.now()

    def trouble() -> str | None:
        (folder,) = observed(settings, records, room, wall, wall, stalls).folders
        return folder.trouble.code if folder.trouble is not None else None

    for _ in range(10):
        clock.advance(minutes=5)
        wall += timedelta(minutes=5)
        records.watched.note_state("room-1", None, wall)
        assert trouble() is None
    wall += timedelta(days=400)  # the clock was set
    assert trouble() is None
    clock.advance(minutes=14)
    assert trouble() is None
    clock.advance(minutes=2)
    assert trouble() == "TLM-SRV-025"
    records.watched.note_state("room-1", None, wall)
    assert trouble() is None
    records.watched.set_mode("room-1", "paused", "tester")
    clock.advance(minutes=60)
    assert observed(settings, records, room, wall, wall, stalls).folders == []
    records.watched.resume("room-1", "tester")
    assert trouble() is None


def test_what_a_folder_in_shadow_mode_holds_is_no_news_while_it_is_paused(
    tmp_path: Path, records: Records, clock: Clock
) -> None:
    settings = settings_of(tmp_path, smtp_host="")
    take(records, tmp_path / "data", clock)
    records.desk.hold(None, None, "tester")
    records.watched.set_mode("room-1", "shadow", "tester")
    records.watched.set_mode("room-1", "paused", "tester")
    (waiting,) = observed(settings, records, room, clock.now(), clock.now()).waiting
    assert waiting.held == 0


def test_a_full_disk(tmp_path: Path, records: Records, clock: Clock) -> None:
    def full() -> None:
        raise NoRoom(NO_ROOM, free="1 GiB", reserve="5 GiB")

    seen = observed(settings_of(tmp_path, smtp_host=""), records, full, clock.now(), clock.now())
    assert seen.disk is not None
    assert seen.disk.code == "TLM-INT-001"


def test_nobody_to_tell_means_nothing_to_do(tmp_path: Path, records: Records) -> None:
    records.close()
    notices(settings_of(tmp_path), records, room)()


@pytest.fixture
def teller(tmp_path: Path, clock: Clock) -> Callable[[MailServer], Teller]:
    def make(server: MailServer) -> Teller:
        settings = settings_of(tmp_path, **by_mail(server))
        (channel,) = channels_of(settings, clock.now)
        return Teller(channel, wording_of(settings), settings, clock.now, clock)

    return make


def test_a_dead_server_is_told_of_once_and_tried_again(
    teller: Callable[[MailServer], Teller], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tolmach.apps.noticing")
    with MailServer(answers={"greeting": "421 later"}) as server:
        dead = teller(server)
        for _ in range(3 * int(SPACING_SECONDS // 60)):
            dead.tell(AWAY)
            assert dead.join(30)
            clock.advance(minutes=1)
        assert server.calls == 3
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        server.answers.clear()
        dead.tell(AWAY)
        assert dead.join(30)
        assert len(server.letters) == 1
        assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
        clock.advance(hours=1)
        dead.tell(AWAY)
        assert server.calls == 4


def test_a_silent_server_makes_nobody_wait(teller: Callable[[MailServer], Teller], clock: Clock) -> None:
    with MailServer(odd=silent) as server:
        slow = teller(server)
        begun = time.monotonic()
        for _ in range(100):
            slow.tell(AWAY)
            clock.advance(hours=1)
        assert time.monotonic() - begun < 5
        assert server.calls <= 1
        server.stopping.set()
        assert slow.join(30)


def test_well_again_is_told(teller: Callable[[MailServer], Teller], clock: Clock) -> None:
    with MailServer() as server:
        one = teller(server)
        for minute in range(30):
            one.tell(AWAY if minute < 3 else Seen())
            assert one.join(30)
            clock.advance(minutes=1)
        letters = [letter.message for letter in server.letters]
    assert len(letters) == 2
    assert letters[1].get_content().startswith("WELL AGAIN: Nothing waits too long for “pacs” any more.")


def test_one_way_of_telling_does_not_hold_the_other(tmp_path: Path, records: Records, clock: Clock) -> None:
    take(records, tmp_path / "data", clock)
    with MailServer(odd=silent) as dead, MailServer() as good:
        settings = settings_of(tmp_path, **by_mail(good), webhook_url=f"http://127.0.0.1:{dead.port}/hook")
        look = notices(settings, records, room, clock.now, clock)
        clock.advance(hours=2)
        look()
        good.await_letters(1)


def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notice: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tolmach.toml").write_text(f'data_dir = "data"\nlanguage = "en"\n[notice]\n{notice}\n', "utf-8")


def test_notice_test_says_whether_it_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with MailServer() as server:
        lines = f'smtp_host = "127.0.0.1"\nsmtp_port = {server.port}\nsmtp_tls = "none"\n'
        lines += 'mail_from = "Толмач <a@clinic.example>"\nmail_to = ["b@clinic.example"]\n'
        configure(tmp_path, monkeypatch, lines)
        called = call("notice", "test")
        assert (called.status, called.err) == (0, "")
        assert f"127.0.0.1:{server.port}" in called.out
        assert "test" in server.letters[0].message["Subject"]
    called = call("notice", "test")
    assert (called.status, called.codes) == (1, ["TLM-SRV-030"])


def test_notice_test_without_anybody_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(tmp_path, monkeypatch, "")
    called = call("notice", "test")
    assert (called.status, called.codes) == (2, ["TLM-SRV-026"])


@pytest.mark.parametrize(
    ("notice", "remarks"),
    [
        ({"smtp_host": "mail.example", "smtp_tls": "none", "smtp_user": "u", "smtp_password": "p"}, 1),
        ({"smtp_host": "mail.example", "smtp_user": "u", "smtp_password": "p"}, 0),
        ({"smtp_host": "localhost", "smtp_tls": "none", "smtp_user": "u", "smtp_password": "p"}, 0),
        ({"webhook_url": "http://hook.example/hidden", "webhook_token": "t"}, 1),
        ({"webhook_url": "https://hook.example/hidden", "webhook_token": "t"}, 0),
    ],
)
def test_secrets_in_the_open_are_remarked(tmp_path: Path, notice: dict[str, object], remarks: int) -> None:
    addresses = {"mail_from": "a@b.example", "mail_to": ["c@d.example"]}
    found = list(notice_remarks(settings_of(tmp_path, **notice, **addresses)))
    assert len(found) == remarks
    assert not any("hidden" in str(problem) for problem in found)
