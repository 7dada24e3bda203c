"""The sections of the configuration: one schema for the TOML file, the environment, the reference and the forms.

`settings` reads them. Every description is the line that people find in the sample and in docs/settings.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from tolmach.adapters.dimse import is_ae_title
from tolmach.base import N_
from tolmach.repair.profile import CodeStrings, Unsure

AE_TITLE = N_("an AE title has 1 to 16 English letters, digits or signs")
HOST_MISSING = N_("host must be given")
URL_MISSING = N_("url must be given, beginning with http:// or https://")
FOLDER_MISSING = N_("folder must be given")
PORT_MISSING = N_("port must be given for a peer that something is delivered to")
NAMED_TWICE = N_("two peers or two profiles have the same name")
UNKNOWN_NAME = N_("a route leads to a peer, or names a profile, that is not configured")
KEYS_MISSING = N_("certificate and key must both be given")
BAD_SIZE = N_("write a number of bytes, or a share such as 5%")
NO_SUCH_PROOF = N_("a peer of kind {kind} cannot give that proof; use response")
BAD_WINDOW = N_("write a time of day from and to, as in 20:00-06:00")

Right = Literal["echo", "store", "find", "move", "get", "worklist", "mpps", "commit"]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Port = Annotated[int, Field(ge=0, le=65535)]
Tables = tuple[dict[str, Any], ...]


def _fail(words: str) -> PydanticCustomError:
    return PydanticCustomError(words, words)


class Section(BaseModel):
    """A table of the configuration: nothing unknown in it, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsSettings(Section):
    """Who we are on encrypted connections, and whom we believe."""

    certificate: Annotated[Path | None, Field(description="Our certificate and its chain, PEM.")] = None
    key: Annotated[Path | None, Field(description="The private key of our certificate, PEM.")] = None
    ca: Annotated[Path | None, Field(description="The authorities we believe, PEM; absent: those of the system.")] = (
        None
    )
    client_certificates: Annotated[bool, Field(description="Callers must show a certificate of these authorities.")] = (
        True
    )
    minimum: Annotated[Literal["1.2", "1.3"], Field(description="The oldest TLS version that is spoken.")] = "1.2"

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise _fail(KEYS_MISSING)
        return self


class DicomSettings(Section):
    """Our own end of DICOM associations."""

    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Field(description="Port to listen on.")] = 11112
    ae_title: Annotated[str, Field(description="Our AE title, calling and called.")] = "TOLMACH"
    tls_port: Annotated[Port | None, Field(description="Port for encrypted associations, beside the other.")] = None
    tls: Annotated[TlsSettings, Field(description="Certificates for encrypted associations.")] = TlsSettings()
    max_associations: Annotated[int, Field(ge=1, le=1000, description="Associations at once.")] = 200
    max_associations_per_address: Annotated[
        int, Field(ge=1, le=1000, description="Associations at once from one address.")
    ] = 20

    @field_validator("ae_title")
    @classmethod
    def _is_ae_title(cls, title: str) -> str:
        if not is_ae_title(title):
            raise _fail(AE_TITLE)
        return title

    @model_validator(mode="after")
    def _can_encrypt(self) -> Self:
        if self.tls_port is not None and self.tls.certificate is None:
            raise _fail(KEYS_MISSING)
        return self


