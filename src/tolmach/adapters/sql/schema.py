"""The tables. Times are microseconds since 1970 in UTC, lists and mappings are JSON, UIDs are text as they came.

Rows of `objects`, `receipts` and `events` are never deleted. Text without a value is empty, never NULL; a time that is
not there is NULL.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Every version of the schema this program knows, oldest first; the last is the one it works with."""

CONVENTION: Final = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=CONVENTION)

# SQLite numbers rows by itself only where the type is plainly INTEGER.
Id: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time: Final = sa.BigInteger


def text_column(name: str, default: str = "") -> sa.Column[str]:
    """Give a column of text that is empty, never NULL, where there is none."""
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def number_column(name: str, default: int = 0) -> sa.Column[int]:
    """Give a column of a number that is never NULL."""
    return sa.Column(name, sa.Integer, nullable=False, server_default=sa.text(str(default)))


def partial_index(name: str, *columns: str, where: str) -> sa.Index:
    """Give an index of some rows. Queries must say `where` in the same words, or the planner does not use it."""
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


objects = sa.Table(
    "objects",
    metadata,
    sa.Column("id", Id, primary_key=True),
    # As it arrived. (sop_instance_uid, sha256) is what makes an arrival a repetition.
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("data_set_offset", sa.BigInteger, nullable=False),
    text_column("sop_class_uid"),
    text_column("sop_instance_uid"),
    text_column("transfer_syntax_uid"),
    text_column("entrance"),
    text_column("source"),
    text_column("ae_title"),
    text_column("host"),
    sa.Column("received_at", Time, nullable=False),
    sa.Column("last_arrived_at", Time, nullable=False),
    number_column("arrivals", 1),
    number_column("version", 1),
    # How its journey ended; ended_at is NULL before.
    sa.Column("ended_at", Time),
    number_column("released"),
    # Other sources that brought it meanwhile, each with a journey to come: [[entrance, source, AE title, host], …].
    text_column("sources_to_come", "[]"),
    text_column("found_sop_class_uid"),
    text_column("found_sop_instance_uid"),
    text_column("found_transfer_syntax_uid"),
    text_column("study_instance_uid"),
    text_column("series_instance_uid"),
    text_column("character_set", "[]"),
    text_column("verdict"),
    # Which code page its text was found to be in, with the confidence and the evidence.
    sa.Column("detected", sa.Text),
    text_column("facts", "{}"),
    text_column("problems", "[]"),
    sa.Column("quarantine", sa.Text),
    sa.Column("edition_shown", sa.Integer),
    # What audit holds the other tables to: how many lines and editions belong to it.
    number_column("lines_expected"),
    number_column("editions_expected"),
    # What lists are searched by: SQLite ignores the case of Latin letters alone.
    text_column("patient_name_folded"),
    text_column("patient_id_folded"),
    text_column("patient_keys"),
    # "missing" or "rotten", with the problem.
    text_column("flaw"),
    sa.Column("flaw_problem", sa.Text),
    # Whether the archive's index has looked at how its journey ended.
    number_column("is_indexed"),
    # When its bytes were removed on purpose, long after somebody had deleted it.
    sa.Column("purged_at", Time),
    # The node that walks its journey; NULL while none does, and where only one could.
    sa.Column("walker", sa.Text),
    sa.UniqueConstraint("sha256", "sop_instance_uid"),
    sa.Index("ix_objects_sop_instance_uid", "sop_instance_uid", "version"),
    sa.Index("ix_objects_received_at", "received_at"),
    partial_index("ix_objects_pending", "id", where="ended_at IS NULL"),
    partial_index("ix_objects_sources_to_come", "id", where="sources_to_come <> '[]'"),
    partial_index("ix_objects_unindexed", "id", where="is_indexed = 0 AND ended_at IS NOT NULL"),
    partial_index("ix_objects_purged", "sha256", where="purged_at IS NOT NULL"),
    sqlite_autoincrement=True,
)

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("object_id", Id, primary_key=True, autoincrement=False),
    sa.Column("sha256", sa.Text, nullable=False),
    text_column("sop_instance_uid"),
    sa.Column("received_at", Time, nullable=False),
)
"""What was taken, written with the object and never touched again: what audit counts by.

No foreign key: it must outlive whatever it proves.
"""

