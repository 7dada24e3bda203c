"""The first tables, as alembic generated them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "commitments",
        sa.Column("transaction_uid", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), server_default="", nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("transaction_uid", name=op.f("pk_commitments")),
    )
    op.create_index(
        "ix_commitments_open",
        "commitments",
        ["destination", "begun_at"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "destinations",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("taken", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("trouble_since", sa.BigInteger(), nullable=True),
        sa.Column("retry_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_destinations")),
    )
    op.create_table(
        "devices",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), server_default="{}", nullable=False),
        sa.Column("pinned", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_devices")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("destination", sa.Text(), server_default="", nullable=False),
        sa.Column("details", sa.Text(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_events_object_id",
        "events",
        ["object_id"],
        unique=False,
        sqlite_where=sa.text("object_id IS NOT NULL"),
        postgresql_where=sa.text("object_id IS NOT NULL"),
    )
    op.create_table(
        "objects",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data_set_offset", sa.BigInteger(), nullable=False),
        sa.Column("sop_class_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("sop_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("transfer_syntax_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("entrance", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("ae_title", sa.Text(), server_default="", nullable=False),
        sa.Column("host", sa.Text(), server_default="", nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("last_arrived_at", sa.BigInteger(), nullable=False),
        sa.Column("arrivals", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("released", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sources_to_come", sa.Text(), server_default="[]", nullable=False),
        sa.Column("found_sop_class_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("found_sop_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("found_transfer_syntax_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("study_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("series_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("character_set", sa.Text(), server_default="[]", nullable=False),
        sa.Column("verdict", sa.Text(), server_default="", nullable=False),
        sa.Column("facts", sa.Text(), server_default="{}", nullable=False),
        sa.Column("problems", sa.Text(), server_default="[]", nullable=False),
        sa.Column("quarantine", sa.Text(), nullable=True),
        sa.Column("edition_shown", sa.Integer(), nullable=True),
        sa.Column("lines_expected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("editions_expected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("patient_name_folded", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_id_folded", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_keys", sa.Text(), server_default="", nullable=False),
        sa.Column("flaw", sa.Text(), server_default="", nullable=False),
        sa.Column("flaw_problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objects")),
        sa.UniqueConstraint("sha256", "sop_instance_uid", name=op.f("uq_objects_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_objects_pending",
        "objects",
        ["id"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_objects_received_at", "objects", ["received_at"], unique=False)
    op.create_index(
        "ix_objects_sources_to_come",
        "objects",
        ["id"],
        unique=False,
        sqlite_where=sa.text("sources_to_come <> '[]'"),
        postgresql_where=sa.text("sources_to_come <> '[]'"),
    )
    op.create_index("ix_objects_sop_instance_uid", "objects", ["sop_instance_uid", "version"], unique=False)
    op.create_table(
        "receipts",
        sa.Column(
            "object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("sop_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_receipts")),
    )
    op.create_table(
        "unknown_peers",
        sa.Column("ae_title", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("ae_title", "host", name=op.f("pk_unknown_peers")),
    )
    op.create_table(
        "commitment_lines",
        sa.Column("transaction_uid", sa.Text(), nullable=False),
        sa.Column(
            "delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["transaction_uid"],
            ["commitments.transaction_uid"],
            name=op.f("fk_commitment_lines_transaction_uid_commitments"),
        ),
        sa.PrimaryKeyConstraint("transaction_uid", "delivery_id", name=op.f("pk_commitment_lines")),
    )
    op.create_table(
        "editions",
        sa.Column(
            "object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("delta", sa.LargeBinary(), nullable=False),
        sa.Column("sop_class_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("sop_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("changes", sa.Text(), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["objects.id"], name=op.f("fk_editions_object_id_objects")),
        sa.PrimaryKeyConstraint("object_id", "number", name=op.f("pk_editions")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("destination", sa.Text(), server_default="", nullable=False),
        sa.Column("edition", sa.Integer(), nullable=True),
        sa.Column("study_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("sop_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("stored_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="", nullable=False),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), server_default="", nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("concluded_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(concluded_at IS NOT NULL) = (state IN ('delivered', 'deleted'))", name=op.f("ck_deliveries_concluded")
        ),
        sa.CheckConstraint(
            "due_at IS NOT NULL OR stored_at IS NOT NULL OR state <> 'queued'", name=op.f("ck_deliveries_waits")
        ),
        sa.CheckConstraint("due_at IS NULL OR state IN ('queued', 'held')", name=op.f("ck_deliveries_due")),
        sa.CheckConstraint(
            "state IN ('queued', 'delivered', 'held', 'quarantined', 'deleted')", name=op.f("ck_deliveries_state")
        ),
        sa.ForeignKeyConstraint(
            ["object_id", "edition"],
            ["editions.object_id", "editions.number"],
            name=op.f("fk_deliveries_object_id_editions"),
        ),
        sa.ForeignKeyConstraint(["object_id"], ["objects.id"], name=op.f("fk_deliveries_object_id_objects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("object_id", "destination", name=op.f("uq_deliveries_object_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["destination", "due_at", "object_id", "study_instance_uid", "lease_owner"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL AND lease_owner IS NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL AND lease_owner IS NULL"),
    )
    op.create_index(
        "ix_deliveries_leased",
        "deliveries",
        ["destination", "study_instance_uid"],
        unique=False,
        sqlite_where=sa.text("lease_owner IS NOT NULL"),
        postgresql_where=sa.text("lease_owner IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_open",
        "deliveries",
        ["id"],
        unique=False,
        sqlite_where=sa.text("concluded_at IS NULL"),
        postgresql_where=sa.text("concluded_at IS NULL"),
    )
    op.create_index(
        "ix_deliveries_stored",
        "deliveries",
        ["destination", "stored_at"],
        unique=False,
        sqlite_where=sa.text("stored_at IS NOT NULL AND state = 'queued'"),
        postgresql_where=sa.text("stored_at IS NOT NULL AND state = 'queued'"),
    )
    op.create_index(
        "ix_deliveries_study",
        "deliveries",
        ["destination", "study_instance_uid", "object_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL AND lease_owner IS NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL AND lease_owner IS NULL"),
    )
