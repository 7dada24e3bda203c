"""TLS against DCMTK, in both roles: its tools with our SCP, our SCU with its storescp."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.peers.certificates import RSA, Authority
from tests.peers.conftest import StartStorescp
from tests.peers.dicom_files import read_part10
from tolmach.adapters.dimse import Association, PeerAddress, plan_contexts, store_all, verify_peer
from tolmach.adapters.dimse.errors import TlsRefused
from tolmach.adapters.dimse.reception import ReceivedInstance
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.adapters.dimse.tls import TlsClient, TlsFiles, TlsServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory, peer_program: Callable[[str], Path]) -> Authority:
    return Authority(peer_program("openssl"), tmp_path_factory.mktemp("authorities"), "clinic")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory, peer_program: Callable[[str], Path]) -> Authority:
    return Authority(peer_program("openssl"), tmp_path_factory.mktemp("authorities"), "stranger")


@pytest.fixture(scope="module")
def device(authority: Authority) -> TlsFiles:
    return authority.issue("device", alternative_names="")


@pytest.fixture(scope="module")
def file(corpus: Path) -> Path:
    return corpus / "pydicom" / "test_files" / "CT_small.dcm"


def flags(files: TlsFiles) -> list[object]:
    return ["+tls", files.key, files.certificate, "+cf", files.authorities]


def run(program: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


# Our SCP --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def received() -> list[tuple[ReceivedInstance, bytes]]:
    return []


@pytest.fixture
def scp(tmp_path: Path, authority: Authority, received: list[tuple[ReceivedInstance, bytes]]) -> Iterator[StorageScp]:
    def keep(instance: ReceivedInstance) -> int:
        received.append((instance, instance.path.read_bytes()[instance.data_set_offset :]))
        return 0

    tls = TlsServer(authority.issue("server"))
    with StorageScp(StorageScpSettings(port=0, tls=tls), tmp_path, keep) as running:
        yield running


@pytest.mark.parametrize("profile", ["+py", "+px", "+pz"])
def test_echoscu_in_every_profile_that_is_not_of_yesterday(
    scp: StorageScp, device: TlsFiles, peer_program: Callable[[str], Path], profile: str
) -> None:
    ended = run(peer_program("echoscu"), *flags(device), profile, "127.0.0.1", scp.port)
    assert ended.returncode == 0, ended.stderr


def test_storescu(
    scp: StorageScp,
    device: TlsFiles,
    received: list[tuple[ReceivedInstance, bytes]],
    file: Path,
    peer_program: Callable[[str], Path],
) -> None:
    ended = run(peer_program("storescu"), *flags(device), "127.0.0.1", scp.port, file)
    assert ended.returncode == 0, ended.stderr
    ((instance, data_set),) = received
    assert instance.sop_instance_uid == read_part10(file).sop_instance_uid
    assert len(data_set) > 30_000


def test_echoscu_in_a_retired_profile(
    tmp_path: Path, authority: Authority, storescp: StartStorescp, peer_program: Callable[[str], Path]
) -> None:
    """AES TLS, which is RSA key exchange and CBC: storescp still takes it when told to, we do not."""
    files, echoscu = authority.issue("server", key_kind=RSA), peer_program("echoscu")
    control = storescp(*map(str, flags(files)), "+pa")
    assert run(echoscu, *flags(files), "+pa", "127.0.0.1", control.port).returncode == 0
    with StorageScp(StorageScpSettings(port=0, tls=TlsServer(files)), tmp_path, lambda _: 0) as scp:
        assert run(echoscu, *flags(files), "+pa", "127.0.0.1", scp.port).returncode != 0
        assert run(echoscu, *flags(files), "127.0.0.1", scp.port).returncode == 0


def test_echoscu_of_a_stranger_and_without_certificate_and_without_tls(
    scp: StorageScp, authority: Authority, stranger: Authority, peer_program: Callable[[str], Path]
) -> None:
    echoscu = peer_program("echoscu")
    for wrong in (flags(stranger.issue("device", believes=authority)), ["+tla", "-ic"], []):
        assert run(echoscu, *wrong, "127.0.0.1", scp.port).returncode != 0


# Our SCU --------------------------------------------------------------------------------------------------------------


def test_storescp(storescp: StartStorescp, authority: Authority, device: TlsFiles, file: Path) -> None:
    peer = storescp("+xa", "+B", *map(str, flags(authority.issue("pacs"))))
    sample, tls = read_part10(file), TlsClient(device)
    assert verify_peer(peer.address, tls=tls)
    plan = plan_contexts([(sample.sop_class_uid, sample.transfer_syntax_uid)])[0]
    with Association.open(peer.address, plan.contexts, tls=tls) as assoc:
        outcomes = list(store_all(assoc, (sample.outgoing for _ in range(20))))
    assert [str(outcome.error) for outcome in outcomes if not outcome.stored] == []
    (kept,) = peer.files()
    assert read_part10(kept).data_set == sample.data_set


def test_storescp_that_does_not_believe_us(storescp: StartStorescp, authority: Authority, stranger: Authority) -> None:
    peer = storescp(*map(str, flags(authority.issue("pacs"))))
    with pytest.raises(TlsRefused) as caught:
        verify_peer(peer.address, tls=TlsClient(stranger.issue("us", believes=authority)))
    assert caught.value.code == "TLM-NET-074"


def test_storescp_whose_certificate_has_no_name(
    storescp: StartStorescp, authority: Authority, device: TlsFiles
) -> None:
    peer = storescp(*map(str, flags(authority.issue("pacs", alternative_names=""))))
    with pytest.raises(TlsRefused) as caught:
        verify_peer(peer.address, tls=TlsClient(device))
    assert caught.value.code == "TLM-NET-073"
    assert verify_peer(peer.address, tls=TlsClient(device, check_name=False))


def test_we_understand_ourselves(scp: StorageScp, device: TlsFiles) -> None:
    assert verify_peer(PeerAddress("TOLMACH", "127.0.0.1", scp.port), tls=TlsClient(device))
