"""What the server does for people: hands out questions, takes in what is said, shows clips."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Protocol

from robofeed.data import consent
from robofeed.data.episode import Segment
from robofeed.data.errors import DataError
from robofeed.data.feedback import Feedback, Outcome, Query, Rating, Receipt
from robofeed.data.leases import Leases
from robofeed.data.ledger import Ledger
from robofeed.data.people import Person
from robofeed.data.store import EpisodeStore
from robofeed_web.answers import ConsentSaid, RankingSaid, RetractionSaid, Said, SkipSaid, record_of
from robofeed_web.people_figures import people_figures
from robofeed_web.refusal import Refusal
from robofeed_web.standing import Standing

_CLIP_WAIT_S = 20.0
_MOST_AT_ONCE = 20
"""Questions handed to one page."""


Taken = tuple[Receipt, bool]
"""Where a record is in the ledger, and whether it came after its lease."""


class ShownClip(Protocol):
    """A clip as a file."""

    @property
    def path(self) -> Path:
        """The MP4."""

    @property
    def fps(self) -> float:
        """Frames a second."""

    @property
    def missing(self) -> tuple[int, ...]:
        """Frames that could not be had."""


class Film(Protocol):
    """Where clips come from."""

    def clip_id(self, segment: Segment) -> str:
        """Opaque."""

    def ready(self, segment: Segment) -> ShownClip | None:
        """The file if it is there, at once. Raises DataError."""

    def clip(self, segment: Segment, timeout_s: float) -> ShownClip:
        """Make the file, or take it as it is there. Raises DataError."""


class Office:
    """One ledger's people served by one server. Any thread may use it."""

    def __init__(self, ledger: Ledger, leases: Leases, film: Film, store: EpisodeStore) -> None:
        self._ledger, self._leases, self._film, self._store = ledger, leases, film, store
        self.standing = Standing(ledger.since)
        # What may be stored depends on what is: nobody writes between the look and the commit.
        self._pen = threading.Lock()
        self._segments: dict[str, Segment] = {}
        self._queries: dict[str, Query] = {}
        self._counted: tuple[int, dict[str, Any]] | None = None

    def take_all(self, said: Sequence[tuple[Said, Person]]) -> list[Taken | Exception]:
        """Store what people said, durably.

        The same again gives the same receipt. In place of what is not stored stands why:

        - Refusal: no consent yet, an unknown question, a malformed ranking, a second answer to one
          question, somebody else's record to be taken back.
        - DataError: the ledger cannot store it now.
        """
        outcomes: dict[int, Taken | Exception] = {}
        waiting = dict(enumerate(said))
        with self._pen:
            while waiting:
                # Of one person one after the other: what they may say next depends on it.
                first = {
                    person.pseudonym: number for number, (_, person) in reversed(waiting.items())
                }
                together = {number: waiting.pop(number) for number in sorted(first.values())}
                outcomes |= self._commit(together)
        return [outcomes[number] for number in range(len(said))]

    def _commit(self, said: Mapping[int, tuple[Said, Person]]) -> dict[int, Taken | Exception]:
        """Check and store in one commit, by the numbers in `said`."""
        self.standing.follow()
        held = self._leases.held(time.time_ns())
        outcomes: dict[int, Taken | Exception] = {}
        passed: dict[int, tuple[Feedback, bool]] = {}
        for number, (each, person) in said.items():
            try:
                record = record_of(each, person.pseudonym, self.query)
                passed[number] = record, self._check(each, record, person, held)
            except (Refusal, DataError) as error:
                outcomes[number] = error
        receipts = self._ledger.append_all([record for record, _ in passed.values()])
        for (number, (_, late)), receipt in zip(passed.items(), receipts, strict=True):
            outcomes[number] = receipt if isinstance(receipt, Exception) else (receipt, late)
        return outcomes

    def _check(
        self, said: Said, record: Feedback, person: Person, held: Set[tuple[str, str]]
    ) -> bool:
        """Raise `Refusal` where it must not be stored; returns whether it is late."""
        name, uuid = person.pseudonym, record.stamp.uuid
        if isinstance(said, ConsentSaid):
            return False
        if self.standing.consent(name) != consent.VERSION:
            raise Refusal(403, "consent", "agree to the text about what is kept, then answer")
        if isinstance(said, RetractionSaid):
            self._check_own(str(said.retracts), name)
        if isinstance(record, Outcome):
            self._episode_length(record.episode_id)
        if not isinstance(said, RankingSaid | SkipSaid):
            return False
        others = [one for one in self.standing.answers(name, said.query) if one != uuid]
        if others:
            raise Refusal(
                409, "answered", f"you answered question {said.query} already; undo that first"
            )
        return (name, said.query) not in held

    def _check_own(self, uuid: str, name: str) -> None:
        record = self.standing.record(uuid)
        if record is not None and record.stamp.person != name:
            raise Refusal(403, "foreign", "only what you said yourself can be taken back by you")
        if record is None and not self.standing.knows(uuid):
            raise Refusal(404, "unknown", f"there is no record {uuid} to take back")

    def questions(self, wishes: Sequence[tuple[Person, int]]) -> list[list[Query]]:
        """Open questions for people, so many for each, lent to them for a while.

        Those that a person was lent before, and has not answered, are among them.
        """
        lent = self._leases.take_all(
            [(who.pseudonym, min(max(count, 0), _MOST_AT_ONCE)) for who, count in wishes],
            time.time_ns(),
        )
        for query in itertools.chain(*lent):
            self._know(query)
        return lent

    def query(self, query_id: str) -> Query:
        """A question by its id.

        Raises:
            Refusal: it was never asked.
        """
        if query_id not in self._queries:
            try:
                self._know(self._ledger.query(query_id))
            except DataError as error:
                raise Refusal(404, "unknown", f"question {query_id} was never asked") from error
        return self._queries[query_id]

    def clip(self, clip_id: str, wait: bool) -> ShownClip | None:
        """The file of a clip that some question shows; None while it is not made.

        With `wait` it is made before all others, and waited for.

        Raises:
            Refusal: no such clip.
            DataError: it cannot be made.
        """
        if re.fullmatch(r"[0-9a-f]{8,64}", clip_id) and clip_id not in self._segments:
            # After a restart: a page still shows questions that this server did not hand out.
            for query in self._ledger.queries():
                self._know(query)
        if clip_id not in self._segments:
            raise Refusal(404, "unknown", "no question shows such a clip")
        segment = self._segments[clip_id]
        return self._film.clip(segment, _CLIP_WAIT_S) if wait else self._film.ready(segment)

    def clip_id(self, segment: Segment) -> str:
        """The opaque id under which the browser gets a clip from now on."""
        clip_id = self._film.clip_id(segment)
        self._segments[clip_id] = segment
        return clip_id

    def to_rate(self, person: Person, count: int) -> list[tuple[Query, int]]:
        """Clips a person has not rated yet, as a question and a place in it."""
        self.standing.follow()
        rated = {one.segment for one in self._said_by(person) if isinstance(one, Rating)}
        found: list[tuple[Query, int]] = []
        for query in reversed(self._ledger.queries()):
            for place, index in enumerate(query.shown_order):
                segment = query.segments[index]
                if segment not in rated and len(found) < count:
                    rated.add(segment)
                    self._know(query)
                    found.append((query, place))
        return found

    def to_judge(self, person: Person, count: int) -> list[tuple[str, Segment]]:
        """Whole episodes a person has not judged yet, the newest first."""
        self.standing.follow()
        judged = {one.episode_id for one in self._said_by(person) if isinstance(one, Outcome)}
        newest = [name for name in reversed(self._store.ids()) if name not in judged][:count]
        return [(name, Segment(name, 0, self._episode_length(name))) for name in newest]

    def _episode_length(self, episode_id: str) -> int:
        try:
            return len(self._store.read(episode_id))
        except DataError as error:
            raise Refusal(404, "unknown", f"there is no episode {episode_id}") from error

    def _said_by(self, person: Person) -> Iterator[Feedback]:
        records = self.standing.records()
        return (record for record in records if record.stamp.person == person.pseudonym)

    def _know(self, query: Query) -> None:
        if query.id not in self._queries:
            self._queries[query.id] = query
            for segment in query.segments:
                self.clip_id(segment)

    def people(self) -> dict[str, Any]:
        """Figures of everybody, and how far they agree; counted anew only after a new record."""
        self.standing.follow()
        if self._counted is None or self._counted[0] != self.standing.cursor:
            figures = people_figures(self.standing.records(), self._ledger.queries())
            self._counted = (self.standing.cursor, figures)
        return self._counted[1]

    def as_json(self, query: Query) -> dict[str, Any]:
        """A question as the page gets it: clips in the order shown, and not why it was chosen."""
        clips = [self.clip_id(query.segments[index]) for index in query.shown_order]
        return {"id": query.id, "clips": clips}