class PeerSettings(Section):
    """Whom we call, and who may call us."""

    name: Annotated[str, Field(min_length=1, description="The name used on the command line and in routes.")]
    ae_title: Annotated[str, Field(description="The AE title the peer listens to.")] = ""
    host: Annotated[str, Field(description="Host name or address.")] = ""
    port: Annotated[Port, Field(description="Port the peer listens on; not needed where it only calls us.")] = 0
    rights: Annotated[tuple[Right, ...], Field(description="What the peer may ask of us.")] = ()
    text: Annotated[str | None, Field(description="What this peer can read; absent: repaired text in UTF-8.")] = None
    proof: Annotated[Literal["response", "commitment", "query"], Field(description="What counts as delivered.")] = (
        "response"
    )
    associations: Annotated[int, Field(ge=1, le=32, description="How many associations at once.")] = 1
    kind: Annotated[Literal["dicom", "stow", "folder", "hl7"], Field(description="How the peer is reached.")] = "dicom"
    url: Annotated[str | None, Field(description="Where a peer of kind stow is.")] = None
    token: Annotated[str | None, Field(description="Bearer token for a peer of kind stow.")] = None
    user: Annotated[str | None, Field(description="Name for a peer of kind stow that asks for a password.")] = None
    password: Annotated[str | None, Field(description="Password for a peer of kind stow.")] = None
    folder: Annotated[Path | None, Field(description="Where a peer of kind folder is.")] = None
    template: Annotated[str, Field(description="Path of each file in a peer of kind folder.")] = (
        "{PatientID}/{StudyDate} {Modality}/{SOPInstanceUID}.dcm"
    )
    tls: Annotated[bool, Field(description="Whether associations with the peer are encrypted.")] = False
    tls_check_name: Annotated[bool, Field(description="Whether its certificate must carry its host name.")] = True
    window: Annotated[str | None, Field(description="When to deliver, as 20:00-06:00; absent: always.")] = None
    objects_per_second: Annotated[
        float | None, Field(ge=0.001, le=100_000, description="Deliver no faster; absent: no limit.")
    ] = None
    dry_run: Annotated[bool, Field(description="Keep everything queued and only tell what would be sent.")] = False
    connect_timeout_seconds: Annotated[Seconds, Field(description="How long a connection may take.")] = 10.0
    acse_timeout_seconds: Annotated[Seconds, Field(description="How long the answer to an association may take.")] = (
        30.0
    )
    dimse_timeout_seconds: Annotated[Seconds, Field(description="How long the answer to an object may take.")] = 60.0
    network_timeout_seconds: Annotated[Seconds, Field(description="How long the peer may take no data.")] = 60.0

    @property
    def is_destination(self) -> bool:
        """Whether something can be delivered to it; else it only calls us."""
        return bool(self.port) or self.kind not in ("dicom", "hl7")

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.kind == "dicom" and not is_ae_title(self.ae_title):
            raise _fail(AE_TITLE)
        if self.kind in ("dicom", "hl7") and not self.host:
            raise _fail(HOST_MISSING)
        if self.kind == "stow" and not (self.url or "").startswith(("http://", "https://")):
            raise _fail(URL_MISSING)
        if self.kind == "folder" and self.folder is None:
            raise _fail(FOLDER_MISSING)
        return self


class ProfileSettings(Section):
    """What happens to an object."""

    name: Annotated[str, Field(min_length=1, description="The name used with --profile.")]
    from_: Annotated[str, Field(alias="from", description="Code page of the text: auto, or its name.")] = "auto"
    text: Annotated[str | None, Field(description="How text is written.")] = None
    unsure: Annotated[Unsure, Field(description="What happens to files whose text is doubtful.")] = "pass"
    code_string: Annotated[CodeStrings, Field(description="Cyrillic in CS elements.")] = "transliterate"
    transliteration: Annotated[str, Field(description="Rule for CS elements.")] = "ru-icao9303"
    original_attributes: Annotated[
        bool, Field(description="Record changed attributes in the Original Attributes Sequence.")
    ] = False
    rule: Annotated[Tables, Field(description="Rules, in order.")] = ()


class RouteSettings(Section):
    """Where objects go that arrive over DICOM."""

    from_: Annotated[tuple[str, ...], Field(alias="from", description="Peers by name; * means every allowed one.")] = (
        "*",
    )
    when: Annotated[dict[str, Any], Field(description="Conditions, as in rules; absent: always.")] = {}
    profile: Annotated[str | None, Field(description="The profile objects are mended with.")] = None
    to: Annotated[tuple[str, ...], Field(min_length=1, description="Destinations: peers by name.")]
    original: Annotated[bool, Field(description="Deliver the untouched object.")] = False


