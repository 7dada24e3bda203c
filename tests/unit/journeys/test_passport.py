"""What a passport tells of a device, from files whose faults are known."""

import pickle
from datetime import date

import pytest

from tests.builders import CT_IMAGE, INSTANCE, body, even, part10
from tolmach.adapters.folder.watch_presets import PRESETS
from tolmach.base import TolmachError
from tolmach.dicom.faults import NOT_DICOM, NotDicom
from tolmach.dicom.source import MemorySource
from tolmach.journeys import passport as module
from tolmach.journeys import register
from tolmach.journeys.passport import ASCII, MOST_NAMED, UNSURE, DevicePassport, PassportMaker
from tolmach.journeys.proposal import FEW, damaged_of, next_steps, propose
from tolmach.journeys.tallies import LONGEST

TODAY = date(2026, 11, 22)
NAMES = ("ШЕВЧЕНКО^ТАРАС", "КОСАЧ^ЛАРИСА", "ФРАНКО^ІВАН", "ЩЕРБАКІВСЬКИЙ^ЮРІЙ", "ЄФРЕМОВА^ЇВГА", "ҐАЛАҐАН^ГРИГОРІЙ")


def image(
    number: int = 0,
    *more: tuple[int, str, bytes],
    name: str = "",
    page: str = "cp1251",
    label: bytes | None = b"ISO_IR 100",
    maker: bytes = b"ACME",
    patient_id: bytes | None = None,
    uid: str = "",
    study: str = "",
) -> bytes:
    """Give an image of a device called ACME/X-1/ROOM1, of a patient of its own."""
    own = uid or f"{INSTANCE}.{number}"
    elements = {
        0x00080018: ("UI", even(own.encode(), b"\0")),
        0x00080020: ("DA", b"20260131"),
        0x00080060: ("CS", b"DX"),
        0x00080070: ("LO", even(maker)),
        0x00081010: ("SH", b"ROOM1 "),
        0x00081090: ("LO", b"X-1 "),
        0x00100010: ("PN", even((name or NAMES[number % len(NAMES)]).encode(page))),
        0x00100020: ("LO", even(f"{number:06}".encode() if patient_id is None else patient_id)),
        0x0020000D: ("UI", even((study or f"1.2.3.{number}").encode(), b"\0")),
        0x0020000E: ("UI", even(f"1.2.4.{number}".encode(), b"\0")),
        **{tag: (vr, value) for tag, vr, value in more},
    }
    if label is not None:
        elements[0x00080005] = ("CS", even(label))
    made = body(*((tag, vr, value) for tag, (vr, value) in elements.items()))
    # `body` puts the two UIDs in by itself; ours stands behind its own.
    standard = (
        b"\x08\x00\x18\x00UI" + len(even(INSTANCE.encode())).to_bytes(2, "little") + even(INSTANCE.encode(), b"\0")
    )
    assert made.count(standard) == 1
    return part10(made.replace(standard, b"", 1), instance=own)


def read(*files: bytes) -> PassportMaker:
    maker = PassportMaker(lambda blocks: MemorySource(b"".join(blocks)), TODAY)
    for number, file in enumerate(files):
        name = f"in/{number}.dcm"
        try:
            maker.add(MemorySource(file), name)
        except TolmachError as error:
            maker.reject(name, error)
    return maker


def passport(*files: bytes) -> DevicePassport:
    (only,) = read(*files).passports()
    return only


def test_a_device_that_lies_about_its_letters() -> None:
    found = passport(*(image(number) for number in range(12)))
    assert (found.key, found.files) == ("ACME/X-1/ROOM1", 12)
    assert found.machine["Manufacturer"].top() == [("ACME", 12)]
    ((declared, page),) = found.encodings
    assert (declared, page) == ("ISO_IR 100", "cp1251")
    encoding = found.encodings[declared, page]
    assert (encoding.files, encoding.lies) == (12, 12)
    assert encoding.lowest > 0.9
    assert encoding.evidence is not None
    assert found.names["ØÅÂ×ÅÍÊÎ^ÒÀÐÀÑ", "ШЕВЧЕНКО^ТАРАС"] == 2
    assert found.verdicts.top() == [("repairable", 12)]
    assert found.languages["uk"] > found.languages["ru"]
    assert found.examined == ["20260131", "20260131"]


def test_each_device_has_its_own_passport_the_one_of_most_files_first() -> None:
    maker = read(image(1), image(2, maker=b"OTHER"), image(3, maker=b"OTHER"), part10(body()))
    assert [(one.key, one.files) for one in maker.passports()] == [
        ("OTHER/X-1/ROOM1", 2),
        ("", 1),
        ("ACME/X-1/ROOM1", 1),
    ]


