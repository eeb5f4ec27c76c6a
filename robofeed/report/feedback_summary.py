"""What people said over a run, counted from the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from robofeed.data.feedback import Correction, Demonstration, Feedback, Query, Ranking, Remark, Skip
from robofeed.feedback.agreement import PeopleSummary, summarise_people
from robofeed.report import wording
from robofeed.report.facts import Fact


@dataclass(frozen=True, slots=True)
class FeedbackSummary:
    """Facts about the feedback of a run, or the reason why there are none.

    `pairs` counts comparisons of two clips: a ranking of K clips holds K (K - 1) / 2, with ties.
    """

    facts: Sequence[Fact] = ()
    pairs: int | None = None
    missing: str = ""


def summarise(
    standing: Iterable[Feedback], taken_back: int, queries: Sequence[Query]
) -> FeedbackSummary:
    """Count the records that stand; `taken_back` others were retracted."""
    records = list(standing)
    rankings = [record for record in records if isinstance(record, Ranking)]
    skips = [record for record in records if isinstance(record, Skip)]
    answered: list[Ranking | Skip] = [*rankings, *skips]
    asked = {query.id: query for query in queries}
    reasons = Counter(query.reason for query in queries)
    facts = [
        Fact("Questions asked", wording.count(len(queries))),
        Fact("Rankings", wording.count(len(rankings))),
        Fact("of which all tied", wording.count(sum(len(each.order) == 1 for each in rankings))),
        Fact("Can't tell", wording.count(len(skips))),
        Fact("Taken back", wording.count(taken_back)),
        Fact("Demonstrations", wording.count(_kind(records, Demonstration))),
        Fact("Corrections", wording.count(_kind(records, Correction))),
        Fact("Remarks", wording.count(_kind(records, Remark))),
        Fact("People", _shares(Counter(each.stamp.person for each in answered))),
        Fact("Asked through", _shares(Counter(each.stamp.source for each in answered))),
        Fact("Chosen by", _shares(reasons)),
        Fact("Time to answer", _time_to_answer(answered)),
        Fact("Same answer when asked again", _consistency(rankings, asked)),
        Fact("Agreement between people", _agreement(summarise_people(records, queries))),
    ]
    return FeedbackSummary(facts, sum(_pairs(ranking) for ranking in rankings))


def _pairs(ranking: Ranking) -> int:
    clips = sum(len(group) for group in ranking.order)
    return clips * (clips - 1) // 2


def _kind(records: Sequence[Feedback], kind: type) -> int:
    return sum(isinstance(record, kind) for record in records)


def _shares(counts: Counter[str]) -> str:
    """The commonest first, at most three by name."""
    named = [f"{name} ({wording.count(number)})" for name, number in counts.most_common(3)]
    rest = len(counts) - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest else "") or wording.UNKNOWN


def _time_to_answer(answered: Sequence[Ranking | Skip]) -> str:
    taken = [
        (each.stamp.answered_at_ns - each.stamp.shown_at_ns) * 1e-9
        for each in answered
        if 0 < each.stamp.shown_at_ns <= each.stamp.answered_at_ns
    ]
    return f"{wording.number(median(taken))} s (median)" if taken else wording.UNKNOWN


def _agreement(people: PeopleSummary) -> str:
    if people.alpha_ordinal is None:
        return (
            "no pair of clips was judged by two people" if not people.shared_pairs else "all alike"
        )
    alpha = wording.number(people.alpha_ordinal, 2)
    return f"Krippendorff's alpha {alpha} (ordinal, {wording.count(people.shared_pairs)} pairs)"


def _consistency(rankings: Sequence[Ranking], asked: Mapping[str, Query]) -> str:
    """How often one person's later ranking of the same clips was the earlier one."""
    earlier: dict[object, object] = {}
    repeats = agreed = 0
    for ranking in rankings:
        query = asked.get(ranking.query_id)
        if query is None:
            continue
        clips = (ranking.stamp.person, frozenset(query.segments))
        order = tuple(frozenset(query.segments[each] for each in group) for group in ranking.order)
        if clips in earlier:
            repeats += 1
            agreed += earlier[clips] == order
        earlier[clips] = order
    return f"{agreed} of {repeats}" if repeats else "never asked again"
