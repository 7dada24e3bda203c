"""The memory of devices in a file: JSON that a person can read, replaced whole each time.

A file that cannot be understood is somebody else's: it is refused, and neither renamed nor overwritten.
"""

from __future__ import annotations

import json
from pathlib import Path

from tolmach.adapters.folder.faults import NOT_A_MEMORY, NotAMemory, mapped
from tolmach.adapters.folder.writing import write_file
from tolmach.base import TolmachError
from tolmach.repair.memory import Device, DeviceMemory

VERSION = 1


def load_memory(path: Path) -> DeviceMemory:
    """Read the memory; an empty one when there is no file. Nothing is changed.

    Raises `NotAMemory` when the file holds something else, and `FileProblem` when it cannot be read.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return DeviceMemory()
    except OSError as error:
        raise mapped(error, path) from error
    try:
        return _parse(json.loads(raw))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise NotAMemory(NOT_A_MEMORY, path=path) from error


def save_memory(path: Path, memory: DeviceMemory) -> None:
    """Keep the memory, when it has changed since it was read; safe to repeat."""
    if not memory.is_changed:
        return
    copied = sorted(memory.copied().items())
    devices = {key: {"counts": device.counts, "pinned": device.pinned} for key, device in copied}
    text = json.dumps({"version": VERSION, "devices": devices}, ensure_ascii=False, indent=1)
    try:
        write_file(path, [text.encode("utf-8", "surrogatepass")], replace=True)
    except TolmachError:
        memory.is_changed = True
        raise


def _parse(content: dict[str, dict[str, dict[str, dict[str, int] | str | None]]]) -> DeviceMemory:
    devices = {}
    for key, known in content["devices"].items():
        counts, pinned = known["counts"], known["pinned"]
        if not isinstance(counts, dict) or not (pinned is None or isinstance(pinned, str)):
            raise ValueError(key)
        devices[key] = Device({str(page): int(count) for page, count in counts.items()}, pinned)
    return DeviceMemory(devices)
