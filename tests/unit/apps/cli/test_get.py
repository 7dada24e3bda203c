"""`tolmach get`: what is said when an archive has nothing of what was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archive_double import ArchiveDouble
from tests.calling import call
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.query_retrieve_scp import QuerySettings, query_retrieve_services
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.archive.interfaces import Held


def nothing_is_opened(_held: Held) -> object:
    raise AssertionError("there is nothing to open")


@pytest.fixture
def empty_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the address of an archive that holds nothing."""
    monkeypatch.chdir(tmp_path)
    services = query_retrieve_services(
        ArchiveDouble(),
        nothing_is_opened,  # type: ignore[arg-type]
        lambda *_: None,
        QuerySettings("PACS"),
    )
    callers = (Caller("tolmach", "TOLMACH", ("127.0.0.1",)),)
    settings = StorageScpSettings(port=0, policy=AcceptancePolicy(None, callers))
    scp = StorageScp(settings, tmp_path, lambda _: 0, services=services)
    scp.start()
    yield f"PACS@127.0.0.1:{scp.port}"
    scp.stop()


def test_nothing_there_is_said_and_is_no_failure(empty_archive: str, tmp_path: Path) -> None:
    """As `tolmach find` does: an empty answer is an answer."""
    found = call("find", empty_archive, "StudyInstanceUID=1.2.3")
    got = call("get", empty_archive, "StudyInstanceUID=1.2.3", "--out", tmp_path / "out")
    assert (found.status, found.out, found.err) == (0, "0 answers.\n", "")
    assert (got.status, got.out, got.err) == (0, "0 images\n", "")
    told = call("get", empty_archive, "StudyInstanceUID=1.2.3", "--out", tmp_path / "out", "--json")
    assert (told.status, told.out, told.err) == (0, "", "")
