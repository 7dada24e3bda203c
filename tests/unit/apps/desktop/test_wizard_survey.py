"""What a folder is said to hold, what speaks against it, and what samples of it tell: without a window."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.calling import CLEAN, IVANOV, UNSURE, numbered
from tolmach.apps.desktop import wizard_samples, wizard_survey
from tolmach.apps.desktop.wizard_samples import Progress, Sampled, take_samples
from tolmach.apps.desktop.wizard_survey import Survey, is_network, suffix_of, survey
from tolmach.apps.sections import Settings, WatchSettings

DAY = date(2026, 11, 22)


def found(path: Path | str, settings: Settings | None = None, is_wanted: Callable[[], bool] = lambda: True) -> Survey:
    told: list[Survey] = []
    survey(str(path), settings or Settings(), None, told.append, is_wanted)
    assert told[-1].is_whole
    assert all(not one.is_whole for one in told[:-1])
    return told[-1]


def code(one: Survey) -> str:
    return "" if one.problem is None else one.problem.code


def test_everything_in_it_is_counted(files: Path) -> None:
    (files / "2026").mkdir()
    (files / "2026" / "1.2.840.1").write_bytes(CLEAN)
    (files / "notes.TXT").write_text("no image")
    seen = found(files)
    assert (seen.files, seen.dicom, seen.looked) == (7, 6, 7)
    assert seen.size == sum(one.stat().st_size for one in files.rglob("*") if one.is_file())
    assert dict(seen.top_suffixes()) == {".dcm": 5, "": 1, ".txt": 1}
    assert seen.folders == ("2026",)
    assert (seen.problem, seen.doubt, seen.is_cut) == (None, None, False)
    assert seen.newest == max(one.stat().st_mtime for one in files.rglob("*") if one.is_file())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "TLM-DSK-040"),
        ("Export", "TLM-DSK-040"),
        ("~/Export", "TLM-DSK-040"),
        ("../Export", "TLM-DSK-040"),
        ("{here}/in\0", "TLM-DSK-040"),
        ("{here}/imn", "TLM-FIL-001"),
        ("{here}/in/clean.dcm", "TLM-DSK-041"),
        ("{here}/in/clean.dcm/deeper", "TLM-FIL-001"),
        ("{here}/in\udcff", "TLM-DSK-042"),
        ("{here}/" + "x" * 300, "TLM-FIL-005"),
    ],
)
def test_what_is_no_folder_is_told(files: Path, tmp_path: Path, text: str, expected: str) -> None:
    assert code(found(text.format(here=tmp_path))) == expected


def test_an_unreadable_folder_is_told(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    assert code(found(files)) == "TLM-FIL-002"


def test_a_part_that_cannot_be_read_is_told_and_the_rest_counted(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (files / "locked").mkdir()
    scandir = os.scandir

    def refuse(path: Path | str) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    seen = found(files)
    assert (code(seen), seen.files) == ("", 5)
    assert seen.unread is not None
    assert "locked" in str(seen.unread)


def test_folders_that_tolmach_writes_to_or_watches_are_refused(files: Path, tmp_path: Path) -> None:
    inside, around = files / "inside", tmp_path
    inside.mkdir()
    for settings in (
        Settings(data_dir=inside),
        Settings(data_dir=files),
        Settings(data_dir=around),
        Settings(watch=(WatchSettings(name="other", folder=files),)),
        Settings(watch=(WatchSettings(name="other", folder=around),)),
        Settings(watch=(WatchSettings(name="other", folder=tmp_path / "x", export_folder=inside),)),
    ):
        assert code(found(files, settings)) == "TLM-CFG-001", settings
    link = tmp_path / "link"
    link.symlink_to(files)
    assert code(found(link, Settings(data_dir=inside))) == "TLM-CFG-001"
    assert code(found(files, Settings(data_dir=tmp_path / "elsewhere"))) == ""


def test_a_network_drive_and_a_whole_drive_are_told_and_allowed(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_network(files)
    monkeypatch.setattr(wizard_survey, "is_network", lambda _path: True)
    seen = found(files)
    assert (code(seen), seen.doubt and seen.doubt.code) == ("", "TLM-DSK-044")
    monkeypatch.setattr(Path, "home", lambda: files)
    assert (doubt := found(files).doubt) is not None
    assert doubt.code == "TLM-DSK-043"


def test_counting_ends_when_nobody_wants_it_and_at_a_limit(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(files, is_wanted=lambda: False).files == 0
    monkeypatch.setattr(wizard_survey, "MOST_COUNTED", 3)
    seen = found(files)
    assert (seen.files, seen.is_cut) == (3, True)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.DCM", ".dcm"), ("1.2.840.10008", ""), ("x", ""), (".dcm", ""), ("a.tar.gz", ".gz"), ("a." + "b" * 40, "")],
)
def test_endings_of_names(name: str, suffix: str) -> None:
    assert suffix_of(Path(name)) == suffix


def taken(folder: Path, most: int = 200, is_enough: Callable[[], bool] = lambda: False) -> Sampled:
    said: list[Progress | Sampled] = []
    take_samples(folder, most, DAY, said.append, lambda: True, is_enough)
    assert isinstance(said[-1], Sampled)
    return said[-1]


def test_samples_make_a_passport(files: Path) -> None:
    (files / "readme.txt").write_text("nothing")
    (files / "cut.dcm").write_bytes(CLEAN[:300])
    sampled = taken(files)
    assert (sampled.read, sampled.usable) == (7, 5)
    assert dict(sampled.rejected.verdicts) == {"not-dicom": 1, "unreadable": 1}
    assert sampled.suffixes == {".dcm": 5}
    assert files / "clean.dcm" in sampled.files
    assert any(after == IVANOV for passport in sampled.passports for _before, after in passport.names)


def test_samples_are_taken_evenly_and_reading_can_be_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        (tmp_path / f"{number:03}.dcm").write_bytes(numbered(number))
    assert [one.name for one in taken(tmp_path, 4).files] == ["000.dcm", "010.dcm", "020.dcm", "030.dcm"]
    monkeypatch.setattr(wizard_samples, "MOST_COUNTED", 10)
    assert taken(tmp_path).read == 10
    looks = iter(range(1_000))
    stopped = taken(tmp_path, is_enough=lambda: next(looks) > 14)
    assert stopped.is_stopped
    assert 0 < stopped.usable < 10


def test_reading_nobody_wants_says_nothing(files: Path) -> None:
    said: list[object] = []
    take_samples(files, 10, DAY, said.append, lambda: False, lambda: False)
    assert all(not isinstance(one, Sampled) or not one.passports for one in said)


def test_folders_without_samples_are_told(tmp_path: Path) -> None:
    empty, gone = tmp_path / "empty", tmp_path / "gone"
    empty.mkdir()
    assert (problem := taken(empty).problem) is not None
    assert problem.code == "TLM-FIL-010"
    assert (problem := taken(gone).problem) is not None
    assert problem.code == "TLM-FIL-001"
    (empty / "x").write_bytes(UNSURE[:10])
    assert taken(empty).problem is None
    assert taken(empty).usable == 0
