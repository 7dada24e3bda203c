"""The desktop's own peers: `[[peer]]` tables in a file of their own, beside the user's configuration.

A configuration written by hand is never rewritten; whoever wants these peers there can copy the tables over.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tolmach.adapters.folder import write_file
from tolmach.apps.configuration import read_toml
from tolmach.apps.faults import BAD_CONFIGURATION, BadConfiguration
from tolmach.apps.sections import PeerSettings
from tolmach.apps.toml_text import comment, setting
from tolmach.base import TolmachError

FILE_NAME = "desktop-peers.toml"
_HEAD = "Peers added in the desktop program, which writes this file. The tables may be copied into tolmach.toml."


def load_peers(folder: Path) -> tuple[list[PeerSettings], TolmachError | None]:
    """Give the peers that can be used, and what is wrong with the first that cannot."""
    file = folder / FILE_NAME
    if not file.is_file():
        return [], None
    try:
        _, values = read_toml(file)
    except TolmachError as error:
        return [], error
    tables = values.get("peer", [])
    peers: list[PeerSettings] = []
    trouble: TolmachError | None = None
    for number, table in enumerate(tables if isinstance(tables, list) else [], 1):
        try:
            peers.append(PeerSettings.model_validate(table))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(("peer", str(number), *(str(part) for part in first["loc"])))
            trouble = trouble or BadConfiguration(BAD_CONFIGURATION, file=file, where=where, why=first["msg"])
    return peers, trouble


def peers_as_toml(peers: Sequence[PeerSettings]) -> str:
    """Give the file's text: only what differs from the defaults is written."""
    parts = [comment(_HEAD), ""]
    for peer in peers:
        parts.append("[[peer]]")
        values: dict[str, Any] = peer.model_dump(exclude_defaults=True)
        parts += [setting(key, value) for key, value in values.items()]
        parts.append("")
    return "\n".join(parts)


def save_peers(folder: Path, peers: Sequence[PeerSettings]) -> None:
    """Write the file, readable by its owner alone; raises what writing files raises."""
    file = folder / FILE_NAME
    folder.mkdir(parents=True, exist_ok=True)
    write_file(file, [peers_as_toml(peers).encode("utf-8")], replace=True)
    file.chmod(0o600)
