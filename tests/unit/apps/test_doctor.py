"""`tolmach doctor`: what is looked at on a machine, with real records, ports, folders and peers."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.builders import CT_IMAGE, EXPLICIT_LE, INSTANCE
from tests.calling import IVANOV, Called, call, spoiled
from tests.contracts.records_factories import database_of
from tests.s3_server import KEYS, s3_server
from tests.web_archive import web_archive
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.objects.lock import DataDirLock
from tolmach.adapters.sql import open_records
from tolmach.adapters.sql.schema import REVISIONS
from tolmach.adapters.sql.standing import Standing
from tolmach.apps import doctor_checks, doctor_peers, doctor_places
from tolmach.apps.doctor import Installation, examine
from tolmach.apps.sections import Settings
from tolmach.apps.translations import translator
from tolmach.base import Fault, Phrase, Problem
from tolmach.delivery.interfaces import Conclusion, Edition, Ending, NewDelivery
from tolmach.intake.interfaces import Provenance
from tolmach.intake.receive import Intake
from tolmach.intake.room import Reserve
from tolmach.text.detect import Detection

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
QUIET = '[dicom]\nport = 0\n[http]\nport = 0\n[storage]\nreserve = "0"\n'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Give a data folder whose records are there."""
    with open_records(tmp_path / "data"):
        return tmp_path / "data"


def doctor(tmp_path: Path, text: str = "", *arguments: str) -> Called:
    config = tmp_path / "tolmach.toml"
    config.write_text(f'data_dir = "{(tmp_path / "data").as_posix()}"\n{text}{QUIET}', "utf-8")
    return call("doctor", *arguments, "--config", config)


def states(called: Called) -> dict[str, str]:
    return {one["check"]: one["state"] for one in called.objects}


def installation(now: datetime = NOW, **settings: Any) -> Installation:
    return Installation(Settings.model_validate(settings), None, {}, lambda: now)


def codes(findings: Any) -> list[str]:
    return [one.problem.code for one in findings]


def test_an_installation_in_order_is_said_to_be_so(data: Path, tmp_path: Path) -> None:
    called = doctor(tmp_path, "", "--json")
    assert (called.status, called.err) == (0, "")
    assert list(states(called)) == ["records", *(check.name for check in doctor_checks.INSTALLATION)]
    assert {name for name, state in states(called).items() if state == "ok"} >= {
        *("records", "configuration", "letters", "data-folder", "room", "clocks", "ports", "queue", "strangers"),
        "tokens",
    }
    shown = doctor(tmp_path)
    assert shown.out.splitlines()[-1] == "Everything is in order."


def test_before_the_first_start_nothing_is_made(tmp_path: Path) -> None:
    called = doctor(tmp_path, "", "--json")
    assert (called.status, states(called)["records"], states(called)["queue"]) == (0, "skipped", "skipped")
    assert not (tmp_path / "data").exists()
    assert doctor(tmp_path, "", "--security", "--json").objects
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("text", ["nonsense = 1\n", 'database = "oracle"\n'])
def test_a_configuration_that_cannot_be_read_is_a_wrong_call(text: str, tmp_path: Path) -> None:
    called = doctor(tmp_path, text)
    assert (called.status, called.out) == (2, "")
    assert called.codes[0] in ("TLM-CFG-001", "TLM-CFG-002")


def test_a_configuration_that_cannot_be_used_is_told_and_the_rest_looked_at(data: Path, tmp_path: Path) -> None:
    called = doctor(tmp_path, '[[profile]]\nname = "x"\nfrom = "cp9999"\n', "--json")
    assert called.status == 2
    assert states(called)["configuration"] == "found"
    assert states(called)["ports"] == "ok"


def test_what_is_wrong_with_http_is_told(data: Path, tmp_path: Path) -> None:
    (tmp_path / "tolmach.toml").write_text(f'data_dir = "{data.as_posix()}"\n[http]\nprot = 1\n')
    assert call("doctor", "--config", tmp_path / "tolmach.toml").status == 2


def test_a_full_disk_a_missing_folder_and_a_strange_one_are_told(data: Path, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_bytes(b"")
    text = f"""
[[watch]]
name = "gone"
folder = "{(tmp_path / "gone").as_posix()}"
[[watch]]
name = "room-1"
folder = "{tmp_path.as_posix()}/in"
export_folder = "{(tmp_path / "a-file" / "out").as_posix()}"
"""
    (tmp_path / "in").mkdir()
    called = doctor(tmp_path, text)
    assert (called.status, called.codes) == (1, ["TLM-SRV-206", "TLM-SRV-200"])
    assert "“gone”" in called.err
    assert str(tmp_path / "a-file" / "out") in called.err
    found = doctor_places.room(installation(data_dir=str(data), storage={"reserve": "99%"}))
    assert codes(found) == ["TLM-INT-001"]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="a folder that nobody can write to: Linux alone")
