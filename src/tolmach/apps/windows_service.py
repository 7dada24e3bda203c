"""The agent as a service of Windows, by pywin32. Written with care and never run: no Windows was at hand.

pythonservice.exe of pywin32 imports this module and takes `TolmachService` from it, which is made then: pywin32 is
nowhere else, and its modules have no types, so they are `Any` here. The built program has no pythonservice.exe; it is
its own host, and starts this module as `-m` would.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tolmach.apps.faults import BadCall
from tolmach.apps.log_file import LogFile
from tolmach.apps.sections import Settings
from tolmach.apps.service_unit import BAD_NAME, NAME, writable_folders
from tolmach.apps.serving import Orders
from tolmach.base import N_, Fault, NeedsOperator, Retryable, TolmachError

if TYPE_CHECKING:
    from tolmach.apps.wiring import Station

log = logging.getLogger(__name__)

CLASS = "tolmach.apps.windows_service.TolmachService"
RELOAD = 128  # sc.exe control NAME 128; the first number that Windows leaves to services
STOP_MILLISECONDS = 15_000  # `serve` ends within ten seconds
RESTART_MILLISECONDS, COUNT_AGAIN_SECONDS = 10_000, 86_400
_GRANT_SECONDS = 600.0
_HOST = "-m tolmach.apps.windows_service"  # the built program, called so, is its own service
_LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_CONFIG, _FOLDER = "Config", "Folder"  # what the registry keeps for each service

NO_PYWIN32 = Fault(
    "TLM-SRV-062",
    N_("A service of Windows needs pywin32, which is not installed."),
    N_("Install tolmach with it: pip install tolmach[service]; then run the same again."),
)
WINDOWS_FAILED = Fault(
    "TLM-SRV-063",
    N_("Windows did not do it: {why}"),
    N_("Run the same as an administrator, with the window of the services closed."),
)
NOT_OUR_SERVICE = Fault(
    "TLM-SRV-064",
    N_("The service {name} is not there, or was not installed by tolmach; it is left as it is."),
    N_("Name the service with --name as it was installed."),
)


class Pywin32Missing(NeedsOperator):
    """pywin32 is not installed."""


class WindowsTrouble(Retryable):
    """Windows refused something."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be installed: the service, and what its own account may read and change."""

    name: str
    config: Path
    folder: Path
    readable: tuple[Path, ...]
    writable: tuple[Path, ...]

    @property
    def account(self) -> str:
        r"""The account of the service's own that Windows makes for it: few rights, and no password to keep."""
        return rf"NT SERVICE\{self.name}"

    def grants(self) -> Iterator[list[str]]:
        """Give the commands that let the account at the folders; a share is for its own administrator to open."""
        for paths, rights in ((self.readable, "RX"), (self.writable, "M")):
            for path in paths:
                if not str(path).startswith("\\\\"):
                    inherited = "" if path == self.config else "(OI)(CI)"
                    yield ["icacls.exe", str(path), "/grant", f"{self.account}:{inherited}{rights}", "/C", "/Q"]

    def lines(self) -> Iterator[str]:
        """Give what would be done, for people."""
        yield f"{self.name}: {CLASS}, {self.account}, delayed-auto, restart after {RESTART_MILLISECONDS // 1000} s"
        yield f"{_CONFIG} = {self.config}"
        yield f"{_FOLDER} = {self.folder}"
        for command in self.grants():
            yield subprocess.list2cmdline(command)


def plan(settings: Settings, config: Path, name: str, folder: Path) -> Plan:
    """Describe the service of a configuration; what is relative in it counts from `folder`. Raises `BadCall`."""
    if not NAME.fullmatch(name):
        raise BadCall(BAD_NAME, name=name)
    watched = (folder / watch.folder for watch in settings.watch if watch.after == "keep")
    readable = (Path(sys.prefix), Path(sys.base_prefix), config, *watched)
    writable = (folder / settings.data_dir, *(folder / path for path in writable_folders(settings)))
    return Plan(name, config, folder, tuple(dict.fromkeys(readable)), tuple(dict.fromkeys(writable)))


def install(plan: Plan) -> None:
    """Register the service, let its account at its folders, and start it.

    Raises `Pywin32Missing` and `WindowsTrouble`; after the latter `remove` and once more.
    """
    services, api = _pywin32("win32serviceutil"), _pywin32("win32service")
    try:
        services.InstallService(
            CLASS,
            plan.name,
            f"tolmach ({plan.name})",
            startType=api.SERVICE_AUTO_START,
            description="Repairs and delivers DICOM images.",
            userName=plan.account,
            delayedstart=True,
            exeArgs=_HOST if getattr(sys, "frozen", False) else None,
        )
        services.SetServiceCustomOption(plan.name, _CONFIG, str(plan.config))
        services.SetServiceCustomOption(plan.name, _FOLDER, str(plan.folder))
        _restart_when_it_fails(api, plan.name)
        for path in plan.writable[:1]:
            path.mkdir(parents=True, exist_ok=True)
        for command in plan.grants():
            _grant(command)
        services.StartService(plan.name)
    except _windows_error() as error:
        raise WindowsTrouble(WINDOWS_FAILED, why=_why(error)) from error


