"""The sections of the configuration: one schema for the TOML file, the environment, the reference and the forms.

`settings` reads them. Every description is the line that people find in the sample and in docs/settings.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from tolmach.adapters.dimse import is_ae_title
from tolmach.adapters.objects.faults import StoreUnusable
from tolmach.adapters.objects.s3_address import FOLDER, parse_address
from tolmach.apps import consistency
from tolmach.apps.consistency import fail, require_consistent
from tolmach.apps.gateway.http_settings import HttpSettings
from tolmach.archive.retention import KEPT_FOR
from tolmach.delivery.windows import Window
from tolmach.repair.profile import CodeStrings, Unsure


def _path_of_folder(value: Any) -> Any:
    """Require a path that names something: an empty one would be the folder the program is started in."""
    if isinstance(value, str) and (not value.strip() or "\0" in value):
        raise fail(consistency.NO_PATH)
    return value


Folder = Annotated[Path, BeforeValidator(_path_of_folder)]
Right = Literal["echo", "store", "find", "move", "get", "worklist", "mpps", "commit"]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Port = Annotated[int, Field(ge=0, le=65535)]
Tables = tuple[dict[str, Any], ...]
TEMPLATE = "{PatientID}/{StudyDate} {Modality}/{SOPInstanceUID}.dcm"


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
            raise fail(consistency.KEYS_MISSING)
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
            raise fail(consistency.AE_TITLE)
        return title

    @model_validator(mode="after")
    def _can_encrypt(self) -> Self:
        if self.tls_port is not None and self.tls.certificate is None:
            raise fail(consistency.KEYS_MISSING)
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
    folder: Annotated[Folder | None, Field(description="Where a peer of kind folder is.")] = None
    template: Annotated[str, Field(description="Path of each file in a peer of kind folder.")] = TEMPLATE
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
            raise fail(consistency.AE_TITLE)
        if self.kind in ("dicom", "hl7") and not self.host:
            raise fail(consistency.HOST_MISSING)
        if self.kind == "stow" and not (self.url or "").startswith(("http://", "https://")):
            raise fail(consistency.URL_MISSING)
        if self.kind == "folder" and self.folder is None:
            raise fail(consistency.FOLDER_MISSING)
        return self

    @model_validator(mode="after")
    def _gives_its_proof(self) -> Self:
        possible = {"dicom": ("response", "query", "commitment"), "stow": ("response", "query")}
        if self.proof not in possible.get(self.kind, ("response",)):
            raise fail(consistency.NO_SUCH_PROOF, kind=self.kind)
        return self

    @field_validator("window")
    @classmethod
    def _is_window(cls, text: str | None) -> str | None:
        try:
            if text is not None:
                Window.parse(text, None)
        except ValueError as error:
            raise fail(consistency.BAD_WINDOW) from error
        return text


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
    """Where objects go that arrive over DICOM, or that a watch brings."""

    from_: Annotated[
        tuple[str, ...], Field(alias="from", description="Peers or watches by name; * means every allowed peer.")
    ] = ("*",)
    when: Annotated[dict[str, Any], Field(description="Conditions, as in rules; absent: always.")] = {}
    profile: Annotated[str | None, Field(description="The profile objects are mended with.")] = None
    to: Annotated[tuple[str, ...], Field(min_length=1, description="Destinations: peers by name.")]
    original: Annotated[bool, Field(description="Deliver the untouched object.")] = False


class WatchSettings(Section):
    """A folder that images are taken from. Nothing in it is changed, unless `after` says so."""

    name: Annotated[str, Field(min_length=1, description="The name used in commands, rules and routes.")]
    folder: Annotated[Folder, Field(description="The folder to watch.")]
    preset: Annotated[str, Field(description="How the device writes: what is ignored, when a file is whole.")] = (
        "generic"
    )
    ignore: Annotated[
        tuple[str, ...], Field(description="What to ignore beside what the preset does: *.tmp, ~*, *preview*, old/*.")
    ] = ()
    extensions: Annotated[
        tuple[str, ...] | None,
        Field(description='Take files with these; "" is none, "*" is any; absent: as the preset says.'),
    ] = None
    ignore_larger: Annotated[int | None, Field(ge=0, description="Ignore files of more bytes than this.")] = None
    ignore_smaller: Annotated[int | None, Field(ge=0, description="Ignore files of fewer bytes than this.")] = None
    ignore_older_days: Annotated[
        float | None, Field(gt=0, le=36_525, description="Ignore files that were changed longer ago.")
    ] = None
    recursive: Annotated[bool, Field(description="Whether folders inside it are watched too.")] = True
    same_file_system: Annotated[bool, Field(description="Leave out what is mounted inside the folder.")] = True
    polling: Annotated[bool, Field(description="Only look regularly, as for a share that tells of no changes.")] = False
    scan_seconds: Annotated[
        Seconds | None, Field(description="Look through the whole folder so often; absent: as the preset says.")
    ] = None
    settle_seconds: Annotated[
        Seconds | None, Field(description="A file is finished when unchanged so long; absent: as the preset says.")
    ] = None
    patience_seconds: Annotated[
        float | None,
        Field(gt=0, le=604_800, description="Tell of files not whole after so long; absent: as the preset says."),
    ] = None
    profile: Annotated[str | None, Field(description="The profile objects are mended with.")] = None
    export_folder: Annotated[Folder | None, Field(description="Where a mended copy of each file is written.")] = None
    export_template: Annotated[str, Field(description="Path of each file in the export folder.")] = TEMPLATE
    to: Annotated[tuple[str, ...], Field(description="Destinations: peers by name.")] = ()
    original: Annotated[bool, Field(description="Deliver the untouched file; the export folder gets mended ones.")] = (
        False
    )
    after: Annotated[
        Literal["keep", "move", "delete"],
        Field(description="What becomes of a file in the folder once every destination has confirmed it."),
    ] = "keep"
    move_to: Annotated[Folder | None, Field(description="Where files are moved to with after = move.")] = None
    shadow: Annotated[bool, Field(description="Do everything but deliver, and tell what would be changed.")] = False
    silent_after_hours: Annotated[
        float | None, Field(gt=0, le=8784, description="Give notice when no file came for so long; absent: never.")
    ] = None

    @property
    def export_peer(self) -> PeerSettings | None:
        """Its export folder as a destination, if it has one."""
        if self.export_folder is None:
            return None
        name = f"{self.name} export"
        return PeerSettings(name=name, kind="folder", folder=self.export_folder, template=self.export_template)

    @model_validator(mode="after")
    def _knows_where_to(self) -> Self:
        if self.after == "move" and self.move_to is None:
            raise fail(consistency.NO_MOVE_TO)
        return self


class NoticeSettings(Section):
    """Who is told, by e-mail or at a web address, when something is stuck or a folder has gone silent."""

    smtp_host: Annotated[str, Field(description="The mail server; empty: no mail is sent.")] = ""
    smtp_port: Annotated[Port, Field(description="Its port.")] = 587
    smtp_tls: Annotated[
        Literal["starttls", "tls", "none"], Field(description="How the connection to it is encrypted.")
    ] = "starttls"
    smtp_user: Annotated[str | None, Field(description="Name for a mail server that asks for a password.")] = None
    smtp_password: Annotated[str | None, Field(description="Password for the mail server.")] = None
    mail_from: Annotated[str, Field(description="The address mails come from.")] = ""
    mail_to: Annotated[tuple[str, ...], Field(description="The addresses mails go to.")] = ()
    webhook_url: Annotated[str | None, Field(description="Web address that notices are posted to, as JSON.")] = None
    webhook_token: Annotated[str | None, Field(description="Bearer token for that address.")] = None
    language: Annotated[
        Literal["ru", "uk", "en"] | None, Field(description="Language of notices; absent: as that of messages.")
    ] = None
    stuck_after_minutes: Annotated[
        float, Field(gt=0, le=527_040, description="Give notice of what has waited so long for its destination.")
    ] = 60.0
    repeat_after_hours: Annotated[
        float, Field(gt=0, le=8784, description="Give the same notice again after so long, while it still holds.")
    ] = 24.0

    @property
    def is_enabled(self) -> bool:
        """Whether anybody is told."""
        return bool(self.smtp_host or self.webhook_url)

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        if self.smtp_host and not (self.mail_from and self.mail_to):
            raise fail(consistency.NO_MAIL_FROM)
        if self.webhook_url is not None and not self.webhook_url.startswith(("http://", "https://")):
            raise fail(consistency.URL_MISSING)
        return self


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

    folder: Annotated[
        Path | None, Field(description="Where the objects are, when not in data_dir: a folder that nodes share.")
    ] = None

    @field_validator("reserve")
    @classmethod
    def _is_size(cls, text: str) -> str:
        number = text.removesuffix("%").strip()
        if text and not (number.isdecimal() and (number == text.strip() or int(number) < 100)):
            raise fail(consistency.BAD_SIZE)
        return text


class ArchiveSettings(Section):
    """What is kept here for good, and given back to those who ask for it."""

    enabled: Annotated[
        bool, Field(description="Keep objects that no route sends anywhere, and let peers find and get what is held.")
    ] = True
    versions: Annotated[
        Literal["newest", "first"], Field(description="Which is shown where an instance came more than once.")
    ] = "newest"
    purge_after_days: Annotated[
        int, Field(ge=0, le=36_525, description="Days that deleted objects can be restored before a purge takes them.")
    ] = KEPT_FOR.days


class Settings(Section):
    """The whole configuration. Sections of parts that are not in this version are taken as they are."""

    data_dir: Annotated[Folder, Field(description="Where tolmach keeps what it holds.")] = Path("./tolmach-data")
    language: Annotated[Literal["ru", "uk", "en"] | None, Field(description="Language of messages.")] = None
    dicom: DicomSettings = DicomSettings()
    delivery: DeliverySettings = DeliverySettings()
    storage: StorageSettings = StorageSettings()
    archive: ArchiveSettings = ArchiveSettings()
    peer: tuple[PeerSettings, ...] = ()
    profile: tuple[ProfileSettings, ...] = ()
    route: tuple[RouteSettings, ...] = ()
    database: Annotated[
        str, Field(description="Where the records are: sqlite, in data_dir, or postgresql://user:password@host/name.")
    ] = "sqlite"
    objects: Annotated[
        str, Field(description="Where the bytes are: folder, or s3://BUCKET/PREFIX?endpoint=https://HOST:PORT.")
    ] = "folder"
    http: HttpSettings = HttpSettings()
    hl7: Annotated[dict[str, Any], Field(description="Not used by this version.")] = {}
    watch: tuple[WatchSettings, ...] = ()
    notice: NoticeSettings = NoticeSettings()
    legacy: Annotated[Tables, Field(description="Not used by this version.")] = ()
    hl7_sender: Annotated[Tables, Field(description="Not used by this version.")] = ()

    @property
    def destinations(self) -> tuple[PeerSettings, ...]:
        """Everything something can be delivered to: peers, and the export folders of watches."""
        exports = (one.export_peer for one in self.watch)
        return (*(one for one in self.peer if one.is_destination), *(one for one in exports if one is not None))

    @field_validator("database")
    @classmethod
    def _is_database(cls, text: str) -> str:
        if text != "sqlite" and not text.startswith(("postgresql://", "postgres://")):
            raise fail(consistency.NO_DATABASE)
        return text

    @field_validator("objects")
    @classmethod
    def _is_place(cls, text: str) -> str:
        try:
            if text != FOLDER:
                parse_address(text)
        except StoreUnusable as error:
            raise fail(consistency.BAD_OBJECTS, why=error.problem.facts["why"]) from error
        return text

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        require_consistent(self)
        return self


MODELS: dict[str, type[BaseModel]] = {
    "dicom": DicomSettings,
    "delivery": DeliverySettings,
    "storage": StorageSettings,
    "archive": ArchiveSettings,
    "http": HttpSettings,
    "peer": PeerSettings,
    "profile": ProfileSettings,
    "route": RouteSettings,
    "watch": WatchSettings,
    "notice": NoticeSettings,
    "tls": TlsSettings,
}
