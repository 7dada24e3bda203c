"""`tolmach watch` and what the other commands know of watched folders, without a running serve."""

import csv
import os
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.builders import CT_IMAGE, EXPLICIT_LE
from tests.calling import call
from tests.contracts.records_values import PROBLEM, arrival, sha256_of
from tolmach.adapters.sql import Records, open_records
from tolmach.base import Phrase, Problem
from tolmach.delivery.interfaces import Conclusion, Detected, Edition, Ending, NewDelivery
from tolmach.edit.changes import Change
from tolmach.intake.interfaces import Dealing, FileMark, Provenance
from tolmach.journeys.faults import SHADOW

NOW = datetime.now(UTC)
CONFIG = """
data_dir = "data"
language = "en"
[[peer]]
name = "pacs"
ae_title = "PACS"
host = "127.0.0.1"
port = 104
[[watch]]
name = "room-1"
folder = "in"
export_folder = "out"
to = ["pacs"]
shadow = true
[[watch]]
name = "room-2"
folder = "in2"
to = ["pacs"]
"""
NASTY = "<script>alert('Шевченко')</script>\u202e^Т"


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    """Three images of room-1, two of one study, all held by shadow mode; one export written; one of room-2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tolmach.toml").write_text(CONFIG, "utf-8")
    held = Problem(SHADOW, {"watch": "room-1"})
    with open_records(tmp_path / "data") as opened:
        for number, name in enumerate((NASTY, NASTY, "Шевченко^Тарас")):
            take(opened, "room-1", number, name, f"1.{number // 2}", held)
        take(opened, "room-2", 7, "SHEVCHENKO^TARAS", "2", None)
        for line in opened.outbox.claim("room-1 export", "w", 1, NOW, 60):
            said = Conclusion(line.delivery_id, "delivered", status="written", proof="response", place="/out/1.dcm")
            opened.outbox.conclude([said], NOW)
        yield opened


def take(records: Records, watch: str, number: int, name: str, study: str, held: Problem | None) -> None:
    came = arrival(number, provenance=Provenance("folder", watch), at=NOW - timedelta(minutes=5))
    one = records.receipts.record(came).object_id
    change = Change("00100010", "PatientName", "PN", "Øåâ÷åíêî", name, "character-set")
    ending = Ending(
        object_id=one,
        sop_class_uid=CT_IMAGE,
        sop_instance_uid=came.sop_instance_uid,
        transfer_syntax_uid=EXPLICIT_LE,
        study_instance_uid=study,
        verdict="repairable",
        facts={"PatientName": name, "PatientID": "17"},
        problems=[PROBLEM] if number == 2 else [],
        editions=[Edition(b"\x01", CT_IMAGE, came.sop_instance_uid, (change,))],
        deliveries=[NewDelivery("pacs", 0, held), NewDelivery(f"{watch} export", 0)],
        detected=Detected("cp1251", 0.9987, Phrase("the letters fit")),
    )
    records.ends.finish([ending])
    mark = FileMark(b"a/%d.dcm" % number, 1, number, 2, 3)
    records.watched.note(watch, [Dealing(mark, sha256_of(number), one)])


def states_of(records: Records, to: str = "pacs") -> list[str]:
    return [line.state for row in records.desk.history() for line in row.deliveries if line.destination == to]


# List, pause, resume, shadow, live ----------------------------------------------------------------------------------


def test_the_list_shows_state_last_file_counters_and_trouble(records: Records) -> None:
    records.watched.note_state("room-2", PROBLEM, NOW)
    records.watched.note_state("gone", None, NOW)
    gone, first, second = call("watch", "list", "--json").objects
    assert (gone["name"], gone["state"], gone["folder"]) == ("gone", "unconfigured", None)
    assert (first["state"], first["taken"], first["last_file"], first["looked_at"]) == ("shadow", 3, "a/2.dcm", None)
    assert Path(first["folder"]).name == "in"
    assert (second["state"], second["taken"], second["trouble"]) == ("live", 1, f"TLM-TST-001: {PROBLEM}")
    assert second["trouble_since"] == second["looked_at"]
    shown = call("watch", "list").out
    for word in ("room-1", "shadow mode", "a/2.dcm", "taken: 3", "never looked at", "TLM-TST-001", "no longer conf"):
        assert word in shown, word


def test_a_folder_nobody_looks_at_any_more_is_shown(records: Records) -> None:
    records.watched.note_state("room-1", None, NOW - timedelta(minutes=20))
    assert "nobody has looked at it since" not in call("watch", "list").out, "a file came just now"
    records.watched.note_state("room-2", None, NOW - timedelta(minutes=20))
    records.watched.forget("room-2", [])
    with sqlite3.connect("data/tolmach.sqlite") as database:
        database.execute("UPDATE watches SET last_taken_at = looked_at")
    assert call("watch", "list").out.count("nobody has looked at it since") == 2
    records.watched.set_mode("room-1", "paused", "me")
    assert call("watch", "list").out.count("nobody has looked at it since") == 1


def test_a_folder_nobody_has_looked_at_is_listed(records: Records, tmp_path: Path) -> None:
    (tmp_path / "tolmach.toml").write_text(CONFIG.replace("room-2", "room-3"), "utf-8")
    names = [(row["name"], row["state"]) for row in call("watch", "list", "--json").objects]
    assert names == [("room-1", "shadow"), ("room-2", "unconfigured"), ("room-3", "live")]
    assert call("watch", "list").status == 0


def test_a_pause_ends_as_it_began(records: Records) -> None:
    for name, before in (("room-1", "shadow"), ("room-2", "live")):
        for _ in range(2):
            assert call("watch", "pause", name).status == 0
        assert records.watched.mode(name) == "paused"
        assert [row["state"] for row in call("watch", "list", "--json").objects if row["name"] == name] == ["paused"]
        called = call("watch", "resume", name)
        assert called.status == 0
        assert ("shadow mode" if before == "shadow" else "live") in called.out
        assert [row["state"] for row in call("watch", "list", "--json").objects if row["name"] == name] == [before]
    assert {event.action for event in records.events() if event.actor} == {"watch-mode"}


def test_going_live_with_what_was_held(records: Records) -> None:
    assert states_of(records) == ["held", "held", "held", "queued"]
    called = call("watch", "live", "room-1", "--with-held")
    assert called.status == 0
    assert "3 lines are tried now" in called.out
    assert states_of(records) == ["queued"] * 4
    assert records.watched.mode("room-1") == "live"
    assert "0 lines" in call("watch", "live", "room-1", "--with-held").out


def test_going_live_leaves_what_was_held_unless_it_is_asked_for(records: Records) -> None:
    assert call("watch", "live", "room-1").status == 0
    assert states_of(records) == ["held", "held", "held", "queued"]
    assert call("watch", "shadow", "room-1").status == 0
    assert records.watched.mode("room-1") == "shadow"
    assert call("watch", "live", "room-2", "--with-held").status == 0
    assert states_of(records) == ["held", "held", "held", "queued"]


@pytest.mark.parametrize("verb", ["pause", "resume", "shadow", "live", "report"])
def test_an_unknown_folder_is_refused_with_the_known_ones(records: Records, verb: str) -> None:
    called = call("watch", verb, "room-9")
    assert (called.status, called.codes) == (2, ["TLM-CLI-030"])
    assert "room-9" in called.err
    assert "room-1, room-2" in called.err
    assert called.out == ""
    assert len(records.watched.states()) == 2


def test_a_folder_that_only_the_records_know_can_be_paused(records: Records) -> None:
    records.watched.note_state("gone", None, NOW)
    assert call("watch", "pause", "gone").status == 0


# The report ---------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("language", ["en", "uk", "ru"])
def test_the_page_is_in_the_users_language_and_holds_nothing_that_runs(
    records: Records, tmp_path: Path, language: str
) -> None:
    called = call("watch", "report", "room-1", "--html", "r.html", "--lang", language)
    assert (called.status, called.err) == (0, "")
    text = (tmp_path / "r.html").read_text("utf-8")
    page = Page(text)
    tags = [tag for tag, _ in page.tags]
    assert "script" not in tags
    assert page.tags[0] == ("html", {"lang": language})
    assert tags.count("tr") == 3  # a head, one line for the two images that are alike, one for the third
    assert "<script>alert('Шевченко')</script>\\u202e^Т" in page.words  # as text, with nothing that turns it round
    for word in ("Øåâ÷åíêî", "Шевченко^Тарас", "cp1251", "99.9 %", "room-1 export", "TLM-TST-001"):
        assert word in page.words, word
    assert "SHEVCHENKO" not in page.words
    if os.name == "posix":
        assert (tmp_path / "r.html").stat().st_mode & 0o777 == 0o600


def test_the_report_counts_and_tells_of_shadow_mode(records: Records, tmp_path: Path) -> None:
    call("watch", "report", "room-1", "--html", "r.html")
    words = Page((tmp_path / "r.html").read_text("utf-8")).words
    assert "What would be changed: room-1" in words
    assert "Images: 3. Changed: 3. Unsure: 0. Not changed: 0." in words
    assert "2 images" in words
    assert "pacs: held 2" in words
    assert "room-1 export: delivered 1room-1 export: queued 1" in words
    assert "in shadow mode" in words
    call("watch", "report", "room-2", "--html", "r.html")
    words = Page((tmp_path / "r.html").read_text("utf-8")).words
    assert "What was changed: room-2" in words
    assert "shadow" not in words


def test_the_report_is_of_a_day_unless_it_is_said_otherwise(records: Records, tmp_path: Path) -> None:
    old = arrival(9, provenance=Provenance("folder", "room-1"), at=NOW - timedelta(days=2))
    records.receipts.record(old)
    assert len(call("watch", "report", "room-1", "--json").objects) == 3
    assert len(call("watch", "report", "room-1", "--since", "3d", "--json").objects) == 4
    assert call("watch", "report", "room-1", "--since", "1m", "--json").objects == []
    call("watch", "report", "room-1", "--since", "1m", "--html", "r.html")
    assert "Nothing has come" in Page((tmp_path / "r.html").read_text("utf-8")).words
    shown = call("watch", "report", "room-1").out
    assert "Images: 3. Changed: 3." in shown
    assert "Øåâ÷åíêî" in shown


def test_the_report_as_a_table(records: Records, tmp_path: Path) -> None:
    assert call("watch", "report", "room-1", "--csv", "r.csv", "--html", "r.html").status == 0
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == 6
    assert [row["state"] for row in rows if row["destination"] == "pacs"] == ["held"] * 3
    assert [row["export"] for row in rows][:3] == ["/out/1.dcm", "/out/1.dcm", ""]
    assert rows[0]["code_page"] == "cp1251"
    assert (tmp_path / "r.html").exists()


# What the other commands know ---------------------------------------------------------------------------------------


def test_the_history_of_one_folder_and_of_a_patient_in_any_script(records: Records) -> None:
    def found(*more: str) -> list[int]:
        return [row["id"] for row in call("history", *more, "--json").objects]

    assert found("--watch", "room-2") == [4]
    assert found("--patient", "Шевченко") == [3, 4] or found("--patient", "Шевченко") == [1, 2, 3, 4]
    for text in ("ШЕВЧЕНКО", "shevchenko", "Shevchenko", "Шевченко Тарас"):
        assert {3, 4} <= set(found("--patient", text)), text
        assert found("--patient", text, "--watch", "room-2") == [4]
    called = call("history", "--watch", "room-9")
    assert (called.status, called.codes) == (2, ["TLM-CLI-030"])


def test_the_history_shows_the_evidence_and_the_export(records: Records) -> None:
    (first, *_) = call("history", "--watch", "room-1", "--json").objects
    assert first["export"] == "/out/1.dcm"
    assert first["detected"] == {"code_page": "cp1251", "confidence": 0.9987, "evidence": "the letters fit"}
    shown = call("history", "--watch", "room-1").out
    for word in ("cp1251 99.9 %: the letters fit", "/out/1.dcm", "room-1 export", "Øåâ÷åíêî → ", "held"):
        assert word in shown, word


def test_what_was_changed_is_taken_back(records: Records) -> None:
    call("watch", "live", "room-1", "--with-held")
    for line in records.outbox.claim("pacs", "w", 9, NOW, 60):
        records.outbox.conclude([Conclusion(line.delivery_id, "delivered", status="0000", proof="response")], NOW)
    assert call("resend", "1", "--to", "pacs", "--original").status == 0
    (line,) = records.outbox.claim("pacs", "w", 9, NOW, 60)[:1]
    assert line.delta == b""
    (row, *_) = call("history", "--json").objects
    assert [one.get("original") for one in row["deliveries"]] == [True, None]
    assert "as it came" in call("history").out
    called = call("resend", "1", "--to", "pacs", "--original")  # it is under way
    assert (called.status, called.out) == (1, "0 lines are queued.\n")


@pytest.mark.parametrize("verb", ["list", "retry", "hold", "drop"])
def test_the_queue_of_an_unknown_destination_is_refused_with_the_known_ones(records: Records, verb: str) -> None:
    called = call("queue", verb, "--to", "pasc")
    assert (called.status, called.codes) == (2, ["TLM-CLI-021"])
    assert re.search(r"pacs.*room-1 export", called.err)
    assert states_of(records) == ["held", "held", "held", "queued"]


def test_the_queue_of_a_destination_that_is_configured_no_more_is_shown(records: Records, tmp_path: Path) -> None:
    (tmp_path / "tolmach.toml").write_text(CONFIG.replace('"pacs"', '"new"'), "utf-8")
    assert len(call("queue", "list", "--to", "pacs", "--json").objects) == 4
    assert call("queue", "list", "--to", "new", "--json").status == 0
    assert call("queue", "list", "--to", "", "--json").status == 2