def test_the_number_of_passports_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DEVICES", 3)
    maker = read(*(image(number, maker=b"M%d" % number) for number in range(6)))
    assert [one.key for one in maker.passports()].count("…") == 1
    assert sum(one.files for one in maker.passports()) == 6
    assert len(maker.passports()) == 4


def test_damaged_and_foreign_files_are_counted_and_the_first_are_named() -> None:
    cut = image(1)[:-7]
    maker = read(image(1), cut, *(b"just text, and no image" for _ in range(MOST_NAMED + 5)))
    assert maker.rejected.verdicts == {"unreadable": 1, "not-dicom": MOST_NAMED + 5}
    assert len(maker.rejected.named) == MOST_NAMED
    assert maker.rejected.named[0][0] == "in/1.dcm"
    assert [one.files for one in maker.passports()] == [1]


def test_identifiers_by_shape_and_those_of_two_people() -> None:
    found = passport(
        image(1),
        image(2),
        image(3, patient_id=b""),
        image(4, patient_id="А12".encode("cp1251")),
        image(5, name="ФРАНКО^ІВАН", patient_id=b"000001"),
    )
    identifier = found.identifiers["PatientID"]
    assert dict(identifier.shapes.top()) == {(("digits", 6),): 3, (("cyrillic", 1), ("digits", 2)): 1}
    assert (identifier.empty, found.identifiers["AccessionNumber"].empty) == (1, 5)
    assert found.same_id.top() == [(("000001", "КОСАЧ^ЛАРИСА", "ФРАНКО^ІВАН"), 1)]


def test_uids_that_are_not_unique() -> None:
    first = image(1, uid="1.2.77")
    found = passport(first, first, image(2, uid="1.2.77"), image(3, study="1.2.3.1"))
    assert found.twins == {"same": 1, "other": 1}
    assert found.twin_samples == [("1.2.77", "in/2.dcm")]
    ((level, uid, one, other),) = found.shared.counts
    assert (level, uid) == ("StudyInstanceUID", "1.2.3.1")
    assert one.startswith("000001")
    assert other.startswith("000003")


def test_coded_values_dates_and_values_their_vr_does_not_allow() -> None:
    found = passport(
        image(1, (0x00100040, "CS", "Ж".encode("cp1251") + b" "), (0x00100030, "DA", b"20300101")),
        image(2, (0x00100040, "CS", b"m "), (0x00080030, "TM", b"noon")),
    )
    assert [one for one in found.code_strings.counts if one[0] == "PatientSex"] == [("PatientSex", "Æ", "F")]
    assert ("PatientBirthDate", "lies in the future") in found.dates
    kinds = {(tag, kind): met for (tag, _vr, kind, _why), met in found.values.items()}
    assert kinds[0x00080030, "form"].example == "noon"
    assert kinds[0x00080030, "form"].file == "in/1.dcm"
    missing = {need.keyword: dict(states) for need, states in found.missing.items()}
    assert missing["AccessionNumber"] == {"absent": 2}
    assert "Modality" not in missing


def test_private_groups_and_pixels() -> None:
    found = passport(
        image(1, (0x00090010, "LO", b"ACME 1.0"), (0x00091001, "LO", b"x "), (0x7FE00010, "OW", b"\0\0")),
        image(2, (0x00091001, "LO", b"x "), (0x00280301, "CS", b"YES ")),
    )
    assert dict(found.private.top()) == {"(0009) ACME 1.0": 1, "(0009) —": 1}
    assert found.without_pixels == 1
    assert found.pixel_hints["BurnedInAnnotation"].counts["YES"] == 1
    assert any("burnt" in str(step) for step in next_steps(found))


def test_endless_values_are_kept_short() -> None:
    found = passport(image(1, (0x00204000, "LT", b"x" * 60_000), name="Ж" * 16_000))
    (pair,) = found.names
    assert len(pair[1]) < LONGEST + 20
    assert pair[1].endswith("… [16000]")


def test_doubtful_text_is_doubtful_also_here() -> None:
    found = passport(image(1, name="Юл", page="cp1251"))
    assert {key[1] for key in found.encodings} == {UNSURE}
    proposal = {choice.key: choice.value for choice in propose(found).profile}
    assert (proposal["from"], proposal["unsure"]) == ("auto", "pass")


def test_a_page_is_proposed_only_where_it_was_proved_and_is_needed() -> None:
    def from_of(*files: bytes) -> object:
        return {choice.key: choice.value for choice in propose(passport(*files)).profile}["from"]

    sure = [image(number) for number in range(4)]
    assert from_of(*sure) == "auto"
    assert from_of(image(9, name="Юл"), *sure) == "cp1251"
    assert from_of(image(9, name="Юл"), *sure, image(8, page="koi8-u")) == "auto"
    assert from_of(image(9, name="Юл"), image(1, page="utf-8", label=b"ISO_IR 192")) == "auto"


