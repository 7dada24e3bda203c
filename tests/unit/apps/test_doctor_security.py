"""`tolmach doctor --security`: what is open to whom, and who else could read what."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.calling import call
from tolmach.adapters.sql import Records, open_records
from tolmach.apps import doctor_checks, doctor_permissions, doctor_security
from tolmach.apps.doctor import Installation, Look, examine
from tolmach.apps.sections import Settings
from tolmach.apps.settings import load_settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PERSON = 1000
OURS = {"host": "10.0.0.1", "ae_title": "HOSPITAL-3"}
PACS = {"name": "pacs", "ae_title": "PACS-3", "host": "10.0.0.5", "port": 104}
MAIL = {"smtp_host": "m", "smtp_tls": "none", "mail_from": "a@b.example", "mail_to": ["c@b.example"]}
HOOK = "http://10.0.0.2/x"
TLS = {"certificate": "a.pem", "key": "a.key"}


def installation(**settings: Any) -> Installation:
    return Installation(Settings.model_validate(settings), None, {}, lambda: NOW, PERSON)


def codes(findings: Any) -> list[str]:
    return [one.problem.code for one in findings or ()]


@pytest.mark.parametrize(
    ("look", "settings", "expected"),
    [
        (doctor_security.http, {}, []),
        (doctor_security.http, {"http": {"host": "10.0.0.1"}}, ["TLM-SRV-120"]),
        (doctor_security.http, {"http": {"host": "10.0.0.1", "enabled": False}}, []),
        (doctor_security.http, {"http": {"host": "10.0.0.1", **TLS}}, []),
        (doctor_security.http, {"http": {"public_url": "http://pacs.example"}}, ["TLM-SRV-230"]),
        (doctor_security.http, {"http": {"public_url": "http://localhost:8080"}}, []),
        (doctor_security.http, {"http": {"public_url": "https://pacs.example"}}, []),
        (doctor_security.dicom, {}, []),
        (doctor_security.dicom, {"dicom": OURS}, ["TLM-SRV-231"]),
        (doctor_security.dicom, {"dicom": {**OURS, "host": "0.0.0.0"}}, ["TLM-SRV-231", "TLM-SRV-232"]),
        (doctor_security.dicom, {"dicom": {**OURS, "tls_port": 2762, "tls": TLS}}, []),
        (
            doctor_security.dicom,
            {"dicom": {**OURS, "host": "::", "tls_port": 2762, "tls": {**TLS, "client_certificates": False}}},
            ["TLM-SRV-233", "TLM-SRV-232"],
        ),
        (doctor_security.callers, {"peer": [{**PACS, "host": "0.0.0.0/0", "rights": ["find"]}]}, ["TLM-SRV-234"]),
        (doctor_security.callers, {"peer": [{**PACS, "host": "10.0.0.0/8", "rights": ["find"]}]}, ["TLM-SRV-234"]),
        (doctor_security.callers, {"peer": [{**PACS, "host": "10.1.0.0/16", "rights": ["find"]}]}, []),
        (doctor_security.callers, {"peer": [{**PACS, "host": "::/0", "rights": ["find"]}]}, ["TLM-SRV-234"]),
        (doctor_security.callers, {"peer": [{**PACS, "host": "fd00:1::/64", "rights": ["find"]}]}, []),
        (doctor_security.callers, {"peer": [{**PACS, "host": "0.0.0.0/0"}]}, []),
        (doctor_security.titles, {"dicom": {"ae_title": "TOLMACH"}}, []),
        (doctor_security.titles, {"dicom": {"host": "10.0.0.1"}}, ["TLM-SRV-242"]),
        (doctor_security.titles, {"dicom": OURS}, []),
        (
            doctor_security.titles,
            {"dicom": OURS, "peer": [{**PACS, "ae_title": "Orthanc", "rights": ["store"]}]},
            ["TLM-SRV-243"],
        ),
        (doctor_security.titles, {"dicom": OURS, "peer": [{**PACS, "ae_title": "Orthanc"}]}, []),
        (doctor_security.destinations, {}, []),
        (doctor_security.destinations, {"peer": [PACS]}, ["TLM-SRV-235"]),
        (doctor_security.destinations, {"peer": [{**PACS, "host": "127.0.0.1"}]}, []),
        (doctor_security.destinations, {"peer": [{**PACS, "tls": True}]}, []),
        (doctor_security.destinations, {"peer": [{**PACS, "tls": True, "tls_check_name": False}]}, ["TLM-SRV-236"]),
        (
            doctor_security.destinations,
            {"peer": [{"name": "w", "kind": "stow", "url": "http://10.0.0.9/dw", "token": "x"}]},
            ["TLM-SRV-003"],
        ),
        (
            doctor_security.destinations,
            {"peer": [{"name": "w", "kind": "stow", "url": "http://10.0.0.9/dw"}]},
            ["TLM-SRV-235"],
        ),
        (doctor_security.destinations, {"peer": [{"name": "w", "kind": "stow", "url": "https://10.0.0.9/dw"}]}, []),
        (doctor_security.objects, {}, []),
        (doctor_security.objects, {"objects": "s3://clinic/p?endpoint=http://10.0.0.7:9000"}, ["TLM-SRV-244"]),
        (doctor_security.objects, {"objects": "s3://clinic/p?endpoint=http://127.0.0.1:9000"}, []),
        (doctor_security.objects, {"objects": "s3://clinic/p?endpoint=https://10.0.0.7:9000"}, []),
        (doctor_security.database, {}, []),
        (doctor_security.database, {"database": "postgresql://u:p@10.0.0.4/t"}, ["TLM-SRV-245"]),
        (doctor_security.database, {"database": "postgresql://u:p@10.0.0.4:5432/t?sslmode=disable"}, ["TLM-SRV-245"]),
        (doctor_security.database, {"database": "postgresql://u:p@10.0.0.4/t?sslmode=require"}, ["TLM-SRV-246"]),
        (doctor_security.database, {"database": "postgresql://u:p@10.0.0.4/t?sslmode=verify-full"}, []),
        (doctor_security.database, {"database": "postgresql://u:p@127.0.0.1:5432/t"}, []),
        (doctor_security.database, {"database": "postgresql://u:p@[::1]:5432/t"}, []),
        (doctor_security.database, {"database": "postgresql:///t?host=/run/postgresql"}, []),
        (doctor_security.database, {"database": "postgresql://u:p@db1,db2/t"}, ["TLM-SRV-245"] * 2),
        (doctor_security.notices, {}, []),
        (
            doctor_security.notices,
            {"notice": {"webhook_url": HOOK}},
            ["TLM-SRV-249", "TLM-SRV-248"],
        ),
        (
            doctor_security.notices,
            {"notice": {"webhook_url": HOOK, "webhook_token": "t"}},
            ["TLM-SRV-027"],
        ),
        (doctor_security.notices, {"notice": {"webhook_url": "https://10.0.0.2/x", "webhook_token": "t"}}, []),
        (
            doctor_security.notices,
            {"notice": MAIL},
            ["TLM-SRV-249"],
        ),
        (
            doctor_security.notices,
            {"notice": {**MAIL, "smtp_user": "u", "smtp_password": "p"}},
            ["TLM-SRV-027"],
        ),
    ],
    ids=lambda one: getattr(one, "__name__", None) or str(one),
)
def test_what_is_open_is_found_and_what_is_not_is_not(
    look: Look, settings: dict[str, Any], expected: list[str]
) -> None:
    assert codes(look(installation(**settings))) == expected


@pytest.fixture
def records(tmp_path: Path) -> Any:
    with open_records(tmp_path / "data", clock=lambda: NOW - timedelta(days=100)) as opened:
        yield opened


def test_tokens_that_nobody_uses_or_that_never_end_are_found(records: Records, tmp_path: Path) -> None:
    records.tokens.create("idle", "viewer", timedelta(days=365), "me")
    records.tokens.create("revoked", "admin", timedelta(days=365), "me")
    records.tokens.revoke("revoked", "me")
    records.tokens.create("over", "admin", timedelta(days=1), "me")
    here = replace(installation(), records=records)
    assert [str(one.problem.what) for one in doctor_security.tokens(here) or ()] == [
        "The token idle (viewer) has not been used for 100 days."
    ]
    records.tokens.bearer_of(records.tokens.create("used", "admin", timedelta(days=365), "me"))
    soon = replace(here, now=lambda: NOW - timedelta(days=90))
    assert doctor_security.tokens(soon) == []
    with sa.create_engine(f"sqlite:///{records.path}").begin() as connection:
        connection.exec_driver_sql("UPDATE tokens SET expires_at = expires_at * 2 WHERE name = 'used'")
    assert codes(doctor_security.tokens(soon)) == ["TLM-SRV-237"]


def test_an_open_entrance_without_any_token_is_found(records: Records) -> None:
    here = replace(installation(http={"host": "10.0.0.1", **TLS}), records=records)
    assert codes(doctor_security.http(here)) == ["TLM-SRV-120"]
    records.tokens.create("ct-1", "technician", timedelta(days=300), "me")
    assert doctor_security.http(here) == []


def test_an_emptied_audit_log_is_found(records: Records) -> None:
    here = replace(installation(), records=records)
    assert doctor_security.audit_log(here) == []
    records.tokens.create("ct-1", "technician", timedelta(days=300), "me")
    assert doctor_security.audit_log(here) == []
    with sa.create_engine(f"sqlite:///{records.path}").begin() as connection:
        connection.exec_driver_sql("DELETE FROM events")
    assert codes(doctor_security.audit_log(here)) == ["TLM-SRV-250"]


posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights of files are others on Windows")


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Installation]:
    """Give an installation from a configuration file with the given rights, as a person's account has it."""

    def write(text: str, mode: int = 0o600, **environment: str) -> Installation:
        file = tmp_path / "tolmach.toml"
        file.write_text(f'data_dir = "{(tmp_path / "data").as_posix()}"\n{text}', "utf-8")
        file.chmod(mode)
        return Installation(load_settings(file, environment), file, {}, lambda: NOW, PERSON)

    return write


