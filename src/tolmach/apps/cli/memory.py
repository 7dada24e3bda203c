"""Where the memory of devices is kept: in the file that was named, or in the data folder that `serve` works in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tolmach.apps.cli.context import Run

if TYPE_CHECKING:
    from tolmach.repair.memory import DeviceMemory

DATABASE = "tolmach.sqlite"


class KeptMemory(Protocol):
    """A memory of devices that outlives the program."""

    def load(self) -> DeviceMemory:
        """Give what is remembered."""
        ...

    def save(self, memory: DeviceMemory) -> None:
        """Keep what was learned since; safe to repeat."""
        ...

    def pin(self, key: str, code_page: str) -> None:
        """Take a person's word for the code page of a device, and keep it."""
        ...

    def reset(self, key: str) -> bool:
        """Forget a device for good; False when it was not known."""
        ...


@dataclass(frozen=True, slots=True)
class _InFile:
    file: Path

    def load(self) -> DeviceMemory:
        from tolmach.adapters.folder.memory_file import load_memory

        return load_memory(self.file)

    def save(self, memory: DeviceMemory) -> None:
        from tolmach.adapters.folder.memory_file import save_memory

        save_memory(self.file, memory)

    def pin(self, key: str, code_page: str) -> None:
        memory = self.load()
        memory.pin(key, code_page)
        self.save(memory)

    def reset(self, key: str) -> bool:
        memory = self.load()
        known = memory.reset(key)
        self.save(memory)
        return known


@contextmanager
def kept_memory(run: Run, file: Path | None) -> Iterator[KeptMemory]:
    """Give the memory in `file`, else the one in the records of the data folder, else the file beside them.

    One data folder has one memory: once `serve` has made its records there, every command learns and reads there.
    """
    if file is None and (run.settings.data_dir / DATABASE).is_file():
        from tolmach.apps.holding import records_by

        with records_by(run.settings, create=False) as records:
            yield records.devices
    else:
        yield _InFile(file or run.memory_file)
