"""A device's passport from files it made: what it writes, in which letters, what an archive would object to.

Files go through the same repair as on any journey, and nothing of it is written. Memory stays flat over any number of
files: of every kind of thing a bounded number is kept, and counted beyond that. One thread at a time.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from tolmach.base import Phrase, Problem, TolmachError
from tolmach.dicom import character_sets
from tolmach.dicom.conformance import Need, ValueFault, absences, value_faults
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.dictionary import tag_of, vr_of
from tolmach.dicom.faults import NotDicom
from tolmach.dicom.part10 import Inflate
from tolmach.dicom.pixels import PIXEL_ELEMENTS
from tolmach.dicom.scanner import ROOT
from tolmach.dicom.source import Source
from tolmach.dicom.values import strip_padding
from tolmach.edit.conditions import Origin
from tolmach.journeys.file import Mended
from tolmach.journeys.plausibility import DATES, Shape, date_oddities, shape_of
from tolmach.journeys.register import Patient, Register
from tolmach.journeys.series import SeriesMender
from tolmach.journeys.tallies import Tally, clipped
from tolmach.repair import faults
from tolmach.repair.memory import Device, DeviceMemory, device_key
from tolmach.repair.profile import Profile
from tolmach.text.code_pages import CYRILLIC_CODE_PAGES
from tolmach.text.lookalikes import has_lookalikes

MOST_DEVICES = 200
MOST_NAMED = 20  # rejected files that are named
_SAMPLES, _KEPT = 8, 100
_BLOCK = 1 << 20
_LONGEST_READ = 64 << 10

MACHINE = (
    *("Manufacturer", "ManufacturerModelName", "StationName", "SoftwareVersions", "DeviceSerialNumber"),
    *("InstitutionName", "Modality"),
)
IDENTIFIERS = ("PatientID", "AccessionNumber", "StudyID")
PIXEL_HINTS = ("BurnedInAnnotation", "ConversionType")
ABSENT = "—"

ASCII, OTHER_SCRIPT, UNSURE = "ascii", "other script", "unsure"  # what is found where it is no code page
_UKRAINIAN, _RUSSIAN = frozenset("іїєґІЇЄҐ"), frozenset("ыэъёЫЭЪЁ")


@dataclass(slots=True)
class Encoding:
    """Files with one label whose text was found to be in one code page."""

    files: int = 0
    lowest: float = 1.0
    lies: int = 0  # files in which something reads otherwise than its label says
    evidence: Phrase | None = None


@dataclass(slots=True)
class Met:
    """Something that was met in files: in how many, and the first example."""

    count: int = 0
    example: str = ""
    file: str = ""
    problem: Problem | None = None
    why: Phrase | None = None


@dataclass(slots=True)
class Identifier:
    """What one identifier looks like on this device."""

    shapes: Tally[Shape] = field(default_factory=lambda: Tally(30))
    samples: list[str] = field(default_factory=list)
    empty: int = 0
    two_alphabets: int = 0


@dataclass(slots=True)
class DevicePassport:
    """All that was found out about one device; `key` is empty for files that name no machine."""

    key: str
    files: int = 0
    machine: Mapping[str, Tally[str]] = field(default_factory=lambda: {one: Tally(20) for one in MACHINE})
    transfer_syntaxes: Tally[str] = field(default_factory=Tally)
    sop_classes: Tally[str] = field(default_factory=Tally)
    modalities_by_class: Tally[tuple[str, str]] = field(default_factory=Tally)
    verdicts: Tally[str] = field(default_factory=Tally)
    encodings: dict[tuple[str, str], Encoding] = field(default_factory=dict)
    languages: Counter[str] = field(default_factory=Counter)
    names: dict[tuple[str, str], int] = field(default_factory=dict)
    texts: dict[str, Met] = field(default_factory=dict)
    code_strings: Tally[tuple[str, str, str | None]] = field(default_factory=Tally)
    identifiers: Mapping[str, Identifier] = field(default_factory=lambda: {one: Identifier() for one in IDENTIFIERS})
    unsplit_names: int = 0
    same_id: Tally[tuple[str, str, str]] = field(default_factory=Tally)
    dates: dict[tuple[str, str], Met] = field(default_factory=dict)
    examined: list[str] = field(default_factory=list)  # the first and the last day, written as in DA
    values: dict[tuple[int, str, str, str], Met] = field(default_factory=dict)
    missing: dict[Need, Counter[str]] = field(default_factory=dict)
    twins: Counter[str] = field(default_factory=Counter)
    twin_samples: list[tuple[str, str]] = field(default_factory=list)
    shared: Tally[tuple[str, str, str, str]] = field(default_factory=Tally)
    private: Tally[str] = field(default_factory=Tally)
    without_pixels: int = 0
    pixel_hints: Mapping[str, Tally[str]] = field(default_factory=lambda: {one: Tally(20) for one in PIXEL_HINTS})
    problems: dict[str, Met] = field(default_factory=dict)
    not_compared: bool = False  # some UIDs were not compared, because too many had been met

    @property
    def device(self) -> str:
        """The name by which people know the device's memory: its key, in the code page most of its files are in."""
        pages: Counter[str] = Counter()
        for (_label, found), encoding in self.encodings.items():
            if found in CYRILLIC_CODE_PAGES:
                pages[found] += encoding.files
        return Device(dict(pages)).name(self.key)


