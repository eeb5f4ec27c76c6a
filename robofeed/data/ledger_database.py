"""The database under the ledger: opening, migrating, transactions, and its errors in words."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from robofeed.data.errors import Busy, DataError, Full
from robofeed.data.ledger_tables import HEAD


class LedgerDatabase:
    """One SQLite file in WAL mode, every commit synced to disk.

    Any thread may use it, each call on a connection of its own. `lock_timeout_s` is how long a
    call waits for another writer.
    """

    def __init__(self, url: sa.URL, lock_timeout_s: float) -> None:
        self.where = url.database or str(url)
        self._engine = sa.create_engine(url, connect_args={"timeout": lock_timeout_s})
        self._lock_timeout_s = lock_timeout_s
        sa.event.listen(self._engine, "connect", _prepare)
        sa.event.listen(self._engine, "begin", _begin)

    def open(self) -> None:
        """Connect and bring the schema up to date; one process migrates, others wait for it.

        Raises:
            DataError: no database, a foreign one, one of a newer robofeed, or a locked one.
        """
        with self._in_words("open"):
            with self.reading() as connection:
                found = _revision(connection)
                tables = sa.inspect(connection).get_table_names()
            if tables and "feedback" not in tables:
                raise DataError(f"{self.where} is a database, but not a ledger of robofeed")
            self._use_wal()
            if found != HEAD:
                self._migrate()

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database and waits for nobody."""
        with self._in_words("read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """The only writing transaction at this time; durable when left, undone by an exception."""
        with self._in_words("write to"), self._engine.connect() as connection:
            writer = connection.execution_options(robofeed_writes=True)
            with writer.begin():
                yield writer

    @contextmanager
    def _in_words(self, deed: str) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            said = str(getattr(error, "orig", None) or error)
            kind: type[DataError] = DataError
            advice = "nothing is half-written"
            if "locked" in said:
                kind = Busy
                advice = f"another process held it for {self._lock_timeout_s:g} s; try again"
            elif "full" in said or "disk I/O" in said:
                kind = Full
                advice = "nothing is half-written; free some space, then try again"
            elif "not a database" in said or "malformed" in said:
                advice = "it is damaged or not a ledger; restore a copy"
            raise kind(f"cannot {deed} the ledger {self.where}: {said}; {advice}") from error
        except (SQLAlchemyError, OverflowError, UnicodeEncodeError) as error:
            raise DataError(f"cannot {deed} the ledger {self.where}: {error}") from error

    def _use_wal(self) -> None:
        """Switch to WAL. SQLite gives up at once, without its time-out, where others switch too."""
        deadline_s = time.monotonic() + self._lock_timeout_s
        while True:
            try:
                with self._engine.connect() as connection:
                    # Through the driver, because the mode cannot change within a transaction.
                    driver: Any = connection.connection.driver_connection
                    driver.execute("PRAGMA journal_mode = WAL")
                    return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline_s:
                    raise
                time.sleep(0.01)

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


def _prepare(connection: Any, record: object) -> None:
    # SQLAlchemy says when a transaction begins, not the driver.
    connection.isolation_level = None
    # A commit is on the disk when it returns: what a person said survives a power cut.
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("robofeed_writes", False)
    # IMMEDIATE takes the writer's lock now, so that sequences are given out in commit order.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _revision(connection: sa.Connection) -> str | None:
    """The step the schema stands at, None for a database without one."""
    if "alembic_version" not in sa.inspect(connection).get_table_names():
        return None
    found: str | None = connection.exec_driver_sql(
        "SELECT version_num FROM alembic_version"
    ).scalar()
    return found


def database_url(path_or_url: str | Path) -> sa.URL:
    """The URL of a path, or of a URL, of which only SQLite files are known so far.

    Raises:
        DataError: another database, or no file.
    """
    text = str(path_or_url)
    if text in ("", ":memory:"):
        raise DataError(f"the ledger is kept in a file, not in {text!r}: give a path")
    if "://" not in text:
        return sa.URL.create("sqlite", database=text)
    try:
        url = sa.make_url(text)
    except SQLAlchemyError as error:
        raise DataError(f"{text!r} is not a database URL: {error}") from error
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        raise DataError(
            f"the ledger is kept in SQLite files so far, not in {url.render_as_string()}: "
            "give a path or sqlite:///path"
        )
    return url
