"""What each person has given so far: the figures of the people view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from robofeed import summarise_people
from robofeed.data.feedback import Consent, Feedback, Query, Ranking, Skip


def people_figures(standing: Sequence[Feedback], queries: Sequence[Query]) -> dict[str, Any]:
    """Standing records by person, JSON-ready: labels, skips, median seconds, consistency, consent.

    `agreement` is Krippendorff's alpha between people, None where no pair was judged by two.
    """
    summary = summarise_people(standing, queries)
    consents = {one.stamp.person: one.version for one in standing if isinstance(one, Consent)}
    counted = Ranking | Skip | Consent
    others = Counter(one.stamp.person for one in standing if not isinstance(one, counted))
    rows: dict[str, dict[str, Any]] = {
        person: {
            "labels": 0,
            "skips": 0,
            "others": others[person],
            "median_s": None,
            "repeats": 0,
            "consistency": None,
            "consent": consents.get(person),
        }
        for person in sorted({*consents, *others, *(one.person for one in summary.people)})
    }
    for one in summary.people:
        rows[one.person] |= {
            "labels": one.rankings,
            "skips": one.skips,
            "median_s": None if one.median_s is None else round(one.median_s, 2),
            "repeats": one.repeats,
            "consistency": one.consistency,
        }
    return {"people": rows, "agreement": summary.alpha_ordinal}
