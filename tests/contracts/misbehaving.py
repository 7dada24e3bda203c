"""Destinations of every kind that misbehave in the ways of N-05, in one vocabulary, and remember what they really kept.

Each is told a way to behave and says afterwards which items it holds: that is the judge of "stored".
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.parser import BytesHeaderParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom

from tests.builders import CT_IMAGE, EXPLICIT_LE, body, even, opened, part10
from tests.faults.faultpeer import Peer
from tests.faults.peermodes import Mode
from tests.outbox_double import Objects, line_of
from tolmach.adapters.dicomweb.http import HttpTimeouts
from tolmach.adapters.dicomweb.stow_sender import StowSender
from tolmach.adapters.dimse import Association, PeerAddress, Timeouts
from tolmach.adapters.dimse.storage_sender import StorageSender
from tolmach.adapters.folder import inflate, open_folders
from tolmach.adapters.folder.folder_sender import FolderSender
from tolmach.adapters.folder.folder_tree import FolderTree
from tolmach.adapters.folder.path_template import PathTemplate
from tolmach.adapters.mllp.mllp_sender import MllpAddress, MllpSender, MllpTimeouts
from tolmach.delivery.interfaces import Claimed, Sender
from tolmach.delivery.parcel import Unpacker

QUICK = Timeouts(1.0, 0.4, 0.4, 0.4, 0.3)

GOOD = "good"
UNREACHABLE = "unreachable"  # nobody listens, or the folder is not there
SILENT = "silent"  # takes the connection and says nothing
CLOSES = "closes"  # takes an item whole and goes away without a word
CUTS = "cuts"  # goes away in the middle of an item
LATER = "later"  # says that it cannot now
REFUSES = "refuses"  # says that it never will
DUPLICATE = "duplicate"  # says that it has the item already
ANOTHER = "another"  # says success, but for another item
WORDLESS = "wordless"  # says success in general, and nothing of this item
GARBAGE = "garbage"  # answers with anything
HALF = "half"  # stores every other item and cannot take the rest now


def instance_uid(number: int) -> str:
    return f"1.2.3.{number}"


class Destination(ABC):
    """One destination, and the items that can be sent there."""

    ways: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.objects = Objects()
        self.unpacker = Unpacker(self.objects.open, inflate)
        self.way = GOOD

    def line(self, number: int) -> Claimed:
        """Give a line for an item of its own; the same number always gives the same item."""
        return self._line(number, image(number))

    def _line(self, number: int, file: bytes) -> Claimed:
        offset = opened(file).meta_end
        sha256 = self.objects.keep(file, offset)
        return line_of(number, sha256, offset, sop_instance_uid=instance_uid(number))

    @abstractmethod
    def sender(self) -> Sender:
        """Give a new sender."""

    @abstractmethod
    def behave(self, way: str) -> None:
        """Behave so from now on."""

    @abstractmethod
    def kept(self) -> set[int]:
        """Give the numbers of the items that it holds, checked byte by byte."""

    def close(self) -> None:  # noqa: B027 - what is not running need not go away
        """Go away."""


def image(number: int, size: int = 2000) -> bytes:
    """Give a Part 10 file of its own for each number."""
    uid = even(instance_uid(number).encode(), b"\0")
    patient, pixels = even(f"P{number}".encode()), number.to_bytes(2, "big") * (size // 2)
    data_set = body(
        (0x00100020, "LO", patient),
        (0x0020000D, "UI", b"1.2.826.0.1.5\0"),
        (0x0020000E, "UI", b"1.2.826.0.1.6\0"),
        (0x7FE00010, "OW", pixels),
    )
    own = even(b"1.2.826.0.1.3680043.9.7.1.1", b"\0")
    data_set = data_set.replace(len(own).to_bytes(2, "little") + own, len(uid).to_bytes(2, "little") + uid)
    return part10(data_set, EXPLICIT_LE, instance=instance_uid(number))


def number_of(uid: str) -> int:
    return int(uid.rpartition(".")[2])


# C-STORE --------------------------------------------------------------------------------------------------------------


MODES = {
    GOOD: Mode(),
    UNREACHABLE: Mode("refuse"),
    SILENT: Mode("blackhole"),
    CLOSES: Mode("cut_answer"),
    CUTS: Mode("cut_reading"),
    LATER: Mode("status", status=0xA700),
    REFUSES: Mode("status", status=0xC000),
    DUPLICATE: Mode("status", status=0x0111),
    ANOTHER: Mode("wrong_uid"),
    HALF: Mode("half"),
}


class DicomDestination(Destination):
    """The fault peer of tests/faults."""

    ways = frozenset({UNREACHABLE, SILENT, CLOSES, CUTS, LATER, REFUSES, DUPLICATE, ANOTHER, HALF})

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.peer = Peer(0, folder / "journal.jsonl")
        self.behave(GOOD)
        threading.Thread(target=self.peer.accept_for_ever, daemon=True).start()

    def sender(self) -> StorageSender:
        address = PeerAddress(self.peer.ae_title, "127.0.0.1", self.peer.port)
        return StorageSender(lambda contexts: Association.open(address, contexts, timeouts=QUICK))

    def behave(self, way: str) -> None:
        self.peer.become(MODES[way])

    def kept(self) -> set[int]:
        sent = {hashlib.sha256(file[opened(file).meta_end :]).hexdigest() for file in self.objects.files.values()}
        assert set(self.peer.kept.values()) <= sent
        return {number_of(uid) for uid in self.peer.kept}


# STOW-RS --------------------------------------------------------------------------------------------------------------


class WebDestination(Destination):
    """An HTTP server that takes multipart bodies apart by itself."""

    ways = frozenset({UNREACHABLE, SILENT, CLOSES, CUTS, LATER, REFUSES, DUPLICATE, ANOTHER, WORDLESS, GARBAGE, HALF})

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.found: dict[str, bytes] = {}
        self.requests = 0
        self.answer: tuple[int, str, bytes] | None = None  # a fixed one, whatever comes
        self.headers: list[dict[str, str]] = []
        destination = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                destination.serve(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.ended = threading.Event()
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        port = 1 if self.way == UNREACHABLE else self.server.server_address[1]
        return f"http://127.0.0.1:{port}/dicom-web"

    def sender(self, **known: Any) -> StowSender:
        return StowSender(self.url, timeouts=HttpTimeouts(1.0, 0.4, 1 << 20), **known)

    def behave(self, way: str) -> None:
        self.way = way

    def kept(self) -> set[int]:
        for uid, file in self.found.items():
            assert pydicom.dcmread(BytesIO(file)).PatientID == f"P{number_of(uid)}"
        return {number_of(uid) for uid in self.found}

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests += 1
        self.headers.append(dict(handler.headers.items()))
        size = int(handler.headers["Content-Length"])
        if self.way == SILENT:
            self.ended.wait(20)
        if self.way in (SILENT, CUTS):
            handler.rfile.read(size // 2)
            handler.close_connection = True
            return
        parts = self.parts(handler.rfile.read(size), handler.headers["Content-Type"])
        if self.way == CLOSES:
            self.found.update(parts)
            handler.close_connection = True
            return
        status, kind, answer = self.answer or self._answer(parts)
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    @staticmethod
    def parts(raw: bytes, content_type: str) -> dict[str, bytes]:
        boundary = re.search(r"boundary=(\S+)", content_type)
        assert boundary is not None
        assert 'type="application/dicom"' in content_type
        first, *parts, last = (b"\r\n" + raw).split(b"\r\n--" + boundary[1].encode())
        assert (first, last) == (b"", b"--\r\n")
        found = {}
        for part in parts:
            head, _, file = part.partition(b"\r\n\r\n")
            assert BytesHeaderParser().parsebytes(head.lstrip())["Content-Type"] == "application/dicom"
            ds = pydicom.dcmread(BytesIO(file))
            assert ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID
            found[str(ds.SOPInstanceUID)] = file
        return found

    def _answer(self, parts: dict[str, bytes]) -> tuple[int, str, bytes]:
        stored, failed, status = list(parts), {}, 200
        if self.way == LATER:
            return 503, "text/plain", b"later"
        if self.way == WORDLESS:
            return 200, "application/dicom+json", b"{}"
        if self.way == GARBAGE:
            return 200, "application/dicom+json", b"\xff{[" * 9
        if self.way == ANOTHER:
            return 200, "application/dicom+json", stow_answer(["1.2.3.999999"], {})
        if self.way in (REFUSES, DUPLICATE):
            stored, failed, status = [], dict.fromkeys(parts, 0xC000 if self.way == REFUSES else 0x0111), 409
        if self.way == HALF:
            status = 202
            stored = [uid for uid in parts if number_of(uid) % 2]
            failed = {uid: 0xA700 for uid in parts if not number_of(uid) % 2}
        self.found.update({uid: parts[uid] for uid in stored})
        return status, "application/dicom+json", stow_answer(stored, failed)

    def close(self) -> None:
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


def stow_answer(stored: list[str], failed: dict[str, int], warning: int | None = None) -> bytes:
    """Give a Store Instances Response as JSON."""

    def item(uid: str, tag: str, reason: int | None) -> dict[str, object]:
        one: dict[str, object] = {
            "00081150": {"vr": "UI", "Value": [CT_IMAGE]},
            "00081155": {"vr": "UI", "Value": [uid]},
        }
        return one if reason is None else {**one, tag: {"vr": "US", "Value": [reason]}}

    answer: dict[str, object] = {"00081190": {"vr": "UR"}, "00081198": {"vr": "SQ"}}
    if stored:
        answer["00081199"] = {"vr": "SQ", "Value": [item(uid, "00081196", warning) for uid in stored]}
    if failed:
        answer["00081198"] = {"vr": "SQ", "Value": [item(uid, "00081197", reason) for uid, reason in failed.items()]}
    return json.dumps(answer).encode()


# A folder -------------------------------------------------------------------------------------------------------------


class FolderDestination(Destination):
    """A folder that can be missing, full, or taken by somebody else."""

    ways = frozenset({UNREACHABLE, LATER, REFUSES})

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.root = folder / "export"
        self.root.mkdir()
        self.hidden = folder / "hidden"
        self._mkdir = os.mkdir

    def sender(self) -> FolderSender:
        return FolderSender(FolderTree(self.root), PathTemplate.parse("{PatientID}/{SOPInstanceUID}.dcm"))

    def behave(self, way: str) -> None:
        open_folders.os.mkdir = self._mkdir
        for path in self.root.glob("P*") if self.root.exists() else ():
            if path.is_file():
                path.unlink()
        if self.hidden.exists():
            self.hidden.rename(self.root)
        if way == UNREACHABLE:
            self.root.rename(self.hidden)
        if way == REFUSES:  # something else stands where the folders of these patients would be
            for number in range(20):
                with suppress(FileExistsError):
                    (self.root / f"P{number}").touch(exist_ok=False)
        if way == LATER:

            def full(*_: object, **__: object) -> None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            open_folders.os.mkdir = full

    def kept(self) -> set[int]:
        root = self.root if self.root.exists() else self.hidden
        found = set()
        for path in root.rglob("*.dcm"):
            assert path.read_bytes() in self.objects.files.values()
            found.add(number_of(path.stem))
        return found

    def close(self) -> None:
        open_folders.os.mkdir = self._mkdir


# HL7 ------------------------------------------------------------------------------------------------------------------


class Hl7Destination(Destination):
    """A receiver of HL7 messages."""

    ways = frozenset({UNREACHABLE, SILENT, CLOSES, CUTS, LATER, REFUSES, ANOTHER, WORDLESS, GARBAGE, HALF})

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.messages: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def line(self, number: int) -> Claimed:
        message = f"MSH|^~\\&|TOLMACH|X|MIS|Y|20261122030000||ORU^R01|ID{number}|P|2.5.1\rPID|1||P{number}\r".encode()
        return line_of(number, self.objects.keep(message, 0), 0, sop_class_uid="", transfer_syntax_uid="")

    def sender(self) -> MllpSender:
        port = 1 if self.way == UNREACHABLE else self.listener.getsockname()[1]
        return MllpSender(MllpAddress("127.0.0.1", port), MllpTimeouts(1.0, 0.4, 0.4))

    def behave(self, way: str) -> None:
        self.way = way

    def kept(self) -> set[int]:
        assert set(self.messages) <= set(self.objects.files.values())
        return {int(message.split(b"|")[9].removeprefix(b"ID")) for message in self.messages}

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        held = b""
        with sock, suppress(OSError):
            while received := sock.recv(4096):
                held += received
                if self.way == CUTS:
                    return
                if self.way == SILENT:
                    self.ended.wait(20)
                while b"\x1c\r" in held:
                    message, _, held = held.partition(b"\x1c\r")
                    answer = self._answer(message.removeprefix(b"\x0b"))
                    if answer is None:
                        return
                    sock.sendall(answer)

    def _answer(self, message: bytes) -> bytes | None:
        number = message.split(b"|")[9]
        code, control_id, error = b"AA", number, b""
        if self.way == LATER or (self.way == HALF and int(number[2:]) % 2 == 0):
            code, error = b"AR", b"ERR|||207^Application internal error|E\r"
        if self.way == REFUSES:
            code, error = b"AE", b"ERR|||101^Required field missing|E|||no name\r"
        if self.way == ANOTHER:
            control_id = b"ID999999"
        if (code, control_id) == (b"AA", number) and self.way not in (WORDLESS, GARBAGE):
            self.messages.append(message)
        if self.way == CLOSES:
            return None
        if self.way == GARBAGE:
            return b"\x0b\xff\xfe nonsense \x1c\r"
        msa = b"" if self.way == WORDLESS else b"MSA|" + code + b"|" + control_id + b"\r"
        return b"\x0bMSH|^~\\&|MIS|Y|TOLMACH|X|20261122030001||ACK|A1|P|2.5.1\r" + msa + error + b"\x1c\r"

    def close(self) -> None:
        self.ended.set()
        self.listener.close()


DESTINATIONS: dict[str, type[Destination]] = {
    "C-STORE": DicomDestination,
    "STOW-RS": WebDestination,
    "folder": FolderDestination,
    "HL7": Hl7Destination,
}


@contextmanager
def destination(kind: str, folder: Path) -> Iterator[Destination]:
    """Give a running destination of a kind."""
    made = DESTINATIONS[kind](folder)  # type: ignore[call-arg]
    try:
        yield made
    finally:
        made.close()