editions = sa.Table(
    "editions",
    metadata,
    sa.Column("object_id", Id, sa.ForeignKey("objects.id"), primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("delta", sa.LargeBinary, nullable=False),
    text_column("sop_class_uid"),
    text_column("sop_instance_uid"),
    text_column("changes", "[]"),
)

STATES: Final = ("queued", "delivered", "held", "quarantined", "deleted")

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("object_id", Id, sa.ForeignKey("objects.id"), nullable=False),
    # Empty for the line of a quarantined object, which goes nowhere.
    text_column("destination"),
    sa.Column("edition", sa.Integer),
    text_column("study_instance_uid"),
    text_column("sop_instance_uid"),
    sa.Column("state", sa.Text, nullable=False),
    number_column("attempts"),
    # When it may be tried; 0: at once; NULL: not by itself. Never NULL for a queued line without stored_at.
    sa.Column("due_at", Time),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", Time),
    # The destination said that it stores it, and proof is awaited.
    sa.Column("stored_at", Time),
    text_column("status"),
    sa.Column("proof", sa.Text),
    # The path of the file it was delivered as; NULL where it is no file.
    sa.Column("place", sa.Text),
    sa.Column("problem", sa.Text),
    # Whose word holds or deleted it; empty when nobody's.
    text_column("decided_by"),
    sa.Column("queued_at", Time, nullable=False),
    # Delivered or deleted, then.
    sa.Column("concluded_at", Time),
    sa.UniqueConstraint("object_id", "destination"),
    sa.ForeignKeyConstraint(["object_id", "edition"], ["editions.object_id", "editions.number"]),
    sa.CheckConstraint("state IN ('queued', 'delivered', 'held', 'quarantined', 'deleted')", name="state"),
    sa.CheckConstraint("due_at IS NULL OR state IN ('queued', 'held')", name="due"),
    sa.CheckConstraint("due_at IS NOT NULL OR stored_at IS NOT NULL OR state <> 'queued'", name="waits"),
    sa.CheckConstraint("(concluded_at IS NOT NULL) = (state IN ('delivered', 'deleted'))", name="concluded"),
    # A claim finds the oldest due line by the first, without a look at the table, and the others of its study by the
    # second. SQLite does not conclude that lease_owner is NULL in them, so the first has it.
    partial_index(
        "ix_deliveries_due",
        *("destination", "due_at", "object_id", "study_instance_uid", "lease_owner"),
        where="due_at IS NOT NULL AND lease_owner IS NULL",
    ),
    partial_index(
        "ix_deliveries_study",
        *("destination", "study_instance_uid", "object_id", "due_at"),
        where="due_at IS NOT NULL AND lease_owner IS NULL",
    ),
    partial_index("ix_deliveries_leased", "destination", "study_instance_uid", where="lease_owner IS NOT NULL"),
    partial_index(
        "ix_deliveries_stored", "destination", "stored_at", where="stored_at IS NOT NULL AND state = 'queued'"
    ),
    partial_index("ix_deliveries_open", "id", where="concluded_at IS NULL"),
    sqlite_autoincrement=True,
)

destinations = sa.Table(
    "destinations",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    # How many lines were ever enqueued for it: audit holds the lines to it.
    number_column("taken"),
    sa.Column("trouble", sa.Text),
    sa.Column("trouble_since", Time),
    sa.Column("retry_at", Time),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("at", Time, nullable=False),
    text_column("actor"),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("object_id", Id),
    sa.Column("delivery_id", Id),
    text_column("destination"),
    text_column("details", "{}"),
    partial_index("ix_events_object_id", "object_id", where="object_id IS NOT NULL"),
    sqlite_autoincrement=True,
)

commitments = sa.Table(
    "commitments",
    metadata,
    sa.Column("transaction_uid", sa.Text, primary_key=True),
    text_column("destination"),
    sa.Column("begun_at", Time, nullable=False),
    # Answered, or given up because no answer came.
    sa.Column("ended_at", Time),
    partial_index("ix_commitments_open", "destination", "begun_at", where="ended_at IS NULL"),
)

commitment_lines = sa.Table(
    "commitment_lines",
    metadata,
    sa.Column("transaction_uid", sa.Text, sa.ForeignKey("commitments.transaction_uid"), primary_key=True),
    sa.Column("delivery_id", Id, primary_key=True, autoincrement=False),
)

unknown_peers = sa.Table(
    "unknown_peers",
    metadata,
    sa.Column("ae_title", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, primary_key=True),
    sa.Column("first_seen_at", Time, nullable=False),
    sa.Column("last_seen_at", Time, nullable=False),
    number_column("times", 1),
)

watched_files = sa.Table(
    "watched_files",
    metadata,
    sa.Column("watch", sa.Text, primary_key=True),
    sa.Column("path", sa.LargeBinary, primary_key=True),
    # Numbers of the file system are text: inodes have 64 bits and more, and clocks may say the year 2500.
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("inode", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("modified_ns", sa.Text, nullable=False),
    text_column("sha256"),
    sa.Column("object_id", Id, sa.ForeignKey("objects.id")),
    # Why it was passed over.
    sa.Column("problem", sa.Text),
    sa.Column("noted_at", Time, nullable=False),
    # Moved or deleted then, or left where it is for good.
    sa.Column("tidied_at", Time),
    sa.Column("left_problem", sa.Text),
    partial_index(
        "ix_watched_files_untidied", *("watch", "object_id"), where="object_id IS NOT NULL AND tidied_at IS NULL"
    ),
    sqlite_with_rowid=False,
)
"""The state of each file of a watched folder that was dealt with; what became of the objects is not lost with a row."""

watches = sa.Table(
    "watches",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    # What a person has said: live, shadow or paused; empty: as configured. The other is what comes after a pause.
    text_column("mode"),
    text_column("mode_before"),
    sa.Column("looked_at", Time),
    sa.Column("last_taken_at", Time),
    sa.Column("last_path", sa.LargeBinary),
    number_column("taken"),
    number_column("passed_over"),
    sa.Column("trouble", sa.Text),
    sa.Column("trouble_since", Time),
    # The node that watches it, among several.
    sa.Column("keeper", sa.Text),
)

devices = sa.Table(
    "devices",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    text_column("counts", "{}"),
    sa.Column("pinned", sa.Text),
)

alembic_version = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Where alembic keeps the schema's version; alembic makes it, and so do we for a new database."""
