"""`tolmach get`: what is said when an archive has nothing of what was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.calling import call
from tests.held_archive import HeldArchive
from tests.peers.qr_files import ROOT, image
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.query_retrieve_scp import QuerySettings, query_retrieve_services
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings


@pytest.fixture
def archive() -> HeldArchive:
    """Give an archive that holds nothing yet."""
    return HeldArchive()


@pytest.fixture
def empty_archive(archive: HeldArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the address of an archive that holds nothing."""
    monkeypatch.chdir(tmp_path)
    services = query_retrieve_services(archive.index, archive.open, lambda *_: None, QuerySettings("PACS"))
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


def test_what_may_not_be_all_is_no_success(empty_archive: str, archive: HeldArchive, tmp_path: Path) -> None:
    """What came is kept, and whoever asked learns that there may be more."""
    archive.put(image(1, 1, 1))
    asked = ("get", empty_archive, f"StudyInstanceUID={ROOT}.1", "--out", tmp_path / "out")
    assert call(*asked).status == 0
    archive.index.unfindable_since = datetime(2026, 11, 22, 10, tzinfo=UTC)
    got = call(*asked)
    assert (got.status, got.codes) == (1, ["TLM-CLI-056"])
    assert len(got.out.splitlines()) == 1
    unknown = call("get", empty_archive, "StudyInstanceUID=1.2.3", "--out", tmp_path / "out")
    assert unknown.status == 1
    assert "A701" in unknown.err
