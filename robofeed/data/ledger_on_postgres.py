"""A ledger in a schema of a PostgreSQL database, for teams."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from robofeed.data.errors import Busy, ConfigError, DataError, Full
from robofeed.data.ledger_platform import Trouble
from robofeed.data.ledger_tables import FEEDBACK, LEASES, PEOPLE
from robofeed.data.ledger_url import SCHEMA

_LOCK_CLASS = 0x726F626F
"""First half of the advisory lock's key, "robo"; the second half is the schema's."""
_LOCKED, _FULL, _TOO_MANY = "55P03", ("53100", "53000"), ("53300", "57P03")
"""SQLSTATEs: lock_not_available, disk_full, too_many_connections and cannot_connect_now."""


class PostgresSchema:
    """The `Platform` of one schema of a PostgreSQL database.

    An advisory lock, held from the beginning of a writing transaction to its commit, makes them
    come one after the other. Sequences are then given out in commit order, which those of a
    bigserial are not: there a reader may see 2 while 1 is yet to be committed, and never look
    for 1 again.
    """

    def __init__(self, url: sa.URL, lock_timeout_s: float) -> None:
        schema = url.query.get(SCHEMA, "public")
        assert isinstance(schema, str)
        self._schema = schema
        self._lock_timeout_s = lock_timeout_s
        self._url = url.set(drivername="postgresql+psycopg").difference_update_query([SCHEMA])
        self.where = url.render_as_string()
        options = {
            "search_path": schema,
            "synchronous_commit": "on",
            "lock_timeout": str(round(lock_timeout_s * 1000)),
        }
        self._arguments = {"options": " ".join(f"-c {key}={options[key]}" for key in options)}
        if "connect_timeout" not in url.query:
            self._arguments["connect_timeout"] = str(max(2, math.ceil(lock_timeout_s)))
        try:
            engine = sa.create_engine(
                self._url, connect_args=self._arguments, pool_pre_ping=True, max_overflow=40
            )
        except ModuleNotFoundError as error:
            raise ConfigError(
                "a ledger in PostgreSQL needs psycopg, which is not installed. In the checkout: "
                "pip install -c constraints.txt -e '.[postgres]'"
            ) from error
        # A snapshot is taken at the first statement after the lock is held, so not REPEATABLE READ.
        self.writer = engine.execution_options(isolation_level="READ COMMITTED")
        self.reader = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self.relaxed_writer = engine.execution_options(isolation_level="READ COMMITTED")
        sa.event.listen(self.writer, "begin", self._lock)
        sa.event.listen(self.relaxed_writer, "begin", self._lock)
        sa.event.listen(self.relaxed_writer, "begin", _relax)

    def exists(self) -> bool:
        with self._outside().connect() as connection:
            return bool(
                connection.scalar(
                    sa.text("SELECT to_regclass(:table) IS NOT NULL"),
                    {"table": f"{self._schema}.feedback"},
                )
            )

    def prepare(self) -> None:
        """Make the schema where there is none."""
        with self._outside().begin() as connection:
            found = sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :schema")
            if connection.scalar(found, {"schema": self._schema}) is None:
                self._lock(connection)
                connection.execute(sa.schema.CreateSchema(self._schema, if_not_exists=True))

    @contextmanager
    def unlocked(self, connection: sa.Connection, table: str) -> Iterator[None]:
        trigger = f"TRIGGER {table}_no_change"
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE {trigger}")
        yield
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE {trigger}")

    def clean(self) -> None:
        """Write the tables anew; what the server logged before is the server's own affair."""
        with (
            self._outside().execution_options(isolation_level="AUTOCOMMIT").connect() as connection
        ):
            for table in (FEEDBACK, PEOPLE, LEASES):
                connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {table.name}")

    def trouble(self, error: BaseException) -> Trouble:
        import psycopg

        # libpq's messages have several lines; one, please.
        said = " ".join(str(error).split())
        if not isinstance(error, psycopg.Error):
            return Trouble(DataError, said, "nothing is half-written")
        state = error.sqlstate
        if state == _LOCKED:
            advice = f"another process held it for {self._lock_timeout_s:g} s; try again"
            return Trouble(Busy, said, advice)
        if state in _FULL:
            return Trouble(Full, said, "nothing is half-written; make room on the server")
        if state in _TOO_MANY:
            return Trouble(Busy, said, "try again")
        if state is None:
            advice = (
                "is the server running, and are host, port, database and user right? A password "
                "is taken from PGPASSWORD or ~/.pgpass"
            )
            return Trouble(Busy, said, advice)
        return Trouble(DataError, said, "nothing is half-written")

    def integrity(self, connection: sa.Connection) -> Iterator[str]:
        """Nothing: that of its storage is the server's own affair (pg_amcheck, checksums)."""
        yield from ()

    def _lock(self, connection: sa.Connection) -> None:
        key = zlib.crc32(self._schema.encode()) - 2**31
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_CLASS}, {key})")

    def _outside(self) -> sa.Engine:
        """For what comes before the schema: the pool's connections remember that it was not there.

        Raises:
            DBAPIError: there is no way to the server.
        """
        return sa.create_engine(self._url, connect_args=self._arguments, poolclass=NullPool)


def _relax(connection: sa.Connection) -> None:
    connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