@posix
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ('[[peer]]\nname = "w"\nkind = "stow"\nurl = "https://x/dw"\ntoken = "abc"\n', ["peer w: token"]),
        ('[[peer]]\nname = "w"\nkind = "stow"\nurl = "https://x/dw"\ntoken = "${T}"\n', []),
        ('database = "postgresql://u:abc@db/t"\n', ["database"]),
        ('database = "postgresql://u:${T}@db/t"\n', []),
        ('database = "postgresql://u@db/t"\n', []),
        ('database = "${T}"\n', []),
        ('[notice]\nwebhook_url = "https://x/"\nwebhook_token = "abc"\n', ["notice.webhook_token"]),
        ('[notice]\nwebhook_url = "https://x/"\nwebhook_token = "x${T}"\n', ["notice.webhook_token"]),
    ],
)
def test_secrets_that_others_can_read_are_found(
    text: str, expected: list[str], written: Callable[..., Installation]
) -> None:
    here = written(text, 0o644, T="postgresql://u@db/t" if '"${T}"' in text and "database" in text else "secret")
    assert [one.problem.facts["where"] for one in doctor_permissions.secrets(here) or ()] == expected
    assert all("abc" not in str(one.problem) for one in doctor_permissions.secrets(here) or ())
    assert here.file is not None
    here.file.chmod(0o600)
    assert doctor_permissions.secrets(here) == []


