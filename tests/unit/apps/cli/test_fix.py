"""`tolmach fix` and `tolmach undo`: copies, in place, every repair option; nothing written that was not asked for."""

import signal
from pathlib import Path

import pydicom
import pytest

from tests.builders import DEFLATED, EXPLICIT_BE, IMPLICIT_LE, body, part10
from tests.calling import CLEAN, IVANOV, KLYMENKO, NAME, UNSURE, Called, call, folder_of, numbered, spoiled, start

FIX_KEYS = ["path", "verdict", "sop_instance_uid", "character_set", "detected", "changes", "problems", "out"]
CUT = spoiled()[:-7]
INSTITUTION, SEX, COMMENT, ID = 0x00080080, 0x00100040, 0x00104000, 0x00100020


def read(path: Path) -> pydicom.Dataset:
    return pydicom.dcmread(path)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def fix_one(tmp_path: Path, content: bytes, *options: str) -> tuple[Called, pydicom.Dataset]:
    called = call("fix", folder_of(tmp_path / "in", a=content), "--out", tmp_path / "out", "--json", *options)
    return called, read(tmp_path / "out" / "a.dcm")


def test_copies_keep_the_tree_and_the_json_says_where(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", x=spoiled(), deep__er__y=spoiled(KLYMENKO, "koi8-u"), z=CLEAN, u=UNSURE)
    before = tree(tmp_path / "in")
    called = call("fix", "in", "--out", "out", "--json")
    assert called.status == 1  # one file is unsure
    assert [list(one) for one in called.objects] == [FIX_KEYS] * 4
    assert [one["out"] for one in called.objects] == ["out/u.dcm", "out/x.dcm", "out/z.dcm", "out/deep/er/y.dcm"]
    assert [one["verdict"] for one in called.objects] == ["unsure", "repairable", "clean", "repairable"]
    assert tree(tmp_path / "in") == before
    after = tree(tmp_path / "out")
    assert (after["z.dcm"], after["u.dcm"]) == (CLEAN, UNSURE)
    assert str(read(tmp_path / "out" / "x.dcm").PatientName) == IVANOV
    assert str(read(tmp_path / "out" / "deep" / "er" / "y.dcm").PatientName) == KLYMENKO


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_BE, DEFLATED])
def test_every_native_transfer_syntax(tmp_path: Path, syntax: str) -> None:
    called, fixed = fix_one(tmp_path, spoiled(syntax=syntax))
    assert (called.status, str(fixed.PatientName)) == (0, IVANOV)
    assert fixed.file_meta.TransferSyntaxUID == syntax


def test_again_into_the_same_folder_changes_nothing(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=CLEAN)
    assert call("fix", "in", "--out", "out").status == 0
    first = tree(tmp_path / "out")
    assert call("fix", "in", "--out", "out").status == 0
    assert tree(tmp_path / "out") == first


def test_other_content_is_refused_and_replaced_on_demand(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=CLEAN)
    folder_of(tmp_path / "out", a=b"precious")
    called = call("fix", "in", "--out", "out", "--json")
    assert (called.status, called.codes) == (1, ["TLM-FIL-006"])
    assert [one["out"] for one in called.objects] == [None, "out/b.dcm"]
    assert (tmp_path / "out" / "a.dcm").read_bytes() == b"precious"
    assert call("fix", "in", "--out", "out", "--overwrite").status == 0
    assert str(read(tmp_path / "out" / "a.dcm").PatientName) == IVANOV


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=CUT, c=b"", d=b"text", e=numbered(1))
    called = call("fix", "in", "--out", "out", "--json")
    assert called.status == 1
    assert [one["verdict"] for one in called.objects] == [
        "repairable",
        "unreadable",
        "not-dicom",
        "not-dicom",
        "repairable",
    ]
    assert sorted(tree(tmp_path / "out")) == ["a.dcm", "e.dcm"]


def test_the_folder_of_the_copies_is_no_input_when_it_lies_inside(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled())
    for _ in range(2):
        called = call("fix", "in", "--out", "in/out", "--json")
        assert (called.status, [one["path"] for one in called.objects]) == (0, ["in/a.dcm"])


@pytest.mark.parametrize("arguments", [["in", "--out", "in"], ["in/a.dcm", "--out", "in"], ["in", "--out", "in/../in"]])
def test_the_folder_of_the_files_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    folder_of(tmp_path / "in", a=spoiled())
    called = call("fix", *arguments, "--json")
    assert (called.status, called.out, called.codes) == (2, "", ["TLM-FIL-011"])
    assert tree(tmp_path / "in") == {"a.dcm": spoiled()}


def test_two_files_for_one_name_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder_of(tmp_path, x__a=spoiled(), y__a=CLEAN, y__b=CLEAN)
    called = call("fix", "x", "y", "--out", "out", "--json")
    assert (called.status, called.out, called.codes) == (2, "", ["TLM-CLI-005"])
    assert "x/a.dcm" in called.err
    assert not (tmp_path / "out").exists()
    assert call("fix", "x/a.dcm", "x/a.dcm", "--out", "out").status == 0


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled())
    (tmp_path / "out").write_bytes(b"precious")
    called = call("fix", "in", "--out", "out", "--json")
    assert (called.status, called.codes) == (1, ["TLM-FIL-014"])
    assert (tmp_path / "out").read_bytes() == b"precious"


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=CLEAN)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    called = call("fix", "in", "--out", "out", "--json")
    assert (called.status, set(called.codes)) == (1, {"TLM-FIL-002"})
    assert [one["out"] for one in called.objects] == [None, None]


