"""The section `[http]` of the configuration."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tolmach.base import N_

KEYS_MISSING = N_("certificate and key must both be given")


class HttpSettings(BaseModel):
    """Our own end of HTTP: the console, DICOMweb and the rest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: Annotated[bool, Field(description="Whether HTTP is listened for at all.")] = True
    host: Annotated[str, Field(description="Address to listen on; one that others reach needs TLS and a token.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on.")] = 8080
    certificate: Annotated[Path | None, Field(description="Our certificate and its chain, PEM; given: TLS.")] = None
    key: Annotated[Path | None, Field(description="The private key of our certificate, PEM.")] = None
    minimum: Annotated[Literal["1.2", "1.3"], Field(description="The oldest TLS version that is spoken.")] = "1.2"
    allowed_hosts: Annotated[
        tuple[str, ...], Field(description="Names we are called by in addresses, beside the one listened on.")
    ] = ()
    public_url: Annotated[
        str | None, Field(description="Where callers reach us, when another server stands before this one.")
    ] = None
    probe_addresses: Annotated[
        tuple[str, ...], Field(description="Addresses that may read /health and /metrics without a token.")
    ] = ()
    max_body_bytes: Annotated[int, Field(ge=1024, description="The largest request that is taken.")] = 16 << 30
    max_connections: Annotated[int, Field(ge=1, le=10_000, description="Connections at once.")] = 200
    max_stores: Annotated[int, Field(ge=1, le=100, description="Requests to store at once.")] = 8
    idle_seconds: Annotated[
        float, Field(gt=0, le=3600, description="A caller that sends or takes nothing for so long is given up.")
    ] = 30.0
    pixel_processes: Annotated[int, Field(ge=1, le=64, description="Processes that decode pixels at once.")] = 2

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can reach it."""
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def has_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.certificate is not None

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise PydanticCustomError(KEYS_MISSING, KEYS_MISSING)
        return self
