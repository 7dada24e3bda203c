"""Against DCMTK: our SCU with its storescp, its storescu, dcmsend and echoscu with our SCP. The bytes are compared."""

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from tests.peers.conftest import StartStorescp
from tests.peers.dicom_files import Part10, read_part10, sample_files, values_of
from tolmach.adapters.dimse import Association, PeerAddress, plan_contexts, store_all, verify_peer
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.errors import AssociationAborted, AssociationLost, AssociationRejected
from tolmach.adapters.dimse.reception import ReceivedInstance
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.dicom import uids

pytestmark = pytest.mark.slow


@pytest.fixture
def samples(corpus: Path) -> list[Part10]:
    """Give the sample files: seven transfer syntaxes, every SOP Instance UID once."""
    found = [read_part10(path) for path in sample_files(corpus)]
    assert len({sample.transfer_syntax_uid for sample in found}) == 7
    assert len({sample.sop_instance_uid for sample in found}) == len(found)
    return found


def open_for(address: PeerAddress, samples: list[Part10]) -> Association:
    plans = plan_contexts((sample.sop_class_uid, sample.transfer_syntax_uid) for sample in samples)
    assert len(plans) == 1
    return Association.open(address, plans[0].contexts)


# Our SCU --------------------------------------------------------------------------------------------------------------


def test_echo(storescp: StartStorescp) -> None:
    assert verify_peer(storescp().address).seconds < 5


def test_the_bytes_that_storescp_writes_are_the_bytes_we_sent(storescp: StartStorescp, samples: list[Part10]) -> None:
    # +xa takes every transfer syntax, +B writes the data set as it came over the wire
    peer = storescp("+xa", "+B")
    with open_for(peer.address, samples) as assoc:
        outcomes = list(store_all(assoc, (sample.outgoing for sample in samples)))
    assert [str(outcome.error) for outcome in outcomes if not outcome.stored] == []
    received = {part10.sop_instance_uid: part10 for part10 in map(read_part10, peer.files())}
    for sample in samples:
        there = received[sample.sop_instance_uid]
        assert there.transfer_syntax_uid == sample.transfer_syntax_uid
        assert there.data_set == sample.data_set


def test_a_peer_that_only_knows_the_default_syntax_says_so(storescp: StartStorescp, samples: list[Part10]) -> None:
    peer = storescp("+xi")
    ct = [sample for sample in samples if sample.sop_class_uid == uids.CTImageStorage][:1]
    assert ct[0].transfer_syntax_uid == uids.ExplicitVRLittleEndian
    with open_for(peer.address, ct) as assoc:
        assert assoc.context_for(uids.CTImageStorage, uids.ImplicitVRLittleEndian) is not None
        assert assoc.context_for(uids.CTImageStorage, uids.ExplicitVRLittleEndian) is None
        (outcome,) = store_all(assoc, (sample.outgoing for sample in ct))
    assert outcome.error is not None
    assert outcome.error.code == "TLM-NET-041"


def test_storescp_refuses(storescp: StartStorescp) -> None:
    with pytest.raises(AssociationRejected):
        verify_peer(storescp("--refuse").address)


@pytest.mark.parametrize("when", ["--abort-during", "--abort-after"])
def test_storescp_aborts(storescp: StartStorescp, samples: list[Part10], when: str) -> None:
    peer = storescp("+xa", when)
    with open_for(peer.address, samples) as assoc:
        outcomes = list(store_all(assoc, (sample.outgoing for sample in samples[:3])))
    failed = [outcome for outcome in outcomes if not outcome.stored]
    assert failed
    assert all(isinstance(outcome.error, AssociationAborted | AssociationLost) for outcome in failed)


