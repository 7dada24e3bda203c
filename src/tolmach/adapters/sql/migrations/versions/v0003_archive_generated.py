"""The archive's index: patients, studies, series and instances; who deleted what; whose bytes were removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add tables and columns; what is there is indexed afterwards, in the background."""
    op.create_table(
        "conflicts",
        sa.Column("id", _id(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("object_id", _id(), nullable=True),
        sa.Column("details", sa.Text(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflicts")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_conflicts_kind")),
    )
    op.create_table(
        "deletions",
        sa.Column("id", _id(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletions")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "parts",
        sa.Column("id", _id(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("attributes", sa.Text(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parts")),
        sa.UniqueConstraint("digest", name=op.f("uq_parts_digest")),
    )
    op.create_table(
        "patients",
        sa.Column("id", _id(), nullable=False),
        sa.Column("patient_id", sa.Text(), server_default="", nullable=False),
        sa.Column("issuer", sa.Text(), server_default="", nullable=False),
        sa.Column("scope", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("birth_date", sa.Text(), server_default="", nullable=False),
        sa.Column("attributes", sa.Text(), server_default="{}", nullable=False),
        sa.Column("visible", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_doubtful", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patients")),
    )
    op.create_index(
        "ix_patients_birth_date",
        "patients",
        ["birth_date"],
        unique=False,
        sqlite_where=sa.text("birth_date <> ''"),
        postgresql_where=sa.text("birth_date <> ''"),
    )
    op.create_index("ix_patients_patient_id", "patients", ["patient_id", "issuer", "scope"], unique=False)
    op.create_table(
        "part_counts",
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("entity", _id(), autoincrement=False, nullable=False),
        sa.Column("part", _id(), autoincrement=False, nullable=False),
        sa.Column("instances", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["part"], ["parts.id"], name=op.f("fk_part_counts_part_parts")),
        sa.PrimaryKeyConstraint("level", "entity", "part", name=op.f("pk_part_counts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "patient_names",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("patient", _id(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name=op.f("fk_patient_names_patient_patients")),
        sa.PrimaryKeyConstraint("role", "key", "patient", name=op.f("pk_patient_names")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_patient_names_patient", "patient_names", ["patient"], unique=False)
    op.create_table(
        "studies",
        sa.Column("id", _id(), nullable=False),
        sa.Column("patient", _id(), nullable=False),
        sa.Column("uid", sa.Text(), server_default="", nullable=False),
        sa.Column("date", sa.Text(), server_default="", nullable=False),
        sa.Column("time", sa.Text(), server_default="", nullable=False),
        sa.Column("accession", sa.Text(), server_default="", nullable=False),
        sa.Column("study_id", sa.Text(), server_default="", nullable=False),
        sa.Column("attributes", sa.Text(), server_default="{}", nullable=False),
        sa.Column("visible", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_protected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name=op.f("fk_studies_patient_patients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_studies")),
        sa.UniqueConstraint("patient", "uid", name=op.f("uq_studies_patient")),
    )
    op.create_index(
        "ix_studies_accession",
        "studies",
        ["accession"],
        unique=False,
        sqlite_where=sa.text("accession <> ''"),
        postgresql_where=sa.text("accession <> ''"),
    )
    op.create_index(
        "ix_studies_study_id",
        "studies",
        ["study_id"],
        unique=False,
        sqlite_where=sa.text("study_id <> ''"),
        postgresql_where=sa.text("study_id <> ''"),
    )
    op.create_index("ix_studies_date", "studies", [sa.text("date DESC"), sa.text("time DESC"), "uid"], unique=False)
    op.create_index("ix_studies_uid", "studies", ["uid"], unique=False)
    op.create_table(
        "series",
        sa.Column("id", _id(), nullable=False),
        sa.Column("study", _id(), nullable=False),
        sa.Column("uid", sa.Text(), server_default="", nullable=False),
        sa.Column("modality", sa.Text(), server_default="", nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("attributes", sa.Text(), server_default="{}", nullable=False),
        sa.Column("visible", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sop_classes", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_series_study_studies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint("study", "uid", name=op.f("uq_series_study")),
    )
    op.create_index("ix_series_modality", "series", ["modality", "study"], unique=False)
    op.create_index("ix_series_uid", "series", ["uid"], unique=False)
    op.create_table(
        "instances",
        sa.Column("object_id", _id(), autoincrement=False, nullable=False),
        sa.Column("series", _id(), nullable=False),
        sa.Column("uid", sa.Text(), server_default="", nullable=False),
        sa.Column("sop_class", sa.Text(), server_default="", nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("frames", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("attributes", sa.Text(), server_default="{}", nullable=False),
        sa.Column("patient_part", _id(), nullable=False),
        sa.Column("study_part", _id(), nullable=False),
        sa.Column("series_part", _id(), nullable=False),
        sa.Column("is_visible", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_withdrawn", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("deletion", _id(), nullable=True),
        sa.ForeignKeyConstraint(["deletion"], ["deletions.id"], name=op.f("fk_instances_deletion_deletions")),
        sa.ForeignKeyConstraint(["object_id"], ["objects.id"], name=op.f("fk_instances_object_id_objects")),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name=op.f("fk_instances_series_series")),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_instances")),
    )
    op.create_index(
        "ix_instances_deletion",
        "instances",
        ["deletion"],
        unique=False,
        sqlite_where=sa.text("deletion IS NOT NULL"),
        postgresql_where=sa.text("deletion IS NOT NULL"),
    )
    op.create_index("ix_instances_series", "instances", ["series", "is_visible", "number", "uid"], unique=False)
    op.create_index("ix_instances_uid", "instances", ["uid"], unique=False)
    op.add_column("objects", sa.Column("is_indexed", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("objects", sa.Column("purged_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_objects_purged",
        "objects",
        ["sha256"],
        unique=False,
        sqlite_where=sa.text("purged_at IS NOT NULL"),
        postgresql_where=sa.text("purged_at IS NOT NULL"),
    )
    op.create_index(
        "ix_objects_unindexed",
        "objects",
        ["id"],
        unique=False,
        sqlite_where=sa.text("is_indexed = 0 AND ended_at IS NOT NULL"),
        postgresql_where=sa.text("is_indexed = 0 AND ended_at IS NOT NULL"),
    )
