"""Simulated people. They see true returns; the learner sees only what they answer.

The teachers are those of B-Pref (Lee et al. 2021, arXiv 2111.03026): oracle, noisy, myopic,
mistake, skip, equal; each irrationality is one number of `TeacherConfig`, so they compose. The
published code multiplies the skip and equal thresholds by epsilon twice after the first session,
which makes them weaker than the paper says; here the paper's rule holds: the threshold is a share
of the typical return of a clip. B-Pref's rewards are never negative; ours may be, so "typical" is
counted from the worst clip the teacher has seen, in the question and those before it.
"""

from __future__ import annotations

import time
import uuid
import zlib
from collections.abc import Sequence

import numpy as np

from robofeed.data.feedback import Query, Ranking, Skip, Stamp
from robofeed.feedback.teacher_config import TeacherConfig
from robofeed.interfaces import Desk, TruthReader

_NAMESPACE = uuid.UUID("6f7d3c1e-8f2b-5b0e-9c55-5d6a3f0c7b1a")


class SimulatedTeacher:
    """Answers every query at once, by true return. A `Ranker` that also `UsesTruth`.

    The randomness of an answer depends on the seed and the query alone, and what is typical on the
    queries up to this one, so that a resumed run gets the answers the uninterrupted one would have
    got.
    """

    prompt = True

    def __init__(self, config: TeacherConfig, seed: int) -> None:
        self._config = config
        self._seed = seed
        self._desk: Desk | None = None
        self._reader: TruthReader | None = None
        self._seen: dict[str, list[float]] = {}
        """returns of the clips of each query, where what is typical matters"""

    def use_truth(self, reader: TruthReader, history: Sequence[Query]) -> None:
        """Take the reader, and recall the clips of `history`, which set what is typical."""
        self._reader = reader
        if self._config.skip or self._config.equal:
            for query in history:
                self._seen[query.id] = self._returns(query)

    def open(self, desk: Desk) -> None:
        """Take the desk."""
        self._desk = desk

    def ask(self, queries: Sequence[Query]) -> None:
        """Answer all of them before returning: a simulated person is never slow."""
        if self._desk is None:
            raise RuntimeError("SimulatedTeacher.ask before open")
        for query in queries:
            self._desk.append(self.answer(query))

    def close(self) -> None:
        """Nothing to stop."""

    def answer(self, query: Query) -> Ranking | Skip:
        """Judge one query."""
        config = self._config
        rng = np.random.default_rng([self._seed, zlib.crc32(query.id.encode())])
        returns = np.array(self._returns(query))
        stamp = self._stamp(query)
        if config.skip or config.equal:
            self._seen[query.id] = returns.tolist()
            worst, typical = self._typical(query.id)
            if np.max(returns) - worst < config.skip * typical:
                return Skip(stamp, query.id)
            tie = config.equal * typical
        else:
            tie = 0.0
        # Sorting by utility plus Gumbel noise draws from Plackett-Luce, which for two clips is
        # Bradley-Terry: P(a > b) = exp(beta a) / (exp(beta a) + exp(beta b)).
        utility = returns
        if np.isfinite(config.beta):
            utility = config.beta * returns + rng.gumbel(size=len(returns))
        ranked = [int(index) for index in np.argsort(-utility, kind="stable")]
        if config.mistake and rng.random() < config.mistake:
            ranked.reverse()
        groups: list[list[int]] = [[ranked[0]]]
        for index in ranked[1:]:
            # Tied with each of the group, and not only by way of one in between.
            difference = max(abs(returns[other] - returns[index]) for other in groups[-1])
            # An exact tie of returns is a tie for any teacher that goes by return alone.
            if difference < tie or (difference == 0.0 and np.isinf(config.beta)):
                groups[-1].append(index)
            else:
                groups.append([index])
        return Ranking(stamp, query.id, tuple(tuple(group) for group in groups))

    def _typical(self, query_id: str) -> tuple[float, float]:
        """The worst return so far, and how far above it the average one is."""
        seen = [
            value for asked, returns in self._seen.items() if asked <= query_id for value in returns
        ]
        worst = min(seen)
        return worst, float(np.mean(seen)) - worst

    def _returns(self, query: Query) -> list[float]:
        if self._reader is None:
            raise RuntimeError("SimulatedTeacher needs use_truth before it can answer")
        gamma = self._config.gamma
        returns = []
        for segment in query.segments:
            rewards = self._reader(segment)
            weights = gamma ** np.arange(len(rewards) - 1, -1, -1)
            returns.append(float(weights @ rewards))
        return returns

    def _stamp(self, query: Query) -> Stamp:
        now_ns = time.time_ns()
        return Stamp(
            uuid=str(uuid.uuid5(_NAMESPACE, f"{self._seed}/{self._config.kind}/{query.id}")),
            person=f"simulated-{self._config.kind}",
            source="teacher",
            shown_at_ns=now_ns,
            answered_at_ns=now_ns,
            shown_order=query.shown_order,
        )
