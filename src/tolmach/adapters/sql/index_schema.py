"""The tables of the archive's index: patients, studies, series, and a row for every stored version of an instance.

What they say follows from the objects and their entries, and could be made again from them. The `attributes` of a
patient, study or series are those that most of its visible instances agree on. `visible` counts the instances that are
found; where there is none, nothing is found, and the row stays.
"""

from __future__ import annotations

import sqlalchemy as sa

from tolmach.adapters.sql.schema import Id, Time, metadata, number_column, partial_index, text_column

patients = sa.Table(
    "patients",
    metadata,
    sa.Column("id", Id, primary_key=True),
    # Who it is. Without a patient ID each study has a patient of its own, and `scope` is its UID.
    text_column("patient_id"),
    text_column("issuer"),
    text_column("scope"),
    text_column("name"),
    text_column("birth_date"),
    text_column("attributes", "{}"),
    number_column("visible"),
    # Somebody else has the same patient ID.
    number_column("is_doubtful"),
    sa.Index("ix_patients_patient_id", "patient_id", "issuer", "scope"),
    partial_index("ix_patients_birth_date", "birth_date", where="birth_date <> ''"),
)

patient_names = sa.Table(
    "patient_names",
    metadata,
    # f: key of the family name; o: key of another part; l: a component group as it reads, without case.
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("patient", Id, sa.ForeignKey("patients.id"), primary_key=True, autoincrement=False),
    sa.Index("ix_patient_names_patient", "patient"),
    sqlite_with_rowid=False,
)

studies = sa.Table(
    "studies",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("patient", Id, sa.ForeignKey("patients.id"), nullable=False),
    text_column("uid"),
    # Digits alone, a time with all six, so that their order is that of time.
    text_column("date"),
    text_column("time"),
    text_column("accession"),
    text_column("study_id"),
    text_column("attributes", "{}"),
    number_column("visible"),
    number_column("is_protected"),
    sa.UniqueConstraint("patient", "uid"),
    sa.Index("ix_studies_uid", "uid"),
    sa.Index("ix_studies_date", sa.text("date DESC"), sa.text("time DESC"), "uid"),
    partial_index("ix_studies_accession", "accession", where="accession <> ''"),
    partial_index("ix_studies_study_id", "study_id", where="study_id <> ''"),
)

series = sa.Table(
    "series",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("study", Id, sa.ForeignKey("studies.id"), nullable=False),
    text_column("uid"),
    text_column("modality"),
    # Its number, the highest there is where it has none: then it comes last.
    sa.Column("number", sa.BigInteger, nullable=False),
    text_column("attributes", "{}"),
    number_column("visible"),
    # " 1.2.840… 1.2.840… ": the classes of its visible instances, in order.
    text_column("sop_classes"),
    sa.UniqueConstraint("study", "uid"),
    sa.Index("ix_series_uid", "uid"),
    sa.Index("ix_series_modality", "modality", "study"),
)

instances = sa.Table(
    "instances",
    metadata,
    sa.Column("object_id", Id, sa.ForeignKey("objects.id"), primary_key=True, autoincrement=False),
    sa.Column("series", Id, sa.ForeignKey("series.id"), nullable=False),
    # As they are after the repair.
    text_column("uid"),
    text_column("sop_class"),
    sa.Column("number", sa.BigInteger, nullable=False),
    number_column("frames", 1),
    text_column("attributes", "{}"),
    # What it says of those above it, as (patient, study, series) numbers of `parts`.
    sa.Column("patient_part", Id, nullable=False),
    sa.Column("study_part", Id, nullable=False),
    sa.Column("series_part", Id, nullable=False),
    number_column("is_visible"),
    # Its object waits in quarantine, and is no version that could be shown.
    number_column("is_withdrawn"),
    sa.Column("deletion", Id, sa.ForeignKey("deletions.id")),
    sa.Index("ix_instances_uid", "uid"),
    sa.Index("ix_instances_series", "series", "is_visible", "number", "uid"),
    partial_index("ix_instances_deletion", "deletion", where="deletion IS NOT NULL"),
)

parts = sa.Table(
    "parts",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    text_column("attributes", "{}"),
)
"""What instances say of their patient, study and series: once, however many say the same."""

part_counts = sa.Table(
    "part_counts",
    metadata,
    # p, t or s: patient, study or series.
    sa.Column("level", sa.Text, primary_key=True),
    sa.Column("entity", Id, primary_key=True, autoincrement=False),
    sa.Column("part", Id, sa.ForeignKey("parts.id"), primary_key=True, autoincrement=False),
    number_column("instances"),
    sqlite_with_rowid=False,
)
"""How many visible instances of an entity say what."""

conflicts = sa.Table(
    "conflicts",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Column("object_id", Id),
    text_column("details", "{}"),
    sa.UniqueConstraint("kind", "key"),
)

deletions = sa.Table(
    "deletions",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("at", Time, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("uid", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
"""Who deleted what, and why; a row stays when everything of it was restored or purged."""
