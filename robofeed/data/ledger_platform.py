"""What the ledger needs of the database it is kept in, where SQLite and PostgreSQL differ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from robofeed.data.errors import DataError


@dataclass(frozen=True, slots=True)
class Trouble:
    """A database's error in words: what kind it is, what the database said, what to do."""

    kind: type[DataError]
    said: str
    advice: str


class Platform(Protocol):
    """One kind of database. Transactions of `writer` come one after the other, in every process.

    What a transaction of `writer` commits is on the disk when the commit returns. One of `reader`
    sees one state of the database and waits for nobody.
    """

    @property
    def where(self) -> str:
        """What to call this database in messages; no password."""

    @property
    def reader(self) -> sa.Engine:
        """For transactions that only read."""

    @property
    def writer(self) -> sa.Engine:
        """For transactions that write."""

    @property
    def relaxed_writer(self) -> sa.Engine:
        """For transactions that write what a power cut may undo; no faster to lock, but to end."""

    def exists(self) -> bool:
        """Whether there is something to open."""

    def prepare(self) -> None:
        """Make it ready for its tables. Called once, before anything else but `exists`."""

    def unlocked(self, connection: sa.Connection, table: str) -> AbstractContextManager[None]:
        """Lets rows of an append-only table be changed in this transaction."""

    def clean(self) -> None:
        """Leave nothing of what was changed or deleted in the database's own files."""

    def trouble(self, error: BaseException) -> Trouble:
        """Put an error into words."""

    def integrity(self, connection: sa.Connection) -> Iterator[str]:
        """What the database itself finds wrong with its storage."""
