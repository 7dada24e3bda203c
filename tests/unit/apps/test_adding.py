"""Tables added to a configuration: whatever stands there stays, and nothing is written that would not be understood."""

import os
import tomllib
from pathlib import Path

import pytest

from tolmach.apps.adding import (
    CHANGED_MEANWHILE,
    TOO_UNUSUAL,
    WRITE_PROTECTED,
    NewTable,
    NotChanged,
    look_at,
    require_read_back,
    settings_of,
    taken_names,
    target_file,
    text_of,
    tried,
    unique_name,
    with_tables,
    write_configuration,
)
from tolmach.apps.configuration import user_folder
from tolmach.apps.faults import BadConfiguration
from tolmach.apps.sections import PeerSettings, ProfileSettings, RouteSettings, Settings, WatchSettings
from tolmach.apps.settings import load_settings
from tolmach.base import TolmachError

HAND_WRITTEN = """\
# ours: do not touch
data_dir   =  "data"   # on the big disk

[[peer]]
name = 'pacs'
ae_title = "PACS"
host = "10.0.0.5"
port = 104
[archive]
enabled = false
"""
EVIL = 'Экспорт "№1" \\ \' [[watch]] # \u202e\x07 ${HOME} Ї'


def tables(folder: Path, **watch: object) -> list[NewTable]:
    values = {"name": "room-1", "folder": folder, "profile": "room-1", "to": ("pacs",), "shadow": True, **watch}
    rule = {"when": {"Modality": {"missing": True}}, "do": [{"set_if_missing": "Modality", "value": "DX"}]}
    profile = ProfileSettings.model_validate({"name": "room-1", "rule": [rule], "from": "cp1251"})
    reasons = {"from": "sure in files: 3", "unsure": "nothing was\ndoubtful"}
    return [NewTable(profile, reasons, ["a table is missing", ""]), NewTable(WatchSettings.model_validate(values))]


def added(file: Path, folder: Path, **watch: object) -> Settings:
    original, new = look_at(file), tables(folder, **watch)
    content = with_tables(original, text_of(new, "room 1"), file.parent / "data")
    settings = tried(original, content, {})
    require_read_back(original, settings, [one.model for one in new])
    write_configuration(original, content, settings)
    return settings


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("tail", ["", "\n", "# the end, without a line's end"])
def test_every_byte_that_was_there_stays(tmp_path: Path, ending: str, mark: bytes, tail: str) -> None:
    file, folder = tmp_path / "tolmach.toml", tmp_path / "Экспорт"
    before = mark + f"{HAND_WRITTEN}{tail}".replace("\n", ending).encode("utf-8")
    file.write_bytes(before)
    file.chmod(0o640)
    settings = added(file, folder)
    after = file.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\r\n") == (after.count(b"\n") if ending == "\r\n" else 0)
    assert load_settings(file, {}) == settings
    assert settings.watch[0].folder == folder
    assert settings.profile[0].rule[0]["do"] == [{"set_if_missing": "Modality", "value": "DX"}]
    assert (tmp_path / "tolmach.toml.bak").read_bytes() == before
    assert os.name == "nt" or file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", [EVIL, "a" * 200, "  ", "-", "D:/", "таблица = 1\n[[peer]]", "\x7f\x80\u2028"])
def test_hostile_names_read_back_the_same(tmp_path: Path, name: str) -> None:
    file = tmp_path / "tolmach.toml"
    file.write_text(HAND_WRITTEN, "utf-8")
    settings = added(file, tmp_path / "in" / name, name=name, ignore=(name, "~*"))
    assert (settings.watch[0].name, settings.watch[0].folder) == (name, tmp_path / "in" / name)
    assert load_settings(file, {}).watch == settings.watch


def test_without_a_file_a_commented_one_is_made_with_its_data_folder(tmp_path: Path) -> None:
    file = tmp_path / "new" / "tolmach.toml"
    settings = added(file, tmp_path / "in", to=())
    assert settings.data_dir == tmp_path / "new" / "data"
    assert settings.data_dir.is_dir()
    assert file.read_text("utf-8").startswith("# The configuration of tolmach.")
    assert os.name == "nt" or (file.stat().st_mode | settings.data_dir.stat().st_mode) & 0o077 == 0
    assert not (tmp_path / "new" / "tolmach.toml.bak").exists()


def test_the_file_is_the_one_the_settings_are_read_from(tmp_path: Path) -> None:
    assert target_file(None) == user_folder() / "tolmach.toml"
    user_folder().mkdir(parents=True)
    (user_folder() / "tolmach.toml").touch()
    assert target_file(None) == user_folder() / "tolmach.toml"
    Path("tolmach.toml").touch()
    assert target_file(None) == tmp_path / "tolmach.toml"
    assert target_file(Path("other.toml")) == tmp_path / "other.toml"


def refused(file: Path, folder: Path, **watch: object) -> TolmachError:
    before = {one: one.read_bytes() for one in file.parent.iterdir() if one.is_file()}
    with pytest.raises(TolmachError) as caught:
        added(file, folder, **watch)
    assert {one: one.read_bytes() for one in file.parent.iterdir() if one.is_file()} == before
    return caught.value


