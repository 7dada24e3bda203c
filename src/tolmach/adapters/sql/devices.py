"""The memory of devices in the records, shared with whoever changes it from another process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from tolmach.adapters.sql import dialect
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.schema import devices
from tolmach.adapters.sql.stored import from_json, plain, to_json
from tolmach.repair.memory import Device, DeviceMemory

_ALL = sa.select(devices.c.key, devices.c.counts, devices.c.pinned).order_by(devices.c.key)
_COUNT = dialect.insert(devices).values(key=sa.bindparam("key"), counts=sa.bindparam("counts"))
_COUNT = _COUNT.on_conflict_do_update(index_elements=["key"], set_={"counts": _COUNT.excluded.counts})
_PIN = dialect.insert(devices).values(key=sa.bindparam("key"), pinned=sa.bindparam("pinned"))
_PIN = _PIN.on_conflict_do_update(index_elements=["key"], set_={"pinned": _PIN.excluded.pinned})


class Devices:
    """Keeps what is known of each device; any thread may call.

    A program that learns loads the memory once and saves it now and then: each time what it has learned since is added
    to what is kept, and what people have pinned or reset meanwhile, here or in another process, is brought into it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._kept: dict[str, Device] = {}

    def load(self) -> DeviceMemory:
        """Give the memory as it is kept."""
        with self._lock, self._database.reading() as connection:
            self._kept = _read(connection)
            return DeviceMemory({key: Device(dict(one.counts), one.pinned) for key, one in self._kept.items()})

    def save(self, memory: DeviceMemory) -> None:
        """Add what a memory has learned since it was loaded or saved, and bring what others said into it.

        Raises `RecordsTrouble`; nothing is lost then, the next call adds it.
        """
        with self._lock:
            learned = memory.copied()
            try:
                stored = self._database.write(lambda connection: self._add(connection, learned))
            except BaseException:
                memory.is_changed = True
                raise
            for key in learned.keys() - stored.keys():
                memory.reset(key)
            for key, device in stored.items():
                if device.pinned is not None and (key not in learned or learned[key].pinned != device.pinned):
                    memory.pin(key, device.pinned)
            self._kept = stored

    def pin(self, key: str, code_page: str) -> None:
        """Take a person's word for the code page of a device; a memory in use knows it after its next `save`."""
        self._database.write(
            lambda connection: _none(connection.execute(_PIN, {"key": plain(key), "pinned": code_page}))
        )

    def reset(self, key: str) -> bool:
        """Forget a device; False when it was not known. A memory in use forgets it with its next `save`."""
        statement = devices.delete().where(devices.c.key == plain(key))
        return self._database.write(lambda connection: connection.execute(statement).rowcount > 0)

    def _add(self, connection: sa.Connection, learned: Mapping[str, Device]) -> dict[str, Device]:
        """Write what was learned since, and give what is kept now."""
        stored = _read(connection)
        rows: list[dict[str, Any]] = []
        for key, device in learned.items():
            kept = self._kept.get(key)
            if kept is not None and key not in stored:
                continue  # somebody has reset it
            added = _added(device.counts, {} if kept is None else kept.counts)
            current = stored.setdefault(key, Device({}, device.pinned))
            if not added and (kept is not None or current.pinned is None):
                continue
            for page, count in added.items():
                current.counts[page] = current.counts.get(page, 0) + count
            rows.append({"key": key, "counts": to_json(current.counts), "pinned": current.pinned})
        if rows:
            connection.execute(_COUNT, rows)
            pinned = [row for row in rows if row["pinned"] is not None]
            if pinned:
                connection.execute(_PIN, pinned)
        return stored


def _added(counts: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {page: count - before.get(page, 0) for page, count in counts.items() if count > before.get(page, 0)}


def _read(connection: sa.Connection) -> dict[str, Device]:
    return {row.key: Device(from_json(row.counts), row.pinned) for row in connection.execute(_ALL)}


def _none(_: object) -> None:
    """Give nothing, where a result is of no interest."""
