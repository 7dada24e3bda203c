"""A bucket, as much of it as the store needs: every answer checked, every error one of ours, no state in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store as Connection

from tolmach.adapters.objects.faults import BAD_ADDRESS, S3_CUT, StoreUnusable, mapped
from tolmach.adapters.objects.s3_address import Keys, S3Address
from tolmach.adapters.objects.s3_answers import (
    ERRORS,
    Unanswered,
    is_beyond_the_end,
    is_missing,
    is_not_known_there,
    trouble_of,
)
from tolmach.base import N_, Phrase
from tolmach.intake.faults import StoreTrouble

PART = 8 << 20
_PARTS_AT_ONCE = 3
_PAGE = 1000
_MARK, _MARK_TEXT = "tolmach-objects", b"Objects of tolmach are kept under this prefix. Do not change them.\n"
_NO_AUTHORITIES = N_("{file} holds no certificates of authorities, as PEM")
_NOT_TAKEN = N_("obstore does not take it")
_TYPE = {"Content-Type": "application/dicom"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for, in seconds; one request moves at most `PART` bytes."""

    connect: float = 5.0
    request: float = 20.0
    finish: float = 120.0  # a server that puts large parts together answers when it has
    retry: float = 10.0
    retries: int = 5
    first_pause: float = 0.1


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of an object, and what the server says of the whole."""

    content: memoryview
    start: int
    size: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class About:
    """What the server says of an object without giving it."""

    size: int
    etag: str
    modified_at: datetime


class Bucket:
    """Requests to one bucket; any thread may call. Keys count from the prefix. Each call raises `StoreTrouble`."""

    def __init__(self, address: S3Address, keys: Keys, patience: Patience) -> None:
        """Connect to nobody yet. Raises `StoreTrouble` when the file of the authorities cannot be read.

        Raises `StoreUnusable` when that file holds none, or the address says what obstore does not take.
        """
        self._address = address
        try:
            self._connection = Connection(address.bucket, **_options(address, keys, patience, patience.request))
            self._patient = Connection(address.bucket, **_options(address, keys, patience, patience.finish))
        except (ValueError, BaseError):
            why = Phrase(_NOT_TAKEN) if address.ca is None else Phrase(_NO_AUTHORITIES, {"file": address.ca})
            raise StoreUnusable(BAD_ADDRESS, address=address, why=why) from None

    def shown(self, key: str) -> str:
        """Give where an object is, for people."""
        return f"{self._address}/{key}"

    # Writing -------------------------------------------------------------------------------------------------

    def keeps_conditions(self) -> bool:
        """Tell whether the server refuses to create what is there; leaves a small object that says whose it is.

        May be repeated. Some servers take every condition and keep none.
        """
        for _ in range(2):
            try:
                obstore.put(self._connection, _MARK, _MARK_TEXT, mode="create")
            except AlreadyExistsError:
                return True
            except ERRORS as error:
                if is_not_known_there(error):
                    return False
                raise trouble_of(error, self._address, self.shown(_MARK)) from None
        return False

    def create(self, key: str, content: bytes) -> str | None:
        """Store an object where none is, and give its ETag; None when one is there, maybe from this very call.

        Where no answer came it is asked once more: then the object is there, or is stored now.
        """
        try:
            return self._create(key, content)
        except Unanswered:
            return self._create(key, content)

    def _create(self, key: str, content: bytes) -> str | None:
        try:
            return _etag(obstore.put(self._connection, key, content, mode="create", attributes=_TYPE))
        except AlreadyExistsError:
            return None
        except ERRORS as error:
            raise trouble_of(error, self._address, self.shown(key)) from None

    def replace(self, key: str, content: bytes, etag: str) -> str | None:
        """Store an object in place of the one with that ETag, and give the new one; None when that is not there."""
        try:
            done = obstore.put(self._connection, key, content, mode={"e_tag": etag}, attributes=_TYPE)
        except PreconditionError:
            return None
        except ERRORS as error:
            raise trouble_of(error, self._address, self.shown(key)) from None
        return _etag(done)

    def put(self, key: str, content: bytes) -> str:
        """Store an object, whatever is there, and give its ETag."""
        try:
            return _etag(obstore.put(self._connection, key, content, use_multipart=False, attributes=_TYPE))
        except ERRORS as error:
            raise trouble_of(error, self._address, self.shown(key)) from None

    def put_parts(self, key: str, parts: Iterator[bytes]) -> str:
        """Store an object of any size, whatever is there, and give its ETag; each part but the last has `PART` bytes.

        Nothing appears before the last part. What `parts` raises passes, and nothing appears at all then. Raises
        `Unanswered` when nobody knows whether it appeared.
        """
        try:
            done = obstore.put(
                self._patient,
                key,
                parts,
                attributes=_TYPE,
                use_multipart=True,
                chunk_size=PART,
                max_concurrency=_PARTS_AT_ONCE,
            )
        except ERRORS as error:
            raise trouble_of(error, self._address, self.shown(key)) from None
        return _etag(done)

    def remove(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        try:
            obstore.delete(self._connection, key)
        except ERRORS as error:
            if not is_missing(error):
                raise trouble_of(error, self._address, self.shown(key)) from None

    # Reading -------------------------------------------------------------------------------------------------

    def get(self, key: str, start: int, length: int, etag: str = "") -> Piece | None:
        """Give so many bytes from `start`, fewer only where the object ends; None where there is no such object.

        With an ETag, only of that state of the object. What comes is counted.
        """
        wanted: obstore.GetOptions = {"range": (start, start + length)}
        if etag:
            wanted["if_match"] = etag
        try:
            answer = obstore.get(self._connection, key, options=wanted)
            content = memoryview(answer.bytes())
        except ERRORS as error:
            if is_missing(error):
                return None
            if start == 0 and is_beyond_the_end(error):
                return self._nothing(key)
            raise trouble_of(error, self._address, self.shown(key)) from None
        meta = answer.meta
        expected = min(start + length, meta["size"]) - start
        if len(content) != expected or answer.range[0] != start:
            raise StoreTrouble(S3_CUT, path=self.shown(key), expected=expected, present=len(content))
        return Piece(content, start, meta["size"], meta["e_tag"] or "", meta["last_modified"].astimezone(UTC))

    def _nothing(self, key: str) -> Piece | None:
        """Give what there is of an object without a byte, of which no range can be asked for."""
        about = self.head(key)
        if about is None:
            return None
        if about.size:
            raise StoreTrouble(S3_CUT, path=self.shown(key), expected=about.size, present=0)
        return Piece(memoryview(b""), 0, 0, about.etag, about.modified_at)

    def head(self, key: str) -> About | None:
        """Give what the server says of an object; None where there is none."""
        try:
            meta = obstore.head(self._connection, key)
        except FileNotFoundError:
            return self._about_missing(key)
        except ERRORS as error:
            raise trouble_of(error, self._address, self.shown(key)) from None
        return About(meta["size"], meta["e_tag"] or "", meta["last_modified"].astimezone(UTC))

    def _about_missing(self, key: str) -> About | None:
        """Ask again so that the answer has words: without them a missing bucket looks like a missing object."""
        piece = self.get(key, 0, 1)
        return None if piece is None else About(piece.size, piece.etag, piece.modified_at)

    def keys(self, folder: str) -> Iterator[str]:
        """Give the keys below a folder, a page at a time; in order where the server lists so, as Amazon's does."""
        try:
            for page in obstore.list(self._connection, folder, chunk_size=_PAGE):
                for meta in page:
                    yield meta["path"]
        except ERRORS as error:
            raise trouble_of(error, self._address, self.shown(folder)) from None