@posix
def test_files_and_folders_that_others_may_open_are_found(
    written: Callable[..., Installation], tmp_path: Path, records: Records
) -> None:
    (tmp_path / "data").chmod(0o700)
    assert codes(doctor_permissions.permissions(written(""))) == []
    (tmp_path / "data").chmod(0o755)
    (tmp_path / "data" / "tolmach.sqlite").chmod(0o644)
    (tmp_path / "shared").mkdir(mode=0o777)
    (tmp_path / "a.key").touch(0o640)
    (tmp_path / "tolmach.env").touch(0o644)
    key = f'certificate = "{tmp_path}/a.pem"\nkey = "{tmp_path}/a.key"\n'
    text = f'[storage]\nfolder = "{tmp_path}/shared"\n[dicom.tls]\n{key}[http]\n{key}'
    found = doctor_permissions.permissions(written(text, 0o664)) or ()
    assert codes(found) == ["TLM-SRV-239"] * 5 + ["TLM-SRV-241"]
    assert [one.problem.facts["better"] for one in found] == ["0700", "0700", "0600", "0644", "0600", "0600"]
    assert [one.severity for one in found] == ["warning"] * 3 + ["serious"] * 3


@posix
def test_running_as_root_is_found_by_whose_the_data_is(written: Callable[..., Installation], tmp_path: Path) -> None:
    here = written("")
    assert doctor_permissions.account(here) == []
    assert codes(doctor_permissions.account(replace(here, account=0))) == ["TLM-SRV-247"]
    (tmp_path / "data").mkdir()
    if os.geteuid() == 0:
        assert codes(doctor_permissions.account(here)) == ["TLM-SRV-247"]
        os.chown(tmp_path / "data", PERSON, PERSON)
    assert doctor_permissions.account(replace(here, account=0)) == []


def test_where_there_are_no_such_rights_nothing_is_claimed(written: Callable[..., Installation]) -> None:
    here = replace(written(""), account=None)
    looks = (doctor_permissions.account, doctor_permissions.permissions, doctor_permissions.secrets)
    assert [look(here) for look in looks] == [None, None, None]


def test_switches_of_tests_are_found() -> None:
    here = replace(installation(data_dir="./none"), environment={"TOLMACH_TEST_NOFSYNC": "1", "TOLMACH_LANGUAGE": "uk"})
    looked = {one.check.name: one for one in examine(doctor_checks.SECURITY, here)}
    assert codes(looked["switches"].findings) == ["TLM-SRV-001"]
    assert looked["records"].state == "skipped"


def test_the_command_gives_every_check_and_tells_by_its_status(tmp_path: Path) -> None:
    config = tmp_path / "tolmach.toml"
    config.write_text(f'data_dir = "{tmp_path.as_posix()}/data"\n[dicom]\nhost = "0.0.0.0"\n')
    called = call("doctor", "--security", "--json", "--config", config)
    assert called.status == 1
    assert [one["check"] for one in called.objects] == ["records", *(one.name for one in doctor_checks.SECURITY)]
    problems = [one for looked in called.objects for one in looked["problems"]]
    assert [one["code"] for one in problems] == called.codes
    assert {"TLM-SRV-231", "TLM-SRV-232", "TLM-SRV-242"} <= {one["code"] for one in problems}
    assert all(set(one) == {"code", "severity", "message"} for one in problems)