@dataclass(slots=True)
class Rejected:
    """Files that are no passport's: how many of each kind, and the first of them by name."""

    verdicts: Counter[str] = field(default_factory=Counter)
    named: list[tuple[str, Problem]] = field(default_factory=list)


class PassportMaker:
    """Takes files one after another and keeps a passport for each device they name."""

    def __init__(self, inflate: Inflate, today: date) -> None:
        """Begin with nothing known; `today` is what dates are held against."""
        self.rejected = Rejected()
        self._today = today
        self._mender = SeriesMender(Profile(), inflate, DeviceMemory())
        self._passports: dict[str, DevicePassport] = {}
        self._register = Register()

    def add(self, source: Source, name: str) -> None:
        """Take what one file tells; `name` is what people know it by. Errors are those of reading and scanning.

        A file that cannot be read leaves no trace in any passport; give it to `reject`.
        """
        data_set, mended = self._mender.mend(source, Origin())
        contents = _Contents(data_set, mended, clipped(name))
        digest = _digest(source)
        found = tuple(value_faults(data_set))
        passport = self._passport_of(data_set)
        passport.files += 1
        _take_kind(passport, contents)
        _take_text(passport, contents)
        _take_identifiers(passport, contents)
        _take_dates(passport, contents, self._today)
        _take_values(passport, contents, found)
        _take_rest(passport, contents)
        self._take_uids(passport, contents, digest)

    def reject(self, name: str, error: TolmachError) -> None:
        """Count a file that could not be used; the first of them are named."""
        self.rejected.verdicts["not-dicom" if isinstance(error, NotDicom) else "unreadable"] += 1
        if len(self.rejected.named) < MOST_NAMED:
            self.rejected.named.append((clipped(name), error.problem))

    def passports(self) -> Sequence[DevicePassport]:
        """Give the passports, of the most files first."""
        return sorted(self._passports.values(), key=lambda one: (-one.files, one.key))

    def _passport_of(self, data_set: DataSet) -> DevicePassport:
        key = device_key(data_set)
        if key not in self._passports and len(self._passports) >= MOST_DEVICES:
            key = "…"
        return self._passports.setdefault(key, DevicePassport(key))

    def _take_uids(self, passport: DevicePassport, contents: _Contents, digest: bytes) -> None:
        register, patient = self._register, contents.patient
        uid = contents.data_set.sop_instance_uid
        twin = register.twin(uid, digest) if uid else None
        if twin is not None:
            passport.twins[twin] += 1
            if twin == "other" and len(passport.twin_samples) < _SAMPLES:
                passport.twin_samples.append((clipped(uid), contents.file))
        other = register.other_name(passport.key, patient)
        if other is not None:
            passport.same_id.add((clipped(patient.patient_id), clipped(other), clipped(patient.name)))
        for level in ("StudyInstanceUID", "SeriesInstanceUID"):
            shared_uid = contents.text(level)
            owner = register.other_owner(level, shared_uid, patient)
            if owner is not None:
                passport.shared.add((level, clipped(shared_uid), clipped(str(owner)), clipped(str(patient))))
        passport.not_compared = passport.not_compared or register.is_full


