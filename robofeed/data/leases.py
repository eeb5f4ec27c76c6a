"""Who is to answer which question: queries are lent to people for a while.

A lease keeps two people from spending time on one question; it is no permission. An answer that
comes late, or from someone who held no lease, is appended to the ledger like any other and counts
as an extra label. So leases need not survive a power cut, and no disk waits for them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from robofeed.data.episode import Segment
from robofeed.data.errors import ConfigError
from robofeed.data.feedback import REPEAT, Kind, Query, Retraction, taken_back
from robofeed.data.ledger_database import LedgerDatabase
from robofeed.data.ledger_rows import query_of, record_of
from robofeed.data.ledger_tables import FEEDBACK, LEASES, QUERIES

# Made once: SQLAlchemy then finds their SQL by identity instead of putting it together anew.
_FRESH_QUERIES = (
    sa.select(QUERIES)
    .where(QUERIES.c.sequence > sa.bindparam("cursor"))
    .order_by(QUERIES.c.sequence)
)
_FRESH_ANSWERS = (
    sa.select(
        FEEDBACK.c.sequence,
        FEEDBACK.c.kind,
        FEEDBACK.c.uuid,
        FEEDBACK.c.person,
        FEEDBACK.c.query_id,
        # The whole record is needed of what takes others back.
        sa.case((FEEDBACK.c.kind == str(Kind.RETRACTION), FEEDBACK.c.payload), else_="").label(
            "payload"
        ),
    )
    .where(
        FEEDBACK.c.sequence > sa.bindparam("cursor"),
        FEEDBACK.c.kind.in_([str(kind) for kind in (Kind.RANKING, Kind.SKIP, Kind.RETRACTION)]),
    )
    .order_by(FEEDBACK.c.sequence)
)
_ALL_HELD = sa.select(LEASES)
_HELD = _ALL_HELD.where(LEASES.c.expires_at_ns > sa.bindparam("now_ns"))
_EXPIRED = LEASES.delete().where(LEASES.c.expires_at_ns <= sa.bindparam("now_ns"))
_ENDED = LEASES.delete().where(
    LEASES.c.person == sa.bindparam("whose"), LEASES.c.query_id == sa.bindparam("which")
)
_LENT = LEASES.insert()

HOLD_S = 120.0
"""How long a question is held by default: a person at a page asks again well before that."""


class Leases:
    """Leases on the queries of one ledger. Any thread may use it; errors are DataError.

    Args:
        database: The ledger's database.
        overlap: By how many people each question is to be answered.
        hold_s: How long a lease lasts, in seconds.

    Times are passed in, in ns since 1970, because people may sit at several machines' servers.
    """

    def __init__(self, database: LedgerDatabase, overlap: int = 1, hold_s: float = HOLD_S) -> None:
        if overlap < 1 or not hold_s > 0.0:
            raise ConfigError(f"overlap {overlap} and hold_s {hold_s} must be more than 0")
        self._database = database
        self._overlap, self._hold_ns = overlap, round(hold_s * 1e9)
        self._book = _Book(database.where, overlap)

    def take(self, person: str, count: int, now_ns: int) -> list[Query]:
        """Lend `person` up to `count` open questions, those they hold already among them.

        Of each question they have not answered it, and fewer than `overlap` others have answered
        or hold it. Repeated questions go to those who answered them the first time, if they can.
        """
        return self.take_all([(person, count)], now_ns)[0]

    def take_all(self, wishes: Sequence[tuple[str, int]], now_ns: int) -> list[list[Query]]:
        """As `take`, for several people at once: (person, count) of each."""
        with self._database.writing(durable=False) as connection:
            self._book.read(connection)
            connection.execute(_EXPIRED, {"now_ns": now_ns})
            holders: dict[str, set[str]] = defaultdict(set)
            for row in connection.execute(_ALL_HELD):
                holders[row.query_id].add(row.person)
            return [
                self._take(connection, person, count, now_ns, holders) for person, count in wishes
            ]

    def _take(
        self,
        connection: sa.Connection,
        person: str,
        count: int,
        now_ns: int,
        holders: dict[str, set[str]],
    ) -> list[Query]:
        book = self._book
        lent = self._choose(person, count, holders)
        # What they answered since they hold no longer; what is lent again is held anew.
        done = [each for each, who in holders.items() if person in who & book.answered_by(each)]
        mine = [query.id for query in lent]
        self._end(connection, person, {*done, *(each for each in mine if person in holders[each])})
        for query_id in done:
            holders[query_id].discard(person)
        if lent:
            expires_at_ns = now_ns + self._hold_ns
            connection.execute(
                _LENT,
                [
                    {"query_id": query_id, "person": person, "expires_at_ns": expires_at_ns}
                    for query_id in mine
                ],
            )
        for query_id in mine:
            holders[query_id].add(person)
        return lent

    def _choose(self, person: str, count: int, holders: Mapping[str, set[str]]) -> list[Query]:
        book = self._book

        def free(query: Query) -> bool:
            done = book.answered_by(query.id)
            busy = done | holders.get(query.id, set())
            return person not in done and len(busy - {person}) < self._overlap

        mine = {query_id for query_id, who in holders.items() if person in who}
        held = [book.open[each] for each in sorted(mine, key=book.place) if each in book.open]
        chosen = [query for query in held if free(query)]
        second_choice: list[Query] = []
        for query in book.open.values():
            if len(chosen) >= count:
                break
            if query.id not in mine and free(query):
                (chosen if book.suits(query, person) else second_choice).append(query)
        return [*chosen, *second_choice][:count]

    def holds(self, person: str, query_id: str, now_ns: int) -> bool:
        """Whether `person` holds this question now; where not, their answer is an extra one."""
        return (person, query_id) in self.held(now_ns)

    def held(self, now_ns: int) -> set[tuple[str, str]]:
        """All that is lent now: person and query id."""
        with self._database.reading() as connection:
            rows = connection.execute(_HELD, {"now_ns": now_ns}).all()
        return {(row.person, row.query_id) for row in rows}

    def release(self, person: str, query_ids: Iterable[str]) -> None:
        """Give questions back before their time; those that `person` does not hold are no error."""
        with self._database.writing(durable=False) as connection:
            self._end(connection, person, set(query_ids))

    def _end(self, connection: sa.Connection, person: str, query_ids: set[str]) -> None:
        if query_ids:
            connection.execute(
                _ENDED, [{"whose": person, "which": each} for each in sorted(query_ids)]
            )


class _Book:
    """Queries and who answered them, read on from where it was read last."""

    def __init__(self, where: str, overlap: int) -> None:
        self._where, self._overlap = where, overlap
        self._feedback_cursor = self._query_cursor = 0
        self.open: dict[str, Query] = {}
        """queries with fewer than `overlap` people's answers, in the order they were asked"""
        self._queries: dict[str, Query] = {}
        self._places: dict[str, int] = {}
        self._answers: dict[str, tuple[str, str]] = {}
        """query and person of each answer's uuid, taken back or not"""
        self._retractions: list[Retraction] = []
        self._people: dict[str, set[str]] = defaultdict(set)
        self._clips: dict[str, set[frozenset[Segment]]] = defaultdict(set)

    def answered_by(self, query_id: str) -> set[str]:
        """Who gave an answer that stands."""
        return self._people.get(query_id, set())

    def place(self, query_id: str) -> int:
        """Where a query stands in the order in which they were asked."""
        return self._places.get(query_id, 0)

    def suits(self, query: Query, person: str) -> bool:
        """False for a question put again that `person` did not get the first time."""
        return query.reason != REPEAT or frozenset(query.segments) in self._clips[person]

    def read(self, connection: sa.Connection) -> None:
        """Take in what was committed since."""
        for row in connection.execute(_FRESH_QUERIES, {"cursor": self._query_cursor}):
            self._queries[row.id] = self.open[row.id] = query_of(self._where, row)
            self._query_cursor = self._places[row.id] = row.sequence
        fresh: list[str] = []
        before = len(self._retractions)
        for row in connection.execute(_FRESH_ANSWERS, {"cursor": self._feedback_cursor}):
            self._feedback_cursor = row.sequence
            if row.kind == Kind.RETRACTION:
                record = record_of(self._where, row.sequence, row.payload)
                assert isinstance(record, Retraction)
                self._retractions.append(record)
            else:
                self._answers[row.uuid] = (row.query_id, row.person)
                fresh.append(row.uuid)
        if len(self._retractions) > before:
            # An undo may open a question again; it is rare, so all is counted anew.
            self.open = dict(self._queries)
            self._people.clear()
            self._clips.clear()
            fresh = list(self._answers)
        if fresh:
            self._count(fresh)

    def _count(self, fresh: Iterable[str]) -> None:
        void = taken_back(self._retractions)
        for uuid in fresh:
            if uuid in void:
                continue
            query_id, person = self._answers[uuid]
            self._people[query_id].add(person)
            if query_id in self._queries:
                self._clips[person].add(frozenset(self._queries[query_id].segments))
            if len(self._people[query_id]) >= self._overlap:
                self.open.pop(query_id, None)
