"""The table of tokens: who may come in by HTTP. Only hashes are kept; a token itself is shown once, when it is made."""

from __future__ import annotations

import sqlalchemy as sa

from tolmach.adapters.sql.schema import Id, Time, metadata, partial_index, text_column

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    # SHA-256 of the token, hex: 256 random bits need no slow hash.
    sa.Column("hash", sa.Text, nullable=False),
    text_column("made_by"),
    sa.Column("made_at", Time, nullable=False),
    sa.Column("expires_at", Time, nullable=False),
    sa.Column("revoked_at", Time),
    sa.Column("used_at", Time),
    sa.UniqueConstraint("hash"),
    # Of the tokens that are valid each has a name of its own; a revoked one's may be given again.
    partial_index("ix_tokens_name", "name", where="revoked_at IS NULL"),
    sqlite_autoincrement=True,
)
