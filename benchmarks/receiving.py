"""Receiving durably, against storescp (which syncs nothing), Orthanc and pynetdicom, as ratios in one run.

Every receiver gets the same CT-size objects from the same sender, over one association and over four, and keeps them on
the RAM disk, so that the receivers are compared and not the disk: tolmach issues every sync all the same (tests/faults
counts them). Receivers take turns; medians count. Orthanc runs with SyncStorageArea.

"bare loop" is the least that promise 1 costs one thread of Python: one connection, nothing checked, bounded or
remembered of the peer, but every byte written and hashed, every file and folder synced and every name committed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.delivery import FILES, TOLMACH, make_files

ROUNDS = 5
Receiver = Callable[[Path, int], contextlib.AbstractContextManager[None]]

SEND = """
import sys, threading, time
from pathlib import Path
from tolmach.adapters.dimse import Association, OutgoingInstance, PeerAddress, PresentationContext, store_all
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource
folder, port, lanes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
instances = []
for file in sorted(folder.iterdir()):
    source = MemorySource(file.read_bytes())
    found = open_data_set(source)
    body = source.buffer[found.meta_end:]
    instances.append(OutgoingInstance(found.sop_class_uid, found.sop_instance_uid, found.transfer_syntax_uid, len(body),
                                      lambda body=body: (body,)))
context = PresentationContext(1, instances[0].sop_class_uid, (instances[0].transfer_syntax_uid,))
def send(mine, ready, go, bad):
    with Association.open(PeerAddress("PACS", "127.0.0.1", port), [context], "BENCH") as assoc:
        outcomes = store_all(assoc, iter(mine))
        next(outcomes)
        ready.wait()
        go.wait()
        bad += [one.error for one in outcomes if not one.stored]
ready, go, bad = threading.Barrier(lanes + 1), threading.Event(), []
threads = [threading.Thread(target=send, args=(instances[n::lanes], ready, go, bad)) for n in range(lanes)]
for thread in threads: thread.start()
ready.wait()
started = time.perf_counter()
go.set()
for thread in threads: thread.join()
assert not bad, bad[0]
print((len(instances) - lanes) / (time.perf_counter() - started))
"""

RECEIVE_WITH_PYNETDICOM = """
import os, sys
from pynetdicom import AE, evt, AllStoragePresentationContexts
folder, port = sys.argv[1], int(sys.argv[2])
def store(event):
    path = os.path.join(folder, event.request.AffectedSOPInstanceUID)
    with open(path + ".part", "wb") as file:
        file.write(event.encoded_dataset())
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".part", path)
    return 0
ae = AE(ae_title="PACS")
ae.maximum_associations = 20
ae.supported_contexts = AllStoragePresentationContexts
ae.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, store)])
"""

RECEIVE_BARELY = """
import hashlib, os, socket, sqlite3, sys
from tolmach.adapters.dimse import pdu, pdu_codec
from tolmach.adapters.dimse.dimse import CStoreResponse, encode_command, parse_command
folder, port = sys.argv[1], int(sys.argv[2])
records = sqlite3.connect(os.path.join(folder, "db"), isolation_level=None)
records.execute("PRAGMA journal_mode=WAL")
records.execute("PRAGMA synchronous=FULL")
records.execute("CREATE TABLE taken (sha256 TEXT PRIMARY KEY, uid TEXT)")
directory = os.open(folder, os.O_RDONLY)
buffer = memoryview(bytearray(4 << 20))
def serve(sock):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    start = end = 0
    command = bytearray()
    while True:
        while end - start < 6 or end - start < 6 + int.from_bytes(buffer[start + 2 : start + 6], "big"):
            if start:
                buffer[: end - start] = buffer[start:end]
                start, end = 0, end - start
            count = sock.recv_into(buffer[end:])
            if not count:
                return
            end += count
        kind, length = buffer[start], int.from_bytes(buffer[start + 2 : start + 6], "big")
        body = buffer[start + 6 : start + 6 + length]
        start += 6 + length
        if kind == pdu.RELEASE_RQ:
            sock.sendall(pdu_codec.encode_release_rp())
            return
        if kind == pdu.ASSOCIATE_RQ:
            request = pdu_codec.parse_associate_rq(body)
            results = tuple(pdu.ContextResult(one.context_id, 0, one.transfer_syntaxes[0]) for one in request.contexts)
            accept = pdu.AssociateAccept(request.called_ae_title, request.calling_ae_title, results,
                                         pdu.UserInformation(1 << 17))
            sock.sendall(pdu_codec.encode_associate_ac(accept))
            continue
        for pdv in pdu_codec.parse_pdvs(body):
            if pdv.is_command:
                command += pdv.fragment
                if pdv.is_last:
                    asked, command, digest = parse_command(command), bytearray(), hashlib.sha256()
                    part = os.path.join(folder, "part")
                    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                continue
            os.write(file, pdv.fragment)
            digest.update(pdv.fragment)
            if pdv.is_last:
                os.fsync(file)
                os.close(file)
                os.replace(part, os.path.join(folder, digest.hexdigest()))
                os.fsync(directory)
                records.execute("INSERT INTO taken VALUES (?, ?)", (digest.hexdigest(), asked.sop_instance_uid))
                uids = asked.sop_class_uid, asked.sop_instance_uid
                answer = encode_command(CStoreResponse(asked.message_id, 0, *uids))
                head = pdu_codec.encode_p_data_header(pdv.context_id, len(answer), is_command=True, is_last=True)
                sock.sendall(head + answer)