class _Contents:
    """One file, its text as it reads after the repair."""

    def __init__(self, data_set: DataSet, mended: Mended, file: str) -> None:
        self.data_set, self.mended, self.file = data_set, mended, file
        self.changed = {change.path: change.after or "" for change in mended.changes}
        self.patient = Patient(self.text("PatientID"), self.text("PatientName"))

    def text(self, keyword: str) -> str:
        """Give a value of the data set itself as text, after the repair; empty where there is none."""
        tag = tag_of(keyword) or 0
        after = self.changed.get(f"{tag:08X}")
        if after is not None:
            return after
        element = self.data_set.find(tag)
        if element is None or not 0 < element.length <= _LONGEST_READ:
            return ""
        terms = self.data_set.character_set_at(ROOT)
        return strip_padding(character_sets.show(self.data_set.raw(element), terms), vr_of(tag))


def _digest(source: Source) -> bytes:
    digest = hashlib.sha256()
    for start in range(0, source.size, _BLOCK):
        digest.update(source.read(start, min(_BLOCK, source.size - start)))
    return digest.digest()


def _take_kind(passport: DevicePassport, contents: _Contents) -> None:
    for keyword, tally in passport.machine.items():
        text = contents.text(keyword)
        if text:
            tally.add(clipped(text))
    data_set = contents.data_set
    passport.transfer_syntaxes.add(clipped(data_set.transfer_syntax_uid))
    passport.sop_classes.add(clipped(data_set.sop_class_uid) or ABSENT)
    passport.modalities_by_class.add((clipped(data_set.sop_class_uid), clipped(contents.text("Modality"))))


def _take_text(passport: DevicePassport, contents: _Contents) -> None:
    data_set, mended = contents.data_set, contents.mended
    passport.verdicts.add(mended.verdict)
    declared = clipped("\\".join(data_set.character_sets.get(ROOT, ()))) or ABSENT
    key = (declared, _found(data_set, mended))
    if key in passport.encodings or len(passport.encodings) < _KEPT:
        encoding = passport.encodings.setdefault(key, Encoding())
        encoding.files += 1
        encoding.lies += bool(mended.diagnosis.readings)
        detection = mended.diagnosis.detection
        if detection is not None and (encoding.evidence is None or detection.confidence < encoding.lowest):
            encoding.lowest, encoding.evidence = detection.confidence, detection.evidence
    letters = {one for text in _all_text(mended) for one in text if one in _UKRAINIAN or one in _RUSSIAN}
    passport.languages["uk"] += not letters.isdisjoint(_UKRAINIAN)
    passport.languages["ru"] += not letters.isdisjoint(_RUSSIAN)
    _take_changes(passport, contents)


def _found(data_set: DataSet, mended: Mended) -> str:
    """Give the code page of a file's text, or what else is to be said of it."""
    diagnosis = mended.diagnosis
    if diagnosis.detection is not None and diagnosis.detection.code_page is not None:
        return diagnosis.detection.code_page
    if diagnosis.doubtful:
        return UNSURE
    return OTHER_SCRIPT if any(vr != "CS" for _index, vr, _raw in data_set.marked_text) else ASCII


def _all_text(mended: Mended) -> Sequence[str]:
    return (*mended.diagnosis.readings.values(), *mended.diagnosis.right.values())


