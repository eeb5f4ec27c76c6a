"""Do people agree, with each other and with themselves, and how long do they take?

A ranking is looked at pair by pair: each two clips in it are one judgement, 1 where the first of
them (by episode and step) is the better one, -1 where the other is, 0 for a tie. Skips are no
judgement.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from statistics import median
from typing import Literal

from robofeed.data.episode import Segment
from robofeed.data.feedback import Feedback, Query, Ranking, Skip

Pair = tuple[Segment, Segment]


@dataclass(frozen=True, slots=True)
class PersonSummary:
    """What one person gave, and how steadily."""

    person: str
    rankings: int
    skips: int
    repeats: int
    """pairs of clips that this person judged more than once"""
    agreed: int
    """of those, how many later judgements were the first one again"""
    median_s: float | None
    """seconds from being shown the clips to the answer; None where that was not measured"""

    @property
    def consistency(self) -> float | None:
        """Share of repeated judgements that came out alike, None without any."""
        return self.agreed / self.repeats if self.repeats else None


@dataclass(frozen=True, slots=True)
class PeopleSummary:
    """Everybody's answers together. The alphas are None where no pair was judged by two people."""

    people: tuple[PersonSummary, ...]
    shared_pairs: int
    """pairs of clips that two people or more judged"""
    alpha_nominal: float | None
    alpha_ordinal: float | None


def summarise_people(standing: Sequence[Feedback], queries: Sequence[Query]) -> PeopleSummary:
    """Count the records that stand; answers to queries that are not given count without pairs."""
    asked = {query.id: query for query in queries}
    answers = [record for record in standing if isinstance(record, Ranking | Skip)]
    judged: dict[str, dict[Pair, list[int]]] = defaultdict(lambda: defaultdict(list))
    for record in answers:
        if isinstance(record, Ranking) and record.query_id in asked:
            for pair, judgement in judgements(record, asked[record.query_id]):
                judged[record.stamp.person][pair].append(judgement)
    people = tuple(
        _person(name, [each for each in answers if each.stamp.person == name], judged[name])
        for name in sorted({record.stamp.person for record in answers})
    )
    units: dict[Pair, list[int]] = defaultdict(list)
    for pairs in judged.values():
        for pair, several in pairs.items():
            # The first: what somebody says of it again measures them, not their agreement.
            units[pair].append(several[0])
    values = list(units.values())
    return PeopleSummary(
        people,
        sum(len(unit) > 1 for unit in values),
        krippendorff_alpha(values, "nominal"),
        krippendorff_alpha(values, "ordinal"),
    )


def judgements(ranking: Ranking, query: Query) -> Iterator[tuple[Pair, int]]:
    """Each two clips of a ranking, in the order of their episodes, and which is better."""
    place = {
        query.segments[clip]: rank for rank, group in enumerate(ranking.order) for clip in group
    }
    for first, second in combinations(sorted(place), 2):
        difference = place[second] - place[first]
        yield (first, second), (difference > 0) - (difference < 0)


def krippendorff_alpha(
    units: Sequence[Sequence[int]], level: Literal["nominal", "ordinal"]
) -> float | None:
    """How far people agree beyond chance: 1 = always, 0 = as if at random, below 0 = worse.

    `units` holds the values that each unit was given, one a person; those given one alone say
    nothing of agreement. None where nothing is left, or where all values are the same and chance
    cannot be told from agreement.

    K. Krippendorff, "Computing Krippendorff's Alpha-Reliability", University of Pennsylvania, 2011.
    """
    weights: dict[tuple[int, int], float] = defaultdict(float)
    for unit in units:
        for pair, times in Counter(permutations(unit, 2)).items():
            weights[pair] += times / (len(unit) - 1)
    totals: dict[int, float] = defaultdict(float)
    for (value, _), weight in weights.items():
        totals[value] += weight
    pairable = sum(totals.values())
    distance = _ordinal(totals) if level == "ordinal" else _nominal
    observed = math.fsum(weight * distance(*pair) for pair, weight in weights.items())
    expected = math.fsum(
        totals[one] * totals[other] * distance(one, other) for one in totals for other in totals
    )
    if expected == 0.0:
        return None
    return 1.0 - (pairable - 1.0) * observed / expected


def _nominal(one: int, other: int) -> float:
    return float(one != other)


def _ordinal(totals: Mapping[int, float]) -> Callable[[int, int], float]:
    """Squared number of values given from one to the other, the ends counted half."""

    def distance(one: int, other: int) -> float:
        low, high = sorted((one, other))
        between = sum(count for value, count in totals.items() if low <= value <= high)
        return (between - (totals[low] + totals[high]) / 2) ** 2

    return distance


def _person(
    name: str, answers: Sequence[Ranking | Skip], judged: Mapping[Pair, Sequence[int]]
) -> PersonSummary:
    again = [(several[0], later) for several in judged.values() for later in several[1:]]
    taken_s = [
        (each.stamp.answered_at_ns - each.stamp.shown_at_ns) * 1e-9
        for each in answers
        if 0 < each.stamp.shown_at_ns <= each.stamp.answered_at_ns
    ]
    rankings = sum(isinstance(each, Ranking) for each in answers)
    return PersonSummary(
        person=name,
        rankings=rankings,
        skips=len(answers) - rankings,
        repeats=len(again),
        agreed=sum(first == later for first, later in again),
        median_s=median(taken_s) if taken_s else None,
    )
