"""The configuration: one schema, from which the TOML file, the environment and the reference are understood.

./tolmach.toml, or the user's configuration folder, or --config FILE; every key also as TOLMACH_SECTION__KEY.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from tolmach.adapters.dimse import PeerAddress, Timeouts, is_ae_title, parse_ae_title
from tolmach.apps.configuration import ENVIRONMENT_PREFIX, read_toml
from tolmach.apps.faults import (
    BAD_CONFIGURATION,
    NOT_A_DICOM_PEER,
    UNKNOWN_KEY,
    UNKNOWN_PEER,
    BadConfiguration,
)
from tolmach.base import N_, Phrase
from tolmach.repair.profile import CodeStrings, Unsure


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DicomSettings(_Section):
    """Our own end of DICOM associations."""

    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on.")] = 11112
    ae_title: Annotated[str, Field(description="Our AE title, calling and called.")] = "TOLMACH"

    @field_validator("ae_title")
    @classmethod
    def _is_ae_title(cls, title: str) -> str:
        if not is_ae_title(title):
            raise PydanticCustomError(_AE_TITLE, _AE_TITLE)
        return title


Right = Literal["echo", "store", "find", "move", "get", "worklist", "mpps", "commit"]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Tables = tuple[dict[str, Any], ...]


class PeerSettings(_Section):
    """Whom we call, and who may call us."""

    name: Annotated[str, Field(min_length=1, description="The name used on the command line and in routes.")]
    ae_title: Annotated[str, Field(description="The AE title the peer listens to.")] = ""
    host: Annotated[str, Field(description="Host name or address.")] = ""
    port: Annotated[int, Field(ge=0, le=65535, description="Port the peer listens on.")] = 0
    rights: Annotated[tuple[Right, ...], Field(description="What the peer may ask of us.")] = ()
    text: Annotated[str | None, Field(description="What this peer can read; absent: repaired text in UTF-8.")] = None
    proof: Annotated[Literal["response", "commitment", "query"], Field(description="What counts as delivered.")] = (
        "response"
    )
    associations: Annotated[int, Field(ge=1, le=32, description="How many associations at once.")] = 1
    kind: Annotated[Literal["dicom", "stow", "folder", "hl7"], Field(description="How the peer is reached.")] = "dicom"
    url: Annotated[str | None, Field(description="Where a peer of kind stow is.")] = None
    folder: Annotated[Path | None, Field(description="Where a peer of kind folder is.")] = None
    connect_timeout_seconds: Annotated[Seconds, Field(description="How long a connection may take.")] = 10.0
    acse_timeout_seconds: Annotated[Seconds, Field(description="How long the answer to an association may take.")] = (
        30.0
    )
    dimse_timeout_seconds: Annotated[Seconds, Field(description="How long the answer to an object may take.")] = 60.0
    network_timeout_seconds: Annotated[Seconds, Field(description="How long the peer may take no data.")] = 60.0

    @model_validator(mode="after")
    def _can_be_called(self) -> Self:
        if self.kind == "dicom":
            if not is_ae_title(self.ae_title):
                raise PydanticCustomError(_AE_TITLE, _AE_TITLE)
            if not self.host or not self.port:
                raise PydanticCustomError(_HOST_AND_PORT, _HOST_AND_PORT)
        return self


class ProfileSettings(_Section):
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


class Settings(_Section):
    """The whole configuration. Sections of parts that are not in this version are taken as they are."""

    data_dir: Annotated[Path, Field(description="Where tolmach keeps what it holds.")] = Path("./tolmach-data")
    language: Annotated[Literal["ru", "uk", "en"] | None, Field(description="Language of messages.")] = None
    dicom: DicomSettings = DicomSettings()
    peer: tuple[PeerSettings, ...] = ()
    profile: tuple[ProfileSettings, ...] = ()
    database: Annotated[str, Field(description="Not used by this version.")] = "sqlite"
    objects: Annotated[str, Field(description="Not used by this version.")] = "folder"
    http: Annotated[dict[str, Any], Field(description="Not used by this version.")] = {}
    hl7: Annotated[dict[str, Any], Field(description="Not used by this version.")] = {}
    archive: Annotated[dict[str, Any], Field(description="Not used by this version.")] = {}
    watch: Annotated[Tables, Field(description="Not used by this version.")] = ()
    route: Annotated[Tables, Field(description="Not used by this version.")] = ()
    legacy: Annotated[Tables, Field(description="Not used by this version.")] = ()
    hl7_sender: Annotated[Tables, Field(description="Not used by this version.")] = ()

    @model_validator(mode="after")
    def _names_are_given_once(self) -> Self:
        for named in (self.peer, self.profile):
            names = [one.name for one in named]
            if len(set(names)) < len(names):
                raise PydanticCustomError(_NAMED_TWICE, _NAMED_TWICE)
        return self


_AE_TITLE = N_("an AE title has 1 to 16 English letters, digits or signs")
_HOST_AND_PORT = N_("host and port must be given")
_NAMED_TWICE = N_("two peers or two profiles have the same name")
# What pydantic found, in words that can be translated; what is not here keeps its own.
_WORDS = {
    _AE_TITLE: _AE_TITLE,
    _HOST_AND_PORT: _HOST_AND_PORT,
    _NAMED_TWICE: _NAMED_TWICE,
    "missing": N_("it must be given"),
    "int_parsing": N_("it must be a whole number"),
    "int_type": N_("it must be a whole number"),
    "float_parsing": N_("it must be a number"),
    "float_type": N_("it must be a number"),
    "bool_parsing": N_("it must be true or false"),
    "string_type": N_("it must be a text in quotation marks"),
    "string_too_short": N_("it must not be empty"),
    "greater_than": N_("it must be greater than {gt}"),
    "greater_than_equal": N_("it must be at least {ge}"),
    "less_than_equal": N_("it must be at most {le}"),
    "literal_error": N_("it must be one of {expected}"),
    "tuple_type": N_("it must be a list, as in [[{where}]]"),
    "dict_type": N_("it must be a table"),
    "model_type": N_("it must be a table"),
}


def load_settings(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read the configuration file, if there is one, and put the environment over it.

    Raises `BadConfiguration` naming the key and the nearest known one. Without any file the defaults hold.
    """
    values: dict[str, Any] = {} if path is None else read_toml(path)[1]
    overlaid = _overlay(values, environment)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _explained(error, path, overlaid) from error


