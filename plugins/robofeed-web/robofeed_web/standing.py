"""What stands in the ledger now, followed record by record instead of read anew at each request."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

from robofeed.data.feedback import Consent, Feedback, Retraction, taken_back


class Entry(Protocol):
    """A row of the ledger."""

    @property
    def sequence(self) -> int:
        """Its place in the order of commits."""

    @property
    def feedback(self) -> Feedback:
        """The record."""


class Standing:
    """All records but retractions and what these took back. Any thread may use it.

    Args:
        since: `Ledger.since`.
    """

    def __init__(self, since: Callable[[int], Sequence[Entry]]) -> None:
        self._since = since
        self._lock = threading.Lock()
        self._cursor = 0
        self._records: dict[str, Feedback] = {}
        self._retractions: list[Retraction] = []
        self._void: set[str] = set()
        self._answers: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._consents: defaultdict[str, list[str]] = defaultdict(list)

    @property
    def cursor(self) -> int:
        """Sequence of the last record read."""
        return self._cursor

    @property
    def retracted(self) -> int:
        """How many records were taken back."""
        return len(self._void & self._records.keys())

    def follow(self) -> None:
        """Take in what was committed since, by whatever process."""
        with self._lock:
            retractions = len(self._retractions)
            for entry in self._since(self._cursor):
                self._take(entry.feedback)
                self._cursor = entry.sequence
            if len(self._retractions) > retractions:
                self._void = taken_back(self._retractions)

    def records(self) -> list[Feedback]:
        """Those that stand, in the order of commits."""
        with self._lock:
            void = self._void
            return [record for uuid, record in self._records.items() if uuid not in void]

    def record(self, uuid: str) -> Feedback | None:
        """A record by its uuid, if it is there and stands."""
        with self._lock:
            return None if uuid in self._void else self._records.get(uuid)

    def knows(self, uuid: str) -> bool:
        """Whether a record of this uuid was ever committed, retractions among them."""
        with self._lock:
            retractions = (each.stamp.uuid for each in self._retractions)
            return uuid in self._records or uuid in retractions

    def answers(self, person: str, query_id: str) -> list[str]:
        """Uuids of a person's standing rankings of a query, and of their standing skips."""
        with self._lock:
            said = self._answers.get((person, query_id), [])
            return [uuid for uuid in said if uuid not in self._void]

    def consent(self, person: str) -> str | None:
        """The version of the consent text a person agreed to last."""
        with self._lock:
            for uuid in reversed(self._consents.get(person, [])):
                record = self._records[uuid]
                if uuid not in self._void and isinstance(record, Consent):
                    return record.version
        return None

    def _take(self, record: Feedback) -> None:
        if isinstance(record, Retraction):
            self._retractions.append(record)
            return
        stamp = record.stamp
        self._records[stamp.uuid] = record
        if isinstance(record, Consent):
            self._consents[stamp.person].append(stamp.uuid)
        query_id = getattr(record, "query_id", None)
        if query_id is not None:
            self._answers[stamp.person, query_id].append(stamp.uuid)
