"""Whether a ledger is whole: storage, order, and every record readable."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from robofeed.data.errors import DataError
from robofeed.data.ledger_database import LedgerDatabase
from robofeed.data.ledger_rows import query_of, record_of
from robofeed.data.ledger_tables import FEEDBACK, QUERIES


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found; no problems means all is well."""

    records: int
    queries: int
    problems: tuple[str, ...]


def audit(database: LedgerDatabase) -> Audit:
    """Look at everything.

    Raises:
        DataError: the database is damaged so far that it cannot be asked.
    """
    problems = database.integrity()
    with database.reading() as connection:
        records = connection.execute(sa.select(FEEDBACK).order_by(FEEDBACK.c.sequence)).all()
        queries = connection.execute(sa.select(QUERIES).order_by(QUERIES.c.sequence)).all()
    for place, row in enumerate(records, start=1):
        if row.sequence != place:
            problems.append(f"record {row.uuid} has sequence {row.sequence}, not {place}")
        try:
            feedback = record_of(database.where, row.sequence, row.payload)
        except DataError as error:
            problems.append(str(error))
            continue
        beside = (row.uuid, row.kind, row.person, row.source)
        stamp = feedback.stamp
        if beside != (stamp.uuid, str(feedback.kind), stamp.person, stamp.source):
            problems.append(f"record {row.uuid}: the columns and the payload differ")
    for place, row in enumerate(queries, start=1):
        if row.sequence != place:
            problems.append(f"query {row.id} has sequence {row.sequence}, not {place}")
        try:
            query_of(database.where, row)
        except DataError as error:
            problems.append(str(error))
    return Audit(len(records), len(queries), tuple(problems))
