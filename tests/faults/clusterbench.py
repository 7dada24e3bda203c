"""Several `tolmach serve` on one PostgreSQL and one bucket or shared folder, whom they serve, and whom they send to."""

from __future__ import annotations

import hashlib
import http.client
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.children import FeederChild, LineChild, PeerChild, free_port
from tests.faults.journal import read_journal
from tests.faults.judging import NO_PART10, acknowledged_by, audit_of, kept_by
from tests.faults.serving import PROGRAM, Destination, Serve, Setup
from tests.s3_proxy import Proxy, s3_proxy
from tests.s3_server import KEYS, S3Server, s3_server

PATIENCE = 30.0
"""Nothing stalls longer, whoever dies."""
READERS = 4
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": KEYS.access_key_id, "AWS_SECRET_ACCESS_KEY": KEYS.secret_access_key}


@dataclass
class Place:
    """A bucket that the nodes reach over a line, which can be made bad; the judge reads it past that line."""

    server: S3Server
    proxy: Proxy
    prefix: str
    known: set[str] = field(default_factory=set)

    @property
    def address(self) -> str:
        return f"s3://{self.server.bucket}/{self.prefix}?endpoint=http://127.0.0.1:{self.proxy.port}"

    def hashes(self, wanted: Iterable[str], *, afresh: bool = False) -> set[str]:
        """Give those sha256 whose data sets the bucket really holds; what was read before only when told to."""
        known = set() if afresh else self.known
        with ThreadPoolExecutor(READERS) as pool:
            known.update(pool.map(self._hash_of, sorted(set(wanted) - known)))
        self.known = known
        return known - {NO_PART10}

    def _hash_of(self, sha256: str) -> str:
        status, raw = self.server.ask("GET", f"/{self.prefix}/objects/{sha256[:2]}/{sha256[2:4]}/{sha256}.dcm")
        if status != 200 or raw[128:136] != b"DICM\x02\x00\x00\x00":
            return NO_PART10
        return hashlib.sha256(raw[144 + int.from_bytes(raw[140:144], "little") :]).hexdigest()


@contextmanager
def bucket(prefix: str) -> Iterator[Place]:
    """Run a server with a bucket, and a line to it."""
    with s3_server() as server, s3_proxy(server.port) as proxy:
        yield Place(server, proxy, prefix)


@dataclass(frozen=True)
class Plan:
    """What a cluster is made of.

    Without a `place` the objects are in a folder. `beside` are further destinations. Feeders send to a node each, or
    two of them over a balancer when it is `balanced`, each association with a `rest` of so many seconds between two
    objects of a `size`. `mutant` names what is wrong with the program, `env` says more.
    """

    database: str
    place: Place | None = None
    nodes: int = 2
    objects: int = 0
    beside: Sequence[Destination] = ()
    balanced: bool = False
    associations: int = 3
    rest: float = 0.0
    size: int = 0
    http: bool = False
    mutant: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    tables: str = ""


