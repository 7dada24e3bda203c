"""The configuration: one schema, from which the TOML file, the environment and the reference are understood.

./tolmach.toml, or the user's configuration folder, or --config FILE; every key also as TOLMACH_SECTION__KEY.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tolmach.adapters.dimse import PeerAddress, parse_ae_title
from tolmach.apps.configuration import ENVIRONMENT_PREFIX
from tolmach.apps.faults import (
    BAD_CONFIGURATION,
    NO_CONFIGURATION,
    UNKNOWN_KEY,
    UNKNOWN_PEER,
    BadConfiguration,
)
from tolmach.repair.profile import CodeStrings, Unsure


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DicomSettings(_Section):
    """Our own end of DICOM associations."""

    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on.")] = 11112
    ae_title: Annotated[str, Field(description="Our AE title, calling and called.")] = "TOLMACH"


class PeerSettings(_Section):
    """Somebody we call by name."""

    name: Annotated[str, Field(min_length=1, description="The name used on the command line and in routes.")]
    ae_title: Annotated[str, Field(description="The AE title the peer listens to.")]
    host: Annotated[str, Field(min_length=1, description="Host name or address.")]
    port: Annotated[int, Field(ge=1, le=65535, description="Port the peer listens on.")]
    text: Annotated[str | None, Field(description="What this peer can read; absent: repaired text in UTF-8.")] = None
    proof: Annotated[Literal["response"], Field(description="What counts as delivered.")] = "response"
    associations: Annotated[int, Field(ge=1, le=32, description="How many associations at once.")] = 1
    kind: Annotated[Literal["dicom"], Field(description="How the peer is reached.")] = "dicom"


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
    rule: Annotated[tuple[dict[str, Any], ...], Field(description="Rules, in order.")] = ()


class Settings(_Section):
    """The whole configuration."""

    data_dir: Annotated[Path, Field(description="Where tolmach keeps what it holds.")] = Path("./tolmach-data")
    language: Annotated[Literal["ru", "uk", "en"] | None, Field(description="Language of messages.")] = None
    dicom: DicomSettings = DicomSettings()
    peer: tuple[PeerSettings, ...] = ()
    profile: tuple[ProfileSettings, ...] = ()


def load_settings(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read the configuration file, if there is one, and put the environment over it.

    Raises `BadConfiguration` naming the key and the nearest known one. Without any file the defaults hold.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise BadConfiguration(NO_CONFIGURATION, file=path, why=error) from error
    _overlay(values, environment)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _explained(error, path) from error


def _overlay(values: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Put `TOLMACH_DICOM__AE_TITLE` and the like over the file's values."""
    for name, text in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        keys = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        table = values
        for key in keys[:-1]:
            inner = table.setdefault(key, {})
            if not isinstance(inner, dict):
                break
            table = inner
        else:
            table[keys[-1]] = text


def _explained(error: ValidationError, path: Path | None) -> BadConfiguration:
    """Say the first thing that is wrong, with the nearest known key when one is misspelt."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    file = path or "TOLMACH_…"
    if first["type"] == "extra_forbidden":
        known = _keys_at(first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, 1, 0.0)
        return BadConfiguration(UNKNOWN_KEY, file=file, where=where, nearest=near[0] if near else "")
    return BadConfiguration(BAD_CONFIGURATION, file=file, where=where, why=first["msg"])


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
    known = ", ".join(one.name for one in settings.peer) or "-"
    raise BadConfiguration(UNKNOWN_PEER, name=name, known=known)


def address_of(peer: PeerSettings) -> PeerAddress:
    """Give where a peer is; raises `BadAddress` for an impossible AE title."""
    return PeerAddress(parse_ae_title(peer.ae_title), peer.host, peer.port)
