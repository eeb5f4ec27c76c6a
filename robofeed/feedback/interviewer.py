"""When to ask, how many questions, and never more than the budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from robofeed.data.errors import DataError
from robofeed.data.feedback import REPEAT, Query
from robofeed.feedback.footage import FootageLibrary
from robofeed.feedback.queries import ClipScores, QueryMaker
from robofeed.interfaces import Ranker


@dataclass(frozen=True, slots=True)
class Sessions:
    """When questions are put: a first session, then one every so many steps, up to the budget.

    A question about K clips asks for K - 1 answers. Where these do not divide what a session asks
    for, its last question is about fewer clips.
    """

    first_at_step: int
    every_steps: int
    first_answers: int
    """asked for in the first session"""
    answers: int
    """asked for in each later one"""
    budget: int
    """never asked for more in all"""
    most_open: int | None = None
    """a later session is put off while more queries than this wait for an answer; None = never"""
    repeats: float = 0.0
    """share of questions put a second time with the clips the other way round: they show how
    consistent a person is, and count as answers like any other"""


class Interviewer:
    """Puts queries to a ranker, session by session. Asking never waits for an answer.

    Args:
        sessions: When, and how many.
        maker: Chooses the clips.
        footage: Has the clips.
        ranker: Is asked.
        store: Keeps queries for good (`Ledger.add_queries`), before anyone is asked.
        answered: Whether a query of this id is answered already (`Ledger.has_answer`): it is not
            put to the ranker again.
        rng: Draws clips, their order on the screen, and repeats.
    """

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
        self._rng = rng
        self.next_id = 0
        """number of the next query: how many were put so far"""
        self.next_step = sessions.first_at_step
        """when the next session is due"""
        self.asked = 0
        """answers asked for so far"""
        self._history: list[Query] = []

    def ask_when_due(
        self, steps: int, scores: ClipScores | None, forgone: int = 0, answered: int | None = None
    ) -> int:
        """Hold a session if one is due at `steps`; returns how many queries were put.

        `answered` of the queries put so far have their answer; None = all of them. `forgone` of
        the answers asked for will never come, because a skip counts one whatever the number of
        clips (`Tally.forgone`): others are asked for instead.
        """
        sessions = self._sessions
        left = sessions.budget - self.asked + forgone
        if steps < self.next_step or left <= 0 or self._too_many_open(answered):
            return 0
        wanted = sessions.first_answers if self.asked == 0 else sessions.answers
        queries = self._compose(min(wanted, left), scores)
        # Sessions that people put off are made up for, so that slow answers cost no extra steps.
        since = steps if sessions.most_open is None else self.next_step
        self.next_step = since + sessions.every_steps
        self._put(queries)
        return len(queries)

    def waits_since(self, answered: int, forgone: int = 0) -> int | None:
        """The step from which on people are waited for; None while nobody is.

        Once the whole budget has been asked for, its last queries are waited for too.
        """
        spent = self._sessions.budget - self.asked + forgone <= 0
        last_ones = spent and self._sessions.most_open is not None and answered < self.next_id
        return self.next_step if last_ones or self._too_many_open(answered) else None

    def _too_many_open(self, answered: int | None) -> bool:
        most = self._sessions.most_open
        return most is not None and answered is not None and self.next_id - answered > most

    def resume(self, next_id: int, next_step: int, put: Sequence[Query]) -> None:
        """Continue where a checkpoint left off: `put` are the queries up to `next_id`."""
        self.next_id, self.next_step = next_id, next_step
        self._count(put)

    def has_asked(self, query_id: str) -> bool:
        """Whether a query of this number was put in this run's own timeline."""
        return int(query_id[1:]) < self.next_id

    def _compose(self, answers: int, scores: ClipScores | None) -> list[Query]:
        whole, rest = divmod(answers, self._maker.clips - 1)
        repeats = int(self._rng.binomial(whole, self._sessions.repeats)) if self._history else 0
        queries = self._make(self._maker, whole - repeats, self.next_id, scores)
        for _ in range(repeats):
            earlier = self._history[int(self._rng.integers(len(self._history)))]
            number = self.next_id + len(queries)
            swapped = tuple(reversed(earlier.shown_order))
            queries.append(Query(f"q{number:06d}", earlier.segments, swapped, REPEAT))
        if rest:
            smaller = replace(self._maker, clips=rest + 1)
            queries += self._make(smaller, 1, self.next_id + len(queries), scores)
        return queries

    def _make(
        self, maker: QueryMaker, count: int, first_id: int, scores: ClipScores | None
    ) -> list[Query]:
        footage = self._footage
        return maker.make(count, footage.recent, self._rng, scores, footage.features, first_id)

    def _put(self, queries: list[Query]) -> None:
        try:
            self._store(queries)
        except DataError as error:
            raise DataError(
                f"{error}; the resumed run asks other questions than the interrupted one did: "
                "resume it with --inexact, or on the machine and with the versions it began with"
            ) from error
        self.next_id += len(queries)
        self._count(queries)
        # After a resume some of them may have been answered already, before the interruption.
        self._ranker.ask([query for query in queries if not self._answered(query.id)])

    def _count(self, queries: Sequence[Query]) -> None:
        self.asked += sum(len(query.segments) - 1 for query in queries)
        self._history.extend(query for query in queries if query.reason != REPEAT)
