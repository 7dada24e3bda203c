"""The service of Windows against stand-ins for pywin32, in what order it calls and how it ends: never run there."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tolmach.apps import windows_service
from tolmach.apps.faults import BadCall
from tolmach.apps.sections import Settings
from tolmach.apps.serving import Orders
from tolmach.apps.windows_service import Pywin32Missing, WindowsTrouble, install, plan, remove, service_class
from tolmach.base import Fault, Retryable


class ApiError(Exception):
    """As pywintypes.error: not an OSError."""

    strerror = "Access is denied."


class Windows:
    """What pywin32 is asked for, in order, and the options that the registry keeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.options: dict[tuple[str, str], str] = {}
        self.refuses = ""
        self.state = 4
        self.logged: list[str] = []
        windows = self

        class Framework:
            def __init__(self, arguments: list[str]) -> None:
                pass

            def ReportServiceStatus(self, *status: int) -> None:
                windows.calls.append(("status", *status))

        services, api, host, types = map(
            ModuleType, ("win32serviceutil", "win32service", "servicemanager", "pywintypes")
        )
        members: dict[str, Any] = {
            "ServiceFramework": Framework,
            "SetServiceCustomOption": lambda name, key, value: self.options.update({(name, key): value}),
            "GetServiceCustomOption": lambda name, key, default=None: self.options.get((name, key), default),
            "QueryServiceStatus": lambda name: (0, self.state),
        }
        for name in ("InstallService", "StartService", "StopService", "RemoveService", "WaitForServiceStatus"):
            members[name] = self.called(name)
        services.__dict__.update(members)
        for number, name in enumerate(
            ("SERVICE_STOPPED", "SERVICE_STOP_PENDING", "SERVICE_AUTO_START", "SC_MANAGER_ALL_ACCESS"), 1
        ):
            api.__dict__[name] = number
        for name in ("SERVICE_ALL_ACCESS", "SC_ACTION_RESTART"):
            api.__dict__[name] = name
        for name in ("SERVICE_CONFIG_FAILURE_ACTIONS", "SERVICE_CONFIG_FAILURE_ACTIONS_FLAG"):
            api.__dict__[name] = name
        for name in ("OpenSCManager", "OpenService", "ChangeServiceConfig2", "CloseServiceHandle"):
            api.__dict__[name] = self.called(name)
        host.__dict__["LogErrorMsg"] = self.logged.append
        host.__file__ = "servicemanager.pyd"
        for name in ("Initialize", "PrepareToHostSingle", "StartServiceCtrlDispatcher"):
            host.__dict__[name] = self.called(name)
        types.__dict__["error"] = ApiError
        for module in (services, api, host, types):
            monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(windows_service, "_grant", lambda command: self.calls.append(("grant", *command)))

    def called(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> str:
            if name == self.refuses:
                raise ApiError
            self.calls.append((name, *arguments, *named.items()))
            return f"handle of {name}"

        return call

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Windows:
    return Windows(monkeypatch)


@pytest.fixture
def planned(tmp_path: Path) -> windows_service.Plan:
    watch = {"name": "w", "folder": str(tmp_path / "in"), "export_folder": str(tmp_path / "out")}
    return plan(
        Settings.model_validate({"data_dir": "data", "watch": [watch]}), tmp_path / "c.toml", "tolmach-2", tmp_path
    )


def test_without_pywin32_it_says_what_to_install(planned: windows_service.Plan) -> None:
    for act in (lambda: install(planned), lambda: remove("tolmach"), service_class):
        with pytest.raises(Pywin32Missing, match="TLM-SRV-062"):
            act()


def test_the_account_may_read_the_program_and_change_only_its_folders(
    planned: windows_service.Plan, tmp_path: Path
) -> None:
    granted = {command[1]: command[3] for command in planned.grants()}
    account = "NT SERVICE\\tolmach-2"
    assert granted[sys.prefix] == f"{account}:(OI)(CI)RX"
    assert granted[str(tmp_path / "c.toml")] == f"{account}:RX"
    assert granted[str(tmp_path / "in")] == f"{account}:(OI)(CI)RX"
    for name in ("data", "out"):
        assert granted[str(tmp_path / name)] == f"{account}:(OI)(CI)M"
    assert all("tolmach-2" in line or "=" in line for line in planned.lines())


def test_a_share_is_opened_by_its_own_administrator(tmp_path: Path) -> None:
    made = windows_service.Plan("t", tmp_path / "c", tmp_path, (), (Path("\\\\server\\share"),))
    assert list(made.grants()) == []


def test_install_registers_everything_before_it_starts(windows: Windows, planned: windows_service.Plan) -> None:
    install(planned)
    names = windows.names()
    assert names[0] == "InstallService"
    assert names[-1] == "StartService"
    registered = windows.calls[0]
    assert registered[1:3] == ("tolmach.apps.windows_service.TolmachService", "tolmach-2")
    assert dict(registered[4:])["delayedstart"] is True
    assert dict(registered[4:])["userName"] == "NT SERVICE\\tolmach-2"
    changed = [call for call in windows.calls if call[0] == "ChangeServiceConfig2"]
    assert changed[0][3]["Actions"] == [("SC_ACTION_RESTART", 10_000)] * 3
    assert changed[1][2:] == ("SERVICE_CONFIG_FAILURE_ACTIONS_FLAG", True)
    assert names.count("CloseServiceHandle") == 2
    assert windows.options[("tolmach-2", "Config")] == str(planned.config)
    assert windows.options[("tolmach-2", "Folder")] == str(planned.folder)


@pytest.mark.parametrize("is_built", [False, True])
def test_the_built_program_is_registered_as_its_own_host(
    windows: Windows, planned: windows_service.Plan, monkeypatch: pytest.MonkeyPatch, *, is_built: bool
) -> None:
    monkeypatch.setattr(sys, "frozen", is_built, raising=False)
    install(planned)
    wanted = "-m tolmach.apps.windows_service" if is_built else None
    assert dict(windows.calls[0][4:])["exeArgs"] == wanted


def test_the_host_prepares_before_it_lets_windows_call(windows: Windows) -> None:
    windows_service.host_service()
    assert windows.names() == ["Initialize", "PrepareToHostSingle", "StartServiceCtrlDispatcher"]
    assert windows.calls[0][1:] == ("tolmach", "servicemanager.pyd")
    assert windows.calls[1][1].__name__ == "Service"


@pytest.mark.parametrize(
    "name", ["InstallService", "OpenSCManager", "OpenService", "ChangeServiceConfig2", "StartService"]
)
def test_what_windows_refuses_is_told(windows: Windows, planned: windows_service.Plan, name: str) -> None:
    windows.refuses = name
    with pytest.raises(WindowsTrouble, match=r"TLM-SRV-063.*Access is denied"):
        install(planned)
    assert windows.names().count("CloseServiceHandle") == {
        "OpenService": 1,
        "ChangeServiceConfig2": 2,
        "StartService": 2,
    }.get(name, 0)


def test_remove_stops_first_and_only_what_is_ours(windows: Windows) -> None:
    for name in ("spooler", "../x", ""):
        with pytest.raises(BadCall, match="TLM-SRV-064"):
            remove(name)
    windows.options[("tolmach", "Config")] = "c.toml"
    remove("tolmach")
    assert windows.names() == ["StopService", "WaitForServiceStatus", "RemoveService"]
    windows.calls.clear()
    windows.state = 1
    remove("tolmach")
    assert windows.names() == ["RemoveService"]


class Left(Exception):
    """In the place of the program's end."""


def leave(status: int) -> None:
    raise Left(status)


def test_the_service_runs_until_it_is_told_to_stop(
    windows: Windows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    windows.options |= {("t", "Config"): "c.toml", ("t", "Folder"): str(tmp_path)}
    runs, begun, reloaded = [], threading.Event(), threading.Event()

    def run(config: Path, orders: Orders) -> None:
        begun.set()
        while orders.wait():
            runs.append((config, Path.cwd()))
            reloaded.set()

    service = service_class(run, leave)(["t"])
    thread = threading.Thread(target=service.SvcDoRun)
    thread.start()
    assert begun.wait(30)
    service.SvcOther(127)
    service.SvcOther(128)
    assert reloaded.wait(30)
    service.SvcShutdown()
    thread.join(30)
    assert not thread.is_alive()
    assert runs == [(Path("c.toml"), tmp_path)]
    assert windows.calls == [("status", 2, 15_000)]
    assert windows.logged == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Retryable(Fault("TLM-X-001", "No disk.", "Wait.")), "TLM-X-001: No disk. Wait."),
        (FileNotFoundError("gone"), "gone"),
        (ZeroDivisionError("ШЕВЧЕНКО"), "ZeroDivisionError"),
    ],
)
def test_a_failure_goes_to_the_event_log_and_ends_the_program(
    windows: Windows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    windows.options |= {("t", "Config"): "c.toml", ("t", "Folder"): str(tmp_path)}

    def run(config: Path, orders: Orders) -> None:
        raise error

    with pytest.raises(Left, match="1"):
        service_class(run, leave)(["t"]).SvcDoRun()
    assert windows.logged == [f"t: {said}"]


def test_pythonservice_finds_the_class_by_its_name(windows: Windows) -> None:
    found = windows_service.TolmachService
    assert found._svc_name_ == "tolmach"
    with pytest.raises(AttributeError):
        _ = windows_service.AnythingElse


def test_the_station_is_that_of_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "c.toml"
    settings = 'data_dir = "data"\n[dicom]\nport = 0\n[storage]\nreserve = "0"\n'
    config.write_text(settings, "utf-8")
    log = tmp_path / "data" / "log" / "tolmach.log"
    orders = Orders()
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(windows_service.run_station, config, orders)
        try:
            await_line(log, "read anew", orders.reload)
            config.write_text("nonsense", "utf-8")
            await_line(log, "TLM-CFG-003", orders.reload)
        finally:
            orders.stop()
        ended.result(60)
    assert "tolmach is listening as TOLMACH@127.0.0.1:" in log.read_text("utf-8")


def await_line(log: Path, said: str, ask: Callable[[], None], seconds: float = 60) -> None:
    """Ask again and again until the log says it."""
    until = time.monotonic() + seconds
    while not log.exists() or said not in log.read_text("utf-8"):
        assert time.monotonic() < until, said
        if log.exists():
            ask()
        time.sleep(0.05)