def test_a_folder_that_is_to_be_cleared_and_cannot_be_is_told(tmp_path: Path) -> None:
    watch = {"name": "room-1", "folder": "/proc/self/task", "after": "delete"}
    assert codes(doctor_places.folders(installation(watch=[watch]))) == ["TLM-SRV-207"]
    assert codes(doctor_places.folders(installation(watch=[{**watch, "after": "keep"}]))) == []
    assert codes(doctor_places.data_folder(installation(data_dir="/proc/self/task/x"))) == ["TLM-SRV-200"]


def test_tables_of_an_older_version_are_left_as_they_are_until_the_next_start(data: Path, tmp_path: Path) -> None:
    with sqlite3.connect(data / "tolmach.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (REVISIONS[-2],))
    connection.close()
    called = doctor(tmp_path, "", "--json")
    assert (called.status, called.codes) == (1, ["TLM-SRV-201"])
    assert states(called)["queue"] == "skipped"
    with sqlite3.connect(data / "tolmach.sqlite") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (REVISIONS[-2],)
    connection.close()


def test_tables_of_a_newer_version_and_damage_are_told(data: Path, tmp_path: Path) -> None:
    """M-05."""
    with sqlite3.connect(data / "tolmach.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffff'")
    connection.close()
    assert doctor(tmp_path).codes == ["TLM-SQL-005"]
    (data / "tolmach.sqlite").write_bytes(b"no database" * 1000)
    assert doctor(tmp_path).codes == ["TLM-SQL-004"]


def test_objects_without_records_are_told(tmp_path: Path) -> None:
    (tmp_path / "data" / "objects" / "ab" / "cd").mkdir(parents=True)
    (tmp_path / "data" / "objects" / "ab" / "cd" / "abcd.dcm").write_bytes(b"x")
    called = doctor(tmp_path)
    assert (called.status, called.codes) == (1, ["TLM-SRV-004"])


@pytest.mark.parametrize(
    ("now", "change", "code"),
    [
        (datetime(1970, 1, 1, 0, 5, tzinfo=UTC), {}, "TLM-SRV-202"),
        (datetime(2126, 1, 1, tzinfo=UTC), {}, "TLM-SRV-202"),
        (NOW, {"last_event_at": NOW + timedelta(hours=1)}, "TLM-SRV-203"),
        (NOW, {"clock": NOW - timedelta(minutes=10)}, "TLM-SRV-204"),
    ],
)
def test_clocks_that_cannot_all_be_right_are_told(now: datetime, change: dict[str, Any], code: str) -> None:
    standing = replace(Standing("db", "1", "1", None, None), **change)
    here = replace(installation(now, data_dir="./none"), standing=standing)
    assert codes(doctor_places.clocks(here)) == [code]
    right = replace(standing, last_event_at=NOW, clock=NOW - timedelta(seconds=30))
    assert doctor_places.clocks(replace(here, now=lambda: NOW, standing=right)) == []


def test_a_share_with_another_clock_is_told(data: Path) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=30)
    assert codes(doctor_places.clocks(installation(ahead, data_dir=str(data)))) == ["TLM-SRV-204"]


