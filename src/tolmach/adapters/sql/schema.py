"""The tables. Times are microseconds since 1970 in UTC, lists and mappings are JSON, UIDs are text as they came.

Rows of `objects`, `receipts` and `events` are never deleted. Text without a value is empty, never NULL; a time that is
not there is NULL.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

REVISIONS: Final = ("0001", "0002")
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
_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Time = sa.BigInteger


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _number(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=sa.text(str(default)))


def _partial(name: str, *columns: str, where: str) -> sa.Index:
    """Give an index of some rows. Queries must say `where` in the same words, or the planner does not use it."""
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


objects = sa.Table(
    "objects",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    # As it arrived. (sop_instance_uid, sha256) is what makes an arrival a repetition.
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("data_set_offset", sa.BigInteger, nullable=False),
    _text("sop_class_uid"),
    _text("sop_instance_uid"),
    _text("transfer_syntax_uid"),
    _text("entrance"),
    _text("source"),
    _text("ae_title"),
    _text("host"),
    sa.Column("received_at", _Time, nullable=False),
    sa.Column("last_arrived_at", _Time, nullable=False),
    _number("arrivals", 1),
    _number("version", 1),
    # How its journey ended; ended_at is NULL before.
    sa.Column("ended_at", _Time),
    _number("released"),
    # Other sources that brought it meanwhile, each with a journey to come: [[entrance, source, AE title, host], …].
    _text("sources_to_come", "[]"),
    _text("found_sop_class_uid"),
    _text("found_sop_instance_uid"),
    _text("found_transfer_syntax_uid"),
    _text("study_instance_uid"),
    _text("series_instance_uid"),
    _text("character_set", "[]"),
    _text("verdict"),
    # Which code page its text was found to be in, with the confidence and the evidence.
    sa.Column("detected", sa.Text),
    _text("facts", "{}"),
    _text("problems", "[]"),
    sa.Column("quarantine", sa.Text),
    sa.Column("edition_shown", sa.Integer),
    # What audit holds the other tables to: how many lines and editions belong to it.
    _number("lines_expected"),
    _number("editions_expected"),
    # What lists are searched by: SQLite ignores the case of Latin letters alone.
    _text("patient_name_folded"),
    _text("patient_id_folded"),
    _text("patient_keys"),
    # "missing" or "rotten", with the problem.
    _text("flaw"),
    sa.Column("flaw_problem", sa.Text),
    sa.UniqueConstraint("sha256", "sop_instance_uid"),
    sa.Index("ix_objects_sop_instance_uid", "sop_instance_uid", "version"),
    sa.Index("ix_objects_received_at", "received_at"),
    _partial("ix_objects_pending", "id", where="ended_at IS NULL"),
    _partial("ix_objects_sources_to_come", "id", where="sources_to_come <> '[]'"),
    sqlite_autoincrement=True,
)

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("object_id", _Id, primary_key=True, autoincrement=False),
    sa.Column("sha256", sa.Text, nullable=False),
    _text("sop_instance_uid"),
    sa.Column("received_at", _Time, nullable=False),
)
"""What was taken, written with the object and never touched again: what audit counts by.

