"""Tokens for HTTP: made once and shown once, kept as hashes, valid until they are too old or revoked."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import events
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.faults import NoSuchThing
from tolmach.adapters.sql.stored import Clock, micros, moment, moment_or_none, plain
from tolmach.adapters.sql.tokens_schema import tokens
from tolmach.base import N_, Fault

NAME_TAKEN = Fault(
    "TLM-SQL-040",
    N_("There is a token named {name} already."),
    N_("Choose another name, or revoke the old one with: tolmach token revoke. Nothing was changed."),
)
NO_SUCH_TOKEN = Fault(
    "TLM-SQL-041",
    N_("No token that is valid is named {name}."),
    N_("Look the names up with: tolmach token list. Nothing was changed."),
)
PREFIX: Final = "tlm_"
"""What every token begins with, so that scanners for leaked secrets find it."""
LONGEST: Final = timedelta(days=366)
USED_EVERY: Final = timedelta(minutes=10)
"""The last use is written once in so long: a commit for each request would wear the disk."""

_token = tokens.c
_BY_HASH = sa.select(tokens).where(_token.hash == sa.bindparam("hash"))
_BY_NAME = sa.select(_token.id).where(_token.name == sa.bindparam("of_name"), _token.revoked_at.is_(None))
_VALID = sa.select(_token.id).where(_token.revoked_at.is_(None), _token.expires_at > sa.bindparam("now")).limit(1)
_ALL = sa.select(tokens).order_by(_token.id)
_REVOKE = tokens.update().where(_token.id == sa.bindparam("of_id")).values(revoked_at=sa.bindparam("at"))
_USED = tokens.update().where(_token.id == sa.bindparam("of_id")).values(used_at=sa.bindparam("at"))


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is known: everything but itself."""

    token_id: int
    name: str
    role: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """Tell whether its bearer is let in."""
        return self.revoked_at is None and now < self.expires_at


class Tokens:
    """Makes, knows and revokes tokens; any thread may call. Raises `RecordsTrouble`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def create(self, name: str, role: str, life: timedelta, actor: str) -> str:
        """Give a new token, which nobody can be given again; raises `NoSuchThing` while another has the name.

        It lives no longer than `LONGEST`. What was done and by whom goes into the audit log.
        """
        token = PREFIX + secrets.token_urlsafe(32)
        now = self._clock()
        row = {
            "name": plain(name),
            "role": role,
            "hash": _hash(token),
            "made_by": plain(actor),
            "made_at": micros(now),
            "expires_at": micros(now + min(life, LONGEST)),
        }

        def work(connection: sa.Connection) -> None:
            if connection.execute(_BY_NAME, {"of_name": row["name"]}).first() is not None:
                raise NoSuchThing(NAME_TAKEN, name=name)
            connection.execute(tokens.insert(), row)
            events.note(connection, now, actor, "token made", details={"name": name, "role": role})

        self._database.write(work)
        return token

    def all(self) -> Sequence[Token]:
        """Give every token there was, in the order they were made."""
        with self._database.reading() as connection:
            return [_of(row) for row in connection.execute(_ALL)]

    def revoke(self, name: str, actor: str) -> None:
        """Let the bearer of a token in no more; raises `NoSuchThing` where none of that name is left."""
        now = self._clock()

        def work(connection: sa.Connection) -> None:
            found = connection.execute(_BY_NAME, {"of_name": plain(name)}).first()
            if found is None:
                raise NoSuchThing(NO_SUCH_TOKEN, name=name)
            connection.execute(_REVOKE, {"of_id": found.id, "at": micros(now)})
            events.note(connection, now, actor, "token revoked", details={"name": name})

        self._database.write(work)

    def bearer_of(self, token: str) -> Token | None:
        """Give whose token it is, None for one that is unknown, revoked or too old."""
        now = self._clock()
        with self._database.reading() as connection:
            row = connection.execute(_BY_HASH, {"hash": _hash(token)}).first()
        found = None if row is None else _of(row)
        if found is None or not found.is_valid(now):
            return None
        if found.used_at is None or now - found.used_at > USED_EVERY:
            told = {"of_id": found.token_id, "at": micros(now)}
            self._database.write(lambda connection: connection.execute(_USED, told))
        return found

    def any_valid(self) -> bool:
        """Tell whether there is any token that would be let in."""
        with self._database.reading() as connection:
            return connection.execute(_VALID, {"now": micros(self._clock())}).first() is not None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _of(row: Any) -> Token:
    return Token(
        row.id,
        row.name,
        row.role,
        row.made_by,
        moment(row.made_at),
        moment(row.expires_at),
        moment_or_none(row.revoked_at),
        moment_or_none(row.used_at),
    )
