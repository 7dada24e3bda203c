"""Issue 7.5: several nodes on one PostgreSQL and one bucket, fed by DCMTK, delivering to storescp and Orthanc."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import AE, evt

from tests.calling import spawn
from tests.faults.clusterbench import ENVIRONMENT, PATIENCE, Cluster, Plan, bucket
from tests.faults.judging import audit_of, settle
from tests.faults.plainwire import CT_IMAGE
from tests.faults.sample_objects import as_file, sample, uid_of
from tests.faults.serving import AE_TITLE, Destination, Serve
from tests.peers.conftest import RunningOrthanc, StartStorescp, reserved_port
from tests.postgres_server import PostgresServer, binaries
from tests.pynetdicom_peer import associated
from tests.s3_proxy import refuse
from tolmach.dicom import uids

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FindProgram = Callable[[str], Path]
ASKER = '[[peer]]\nname = "asker"\nae_title = "ASKER"\nhost = "127.0.0.1"\nrights = ["find"]\n'
BY_HAND = 90  # the seed of what storescu sends
AWAY_SECONDS = 2.0
INSTANCE_UID = "00080018"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as one:
        yield one


def found_over_dicom(node: Serve) -> list[tuple[str, str]]:
    """Ask for every study as a viewer does."""
    asking = AE("ASKER")
    asking.add_requested_context(uids.StudyRootQueryRetrieveInformationModelFind)
    association = associated(asking, node.port, ae_title=AE_TITLE)
    assert association.is_established
    wanted = Dataset()
    wanted.SpecificCharacterSet, wanted.QueryRetrieveLevel = "ISO_IR 192", "STUDY"
    wanted.StudyInstanceUID = wanted.PatientName = wanted.PatientID = wanted.NumberOfStudyRelatedInstances = ""
    answers = list(association.send_c_find(wanted, uids.StudyRootQueryRetrieveInformationModelFind))
    association.release()
    assert answers[-1][0].Status == 0
    return sorted(
        (str(one.StudyInstanceUID), f"{one.PatientName} {one.PatientID} {one.NumberOfStudyRelatedInstances}")
        for _status, one in answers
        if one is not None
    )


def found_over_http(cluster: Cluster, node: Serve, level: str) -> list[Mapping[str, Any]]:
    """Ask for everything of a level, page after page."""
    found: list[Mapping[str, Any]] = []
    while True:
        status, raw = cluster.get(node, f"/dicom-web/{level}?limit=500&offset={len(found)}")
        assert status in (200, 204), raw
        page = json.loads(raw) if status == 200 else []
        found += page
        if not page:
            return sorted(({tag: one[tag] for tag in one if tag != "00081190"} for one in found), key=str)


def answers(cluster: Cluster, node: Serve) -> Sequence[Any]:
    return [found_over_dicom(node), *(found_over_http(cluster, node, level) for level in ("studies", "instances"))]


def store(program: Path, folder: Path, node: Serve, number: int) -> str:
    """Send one object with storescu, and give its UID."""
    file = folder / f"by-hand-{number}.dcm"
    file.write_bytes(as_file(sample(BY_HAND, number, large_every=0)))
    command = [str(program), "-aet", "FEEDER", "-aec", AE_TITLE, "127.0.0.1", str(node.port), str(file)]
    ended = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return uid_of(BY_HAND, number)


def await_everywhere(wanted: set[str], arrived: Mapping[str, Callable[[], set[str]]], cluster: Cluster) -> float:
    begun = time.monotonic()
    while late := {name: len(wanted - there()) for name, there in arrived.items() if wanted - there()}:
        assert time.monotonic() - begun < PATIENCE, f"{late} are missing\n{cluster.queue()[:5]}\n{cluster.said()}"
        time.sleep(0.2)
    return time.monotonic() - begun


def test_m08_two_nodes_on_postgresql_and_s3_with_real_peers_and_everything_that_goes_away(
    tmp_path: Path, stack: ExitStack, storescp: StartStorescp, orthanc: RunningOrthanc, peer_program: FindProgram
) -> None:
    """Any node takes, any delivers; a kill, the bucket away and a crash of PostgreSQL lose nothing."""
    server = PostgresServer()
    stack.callback(server.remove)
    place = stack.enter_context(bucket("served"))
    scp = storescp(ae_title="PEER")
    beside = [Destination("scp", scp.port), Destination("orthanc", orthanc.dicom_port, {"ae_title": "ORTHANC"})]
    plan = Plan(server.make("served"), place, beside=beside, http=True, tables=ASKER, associations=1)
    cluster = Cluster(tmp_path / "cluster", stack, plan)
    program = peer_program("storescu")
    by_hand = {store(program, tmp_path, node, number) for number, node in enumerate(cluster.nodes)}
    first, second = cluster.nodes
    cluster.feed()
    cluster.await_acknowledged(60)
    first.kill()
    cluster.feeders[0].pause()
    went_on = cluster.await_acknowledged(10)

    place.proxy.always = refuse(503, "SlowDown")
    time.sleep(AWAY_SECONDS)
    place.proxy.always = None
    after_s3 = cluster.await_acknowledged(10)
    server.stop("immediate")
    time.sleep(AWAY_SECONDS)
    server.start()
    after_records = cluster.await_acknowledged(10)
    by_hand.add(store(program, tmp_path, second, 2))
    cluster.feeders[1].pause()

    wanted = set(cluster.acknowledged()) | by_hand
    arrived = {
        "scp": lambda: {path.name.partition(".")[2] for path in scp.files()},
        "orthanc": lambda: set(orthanc.instances()),
    }
    others = await_everywhere(wanted, arrived, cluster)
    cluster.await_delivered(PATIENCE)
    cluster.require_whole()
    assert cluster.longest_way() < PATIENCE
    acknowledged = set(cluster.acknowledged().values())
    assert place.hashes(acknowledged) == acknowledged
    here = answers(cluster, second)
    assert {one[INSTANCE_UID]["Value"][0] for one in here[2]} >= wanted
    first.start()
    cluster.await_http(first)
    assert answers(cluster, first) == here
    print(
        f"{len(wanted)} taken; after the kill taking went on within {went_on:.1f} s, after S3 {after_s3:.1f} s, after "
        f"PostgreSQL {after_records:.1f} s; all at the others {others:.1f} s later; the longest way "
        f"{cluster.longest_way():.1f} s"
    )


def test_m06_a_dump_made_while_a_node_works_comes_back(tmp_path: Path, stack: ExitStack) -> None:
    """The commands of docs/cluster.md: examples/cluster/backup.sh, pg_restore, verify; the bucket is left as it is."""
    server = PostgresServer()
    stack.callback(server.remove)
    place = stack.enter_context(bucket("kept"))
    cluster = Cluster(tmp_path / "cluster", stack, Plan(server.make("kept"), place, nodes=1, http=True, tables=ASKER))
    (node,) = cluster.nodes
    cluster.feed()
    cluster.await_acknowledged(30)
    before = set(cluster.acknowledged())
    dump = backed_up(server.url("kept"), tmp_path)
    cluster.await_acknowledged(10)
    cluster.rest()
    cluster.await_delivered(PATIENCE)
    node.kill()

    command = [str(binaries() / "pg_restore"), "--no-owner", f"--dbname={server.make_empty('restored')}", str(dump)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    node.configure(replace(node.setup, database=server.url("restored")))
    verified = spawn("verify", "--json", "--config", node.setup.folder / "tolmach.toml", **ENVIRONMENT)
    assert verified.status == 0, verified.err
    assert verified.objects[0]["checked"] >= len(before)
    node.start()
    cluster.await_http(node)
    settle(node)
    found = {one[INSTANCE_UID]["Value"][0] for one in found_over_http(cluster, node, "instances")}
    assert found >= before
    assert all(row["holds"] for row in audit_of(node))


def backed_up(url: str, folder: Path) -> Path:
    """Run the script of the example, and give the dump it made."""
    target = folder / "backup"
    target.mkdir()
    environment = {**os.environ, "PATH": f"{binaries()}:{os.environ['PATH']}", "DATABASE_URL": url}
    script = Path(__file__).parents[2] / "examples" / "cluster" / "backup.sh"
    subprocess.run(["sh", str(script)], check=True, env={**environment, "BACKUP_DIR": str(target)}, timeout=60)
    (dump,) = target.glob("tolmach-*.dump")
    return dump


def test_n09_a_commitment_that_a_killed_node_had_taken_is_answered_by_the_other(
    tmp_path: Path, stack: ExitStack, peer_program: FindProgram
) -> None:
    """The modality has gone, its node is dead: the report comes to the configured address all the same."""
    server = PostgresServer()
    stack.callback(server.remove)
    port = reserved_port()
    modality = f'[[peer]]\nname = "ct"\nae_title = "CT"\nhost = "127.0.0.1"\nport = {port}\nrights = ["commit"]\n'
    plan = Plan(server.make("commit"), stack.enter_context(bucket("commit")), tables=modality)
    cluster = Cluster(tmp_path / "cluster", stack, plan)
    first, _second = cluster.nodes
    uid = store(peer_program("storescu"), tmp_path, first, 0)
    asking = AE("CT")
    asking.add_requested_context(uids.StorageCommitmentPushModel)
    association = associated(asking, first.port, ae_title=AE_TITLE)
    action, item = Dataset(), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT_IMAGE, uid
    action.TransactionUID, action.ReferencedSOPSequence = f"{uid}.1", [item]
    status, _ = association.send_n_action(action, 1, uids.StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1")
    assert status.Status == 0
    association.abort()
    first.kill()
    came: list[Dataset] = []
    arrived = threading.Event()

    def note(event: Any) -> tuple[int, None]:
        came.append(event.event_information)
        arrived.set()
        return 0, None

    listening = AE("CT")
    listening.add_supported_context(uids.StorageCommitmentPushModel, scu_role=False, scp_role=True)
    begun = time.monotonic()
    host = listening.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, note)])
    stack.callback(host.shutdown)
    assert arrived.wait(2 * PATIENCE), cluster.said()
    print(f"reported {time.monotonic() - begun:.1f} s after the kill")
    assert [one.ReferencedSOPInstanceUID for one in came[0].ReferencedSOPSequence] == [uid]
    assert time.monotonic() - begun < PATIENCE
