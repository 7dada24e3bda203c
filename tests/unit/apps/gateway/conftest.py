"""One archive that answers HTTP for each module of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web_archive import Client, WebArchive, web_archive


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebArchive, Client]]:
    with web_archive(tmp_path_factory.mktemp("archive"), idle_seconds=3) as found:
        yield found


@pytest.fixture
def archive(running: tuple[WebArchive, Client]) -> WebArchive:
    return running[0]


@pytest.fixture
def client(running: tuple[WebArchive, Client]) -> Client:
    return running[1]