class DeliverySettings(Section):
    """How delivery goes on when a destination does not take something. It never gives up."""

    backoff_first_seconds: Annotated[Seconds, Field(description="Wait so long after the first failure.")] = 1.0
    backoff_cap_seconds: Annotated[Seconds, Field(description="The longest wait between two attempts.")] = 600.0
    proof_timeout_seconds: Annotated[float, Field(gt=0, description="Ask again for proof that does not come.")] = 600.0


class StorageSettings(Section):
    """How the data folder is used."""

    reserve: Annotated[
        str, Field(description="Disk space kept free: bytes, or a share; the default is the less of 5% and 5 GiB.")
    ] = ""

    @field_validator("reserve")
    @classmethod
    def _is_size(cls, text: str) -> str:
        number = text.removesuffix("%").strip()
        if text and not (number.isdecimal() and (number == text.strip() or int(number) < 100)):
            raise _fail(BAD_SIZE)
        return text


class ArchiveSettings(Section):
    """Whether objects are kept here for good."""

    enabled: Annotated[bool, Field(description="Keep objects that no route sends anywhere.")] = True


class Settings(Section):
    """The whole configuration. Sections of parts that are not in this version are taken as they are."""

    data_dir: Annotated[Path, Field(description="Where tolmach keeps what it holds.")] = Path("./tolmach-data")
    language: Annotated[Literal["ru", "uk", "en"] | None, Field(description="Language of messages.")] = None
    dicom: DicomSettings = DicomSettings()
    delivery: DeliverySettings = DeliverySettings()
    storage: StorageSettings = StorageSettings()
    archive: ArchiveSettings = ArchiveSettings()
    peer: tuple[PeerSettings, ...] = ()
    profile: tuple[ProfileSettings, ...] = ()
    route: tuple[RouteSettings, ...] = ()
    database: Annotated[Literal["sqlite"], Field(description="Where the records are; this version knows sqlite.")] = (
        "sqlite"
    )
    objects: Annotated[Literal["folder"], Field(description="Where the bytes are; this version knows folder.")] = (
        "folder"
    )
    http: Annotated[dict[str, Any], Field(description="Not used by this version.")] = {}
    hl7: Annotated[dict[str, Any], Field(description="Not used by this version.")] = {}
    watch: Annotated[Tables, Field(description="Not used by this version.")] = ()
    legacy: Annotated[Tables, Field(description="Not used by this version.")] = ()
    hl7_sender: Annotated[Tables, Field(description="Not used by this version.")] = ()

    @model_validator(mode="after")
    def _names_are_given_once(self) -> Self:
        for named in (self.peer, self.profile):
            names = [one.name for one in named]
            if len(set(names)) < len(names):
                raise _fail(NAMED_TWICE)
        return self

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        peers, profiles = {one.name: one for one in self.peer}, {one.name for one in self.profile}
        for route in self.route:
            if not set(route.to) <= set(peers) or (route.profile is not None and route.profile not in profiles):
                raise _fail(UNKNOWN_NAME)
            for name in route.to:
                if not peers[name].is_destination:
                    raise _fail(PORT_MISSING)
        return self


OWN_WORDS = (
    AE_TITLE,
    HOST_MISSING,
    URL_MISSING,
    FOLDER_MISSING,
    PORT_MISSING,
    NAMED_TWICE,
    UNKNOWN_NAME,
    KEYS_MISSING,
    BAD_SIZE,
    BAD_WINDOW,
)
MODELS: dict[str, type[Section]] = {
    "dicom": DicomSettings,
    "delivery": DeliverySettings,
    "storage": StorageSettings,
    "archive": ArchiveSettings,
    "peer": PeerSettings,
    "profile": ProfileSettings,
    "route": RouteSettings,
    "tls": TlsSettings,
}
