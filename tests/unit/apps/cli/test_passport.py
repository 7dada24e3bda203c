"""`tolmach passport`: text, JSON, settings that `config check` takes, and exit statuses."""

import os
import re
import tomllib
from pathlib import Path

import pytest

from tests.builders import body, even, part10
from tests.calling import CLEAN, NAME, call, folder_of, numbered, spoiled

CORPUS = Path(__file__).resolve().parents[5] / "shared" / "corpus"
MAKER, STATION, SEX = 0x00080070, 0x00081010, 0x00100040
UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
NAMES = ("ШЕВЧЕНКО^ТАРАС", "КОСАЧ^ЛАРИСА", "ФРАНКО^ІВАН", "ЩЕРБАКІВСЬКИЙ^ЮРІЙ")


def made_by(maker: str, name: str, page: str = "cp1251") -> bytes:
    """Give a file of a machine, its name in a code page its label denies."""
    return part10(
        body(
            (0x00080005, "CS", b"ISO_IR 100"),
            (MAKER, "LO", even(maker.encode(page))),
            (SEX, "CS", even("Ж".encode(page))),
            (NAME, "PN", even(name.encode(page))),
        )
    )


def test_a_device_in_words(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", **{f"f{number}": made_by("ACME", name) for number, name in enumerate(NAMES)})
    called = call("passport", "in")
    assert (called.status, called.err) == (0, "")
    assert "== ACME ==" in called.out
    for words in ("ISO_IR 100 | cp1251 | 4", "ØÅÂ×ÅÍÊÎ^ÒÀÐÀÑ | ШЕВЧЕНКО^ТАРАС | 1", "PatientSex | Æ | F | 4"):
        assert words in called.out
    assert "PatientID | empty or missing | 4" in called.out
    assert 'transliteration = "uk-kmu55"' in called.out
    assert "Only 4 files were looked at" in called.out
    assert called.out.splitlines()[-1] == "Devices: 1. Files: 4. Not used: 0."


def test_json_is_one_object_for_each_device(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=made_by("ACME", NAMES[0]), b=made_by("ACME", NAMES[1]), c=made_by("OTHER", NAMES[2]))
    called = call("passport", "in", "--json")
    assert (called.status, called.err) == (0, "")
    first, second = called.objects
    assert [(one["device"], one["files"]) for one in (first, second)] == [("ACME//", 2), ("OTHER//", 1)]
    assert first["character_sets"][0]["found"] == "cp1251"
    assert first["character_sets"][0]["lies"] == 2
    assert first["duplicates"] == {"same_bytes": 0, "other_bytes": 1}
    assert {"attribute": "PatientSex", "before": "Æ", "after": "F", "count": 2} in first["code_strings"]
    missing = {one["attribute"]: one for one in first["missing"]}
    assert missing["StudyInstanceUID"]["type"] == "1"
    assert missing["StudyInstanceUID"]["clause"] == "PS3.3 C.7.2.1"
    assert first["proposal"]["profile"]["from"] == "auto"
    assert first["next_steps"]


def test_a_device_is_named_as_the_list_of_devices_names_it(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=made_by("Севкаврентген", NAMES[0]))
    (tmp_path / "tolmach.toml").write_text('data_dir = "data"\n')
    (found,) = call("passport", "in", "--json").objects
    call("fix", "in", "--out", "out", "--devices", "devices.json")
    (listed,) = call("devices", "list", "--devices", "devices.json", "--json").objects
    assert (found["device"], found["key"]) == (listed["device"], listed["key"])
    assert found["device"] == "Севкаврентген//"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_the_page_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=made_by("ACME", NAMES[0]))
    assert call("passport", "in", "--html", "p.html").status == 0
    assert (tmp_path / "p.html").stat().st_mode & 0o777 == 0o600


def test_what_is_proposed_is_taken_by_config_check(tmp_path: Path) -> None:
    hostile = 'ACME"\\\x7f]]'
    folder_of(
        tmp_path / "in",
        a=made_by("ACME", NAMES[0]),
        b=made_by("СЕЛМИ", NAMES[1]),
        c=CLEAN,
        d=part10(body((MAKER, "LO", even(hostile.encode())), (0x00185101, "CS", b"ap"))),
    )
    assert call("passport", "in", "--toml", "p.toml").status == 0
    called = call("--config", "p.toml", "config", "check")
    assert (called.status, called.err) == (0, "")
    values = tomllib.loads((tmp_path / "p.toml").read_text("utf-8"))
    assert len(values["profile"]) == len(values["watch"]) == 4
    assert {one["profile"] for one in values["watch"]} == {one["name"] for one in values["profile"]}
    assert all(one["shadow"] for one in values["watch"])


@pytest.mark.parametrize("language", ["ru", "uk", "en"])
def test_the_whole_corpus(tmp_path: Path, language: str) -> None:
    called = call("--lang", language, "passport", CORPUS, "--toml", "p.toml", "--html", "p.html")
    assert called.status == 1, "some files of the corpus are damaged on purpose"
    assert not UNPRINTABLE.search(called.out)
    assert "TLM-DCM-00" in called.err
    called = call("--config", "p.toml", "config", "check")
    assert (called.status, called.err) == (0, "")
    assert f'<html lang="{language}">' in (tmp_path / "p.html").read_text("utf-8")[:60]


def test_the_corpus_as_json_names_what_is_known_of_it() -> None:
    devices = {one["device"]: one for one in call("passport", CORPUS / "fo-dicom", "--json").objects}
    unnamed = devices[""]
    assert any(one["name"] == "Wang^XiaoDong=王^小东=" for one in [{"name": n["after"]} for n in unnamed["names"]])
    assert unnamed["rejected"]["unreadable"] >= 1


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=spoiled()[:-7])
    (tmp_path / "in" / "notes.txt").write_text("just text, nothing else")
    called = call("passport", "in", "--json")
    assert (called.status, sorted(called.codes)) == (1, ["TLM-DCM-001", "TLM-DCM-002"])
    rejected = called.objects[0]["rejected"]
    assert (rejected["unreadable"], rejected["not-dicom"]) == (1, 1)
    assert [one["code"] for one in rejected["named"]] == ["TLM-DCM-002", "TLM-DCM-001"]
    (tmp_path / "in" / "b.dcm").unlink()
    assert call("passport", "in", "--json").status == 0, "a note beside the images is no damage"


def test_nothing_readable_gives_no_passport(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("just text, nothing else")
    called = call("passport", "in", "--html", "p.html")
    assert (called.status, called.codes[-1]) == (1, "TLM-CLI-042")
    assert not (tmp_path / "p.html").exists()
    assert call("passport", "nowhere").codes == ["TLM-FIL-001"]
    assert call("passport").status == 2


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled())
    (tmp_path / "tolmach.toml").write_text("# mine\n")
    called = call("passport", "in", "--toml", "tolmach.toml", "--html", "p.html")
    assert (called.status, called.codes) == (2, ["TLM-CLI-041"])
    assert (tmp_path / "tolmach.toml").read_text() == "# mine\n"
    assert not (tmp_path / "p.html").exists()


def test_the_samples_stay_as_they_are(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=numbered(1))
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "in").iterdir()}
    call("passport", "in", "--html", "p.html")
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "in").iterdir()} == before


def test_a_person_sees_colours_and_how_far_it_is(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=numbered(1))
    called = call("passport", "in", watched=True)
    assert called.status == 0
    assert "\x1b[31m!!" in called.out
