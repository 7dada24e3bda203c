"""What the window stands on and can be tried without one: words for values, edits, searching, what is remembered."""

import json
import stat
import sys
import typing
from pathlib import Path

import pytest
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from tolmach.adapters.folder import FoundFile
from tolmach.apps.desktop import shown
from tolmach.apps.desktop.common_elements import COMMON
from tolmach.apps.desktop.edits import EditBook
from tolmach.apps.desktop.element_search import ElementSearch, spelled_out
from tolmach.apps.desktop.in_hand import InHand
from tolmach.apps.desktop.own_peers import load_peers, peers_as_toml, save_peers
from tolmach.apps.desktop.peer_dialog import FIRST, MORE
from tolmach.apps.desktop.remembered import (
    CHOICES,
    LIST,
    Keeper,
    Remembered,
    list_as_json,
    load_list,
    load_remembered,
)
from tolmach.apps.desktop.rows import State
from tolmach.apps.desktop.schema_form import DESCRIPTIONS, LABELS, PROOFS, SchemaForm
from tolmach.apps.desktop.words import Words
from tolmach.apps.sections import PeerSettings
from tolmach.base import TolmachError
from tolmach.dicom.dictionary import tag_of

EVIL = "<b>Ivan\u202e\u0000\x1b[31m&amp;"


def test_hostile_text_is_shown_as_what_it_is() -> None:
    assert shown.plain(EVIL) == "<b>Ivan\\u202e\\x00\\x1b[31m&amp;"
    assert len(shown.plain("я" * 65_536)) == shown.MOST + 1
    assert "&lt;b&gt;Ivan" in shown.tip(EVIL)
    assert "<b>" not in shown.tip(EVIL)
    assert shown.tip("") == ""
    assert shown.label("R&D") == "R&&D"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (2048, "2.0 KB"), (5 << 20, "5.0 MB"), (3 << 30, "3.0 GB"), (1023_900, "1.0 MB")],
)
def test_sizes(count: int, text: str) -> None:
    assert Words("en").size(count) == text


@pytest.mark.parametrize("language", ["ru", "uk"])
def test_sizes_are_asked_of_the_catalogue_and_written_as_its_readers_do(language: str) -> None:
    words = Words(language)
    units = {words.gettext(one, size="2,0") for one in shown.UNITS}
    assert words.size(2 << 10) in units
    assert words.size(2 << 30) in units


def test_dates_names_and_times_as_people_read_them() -> None:
    assert shown.dicom_date("20260131") == "2026-01-31"
    assert shown.dicom_date("20261331") == "20261331"
    assert shown.person("ИВАНОВ^ПЁТР^^") == "ИВАНОВ ПЁТР"
    assert (shown.duration(65), shown.duration(3700)) == ("1:05", "1:01:40")


def test_every_common_element_is_one_of_the_dictionary() -> None:
    assert [keyword for keyword in COMMON if tag_of(keyword) is None] == []
    assert len(COMMON) >= 80


@pytest.mark.parametrize(
    ("query", "keyword"),
    [
        ("PatientName", "PatientName"),
        ("patient name", "PatientName"),
        ("(0010,0010)", "PatientName"),
        ("00100010", "PatientName"),
        ("дата рождения", "PatientBirthDate"),
        ("дата народження", "PatientBirthDate"),
        ("стать", "PatientSex"),
        ("учреждение", "InstitutionName"),
    ],
)
def test_elements_are_found_by_any_of_their_names(query: str, keyword: str) -> None:
    found = ElementSearch().find(query)
    assert keyword in [one.keyword for one in found[:3]], found[:5]


def test_a_search_for_nothing_or_nonsense() -> None:
    search = ElementSearch()
    assert list(search.find("  ")) == []
    assert list(search.find("хренозавр")) == []
    assert len(search.find("patient")) == 40
    assert spelled_out("SOPInstanceUID") == "SOP Instance UID"


def test_edits_replace_and_are_undone() -> None:
    book, one, two = EditBook(), Path("a"), Path("b")
    book.add([one, two], ("set", "PatientID", "1"))
    book.add([one], ("set", "PatientID", "2"))
    assert book.steps(one) == (("set", "PatientID", "2"),)
    book.add([one], ("set_if_missing", "PatientSex", "M"))
    assert len(book.steps(one)) == 2
    assert book.undo() == [one]
    assert book.undo() == [one]
    assert book.steps(one) == (("set", "PatientID", "1"),)
    assert book.undo() == [one, two]
    assert (book.steps(one), book.steps(two), book.can_undo) == ((), (), False)
    book.add([one], ("set", "PatientID", "1"))
    assert book.take_back(one, "PatientSex") == []
    assert book.take_back(one) == [one]


