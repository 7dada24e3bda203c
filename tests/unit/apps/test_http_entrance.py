"""The HTTP entrance follows the configuration, and never stands in the way of what comes over DICOM."""

import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.peers.certificates import Authority
from tests.web_archive import WebArchive
from tolmach.apps.gateway.faults import CannotListenHttp, UnsafeHttp
from tolmach.apps.http_entrance import HttpEntrance
from tolmach.apps.sections import Settings


@pytest.fixture
def entrance(tmp_path: Path) -> Iterator[HttpEntrance]:
    one = HttpEntrance(lambda _serves_archive: WebArchive(tmp_path / "data").served)
    yield one
    one.stop()


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def settings(**http: Any) -> Settings:
    return Settings.model_validate({"http": http})


def answers(url: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 5).close()
    except OSError:
        return False
    return True


def shown(url: str) -> str:
    """Give the certificate that is shown there."""
    return ssl.get_server_certificate(("127.0.0.1", int(url.rpartition(":")[2])))


def test_it_is_closed_where_it_is_not_enabled(entrance: HttpEntrance) -> None:
    entrance.change(entrance.prepare(settings(enabled=False)))
    assert (entrance.url, entrance.trouble) == ("", None)


def test_nobody_notices_a_configuration_that_says_the_same(entrance: HttpEntrance) -> None:
    entrance.change(entrance.prepare(settings(port=0)))
    url = entrance.url
    entrance.change(entrance.prepare(settings(port=0)))
    assert entrance.url == url
    assert answers(url)


def test_a_change_can_be_taken_back(entrance: HttpEntrance) -> None:
    entrance.change(entrance.prepare(settings(port=0)))
    undo = entrance.change(entrance.prepare(settings(enabled=False)))
    assert entrance.url == ""
    undo()
    assert answers(entrance.url)


def test_a_port_in_use_that_was_asked_for_is_refused_and_all_is_as_before(entrance: HttpEntrance, taken: int) -> None:
    with pytest.raises(CannotListenHttp):
        entrance.change(entrance.prepare(settings(port=taken)))
    assert entrance.url == ""
    entrance.change(entrance.prepare(settings(port=0)))
    with pytest.raises(CannotListenHttp):
        entrance.change(entrance.prepare(settings(port=taken)))
    assert answers(entrance.url)


def test_a_port_in_use_that_nobody_asked_for_is_told_and_tried_again(entrance: HttpEntrance, taken: int) -> None:
    assert not entrance.prepare(Settings()).is_wanted
    assert entrance.prepare(settings(port=taken)).is_wanted
    entrance.change(replace(entrance.prepare(settings(port=taken)), is_wanted=False))
    assert entrance.url == ""
    assert entrance.trouble is not None
    assert entrance.trouble.code == "TLM-SRV-121"
    entrance.change(replace(entrance.prepare(settings(port=0)), is_wanted=False))
    assert answers(entrance.url)
    assert entrance.trouble is None


def test_a_renewed_certificate_under_its_old_name_is_used(
    entrance: HttpEntrance, tmp_path: Path, peer_program: Callable[[str], Path]
) -> None:
    authority = Authority(peer_program("openssl"), tmp_path, "authority")
    one = authority.issue("one")
    encrypted = settings(port=0, certificate=str(one.certificate), key=str(one.key))
    entrance.change(entrance.prepare(encrypted))
    before = shown(entrance.url)
    other = authority.issue("two")
    shutil.copyfile(other.certificate, one.certificate)
    shutil.copyfile(other.key, one.key)
    entrance.change(entrance.prepare(encrypted))
    assert shown(entrance.url) != before


def test_it_is_not_opened_to_others_without_protection(entrance: HttpEntrance) -> None:
    with pytest.raises(UnsafeHttp):
        entrance.change(entrance.prepare(settings(host="0.0.0.0", port=0)))
    assert entrance.url == ""
