"""Which clips to ask about: candidates that share a context, and the selection among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from robofeed.data.episode import Segment
from robofeed.data.feedback import Query
from robofeed.data.spec import FloatArray

Context = Literal["matched", "seed", "episode", "any"]
Selection = Literal["uniform", "disagreement", "entropy", "information", "coverage"]

ClipScores = Callable[[Sequence[Segment]], FloatArray]
"""Reward-model score of each segment by each member: float32 [members, segments]."""
ClipFeatures = Callable[[Sequence[Segment]], FloatArray]
"""What coverage measures distance in: float32 [segments, features]."""


@dataclass(frozen=True, slots=True)
class Footage:
    """What queries need to know of an episode."""

    episode_id: str
    seed: int | None
    steps: int


@dataclass(frozen=True, slots=True)
class QueryMaker:
    """Makes queries of `clips` segments of `segment_steps` steps.

    Context says what the clips of a query share. In goal-conditioned tasks, clips with different
    goals mostly compare the goals; `seed` takes the same steps of episodes that began alike (parts
    of one episode as long as no `clips` of them did), `episode` takes parts of one episode,
    `matched` takes either, `any` asks about anything.
    """

    context: Context
    selection: Selection
    segment_steps: int
    candidates: int
    """drawn for each query asked, for selections that look at them"""
    clips: int = 2
    late_share: float = 0.0
    """share of queries about the ends of episodes, where it shows whether a goal was met"""

    def make(
        self,
        count: int,
        footage: Sequence[Footage],
        rng: np.random.Generator,
        scores: ClipScores | None,
        features: ClipFeatures,
        first_id: int,
    ) -> list[Query]:
        """Choose `count` queries; fewer where `footage` gives no more.

        Without `scores` (no reward model yet) the selections that need them fall back to uniform.
        """
        selection = self.selection
        if scores is None and selection in _NEED_SCORES:
            selection = "uniform"
        wanted = count if selection == "uniform" else count * self.candidates
        pairs = self._candidates(wanted, footage, rng)
        if not pairs:
            return []
        if selection in _NEED_SCORES:
            assert scores is not None
            pairs = _most(pairs, _informative(selection, pairs, scores), count)
        elif selection == "coverage":
            pairs = _spread_out(pairs, features, count, rng)
        return [
            Query(
                id=f"q{first_id + index:06d}",
                segments=segments,
                shown_order=tuple(int(place) for place in rng.permutation(len(segments))),
                reason=f"{self.context}/{selection}",
            )
            for index, segments in enumerate(pairs[:count])
        ]

    def _candidates(
        self, count: int, footage: Sequence[Footage], rng: np.random.Generator
    ) -> list[tuple[Segment, ...]]:
        long_enough = [film for film in footage if film.steps >= self.segment_steps]
        twins = _by_seed(long_enough, self.clips)
        found: list[tuple[Segment, ...]] = []
        known: set[tuple[Segment, ...]] = set()
        # Drawing again after a repetition; the bound ends the search where footage is scarce.
        for _ in range(20 * count):
            if len(found) == count:
                break
            segments = self._draw(long_enough, twins, rng)
            if segments is None:
                break
            key = tuple(sorted(segments))
            if key not in known and len(set(key)) == len(key):
                known.add(key)
                found.append(segments)
        return found

    def _draw(
        self,
        footage: Sequence[Footage],
        twins: Sequence[Sequence[Footage]],
        rng: np.random.Generator,
    ) -> tuple[Segment, ...] | None:
        context = self.context
        if context == "matched":
            context = "seed" if twins and rng.random() < _SEED_SHARE else "episode"
        if context == "seed" and twins:
            group = twins[int(rng.integers(len(twins)))]
            films = [group[int(i)] for i in rng.permutation(len(group))[: self.clips]]
            start = self._start(min(film.steps for film in films), rng)
            return tuple(self._cut(film, start) for film in films)
        if not footage:
            return None
        if context == "any":
            films = [footage[int(i)] for i in rng.integers(len(footage), size=self.clips)]
        else:
            films = [footage[int(rng.integers(len(footage)))]] * self.clips
        return tuple(self._cut(film, self._start(film.steps, rng)) for film in films)

    def _start(self, steps: int, rng: np.random.Generator) -> int:
        if rng.random() < self.late_share:
            return steps - self.segment_steps
        return int(rng.integers(steps - self.segment_steps + 1))

    def _cut(self, film: Footage, start: int) -> Segment:
        return Segment(film.episode_id, start, start + self.segment_steps)


_NEED_SCORES = ("disagreement", "entropy", "information")

_SEED_SHARE = 0.7
"""Share of matched queries that compare episodes with one start; the rest stay in one episode."""


def _by_seed(footage: Sequence[Footage], at_least: int) -> list[list[Footage]]:
    groups: dict[int, list[Footage]] = {}
    for film in footage:
        if film.seed is not None:
            groups.setdefault(film.seed, []).append(film)
    return [group for group in groups.values() if len(group) >= at_least]


def _informative(
    selection: Selection, candidates: Sequence[tuple[Segment, ...]], scores: ClipScores
) -> FloatArray:
    """What each candidate promises to tell, averaged over its pairs of clips.

    `disagreement`: standard deviation over members of the probability that one clip is better (Lee
    et al. 2021). `entropy`: how unsure the members' average is. `information`: entropy less what
    would remain if the right member were known (Houlsby et al. 2011), which leaves out pairs that
    are merely close.
    """
    clips = len(candidates[0])
    flat = scores([segment for segments in candidates for segment in segments])
    value = flat.reshape(len(flat), len(candidates), clips)
    first, second = np.triu_indices(clips, 1)
    odds = np.clip(value[:, :, first] - value[:, :, second], -60.0, 60.0)
    probability = 1.0 / (1.0 + np.exp(-odds))
    if selection == "disagreement":
        worth = probability.std(axis=0)
    else:
        worth = _entropy(probability.mean(axis=0))
        if selection == "information":
            worth = worth - _entropy(probability).mean(axis=0)
    mean: FloatArray = worth.mean(axis=1)
    return mean


def _entropy(probability: FloatArray) -> FloatArray:
    p = probability.clip(1e-6, 1.0 - 1e-6)
    entropy: FloatArray = -(p * np.log(p) + (1.0 - p) * np.log(1.0 - p))
    return entropy


def _most(
    pairs: Sequence[tuple[Segment, ...]], worth: FloatArray, count: int
) -> list[tuple[Segment, ...]]:
    return [pairs[int(index)] for index in np.argsort(-worth, kind="stable")[:count]]


def _spread_out(
    pairs: Sequence[tuple[Segment, ...]],
    features: ClipFeatures,
    count: int,
    rng: np.random.Generator,
) -> list[tuple[Segment, ...]]:
    """Greedy k-centre (Gonzalez 1985): each next pair is the one furthest from those chosen."""
    if len(pairs) <= count:
        return list(pairs)
    places = np.concatenate(
        [features([segments[clip] for segments in pairs]) for clip in range(len(pairs[0]))], axis=1
    )
    places = (places - places.mean(axis=0)) / (places.std(axis=0) + 1e-6)
    chosen = [int(rng.integers(len(pairs)))]
    distance = np.full(len(pairs), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, np.linalg.norm(places - places[chosen[-1]], axis=1))
        # Not the same one again, even where all look alike.
        distance[chosen[-1]] = -1.0
        chosen.append(int(np.argmax(distance)))
    return [pairs[index] for index in chosen]
