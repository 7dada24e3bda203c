"""The configuration `tolmach init` writes: every setting with its description, those that need a value commented out.

It is made from the settings' own schema, so that it cannot fall behind.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tolmach.adapters.folder import write_file
from tolmach.apps.settings import DicomSettings, PeerSettings, ProfileSettings, Settings

_EXAMPLES: dict[str, Any] = {
    "name": "pacs",
    "ae_title": "PACS",
    "host": "10.0.0.5",
    "port": 104,
    "text": "utf-8",
    "language": "uk",
}
_RULE = """
# [[profile.rule]]                          # when all conditions hold, do this in order
# when = { Modality = "DX", PatientID = { matches = "^0" } }
# do = [ { set = "InstitutionName", value = "…" }, { replace = "PatientID", pattern = "^0+", with = "" } ]
"""


def write_sample(file: Path) -> None:
    """Write the sample; raises `FileProblem` when something else is there already."""
    write_file(file, [sample().encode("utf-8")])


def sample() -> str:
    """Give the text of a configuration in which only the defaults are set."""
    parts = [
        "# The configuration of tolmach. Lines that begin with # are comments; take the # away to use a setting.\n",
        _table(Settings, commented=False),
        "\n[dicom]\n",
        _table(DicomSettings, commented=False),
        "\n# [[peer]]                                # one for each destination\n",
        _table(PeerSettings, commented=True),
        "\n# [[profile]]                             # use it with --profile\n",
        _table(ProfileSettings, commented=True),
        _RULE,
    ]
    return "".join(parts)


def _table(model: type[BaseModel], *, commented: bool) -> str:
    lines = []
    for name, field in model.model_fields.items():
        if not field.description:
            continue  # a table of its own, written apart
        value, is_example = _value(name, field)
        if isinstance(value, tuple):
            continue
        assignment = f"{field.alias or name} = {_toml(value)}"
        mark = "# " if commented or is_example else ""
        lines.append(f"{mark}{assignment:<40} # {field.description}\n")
    return "".join(lines)


def _value(name: str, field: FieldInfo) -> tuple[Any, bool]:
    """Give the default, or an example where there is none."""
    if field.default is PydanticUndefined or field.default is None:
        return _EXAMPLES.get(name, ""), True
    return field.default, False


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return '"' + str(value.value if isinstance(value, Enum) else value).replace("\\", "/") + '"'