class Cluster:
    """Nodes that share what they hold, destinations they all deliver to, and somebody who feeds them."""

    def __init__(self, folder: Path, stack: ExitStack, plan: Plan) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.plan, self._stack = folder, plan, stack
        self.peer = stack.enter_context(closing(PeerChild(folder, "pacs")))
        self.nodes = [self._node(name) for name in "abcdef"[: plan.nodes]]
        ports = [node.port for node in self.nodes]
        if plan.balanced:
            ports = [stack.enter_context(closing(LineChild(folder, *ports))).port] * 2
        self.feeders = [self._feeder(port, number + 1) for number, port in enumerate(ports)]
        self.token = self.nodes[0].call("token", "create", "--name", "judge", "--role", "viewer").out.strip()

    def _node(self, name: str) -> Serve:
        plan, own = self.plan, self.folder / name
        own.mkdir()
        setup = Setup(
            own,
            own / "data",
            [Destination("pacs", self.peer.port), *plan.beside],
            database=plan.database,
            objects=None if plan.place else self.folder / "objects",
            bucket=plan.place.address if plan.place else "",
            http_port=free_port() if plan.http else 0,
            tables=plan.tables,
        )
        program = (sys.executable, "-m", "tests.faults.mutants", plan.mutant) if plan.mutant else PROGRAM
        node = Serve(setup, env={**ENVIRONMENT, **plan.env}, program=program)
        self._stack.callback(node.kill)
        node.first_start()
        return node

    def _feeder(self, port: int, seed: int) -> FeederChild:
        own = self.folder / f"fed-{seed}"
        own.mkdir()
        plan = self.plan
        feeder = FeederChild(
            own,
            port,
            seed=seed,
            count=plan.objects,
            large_every=0,
            associations=plan.associations,
            per_association=20 if plan.balanced else 0,
            rest=plan.rest,
            size=plan.size,
        )
        return self._stack.enter_context(closing(feeder))

    # Feeding ----------------------------------------------------------------------------------------------------------

    def feed(self) -> None:
        for feeder in self.feeders:
            feeder.go()

    def rest(self) -> None:
        """Return when nothing is on its way to any node."""
        with ThreadPoolExecutor(len(self.feeders)) as pool:
            list(pool.map(lambda feeder: feeder.pause(), self.feeders))

    def acknowledged(self) -> dict[str, str]:
        """Give sha256 by UID of everything that was ever acknowledged."""
        return acknowledged_by(self.feeders)

    def await_acknowledged(self, more: int, seconds: float = 60.0) -> float:
        """Give the seconds until so many more were acknowledged."""
        begun = time.monotonic()
        goal = len(self.acknowledged()) + more
        while len(self.acknowledged()) < goal:
            assert time.monotonic() - begun < seconds, self.said()
            time.sleep(0.1)
        return time.monotonic() - begun

    # Delivery ---------------------------------------------------------------------------------------------------------

    def missing(self) -> set[str]:
        """Give what was acknowledged and has not arrived."""
        return set(self.acknowledged()) - set(kept_by(self.peer))

    def await_delivered(self, seconds: float, of: set[str] | None = None) -> float:
        """Give the seconds until everything acknowledged was delivered, or these of it."""
        begun = time.monotonic()
        while missing := self.missing() if of is None else of - set(kept_by(self.peer)):
            assert time.monotonic() - begun < seconds, f"{len(missing)} are missing\n{self.said()}"
            time.sleep(0.1)
        return time.monotonic() - begun

    def longest_way(self) -> float:
        """Give the longest time from an acknowledgement to the delivery."""
        answered = {
            entry["uid"]: entry["at"]
            for feeder in self.feeders
            for entry in read_journal(feeder.journal)[0]
            if entry["status"] == 0
        }
        kept: dict[str, float] = {}
        for entry in read_journal(self.peer.journal)[0]:
            kept.setdefault(entry["uid"], entry["at"])
        return max(kept[uid] - at for uid, at in answered.items())

    # What it says -----------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> Serve:
        """A node that runs."""
        return next(node for node in self.nodes if node.runs)

    def queue(self) -> list[dict[str, Any]]:
        return self.alive.ask("queue", "list")

    def said(self) -> str:
        return "\n".join(node.said() for node in self.nodes)

    def require_whole(self) -> None:
        rows = audit_of(self.alive)
        assert all(row["holds"] for row in rows), rows
        total = next(row for row in rows if "to" not in row)
        assert total["taken"] >= len(self.acknowledged())

    def await_http(self, node: Serve) -> None:
        """Return when a node says over HTTP that it would take objects: it listens there last."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if self.get(node, "/health/ready")[0] == 200:
                    return
            except ConnectionError:
                pass
            assert time.monotonic() < deadline, node.said()
            time.sleep(0.05)

    def get(self, node: Serve, path: str) -> tuple[int, bytes]:
        """Ask a node over HTTP as somebody who may see images."""
        connection = http.client.HTTPConnection("127.0.0.1", node.setup.http_port, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/dicom+json"}
        with closing(connection):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
