"""An archive that answers HTTP: a real store and the real way in, an index in memory, and tokens made for the test."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.archive_double import ArchiveDouble
from tolmach.adapters.folder import inflate
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.apps.gateway.http_settings import HttpSettings
from tolmach.apps.gateway.listening import Listening, Served, gateway
from tolmach.apps.gateway.rights import ROLES
from tolmach.archive.entry import entry_of
from tolmach.archive.interfaces import Content, Held
from tolmach.delivery.faults import OBJECT_ROTTEN, ObjectRotten
from tolmach.delivery.parcel import StoredContent
from tolmach.dicom.part10 import open_data_set
from tolmach.intake.interfaces import Arrival, Receipt
from tolmach.intake.receive import Intake
from tolmach.intake.room import Reserve

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
BOUNDARY = "a-boundary-of-ours"


@dataclass(frozen=True)
class Bearer:
    name: str
    role: str


@dataclass
class TokensDouble:
    known: dict[str, Bearer] = field(
        default_factory=lambda: {f"token-of-{role}": Bearer(f"the {role}", role) for role in ROLES}
    )

    def bearer_of(self, token: str) -> Bearer | None:
        return self.known.get(token)

    def any_valid(self) -> bool:
        return bool(self.known)


@dataclass
class VitalsDouble:
    trouble: Exception | None = None
    values: dict[str, float] = field(default_factory=lambda: {"received": 3, "queued": 1, "disk_free_bytes": 1e9})

    def require_ready(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def figures(self) -> Mapping[str, float]:
        return self.values


@dataclass
class Receipts:
    """Indexes at once what the real journeys would index a moment later."""

    archive: WebArchive
    arrivals: list[Arrival] = field(default_factory=list)
    trouble: Exception | None = None

    def record(self, arrival: Arrival) -> Receipt:
        if self.trouble is not None:
            raise self.trouble
        self.arrivals.append(arrival)
        with self.archive.store.open(arrival.sha256) as source:
            data_set = open_data_set(source)
            one = entry_of(data_set)
            held = Held(
                object_id=len(self.arrivals),
                stored_sha256=arrival.sha256,
                data_set_offset=arrival.data_set_offset,
                delta=b"",
                sop_class_uid=data_set.sop_class_uid,
                sop_instance_uid=data_set.sop_instance_uid,
                transfer_syntax_uid=data_set.transfer_syntax_uid,
                study_instance_uid=str(one.study.get("StudyInstanceUID", ("",))[0]),
                series_instance_uid=str(one.series.get("SeriesInstanceUID", ("",))[0]),
                size=arrival.size,
                received_at=arrival.received_at,
                frames=int(str(one.instance.get("NumberOfFrames", ("1",))[0]) or 1),
            )
        self.archive.index.put(one, held)
        return Receipt(held.object_id, is_new=True, version=1)


class WebArchive:
    """Everything behind the HTTP entrance."""

    def __init__(self, folder: Path) -> None:
        self.store = FolderStore(folder)
        self.index = ArchiveDouble()
        self.receipts = Receipts(self)
        self.intake = Intake(self.store, self.receipts, Reserve(bytes=0), lambda: NOW, time.monotonic)
        self.tokens = TokensDouble()
        self.vitals = VitalsDouble()
        self.opened = 0
        self.is_served = True

    @property
    def served(self) -> Served:
        known = (self.index, self.open, self.store, self.intake, self.tokens, self.vitals)
        return Served(*known, now=lambda: NOW, serves_archive=self.is_served)

    @contextmanager
    def open(self, held: Held) -> Iterator[Content]:
        """Open as the real archive does: proved by its checksum."""
        with self.store.open(held.stored_sha256) as stored:
            block = bytes(stored.read(held.data_set_offset, stored.size))
            if hashlib.sha256(block).hexdigest() != held.stored_sha256:
                raise ObjectRotten(OBJECT_ROTTEN, sha256=held.stored_sha256, why="other bytes")
            self.opened += 1
            try:
                yield StoredContent(held, stored, inflate)  # type: ignore[arg-type]
            finally:
                self.opened -= 1


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def parts(self) -> list[tuple[dict[str, str], bytes]]:
        """Take a multipart body apart, by bytes alone."""
        boundary = self.headers["content-type"].partition("boundary=")[2].strip('"').encode()
        pieces = self.body.split(b"--" + boundary)
        assert pieces[0] == b""
        assert pieces[-1] == b"--\r\n"
        found = []
        for piece in pieces[1:-1]:
            head, _, content = piece.partition(b"\r\n\r\n")
            lines = [line.partition(b": ") for line in head.strip().split(b"\r\n")]
            found.append(({name.decode().lower(): text.decode() for name, _, text in lines}, content[:-2]))
        return found


@dataclass
class Client:
    """Asks a listening entrance, over a real socket."""

    listening: Listening
    token: str = "token-of-admin"
    timeout: float = 20.0

    def ask(self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str | None) -> Answer:
        """Make one request; header names have underscores, and None takes a header away."""
        told: dict[str, str | None] = {"Authorization": f"Bearer {self.token}", **headers}
        with closing(http.client.HTTPConnection("127.0.0.1", self.listening.port, timeout=self.timeout)) as connection:
            sent = {name.replace("_", "-"): text for name, text in told.items() if text is not None}
            connection.request(method, path, body, sent, encode_chunked=not isinstance(body, bytes | None))
            answer = connection.getresponse()
            found = {name.lower(): text for name, text in answer.getheaders()}
            return Answer(answer.status, found, answer.read())

    def get(self, path: str, accept: str | None = None, **headers: str | None) -> Answer:
        return self.ask("GET", path, **({"Accept": accept} if accept is not None else {}), **headers)

    def store(self, *files: bytes, study: str = "", kind: str = "application/dicom", **headers: str | None) -> Answer:
        """Store files by STOW-RS."""
        path = f"/dicom-web/studies/{study}" if study else "/dicom-web/studies"
        content = f'multipart/related; type="{kind}"; boundary={BOUNDARY}'
        return self.ask("POST", path, multipart(*files), Content_Type=content, **headers)

    def raw(self, data: bytes, *, until_closed: bool = True, timeout: float = 20.0) -> bytes:
        """Send bytes and give what comes back until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.listening.port), timeout) as sock:
            sock.sendall(data)
            found = b""
            while block := sock.recv(65536):
                found += block
                if not until_closed and b"\r\n\r\n" in found:
                    break
            return found


def multipart(*files: bytes, kind: str = "application/dicom", boundary: str = BOUNDARY) -> bytes:
    """Give a body of parts."""
    parts = b"".join(f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + one + b"\r\n" for one in files)
    return parts + f"--{boundary}--\r\n".encode()


@contextmanager
def web_archive(folder: Path, *, is_served: bool = True, **settings: Any) -> Iterator[tuple[WebArchive, Client]]:
    """Run an archive and its entrance for the time of a block."""
    archive = WebArchive(folder)
    archive.is_served = is_served
    with ExitStack() as stack:
        listening = stack.enter_context(gateway(HttpSettings(port=0, **settings), archive.served))
        yield archive, Client(listening)