def test_choices_are_remembered_for_the_owner_alone(tmp_path: Path) -> None:
    complaints: list[TolmachError] = []
    keeper = Keeper(tmp_path / "own", complaints.append)
    keeper.keep_choices(Remembered(language="uk", peer="pacs", as_is=True))
    assert keeper.wait()
    assert load_remembered(tmp_path / "own") == Remembered(language="uk", peer="pacs", as_is=True)
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "own" / CHOICES).stat().st_mode) == 0o600
    keeper.finish()
    assert complaints == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("a file, not a folder")
    complaints: list[TolmachError] = []
    keeper = Keeper(tmp_path / "own", complaints.append)
    keeper.keep_choices(Remembered())
    keeper.finish()
    assert len(complaints) == 1


@pytest.mark.parametrize(
    "content", ["", "null", "[]", '{"language": 5, "peer": "x", "more": 1}', "\ud800", '{"files": 3}']
)
def test_damaged_memories_are_as_if_never_kept(tmp_path: Path, content: str) -> None:
    for name in (CHOICES, LIST):
        (tmp_path / name).write_bytes(content.encode("utf-8", "surrogatepass"))
    assert load_remembered(tmp_path).language == ""
    assert load_list(tmp_path) == []


def test_the_list_is_kept_with_its_edits_and_without_names_of_patients(tmp_path: Path) -> None:
    file = FoundFile(Path("/d/я\udcff.dcm"), Path("я\udcff.dcm"))
    values = list_as_json(
        [(file, State.SENT, ()), (FoundFile(Path("b"), Path("b")), State.FAILED, (("set", "X", "1"),))]
    )
    (tmp_path / LIST).write_text(json.dumps(values))
    first, second = load_list(tmp_path)
    assert (first.file, first.is_confirmed, second.is_confirmed, second.steps) == (
        file,
        True,
        False,
        (("set", "X", "1"),),
    )


def test_own_peers_are_written_and_read_as_configured_ones(tmp_path: Path) -> None:
    peers = [PeerSettings(name='п"1"', ae_title="A", host="h", port=104, tls=True, rights=("echo",))]
    save_peers(tmp_path, peers)
    assert load_peers(tmp_path) == (peers, None)
    assert "timeout" not in peers_as_toml(peers)
    (tmp_path / "desktop-peers.toml").write_text('[[peer]]\nname = "a"\nae_title = "я"\nhost = "h"\n')
    loaded, trouble = load_peers(tmp_path)
    assert loaded == []
    assert trouble is not None


def test_forms_say_what_the_schema_says() -> None:
    fields = PeerSettings.model_fields
    assert [fields[name].description for name in (*FIRST, *MORE)] == list(DESCRIPTIONS)
    assert set(LABELS) == {*FIRST, *MORE}


def test_rate_and_time_left() -> None:
    hand = InHand(None, {}, False, 100, 0.0)  # type: ignore[arg-type]
    assert hand.progress(0.1).left is None
    for _ in range(20):
        hand.conclude(is_good=True)
    progress = hand.progress(2.0)
    assert (progress.done, progress.rate, progress.left) == (20, 10.0, 8.0)


def test_kinds_of_proof_are_said_in_words_and_kept_as_the_schema_has_them(qtbot: QtBot) -> None:
    assert set(PROOFS) == set(typing.get_args(PeerSettings.model_fields["proof"].annotation))
    form = SchemaForm(Words("en"), PeerSettings, ["proof", "text"], {})
    qtbot.addWidget(form)
    for kind, said in PROOFS.items():
        form.put({"proof": kind, "text": "cp1251"})
        field = form.fields["proof"]
        assert isinstance(field, QComboBox)
        assert field.currentText() == said
        assert form.values() == {"proof": kind, "text": "cp1251"}
    form.put({"proof": "response", "text": "koi8-u"})
    assert form.values()["text"] == "koi8-u", "what nobody suggested may be typed"
