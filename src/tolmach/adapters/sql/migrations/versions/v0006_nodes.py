"""Nodes that share a database, and whose journeys and watched folders are whose."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add a table and columns; nothing that is there is touched."""
    op.create_table(
        "nodes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_nodes")),
    )
    op.add_column("objects", sa.Column("walker", sa.Text(), nullable=True))
    op.add_column("watches", sa.Column("keeper", sa.Text(), nullable=True))
