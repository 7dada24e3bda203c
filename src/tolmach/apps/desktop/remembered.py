"""What the desktop remembers of itself: choices, window, and the list of files with its edits.

Two small files in the user's configuration folder, for the owner alone, written at once by a thread of their own.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tolmach.adapters.folder import FoundFile, write_file
from tolmach.apps.desktop.faults import NOT_KEPT, DesktopTrouble
from tolmach.apps.desktop.rows import CONFIRMED, Row, State, Step
from tolmach.base import TolmachError

CHOICES, LIST = "desktop.json", "desktop-list.json"
_MOST_LIST = 64 << 20


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is found again at the next start. Empty texts mean: as the system or the configuration says."""

    language: str = ""
    scheme: str = ""  # light, dark, contrast
    peer: str = ""
    profile: str = ""
    as_is: bool = False
    hold_unsure: bool = False
    ae_title: str = ""
    shows_log: bool = True
    shows_details: bool = True
    folder: str = ""  # the last one files were chosen from
    geometry: str = ""
    splitter: str = ""
    columns: str = ""
    runs_agent: bool = True  # when the program starts
    starts_minimised: bool = False
    told_of_tray: bool = False  # that the program goes on there


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file of the list of an earlier session."""

    file: FoundFile
    is_confirmed: bool
    steps: tuple[Step, ...]


def load_remembered(folder: Path) -> Remembered:
    """Give what was remembered; what is missing or damaged is as if never chosen."""
    values = _json_in(folder / CHOICES)
    known = {one.name: one for one in fields(Remembered)}
    taken: dict[str, Any] = {
        name: value
        for name, value in (values.items() if isinstance(values, dict) else ())
        if name in known and type(value) is type(known[name].default)
    }
    return Remembered(**taken)


def load_list(folder: Path) -> list[KeptFile]:
    """Give the files of an earlier session; a damaged list is an empty one."""
    values = _json_in(folder / LIST)
    entries = values.get("files") if isinstance(values, dict) else None
    kept = []
    for entry in entries if isinstance(entries, list) else []:
        try:
            steps = tuple((str(verb), str(path), str(value)) for verb, path, value in entry.get("edits", ()))
            file = FoundFile(Path(entry["path"]), Path(entry["relative"]))
            kept.append(KeptFile(file, entry.get("state") == "sent", steps))
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return kept


def list_as_json(rows: Iterable[tuple[FoundFile, State, tuple[Step, ...]]]) -> dict[str, Any]:
    """Give the list as it is kept: where each file is, whether it was confirmed, what was edited."""
    files = []
    for file, state, steps in rows:
        entry: dict[str, Any] = {"path": str(file.path), "relative": str(file.relative)}
        if state in CONFIRMED:
            entry["state"] = "sent"
        if steps:
            entry["edits"] = steps
        files.append(entry)
    return {"files": files}


def snapshot(rows: Iterable[Row]) -> list[tuple[FoundFile, State, tuple[Step, ...]]]:
    """Give what of the rows is kept, as it is at this moment."""
    return [(row.file, row.state, row.steps) for row in rows]


def _json_in(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8")) if file.stat().st_size <= _MOST_LIST else None
    except (OSError, ValueError, RecursionError):
        return None


class Keeper:
    """Writes files in a thread of its own, the newest content of each, so that no disk can hold the window up."""

    def __init__(self, folder: Path, complain: Callable[[TolmachError], None]) -> None:
        """Begin; `complain` is called in that thread."""
        self._folder, self._complain = folder, complain
        self._wanted: dict[str, Callable[[], Mapping[str, Any]]] = {}
        self._bell = threading.Condition()
        self._is_busy = self._is_ending = False
        self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)
        self._thread.start()

    def keep(self, name: str, content: Callable[[], Mapping[str, Any]]) -> None:
        """Let a file be written soon; `content` is asked in the other thread."""
        with self._bell:
            self._wanted[name] = content
            self._bell.notify_all()

    def keep_choices(self, choices: Remembered) -> None:
        """Let the choices be written."""
        self.keep(CHOICES, lambda: asdict(choices))

    def finish(self, seconds: float = 10.0) -> None:
        """Wait until everything is written, so long at most, and end the thread."""
        with self._bell:
            self._is_ending = True
            self._bell.notify_all()
        self._thread.join(seconds)

    def wait(self, seconds: float = 10.0) -> bool:
        """Wait until nothing is left to write; False when it takes longer."""
        with self._bell:
            return self._bell.wait_for(lambda: not self._wanted and not self._is_busy, seconds)

    def _work(self) -> None:
        while True:
            with self._bell:
                self._is_busy = False
                self._bell.notify_all()
                self._bell.wait_for(lambda: self._wanted or self._is_ending)
                if not self._wanted:
                    return
                name, content = self._wanted.popitem()
                self._is_busy = True
            self._write(self._folder / name, content)

    def _write(self, file: Path, content: Callable[[], Mapping[str, Any]]) -> None:
        # Names of files may be no text; JSON keeps them as the escapes Python gives them.
        text = json.dumps(content(), indent=1)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_file(file, [text.encode("ascii")], replace=True)
            file.chmod(0o600)
        except TolmachError as error:
            self._complain(error)
        except OSError as error:
            self._complain(DesktopTrouble(NOT_KEPT, path=file, why=error.strerror or error))