def test_nagle_and_delayed_acknowledgements_do_not_hold_us_up(storescp: StartStorescp, samples: list[Part10]) -> None:
    """A default storescp answers in two writes: 40 ms each without TCP_QUICKACK, every time.

    The quickest of many answers shows that: a busy machine makes answers late, and none of them early.
    """
    peer = storescp("--ignore")
    ct = next(sample for sample in samples if sample.sop_class_uid == uids.CTImageStorage)
    with open_for(peer.address, [ct]) as assoc:
        outcomes, moments = [], [time.monotonic()]
        for outcome in store_all(assoc, (ct.outgoing for _ in range(50))):
            outcomes.append(outcome)
            moments.append(time.monotonic())
    assert all(outcome.stored for outcome in outcomes)
    waits = sorted(later - earlier for earlier, later in pairwise(moments))
    assert waits[len(waits) // 4] < 0.02


# Our SCP --------------------------------------------------------------------------------------------------------------


@dataclass
class Shelf:
    """A sink that keeps everything it is given."""

    folder: Path
    received: list[ReceivedInstance] = field(default_factory=list)
    status: int = 0

    def __call__(self, received: ReceivedInstance) -> int:
        received.path.rename(self.folder / f"{len(self.received)}.dcm")
        self.received.append(received)
        return self.status

    def files(self) -> dict[str, Part10]:
        return {part10.sop_instance_uid: part10 for part10 in map(read_part10, sorted(self.folder.iterdir()))}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    folder = tmp_path / "kept"
    folder.mkdir()
    return Shelf(folder)


@pytest.fixture
def scp(tmp_path: Path, shelf: Shelf) -> Iterator[StorageScp]:
    spool = tmp_path / "spool"
    spool.mkdir()
    settings = StorageScpSettings(port=0, policy=AcceptancePolicy(called_ae_title="TOLMACH"))
    with StorageScp(settings, spool, shelf) as running:
        yield running
    assert list(spool.iterdir()) == []


def run(program: Path, *args: object) -> subprocess.CompletedProcess[str]:
    command = [str(program), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_echoscu(scp: StorageScp, peer_program: Callable[[str], Path]) -> None:
    ended = run(peer_program("echoscu"), "-v", "-aet", "ME", "-aec", "TOLMACH", "127.0.0.1", scp.port)
    assert ended.returncode == 0, ended.stderr


def test_echoscu_with_as_many_contexts_as_there_may_be(scp: StorageScp, peer_program: Callable[[str], Path]) -> None:
    ended = run(peer_program("echoscu"), "-pts", 38, "-ppc", 128, "-aec", "TOLMACH", "127.0.0.1", scp.port)
    assert ended.returncode == 0, ended.stderr


def test_echoscu_for_somebody_else_is_rejected(scp: StorageScp, peer_program: Callable[[str], Path]) -> None:
    ended = run(peer_program("echoscu"), "-aec", "OTHER", "127.0.0.1", scp.port)
    assert ended.returncode != 0
    assert "Called AE Title Not Recognized" in ended.stderr


def test_what_storescu_sends_is_what_we_keep(
    scp: StorageScp, shelf: Shelf, samples: list[Part10], corpus: Path, peer_program: Callable[[str], Path]
) -> None:
    ct = next(sample for sample in samples if sample.sop_class_uid == uids.CTImageStorage)
    file = corpus / "pydicom" / "test_files" / "CT_small.dcm"
    ended = run(peer_program("storescu"), "-v", "-aet", "ROOM1", "-aec", "TOLMACH", "127.0.0.1", scp.port, file)
    assert ended.returncode == 0, ended.stderr
    kept = shelf.files()[ct.sop_instance_uid]
    assert kept.transfer_syntax_uid == ct.transfer_syntax_uid
    assert values_of((shelf.folder / "0.dcm").read_bytes()) == values_of(file.read_bytes())
    assert kept.source_ae_title == "ROOM1"
    (received,) = shelf.received
    assert (received.calling_ae_title, received.called_ae_title) == ("ROOM1", "TOLMACH")
    assert received.peer_host == "127.0.0.1"
    assert received.data_set_length == len(kept.data_set)


def test_what_dcmsend_sends_is_what_storescp_would_keep(
    scp: StorageScp, shelf: Shelf, storescp: StartStorescp, corpus: Path, peer_program: Callable[[str], Path]
) -> None:
    """Send with dcmsend, which may convert, to DCMTK's receiver and to ours: both keep the same bytes."""
    files = [path for path in sample_files(corpus) if path.name.startswith(("CT_", "MR_", "examples_", "waveform"))]
    judge = storescp("+xa", "+B")
    ours = run(peer_program("dcmsend"), "-v", "-aec", "TOLMACH", "127.0.0.1", scp.port, *files)
    theirs = run(peer_program("dcmsend"), "-v", "-aec", "PACS", "127.0.0.1", judge.port, *files)
    assert (ours.returncode, theirs.returncode) == (0, 0), ours.stderr + theirs.stderr
    kept = shelf.files()
    judged = {part10.sop_instance_uid: part10 for part10 in map(read_part10, judge.files())}
    assert set(kept) == set(judged) == {read_part10(path).sop_instance_uid for path in files}
    for sop_instance_uid, part10 in kept.items():
        if part10.transfer_syntax_uid == judged[sop_instance_uid].transfer_syntax_uid:
            assert part10.data_set == judged[sop_instance_uid].data_set
    assert sum(part10.transfer_syntax_uid == judged[uid].transfer_syntax_uid for uid, part10 in kept.items()) >= 3


@pytest.mark.parametrize(("status", "word"), [(0xA700, "OutOfResources"), (0xC000, "CannotUnderstand")])
def test_storescu_hears_the_status_of_the_sink(
    scp: StorageScp, shelf: Shelf, corpus: Path, peer_program: Callable[[str], Path], status: int, word: str
) -> None:
    shelf.status = status
    file = corpus / "pydicom" / "test_files" / "CT_small.dcm"
    ended = run(peer_program("storescu"), "-v", "-aec", "TOLMACH", "127.0.0.1", scp.port, file)
    assert word in ended.stdout + ended.stderr


def test_we_understand_ourselves(scp: StorageScp, shelf: Shelf, samples: list[Part10]) -> None:
    with open_for(PeerAddress("TOLMACH", "127.0.0.1", scp.port), samples) as assoc:
        outcomes = list(store_all(assoc, (sample.outgoing for sample in samples)))
    assert all(outcome.stored for outcome in outcomes)
    kept = shelf.files()
    for sample in samples:
        assert kept[sample.sop_instance_uid].data_set == sample.data_set
        assert kept[sample.sop_instance_uid].transfer_syntax_uid == sample.transfer_syntax_uid
