"""Who may do what: a table of every route and the roles that may use it. What is not in it does not exist.

A test walks every route with every role and every method (reliability.md, H-06).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, Protocol, get_args

Role = Literal["viewer", "technician", "registrar", "editor", "auditor", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
ANYBODY: Final = frozenset(ROLES)
"""Everybody with a token."""
NOBODY: Final[frozenset[Role]] = frozenset()
"""No token needed, where the caller's address allows it."""

_SEARCH: Final[frozenset[Role]] = frozenset({"viewer", "technician", "registrar", "editor", "admin"})
_LOOK: Final[frozenset[Role]] = frozenset({"viewer", "technician", "editor", "admin"})
_STORE: Final[frozenset[Role]] = frozenset({"technician", "editor", "admin"})

WEB: Final = "/dicom-web"
STUDY: Final = f"{WEB}/studies/{{study}}"
SERIES: Final = f"{STUDY}/series/{{series}}"
INSTANCE: Final = f"{SERIES}/instances/{{instance}}"
FRAMES: Final = f"{INSTANCE}/frames/{{frames}}"
PROBES: Final = ("/health/live", "/health/ready", "/metrics")
OPENAPI: Final = "/api/v1/openapi.json"

_SEARCHES = (
    f"{WEB}/studies",
    f"{WEB}/series",
    f"{WEB}/instances",
    f"{STUDY}/series",
    f"{STUDY}/instances",
    f"{SERIES}/instances",
)
_LOOKS = (
    *(STUDY, SERIES, INSTANCE, FRAMES, f"{INSTANCE}/bulkdata/{{place}}", "/wado"),
    *(f"{each}/metadata" for each in (STUDY, SERIES, INSTANCE)),
    *(f"{each}/pixeldata" for each in (STUDY, SERIES, INSTANCE)),
    *(f"{each}/bulkdata" for each in (STUDY, SERIES, INSTANCE)),
    *(f"{each}/{kind}" for each in (STUDY, SERIES, INSTANCE, FRAMES) for kind in ("rendered", "thumbnail")),
)

RIGHTS: Final[Mapping[tuple[str, str], frozenset[Role]]] = {
    **{("GET", path): _SEARCH for path in _SEARCHES},
    **{("GET", path): _LOOK for path in _LOOKS},
    ("POST", f"{WEB}/studies"): _STORE,
    ("POST", STUDY): _STORE,
    ("OPTIONS", WEB): ANYBODY,
    ("OPTIONS", f"{WEB}/"): ANYBODY,
    ("GET", OPENAPI): ANYBODY,
    **{("GET", path): NOBODY for path in PROBES},
}


class Caller(Protocol):
    """Somebody with a token."""

    @property
    def name(self) -> str:
        """What the token was made for: a device, a program, a person."""
        ...

    @property
    def role(self) -> str:
        """What its bearer may do."""
        ...


class Tokens(Protocol):
    """The tokens that were made; any thread may call. Raises `RecordsTrouble`."""

    def bearer_of(self, token: str) -> Caller | None:
        """Give whose token it is, None for one that is unknown, revoked or too old."""
        ...

    def any_valid(self) -> bool:
        """Tell whether there is any token that would be let in."""
        ...
