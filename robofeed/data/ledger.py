"""What people said, kept for good: an append-only ledger of feedback and of the questions asked.

This module imports SQLAlchemy; import it where a ledger is opened.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from robofeed.data.errors import Conflict, DataError
from robofeed.data.feedback import (
    Feedback,
    Kind,
    Query,
    Ranking,
    Receipt,
    Retraction,
    Skip,
    taken_back,
    to_payload,
)
from robofeed.data.forgetting import Forgetting, forget
from robofeed.data.group_commit import GroupCommit
from robofeed.data.leases import HOLD_S, Leases
from robofeed.data.ledger_audit import Audit, audit
from robofeed.data.ledger_database import LedgerDatabase
from robofeed.data.ledger_export import table
from robofeed.data.ledger_on_sqlite import SqliteFile
from robofeed.data.ledger_platform import Platform
from robofeed.data.ledger_rows import query_of, record_of
from robofeed.data.ledger_tables import FEEDBACK, QUERIES
from robofeed.data.ledger_url import ledger_url
from robofeed.data.people import People

_PAYLOAD_VERSION = 1
_ANSWERS = (Kind.RANKING, Kind.SKIP)
# Made once: SQLAlchemy then finds their SQL by identity instead of putting it together anew.
_KNOWN = sa.select(FEEDBACK.c.sequence, FEEDBACK.c.payload).where(
    FEEDBACK.c.uuid == sa.bindparam("known")
)
_LAST = {table.name: sa.select(sa.func.max(table.c.sequence)) for table in (FEEDBACK, QUERIES)}
# Sequences have no gaps.
_ASKED = (
    sa.select(QUERIES)
    .where(QUERIES.c.sequence > sa.bindparam("after"))
    .order_by(QUERIES.c.sequence)
)
_INSERT = FEEDBACK.insert()
_SINCE = (
    sa.select(FEEDBACK.c.sequence, FEEDBACK.c.payload)
    .where(FEEDBACK.c.sequence > sa.bindparam("cursor"))
    .order_by(FEEDBACK.c.sequence)
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with its place in the order of commits."""

    sequence: int
    feedback: Feedback


