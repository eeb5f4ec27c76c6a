"""Where a ledger is: a SQLite file by path, or a PostgreSQL database by URL."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from robofeed.data.errors import ConfigError, did_you_mean, without_passwords

_FROM_LIBPQ = (
    *("host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"),
    *("connect_timeout", "application_name", "target_session_attrs", "service", "passfile"),
)
SCHEMA = "schema"
"""Key of a PostgreSQL URL's query that names the schema a run's ledger is in."""


def ledger_url(path_or_url: str | Path) -> sa.URL:
    """The database URL of a path or URL.

    Raises:
        ConfigError: it is no such URL, or one that holds a password; no message repeats that.
    """
    text = str(path_or_url)
    if text in ("", ":memory:"):
        raise ConfigError(f"the ledger is kept in a file, not in {text!r}: give a path")
    if "://" not in text:
        return sa.URL.create("sqlite", database=text)
    shown = without_passwords(text)
    try:
        url = sa.make_url(text)
    except (SQLAlchemyError, ValueError):
        raise ConfigError(
            f"{shown!r} is not a database URL; one looks like postgresql://user@host/database"
        ) from None
    if url.get_backend_name() == "postgresql":
        return _postgres(url, shown)
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        raise ConfigError(
            f"the ledger is kept in a SQLite file or in PostgreSQL, not in {shown}: give a path or "
            "postgresql://user@host/database"
        )
    return url


def own_schema(url: str, run: str) -> str:
    """`url` with a schema of its own for a new run called `run`, so that a team can share it.

    Raises:
        ConfigError: it is no PostgreSQL URL, or holds a password or a schema.
    """
    parsed = ledger_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise ConfigError(
            f"ledger.url = {url!r}: a PostgreSQL URL, please; a SQLite ledger is always in the "
            "run's folder (leave ledger.url empty)"
        )
    if SCHEMA in parsed.query:
        raise ConfigError("ledger.url names a schema; leave it out, every run gets its own")
    plain = re.sub(r"[^a-z0-9]+", "_", run.lower()).strip("_")[:40] or "run"
    # Two people may well call their runs alike.
    schema = f"{plain}_{secrets.token_hex(4)}"
    return parsed.update_query_dict({SCHEMA: schema}).render_as_string()


def _postgres(url: sa.URL, shown: str) -> sa.URL:
    if url.password is not None:
        raise ConfigError(
            f"{shown} holds a password, which would be stored with the run: leave it out, and put "
            "it into PGPASSWORD or ~/.pgpass"
        )
    if url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise ConfigError(f"{shown}: write postgresql://; robofeed brings the driver, psycopg")
    for key, value in url.query.items():
        if key not in (SCHEMA, *_FROM_LIBPQ):
            raise ConfigError(
                f"the database URL has an unknown key {key!r}{did_you_mean(key, _FROM_LIBPQ)}"
            )
        if key == SCHEMA and not (
            isinstance(value, str) and re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", value)
        ):
            raise ConfigError(f"{shown}: a schema is small letters, digits and _, 63 at most")
    if not url.database:
        raise ConfigError(f"{shown} names no database: postgresql://user@host/database")
    return url.set(drivername="postgresql")
