"""Watched folders and their files; where a delivered file lies; in which code page a text was found to be, and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add tables and columns; nothing that is there is touched."""
    op.create_table(
        "watched_files",
        sa.Column("watch", sa.Text(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("inode", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified_ns", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), server_default="", nullable=False),
        sa.Column("object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.Column("tidied_at", sa.BigInteger(), nullable=True),
        sa.Column("left_problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["object_id"], ["objects.id"], name=op.f("fk_watched_files_object_id_objects")),
        sa.PrimaryKeyConstraint("watch", "path", name=op.f("pk_watched_files")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_watched_files_untidied",
        "watched_files",
        ["watch", "object_id"],
        unique=False,
        sqlite_where=sa.text("object_id IS NOT NULL AND tidied_at IS NULL"),
        postgresql_where=sa.text("object_id IS NOT NULL AND tidied_at IS NULL"),
    )
    op.create_table(
        "watches",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), server_default="", nullable=False),
        sa.Column("mode_before", sa.Text(), server_default="", nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_taken_at", sa.BigInteger(), nullable=True),
        sa.Column("last_path", sa.LargeBinary(), nullable=True),
        sa.Column("taken", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("passed_over", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("trouble_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_watches")),
    )
    op.add_column("objects", sa.Column("detected", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("place", sa.Text(), nullable=True))
