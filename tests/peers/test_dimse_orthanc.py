"""Against Orthanc, the PACS that many clinics have."""

from pathlib import Path

import pytest

from tests.peers.conftest import RunningOrthanc
from tests.peers.dicom_files import read_part10, sample_files, values_of
from tolmach.adapters.dimse import Association, PeerAddress, plan_contexts, store_all, verify_peer
from tolmach.adapters.dimse.errors import AssociationRejected

pytestmark = pytest.mark.slow


def test_echo(orthanc: RunningOrthanc) -> None:
    assert verify_peer(orthanc.address).seconds < 5


def test_a_wrong_called_ae_title_is_named(orthanc: RunningOrthanc) -> None:
    with pytest.raises(AssociationRejected) as caught:
        verify_peer(PeerAddress("SOMEBODY", "127.0.0.1", orthanc.dicom_port))
    assert caught.value.code == "TLM-NET-023"
    assert "SOMEBODY" in str(caught.value)


def test_orthanc_keeps_the_values_we_send(orthanc: RunningOrthanc, corpus: Path) -> None:
    samples = [read_part10(path) for path in sample_files(corpus)]
    (plan,) = plan_contexts((sample.sop_class_uid, sample.transfer_syntax_uid) for sample in samples)
    with Association.open(orthanc.address, plan.contexts) as assoc:
        taken = [s for s in samples if assoc.context_for(s.sop_class_uid, s.transfer_syntax_uid)]
        outcomes = list(store_all(assoc, (sample.outgoing for sample in samples)))
        again = list(store_all(assoc, (sample.outgoing for sample in taken)))
    assert len(taken) >= 8
    assert [o.instance.sop_instance_uid for o in outcomes if o.stored] == [s.sop_instance_uid for s in taken]
    assert all(outcome.stored for outcome in again)  # sending twice does no harm
    assert set(orthanc.instances()) == {sample.sop_instance_uid for sample in taken}
    files = {sample.sop_instance_uid: path for sample, path in zip(samples, sample_files(corpus), strict=True)}
    for sample in taken:
        there = values_of(orthanc.file_of(sample.sop_instance_uid))
        here = values_of(files[sample.sop_instance_uid].read_bytes())
        assert there.keys() == here.keys()
        assert [tag for tag in here if here[tag] != there[tag]] == []