@pytest.mark.parametrize("target", [["--out", "out"], ["--in-place"], []], ids=str)
def test_a_dry_run_writes_nothing(tmp_path: Path, target: list[str]) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=CLEAN)
    called = call("fix", "in", *target, "--dry-run", "--json")
    assert (called.status, [list(one) for one in called.objects]) == (0, [FIX_KEYS] * 2)
    assert [one["out"] for one in called.objects] == [None, None]
    assert called.objects[0]["changes"]
    assert tree(tmp_path) == {"in/a.dcm": spoiled(), "in/b.dcm": CLEAN}


@pytest.mark.parametrize(("choice", "code"), [("hold", "TLM-CLI-006"), ("fail", "TLM-CLI-015")])
@pytest.mark.parametrize("target", [["--out", "out"], ["--in-place"]], ids=str)
def test_doubtful_files_wait_when_that_was_asked(tmp_path: Path, choice: str, code: str, target: list[str]) -> None:
    folder_of(tmp_path / "in", a=spoiled(), u=UNSURE)
    called = call("fix", "in", *target, "--unsure", choice, "--json")
    assert (called.status, called.codes) == (1, [code])
    assert [one["out"] is None for one in called.objects] == [False, True]
    assert (tmp_path / "in" / "u.dcm").read_bytes() == UNSURE
    assert not (tmp_path / "out" / "u.dcm").exists()


# Repair options -------------------------------------------------------------------------------------------------------


def test_from_says_the_code_page(tmp_path: Path) -> None:
    called, fixed = fix_one(tmp_path, part10(body((NAME, "PN", b"\xc0\xe1"))), "--from", "cp1251")
    assert (called.status, str(fixed.PatientName)) == (0, "Аб")


@pytest.mark.parametrize(
    ("form", "label", "name"),
    [
        ("utf-8", "ISO_IR 192", IVANOV),
        ("iso_ir_144", "ISO_IR 144", IVANOV),
        ("transliterate:ru-icao9303", "ISO_IR 100", "IVANOV^PETR^SERGEEVICH"),
        ("transliterate:ru", "ISO_IR 100", "IVANOV^PETR^SERGEEVICH"),
        ("as-is", "ISO_IR 100", IVANOV.encode("cp1251").decode("latin-1")),
    ],
)
def test_text_says_how_it_is_written(tmp_path: Path, form: str, label: str, name: str) -> None:
    _, fixed = fix_one(tmp_path, spoiled(), "--text", form)
    assert (fixed.SpecificCharacterSet, str(fixed.PatientName)) == (label, name)


def test_text_in_a_code_page_for_a_peer_that_expects_it(tmp_path: Path) -> None:
    fix_one(tmp_path, spoiled(code_page="koi8-r"), "--text", "cp1251")
    assert IVANOV.encode("cp1251") in (tmp_path / "out" / "a.dcm").read_bytes()


def test_attributes_are_set_set_if_missing_and_deleted(tmp_path: Path) -> None:
    content = spoiled(texts={ID: ("LO", "0017"), COMMENT: ("LT", "СТАРЫЙ КОММЕНТАРИЙ")})
    called, fixed = fix_one(
        tmp_path,
        content,
        *("--set", "InstitutionName=Лікарня №1", "--set", "(0010,0040)=F", "--set", "PatientID=A={PatientID}"),
        *("--set-if-missing", "StationName=R1", "--set-if-missing", "PatientID=no", "--delete", "PatientComments"),
    )
    assert called.status == 0
    assert (fixed.InstitutionName, fixed.PatientSex, fixed.PatientID) == ("Лікарня №1", "F", "A=0017")
    assert (fixed.StationName, "PatientComments" in fixed, str(fixed.PatientName)) == ("R1", False, IVANOV)
    assert {change["keyword"] for change in called.objects[0]["changes"] if change["reason"] == "rule"} == {
        "InstitutionName",
        "PatientSex",
        "PatientID",
        "StationName",
        "PatientComments",
    }


