"""The configuration: one schema, from which the TOML file, the environment and the reference are understood.

./tolmach.toml, or the user's configuration folder, or --config FILE; every key also as TOLMACH_SECTION__KEY.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tolmach.adapters.dimse import PeerAddress, Timeouts, parse_ae_title
from tolmach.apps import consistency, sections
from tolmach.apps.configuration import ENVIRONMENT_PREFIX, TEST_PREFIX, read_toml
from tolmach.apps.faults import (
    BAD_CONFIGURATION,
    NOT_A_DICOM_PEER,
    UNKNOWN_KEY,
    UNKNOWN_PEER,
    BadConfiguration,
)
from tolmach.apps.sections import PeerSettings, Settings
from tolmach.base import N_, Phrase

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_WITH_SECRETS = {"url", "token", "password", "database", "smtp_password", "webhook_url", "webhook_token"}
# What pydantic found, in words that can be translated; what is not here keeps its own.
_WORDS = {
    **{words: words for words in consistency.OWN_WORDS},
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
    return settings_from({} if path is None else read_toml(path)[1], environment, path)


def settings_from(values: dict[str, Any], environment: Mapping[str, str], path: Path | None) -> Settings:
    """Understand the values of a configuration, which are changed by it; `path` is the file they stand in, or will.

    Raises `BadConfiguration` as `load_settings` does.
    """
    overlaid = _overlay(values, environment)
    _fill_in(values, environment, path)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _explained(error, path, overlaid) from error


def _fill_in(values: dict[str, Any], environment: Mapping[str, str], path: Path | None) -> None:
    """Put variables of the environment in the place of `${NAME}` where secrets may stand: secrets stay out of files.

    Raises `BadConfiguration` for a variable that is not there.
    """
    peers = values.get("peer")
    among = [values, values.get("notice"), *(peers if isinstance(peers, list) else ())]
    tables = [one for one in among if isinstance(one, dict)]
    for table in tables:
        for key in _WITH_SECRETS & table.keys():
            for name in _VARIABLE.findall(str(table[key])):
                if name not in environment:
                    why = Phrase(N_("the variable {name} is not set"), {"name": name})
                    raise BadConfiguration(BAD_CONFIGURATION, file=path or "TOLMACH_…", where=key, why=why)
                table[key] = table[key].replace(f"${{{name}}}", environment[name])


def _overlay(values: dict[str, Any], environment: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Put `TOLMACH_DICOM__AE_TITLE`, `TOLMACH_PEER__0__HOST` and the like over the file's values.

    Gives which variable stands behind which key. A number names an entry of a list, or the one behind its last.
    """
    overlaid: dict[tuple[str, ...], str] = {}
    for name, text in sorted(environment.items()):
        if not name.upper().startswith(ENVIRONMENT_PREFIX) or name.upper().startswith(TEST_PREFIX):
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
    context = first.get("ctx", {})
    where = context.get("where") or ".".join(keys)
    file = overlaid.get(keys) or path or "TOLMACH_…"
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(keys[-1], _keys_at(first["loc"][:-1]), 1, 0.0)
        return BadConfiguration(UNKNOWN_KEY, file=file, where=where, nearest=near[0] if near else "")
    return BadConfiguration(BAD_CONFIGURATION, file=file, where=where, why=objection_of(first, where))


def objection_of(error: ErrorDetails, where: str) -> Phrase | str:
    """Give what the schema found wrong with one setting, in words that can be translated where there are any."""
    words, facts = _WORDS.get(error["type"]), {"where": where, **error.get("ctx", {})}
    return Phrase(words, facts) if words is not None else error["msg"]


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    """Give the keys known at a place of the configuration."""
    names = [str(part) for part in location if isinstance(part, str)]
    model = sections.MODELS[names[-1]] if names else Settings
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
