"""Objects in an S3 bucket, under the names they have in the data folder: written once, confirmed, never overwritten."""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path

from tolmach.adapters.folder.reading import inflate
from tolmach.adapters.objects import spooling
from tolmach.adapters.objects.ahead import Ahead
from tolmach.adapters.objects.beginnings import beginnings
from tolmach.adapters.objects.faults import (
    CUT_SPOOL,
    NO_BUCKET,
    S3_CHANGED,
    S3_FORBIDS,
    S3_UNCONFIRMED,
    SPOOL_CHANGED,
    StoreUnusable,
    mapped,
)
from tolmach.adapters.objects.s3_address import Keys, S3Address
from tolmach.adapters.objects.s3_answers import Unanswered
from tolmach.adapters.objects.s3_bucket import PART, Bucket, Patience
from tolmach.adapters.objects.s3_source import BucketSource
from tolmach.adapters.objects.shards import make_durable
from tolmach.dicom.source import Source
from tolmach.intake.faults import ObjectMissing, StoreTrouble
from tolmach.intake.head import Head, read_head, with_uids
from tolmach.intake.interfaces import Examined, Spooled, Stored

INCOMING, OBJECTS, SUFFIX = "incoming", "objects", ".dcm"
OBJECT_LIMIT = 4 << 30
_TURNS = 3  # how often others may come between us and an object before it is trouble
_CHUNK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(rf"{OBJECTS}/([0-9a-f]{{2}})/([0-9a-f]{{2}})/(\1\2[0-9a-f]{{60}})\{SUFFIX}")


@dataclass(frozen=True, slots=True)
class _Reading:
    """An object as it is now, read to its end."""

    size: int
    data_set_offset: int
    sha256: str
    head: Head
    etag: str
    modified_at: datetime


