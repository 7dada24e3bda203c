"""What the index keeps of a data set: as it is after the repair, and bounded."""

from __future__ import annotations

import pytest

from tests.builders import CT_IMAGE, EXPLICIT, EXPLICIT_LE, INSTANCE, Spoiled, body, even, mended, opened, part10
from tolmach.archive.entry import MOST_ITEMS, MOST_LETTERS, MOST_VALUES, entry_of
from tolmach.edit.conditions import Origin


def test_text_is_as_it_was_repaired() -> None:
    """F-12."""
    file = Spoiled(
        {
            0x00100010: ("PN", "ІВАНЕНКО^ОЛЕНА"),
            0x00100020: ("LO", "17"),
            0x00081030: ("LO", "КТ органів черевної порожнини"),
        },
        "cp1251",
        "ISO_IR 100",
    ).file()
    result = mended(file, origin=Origin())
    entry = entry_of(opened(file), result.changes)
    assert entry.patient == {"PatientName": ("ІВАНЕНКО^ОЛЕНА",), "PatientID": ("17",)}
    assert entry.study["StudyDescription"] == ("КТ органів черевної порожнини",)
    assert entry.instance["SOPInstanceUID"] == (INSTANCE,)
    assert entry.instance["SOPClassUID"] == (CT_IMAGE,)
    assert entry.instance["AvailableTransferSyntaxUID"] == (EXPLICIT_LE,)
    assert entry_of(opened(file)).patient["PatientName"] != entry.patient["PatientName"]


def test_it_is_kept_by_the_uids_that_are_given() -> None:
    entry = entry_of(opened(part10(body((0x00080018, "UI", b"1.2\0")))), sop_class_uid="1.5", sop_instance_uid="1.6")
    assert (entry.instance["SOPClassUID"], entry.instance["SOPInstanceUID"]) == (("1.5",), ("1.6",))


def test_items_and_several_values() -> None:
    steps = [body((0x00400009, "SH", b"S%d" % number), (0x00401001, "SH", b"R%d" % number)) for number in (1, 2)]
    ids = [body((0x00100020, "LO", b"42"), (0x00100021, "LO", b"LAB "))]
    file = part10(
        body(
            (0x00080008, "CS", b"ORIGINAL\\PRIMARY "),
            (0x00100020, "LO", b" 17 "),
            (0x00101002, "raw", EXPLICIT.sequence(0x00101002, ids)),
            (0x00280010, "US", b"\x00\x02"),
            (0x00400275, "raw", EXPLICIT.sequence(0x00400275, steps)),
        )
    )
    entry = entry_of(opened(file))
    assert entry.instance["ImageType"] == ("ORIGINAL", "PRIMARY")
    assert entry.instance["Rows"] == ("512",)
    assert entry.patient == {
        "PatientID": ("17",),
        "OtherPatientIDsSequence": ({"PatientID": ("42",), "IssuerOfPatientID": ("LAB",)},),
    }
    assert entry.series["RequestAttributesSequence"] == (
        {"ScheduledProcedureStepID": ("S1",), "RequestedProcedureID": ("R1",)},
        {"ScheduledProcedureStepID": ("S2",), "RequestedProcedureID": ("R2",)},
    )


def test_what_is_empty_is_left_out_and_what_is_long_is_bounded() -> None:
    """F-14, F-19."""
    items = [body((0x00400009, "SH", b"S%d" % (number + 10))) for number in range(MOST_ITEMS + 5)]
    file = part10(
        body(
            (0x00080008, "CS", even(b"\\".join([b"A"] * (MOST_VALUES + 9)))),
            (0x00080020, "DA", b""),
            (0x00080050, "SH", b"   "[:2]),
            (0x00104000, "LT", even(b"long\\ " * 1000)),
            (0x00400275, "raw", EXPLICIT.sequence(0x00400275, items)),
        )
    )
    entry = entry_of(opened(file))
    assert entry.study == {}
    assert entry.instance["ImageType"] == ("A",) * MOST_VALUES
    (comments,) = entry.patient["PatientComments"]
    assert len(comments) == MOST_LETTERS
    assert len(entry.series["RequestAttributesSequence"]) == MOST_ITEMS


def test_what_rules_changed_inside_sequences_counts() -> None:
    from tolmach.edit.changes import Change

    steps = [body((0x00400009, "SH", b"S1")), body((0x00400009, "SH", b"S2"))]
    data_set = opened(part10(body((0x00400275, "raw", EXPLICIT.sequence(0x00400275, steps)))))
    path = "00400275[{}].00400009"
    changes = [
        Change(path.format(0), "ScheduledProcedureStepID", "SH", "S1", "X1", "rule"),
        Change(path.format(1), "ScheduledProcedureStepID", "SH", "S2", None, "rule"),
        Change(path.format(2), "ScheduledProcedureStepID", "SH", None, "X3", "rule"),
        Change("00080050", "AccessionNumber", "SH", None, "A1", "rule"),
    ]
    entry = entry_of(data_set, changes)
    assert entry.series["RequestAttributesSequence"] == (
        {"ScheduledProcedureStepID": ("X1",)},
        {"ScheduledProcedureStepID": ("X3",)},
    )
    assert entry.study == {"AccessionNumber": ("A1",)}
    gone = Change("00400275", "RequestAttributesSequence", "SQ", None, None, "rule")
    assert entry_of(data_set, [gone]).series == {}


@pytest.mark.parametrize("raw", [b"\xff\xfe\0\0", b"\0\0\0\0", b"\x1b$)C\x0e\xff"])
def test_values_that_are_no_good_raise_nothing(raw: bytes) -> None:
    """F-13."""
    file = part10(body((0x00080005, "CS", b"ISO_IR 192"), (0x00100010, "PN", even(raw)), (0x00280010, "US", b"\1")))
    assert "\0" not in str(entry_of(opened(file)))
