"""Checks of `tolmach doctor` on this machine: the configuration, letters, folders, room, the store, clocks, ports."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tolmach.apps import doctor_faults as faults
from tolmach.apps.configuration import TEST_PREFIX
from tolmach.apps.doctor import Finding, Installation, serious, warning

if TYPE_CHECKING:
    from tolmach.apps.gateway.http_settings import HttpSettings
    from tolmach.apps.sections import Settings

PATIENCE: Final = timedelta(minutes=2)
"""So far clocks may be apart before it is worth telling."""
_SHIPPED: Final = datetime(2026, 1, 1, tzinfo=UTC)  # no clock that is right says less
_IMPOSSIBLE: Final = datetime(2100, 1, 1, tzinfo=UTC)
_FEWEST_FILES: Final = 10_000
_SAMPLES: Final = ("cp1251", "koi8-u", "cp866", "iso8859-5", "utf-8")
_NAME: Final = "ПЕТРЕНКО^ОЛЕКСАНДР^МИКОЛАЙОВИЧ ЩЕРБАКОВ^НИКОЛАЙ^ПЕТРОВИЧ"


def http_of(settings: Settings) -> HttpSettings:
    """Give the section `[http]` as the entrance understands it; raises `BadConfiguration`."""
    from pydantic import ValidationError

    from tolmach.apps.faults import BAD_CONFIGURATION, BadConfiguration
    from tolmach.apps.gateway.http_settings import HttpSettings

    try:
        return HttpSettings.model_validate(settings.http)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(("http", *map(str, first["loc"])))
        raise BadConfiguration(BAD_CONFIGURATION, file="[http]", where=where, why=first["msg"]) from error


def configuration(here: Installation) -> Sequence[Finding]:
    """Find what `tolmach config check` would."""
    from tolmach.apps.profiles import require_usable

    http_of(here.settings)
    require_usable(here.settings, here.file)
    return []


def switches(here: Installation) -> Sequence[Finding]:
    """Find switches in the environment that are for tests alone, and lose images."""
    from tolmach.apps.faults import UNSAFE_TEST

    return [serious(UNSAFE_TEST, name=name) for name in sorted(here.environment) if name.startswith(TEST_PREFIX)]


def letters(_here: Installation) -> Sequence[Finding]:
    """Find tables of letters and texts that did not come with the program."""
    from tolmach.apps.faults import INTERRUPTED
    from tolmach.apps.translations import LANGUAGES, translator
    from tolmach.text.detect import detect

    found = []
    for page in _SAMPLES:
        raw = _NAME.encode(page)
        recognised = detect([raw]).code_page
        if recognised is None or raw.decode(recognised, "replace") != _NAME:
            found.append(serious(faults.LETTERS_BROKEN, code_page=page))
    texts = {language: translator(language).gettext(INTERRUPTED.what) for language in LANGUAGES if language != "en"}
    missing = [language for language, text in texts.items() if text == INTERRUPTED.what]
    return [*found, *(warning(faults.PROGRAM_BROKEN, language=language) for language in missing)]


def data_folder(here: Installation) -> Sequence[Finding]:
    """Find what keeps the data folder, and the folder that nodes share, from being written to or made."""
    return list(_unwritable(here.settings.data_dir, here.settings.storage.folder))


def room(here: Installation) -> Sequence[Finding]:
    """Find disks that are so full that nothing new would be taken."""
    from tolmach.apps.room_left import reserve_of
    from tolmach.intake.room import shortage

    found, reserve = [], reserve_of(here.settings)
    for folder in filter(None, (here.settings.data_dir, here.settings.storage.folder)):
        place = _nearest(folder)
        usage = shutil.disk_usage(place)
        problem = shortage(usage.free, reserve.of(usage.total))
        if problem is not None:
            found.append(serious(problem.fault, **problem.facts))
        files = _files_left(place)
        if files is not None and files < _FEWEST_FILES:
            found.append(serious(faults.FEW_FILES, folder=folder, count=files))
    return found


def objects(here: Installation) -> Sequence[Finding] | None:
    """Find what keeps objects from being stored in the bucket the settings name; None where they are in a folder."""
    from tolmach.adapters.objects.s3_address import FOLDER, parse_address
    from tolmach.apps.holding import store_by

    settings = here.settings
    if settings.objects == FOLDER:
        return None
    if not settings.data_dir.is_dir():
        parse_address(settings.objects)
        return None  # opening would make the data folder; the first start asks the bucket in any case
    # Opening asks the server; one that does not answer is only logged there, so it is asked once more.
    store = store_by(settings, here.environment)
    next(iter(islice(store.walk(), 1)), None)
    return []


def clocks(here: Installation) -> Sequence[Finding]:
    """Find clocks that are wrong, or that differ: this machine's, the disk's, the database's."""
    now, found = here.now(), []
    if not _SHIPPED <= now < _IMPOSSIBLE:
        found.append(serious(faults.CLOCK_IMPOSSIBLE, now=_shown(now)))
    standing = here.standing
    if standing is not None and standing.last_event_at is not None and standing.last_event_at > now + PATIENCE:
        found.append(serious(faults.CLOCK_WENT_BACK, at=_shown(standing.last_event_at), now=_shown(now)))
    if standing is not None and standing.clock is not None:
        found += _difference(standing.where, standing.clock, now)
    if here.settings.data_dir.is_dir() and why_not_writable(here.settings.data_dir) is None:
        found += _difference(str(here.settings.data_dir), _time_of_disk(here.settings.data_dir), now)
    return found


