"""What `tolmach init` writes is taken by tolmach itself: as it is, and with every setting in use."""

import os
import re
import stat
import tomllib
from pathlib import Path

import pytest

from tests.calling import call
from tolmach.apps.sample_configuration import sample
from tolmach.apps.sections import NoticeSettings, PeerSettings, ProfileSettings, WatchSettings
from tolmach.apps.settings import load_settings

_SETTING = re.compile(r"# (?=\[|[a-z_]+ = )")


def everything_in_use() -> str:
    lines = sample().splitlines()
    uncommented = [_SETTING.sub("", line) if _SETTING.match(line) else line for line in lines]
    assert uncommented != lines
    # What encrypts wants files that are there; tests/unit/adapters/dimse make such.
    return "\n".join(line for line in uncommented if not line.startswith("tls_port = "))


@pytest.mark.parametrize("text", [sample(), everything_in_use()], ids=["as written", "everything in use"])
def test_the_sample_is_in_order(tmp_path: Path, text: str) -> None:
    (tmp_path / "tolmach.toml").write_text(text, "utf-8")
    for command in ("check", "show"):
        called = call("config", command)
        assert (called.status, called.err) == (0, "")


def test_init_writes_what_check_takes(tmp_path: Path) -> None:
    assert call("init").status == 0
    assert (tmp_path / "tolmach.toml").read_text("utf-8") == sample()
    assert call("config", "check").status == 0


def test_as_written_only_defaults_are_set(tmp_path: Path) -> None:
    file = tmp_path / "tolmach.toml"
    file.write_text(sample(), "utf-8")
    assert load_settings(file, {}) == load_settings(None, {})


def test_every_setting_of_a_peer_a_profile_and_a_watch_can_be_seen() -> None:
    values = tomllib.loads(everything_in_use())
    for model, name in ((PeerSettings, "peer"), (ProfileSettings, "profile"), (WatchSettings, "watch")):
        assert set(values[name][0]) == {field.alias or key for key, field in model.model_fields.items()}
    assert set(values["notice"]) == set(NoticeSettings.model_fields)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_nobody_else_may_read_a_configuration_that_will_hold_passwords() -> None:
    assert call("init").status == 0
    assert stat.S_IMODE(Path("tolmach.toml").stat().st_mode) == 0o600


def test_each_setting_of_a_peer_can_be_used_alone(tmp_path: Path) -> None:
    values = tomllib.loads(everything_in_use())["peer"][0]
    needed = {key: values.pop(key) for key in ("name", "ae_title", "host", "port")}
    for key, value in values.items():
        peer = PeerSettings.model_validate({**needed, key: value})
        assert getattr(peer, key) is not None
    assert isinstance(values["connect_timeout_seconds"], float)


def test_a_second_init_says_what_to_do_with_the_first(tmp_path: Path) -> None:
    call("init")
    assert call("init").status == 0
    (tmp_path / "tolmach.toml").write_text("# mine")
    called = call("init")
    assert (called.status, called.codes) == (1, ["TLM-CFG-009"])
    assert "tolmach.toml" in called.err
    assert "--out" not in called.err
    assert "--overwrite" not in called.err
    assert (tmp_path / "tolmach.toml").read_text() == "# mine"


def test_what_is_wrong_with_a_configuration_are_two_sentences(tmp_path: Path) -> None:
    (tmp_path / "tolmach.toml").write_text("[dicom]\nport = 99999")
    called = call("config", "check")
    assert called.codes == ["TLM-CFG-001"]
    assert "65535. Correct the configuration" in called.err
