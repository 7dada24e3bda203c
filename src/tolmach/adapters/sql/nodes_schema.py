"""The nodes that share a database: processes of `tolmach serve`, each with the time of its last sign of life."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from tolmach.adapters.sql.schema import Time, metadata

ALIVE: Final = timedelta(seconds=12)
"""Whoever has been silent for longer is dead: what he had claimed is claimed by others."""

nodes = sa.Table(
    "nodes",
    metadata,
    # Host, process and a random number: never used twice.
    sa.Column("name", sa.Text, primary_key=True),
    # Host and data folder, which one process at a time has locked.
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("begun_at", Time, nullable=False),
    sa.Column("seen_at", Time, nullable=False),
)
"""By the clock of the database. Leases belong to a node: when it has been silent for too long, they have ended."""
