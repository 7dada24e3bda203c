"""The unit says what it must, whatever the folders are called; systemd's own tools judge it where they are."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from tolmach.apps.faults import BadCall
from tolmach.apps.sections import Settings
from tolmach.apps.service_unit import MARKER, Unit, program, unit_of, unit_text

ODD = [
    "a b",
    "50%n",
    "it's",
    'q"q',
    "back\\slash",
    "Рентген №1",
    "$HOME",
    "semi;colon#",
    "tab\u00a0nbsp",
    "-minus",
    "*{x}",
]
ANALYZE = shutil.which("systemd-analyze")


def settings_of(folder: Path) -> Settings:
    peers = [
        {"name": "pacs", "ae_title": "PACS", "host": "h", "port": 104},
        {"name": "archive", "kind": "folder", "folder": str(folder / "archive")},
    ]
    watches = [
        {"name": "kept", "folder": str(folder / "kept"), "to": ["pacs"], "export_folder": str(folder / "export")},
        {
            "name": "moved",
            "folder": str(folder / "moved"),
            "to": ["pacs"],
            "after": "move",
            "move_to": str(folder / "done"),
        },
        {"name": "deleted", "folder": str(folder / "deleted"), "to": ["pacs"], "after": "delete"},
    ]
    return Settings.model_validate({"data_dir": str(folder / "data"), "peer": peers, "watch": watches})


def unit(folder: Path = Path("/srv/tolmach"), user: str | None = "daemon") -> Unit:
    made = unit_of(settings_of(folder), folder / "tolmach.toml", "tolmach", user, folder)
    return replace(made, program=("/bin/sh",))


def read(text: str) -> dict[str, list[str]]:
    """Read a unit as systemd does: the settings of all sections, each with its values in order."""
    found = defaultdict[str, list[str]](list)
    for line in text.splitlines():
        if line and line[0] not in "#[":
            name, equals, value = line.partition("=")
            assert equals, line
            assert not value.endswith("\\"), line
            found[name].append(value)
    return found


def words(value: str) -> list[str]:
    """Take a value apart as systemd does: quotation marks, backslashes, then specifiers."""
    found, word, quote, position = [], "", "", 0
    while position < len(value):
        sign = value[position]
        position += 1
        if sign == "\\":
            word += value[position]
            position += 1
        elif quote:
            quote, word = ("", word) if sign == quote else (quote, word + sign)
        elif sign in "\"'":
            quote = sign
        elif sign == " ":
            found.append(word)
            word = ""
        else:
            word += sign
    assert not quote
    return [specified(one) for one in [*found, word]]


def specified(text: str) -> str:
    assert "%" not in text.replace("%%", "")
    return text.replace("%%", "%")


def test_the_unit_names_every_folder_by_what_is_done_there() -> None:
    found = read(unit_text(unit()))
    written = [word for value in found["ReadWritePaths"] for word in words(value)]
    folder = "/srv/tolmach"
    assert written[0] == f"{folder}/data"
    assert written[1:] == [f"-{folder}/{name}" for name in ("archive", "export", "done", "moved", "deleted")]
    assert [words(value) for value in found["ReadOnlyPaths"]] == [[f"-{folder}/kept"]]
    assert found["ExecStart"] == [f'"/bin/sh" "serve" "--config" "{folder}/tolmach.toml"']
    assert found["WorkingDirectory"] == [folder]
    assert found["EnvironmentFile"] == [f"-{folder}/tolmach.env"]


def test_the_unit_may_write_where_nodes_share_objects_and_read_its_certificates() -> None:
    certificate = Path("/home") / "олена" / "tolmach.crt"
    http = {"certificate": str(certificate), "key": "tolmach.key"}
    settings = Settings.model_validate({"storage": {"folder": "/mnt/tolmach"}, "http": http})
    found = read(unit_text(unit_of(settings, Path("/c.toml"), "tolmach", "daemon", Path("/srv"))))
    assert [word for value in found["ReadWritePaths"] for word in words(value)][1:] == ["-/mnt/tolmach"]
    readable = [word for value in found["ReadOnlyPaths"] for word in words(value)]
    assert readable == [f"-{certificate}", "-/srv/tolmach.key"]
    assert found["ProtectHome"] == ["read-only"]


def test_the_unit_is_hardened() -> None:
    found = {name: values[-1] for name, values in read(unit_text(unit())).items()}
    expected = {
        "User": "daemon",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "read-only" if sys.base_prefix.startswith(("/root", "/home")) else "yes",
        "PrivateTmp": "no" if sys.prefix.startswith(("/tmp/", "/var/tmp/")) else "yes",
        "PrivateDevices": "yes",
        "MemoryMax": "2G",
        "OOMPolicy": "continue",
        "SystemCallFilter": "@system-service",
        "CapabilityBoundingSet": "",
        "AmbientCapabilities": "",
        "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
        "UMask": "0077",
        "LimitCORE": "0",
        "Restart": "always",
        "StartLimitIntervalSec": "0",
        "KillSignal": "SIGTERM",
    }
    assert expected.items() <= found.items()
    assert float(found["TimeoutStopSec"]) > 10  # serve has ten seconds
    assert found["ExecReload"].endswith("/kill -HUP $MAINPID")
    assert unit_text(unit()).startswith(MARKER + "\n")


def test_a_low_port_needs_one_capability_and_folders_decide_what_is_hidden() -> None:
    low = read(unit_text(replace(unit(), has_low_port=True)))
    assert low["CapabilityBoundingSet"] == low["AmbientCapabilities"] == ["CAP_NET_BIND_SERVICE"]
    settings = Settings.model_validate({"dicom": {"port": 104}})
    assert unit_of(settings, Path("/c.toml"), "tolmach", "daemon", Path("/srv")).has_low_port
    web = Settings.model_validate({"http": {"port": 443}})
    assert unit_of(web, Path("/c.toml"), "tolmach", "daemon", Path("/srv")).has_low_port
    closed = Settings.model_validate({"http": {"port": 443, "enabled": False}})
    assert not unit_of(closed, Path("/c.toml"), "tolmach", "daemon", Path("/srv")).has_low_port
    assert read(unit_text(unit(Path("/home") / "олена")))["ProtectHome"] == ["read-only"]
    assert read(unit_text(unit(Path("/tmp/demo"))))["PrivateTmp"] == ["no"]


def test_relative_folders_count_from_where_it_is_installed() -> None:
    made = unit_of(Settings(), Path("tolmach.toml"), "tolmach", None, Path("/srv/x"))
    assert (made.data_dir, made.config) == (Path("/srv/x/tolmach-data"), Path("/srv/x/tolmach.toml"))


def test_a_users_unit_asks_for_nothing_its_systemd_cannot_do() -> None:
    found = read(unit_text(unit(user=None)))
    assert found["WantedBy"] == ["default.target"]
    for name in ("User", "ProtectSystem", "CapabilityBoundingSet", "ReadWritePaths", "PrivateTmp"):
        assert name not in found
    assert found["NoNewPrivileges"] == ["yes"]


@pytest.mark.parametrize("name", ODD)
def test_odd_names_of_folders_come_through(name: str) -> None:
    folder = Path("/srv") / name
    found = read(unit_text(unit(folder)))
    assert words(found["ReadWritePaths"][0]) == [str(folder / "data")]
    assert words(found["ReadOnlyPaths"][0]) == [f"-{folder / 'kept'}"]
    assert words(found["RequiresMountsFor"][0]) == [str(folder / "data")]
    assert words(found["ExecStart"][0])[3].replace("$$", "$") == str(folder / "tolmach.toml")
    assert specified(found["WorkingDirectory"][0]) == str(folder)


@pytest.mark.parametrize("name", ["a\nUser=root", "a\rb", "a\x1bb", "a\x85b", "a\udcffb", "end\\", " end "])
def test_names_that_would_end_the_line_are_refused(name: str) -> None:
    with pytest.raises(BadCall, match="TLM-SRV-051"):
        unit_text(unit(Path("/srv") / name))


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "-a", "x" * 65, "a\nb", "сервіс", "a%i", "a@b"])
def test_names_of_services(name: str) -> None:
    with pytest.raises(BadCall, match="TLM-SRV-050"):
        unit_of(Settings(), Path("c"), name, None, Path("/srv"))


def test_the_program_can_be_started() -> None:
    ended = subprocess.run([*program(), "--version"], capture_output=True, text=True, check=True)
    assert "tolmach" in ended.stdout


def verified(folder: Path, text: str) -> str:
    """Give what systemd complains of; nothing where it is not installed."""
    if ANALYZE is None:
        return ""
    file = folder / "tolmach.service"
    file.write_text(text, "utf-8")
    ended = subprocess.run([ANALYZE, "verify", "--man=no", file], capture_output=True, text=True, check=False)
    said = [line for line in (ended.stdout + ended.stderr).splitlines() if "tolmach" in line]
    return "\n".join(said)


@pytest.mark.parametrize("user", ["daemon", None])
def test_systemd_finds_no_fault(tmp_path: Path, user: str | None) -> None:
    assert verified(tmp_path, unit_text(unit(user=user))) == ""


@pytest.mark.parametrize("name", [name for name in ODD if not set("$'\"\\") & set(name)])
def test_systemd_reads_the_path_of_the_program_as_it_was_meant(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    script = folder / "tolmach"
    script.write_text("#!/bin/sh\n")
    made = replace(unit(folder), program=(str(script),))
    complaint = verified(tmp_path, unit_text(made))
    assert ANALYZE is None or "not executable" in complaint  # it looks where it must, and says so
    script.chmod(0o755)
    assert verified(tmp_path, unit_text(made)) == ""


@pytest.mark.parametrize("sign", "$'\"\\")
def test_a_program_that_systemd_would_not_start_is_refused(sign: str) -> None:
    with pytest.raises(BadCall, match="TLM-SRV-051"):
        unit_text(replace(unit(), program=(f"/opt/a{sign}b/tolmach",)))


def test_systemd_rates_the_hardening(tmp_path: Path) -> None:
    if ANALYZE is None:
        return
    file = tmp_path / "tolmach.service"
    file.write_text(unit_text(unit()), "utf-8")
    command = [ANALYZE, "security", "--offline=yes", "--no-pager", "--threshold=25", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-300:]
    table = subprocess.run([*command, "--json=short"], capture_output=True, text=True, check=False)
    assert json.loads(table.stdout)