def _overlay(values: dict[str, Any], environment: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Put `TOLMACH_DICOM__AE_TITLE`, `TOLMACH_PEER__0__HOST` and the like over the file's values.

    Gives which variable stands behind which key. A number names an entry of a list, or the one behind its last.
    """
    overlaid: dict[tuple[str, ...], str] = {}
    for name, text in sorted(environment.items()):
        if not name.upper().startswith(ENVIRONMENT_PREFIX):
            continue
        keys = tuple(name[len(ENVIRONMENT_PREFIX) :].lower().split("__"))
        table: Any = values
        for key, following in itertools.pairwise(keys):
            table = _inside(table, key, [] if following.isdecimal() else {})
        if isinstance(table, dict):
            table[keys[-1]] = text
        overlaid[keys] = name
    return overlaid


def _inside(table: Any, key: str, new: Any) -> Any:
    """Give what stands under a key or number, made anew where nothing does; None where nothing can."""
    if isinstance(table, dict):
        return table.setdefault(key, new)
    if isinstance(table, list) and key.isdecimal() and int(key) <= len(table):
        if int(key) == len(table):
            table.append(new)
        return table[int(key)]
    return None


def _explained(error: ValidationError, path: Path | None, overlaid: Mapping[tuple[str, ...], str]) -> BadConfiguration:
    """Say the first thing that is wrong, with the nearest known key when one is misspelt."""
    first = error.errors()[0]
    keys = tuple(str(part) for part in first["loc"])
    where = ".".join(keys) or "[[peer]], [[profile]]"
    file = overlaid.get(keys) or path or "TOLMACH_…"
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(keys[-1], _keys_at(first["loc"][:-1]), 1, 0.0)
        return BadConfiguration(UNKNOWN_KEY, file=file, where=where, nearest=near[0] if near else "")
    words, facts = _WORDS.get(first["type"]), {"where": where, **first.get("ctx", {})}
    why = Phrase(words, facts) if words is not None else first["msg"]
    return BadConfiguration(BAD_CONFIGURATION, file=file, where=where, why=why)


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    """Give the keys known at a place of the configuration."""
    names = [str(part) for part in location if isinstance(part, str)]
    models: dict[str, type[_Section]] = {"dicom": DicomSettings, "peer": PeerSettings, "profile": ProfileSettings}
    model = models[names[0]] if names else Settings
    return [field.alias or name for name, field in model.model_fields.items()]


def peer_named(settings: Settings, name: str) -> PeerSettings:
    """Give the peer of that name; raises `BadConfiguration`."""
    for one in settings.peer:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in settings.peer) or Phrase(N_("none"))
    raise BadConfiguration(UNKNOWN_PEER, name=name, known=known)


def address_of(peer: PeerSettings) -> PeerAddress:
    """Give where a DICOM peer is; raises `BadConfiguration` for a peer of another kind."""
    if peer.kind != "dicom":
        raise BadConfiguration(NOT_A_DICOM_PEER, name=peer.name, kind=peer.kind)
    return PeerAddress(parse_ae_title(peer.ae_title), peer.host, peer.port)


def timeouts_of(peer: PeerSettings) -> Timeouts:
    """Give how long this peer may take for what."""
    return Timeouts(
        connect_timeout_seconds=peer.connect_timeout_seconds,
        acse_timeout_seconds=peer.acse_timeout_seconds,
        dimse_timeout_seconds=peer.dimse_timeout_seconds,
        network_timeout_seconds=peer.network_timeout_seconds,
    )