class Ledger:
    """Records of people and the questions put to them. Every method may be called from any thread.

    Errors are DataError, name the file, and leave nothing half-written.
    """

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database
        self._append = GroupCommit(self._commit)
        self.people = People(database)
        """who may look, answer, drive"""

    @classmethod
    def open(
        cls, path_or_url: str | Path, lock_timeout_s: float = 10.0, make: bool = True
    ) -> Ledger:
        """Open a ledger, made where there is none (unless `make` is False), migrated where old.

        Raises:
            ConfigError: a URL that cannot be used.
            DataError: not a ledger, one of a newer robofeed, or one that cannot be opened.
        """
        database = LedgerDatabase(
            _platform(ledger_url(path_or_url), lock_timeout_s), lock_timeout_s
        )
        try:
            database.open(make)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self._database.close()

    def leases(self, overlap: int = 1, hold_s: float = HOLD_S) -> Leases:
        """Who is to answer which question: `overlap` people each, held for `hold_s` seconds."""
        return Leases(self._database, overlap, hold_s)

    def append(self, feedback: Feedback) -> Receipt:
        """Store a record durably, then return. The same record again gives the same receipt.

        Raises:
            Conflict: the uuid is there with another payload.
            Busy, Full, DataError: the record cannot be stored. That is no proof that it was not:
                send the same record again.
        """
        return self._append(feedback)

    def append_all(self, records: Sequence[Feedback]) -> list[Receipt | Exception]:
        """Store records as `append` does, in one commit; where one cannot be, its error."""
        return self._append.each(records)

    def _commit(self, records: Sequence[Feedback]) -> list[Receipt | Exception]:
        with self._database.writing() as connection:
            sequence = _next(connection, FEEDBACK)
            outcomes: list[Receipt | Exception] = []
            for record in records:
                outcomes.append(outcome := self._place(connection, record, sequence))
                sequence += isinstance(outcome, Receipt) and outcome.sequence == sequence
            return outcomes

    def _place(
        self, connection: sa.Connection, feedback: Feedback, sequence: int
    ) -> Receipt | Conflict:
        stamp = feedback.stamp
        known = connection.execute(_KNOWN, {"known": stamp.uuid}).one_or_none()
        if known is None:
            self._insert(connection, feedback, sequence)
            return Receipt(stamp.uuid, sequence)
        if json.loads(known.payload) == json.loads(_as_text(to_payload(feedback))):
            return Receipt(stamp.uuid, known.sequence)
        return Conflict(
            f"{self._database.where}: the record {stamp.uuid} is there already with another "
            "content; what a person said is never replaced, so append a retraction and a new record"
        )

    @staticmethod
    def _insert(connection: sa.Connection, feedback: Feedback, sequence: int) -> None:
        stamp = feedback.stamp
        connection.execute(
            _INSERT,
            {
                "uuid": stamp.uuid,
                "sequence": sequence,
                "kind": str(feedback.kind),
                "person": stamp.person,
                "source": stamp.source,
                "query_id": getattr(feedback, "query_id", None),
                "payload": _as_text(to_payload(feedback)),
                "shown_at_ns": stamp.shown_at_ns,
                "answered_at_ns": stamp.answered_at_ns,
                "recorded_at_ns": time.time_ns(),
                "schema_version": _PAYLOAD_VERSION,
            },
        )

    def since(self, cursor: int = 0) -> list[Entry]:
        """All records after sequence `cursor`, retractions among them, in commit order."""
        with self._database.reading() as connection:
            rows = connection.execute(_SINCE, {"cursor": cursor}).all()
        return [Entry(row.sequence, self._record(row.sequence, row.payload)) for row in rows]

    def standing(self, cursor: int = 0) -> list[Entry]:
        """The records after `cursor` that hold now: without retractions and what they took back.

        A retraction that was itself taken back later does not count.
        """
        entries = self.since(0)
        void = taken_back(entry.feedback for entry in entries)
        return [
            entry
            for entry in entries
            if entry.sequence > cursor
            and not isinstance(entry.feedback, Retraction)
            and entry.feedback.stamp.uuid not in void
        ]

    def count_answers(self) -> int:
        """Questions about two clips answered: K - 1 a ranking, 1 a skip, retracted or not."""
        with self._database.reading() as connection:
            payloads = connection.scalars(
                sa.select(FEEDBACK.c.payload).where(FEEDBACK.c.kind.in_(map(str, _ANSWERS)))
            ).all()
        answers = 0
        for payload in payloads:
            record = self._record(0, payload)
            if isinstance(record, Ranking):
                answers += record.answers
            elif isinstance(record, Skip):
                answers += 1
        return answers

    def add_queries(self, queries: Iterable[Query]) -> None:
        """Record that questions were asked, all or none of them. The same query again is no change.

        Raises:
            Conflict: an id is there already with another question.
        """
        asked = [(query.id, _query_columns(query)) for query in queries]
        if not asked:
            return
        with self._database.writing() as connection:
            sequence = _next(connection, QUERIES)
            for query_id, columns in asked:
                known = connection.execute(
                    sa.select(QUERIES).where(QUERIES.c.id == query_id)
                ).one_or_none()
                if known is not None:
                    if any(known._mapping[name] != value for name, value in columns.items()):
                        raise Conflict(
                            f"{self._database.where}: query {query_id} was asked already about "
                            "something else; ids are never used twice"
                        )
                    continue
                place = {"id": query_id, "sequence": sequence, "asked_at_ns": time.time_ns()}
                connection.execute(QUERIES.insert(), {**place, **columns})
                sequence += 1

    def query(self, query_id: str) -> Query:
        """A question by its id.

        Raises:
            DataError: it was never asked.
        """
        with self._database.reading() as connection:
            row = connection.execute(
                sa.select(QUERIES).where(QUERIES.c.id == query_id)
            ).one_or_none()
        if row is None:
            raise DataError(f"{self._database.where}: no query {query_id} was asked")
        return self._query(row)

    def queries(self, after: int = 0) -> list[Query]:
        """All questions in the order they were asked, without the first `after`."""
        with self._database.reading() as connection:
            rows = connection.execute(_ASKED, {"after": after}).all()
        return [self._query(row) for row in rows]

    def has_answer(self, query_id: str) -> bool:
        """Whether a standing ranking or skip answers this question."""
        with self._database.reading() as connection:
            answers = connection.scalars(
                sa.select(FEEDBACK.c.uuid).where(
                    FEEDBACK.c.query_id == query_id, FEEDBACK.c.kind.in_(map(str, _ANSWERS))
                )
            ).all()
            if not answers:
                return False
            retractions = connection.execute(
                sa.select(FEEDBACK.c.sequence, FEEDBACK.c.payload)
                .where(FEEDBACK.c.kind == str(Kind.RETRACTION))
                .order_by(FEEDBACK.c.sequence)
            ).all()
        void = taken_back(self._record(row.sequence, row.payload) for row in retractions)
        return not void.issuperset(answers)

    def open_queries(self) -> list[Query]:
        """Questions that no standing ranking or skip answers, in the order they were asked."""
        answered = {getattr(entry.feedback, "query_id", None) for entry in self.standing()}
        return [query for query in self.queries() if query.id not in answered]

    def table(self) -> list[dict[str, Any]]:
        """Every record as it is stored, with its columns, its question and what became of it."""
        return table(self._database)

    def verify(self) -> Audit:
        """Check the storage, the order without gaps, and that every record and query can be read.

        Raises:
            DataError: the ledger is damaged so far that it cannot be asked.
        """
        return audit(self._database)

    def forget(self, person: str, delete_labels: bool = False) -> Forgetting:
        """Take a person out of the ledger, and with `delete_labels` also what they answered.

        Raises:
            ConfigError: nobody of this pseudonym is in it.
            Busy: it is done, but somebody else's reading keeps old bytes in the file: try again.
        """
        return forget(self._database, person, delete_labels)

    def _record(self, sequence: int, payload: str) -> Feedback:
        return record_of(self._database.where, sequence, payload)

    def _query(self, row: Any) -> Query:
        return query_of(self._database.where, row)


def _platform(url: sa.URL, lock_timeout_s: float) -> Platform:
    if url.get_backend_name() == "sqlite":
        return SqliteFile(url, lock_timeout_s)
    from robofeed.data.ledger_on_postgres import PostgresSchema

    return PostgresSchema(url, lock_timeout_s)


def _query_columns(query: Query) -> dict[str, Any]:
    return {
        "segments": _as_text([asdict(segment) for segment in query.segments]),
        "shown_order": _as_text(query.shown_order),
        "reason": query.reason,
    }


def _as_text(values: Any) -> str:
    return json.dumps(values, sort_keys=True)


def _next(connection: sa.Connection, table: sa.Table) -> int:
    last: int | None = connection.scalar(_LAST[table.name])
    return (last or 0) + 1
