"""One file's journey: what comes back is proved or thrown away, and never worse than what came."""

from __future__ import annotations

import pytest

from tests.builders import Spoiled, body, mended, opened, part10, rich_file, written
from tolmach.dicom.faults import NotDicom
from tolmach.dicom.splice import Edits, Insertion, splice
from tolmach.edit.conditions import Origin
from tolmach.edit.finish import Revision
from tolmach.edit.rules import parse_rules
from tolmach.journeys import file as journey
from tolmach.repair.profile import Profile

TEXTS = {0x00100010: ("PN", "Щербаков^Юрий"), 0x00080080: ("LO", "Городская больница")}


def test_the_index_of_a_disc_is_no_image() -> None:
    index = body().replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0")
    with pytest.raises(NotDicom, match="TLM-DCM-008"):
        mended(part10(index))


def test_clean_repairable_unsure() -> None:
    clean = part10(body((0x00100010, "PN", b"PETROV")))
    doubtful = Spoiled({0x00100010: ("PN", "ЛИ")}, "cp1251", None).file()
    spoiled = Spoiled(TEXTS, "cp1251", None).file()
    assert [mended(file).verdict for file in (clean, spoiled, doubtful)] == ["clean", "repairable", "unsure"]
    assert written(mended(clean)) == clean
    assert written(mended(doubtful)) == doubtful


def test_the_result_is_the_very_data_set_when_nothing_changed() -> None:
    data_set = opened(part10(body((0x00100010, "PN", b"PETROV"))))
    result = journey.mend(data_set, Profile(), Origin())
    assert result.result is data_set
    assert not result.revision.is_changed


@pytest.mark.parametrize("undefined", [False, True])
def test_a_repair_whose_proof_fails_is_thrown_away(monkeypatch: pytest.MonkeyPatch, undefined: bool) -> None:
    """Whatever a bug in writing may do, the file that came is what goes on, and the line says so."""
    file = rich_file("1.2.840.10008.1.2.1", undefined=undefined)
    honest = journey.finish

    def faulty(*given: object) -> Revision:
        revision = honest(*given)  # type: ignore[arg-type]
        wrong = Edits(revision.edits.replacements, insertions=[Insertion(-1, 0x00100040, "CS", b"M")])
        object.__setattr__(revision, "pieces", splice(revision.data_set, wrong))
        return revision

    assert mended(file).verdict == "repairable"
    monkeypatch.setattr(journey, "finish", faulty)
    monkeypatch.setattr(journey, "Draft", journey.Draft)
    result = mended(file)
    assert result.verdict == "unsure"
    assert "TLM-TXT-020" in {problem.code for problem in result.problems}
    assert result.changes == ()


def test_problems_of_file_and_repair_are_told_together() -> None:
    rules = parse_rules(
        [{"do": [{"set": "AccessionNumber", "value": "{Modality}" + "x" * 17}]}], lambda _name: {}, "test"
    )
    file = Spoiled(TEXTS, "cp1251", "ISO 2022 IR 6\\IS").file() + bytes(4)
    codes = [problem.code for problem in mended(file, Profile(rules=rules)).problems]
    assert codes == ["TLM-DCM-022", "TLM-TXT-013", "TLM-EDT-021"]
