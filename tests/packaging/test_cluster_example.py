"""The example of a cluster is what it says: its configuration loads, its parts name the same ports and questions."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from tests.calling import call
from tolmach.apps.gateway.rights import PROBES
from tolmach.apps.sections import Settings
from tolmach.apps.settings import load_settings

FOLDER = Path(__file__).parents[2] / "examples" / "cluster"
CONFIG = FOLDER / "tolmach.toml"
BALANCER = (FOLDER / "haproxy.cfg").read_text("utf-8")


def environment() -> dict[str, str]:
    """Give what `tolmach.env` sets."""
    lines = (FOLDER / "tolmach.env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture
def settings() -> Settings:
    return load_settings(CONFIG, environment())


def test_config_check_accepts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    called = call("config", "check", "--config", CONFIG, "--lang", "en")
    assert called.status == 0, called.err


def test_the_secrets_are_those_that_are_needed_and_no_settings(settings: Settings) -> None:
    assert environment().keys() == {"DATABASE_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert environment()["DATABASE_PASSWORD"] in settings.database


def test_the_balancer_sends_to_the_ports_that_are_listened_on(settings: Settings) -> None:
    sent_to = {
        name: set(re.findall(r"server \S+ \S+:(\d+)", part))
        for name, part in re.findall(r"^backend (\w+)\n(.*?)(?=^\S|\Z)", BALANCER, re.MULTILINE | re.DOTALL)
    }
    assert sent_to == {"dicom_nodes": {str(settings.dicom.port)}, "https_nodes": {str(settings.http.port)}}
    assert set(re.findall(r"check-ssl port (\d+)", BALANCER)) == {str(settings.http.port)}


def test_the_balancer_asks_what_probes_may_ask_under_a_name_that_is_answered(settings: Settings) -> None:
    assert set(re.findall(r"meth GET uri (\S+)", BALANCER)) <= set(PROBES)
    asked_for = set(re.findall(r"hdr Host (\S+)", BALANCER))
    nodes = set(re.findall(r"server \S+ ([^\s:]+):", BALANCER))
    assert asked_for | nodes <= set(settings.http.allowed_hosts)
    assert asked_for == {(settings.http.public_url or "").removeprefix("https://")}


def test_callers_may_come_from_the_balancers(settings: Settings) -> None:
    balancers = set(re.findall(r"10\.0\.0\.\d+", BALANCER.splitlines()[0]))
    assert balancers == set(settings.http.probe_addresses)
    for peer in settings.peer:
        if not peer.port:
            assert all(ip_address(one) in ip_network(peer.host) for one in balancers)


def test_the_page_names_what_is_there() -> None:
    page = (FOLDER.parents[1] / "docs" / "cluster.md").read_text("utf-8")
    for file in FOLDER.iterdir():
        assert f"`{file.name}`" in page