def test_rules_of_a_file_and_a_profile_and_options_over_them(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(
        '[[rule]]\nwhen = { PatientID = { matches = "^0" } }\n'
        'do = [ { replace = "PatientID", pattern = "^0+", with = "" }, { map = "StationName", table = "t.csv" } ]',
        "utf-8",
    )
    (tmp_path / "t.csv").write_text("R1;Кабінет 1\n", "utf-8")
    (tmp_path / "tolmach.toml").write_text(
        '[[profile]]\nname = "x"\n[[profile.rule]]\ndo = [ { set = "StationName", value = "R1" } ]', "utf-8"
    )
    content = spoiled(texts={ID: ("LO", "0017")})
    called, fixed = fix_one(tmp_path, content, "--profile", "x", "--rules", "r.toml", "--set", "PatientSex=M")
    assert called.status == 0
    assert (fixed.PatientID, fixed.StationName, fixed.PatientSex) == ("17", "Кабінет 1", "M")


def test_a_wrong_rule_is_found_before_anything_is_written(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled())
    (tmp_path / "r.toml").write_text('[[rule]]\ndo = [{ replace = "PatientID", pattern = "(", with = "" }]', "utf-8")
    called = call("fix", "in", "--out", "out", "--rules", "r.toml")
    assert (called.status, called.codes, (tmp_path / "out").exists()) == (2, ["TLM-EDT-003"], False)


# In place, and back ---------------------------------------------------------------------------------------------------


def test_in_place_and_undo(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled(), deep__b=spoiled(KLYMENKO), c=CLEAN, u=UNSURE)
    before = tree(tmp_path / "in")
    called = call("fix", "in", "--in-place", "--json")
    assert [one["out"] for one in called.objects] == ["in/a.dcm", None, None, "in/deep/b.dcm"]
    assert str(read(tmp_path / "in" / "a.dcm").PatientName) == IVANOV
    assert (tmp_path / "in" / "a.dcm.tolmach-original").read_bytes() == spoiled()
    assert len(tree(tmp_path / "in")) == 8
    again = call("fix", "in", "--in-place", "--json")
    assert {one["verdict"] for one in again.objects} == {"clean", "unsure"}
    back = call("undo", "in", "--json")
    assert (back.status, back.err) == (0, "")
    assert back.objects == [
        {"path": "in/a.dcm", "restored": True, "problem": None},
        {"path": "in/deep/b.dcm", "restored": True, "problem": None},
    ]
    assert tree(tmp_path / "in") == before
    assert call("undo", "in").out == "0 files restored.\n"


def test_undo_tells_what_it_cannot_undo_and_goes_on(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=spoiled(), c=CLEAN)
    call("fix", "in", "--in-place")
    (tmp_path / "in" / "a.dcm").write_bytes(b"edited since")
    called = call("undo", "in/c.dcm", "in", "in/no.dcm")
    assert (called.status, called.codes) == (1, ["TLM-FIL-007", "TLM-FIL-008", "TLM-FIL-001"])
    assert (tmp_path / "in" / "b.dcm").read_bytes() == spoiled()


def test_undo_brings_back_what_was_deleted_since(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=spoiled())
    call("fix", "in", "--in-place")
    for name in "ab":
        (tmp_path / "in" / f"{name}.dcm").unlink()
    assert call("undo", "in/a.dcm").status == 0
    assert call("undo", "in").status == 0
    assert tree(tmp_path / "in") == {"a.dcm": spoiled(), "b.dcm": spoiled()}


# Rules and forms that do not fit --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--rules", "map.toml"], "TLM-EDT-020"),
        (["--set", "AccessionNumber=" + "{PatientID}" * 17], "TLM-EDT-021"),
        (["--text", "koi8-r"], "TLM-EDT-022"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
@pytest.mark.parametrize("target", [["--out", "out"], ["--in-place"], ["--dry-run"]], ids=str)
def test_what_was_asked_for_and_not_done_makes_the_status_1(
    tmp_path: Path, options: list[str], code: str, target: list[str]
) -> None:
    (tmp_path / "map.toml").write_text('[[rule]]\ndo = [{ map = "PatientID", table = "rooms.csv" }]')
    (tmp_path / "rooms.csv").write_text("a,b\n")
    folder_of(tmp_path / "in", a=spoiled("ЩЕРБАКОВ^ЄВГЕН^ЇЖАК", texts={0x00100020: ("LO", "17")}))
    called = call("fix", "in", *target, *options, "--json")
    assert (called.status, called.err) == (1, "")
    assert code in [problem["code"] for problem in called.objects[0]["problems"]]
    assert (called.objects[0]["out"] is None) is (target == ["--dry-run"])
    if target == ["--out", "out"]:
        assert (tmp_path / "out" / "a.dcm").is_file()


# Ctrl-C ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [["--out", "out"], ["--in-place"]], ids=str)
def test_ctrl_c_leaves_nothing_half_written(tmp_path: Path, target: list[str]) -> None:
    folder_of(tmp_path / "in", **{f"f{number:04}": numbered(number) for number in range(3000)})
    process = start("fix", "in", *target, "--json")
    assert process.stdout is not None
    for _ in range(5):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.decode().splitlines()[-1][:12]) == (130, "TLM-CLI-002:")
    whole = {numbered(number) for number in range(3000)}
    files = tree(tmp_path)
    assert not [name for name in files if name.endswith(".tolmach-part")]
    done = [content for name, content in files.items() if name.endswith(".dcm") and content not in whole]
    assert 5 <= len(done) < 3000
    (tmp_path / "check").mkdir()
    for content in done:
        (tmp_path / "check" / "x").write_bytes(content)
        assert str(read(tmp_path / "check" / "x").PatientName) == IVANOV
    if target == ["--in-place"]:
        assert call("undo", "in").status == 0
        assert set(tree(tmp_path / "in").values()) == whole