def ports(here: Installation) -> Sequence[Finding] | None:
    """Find ports that others have; None while tolmach runs here and has them itself."""
    if _is_served(here.settings.data_dir):
        return None
    dicom, http = here.settings.dicom, http_of(here.settings)
    # Where nobody asked for HTTP, its port may be another's: serve goes on without it then.
    is_wanted = "http" in here.settings.model_fields_set
    wanted = [(dicom.host, dicom.port, serious)]
    wanted += [(dicom.host, dicom.tls_port, serious)] if dicom.tls_port is not None else []
    wanted += [(http.host, http.port, serious if is_wanted else warning)] if http.enabled else []
    found = []
    for host, port, make in wanted:
        why = _why_not_listening(host, port)
        if why is not None:
            found.append(make(faults.PORT_TAKEN, address=f"{host}:{port}", why=why))
    return found


def folders(here: Installation) -> Sequence[Finding] | None:
    """Find watched folders that cannot be read, or not be cleared where that is asked for, and places for copies."""
    watches = here.settings.watch
    if not watches:
        return None
    found: list[Finding] = []
    for watch in watches:
        why = _why_not_readable(watch.folder)
        if why is not None:
            found.append(serious(faults.NOT_READABLE, folder=watch.folder, name=watch.name, why=why))
        elif watch.after != "keep" and (why := why_not_writable(watch.folder)) is not None:
            found.append(serious(faults.STAYS_THERE, folder=watch.folder, name=watch.name, why=why))
        found += _unwritable(watch.export_folder, watch.move_to)
    return found


def _unwritable(*folders: Path | None) -> Iterator[Finding]:
    """Find folders that nothing can be written into; one that is not there is made when it is needed."""
    for folder in filter(None, folders):
        why = why_not_writable(_nearest(folder))
        if why is not None:
            yield serious(faults.NOT_WRITABLE, folder=folder, why=why)


def why_not_writable(folder: Path) -> str | None:
    """Say why nothing can be written into a folder, None where a file could be made there (and was taken away)."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _why_not_readable(folder: Path) -> str | None:
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _nearest(folder: Path) -> Path:
    """Give the folder, or the nearest thing around it that is there already; it may be a file, which is in the way."""
    absolute = folder.absolute()
    return next((one for one in (absolute, *absolute.parents) if one.exists()), absolute)


def _files_left(folder: Path) -> int | None:
    """Give how many more files a file system takes, None where it has no such limit or the system does not tell."""
    if not hasattr(os, "statvfs"):
        return None
    told = os.statvfs(folder)
    return told.f_favail if told.f_files else None


def _time_of_disk(folder: Path) -> datetime:
    """Give the time a file gets that is made now: on a share it is the server's."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)


def _difference(where: str, clock: datetime, now: datetime) -> Iterator[Finding]:
    seconds = abs((clock - now).total_seconds())
    if seconds > PATIENCE.total_seconds():
        yield warning(faults.CLOCKS_DIFFER, where=where, seconds=round(seconds))


def _is_served(data_dir: Path) -> bool:
    """Tell whether a `serve` runs on the data folder: whether its lock is held."""
    from tolmach.adapters.objects.faults import StoreUnusable
    from tolmach.adapters.objects.lock import NAME, DataDirLock
    from tolmach.intake.faults import StoreTrouble

    if not (data_dir / NAME).is_file():
        return False
    try:
        with DataDirLock(data_dir):
            return False
    except StoreUnusable:
        return True
    except StoreTrouble:
        return False


def _why_not_listening(host: str, port: int) -> str | None:
    """Say why a port cannot be listened on, None where it can."""
    name = host.strip("[]")
    try:
        family = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        socket.create_server((name, port), family=family).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
