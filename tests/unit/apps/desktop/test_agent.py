"""The agent inside the window: it starts, follows, stops, gives way to another program, and says what is wrong."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from tests.calling import numbered
from tests.unit.apps.desktop.conftest import WAIT, configured, delivered, nobody
from tolmach.adapters.objects.lock import DataDirLock
from tolmach.adapters.sql import Records
from tolmach.apps import watching, wiring
from tolmach.apps.configuration import user_folder
from tolmach.apps.desktop import agent as agent_module
from tolmach.apps.desktop.agent import Agent
from tolmach.apps.desktop.agent_faults import AGENT_BROKE_OFF, OTHER_ENDED
from tolmach.base import Problem

MakeAgent = Callable[..., Agent]


@pytest.fixture
def make_agent(qtbot: QtBot) -> Iterator[MakeAgent]:
    """Give a function that makes an agent by a configuration."""
    made: list[Agent] = []
    owner = QObject()  # what the collector finds in some other thread is not Qt's to delete there

    def make(config: Path | None = None) -> Agent:
        agent = Agent(config, dict(os.environ), owner)
        made.append(agent)
        return agent

    yield make
    for agent in made:
        assert agent.close()
    shiboken6.delete(owner)


def running(agent: Agent, qtbot: QtBot) -> Agent:
    agent.start()
    until(agent, qtbot, "running")
    return agent


def until(agent: Agent, qtbot: QtBot, kind: str) -> None:
    qtbot.waitUntil(lambda: agent.state.kind == kind, timeout=WAIT)


def test_it_is_the_station_of_serve_and_delivers(make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot) -> None:
    agent = make_agent(configured(tmp_path))
    told: list[str] = []
    agent.changed.connect(lambda state: told.append(state.kind))
    running(agent, qtbot)
    assert "127.0.0.1" in agent.state.address
    (tmp_path / "room-1" / "one.dcm").write_bytes(numbered(1))
    qtbot.waitUntil(lambda: delivered(tmp_path) == 1, timeout=WAIT)
    with pytest.raises(Exception, match="another tolmach"):
        DataDirLock(tmp_path / "data").take()
    agent.stop()
    until(agent, qtbot, "off")
    qtbot.waitUntil(lambda: told == ["starting", "running", "stopping", "off"], timeout=WAIT)
    lock = DataDirLock(tmp_path / "data")
    lock.take()
    lock.release()
    running(agent, qtbot)


def test_a_stop_is_told_at_once_and_whom_it_waits_for(make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot) -> None:
    with nobody() as port:
        agent = running(make_agent(configured(tmp_path, port=port)), qtbot)
        assert agent.awaited == ()
        (tmp_path / "room-1" / "one.dcm").write_bytes(numbered(1))
        qtbot.waitUntil(lambda: delivered(tmp_path) == 1, timeout=WAIT)
        agent.stop()
        assert agent.state.kind == "stopping"
        qtbot.waitUntil(lambda: agent.awaited == ("pacs",), timeout=2_000)
        until(agent, qtbot, "off")
        assert agent.awaited == ()


def test_a_start_right_after_a_stop_runs_on(make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot) -> None:
    agent = running(make_agent(configured(tmp_path)), qtbot)
    agent.stop()
    agent.start()
    until(agent, qtbot, "running")
    agent.start()
    agent.stop()
    until(agent, qtbot, "off")


def test_nothing_runs_without_anything_to_do(make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot) -> None:
    agent = make_agent(configured(tmp_path, watches=()))
    with qtbot.waitSignal(agent.looked, timeout=1500, raising=False):
        agent.start()
    until(agent, qtbot, "off")
    assert not (tmp_path / "data").exists()


def test_without_any_configuration_it_is_off_and_knows_where_one_goes(make_agent: MakeAgent, qtbot: QtBot) -> None:
    agent = make_agent()
    assert agent.configuration is None
    assert agent.config_path == user_folder() / "tolmach.toml"
    agent.start()
    until(agent, qtbot, "off")
    user_folder().mkdir(parents=True)
    (user_folder() / "tolmach.toml").write_text(configured(Path.cwd()).read_text())
    agent.reload()
    until(agent, qtbot, "running")


def test_another_configuration_is_followed_and_a_bad_one_refused(
    make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot
) -> None:
    file = configured(tmp_path)
    agent = running(make_agent(file), qtbot)
    configured(tmp_path, watches=("room-1", "room-2"))
    agent.reload()
    qtbot.waitUntil(lambda: [one.name for one in agent.settings().watch] == ["room-1", "room-2"], timeout=WAIT)
    (tmp_path / "room-2" / "one.dcm").write_bytes(numbered(1))
    qtbot.waitUntil(lambda: delivered(tmp_path) == 1, timeout=WAIT)
    file.write_text("[dicom]\nprot = 1\n")
    with qtbot.waitSignal(agent.refused, timeout=WAIT) as refused:
        agent.reload()
    assert "prot" in str(refused.args[0])
    assert agent.state.kind == "running"
    (tmp_path / "room-1" / "two.dcm").write_bytes(numbered(2))
    qtbot.waitUntil(lambda: delivered(tmp_path) == 2, timeout=WAIT)


def test_a_configuration_that_cannot_run_is_told_and_tried_again(
    make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "RETRY_SECONDS", 0.2)
    file = configured(tmp_path)
    good = file.read_text()
    file.write_text("[dicom]\nprot = 1\n")
    agent = make_agent(file)
    agent.start()
    until(agent, qtbot, "failed")
    assert agent.state.problem is not None
    assert "prot" in str(agent.state.problem)
    qtbot.waitUntil(lambda: agent.overview.mood == "attention", timeout=WAIT)
    file.write_text(good)
    until(agent, qtbot, "running")
    qtbot.waitUntil(lambda: agent.overview.mood == "idle", timeout=WAIT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_nobody_foresaw_is_shown_and_it_can_be_started_again(
    make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_agent(configured(tmp_path))
    with monkeypatch.context() as patched:
        patched.setattr(wiring, "station", lambda *_: 1 / 0)
        agent.start()
        until(agent, qtbot, "failed")
    assert agent.state.problem == Problem(AGENT_BROKE_OFF)
    qtbot.waitUntil(lambda: agent.overview.mood == "attention", timeout=WAIT)
    running(agent, qtbot)


def test_a_port_that_is_taken_is_told(make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        file = configured(tmp_path)
        file.write_text(file.read_text().replace("port = 0", f"port = {taken.getsockname()[1]}", 1))
        agent = make_agent(file)
        agent.start()
        until(agent, qtbot, "failed")
    agent.start()
    until(agent, qtbot, "running")


def test_it_gives_way_to_another_program_and_commands_go_through_the_records(
    make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "PROBE_SECONDS", 0.2)
    file = configured(tmp_path)
    service, agent = running(make_agent(file), qtbot), make_agent(file)
    agent.start()
    until(agent, qtbot, "elsewhere")
    assert agent.state.problem is not None
    assert str(os.getpid()) in str(agent.state.problem)

    agent.ask(lambda records: records.watched.set_mode("room-1", "paused", "me"))
    qtbot.waitUntil(lambda: agent.overview.paused == {"room-1"}, timeout=WAIT)
    assert agent.overview.is_all_paused
    assert service.station is not None
    qtbot.waitUntil(lambda: service.station is not None and service.station.modes.is_paused("room-1"), timeout=WAIT)
    answers: list[bool] = []
    agent.ask(lambda records: records.watched.resume("room-1", "me"), answers.append)
    qtbot.waitUntil(lambda: answers == [True], timeout=WAIT)

    service.stop()
    until(agent, qtbot, "failed")
    assert agent.state.problem is not None
    assert agent.state.problem.fault is OTHER_ENDED
    service.start()
    until(agent, qtbot, "elsewhere")
    service.stop()
    until(agent, qtbot, "failed")
    agent.start()
    until(agent, qtbot, "running")


def test_a_command_that_cannot_be_done_is_told(make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot) -> None:
    agent = make_agent(configured(tmp_path))
    told: list[Problem] = []
    agent.refused.connect(told.append)
    agent.ask(lambda records: records.watched.states())
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT)


@pytest.mark.slow
def test_what_waits_is_counted_and_is_delivered_after_the_next_start(
    make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot
) -> None:
    with nobody() as port:
        agent = running(make_agent(configured(tmp_path, port=port)), qtbot)
        for number in range(3):
            (tmp_path / "room-1" / f"{number}.dcm").write_bytes(numbered(number))
        qtbot.waitUntil(lambda: delivered(tmp_path) == 3, timeout=WAIT)
        qtbot.waitUntil(lambda: agent.overview.waiting == 3, timeout=WAIT)
        assert agent.overview.mood == "working"
        assert agent.close(10.0)
    # The watch is gone from the configuration, but what it brought still waits.
    again = running(make_agent(configured(tmp_path, watches=())), qtbot)
    qtbot.waitUntil(lambda: again.overview.waiting == 3, timeout=WAIT)


def test_what_is_stuck_is_told_as_notices_tell_it(
    make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "OWNERSHIP_SECONDS", 0.5)
    agent = running(make_agent(configured(tmp_path, watches=("room-1", "room-2"))), qtbot)
    (tmp_path / "room-2").rmdir()
    qtbot.waitUntil(lambda: agent.overview.mood == "attention", timeout=WAIT)
    assert "room-2" in (tmp_path / "data" / "log" / "tolmach.log").read_text()
    (stuck,) = agent.overview.stuck
    assert stuck.key == ("watch", "room-2")
    assert stuck.cause is not None
    (tmp_path / "room-2").mkdir()
    qtbot.waitUntil(lambda: agent.overview.mood == "idle", timeout=WAIT)


def test_held_lines_count(make_agent: MakeAgent, tmp_path: Path, qtbot: QtBot) -> None:
    with nobody() as port:
        agent = running(make_agent(configured(tmp_path, port=port)), qtbot)
        (tmp_path / "room-1" / "one.dcm").write_bytes(numbered(1))
        qtbot.waitUntil(lambda: agent.overview.waiting == 1, timeout=WAIT)

        def hold(records: Records) -> int:
            return records.desk.hold(None, "pacs", "me")

        agent.ask(hold)
        qtbot.waitUntil(lambda: agent.overview.held == 1, timeout=WAIT)
        assert agent.overview.stuck[0].key == ("held", "pacs")
