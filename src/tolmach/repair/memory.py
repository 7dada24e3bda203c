"""The memory of devices and of studies: in which code page each was found to be written, and how often.

One machine writes one code page year after year, so what was sure about ten of its files helps where the eleventh holds
one short name. Memory is weak evidence: it tips a balance and never overrules what the bytes say clearly. Only sure
verdicts are learned; a person may pin a device to a code page, which counts as much as anything memory may say.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from tolmach.dicom.data_set import DataSet
from tolmach.dicom.dictionary import tag_of
from tolmach.text.code_pages import decode
from tolmach.text.detect import SURE, Detection

_NAMES_OF_A_MACHINE = ("Manufacturer", "ManufacturerModelName", "StationName")
_STUDY_INSTANCE_UID = tag_of("StudyInstanceUID") or 0
PINNED_WEIGHT = 1000.0
STUDY_WEIGHT = 10.0  # a file of the same study says more than one of last year
_LONGEST = 64
LAST_BYTE = 0xFF
_MOST_DEVICES = 10_000
_MOST_STUDIES = 1_000


@dataclass(slots=True)
class Device:
    """What is remembered of one machine: how many files were sure to be in each code page, and what a person said."""

    counts: dict[str, int] = field(default_factory=dict)
    pinned: str | None = None

    def name(self, key: str) -> str:
        """Give the machine's name as people read it: in the code page the machine writes."""
        weights = self.weights()
        if key.isascii() or not weights or any(ord(letter) > LAST_BYTE for letter in key):
            return key
        return decode(key.encode("latin-1"), max(weights, key=weights.__getitem__)) or key

    def weights(self) -> Mapping[str, float]:
        """Give the weight of each code page for the detector; empty when nothing is known."""
        if self.pinned is not None:
            return {self.pinned: PINNED_WEIGHT}
        return {page: float(count) for page, count in self.counts.items()}


@dataclass(slots=True)
class DeviceMemory:
    """Every machine met so far, by its key. Threads may share it; whoever keeps it says where (`is_changed`)."""

    devices: dict[str, Device] = field(default_factory=dict)
    is_changed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def weights(self, key: str) -> Mapping[str, float]:
        """Give what is known of a device; empty for one that was never met."""
        with self._lock:
            device = self.devices.get(key)
            return {} if device is None else device.weights()

    def learn(self, key: str, found: Detection | None) -> None:
        """Count a sure verdict about a device; anything less sure, and UTF-8, which needs no memory, is not learned."""
        if not key or not _is_worth_learning(found):
            return
        with self._lock:
            device = self.devices.get(key)
            if device is None:
                if len(self.devices) >= _MOST_DEVICES:
                    return
                device = self.devices[key] = Device()
            page = str(found.code_page)
            device.counts[page] = device.counts.get(page, 0) + 1
            self.is_changed = True

    def key_of(self, name: str) -> str:
        """Give the key of the machine people know by that name, or the name itself where none is known by it."""
        with self._lock:
            if name in self.devices:
                return name
            return next((key for key, device in self.devices.items() if device.name(key) == name), name)

    def pin(self, key: str, code_page: str) -> None:
        """Take a person's word for the code page of a device."""
        with self._lock:
            self.devices.setdefault(key, Device()).pinned = code_page
            self.is_changed = True

    def reset(self, key: str) -> bool:
        """Forget a device; False when it was not known."""
        with self._lock:
            known = self.devices.pop(key, None) is not None
            self.is_changed = self.is_changed or known
            return known

    def copied(self) -> dict[str, Device]:
        """Give a copy of every device for keeping; from here on only what is learned later counts as a change."""
        with self._lock:
            self.is_changed = False
            return {key: Device(device.counts.copy(), device.pinned) for key, device in self.devices.items()}


@dataclass(slots=True)
class StudyMemory:
    """What was sure about the files of a study that came before: one machine wrote them on one day about one patient.

    It lives as long as a program runs and holds the studies met last. Threads may share it.
    """

    studies: dict[bytes, dict[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def weights(self, study: bytes) -> Mapping[str, float]:
        """Give what is known of a study; empty for one that was never met."""
        with self._lock:
            return self.studies.get(study, {}).copy()

    def learn(self, study: bytes, found: Detection | None) -> None:
        """Count a sure verdict about a file of a study, as `DeviceMemory.learn` does; the oldest study is forgotten."""
        if not study or not _is_worth_learning(found):
            return
        with self._lock:
            counts = self.studies.pop(study, None) or {}
            while len(self.studies) >= _MOST_STUDIES:
                del self.studies[next(iter(self.studies))]
            page = str(found.code_page)
            counts[page] = counts.get(page, 0.0) + STUDY_WEIGHT
            self.studies[study] = counts


def _is_worth_learning(found: Detection | None) -> TypeGuard[Detection]:
    return found is not None and found.code_page not in (None, "utf-8") and found.confidence >= SURE


def weights_together(one: Mapping[str, float], other: Mapping[str, float]) -> Mapping[str, float]:
    """Give the weights of two memories as those of one."""
    if not one or not other:
        return one or other
    return {page: one.get(page, 0.0) + other.get(page, 0.0) for page in {**one, **other}}


def study_key(data_set: DataSet) -> bytes:
    """Give the Study Instance UID as it stands; empty when there is none, or none that could be one."""
    element = data_set.find(_STUDY_INSTANCE_UID)
    return b"" if element is None or element.length > _LONGEST else data_set.raw(element).rstrip(b" \0")


def device_key(data_set: DataSet) -> str:
    """Give the name of the machine that made a data set: manufacturer, model and station; empty when it names none.

    Bytes count, not letters: a machine that spoils its own name spoils it the same way every time.
    """
    parts = []
    for keyword in _NAMES_OF_A_MACHINE:
        element = data_set.find(tag_of(keyword) or 0)
        raw = b"" if element is None or element.length > 4 * _LONGEST else data_set.raw(element)
        text = raw.decode("latin-1").strip(" \0")
        parts.append("".join(one if one.isprintable() else "?" for one in text)[:_LONGEST])
    return "/".join(parts) if any(parts) else ""
