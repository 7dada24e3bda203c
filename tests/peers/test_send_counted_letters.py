"""A file whose lengths count letters is sent like any other: what arrives can be read by everybody."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from tests.builders import DEFLATED, EXPLICIT_BE, EXPLICIT_LE, FORM_OF, IMPLICIT_LE, body, part10
from tests.calling import call, folder_of
from tests.peers.conftest import StartStorescp

pytestmark = pytest.mark.slow

NAME, TEXT = 0x00100010, "Щербаков^Юрий^Олегович"


def spoilt(syntax: str, label: str) -> bytes:
    form = FORM_OF[syntax]
    name = form.element(NAME, "PN", TEXT.encode(), length=len(TEXT))
    inner = form.element(0x00400007, "LO", "Черепа две проекции ".encode(), length=20)
    sequence = form.sequence(0x00400275, [inner], undefined=True)
    known = (0x00080005, "CS", label.encode()), (NAME, "raw", name), (0x00400275, "raw", sequence)
    return part10(body(*known, (0x7FE00010, "OW", bytes(range(64))), form=form), syntax)


@pytest.mark.parametrize("options", [[], ["--as-is"]], ids=str)
@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE])
def test_it_arrives_whole(
    storescp: StartStorescp, peer_program: Callable[[str], Path], tmp_path: Path, syntax: str, options: list[str]
) -> None:
    peer = storescp("+xa", "+B")
    folder_of(tmp_path / "in", a=spoilt(syntax, "ISO_IR 192"))
    called = call("send", tmp_path / "in", str(peer.address), "--json", *options)
    assert (called.status, called.err) == (0, "")
    assert "TLM-DCM-027" in [problem["code"] for problem in called.objects[0]["problems"]]
    (arrived,) = peer.files()
    data_set = pydicom.dcmread(arrived)
    assert str(data_set.PatientName) == TEXT
    assert data_set.RequestAttributesSequence[0].ScheduledProcedureStepDescription == "Черепа две проекции"
    assert data_set.PixelData == bytes(range(64))
    dump = subprocess.run([peer_program("dcmdump"), "+U8", str(arrived)], capture_output=True, check=True)
    assert f"[{TEXT}]" in dump.stdout.decode()
    assert b"E: " not in dump.stderr


def test_deflated_and_under_another_label(storescp: StartStorescp, tmp_path: Path) -> None:
    peer = storescp("+xa", "+B")
    folder_of(tmp_path / "in", a=spoilt(DEFLATED, "ISO_IR 100"))
    assert call("send", tmp_path / "in", str(peer.address), "--json").status == 0
    (arrived,) = peer.files()
    assert str(pydicom.dcmread(arrived).PatientName) == TEXT