No foreign key: it must outlive whatever it proves.
"""

editions = sa.Table(
    "editions",
    metadata,
    sa.Column("object_id", _Id, sa.ForeignKey("objects.id"), primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("delta", sa.LargeBinary, nullable=False),
    _text("sop_class_uid"),
    _text("sop_instance_uid"),
    _text("changes", "[]"),
)

STATES: Final = ("queued", "delivered", "held", "quarantined", "deleted")

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("object_id", _Id, sa.ForeignKey("objects.id"), nullable=False),
    # Empty for the line of a quarantined object, which goes nowhere.
    _text("destination"),
    sa.Column("edition", sa.Integer),
    _text("study_instance_uid"),
    _text("sop_instance_uid"),
    sa.Column("state", sa.Text, nullable=False),
    _number("attempts"),
    # When it may be tried; 0: at once; NULL: not by itself. Never NULL for a queued line without stored_at.
    sa.Column("due_at", _Time),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", _Time),
    # The destination said that it stores it, and proof is awaited.
    sa.Column("stored_at", _Time),
    _text("status"),
    sa.Column("proof", sa.Text),
    # The path of the file it was delivered as; NULL where it is no file.
    sa.Column("place", sa.Text),
    sa.Column("problem", sa.Text),
    # Whose word holds or deleted it; empty when nobody's.
    _text("decided_by"),
    sa.Column("queued_at", _Time, nullable=False),
    # Delivered or deleted, then.
    sa.Column("concluded_at", _Time),
    sa.UniqueConstraint("object_id", "destination"),
    sa.ForeignKeyConstraint(["object_id", "edition"], ["editions.object_id", "editions.number"]),
    sa.CheckConstraint("state IN ('queued', 'delivered', 'held', 'quarantined', 'deleted')", name="state"),
    sa.CheckConstraint("due_at IS NULL OR state IN ('queued', 'held')", name="due"),
    sa.CheckConstraint("due_at IS NOT NULL OR stored_at IS NOT NULL OR state <> 'queued'", name="waits"),
    sa.CheckConstraint("(concluded_at IS NOT NULL) = (state IN ('delivered', 'deleted'))", name="concluded"),
    # A claim finds the oldest due line by the first, without a look at the table, and the others of its study by the
    # second. SQLite does not conclude that lease_owner is NULL in them, so the first has it.
    _partial(
        "ix_deliveries_due",
        *("destination", "due_at", "object_id", "study_instance_uid", "lease_owner"),
        where="due_at IS NOT NULL AND lease_owner IS NULL",
    ),
    _partial(
        "ix_deliveries_study",
        *("destination", "study_instance_uid", "object_id", "due_at"),
        where="due_at IS NOT NULL AND lease_owner IS NULL",
    ),
    _partial("ix_deliveries_leased", "destination", "study_instance_uid", where="lease_owner IS NOT NULL"),
    _partial("ix_deliveries_stored", "destination", "stored_at", where="stored_at IS NOT NULL AND state = 'queued'"),
    _partial("ix_deliveries_open", "id", where="concluded_at IS NULL"),
    sqlite_autoincrement=True,
)

destinations = sa.Table(
    "destinations",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    # How many lines were ever enqueued for it: audit holds the lines to it.
    _number("taken"),
    sa.Column("trouble", sa.Text),
    sa.Column("trouble_since", _Time),
    sa.Column("retry_at", _Time),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("at", _Time, nullable=False),
    _text("actor"),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("object_id", _Id),
    sa.Column("delivery_id", _Id),
    _text("destination"),
    _text("details", "{}"),
    _partial("ix_events_object_id", "object_id", where="object_id IS NOT NULL"),
    sqlite_autoincrement=True,
)

commitments = sa.Table(
    "commitments",
    metadata,
    sa.Column("transaction_uid", sa.Text, primary_key=True),
    _text("destination"),
    sa.Column("begun_at", _Time, nullable=False),
    # Answered, or given up because no answer came.
    sa.Column("ended_at", _Time),
    _partial("ix_commitments_open", "destination", "begun_at", where="ended_at IS NULL"),
)

commitment_lines = sa.Table(
    "commitment_lines",
    metadata,
    sa.Column("transaction_uid", sa.Text, sa.ForeignKey("commitments.transaction_uid"), primary_key=True),
    sa.Column("delivery_id", _Id, primary_key=True, autoincrement=False),
)

unknown_peers = sa.Table(
    "unknown_peers",
    metadata,
    sa.Column("ae_title", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, primary_key=True),
    sa.Column("first_seen_at", _Time, nullable=False),
    sa.Column("last_seen_at", _Time, nullable=False),
    _number("times", 1),
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
    _text("sha256"),
    sa.Column("object_id", _Id, sa.ForeignKey("objects.id")),
    # Why it was passed over.
    sa.Column("problem", sa.Text),
    sa.Column("noted_at", _Time, nullable=False),
    # Moved or deleted then, or left where it is for good.
    sa.Column("tidied_at", _Time),
    sa.Column("left_problem", sa.Text),
    _partial("ix_watched_files_untidied", *("watch", "object_id"), where="object_id IS NOT NULL AND tidied_at IS NULL"),
    sqlite_with_rowid=False,
)
"""The state of each file of a watched folder that was dealt with; what became of the objects is not lost with a row."""

watches = sa.Table(
    "watches",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    # What a person has said: live, shadow or paused; empty: as configured. The other is what comes after a pause.
    _text("mode"),
    _text("mode_before"),
    sa.Column("looked_at", _Time),
    sa.Column("last_taken_at", _Time),
    sa.Column("last_path", sa.LargeBinary),
    _number("taken"),
    _number("passed_over"),
    sa.Column("trouble", sa.Text),
    sa.Column("trouble_since", _Time),
)

devices = sa.Table(
    "devices",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    _text("counts", "{}"),
    sa.Column("pinned", sa.Text),
)

alembic_version = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Where alembic keeps the schema's version; alembic makes it, and so do we for a new database."""
