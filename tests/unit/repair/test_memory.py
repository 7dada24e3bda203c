"""What is remembered of devices helps weak evidence, and never overrules strong evidence."""

import threading
from collections.abc import Iterator

import pytest

from tolmach.base import Phrase
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource
from tolmach.edit.conditions import Origin
from tolmach.journeys.file import mend
from tolmach.repair.memory import Device, DeviceMemory, StudyMemory, device_key, weights_together
from tolmach.repair.profile import Profile
from tolmach.text.detect import Detection


def explicit(tag: int, vr: str, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr.encode()
    return head + len(value).to_bytes(2, "little") + value


def data_set(name: bytes, station: bytes = b"ROOM1") -> DataSet:
    body = (
        explicit(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.2")
        + explicit(0x00080018, "UI", b"1.2.3.40")
        + explicit(0x00080070, "LO", b"KB Rentgen")
        + explicit(0x00081010, "SH", station)
        + explicit(0x00081090, "LO", b"XR-1")
        + explicit(0x00100010, "PN", name)
    )
    return open_data_set(MemorySource(body))


def sure(page: str, confidence: float = 0.99) -> Detection:
    return Detection(page, "cyrillic", confidence, Phrase("test"))


def test_a_device_is_known_by_manufacturer_model_and_station() -> None:
    assert device_key(data_set(b"A")) == "KB Rentgen/XR-1/ROOM1"
    assert device_key(data_set(b"A", b"")) == "KB Rentgen/XR-1/"


def test_a_spoilt_name_of_a_device_is_still_its_name() -> None:
    room = "КАБ 3".encode("cp1251")
    assert device_key(data_set(b"A", room)) == device_key(data_set(b"B", room)) != device_key(data_set(b"A"))


def test_only_sure_verdicts_are_learned() -> None:
    memory = DeviceMemory()
    for found in (None, sure("cp866", 0.5), sure("utf-8"), Detection(None, "leave", 1.0, Phrase("test"))):
        memory.learn("key", found)
    memory.learn("", sure("cp866"))
    assert not memory.devices
    assert not memory.is_changed
    memory.learn("key", sure("cp866"))
    memory.learn("key", sure("cp866"))
    memory.learn("key", sure("cp1251"))
    assert memory.weights("key") == {"cp866": 2.0, "cp1251": 1.0}
    assert memory.is_changed


# Short names that other code pages read as well; which of them are doubtful is the model's business.
SHORT = ("КИМ", "ЛИС", "ТЕН", "ЦОЙ", "ШОХ", "ГЕЦ", "ЖИЦ", "ЙОЖ", "ФЕЦ", "ХАН", "ЩУР", "ЯЦЬ", "ЧИЖ", "УЖ", "ЁЖ")


def test_people_know_a_machine_by_the_name_it_writes() -> None:
    key = device_key(data_set(b"A", "КАБ 3".encode("cp1251")))
    memory = DeviceMemory()
    assert memory.key_of("KB Rentgen/XR-1/КАБ 3") == "KB Rentgen/XR-1/КАБ 3"
    memory.learn(key, sure("cp1251"))
    assert memory.devices[key].name(key) == "KB Rentgen/XR-1/КАБ 3"
    assert memory.key_of("KB Rentgen/XR-1/КАБ 3") == memory.key_of(key) == key
    assert Device().name(key) == key


def test_memory_helps_where_evidence_is_weak() -> None:
    helped = []
    for name in SHORT:
        raw = name.encode("koi8-r")
        if mend(data_set(raw), Profile(), Origin()).verdict != "unsure":
            continue
        memory = DeviceMemory({device_key(data_set(raw)): Device({"koi8-r": 500})})
        mended = mend(data_set(raw), Profile(), Origin(), memory)
        read = [change.after for change in mended.changes if change.keyword == "PatientName"]
        assert read in ([], [name])  # help, or nothing; never another name
        helped += read
    assert helped


def test_memory_never_overrules_strong_evidence() -> None:
    strong = "ЩЕРБАКОВ^ЮРИЙ^СЕРГЕЕВИЧ".encode("koi8-r")
    memory = DeviceMemory()
    memory.pin(device_key(data_set(strong)), "cp1251")
    mended = mend(data_set(strong), Profile(), Origin(), memory)
    assert [change.after for change in mended.changes if change.keyword == "PatientName"] == ["ЩЕРБАКОВ^ЮРИЙ^СЕРГЕЕВИЧ"]


def test_a_pinned_page_outweighs_what_was_counted() -> None:
    memory = DeviceMemory({"key": Device({"cp1251": 9})})
    memory.pin("key", "koi8-u")
    assert set(memory.weights("key")) == {"koi8-u"}


def test_a_device_can_be_forgotten() -> None:
    memory = DeviceMemory({"key": Device({"cp1251": 9})})
    assert memory.reset("key")
    assert not memory.reset("key")
    assert memory.weights("key") == {}


def test_mending_teaches_the_memory() -> None:
    memory = DeviceMemory()
    mend(data_set("ЩЕРБАКОВ^ЮРИЙ^СЕРГЕЕВИЧ".encode("cp1251")), Profile(), Origin(), memory)
    assert memory.weights("KB Rentgen/XR-1/ROOM1") == {"cp1251": 1.0}


# Several lanes at once ------------------------------------------------------------------------------------------------


class Interfering(dict[str, int]):
    """Counts during whose reading another thread learns, or tries to: it is given a moment, then left waiting."""

    def __init__(self, memory: DeviceMemory) -> None:
        super().__init__({"cp1251": 1})
        self.others: list[threading.Thread] = []
        self.memory = memory

    def interfere(self) -> None:
        if not self.others:
            self.others.append(threading.Thread(target=self.learn))
            self.others[0].start()
            self.others[0].join(0.1)

    def learn(self) -> None:
        self.memory.learn("a", sure("cp1251"))
        self.memory.learn("a", sure("koi8-r"))
        self.memory.learn("b", sure("koi8-r"))

    def get(self, key: str, default: int = 0) -> int:  # type: ignore[override]
        found = super().get(key, default)
        self.interfere()
        return found

    def items(self) -> Iterator[tuple[str, int]]:  # type: ignore[override]
        for item in super().items():
            self.interfere()
            yield item

    def copy(self) -> dict[str, int]:
        return dict(self.items())


@pytest.mark.parametrize("reading", ["learn", "weights", "copied"])
def test_lanes_learn_side_by_side_and_nothing_is_lost(reading: str) -> None:
    memory = DeviceMemory()
    counts = Interfering(memory)
    memory.devices["a"] = Device(counts)
    if reading == "learn":
        memory.learn("a", sure("cp1251"))
    elif reading == "weights":
        assert memory.weights("a") == {"cp1251": 1.0}
    else:
        assert {key: device.counts for key, device in memory.copied().items()} == {"a": {"cp1251": 1}}
    counts.others[0].join(10)
    assert dict(dict.items(counts)) == {"cp1251": 3 if reading == "learn" else 2, "koi8-r": 1}
    assert memory.devices["b"].counts == {"koi8-r": 1}
    assert memory.is_changed


def test_what_is_learned_while_a_copy_is_kept_counts_as_changed() -> None:
    memory = DeviceMemory()
    memory.learn("a", sure("cp1251"))
    changes = [memory.is_changed]
    kept = memory.copied()
    changes.append(memory.is_changed)
    memory.learn("a", sure("cp1251"))
    assert [*changes, memory.is_changed] == [True, False, True]
    assert kept["a"].counts == {"cp1251": 1}


def of_study(name: bytes, study: bytes = b"1.2.3.4") -> DataSet:
    body = (
        explicit(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.2")
        + explicit(0x00080018, "UI", b"1.2.3.40")
        + explicit(0x00100010, "PN", name)
        + explicit(0x0020000D, "UI", study)
    )
    return open_data_set(MemorySource(body))


def test_a_sure_file_of_a_study_helps_the_doubtful_ones_after_it_and_no_other_study() -> None:
    helped = []
    for name in SHORT:
        raw = name.encode("koi8-r")
        studies = StudyMemory()
        if mend(of_study(raw), Profile(), Origin(), None, studies).verdict != "unsure":
            continue
        mend(of_study("ЩЕРБАКОВ^ЮРИЙ^СЕРГЕЕВИЧ".encode("koi8-r")), Profile(), Origin(), None, studies)
        again = mend(of_study(raw), Profile(), Origin(), None, studies)
        read = [change.after for change in again.changes if change.keyword == "PatientName"]
        assert read in ([], [name])
        helped += read
        assert mend(of_study(raw, b"1.2.3.5"), Profile(), Origin(), None, studies).verdict == "unsure"
    assert helped


def test_a_study_never_overrules_strong_evidence() -> None:
    studies = StudyMemory()
    for _ in range(1000):
        studies.learn(b"1.2.3.4", sure("cp1251"))
    mended = mend(of_study("ЩЕРБАКОВ^ЮРИЙ^СЕРГЕЕВИЧ".encode("koi8-r")), Profile(), Origin(), None, studies)
    read = [change.after for change in mended.changes if change.keyword == "PatientName"]
    assert read == ["ЩЕРБАКОВ^ЮРИЙ^СЕРГЕЕВИЧ"]


def test_studies_and_devices_are_heard_together() -> None:
    assert weights_together({"cp1251": 2.0}, {"cp1251": 10.0, "cp866": 1.0}) == {"cp1251": 12.0, "cp866": 1.0}
    assert weights_together({}, {"cp866": 1.0}) == {"cp866": 1.0}
    assert weights_together({"cp866": 1.0}, {}) == {"cp866": 1.0}


def test_the_memory_of_studies_is_bounded_and_forgets_the_one_met_longest_ago() -> None:
    studies = StudyMemory()
    for number in range(1001):
        studies.learn(b"1.%d" % number, sure("cp1251"))
        studies.learn(b"1.0", sure("cp1251"))
    assert len(studies.studies) == 1000
    assert studies.weights(b"1.0")
    assert not studies.weights(b"1.1")
    studies.learn(b"", sure("cp1251"))
    studies.learn(b"2.1", sure("utf-8"))
    studies.learn(b"2.1", sure("cp1251", 0.5))
    assert not studies.weights(b"")
    assert not studies.weights(b"2.1")