@pytest.mark.parametrize(
    ("watch", "what"),
    [
        ({"to": ("nobody",)}, "nobody"),
        ({"profile": "none"}, "none"),
        ({"preset": "unheard-of"}, "unheard-of"),
        ({"name": "pacs"}, "pacs"),
        ({"export_template": "../{PatientID}", "export_folder": "/tmp-export"}, ".."),
    ],
)
def test_what_would_not_be_understood_is_never_written(tmp_path: Path, watch: dict[str, object], what: str) -> None:
    file = tmp_path / "tolmach.toml"
    file.write_text(HAND_WRITTEN, "utf-8")
    assert what in str(refused(file, tmp_path / "in", **watch))


def test_folders_that_feed_on_themselves_are_never_written(tmp_path: Path) -> None:
    file = tmp_path / "tolmach.toml"
    file.write_text(HAND_WRITTEN, "utf-8")
    assert isinstance(refused(file, tmp_path), BadConfiguration)  # the data folder lies in it
    assert isinstance(refused(file, tmp_path / "in", export_folder=tmp_path / "in" / "out"), BadConfiguration)


@pytest.mark.parametrize(
    ("text", "error"),
    [("watch = []\n", NotChanged), ("no toml at all", BadConfiguration), ("[dicom]\nprot = 1\n", BadConfiguration)],
)
def test_a_file_that_cannot_be_added_to_is_left_as_it_is(tmp_path: Path, text: str, error: type) -> None:
    file = tmp_path / "tolmach.toml"
    file.write_text(text, "utf-8")
    assert type(refused(file, tmp_path / "in", to=())) is error


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "tolmach.toml"
    file.write_bytes("# Экспорт".encode("cp1251"))
    assert refused(file, tmp_path / "in").code == "TLM-CFG-007"
    file.unlink()
    file.mkdir()
    with pytest.raises(BadConfiguration):
        look_at(file)


def test_a_file_that_changed_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "tolmach.toml"
    file.write_text(HAND_WRITTEN, "utf-8")
    original = look_at(file)
    content = with_tables(original, text_of(tables(tmp_path / "in")), tmp_path / "data")
    settings = tried(original, content, {})
    file.write_text(f"{HAND_WRITTEN}# by hand\n", "utf-8")
    with pytest.raises(NotChanged) as caught:
        write_configuration(original, content, settings)
    assert caught.value.problem.fault is CHANGED_MEANWHILE
    assert file.read_text("utf-8").endswith("# by hand\n")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home", "tolmach.toml"]
    file.unlink()
    with pytest.raises(NotChanged):
        write_configuration(original, content, settings)
    added(file, tmp_path / "in", to=())  # the next look begins anew


def test_a_write_protected_file_and_a_place_that_is_none_are_told(tmp_path: Path) -> None:
    file = tmp_path / "tolmach.toml"
    file.write_text(HAND_WRITTEN, "utf-8")
    file.chmod(0o444)
    assert refused(file, tmp_path / "in").problem.fault is WRITE_PROTECTED
    file.chmod(0o644)
    (tmp_path / "plain").touch()
    with pytest.raises(TolmachError):  # a file stands where the folder should be
        write_configuration(look_at(tmp_path / "plain" / "tolmach.toml"), b"", Settings(data_dir=tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, file = tmp_path / "etc" / "own.toml", tmp_path / "tolmach.toml"
    real.parent.mkdir()
    real.write_text(HAND_WRITTEN, "utf-8")
    file.symlink_to(real)
    added(file, tmp_path / "in")
    assert file.is_symlink()
    assert "[[watch]]" in real.read_text("utf-8")
    assert (tmp_path / "etc" / "own.toml.bak").read_text("utf-8") == HAND_WRITTEN


def test_what_does_not_read_back_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "tolmach.toml"
    file.write_text(HAND_WRITTEN, "utf-8")
    original = look_at(file)
    with pytest.raises(NotChanged) as caught:
        require_read_back(original, settings_of(original, {}), [WatchSettings(name="x", folder=tmp_path)])
    assert caught.value.problem.fault is TOO_UNUSUAL


def test_tables_of_every_kind_are_written_and_read_back() -> None:
    peer = PeerSettings(name="p", ae_title="P", host="h", port=104, rights=("echo",), proof="query")
    route = RouteSettings.model_validate({"from": ["w"], "to": ["p"], "when": {"Modality": "CT"}})
    watch = WatchSettings(name="w", folder=Path("in"), extensions=(".dcm", ""), settle_seconds=2.5)
    text = text_of([NewTable(one) for one in (peer, route, watch)])
    assert Settings.model_validate(tomllib.loads(text)) == Settings(peer=(peer,), route=(route,), watch=(watch,))


def test_names_are_made_unique(tmp_path: Path) -> None:
    settings = Settings(
        peer=(PeerSettings(name="pacs", ae_title="P", host="h", port=1),),
        watch=(WatchSettings(name="room", folder=tmp_path, export_folder=tmp_path / "x"),),
    )
    taken = taken_names(settings)
    assert [unique_name(one, taken) for one in ("room", "Room", "pacs", "room export", "new")] == [
        "room-2", "Room-2", "pacs-2", "room export-2", "new",
    ]  # fmt: skip
    assert unique_name("a", ["a", "a-2", "a-3"]) == "a-4"
