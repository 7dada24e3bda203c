"""The commands on the records: queue, history, audit, backup and the others, without a running serve."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.builders import CT_IMAGE, EXPLICIT_LE, INSTANCE
from tests.calling import IVANOV, call, spoiled
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.sql import Records, open_records
from tolmach.apps.cli.history import moment_of
from tolmach.base import Fault, Problem, TolmachError
from tolmach.delivery.interfaces import Conclusion, Edition, Ending, NewDelivery
from tolmach.edit.changes import Change
from tolmach.intake.interfaces import Provenance
from tolmach.intake.receive import Intake
from tolmach.intake.room import Reserve
from tolmach.repair.memory import Device

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REFUSED = Problem(Fault("TLM-NET-111", "{peer} does not support this SOP class.", "Enable it."), {"peer": "PACS"})
CONFIG = """
data_dir = "data"
language = "en"
[[peer]]
name = "pacs"
ae_title = "PACS"
host = "127.0.0.1"
port = 104
[[peer]]
name = "second"
ae_title = "SECOND"
host = "127.0.0.1"
port = 105
"""


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    """Give records of two images, the second one refused, in a configured folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tolmach.toml").write_text(CONFIG, "utf-8")
    store = FolderStore(tmp_path / "data")
    with open_records(tmp_path / "data") as opened:
        intake = Intake(store, opened.receipts, Reserve(bytes=0), lambda: datetime.now(UTC), lambda: 0.0)
        for name in (IVANOV, "КЛИМЕНКО^ЮЛІЯ"):
            intake.accept_stream([spoiled(name)], Provenance("dimse", "ct-1", "CT1", "10.0.0.1"))
        opened.ends.finish([ending(1, IVANOV), ending(2, "=КЛИМЕНКО^ЮЛІЯ")])
        lines = opened.outbox.claim("pacs", "me", 10, NOW, 60)
        assert len(lines) == 2
        opened.outbox.conclude(
            [
                Conclusion(1, "delivered", status="0000", proof="response"),
                Conclusion(2, "held", NOW + timedelta(minutes=10), status="0122", problem=REFUSED),
            ],
            NOW,
        )
        yield opened


def ending(number: int, name: str) -> Ending:
    change = Change("00100010", "PatientName", "PN", "Èâàíîâ", name, "character-set")
    return Ending(
        object_id=number,
        sop_class_uid=CT_IMAGE,
        sop_instance_uid=f"{INSTANCE}.{number}",
        transfer_syntax_uid=EXPLICIT_LE,
        study_instance_uid="1.2.3",
        verdict="repairable",
        facts={"PatientName": name, "PatientID": str(number)},
        editions=[Edition(b"", CT_IMAGE, f"{INSTANCE}.{number}", (change,))],
        deliveries=[NewDelivery("pacs", 0)],
    )


def test_the_queue_shows_what_is_wrong_and_what_to_do(records: Records) -> None:
    (row,) = call("queue", "list", "--json").objects
    assert (row["id"], row["to"], row["state"], row["attempts"]) == (2, "pacs", "held", 1)
    assert row["last_error"] == "TLM-NET-111: PACS does not support this SOP class. Enable it."
    assert row["age_seconds"] >= 0
    shown = call("queue", "list").out
    for word in ("held", "pacs", "=КЛИМЕНКО^ЮЛІЯ", "TLM-NET-111", "next attempt"):
        assert word in shown
    assert call("queue", "list", "--to", "second", "--json").out == ""


def test_an_operator_decides(records: Records) -> None:
    assert "1 line is tried now" in call("queue", "retry").out
    assert call("queue", "list", "--json").objects[0]["state"] == "queued"
    assert "1 line is held" in call("queue", "hold", "2").out
    assert "1 line is dropped" in call("queue", "drop", "--to", "pacs").out
    assert "Nothing waits" in call("queue", "list").out
    (total,) = call("audit", "--json").objects
    assert (total["taken"], total["delivered"], total["deleted"], total["holds"]) == (2, 1, 1, True)
    assert {event.action for event in records.events()} >= {"retried", "held", "dropped"}
    assert all(event.actor for event in records.events() if event.action == "dropped")


@pytest.mark.parametrize("verb", ["retry", "hold", "drop"])
def test_an_unknown_number_changes_nothing(records: Records, verb: str) -> None:
    called = call("queue", verb, "2", "77")
    assert (called.status, called.codes) == (2, ["TLM-SQL-020"])
    assert "77" in called.err
    assert call("queue", "list", "--json").objects[0]["state"] == "held"


