"""The table of Storage Commitment requests that modalities made of us, and that still wait for our answer."""

from __future__ import annotations

import sqlalchemy as sa

from tolmach.adapters.sql.schema import Id, Time, metadata, number_column, partial_index

UNANSWERED = "answered_at IS NULL"

commitment_requests = sa.Table(
    "commitment_requests",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("peer", sa.Text, nullable=False),
    sa.Column("transaction_uid", sa.Text, nullable=False),
    # Pairs of SOP class and instance, and the failure reasons in the same order.
    sa.Column("reference_pairs", sa.Text, nullable=False),
    sa.Column("reasons", sa.Text),
    sa.Column("asked_at", Time, nullable=False),
    number_column("attempts"),
    sa.Column("due_at", Time, nullable=False),
    sa.Column("answered_at", Time),
    sa.UniqueConstraint("peer", "transaction_uid"),
    partial_index("ix_commitment_requests_due", "due_at", where=UNANSWERED),
    sqlite_autoincrement=True,
)