def remove(name: str) -> None:
    """Stop a service that tolmach installed, and remove it; raises `BadCall`, `Pywin32Missing`, `WindowsTrouble`."""
    services, api = _pywin32("win32serviceutil"), _pywin32("win32service")
    if not NAME.fullmatch(name) or not _is_ours(services, name):
        raise BadCall(NOT_OUR_SERVICE, name=name)
    try:
        if services.QueryServiceStatus(name)[1] != api.SERVICE_STOPPED:
            services.StopService(name)
            services.WaitForServiceStatus(name, api.SERVICE_STOPPED, STOP_MILLISECONDS // 1000)
        services.RemoveService(name)
    except _windows_error() as error:
        raise WindowsTrouble(WINDOWS_FAILED, why=_why(error)) from error


def _is_ours(services: Any, name: str) -> bool:
    try:
        return bool(services.GetServiceCustomOption(name, _CONFIG, ""))
    except _windows_error():
        return False


def _restart_when_it_fails(api: Any, name: str) -> None:
    """Let Windows start it anew however it ended, unless somebody stopped it."""
    manager = api.OpenSCManager(None, None, api.SC_MANAGER_ALL_ACCESS)
    try:
        service = api.OpenService(manager, name, api.SERVICE_ALL_ACCESS)
        try:
            again = [(api.SC_ACTION_RESTART, RESTART_MILLISECONDS)] * 3
            actions = {"ResetPeriod": COUNT_AGAIN_SECONDS, "RebootMsg": "", "Command": "", "Actions": again}
            api.ChangeServiceConfig2(service, api.SERVICE_CONFIG_FAILURE_ACTIONS, actions)
            api.ChangeServiceConfig2(service, api.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, True)
        finally:
            api.CloseServiceHandle(service)
    finally:
        api.CloseServiceHandle(manager)


def _grant(command: Sequence[str]) -> None:
    try:
        ended = subprocess.run(command, capture_output=True, timeout=_GRANT_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WindowsTrouble(WINDOWS_FAILED, why=str(error)) from error
    if ended.returncode != 0:
        # A folder that is not there yet; the service says so itself if it matters.
        log.warning("%s: %d", subprocess.list2cmdline(command), ended.returncode)


def run_station(config: Path, orders: Orders) -> None:
    """Run what `tolmach serve` runs until told to stop; its log goes into the data folder.

    Raises what a station raises that cannot run.
    """
    from tolmach.apps.settings import load_settings
    from tolmach.apps.wiring import station

    sys.setswitchinterval(0.0005)  # as `serve` does
    settings = load_settings(config, os.environ)
    folder = settings.data_dir / "log"
    folder.mkdir(parents=True, exist_ok=True)
    lines = LogFile(folder / "tolmach.log")
    lines.setFormatter(logging.Formatter(_LOG_FORMAT))
    root = logging.getLogger()
    root.addHandler(lines)
    root.setLevel(logging.INFO)
    try:
        with station(settings, config) as here:
            log.info("tolmach is listening as %s", here.address)
            if here.url:
                log.info("DICOMweb is at %s/dicom-web", here.url)
            for problem in here.remarks:
                log.warning("%s: %s", problem.code, problem)
            while orders.wait():
                _reload(here)
    finally:
        root.removeHandler(lines)
        lines.close()


def _reload(here: Station) -> None:
    """Run by what the configuration says now; where it cannot be used, go on as before and log why."""
    from tolmach.apps.settings import load_settings

    try:
        here.change(load_settings(here.file, os.environ))
    except TolmachError as error:
        log.error("%s", error)
    else:
        log.info("The configuration was read anew; tolmach is listening as %s", here.address)


def service_class(
    run: Callable[[Path, Orders], None] = run_station, leave: Callable[[int], object] = os._exit
) -> type[Any]:
    """Give the class that pywin32 runs; `leave` ends the program at once, so that Windows starts it anew."""
    services, api, host = _pywin32("win32serviceutil"), _pywin32("win32service"), _pywin32("servicemanager")
    framework: type[Any] = services.ServiceFramework

    class Service(framework):  # type: ignore[misc]  # pywin32 has no types, and is not on this machine
        """Starts with the machine, stops when told to, and tells the event log why it could not go on."""

        _svc_name_ = "tolmach"
        _svc_display_name_ = "tolmach"

        def __init__(self, arguments: Sequence[str]) -> None:
            super().__init__(arguments)
            self.name = arguments[0]
            self.orders = Orders()

        def SvcStop(self) -> None:
            self.ReportServiceStatus(api.SERVICE_STOP_PENDING, STOP_MILLISECONDS)
            self.orders.stop()

        SvcShutdown = SvcStop

        def SvcOther(self, control: int) -> None:
            if control == RELOAD:
                self.orders.reload()

        def SvcDoRun(self) -> None:
            try:
                os.chdir(services.GetServiceCustomOption(self.name, _FOLDER))
                run(Path(services.GetServiceCustomOption(self.name, _CONFIG)), self.orders)
            except (TolmachError, OSError) as error:
                host.LogErrorMsg(f"{self.name}: {error}")
                leave(1)
            except BaseException as error:
                host.LogErrorMsg(f"{self.name}: {type(error).__name__}")
                leave(1)
                raise

    return Service


def host_service() -> None:
    """Be the service, in the built program: Windows has started it, and is told what to call."""
    host = _pywin32("servicemanager")
    host.Initialize("tolmach", host.__file__)  # where the event log finds its sentences
    host.PrepareToHostSingle(service_class())
    host.StartServiceCtrlDispatcher()


def __getattr__(name: str) -> Any:
    """Give the class to pythonservice.exe, which asks this module for it by name."""
    if name == "TolmachService":
        return service_class()
    raise AttributeError(name)


def _pywin32(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise Pywin32Missing(NO_PYWIN32) from error


def _windows_error() -> type[Exception]:
    error: type[Exception] = _pywin32("pywintypes").error
    return error


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", "") or error)


if __name__ == "__main__":
    host_service()
