"""Who may do what: people by pseudonym, each with a role and a link that holds a secret token.

Pseudonym and role come from here, never from a page. Of a token only the SHA-256 is stored.
"""

from __future__ import annotations

import enum
import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from robofeed.data.errors import ConfigError, did_you_mean
from robofeed.data.feedback import Consent, Kind, taken_back
from robofeed.data.ledger_database import LedgerDatabase
from robofeed.data.ledger_rows import record_of
from robofeed.data.ledger_tables import FEEDBACK, LEASES, PEOPLE

OPERATOR = "operator"
"""Pseudonym of whoever started the run; not in the table, because no token of theirs is kept."""
_NOBODY = "forgotten"
_TOKEN_BYTES = 32


@enum.unique
class Role(enum.StrEnum):
    """What a person may do; each role may do all that those before it may."""

    VIEW = "view"
    LABEL = "label"
    DRIVE = "drive"
    ADMIN = "admin"

    def may(self, needed: Role) -> bool:
        """Whether this role is enough for what `needed` may do."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True)
class Person:
    """`consent_version` is that of the text this person agreed to last, None before that."""

    pseudonym: str
    role: Role
    consent_version: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A person's token, known only now. It is left out of what is printed by accident."""

    person: Person
    token: str

    def __repr__(self) -> str:
        return f"Link({self.person.pseudonym})"


class People:
    """The people of one ledger. Every method may be called from any thread; errors are DataError.

    What is changed here counts from the next `by_token` on, in every process.
    """

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database
        self._operators: set[str] = set()

    def operator_link(self) -> Link:
        """A link for the run's owner, an admin; good for as long as this object lives."""
        token = _new_token()
        self._operators.add(_hash(token))
        return Link(Person(OPERATOR, Role.ADMIN), token)

    def add(self, name: str, role: Role | str) -> Link:
        """Add a person under a pseudonym and return their link, the only time it can be had.

        Raises:
            ConfigError: the name is taken, reserved or not a plain word, or no such role.
        """
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
            raise ConfigError(
                f"{name!r} is no pseudonym: up to 64 letters, digits, '.', '_' and '-', please"
            )
        if name == OPERATOR or name.startswith(_NOBODY):
            raise ConfigError(f"{name!r} has a meaning of its own here; take another pseudonym")
        try:
            person = Person(name, Role(role))
        except ValueError:
            roles = [str(each) for each in Role]
            raise ConfigError(f"no role {role!r}{did_you_mean(role, roles)}") from None
        token = _new_token()
        with self._database.writing() as connection:
            taken = connection.scalar(
                sa.select(PEOPLE.c.pseudonym).where(PEOPLE.c.pseudonym == name)
            )
            if taken is not None:
                raise ConfigError(
                    f"{name!r} is there already; remove them first if their link is to be replaced"
                )
            connection.execute(
                PEOPLE.insert(),
                {
                    "pseudonym": name,
                    "role": str(person.role),
                    "token_sha256": _hash(token),
                    "added_at_ns": time.time_ns(),
                },
            )
        return Link(person, token)

    def by_token(self, token: str) -> Person | None:
        """Whose token this is, None for nobody's."""
        # Looked up by its hash, so that how long it takes says nothing about the token.
        hashed = _hash(token)
        with self._database.reading() as connection:
            if hashed in self._operators:
                return self._person(connection, OPERATOR, Role.ADMIN)
            row = connection.execute(
                sa.select(PEOPLE).where(PEOPLE.c.token_sha256 == hashed)
            ).one_or_none()
            return self._person(connection, row.pseudonym, row.role) if row is not None else None

    def get(self, pseudonym: str) -> Person | None:
        """A person as they are now, None for one who was removed or never added."""
        with self._database.reading() as connection:
            if pseudonym == OPERATOR:
                return self._person(connection, OPERATOR, Role.ADMIN)
            role = connection.scalar(
                sa.select(PEOPLE.c.role).where(PEOPLE.c.pseudonym == pseudonym)
            )
            return self._person(connection, pseudonym, role) if role is not None else None

    def list(self) -> list[Person]:
        """Everybody who was added, in the order of their pseudonyms."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(PEOPLE).order_by(PEOPLE.c.pseudonym)).all()
            return [self._person(connection, row.pseudonym, row.role) for row in rows]

    def remove(self, name: str) -> None:
        """End a person's link and leases; what they said stays.

        Raises:
            ConfigError: there is no such person.
        """
        with self._database.writing() as connection:
            gone = connection.execute(PEOPLE.delete().where(PEOPLE.c.pseudonym == name))
            if gone.rowcount == 0:
                names = connection.scalars(sa.select(PEOPLE.c.pseudonym)).all()
                raise ConfigError(f"there is nobody called {name!r}{did_you_mean(name, names)}")
            connection.execute(LEASES.delete().where(LEASES.c.person == name))

    def _person(self, connection: sa.Connection, pseudonym: str, role: str) -> Person:
        return Person(pseudonym, Role(role), self._consent(connection, pseudonym))

    def _consent(self, connection: sa.Connection, pseudonym: str) -> str | None:
        """Version of the last consent that was not withdrawn."""
        kinds = (str(Kind.CONSENT), str(Kind.RETRACTION))
        rows: Any = connection.execute(
            sa.select(FEEDBACK.c.sequence, FEEDBACK.c.payload)
            .where(FEEDBACK.c.person == pseudonym, FEEDBACK.c.kind.in_(kinds))
            .order_by(FEEDBACK.c.sequence)
        ).all()
        records = [record_of(self._database.where, row.sequence, row.payload) for row in rows]
        void = taken_back(records)
        versions = [
            record.version
            for record in records
            if isinstance(record, Consent) and record.stamp.uuid not in void
        ]
        return versions[-1] if versions else None


def _new_token() -> str:
    return secrets.token_urlsafe(_TOKEN_BYTES)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