def test_the_history_tells_everything_of_an_object(records: Records) -> None:
    first, second = call("history", "--json").objects
    assert first["patient_name"] == IVANOV
    assert first["received"]["source"] == "ct-1"
    assert first["verdict"] == "repairable"
    assert first["changes"] == [
        {
            "path": "00100010",
            "keyword": "PatientName",
            "vr": "PN",
            "before": "Èâàíîâ",
            "after": IVANOV,
            "reason": "character-set",
        }
    ]
    (line,) = first["deliveries"]
    assert {key: line[key] for key in ("id", "to", "state", "attempts", "status", "proof")} == {
        "id": 1,
        "to": "pacs",
        "state": "delivered",
        "attempts": 1,
        "status": "0000",
        "proof": "response",
    }
    assert second["deliveries"][0]["state"] == "held"
    assert IVANOV in call("history").out


def test_the_history_tells_who_brought_an_object_again(records: Records, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "data")
    later = datetime.now(UTC) + timedelta(hours=1)
    intake = Intake(store, records.receipts, Reserve(bytes=0), lambda: later, lambda: 0.0)
    intake.accept_stream([spoiled(IVANOV)], Provenance("folder", "usb", "", ""))
    records.ends.finish([ending(1, IVANOV)])
    first, second = call("history", "--json").objects
    assert (first["received"]["source"], first["again"]["source"], "again" in second) == ("ct-1", "usb", False)
    assert "from usb" in call("history").out
    call("history", "--csv", "all.csv")
    with Path("all.csv").open(encoding="utf-8-sig", newline="") as file:
        row, *_others = csv.DictReader(file)
    assert (row["source"], row["again_source"]) == ("ct-1", "usb")
    assert row["again"]


def test_a_patient_is_found_in_any_script(records: Records) -> None:
    for text in ("иванов", "Ivanov", "ІВАНОВ"):
        assert [row["id"] for row in call("history", "--patient", text, "--json").objects] == [1], text
    assert call("history", "--patient", "Petrenko", "--json").objects == []


def test_the_history_since_a_time(records: Records) -> None:
    assert len(call("history", "--since", "1h", "--json").objects) == 2
    assert call("history", "--since", "2999-01-01", "--json").objects == []
    assert "Nothing has come" in call("history", "--since", "2999-01-01").out
    called = call("history", "--since", "gestern")
    assert (called.status, called.codes) == (2, ["TLM-CLI-025"])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("2026-11-22T10:00:00Z", NOW.replace(hour=10)),
        ("2026-11-22T10:00+02:00", NOW.replace(hour=8)),
    ],
)
def test_times_as_people_write_them(text: str, moment: datetime) -> None:
    assert moment_of(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "h", "-1h", "9999999999999d", "32.13.2026", "²h"])
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(TolmachError, match="TLM-CLI-025"):
        moment_of(text, NOW)


def test_a_spreadsheet_of_the_history(records: Records, tmp_path: Path) -> None:
    assert call("history", "--csv", "h.csv").status == 0
    with (tmp_path / "h.csv").open(encoding="utf-8-sig", newline="") as text:
        first, second = csv.DictReader(text)
    assert first["patient_name"] == IVANOV
    assert second["patient_name"] == "'=КЛИМЕНКО^ЮЛІЯ"
    assert second["problem"].startswith("TLM-NET-111")


def test_an_object_is_sent_once_more_and_somewhere_else(records: Records) -> None:
    assert call("resend", "1").status == 0
    assert call("resend", "1", "--to", "second").status == 0
    lines = call("history", "--json").objects[0]["deliveries"]
    assert {(line["to"], line["state"]) for line in lines} == {("pacs", "queued"), ("second", "queued")}
    assert call("resend", "9").codes == ["TLM-SQL-022"]
    assert call("resend", "1", "--to", "nobody").codes == ["TLM-CLI-021"]


def test_the_audit_says_where_everything_is(records: Records) -> None:
    called = call("audit")
    assert (called.status, called.err) == (0, "")
    assert "nothing is missing" in called.out
    (total,) = call("audit", "--json").objects
    assert total["destinations"] == [
        {
            "to": "pacs",
            "taken": 2,
            "delivered": 1,
            "queued": 0,
            "held": 1,
            "quarantined": 0,
            "deleted": 0,
            "holds": True,
        }
    ]


