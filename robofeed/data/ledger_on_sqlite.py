"""A ledger in one SQLite file in WAL mode, every commit synced to disk."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from robofeed.data.errors import Busy, DataError, Full
from robofeed.data.ledger_platform import Trouble

_WRITES = "robofeed_synchronous"
"""Execution option of connections that write: how far a commit is synced."""


class SqliteFile:
    """The `Platform` of a SQLite file."""

    def __init__(self, url: sa.URL, lock_timeout_s: float) -> None:
        self.where = url.database or str(url)
        self._lock_timeout_s = lock_timeout_s
        self.reader = sa.create_engine(url, connect_args={"timeout": lock_timeout_s})
        self.writer = self.reader.execution_options(**{_WRITES: "FULL"})
        # In WAL mode a later FULL commit syncs what came before it, so the order is kept.
        self.relaxed_writer = self.reader.execution_options(**{_WRITES: "NORMAL"})
        sa.event.listen(self.reader, "connect", _set_up)
        sa.event.listen(self.reader, "begin", _begin)

    def exists(self) -> bool:
        return Path(self.where).is_file()

    def prepare(self) -> None:
        """Switch to WAL.

        Raises:
            DataError: the file is another program's database; it is left as it was.
        """
        with self.reader.connect() as connection:
            tables = sa.inspect(connection).get_table_names()
        if tables and "feedback" not in tables:
            raise DataError(f"{self.where} is a database, but not a ledger of robofeed")
        # SQLite gives up at once, without its time-out, where others switch too.
        deadline_s = time.monotonic() + self._lock_timeout_s
        while True:
            try:
                with self.reader.connect() as connection:
                    # Through the driver, because the mode cannot change within a transaction.
                    driver: Any = connection.connection.driver_connection
                    driver.execute("PRAGMA journal_mode = WAL")
                    return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline_s:
                    raise
                time.sleep(0.01)

    @contextmanager
    def unlocked(self, connection: sa.Connection, table: str) -> Iterator[None]:
        triggers = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name = ?",
            (f"{table}_no_update",),
        ).all()
        for trigger in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {trigger.name}")
        yield
        for trigger in triggers:
            connection.exec_driver_sql(trigger.sql)

    def clean(self) -> None:
        """Write the file anew and empty the WAL.

        Raises:
            Busy: another process reads or writes.
        """
        with self.reader.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("VACUUM")
            # What was read before the checkpoint may be in the WAL until its readers are done.
            busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise Busy(
                f"{self.where}: the records are changed, but old bytes may still be in "
                f"{self.where}-wal while another process reads it; do the same again later"
            )

    def trouble(self, error: BaseException) -> Trouble:
        said = str(error)
        if "locked" in said:
            advice = f"another process held it for {self._lock_timeout_s:g} s; try again"
            return Trouble(Busy, said, advice)
        if "full" in said or "disk I/O" in said:
            advice = "nothing is half-written; free some space, then try again"
            return Trouble(Full, said, advice)
        if "not a database" in said or "malformed" in said:
            return Trouble(DataError, said, "it is damaged or not a ledger; restore a copy")
        return Trouble(DataError, said, "nothing is half-written")

    def integrity(self, connection: sa.Connection) -> Iterator[str]:
        for line in connection.exec_driver_sql("PRAGMA integrity_check").scalars():
            if line != "ok":
                yield f"integrity check: {line}"


def _set_up(connection: Any, record: object) -> None:
    # SQLAlchemy says when a transaction begins, not the driver.
    connection.isolation_level = None


def _begin(connection: sa.Connection) -> None:
    synchronous = connection.get_execution_options().get(_WRITES)
    # Straight through the driver: these run for every transaction, and SQLAlchemy's way to them
    # costs more than they do.
    driver: Any = connection.connection.driver_connection
    if synchronous is None:
        driver.execute("BEGIN")
        return
    # With FULL a commit is on the disk when it returns: what a person said survives a power cut.
    driver.execute(f"PRAGMA synchronous = {synchronous}")
    # IMMEDIATE takes the writer's lock now, so that sequences are given out in commit order.
    driver.execute("BEGIN IMMEDIATE")