class S3Store:
    """An `ObjectStore` and `ObjectInventory` in a bucket; any thread may call, and any number of machines.

    An object is spooled in the data folder and goes up in one request, or in parts that appear as one. It counts as
    stored when the server has confirmed its checksum and given the ETag that its bytes must have; where the ETag says
    nothing, the object is read back. What is there already is read whole before it is believed.
    """

    def __init__(
        self,
        address: S3Address,
        keys: Keys,
        data_dir: Path,
        *,
        patience: Patience | None = None,
        object_limit: int = OBJECT_LIMIT,
    ) -> None:
        """Use a bucket, and `data_dir` for what is on its way; asks the server nothing yet. Raises `StoreTrouble`."""
        self._incoming, self._object_limit = data_dir / INCOMING, object_limit
        with mapped(data_dir):
            for folder in (data_dir, self._incoming):
                make_durable(folder, sync=True)
        self._bucket = Bucket(address, keys, patience or Patience())
        self._server = address.server
        self._keeps_conditions: bool | None = None
        self._turns = _Turns()
        self._ahead = Ahead(lambda sha256: BucketSource(self._bucket, self._key_of(sha256)).first)

    def require_usable(self) -> None:
        """Ask the server for all that is needed of it; leaves a small object in the bucket. Safe to repeat.

        Raises `StoreUnusable` when it refuses what only a person can change (keys, rights, a missing bucket), and
        `StoreTrouble` when it cannot be reached or is in trouble itself.
        """
        try:
            self._keeps_conditions = self._bucket.keeps_conditions()
            next(self._bucket.keys(OBJECTS), None)
        except StoreTrouble as error:
            if error.problem.fault in (NO_BUCKET, S3_FORBIDS):
                raise StoreUnusable(error.problem.fault, **error.problem.facts) from None
            raise

    # Taking --------------------------------------------------------------------------------------------------

    @property
    def incoming(self) -> Path:
        """The folder to spool in, on this machine; emptied by `clear_incoming`."""
        return self._incoming

    def clear_incoming(self) -> int:
        """Remove what spools were left by a process that died, and give how many; before anybody spools."""
        return spooling.clear(self._incoming)

    def spool(self, chunks: Iterable[bytes | memoryview]) -> AbstractContextManager[Spooled]:
        """Give a whole file or stream as a spooled object, hashed on its way; see `ObjectStore.spool`."""
        return spooling.spool(self._incoming, chunks, self._object_limit)

    def place(self, spooled: Spooled) -> Stored:
        """Let the bucket hold a spooled object under its sha256, and give what it holds; see `ObjectStore.place`."""
        key = self._key_of(spooled.sha256)
        with mapped(spooled.path):
            if not spooled.file.closed:
                spooled.file.flush()
            present = spooled.path.stat().st_size
        if present != spooled.size:
            raise StoreTrouble(CUT_SPOOL, path=spooled.path, expected=spooled.size, present=present)
        with self._turns.of(spooled.sha256):
            if spooled.size <= PART and self._is_conditional():
                return self._create(spooled, key)
            return self._put(spooled, key)

    def _create(self, spooled: Spooled, key: str) -> Stored:
        """Store an object of one request where none is; the server decides between us and other machines."""
        upload = _Upload(spooled)
        content = b"".join(upload.parts())
        for _ in range(_TURNS):
            etag = self._bucket.create(key, content)
            if etag is None:
                there = self._read(spooled.sha256, spooled.data_set_offset)
                if there is None:  # removed in between
                    continue
                if there.sha256 == spooled.sha256:
                    return Stored(spooled.sha256, there.size, there.data_set_offset)
                etag = self._bucket.replace(key, content, there.etag)
            if etag is not None:
                return self._confirmed(spooled, key, etag, upload.etag)
        raise StoreTrouble(S3_CHANGED, path=self._bucket.shown(key))

    def _put(self, spooled: Spooled, key: str) -> Stored:
        """Store an object of many requests, or where the server keeps no conditions: look first, then write."""
        there = self._read(spooled.sha256, spooled.data_set_offset)
        if there is not None and there.sha256 == spooled.sha256:
            return Stored(spooled.sha256, there.size, there.data_set_offset)
        upload = _Upload(spooled)
        try:
            if spooled.size <= PART:
                etag = self._bucket.put(key, b"".join(upload.parts()))
            else:
                etag = self._bucket.put_parts(key, upload.parts())
        except Unanswered:
            there = self._read(spooled.sha256, spooled.data_set_offset)
            if there is None or there.sha256 != spooled.sha256:
                raise
            return Stored(spooled.sha256, there.size, there.data_set_offset)
        return self._confirmed(spooled, key, etag, upload.etag)

    def _confirmed(self, spooled: Spooled, key: str, etag: str, expected: str) -> Stored:
        """Give what was stored when the ETag proves it or the object read back does; else raise `StoreTrouble`."""
        if etag.removeprefix("W/").strip('"').lower() == expected:
            return Stored(spooled.sha256, spooled.size, spooled.data_set_offset)
        there = self._read(spooled.sha256, spooled.data_set_offset)
        if there is None or there.sha256 != spooled.sha256:
            raise StoreTrouble(S3_UNCONFIRMED, server=self._server, path=self._bucket.shown(key))
        return Stored(spooled.sha256, there.size, there.data_set_offset)

    def _is_conditional(self) -> bool:
        if self._keeps_conditions is None:  # it was not there to be asked when we began
            self._keeps_conditions = self._bucket.keeps_conditions()
        return self._keeps_conditions

    # Giving --------------------------------------------------------------------------------------------------

    @contextmanager
    def open(self, sha256: str) -> Iterator[Source]:
        """Give the stored bytes, whole, valid until the block ends. Raises `ObjectMissing` or `StoreTrouble`."""
        yield BucketSource(self._bucket, self._key_of(sha256), self._ahead.take(sha256))

    def expect(self, sha256s: Sequence[str]) -> None:
        """Ask for the beginnings of objects that will be opened in that order; see `Objects.expect`."""
        self._ahead.expect(sha256s)

    def free_bytes(self) -> tuple[int, int]:
        """Give the room for what is on its way, on this machine; that of the bucket is its keeper's concern."""
        with mapped(self._incoming):
            usage = shutil.disk_usage(self._incoming)
        return usage.free, usage.total

    # Checking ------------------------------------------------------------------------------------------------

    def walk(self) -> Iterator[str]:
        """Give the sha256 of every stored object, a page in memory at a time; in order where the server lists so."""
        for key in self._bucket.keys(OBJECTS):
            found = _KEY.fullmatch(key)
            if found is not None:
                yield found[3]

    def size_of(self, sha256: str) -> int | None:
        """Give the size of a stored object, None where there is none. Raises `StoreTrouble`."""
        about = self._bucket.head(self._key_of(sha256))
        return None if about is None else about.size

    def modified_at(self, sha256: str) -> datetime | None:
        """Give when an object was stored (UTC, the server's clock), None where none is. Raises `StoreTrouble`."""
        about = self._bucket.head(self._key_of(sha256))
        return None if about is None else about.modified_at

    def examine(self, sha256: str) -> Examined:
        """Read a stored object to its end. Raises `ObjectMissing` or `StoreTrouble`."""
        source = BucketSource(self._bucket, self._key_of(sha256))
        there = _read(source, sha256)
        head = with_uids(there.head, source, inflate)
        return Examined(
            name=sha256,
            sha256=there.sha256,
            size=there.size,
            data_set_offset=there.data_set_offset,
            modified_at=there.modified_at,
            sop_class_uid=head.sop_class_uid,
            sop_instance_uid=head.sop_instance_uid,
            transfer_syntax_uid=head.transfer_syntax_uid,
            source_ae_title=head.source_ae_title,
        )

    def remove(self, sha256: str) -> None:
        """Remove a stored object, for the purge alone; nothing happens where there is none. Raises `StoreTrouble`."""
        self._bucket.remove(self._key_of(sha256))

    def _read(self, sha256: str, expected_offset: int) -> _Reading | None:
        """Read what is there to its end; None where nothing is."""
        try:
            return _read(BucketSource(self._bucket, self._key_of(sha256)), sha256, expected_offset)
        except ObjectMissing:
            return None

    def _key_of(self, sha256: str) -> str:
        if _SHA256.fullmatch(sha256) is None:
            raise ValueError(f"not a sha256: {sha256!r}")
        return f"{OBJECTS}/{sha256[:2]}/{sha256[2:4]}/{sha256}{SUFFIX}"