listener = socket.create_server(("127.0.0.1", port))
while True:
    sock, _ = listener.accept()
    serve(sock)
    sock.close()
"""


def main() -> int:
    """Print the ratios; 1 when one is below its bar."""
    scratch = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    receivers: dict[str, Receiver] = {
        "tolmach serve": ours,
        "storescp": storescp,
        "storescp at best": storescp_at_best,
        "bare loop": bare_loop,
        "Orthanc": orthanc,
        "pynetdicom": pynetdicom,
    }
    alone = ("storescp", "storescp at best", "bare loop")  # they serve one association after another
    bars = {
        (1, "storescp"): 0.8,
        (1, "Orthanc"): 3.0,
        (1, "pynetdicom"): 5.0,
        (4, "Orthanc"): 2.0,
        (4, "pynetdicom"): 2.0,
    }
    kept = True
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        files = Path(folder) / "ct"
        make_files(files)
        for lanes in (1, 4):
            rates: dict[str, list[float]] = {name: [] for name in receivers if lanes == 1 or name not in alone}
            for _ in range(ROUNDS):
                for name, measured in rates.items():
                    measured.append(rate(receivers[name], files, lanes, scratch))
            middle = {name: statistics.median(all_) for name, all_ in rates.items()}
            print(f"{lanes} association(s), {FILES} objects of 0.5 MB, median of {ROUNDS}")
            for name, each in middle.items():
                ratio, bar = middle["tolmach serve"] / each, bars.get((lanes, name))
                told = "" if name == "tolmach serve" else f"   ours is {ratio:.2f} ×"
                print(f"  {name:<16} {each:>6.0f}/s{told}{f' (bar {bar:g} ×)' if bar else ''}", flush=True)
                kept = kept and (bar is None or ratio >= bar)
    return 0 if kept else 1


def rate(receiver: Receiver, files: Path, lanes: int, scratch: Path | None) -> float:
    """Give objects a second, measured by the sender between its first and its last answer."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        probe.close()
        with receiver(Path(folder), port):
            command = [sys.executable, "-c", SEND, str(files), str(port), str(lanes)]
            return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path, **environment: str) -> Iterator[None]:
    """Run a receiver until it listens, and end it afterwards."""
    with (folder / "log").open("wb") as log:
        receiver = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **environment})
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if receiver.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not listen: {(folder / 'log').read_text()}")
            time.sleep(0.05)
        yield
    finally:
        receiver.send_signal(signal.SIGTERM)
        receiver.wait()


def ours(folder: Path, port: int) -> contextlib.AbstractContextManager[None]:
    """Receive as a department does: every image taken, examined, and kept in the archive."""
    peer = '[[peer]]\nname = "bench"\nae_title = "BENCH"\nhost = "127.0.0.1"\nrights = ["store"]\n'
    dicom = f'[dicom]\nport = {port}\nae_title = "PACS"\n[storage]\nreserve = "0"\n'
    (folder / "tolmach.toml").write_text(f'data_dir = "{folder / "data"}"\n{dicom}{peer}', "utf-8")
    return running([TOLMACH, "serve", "--config", str(folder / "tolmach.toml")], port, folder)


def storescp(folder: Path, port: int) -> contextlib.AbstractContextManager[None]:
    """Receive with DCMTK as people start it; nothing is synced."""
    return running(["storescp", "--output-directory", str(folder), "-aet", "PACS", str(port)], port, folder)


def bare_loop(folder: Path, port: int) -> contextlib.AbstractContextManager[None]:
    """Receive durably with nothing around it."""
    return running([sys.executable, "-c", RECEIVE_BARELY, str(folder), str(port)], port, folder)


def storescp_at_best(folder: Path, port: int) -> contextlib.AbstractContextManager[None]:
    """Receive with DCMTK at its best: no delay on the wire, bytes written as they come, nothing synced."""
    command = ["storescp", "--bit-preserving", "--output-directory", str(folder), "-aet", "PACS", str(port)]
    return running(command, port, folder, TCP_NODELAY="1")


def orthanc(folder: Path, port: int) -> contextlib.AbstractContextManager[None]:
    """Receive with Orthanc, each file synced."""
    settings = {
        "StorageDirectory": str(folder / "db"),
        "DicomPort": port,
        "DicomAet": "PACS",
        "HttpServerEnabled": False,
        "SyncStorageArea": True,
        "DicomServerEnabled": True,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    return running(["Orthanc", str(folder / "orthanc.json")], port, folder)


def pynetdicom(folder: Path, port: int) -> contextlib.AbstractContextManager[None]:
    """Receive with pynetdicom, each file synced and renamed."""
    return running([sys.executable, "-c", RECEIVE_WITH_PYNETDICOM, str(folder), str(port)], port, folder)


if __name__ == "__main__":
    sys.exit(main())