@pytest.mark.parametrize(
    ("names", "rule"),
    [(NAMES, "uk-kmu55"), (("СЫЧЁВ^ЭДУАРД", "КРЫЛОВ^ЛЬВЪ", "РЫБИНА^МАРЬЯ"), "ru-icao9303")],
)
def test_the_transliteration_follows_the_letters(names: tuple[str, ...], rule: str) -> None:
    found = passport(*(image(number, name=name) for number, name in enumerate(names)))
    assert {choice.key: choice.value for choice in propose(found).profile}["transliteration"] == rule


def test_rules_are_proposed_only_where_there_is_no_doubt() -> None:
    found = passport(
        *(image(number, (0x00080060, "CS", b""), (0x00185101, "CS", b"ap")) for number in range(3)),
        image(7, (0x00080060, "CS", b""), (0x00080016, "UI", b"1.2.3\0")),
    )
    rules = {str(rule.do[0]): rule for rule in propose(found).rules}
    (modality,) = [rule for rule in rules.values() if "set_if_missing" in rule.do[0]]
    assert modality.do[0] == {"set_if_missing": "Modality", "value": "CT"}
    assert modality.when["SOPClassUID"] == CT_IMAGE
    assert {"upper": "ViewPosition"} in [dict(rule.do[0]) for rule in rules.values()]


@pytest.mark.parametrize(
    ("maker", "preset"),
    [("ИнтегРИС", "integris"), ("TITAN 2000", "titan-2000"), ("НПО Телеоптик", "alfaplus"), ("ACME", "generic")],
)
def test_a_known_manner_of_writing_is_proposed(maker: str, preset: str) -> None:
    found = passport(image(1, maker=maker.encode("cp1251")), image(2, maker=maker.encode("cp1251")))
    assert {choice.key: choice.value for choice in propose(found).watch}["preset"] == preset
    assert preset in PRESETS


def test_damaged_files_are_a_step_of_the_only_device() -> None:
    one, two = read(image(1), image(2)[:-7]), read(image(1), image(2, maker=b"OTHER"), image(3)[:-7])
    assert [damaged_of(maker.passports(), maker.rejected) for maker in (one, two)] == [1, 0]
    assert "damaged" in str(next(next_steps(one.passports()[0], 1)))


def test_names_of_proposals_are_plain_and_differ() -> None:
    cyrillic = passport(image(1, (0x00081010, "SH", even("КАБІНЕТ".encode("cp1251")))))
    assert propose(cyrillic).name.isascii()
    nobody = passport(part10(body()))
    assert propose(nobody).name == "device"
    assert propose(nobody, ["device"]).name == "device-1"


def test_few_files_are_told_to_be_few_and_no_step_is_said_twice() -> None:
    few, many = passport(image(1)), passport(*(image(number) for number in range(FEW)))
    assert any("Only 1" in str(step) for step in next_steps(few))
    assert not any("Only" in str(step) for step in next_steps(many))
    steps = [str(step) for step in next_steps(many)]
    assert len(set(steps)) == len(steps)
    assert not any("{" in step for step in steps)


def test_plain_latin_files_are_nothing_to_worry_about() -> None:
    found = passport(image(1, name="SMITH^JOHN", label=None))
    assert set(found.encodings) == {("—", ASCII)}
    assert found.verdicts.top() == [("clean", 1)]
    assert not found.texts


def test_the_reason_a_file_was_rejected_is_kept() -> None:
    maker = read()
    maker.reject("x", NotDicom(NOT_DICOM, why="it is empty"))
    assert maker.rejected.named[0][1].code == "TLM-DCM-001"


def test_a_passport_of_many_files_is_no_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "MOST_INSTANCES", 50)
    monkeypatch.setattr(register, "MOST_OTHERS", 50)
    maker = read()
    sizes = []
    for number in range(900):
        different = (
            (0x00102160, "SH", b"v%07d" % number),
            (0x00090010, "LO", b"C%07d" % number),
            (0x00100040, "CS", even(f"Ж{number}".encode("cp1251"))),
            (0x00080080, "LO", even(f"ЛІКАРНЯ {number}".encode("cp1251"))),
            (0x00080030, "TM", b"n%05d" % number),
        )
        maker.add(MemorySource(image(number, *different)), f"in/{number}.dcm")
        if number % 300 == 299:
            sizes.append(len(pickle.dumps((maker.passports(), maker._register, maker.rejected))))
    assert sizes[2] < 1.02 * sizes[1] < 1.1 * sizes[0]
    (only,) = maker.passports()
    assert only.files == 900
    assert only.not_compared
    assert only.private.total == 900
