"""The configuration `tolmach init` writes: every setting with its description, those that need a value commented out.

It is made from the settings' own schema, so that it cannot fall behind.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tolmach.adapters.folder import FileProblem, write_file
from tolmach.adapters.folder.faults import ALREADY_THERE
from tolmach.apps.faults import CONFIGURATION_THERE
from tolmach.apps.gateway.http_settings import HttpSettings
from tolmach.apps.sections import (
    ArchiveSettings,
    DeliverySettings,
    DicomSettings,
    NoticeSettings,
    PeerSettings,
    ProfileSettings,
    RouteSettings,
    Settings,
    StorageSettings,
    TlsSettings,
    WatchSettings,
)

# What stands in the place of a default that is absent or empty.
_EXAMPLES: dict[str, Any] = {
    "ae_title": "PACS",
    "host": "10.0.0.5",
    "port": 104,
    "rights": ("echo", "store"),
    "text": "utf-8",
    "language": "uk",
    "url": "https://10.0.0.5/dicom-web",
    "folder": Path("D:/Archive"),
    "token": "…",
    "user": "tolmach",
    "password": "…",
    "window": "20:00-06:00",
    "objects_per_second": 20.0,
    "tls_port": 2762,
    "certificate": Path("tolmach.crt"),
    "key": Path("tolmach.key"),
    "ca": Path("authorities.crt"),
    "reserve": "5%",
    "when": {"Modality": "CT"},
    "profile": "xray-1",
    "to": ("pacs",),
    "ignore": ("*.tmp", "~*"),
    "extensions": (".dcm", ".dic", ""),
    "ignore_larger": 2_000_000_000,
    "ignore_smaller": 132,
    "ignore_older_days": 30.0,
    "scan_seconds": 10.0,
    "settle_seconds": 2.0,
    "patience_seconds": 600.0,
    "export_folder": Path("D:/Repaired"),
    "move_to": Path("D:/Done"),
    "allowed_hosts": ("tolmach.example.org",),
    "public_url": "https://tolmach.example.org",
    "probe_addresses": ("10.0.0.9",),
    "silent_after_hours": 12.0,
    "smtp_host": "mail.example.org",
    "smtp_user": "tolmach",
    "smtp_password": "…",
    "mail_from": "tolmach@example.org",
    "mail_to": ("radiology@example.org",),
    "webhook_url": "https://example.org/notices",
    "webhook_token": "…",
}
# What is another example in one table than in the others.
_OWN_EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    PeerSettings: {"name": "pacs"},
    ProfileSettings: {"name": "xray-1"},
    WatchSettings: {"name": "room-1", "folder": Path("D:/Export")},
}
_RULE = """
# [[profile.rule]]                          # when all conditions hold, do this in order
# when = { Modality = "DX", PatientID = { matches = "^0" } }
# do = [ { set = "InstitutionName", value = "…" }, { replace = "PatientID", pattern = "^0+", with = "" } ]
"""


def write_sample(file: Path) -> None:
    """Write the sample, for its owner alone: passwords may come in. Raises `FileProblem` when something is there."""
    try:
        write_file(file, [sample().encode("utf-8")], is_private=True)
    except FileProblem as error:
        if error.problem.fault is not ALREADY_THERE:
            raise
        raise FileProblem(CONFIGURATION_THERE, file=file) from error


def sample() -> str:
    """Give the text of a configuration in which only the defaults are set."""
    parts = [
        "# The configuration of tolmach. Lines that begin with # are comments; take the # away to use a setting.\n",
        _table(Settings, commented=False),
        "\n[dicom]\n",
        _table(DicomSettings, commented=False),
        "\n# [dicom.tls]                             # only with tls_port, or for peers with tls\n",
        _table(TlsSettings, commented=True),
        "\n[delivery]\n",
        _table(DeliverySettings, commented=False),
        "\n[storage]\n",
        _table(StorageSettings, commented=False),
        "\n[archive]\n",
        _table(ArchiveSettings, commented=False),
        "\n[http]\n",
        _table(HttpSettings, commented=False),
        "\n# [[peer]]                                # one for each destination, and for each who may call\n",
        _table(PeerSettings, commented=True),
        "\n# [[profile]]                             # use it with --profile\n",
        _table(ProfileSettings, commented=True),
        _RULE,
        "\n# [[route]]                               # for objects that arrive while `tolmach serve` runs\n",
        _table(RouteSettings, commented=True),
        "\n# [[watch]]                               # one for each folder that images are taken from\n",
        _table(WatchSettings, commented=True),
        "\n# [notice]                                # tell somebody when something is stuck\n",
        _table(NoticeSettings, commented=True),
    ]
    return "".join(parts)


def _table(model: type[BaseModel], *, commented: bool) -> str:
    lines = []
    for name, field in model.model_fields.items():
        value, is_example = _value(model, name, field)
        if not field.description or value in ((), {}) or isinstance(value, BaseModel):
            continue  # a table of its own, written apart
        assignment = f"{field.alias or name} = {_toml(value)}"
        mark = "# " if commented or is_example else ""
        lines.append(f"{mark}{assignment:<40} # {field.description}\n")
    return "".join(lines)


def _value(model: type[BaseModel], name: str, field: FieldInfo) -> tuple[Any, bool]:
    """Give the default, or an example where there is none."""
    example = _OWN_EXAMPLES.get(model, {}).get(name, _EXAMPLES.get(name))
    if field.default is PydanticUndefined or (not field.default and example is not None):
        return example, True
    return field.default, False


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(one)}' for key, one in value.items())} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    # What JSON writes for a text, TOML reads as the same text.
    return json.dumps(value.as_posix() if isinstance(value, Path) else str(value), ensure_ascii=False)
