"""Which store a setting names, what is wrong with one that names none, and what a bucket is not asked for."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from tests.s3_proxy import refuse, s3_proxy
from tests.s3_server import KEYS, s3_server
from tolmach.adapters.objects import FolderStore, Keys, S3Address, StoreUnusable, open_store, parse_address
from tolmach.intake.faults import StoreTrouble

ROOT = Path(__file__).parents[4]
SILENT = "s3://clinic/x?endpoint=http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("text", "address", "shown", "server"),
    [
        ("s3://clinic", S3Address("clinic"), "s3://clinic", "S3 (us-east-1)"),
        (
            "s3://clinic/a/b/?endpoint=http://127.0.0.1:9000",
            S3Address("clinic", "a/b", "http://127.0.0.1:9000"),
            "s3://clinic/a/b",
            "http://127.0.0.1:9000",
        ),
        (
            "s3://a.b-c/x?endpoint=https%3A%2F%2Fs3.clinic.example/&region=eu-central-1&checksum=none&virtual_hosted=yes",
            S3Address("a.b-c", "x", "https://s3.clinic.example", "eu-central-1", "none", None, virtual_hosted=True),
            "s3://a.b-c/x",
            "https://s3.clinic.example",
        ),
        ("s3://clinic?ca=ca.pem", S3Address("clinic", ca=Path("ca.pem")), "s3://clinic", "S3 (us-east-1)"),
    ],
)
def test_an_address_is_understood(text: str, address: S3Address, shown: str, server: str) -> None:
    assert parse_address(text) == address
    assert (str(address), address.server) == (shown, server)
    assert address.is_open == ("http:" in text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not begin with s3://"),
        ("Folder", "does not begin with s3://"),
        ("https://bucket", "does not begin with s3://"),
        ("s3:bucket", "no name of a bucket"),
        ("s3://", "no name of a bucket"),
        ("s3://Clinic/x", "no name of a bucket"),
        ("s3://-x/", "no name of a bucket"),
        ("s3://clinic/../x", "is no prefix"),
        ("s3://clinic/a//b", "is no prefix"),
        ("s3://clinic/ключ", "is no prefix"),
        ("s3://clinic/x#y", "is no prefix"),
        ("s3://clinic?endpont=http://x", "“endpont” means nothing there"),
        ("s3://clinic?endpoint=ftp://x", "no value of endpoint"),
        ("s3://clinic?endpoint=127.0.0.1:9000", "no value of endpoint"),
        ("s3://clinic?endpoint=http://x:port", "no value of endpoint"),
        ("s3://clinic?endpoint=http://x/path", "no value of endpoint"),
        ("s3://clinic?checksum=md5", "no value of checksum"),
        ("s3://clinic?virtual_hosted=1", "no value of virtual_hosted"),
        ("s3://clinic?endpoint", "does not begin"),
    ],
)
def test_what_is_no_address_is_told_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(StoreUnusable, match="TLM-OBJ-031") as raised:
        parse_address(text)
    assert why in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "s3://AKIA:verysecret@clinic/x",
        "s3://clinic/x?endpoint=http://AKIA:verysecret@127.0.0.1:9000",
        "s3://clinic/x?endpoint=ftp://AKIA:verysecret@127.0.0.1:9000",
        "http://AKIA:verysecret@clinic/x",
    ],
)
def test_keys_in_an_address_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(StoreUnusable, match="TLM-OBJ-031") as raised:
        parse_address(text)
    assert "verysecret" not in str(raised.value)


def test_the_folder_needs_nothing_else(tmp_path: Path) -> None:
    assert isinstance(open_store("folder", tmp_path), FolderStore)


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (None, "AWS_ACCESS_KEY_ID"),
        (Keys("", "secret"), "AWS_ACCESS_KEY_ID"),
        (Keys("id", ""), "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_keys_that_are_not_there_are_asked_for_by_name(tmp_path: Path, keys: Keys | None, name: str) -> None:
    with pytest.raises(StoreUnusable, match=f"TLM-OBJ-032.*{name} is not set"):
        open_store(SILENT, tmp_path, keys)


WITHOUT = """
import sys
from pathlib import Path
sys.modules["obstore"] = None
from tolmach.adapters.objects import Keys, StoreUnusable, open_store
open_store("folder", Path(sys.argv[1]))
try:
    open_store("s3://clinic", Path(sys.argv[1]), Keys("a", "b"))
except StoreUnusable as error:
    print(error.code)
"""


def test_a_missing_package_is_told_and_only_where_it_is_needed(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert ran.stdout.startswith("TLM-OBJ-030"), ran.stderr


def test_nobody_loads_what_only_a_bucket_needs(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from tolmach.adapters.objects import open_store; "
    code += "open_store('folder', Path(sys.argv[1])); sys.exit('obstore' in sys.modules)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60, check=True, cwd=ROOT)


def test_a_server_that_is_down_keeps_nobody_from_beginning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        open_store(SILENT, tmp_path, KEYS)
    assert "TLM-OBJ-035" in caplog.text
    assert KEYS.secret_access_key not in caplog.text


def test_a_bucket_is_asked_whether_it_can_be_used(tmp_path: Path) -> None:
    with s3_server() as server, s3_proxy(server.port) as proxy:
        where = f"s3://{server.bucket}/x?endpoint=http://127.0.0.1:{proxy.port}"
        assert list(open_store(where, tmp_path, KEYS).walk()) == []
        with pytest.raises(StoreUnusable, match="TLM-OBJ-033"):
            open_store(where.replace(server.bucket, "elsewhere"), tmp_path, KEYS)
        proxy.always = refuse(403, "InvalidAccessKeyId")
        with pytest.raises(StoreUnusable, match="TLM-OBJ-034"):
            open_store(where, tmp_path, KEYS)


def test_authorities_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(StoreTrouble, match="TLM-OBJ-003"):
        open_store(f"s3://clinic?ca={(tmp_path / 'ca.pem').as_posix()}", tmp_path, KEYS)
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(StoreUnusable, match=r"TLM-OBJ-031.*no certificates"):
        open_store(f"s3://clinic?ca={(tmp_path / 'ca.pem').as_posix()}", tmp_path, KEYS)