def test_a_port_that_another_program_has_is_told_and_our_own_is_not(data: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dicom = {"port": taken.getsockname()[1]}
        settings: dict[str, Any] = {"data_dir": str(data), "dicom": dicom, "http": {"port": 0}}
        assert codes(doctor_places.ports(installation(**settings))) == ["TLM-SRV-205"]
        with DataDirLock(data):  # as serve has it
            assert doctor_places.ports(installation(**settings)) is None
    elsewhere: dict[str, Any] = {"dicom": {"host": "192.0.2.1", "port": 0}, "http": {"enabled": False}}
    assert codes(doctor_places.ports(installation(**elsewhere))) == ["TLM-SRV-205"]
    assert DataDirLock(data).holder() == os.getpid()  # and the lock can be had afterwards
    with DataDirLock(data):
        pass


@contextmanager
def _archive(folder: Path) -> Iterator[int]:
    """Run a Storage SCP that knows us."""
    policy = AcceptancePolicy("PACS", (Caller("us", "TOLMACH", ("127.0.0.1",)),))
    with StorageScp(StorageScpSettings(port=0, policy=policy), folder, lambda _: 0) as scp:
        yield scp.port


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_each_destination_is_asked_in_its_own_way(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "spool").mkdir()
    with (
        _archive(tmp_path / "spool") as port,
        web_archive(tmp_path / "web") as (_, client),
        socket.create_server(("127.0.0.1", 0)) as mis,
    ):
        web = f"http://127.0.0.1:{client.listening.port}/dicom-web"
        good: list[dict[str, Any]] = [
            {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": port},
            {"name": "web", "kind": "stow", "url": web, "token": client.token},
            {"name": "out", "kind": "folder", "folder": str(tmp_path / "out")},
            {"name": "mis", "kind": "hl7", "host": "127.0.0.1", "port": mis.getsockname()[1]},
            {"name": "ct", "ae_title": "CT", "host": "127.0.0.1"},
        ]
        assert doctor_peers.peers(installation(peer=good)) == []
        bad = [
            {**good[0], "ae_title": "OTHER"},
            {**good[0], "name": "dead", "port": _closed_port()},
            {**good[1], "token": "wrong"},
            {**good[2], "folder": str(tmp_path / "nowhere")},
            {**good[3], "port": _closed_port()},
        ]
        found = codes(doctor_peers.peers(installation(peer=bad)))
    assert found[2:] == ["TLM-SRV-208", "TLM-SRV-200", "TLM-SRV-209"]
    assert [code[:7] for code in found[:2]] == ["TLM-NET", "TLM-NET"]
    assert doctor_peers.peers(installation(peer=good[4:])) is None


def test_what_waits_who_was_turned_away_and_which_token_ends_is_told(tmp_path: Path) -> None:
    refused = Problem(Fault("TLM-NET-111", "{peer} does not support this SOP class.", "Enable it."), {"peer": "PACS"})
    with open_records(tmp_path / "data") as records:
        intake = Intake(
            FolderStore(tmp_path / "data"), records.receipts, Reserve(bytes=0), lambda: datetime.now(UTC), lambda: 0.0
        )
        intake.accept_stream([spoiled(IVANOV)], Provenance("dimse", "ct-1", "CT1", "10.0.0.1"))
        records.ends.finish([_ending()])
        records.outbox.claim("pacs", "me", 10, NOW, 60)
        records.outbox.conclude([Conclusion(1, "held", NOW, status="0122", problem=refused)], NOW)
        records.unknown_peers.note("CT9", "10.0.0.9")
        records.tokens.bearer_of(records.tokens.create("ct-1", "technician", timedelta(days=5), "me"))
        records.tokens.create("never used", "viewer", timedelta(days=5), "me")
    called = doctor(tmp_path, "", "--json")
    assert called.status == 1
    assert called.codes == ["TLM-SRV-021", "TLM-SRV-005", "TLM-SRV-217", "TLM-SRV-215"]
    assert "CT9 at 10.0.0.9" in called.err
    problems = [one for looked in called.objects for one in looked["problems"]]
    assert [one["code"] for one in problems] == called.codes
    assert {one["severity"] for one in problems} <= {"serious", "warning"}


def _ending() -> Ending:
    return Ending(
        object_id=1,
        sop_class_uid=CT_IMAGE,
        sop_instance_uid=f"{INSTANCE}.1",
        transfer_syntax_uid=EXPLICIT_LE,
        study_instance_uid="1.2.3",
        verdict="clean",
        facts={"PatientName": IVANOV, "PatientID": "1"},
        editions=[Edition(b"", CT_IMAGE, f"{INSTANCE}.1", ())],
        deliveries=[NewDelivery("pacs", 0)],
    )


def test_letters_and_texts_that_are_missing_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor_places.letters(installation()) == []
    monkeypatch.setattr("tolmach.text.detect.detect", lambda _: Detection(None, "unsure", 0.0, Phrase("")))
    monkeypatch.setattr("tolmach.apps.translations.translator", lambda _: translator("en"))
    assert codes(doctor_places.letters(installation())) == ["TLM-SRV-210"] * 5 + ["TLM-SRV-216"] * 2


def test_a_bucket_that_cannot_be_used_is_told(data: Path) -> None:
    here = installation(data_dir=str(data), objects="s3://clinic/tolmach?endpoint=http://127.0.0.1:9")
    (looked,) = [one for one in examine(doctor_checks.INSTALLATION, here) if one.check.name == "objects"]
    assert codes(looked.findings) == ["TLM-OBJ-032"]  # no keys in the environment
    assert doctor_places.objects(installation()) is None


@pytest.mark.slow
def test_a_bucket_and_a_server_are_asked_as_serve_asks_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M-08: in order; then a bucket that is not there, and servers nobody reaches: told, without the password."""
    database = database_of(tmp_path)
    with open_records(tmp_path / "data", database=database):
        pass
    (tmp_path / "data").mkdir(exist_ok=True)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_access_key)

    def settings(port: int, bucket: str, records: str) -> str:
        return f'objects = "s3://{bucket}/tolmach?endpoint=http://127.0.0.1:{port}"\ndatabase = "{records}"\n'

    with s3_server() as server:
        good = doctor(tmp_path, settings(server.port, server.bucket, database), "--json")
        assert (good.status, states(good)["records"], states(good)["objects"]) == (0, "ok", "ok"), good.err
        missing = doctor(tmp_path, settings(server.port, "nowhere", database))
        assert (missing.status, missing.codes) == (1, ["TLM-OBJ-033"])
    away = doctor(
        tmp_path, settings(_closed_port(), "clinic", f"postgresql://u:geheim@127.0.0.1:{_closed_port()}/t"), "--json"
    )
    assert away.status == 1
    assert (states(away)["records"], states(away)["objects"], states(away)["queue"]) == ("found", "found", "skipped")
    assert "geheim" not in away.out + away.err
