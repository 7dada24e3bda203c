"""Where objects in S3 are: `s3://BUCKET/PREFIX?endpoint=…` of the configuration, understood and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, urlsplit

from tolmach.adapters.objects.faults import BAD_ADDRESS, StoreUnusable
from tolmach.base import N_, Phrase

FOLDER, SCHEME = "folder", "s3"
USUAL_REGION = "us-east-1"
Checksum = Literal["sha256", "none"]

_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61}[a-z0-9])")
# What every server takes in a key as it is, so that a key reads the same in the configuration and in the bucket.
_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9!_.*'()-]{1,100}")
_KNOWN = ("endpoint", "region", "checksum", "ca", "virtual_hosted")

_NOT_S3 = N_("it does not begin with s3://")
_SECRETS = N_("keys do not belong into it; they come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
_NO_BUCKET_NAME = N_("“{name}” is no name of a bucket")
_BAD_PREFIX = N_("“{name}” is no prefix; letters without accents, digits and !_.*'()- are")
_UNKNOWN = N_("“{name}” means nothing there; known are {known}")
_BAD_VALUE = N_("“{value}” is no value of {name}")


@dataclass(frozen=True, slots=True)
class Keys:
    """What proves who we are; never shown, not even to a debugger's list of variables."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class S3Address:
    """A bucket, and where in it; `endpoint` is empty for Amazon's own. `prefix` has no slash at its ends."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = USUAL_REGION
    checksum: Checksum = "sha256"
    ca: Path | None = None
    virtual_hosted: bool = False

    @property
    def server(self) -> str:
        """Who keeps the bucket, for people."""
        return self.endpoint or f"S3 ({self.region})"

    @property
    def is_open(self) -> bool:
        """Whether everything goes over the network readable for others."""
        return self.endpoint.startswith("http://")

    def __str__(self) -> str:
        """Give the bucket and prefix, for people."""
        return f"{SCHEME}://{self.bucket}/{self.prefix}".rstrip("/")


def parse_address(text: str) -> S3Address:
    """Understand `s3://BUCKET/PREFIX?endpoint=URL&region=…&checksum=sha256|none&ca=FILE&virtual_hosted=yes`.

    Everything after the bucket may be absent. Raises `StoreUnusable` saying what is wrong; never repeats a key that
    somebody wrote into it.
    """
    try:
        parts = urlsplit(text)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise _bad("s3://…", Phrase(_NOT_S3)) from None
    if parts.scheme != SCHEME:
        raise _bad(text if "@" not in text else "…", Phrase(_NOT_S3))
    if "@" in parts.netloc:
        raise _bad("s3://…", Phrase(_SECRETS))
    shown = f"{SCHEME}://{parts.netloc}{parts.path}"
    if _BUCKET.fullmatch(parts.netloc) is None:
        raise _bad(shown, Phrase(_NO_BUCKET_NAME, {"name": parts.netloc}))
    for name in query:
        if name not in _KNOWN:
            raise _bad(shown, Phrase(_UNKNOWN, {"name": name, "known": ", ".join(_KNOWN)}))
    return S3Address(
        parts.netloc,
        _prefix(shown, parts),
        _endpoint(shown, query.get("endpoint", "")),
        query.get("region") or USUAL_REGION,
        "none" if _choice(shown, query, "checksum", ("sha256", "none")) == "none" else "sha256",
        Path(query["ca"]) if query.get("ca") else None,
        _choice(shown, query, "virtual_hosted", ("no", "yes")) == "yes",
    )


def _prefix(shown: str, parts: SplitResult) -> str:
    prefix = parts.path.strip("/")
    if prefix and any(_SEGMENT.fullmatch(segment) is None for segment in prefix.split("/")):
        raise _bad(shown, Phrase(_BAD_PREFIX, {"name": prefix}))
    if parts.fragment:
        raise _bad(shown, Phrase(_BAD_PREFIX, {"name": f"#{parts.fragment}"}))
    return prefix


def _endpoint(shown: str, text: str) -> str:
    if not text:
        return ""
    wrong = _bad(shown, Phrase(_BAD_VALUE, {"name": "endpoint", "value": text.rpartition("@")[2]}))
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise wrong from None
    if "@" in parts.netloc:
        raise _bad(shown, Phrase(_SECRETS))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.path.strip("/"):
        raise wrong
    return f"{parts.scheme}://{parts.netloc}"


def _choice(shown: str, query: dict[str, str], name: str, known: tuple[str, ...]) -> str:
    value = query.get(name, known[0])
    if value not in known:
        raise _bad(shown, Phrase(_BAD_VALUE, {"name": name, "value": value}))
    return value


def _bad(shown: str, why: Phrase) -> StoreUnusable:
    return StoreUnusable(BAD_ADDRESS, address=shown, why=why)
