"""How records stand, looked at without changing them: opening them would bring their tables up to date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from tolmach.adapters.sql import postgres, sqlite
from tolmach.adapters.sql.engine import FILE_NAME, Database
from tolmach.adapters.sql.faults import FOREIGN, NEWER, RecordsUnusable, needing_operator
from tolmach.adapters.sql.schema import REVISIONS, events
from tolmach.adapters.sql.stored import moment, moment_or_none
from tolmach.adapters.sql.upgrades import stored_version
from tolmach.intake.faults import RecordsTrouble

_LAST_EVENT: Final = sa.select(events.c.at).order_by(events.c.id.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Standing:
    """Records that are there: the version of their tables, the newest known here, and what their clocks say.

    `last_event_at` is when something was noted last, `clock` what the server's own clock says, where there is one.
    """

    where: str
    version: str
    known: str
    last_event_at: datetime | None
    clock: datetime | None

    @property
    def is_older(self) -> bool:
        """Whether the next start changes the tables."""
        return self.version != self.known


def standing_of(data_dir: Path, database: str) -> Standing | None:
    """Look at the records of a data folder or a server, None where there are none yet; may be repeated.

    Raises `RecordsUnusable` for tables of a newer program or another one and for a damaged file, `RecordsTrouble` when
    it may go better next time.
    """
    if postgres.is_server(database):
        opened = Database(postgres.PostgresServer(database))
    elif (path := data_dir / FILE_NAME).is_file():
        opened = Database(sqlite.SqliteFile(path, "FULL"))
    else:
        return None
    try:
        with opened.reading() as connection:
            return _seen(opened, connection)
    except RecordsTrouble as error:
        raise needing_operator(error) from error
    finally:
        opened.close()


def _seen(database: Database, connection: sa.Connection) -> Standing | None:
    version, where = stored_version(connection), database.where
    if version is None:
        return None
    if version == "":
        raise RecordsUnusable(FOREIGN, path=where)
    if version not in REVISIONS:
        raise RecordsUnusable(NEWER, path=where, version=version, known=REVISIONS[-1])
    clock = database.dialect.now(connection)
    last = connection.execute(_LAST_EVENT).scalar_one_or_none()
    return Standing(str(where), version, REVISIONS[-1], moment_or_none(last), None if clock is None else moment(clock))
