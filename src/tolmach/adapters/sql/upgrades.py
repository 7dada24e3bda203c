"""The version of the tables: made new, brought up to date, or refused. Alembic is loaded only when it has work."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from tolmach.adapters.sql import commitment_schema, index_schema, nodes_schema, tokens_schema
from tolmach.adapters.sql.dialect import Dialect
from tolmach.adapters.sql.faults import FOREIGN, IN_USE, NEWER, UPGRADE_FAILED, RecordsUnusable, why
from tolmach.adapters.sql.schema import REVISIONS, alembic_version

MIGRATIONS = Path(__file__).parent / "migrations"


def stored_version(connection: sa.Connection) -> str | None:
    """Give the version of the tables in a database, None for one without any."""
    tables = sa.inspect(connection).get_table_names()
    if alembic_version.name not in tables:
        return "" if tables else None
    return connection.execute(sa.select(alembic_version.c.version_num)).scalar_one_or_none() or ""


def make_current(connection: sa.Connection, dialect: Dialect) -> None:
    """Bring the tables to the version of this program, inside the caller's transaction; safe to repeat.

    Killed half way, the transaction is as if it had never begun. Raises `RecordsUnusable` for tables of a newer program
    or another one, while nodes of an older program work on them, and when a step fails.
    """
    path = dialect.where
    version = stored_version(connection)
    if version == REVISIONS[-1]:
        return
    if version is None:
        # All of them are there once imported.
        assert index_schema.patients.metadata is tokens_schema.tokens.metadata
        assert nodes_schema.nodes.metadata is tokens_schema.tokens.metadata
        assert commitment_schema.commitment_requests.metadata is tokens_schema.tokens.metadata
        tokens_schema.tokens.metadata.create_all(connection)
        alembic_version.create(connection)
        connection.execute(alembic_version.insert().values(version_num=REVISIONS[-1]))
        dialect.tables_made(connection)
        return
    if version == "":
        raise RecordsUnusable(FOREIGN, path=path)
    if version not in REVISIONS:
        raise RecordsUnusable(NEWER, path=path, version=version, known=REVISIONS[-1])
    if living := _living(connection, dialect):
        raise RecordsUnusable(IN_USE, path=path, version=version, known=REVISIONS[-1], nodes=", ".join(living))
    try:
        migrate(connection, REVISIONS[-1])
        dialect.tables_made(connection)
    except SQLAlchemyError as error:
        raise RecordsUnusable(
            UPGRADE_FAILED, path=path, version=version, known=REVISIONS[-1], why=why(error)
        ) from error


def _living(connection: sa.Connection, dialect: Dialect) -> list[str]:
    """Give the places of nodes that give signs of life: they know nothing of newer tables."""
    nodes = nodes_schema.nodes
    if not dialect.node or nodes.name not in sa.inspect(connection).get_table_names():
        return []
    since = (dialect.now(connection) or 0) - nodes_schema.ALIVE // timedelta(microseconds=1)
    return list(
        connection.execute(sa.select(nodes.c.place).where(nodes.c.seen_at > since).order_by(nodes.c.place)).scalars()
    )


def migrate(connection: sa.Connection, target: str) -> None:
    """Carry out the migrations from the stored version up to the target, inside the caller's transaction."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS / "versions")])

    def steps(heads: tuple[str, ...], _: MigrationContext) -> list[RevisionStep]:
        revisions = list(scripts.iterate_revisions(target, heads[0] if heads else "base"))
        return [MigrationStep.upgrade_from_script(scripts.revision_map, one) for one in reversed(revisions)]

    context = MigrationContext.configure(connection, opts={"fn": steps})
    with Operations.context(context):
        context.run_migrations()
