"""What each person has given so far: the figures of the people view."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from robofeed.data.feedback import Consent, Feedback, Query, Ranking, Skip


@dataclass(slots=True)
class _Tally:
    labels: int = 0
    skips: int = 0
    others: int = 0
    seconds: list[float] = field(default_factory=list)
    repeats: int = 0
    agreed: int = 0
    consent: str | None = None
    first: dict[object, object] = field(default_factory=dict)


def people_figures(
    records: Iterable[Feedback], query: Callable[[str], Query | None]
) -> dict[str, dict[str, Any]]:
    """Count standing records by person: labels, skips, median seconds, consistency, consent.

    Consistency is how often the same clips, shown again in another order, got the same ranking;
    None where nothing was shown twice.
    """
    tallies: dict[str, _Tally] = {}
    for record in records:
        tally = tallies.setdefault(record.stamp.person, _Tally())
        if isinstance(record, Consent):
            tally.consent = record.version
        elif isinstance(record, Ranking | Skip):
            _count(tally, record, query(record.query_id))
        else:
            tally.others += 1
    return {person: _figures(tally) for person, tally in sorted(tallies.items())}


def _count(tally: _Tally, record: Ranking | Skip, query: Query | None) -> None:
    stamp = record.stamp
    if 0 < stamp.shown_at_ns < stamp.answered_at_ns:
        tally.seconds.append((stamp.answered_at_ns - stamp.shown_at_ns) * 1e-9)
    if isinstance(record, Skip):
        tally.skips += 1
        return
    tally.labels += 1
    if query is None:
        return
    clips = frozenset(query.segments)
    order = tuple(frozenset(query.segments[each] for each in group) for group in record.order)
    if clips in tally.first:
        tally.repeats += 1
        tally.agreed += tally.first[clips] == order
    tally.first[clips] = order


def _figures(tally: _Tally) -> dict[str, Any]:
    return {
        "labels": tally.labels,
        "skips": tally.skips,
        "others": tally.others,
        "median_s": round(median(tally.seconds), 2) if tally.seconds else None,
        "repeats": tally.repeats,
        "consistency": tally.agreed / tally.repeats if tally.repeats else None,
        "consent": tally.consent,
    }
