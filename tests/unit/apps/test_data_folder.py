"""Whose a data folder is."""

from pathlib import Path

import pytest

from tolmach.adapters.objects.faults import StoreUnusable
from tolmach.adapters.objects.lock import DataDirLock
from tolmach.adapters.sql import open_records
from tolmach.apps.data_folder import is_free, kept_by_other, may_have_records
from tolmach.apps.sections import Settings
from tolmach.base import TolmachError


def test_a_folder_is_free_until_somebody_keeps_it(tmp_path: Path) -> None:
    assert is_free(tmp_path)
    with DataDirLock(tmp_path):
        assert not is_free(tmp_path)
        with pytest.raises(StoreUnusable) as refused:
            DataDirLock(tmp_path).take()
        assert kept_by_other(refused.value.problem) == tmp_path
    assert is_free(tmp_path)


def test_a_folder_that_is_not_there_is_nobodys_to_keep(tmp_path: Path) -> None:
    assert not is_free(tmp_path / "none")
    with pytest.raises(TolmachError) as refused:
        DataDirLock(tmp_path / "none").take()
    assert kept_by_other(refused.value.problem) is None


def test_records_are_there_once_something_arrived_or_on_a_server(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert not may_have_records(settings)
    open_records(tmp_path).close()
    assert may_have_records(settings)
    assert may_have_records(Settings(data_dir=tmp_path / "none", database="postgresql://u@h/d"))


def test_a_folder_that_may_not_be_looked_into_may_have_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", refuse)
    assert may_have_records(Settings(data_dir=tmp_path))