class _Upload:
    """The parts of a spooled object, hashed as they go: what the store vouches for is what was really sent."""

    def __init__(self, spooled: Spooled) -> None:
        self._spooled = spooled
        self._sums: list[bytes] = []

    @property
    def etag(self) -> str:
        """The ETag that the parts given so far make: the MD5 of one, that of the MD5s of several, and their number."""
        if self._spooled.size <= PART:
            return self._sums[0].hex()
        return f"{_md5(b''.join(self._sums)).hex()}-{len(self._sums)}"

    def parts(self) -> Iterator[bytes]:
        """Give the spooled bytes in parts of `PART`; raises `StoreTrouble` before the last when they are not those."""
        spooled, digest, done = self._spooled, hashlib.sha256(), 0
        with mapped(spooled.path):
            file = spooled.path.open("rb", buffering=0)
        with file:
            while True:
                part = self._filled(file, min(PART, spooled.size - done))
                digest.update(memoryview(part)[max(0, spooled.data_set_offset - done) :])
                done += len(part)
                if done == spooled.size and digest.hexdigest() != spooled.sha256:
                    raise StoreTrouble(SPOOL_CHANGED, path=spooled.path)
                self._sums.append(_md5(part))
                yield part
                if done == spooled.size:
                    return

    def _filled(self, file: FileIO, length: int) -> bytes:
        with mapped(self._spooled.path):
            part = file.read(length)
            while len(part) < length:
                more = file.read(length - len(part))
                if not more:
                    raise StoreTrouble(SPOOL_CHANGED, path=self._spooled.path)
                part += more
        return part


class _Turns:
    """Lets those who bring the same content to this process go one after another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def of(self, sha256: str) -> Iterator[None]:
        with self._lock:
            mine, count = self._held.get(sha256, (threading.Lock(), 0))
            self._held[sha256] = mine, count + 1
        try:
            with mine:
                yield
        finally:
            with self._lock:
                count = self._held[sha256][1] - 1
                if count:
                    self._held[sha256] = mine, count
                else:
                    del self._held[sha256]


def _read(source: BucketSource, sha256: str, expected_offset: int = 0) -> _Reading:
    """Read an object to its end; of several beginnings of its data set the one that fits the name counts."""
    head, found = read_head(source), ""
    offset = head.data_set_offset
    for beginning in beginnings(head, expected_offset):
        digest = hashlib.sha256()
        for at in range(beginning, source.size, _CHUNK):
            digest.update(source.read(at, _CHUNK))
        if digest.hexdigest() == sha256:
            offset, found = beginning, sha256
            break
        found = found or digest.hexdigest()
    first = source.first
    return _Reading(source.size, offset, found, head, first.etag, first.modified_at)


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()