def test_an_audit_that_does_not_hold_names_what_is_gone(records: Records) -> None:
    import sqlite3

    with sqlite3.connect(records.path) as vandal:
        vandal.execute("DELETE FROM deliveries WHERE id = 2")
    called = call("audit", "--json")
    assert called.status == 1
    assert called.objects[0]["holds"] is False
    assert {"TLM-SQL-032", "TLM-SQL-035"} <= set(called.codes)


def test_verify_names_what_is_damaged_or_gone(records: Records, tmp_path: Path) -> None:
    assert call("verify", "--json").objects[0]["checked"] == 2
    first, second = sorted((tmp_path / "data" / "objects").rglob("*.dcm"))
    raw = bytearray(first.read_bytes())
    raw[-1] ^= 1
    first.write_bytes(raw)
    second.unlink()
    called = call("verify", "--json")
    assert called.status == 1
    assert called.objects[0] | {"bytes": 0} == {"checked": 2, "bytes": 0, "missing": 1, "damaged": 1, "unreadable": 0}
    assert len(called.lines) == 2


def test_records_are_made_anew_from_the_files(records: Records, tmp_path: Path) -> None:
    records.close()
    for file in (tmp_path / "data").glob("tolmach.sqlite*"):
        file.unlink()
    assert call("audit").codes == ["TLM-SQL-006"]
    assert "2 objects" in call("rebuild").out
    (total,) = call("audit", "--json").objects
    assert (total["taken"], total["queued"]) == (2, 2)
    assert "0 objects" in call("rebuild").out


def test_a_backup_comes_back_and_nothing_is_deleted(records: Records, tmp_path: Path) -> None:
    assert call("backup", "b.tar").status == 0
    assert call("backup", "b.tar").status == 2  # never over an older one
    records.close()
    (tmp_path / "data" / "tolmach.sqlite").unlink()
    for file in (tmp_path / "data" / "objects").rglob("*.dcm"):
        file.unlink()
    restored = call("restore", "b.tar")
    assert restored.status == 0, restored.err
    assert call("audit", "--json").objects[0]["taken"] == 2
    assert call("verify").status == 0
    again = call("restore", "b.tar")
    assert again.status == 0
    assert "before-" in again.out
    assert call("restore", "tolmach.toml").status != 0


def test_a_backup_without_objects_says_what_is_missing_afterwards(records: Records, tmp_path: Path) -> None:
    assert call("backup", "b.tar", "--database-only").status == 0
    records.close()
    for file in (tmp_path / "data" / "objects").rglob("*.dcm"):
        file.unlink()
    restored = call("restore", "b.tar")
    assert restored.status == 1
    assert restored.codes == ["TLM-CLI-023"] * 2, restored.err


def test_who_was_turned_away_can_be_added(records: Records) -> None:
    assert "Nobody was turned away" in call("peers").out
    records.unknown_peers.note("XRAY", "10.0.0.9")
    (peer,) = call("peers", "--json").objects
    assert (peer["ae_title"], peer["host"], peer["times"]) == ("XRAY", "10.0.0.9", 1)
    assert 'ae_title = "XRAY"' in call("peers").out


def test_devices_of_serve_are_seen_pinned_and_reset(records: Records) -> None:
    memory = records.devices.load()
    memory.devices["M/X/1"] = Device({"cp1251": 7})
    memory.is_changed = True
    records.devices.save(memory)
    known = {"device": "M/X/1", "key": "M/X/1", "counts": {"cp1251": 7}, "pinned": None}
    assert call("devices", "list", "--json").objects == [known]
    assert call("devices", "pin", "M/X/1", "koi8-u").status == 0
    assert records.devices.load().devices["M/X/1"].pinned == "koi8-u"
    assert call("devices", "reset", "M/X/1").status == 0
    assert call("devices", "reset", "M/X/1").status == 2
    assert records.devices.load().devices == {}


@pytest.mark.parametrize(
    "arguments",
    [["queue", "list"], ["history"], ["audit"], ["verify"], ["peers"], ["backup", "b"], ["resend", "1"]],
    ids=" ".join,
)
def test_without_records_it_is_said_how_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    called = call(*arguments)
    assert (called.status, called.out, called.codes) == (2, "", ["TLM-SQL-006"])
    assert "tolmach serve" in called.err
    assert {one.name for one in tmp_path.iterdir()} <= {"home"}
