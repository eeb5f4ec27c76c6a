"""When to ask, how many questions, and never more than the budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from robofeed.data.errors import DataError
from robofeed.data.feedback import Query
from robofeed.feedback.footage import FootageLibrary
from robofeed.feedback.queries import ClipScores, QueryMaker
from robofeed.interfaces import Ranker


@dataclass(frozen=True, slots=True)
class Sessions:
    """When questions are put: a first session, then one every so many steps, until the budget is asked.

    `repeats` is the share of questions that are put a second time with the clips swapped; they
    measure consistency and count as answers like any other.
    """

    first_at_step: int
    every_steps: int
    first_answers: int
    answers: int
    budget: int
    repeats: float = 0.0


class Interviewer:
    """Puts queries to a ranker, session by session. Asking never waits for an answer."""

    def __init__(
        self,
        sessions: Sessions,
        maker: QueryMaker,
        footage: FootageLibrary,
        ranker: Ranker,
        store: Callable[[Sequence[Query]], None],
        answered: Callable[[str], bool],
        rng: np.random.Generator,
    ) -> None:
        self._sessions, self._maker, self._footage = sessions, maker, footage
        self._ranker, self._store, self._answered = ranker, store, answered
        self.rng = rng
        self.next_id = 0
        self.next_step = sessions.first_at_step
        self.asked = 0
        self._history: list[Query] = []

    def ask_when_due(self, steps: int, scores: ClipScores | None) -> int:
        """Hold a session if one is due at `steps`; returns how many queries were put."""
        if steps < self.next_step or self.asked >= self._sessions.budget:
            return 0
        sessions = self._sessions
        wanted = sessions.first_answers if self.asked == 0 else sessions.answers
        worth = self._maker.clips - 1
        count = min(wanted, sessions.budget - self.asked) // worth
        queries = self._compose(count, scores)
        self.next_step = steps + sessions.every_steps
        self._put(queries)
        return len(queries)

    def resume(self, next_id: int, next_step: int, asked: int, history: Sequence[Query]) -> None:
        """Continue where a checkpoint left off."""
        self.next_id, self.next_step, self.asked = next_id, next_step, asked
        self._history = list(history)

    def has_asked(self, query_id: str) -> bool:
        """Whether a query of this number was put in this run's own timeline."""
        return int(query_id[1:]) < self.next_id

    def _compose(self, count: int, scores: ClipScores | None) -> list[Query]:
        repeats = int(self.rng.binomial(count, self._sessions.repeats)) if self._history else 0
        queries = self._maker.make(
            count - repeats,
            self._footage.recent,
            self.rng,
            scores,
            self._footage.features,
            self.next_id,
        )
        for _ in range(repeats):
            earlier = self._history[int(self.rng.integers(len(self._history)))]
            number = self.next_id + len(queries)
            swapped = tuple(reversed(earlier.shown_order))
            queries.append(Query(f"q{number:06d}", earlier.segments, swapped, "repeat"))
        return queries

    def _put(self, queries: list[Query]) -> None:
        try:
            self._store(queries)
        except DataError as error:
            raise DataError(
                f"{error}; the resumed run asks other questions than the interrupted one did: "
                "resume it with --inexact, or on the machine and with the versions it began with"
            ) from error
        self.next_id += len(queries)
        self.asked += len(queries) * (self._maker.clips - 1)
        self._history.extend(query for query in queries if query.reason != "repeat")
        # After a resume some of them may have been answered already, before the interruption.
        self._ranker.ask([query for query in queries if not self._answered(query.id)])