def _take_changes(passport: DevicePassport, contents: _Contents) -> None:
    for change in contents.mended.changes:
        before, after = clipped(change.before or ""), clipped(change.after or "")
        if change.reason == "code-string":
            passport.code_strings.add((change.keyword or change.path, before, after))
        elif change.keyword != "SpecificCharacterSet":
            _meet(passport.texts, change.keyword or change.path, f"{before} → {after}", contents.file)
    before, name = "", contents.patient.name
    for change in contents.mended.changes:
        if change.path.endswith(f"{tag_of('PatientName'):08X}"):
            before = change.before or ""
    pair = (clipped(before or name), clipped(name))
    if name and (pair in passport.names or len(passport.names) < _KEPT):
        passport.names[pair] = passport.names.get(pair, 0) + 1


def _meet(met: dict[str, Met], key: str, example: str, file: str) -> Met | None:
    """Count something by its key; None where too many different ones were met."""
    if key not in met and len(met) >= _KEPT:
        return None
    one = met.setdefault(key, Met(0, example, file))
    one.count += 1
    return one


def _take_identifiers(passport: DevicePassport, contents: _Contents) -> None:
    for keyword, identifier in passport.identifiers.items():
        text = contents.text(keyword)
        if not text:
            identifier.empty += 1
            continue
        identifier.shapes.add(shape_of(text))
        identifier.two_alphabets += has_lookalikes(text)
        if clipped(text) not in identifier.samples and len(identifier.samples) < _SAMPLES:
            identifier.samples.append(clipped(text))
    family = contents.patient.name.partition("=")[0]
    passport.unsplit_names += "^" not in family and " " in family.strip()


def _take_dates(passport: DevicePassport, contents: _Contents, today: date) -> None:
    dates = {keyword: contents.text(keyword) for keyword in DATES}
    for keyword, odd in date_oddities(dates, today):
        key = (keyword, odd)
        if key in passport.dates or len(passport.dates) < _KEPT:
            passport.dates.setdefault(key, Met(0, clipped(dates[keyword]), contents.file)).count += 1
    day = dates["StudyDate"]
    if len(day) == 8 and day.isdecimal():
        passport.examined = sorted((min((*passport.examined, day)), max((*passport.examined, day))))


def _take_values(passport: DevicePassport, contents: _Contents, found: Sequence[ValueFault]) -> None:
    # Once in a file counts once, however many items of a sequence have it.
    for fault in {(one.tag, one.vr, one.kind): one for one in found}.values():
        key = (fault.tag, fault.vr, fault.kind, fault.why.msgid)
        if key in passport.values or len(passport.values) < _KEPT:
            met = passport.values.setdefault(key, Met(0, clipped(fault.shown), contents.file, why=fault.why))
            met.count += 1
    for need, state in absences(contents.data_set):
        passport.missing.setdefault(need, Counter())[state] += 1


def _take_rest(passport: DevicePassport, contents: _Contents) -> None:
    data_set = contents.data_set
    for problem in contents.mended.problems:
        met = _meet(passport.problems, problem.code, "", contents.file)
        if met is not None and met.problem is None:
            met.problem = problem
        if problem.fault is faults.CODE_STRING:
            facts = problem.facts
            passport.code_strings.add((clipped(str(facts["attribute"])), clipped(str(facts["text"])), None))
    for creator in _creators(data_set):
        passport.private.add(creator)
    passport.without_pixels += not any(tag in data_set.root_index for tag in PIXEL_ELEMENTS)
    for keyword, tally in passport.pixel_hints.items():
        tally.add(clipped(contents.text(keyword)) or ABSENT)


def _creators(data_set: DataSet) -> set[str]:
    """Give the private groups of a data set itself, each with the creators that reserved blocks of it.

    Standard: PS3.5 section 7.8.1.
    """
    found, groups = set(), set()
    for tag, index in data_set.root_index.items():
        group, number, element = tag >> 16, tag & 0xFFFF, data_set.elements[index]
        if group % 2:
            groups.add(group)
            if 0x10 <= number <= 0xFF and 0 < element.length <= _LONGEST_READ:
                creator = character_sets.show(data_set.raw(element), None).strip(" \0")
                found.add(f"({group:04X}) {clipped(creator)}")
    named = {one[:6] for one in found}
    return found | {f"({group:04X}) {ABSENT}" for group in groups if f"({group:04X})" not in named}
