"""The database under the ledger: opening, migrating, transactions, and its errors in words."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from robofeed.data.errors import Busy, DataError
from robofeed.data.ledger_platform import Platform
from robofeed.data.ledger_tables import HEAD


class LedgerDatabase:
    """The ledger's database, whichever it is kept in.

    Any thread may use it, each call on a connection of its own. `lock_timeout_s` is how long a
    call waits for another writer.
    """

    def __init__(self, platform: Platform, lock_timeout_s: float) -> None:
        self._platform = platform
        self._lock_timeout_s = lock_timeout_s
        self._turn = threading.Lock()

    @property
    def where(self) -> str:
        """What to call it in messages."""
        return self._platform.where

    def open(self, make: bool = True) -> None:
        """Connect and bring the schema up to date; one process migrates, others wait for it.

        Raises:
            DataError: no database, a foreign one, one of a newer robofeed, or a locked one; with
                `make` False also one that is not there yet.
        """
        with self._in_words("open"):
            if not make and not self._platform.exists():
                raise DataError(f"there is no ledger at {self.where}")
            self._platform.prepare()
            with self.reading() as connection:
                found = _revision(connection)
            if found != HEAD:
                self._migrate()

    def close(self) -> None:
        """Let go of it. Idempotent."""
        self._platform.reader.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database and waits for nobody."""
        with self._in_words("read"), self._platform.reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, durable: bool = True) -> Iterator[sa.Connection]:
        """The only writing transaction at this time, undone by an exception.

        On the disk when left, where `durable`; else it may be undone by a power cut, whole.
        """
        # Threads queue here, because SQLite's way of waiting is to sleep and look again.
        if not self._turn.acquire(timeout=self._lock_timeout_s):
            raise Busy(
                f"cannot write to the ledger {self.where}: other threads held it for "
                f"{self._lock_timeout_s:g} s; try again"
            )
        try:
            engine = self._platform.writer if durable else self._platform.relaxed_writer
            with self._in_words("write to"), engine.begin() as connection:
                yield connection
        finally:
            self._turn.release()

    @contextmanager
    def amending(self, table: sa.Table) -> Iterator[sa.Connection]:
        """A writing transaction in which an append-only table lets its rows be changed."""
        with self.writing() as connection, self._platform.unlocked(connection, table.name):
            yield connection

    def clean(self) -> None:
        """Overwrite what was changed or deleted, so that its bytes are in no file any more.

        Raises:
            Busy: others use the database just now.
        """
        with self._in_words("clean"):
            self._platform.clean()

    def integrity(self) -> list[str]:
        """What the database itself finds wrong with its storage."""
        with self.reading() as connection:
            return list(self._platform.integrity(connection))

    @contextmanager
    def _in_words(self, deed: str) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
            trouble = self._platform.trouble(getattr(error, "orig", None) or error)
            raise trouble.kind(
                f"cannot {deed} the ledger {self.where}: {trouble.said}; {trouble.advice}"
            ) from error

    def _migrate(self) -> None:
        # Alembic costs 0.7 s to import, so only a ledger that needs it pays.
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", "robofeed.data:migrations")
        with self.writing() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise DataError(
                    f"{self.where} was written by a newer robofeed (its schema is "
                    f"{_revision(connection)}, this one knows {HEAD}): use that version"
                ) from error


def _revision(connection: sa.Connection) -> str | None:
    """The step the schema stands at, None for a database without one."""
    if "alembic_version" not in sa.inspect(connection).get_table_names():
        return None
    found: str | None = connection.exec_driver_sql(
        "SELECT version_num FROM alembic_version"
    ).scalar()
    return found