def _options(address: S3Address, keys: Keys, patience: Patience, seconds: float) -> dict[str, Any]:
    client: dict[str, Any] = {
        "connect_timeout": timedelta(seconds=patience.connect),
        "timeout": timedelta(seconds=seconds),
        "allow_http": address.is_open,
    }
    if address.ca is not None:
        with mapped(address.ca):
            client["root_certificate"] = address.ca.read_bytes()
    options: dict[str, Any] = {
        "region": address.region,
        "access_key_id": keys.access_key_id,
        "secret_access_key": keys.secret_access_key,
        "virtual_hosted_style_request": address.virtual_hosted,
        "client_options": client,
        "retry_config": {
            "max_retries": patience.retries,
            "retry_timeout": timedelta(seconds=patience.retry),
            "backoff": {"init_backoff": timedelta(seconds=patience.first_pause), "max_backoff": timedelta(seconds=2)},
        },
    }
    if address.prefix:
        options["prefix"] = address.prefix
    if address.endpoint:
        options["endpoint"] = address.endpoint
    if keys.session_token:
        options["session_token"] = keys.session_token
    if address.checksum == "sha256":
        options["checksum_algorithm"] = "sha256"
    return options


def _etag(done: obstore.PutResult) -> str:
    return done["e_tag"] or ""
