"""Agreement against the published examples and against counting by hand."""

import math
import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.data.episode import Segment
from robofeed.data.feedback import Query, Ranking, Skip, Stamp
from robofeed.feedback.agreement import judgements, krippendorff_alpha, summarise_people

# K. Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011: two observers and binary
# data; and four observers, some of whose values are missing.
BINARY = ["0100000010", "1110010000"]
FOUR = ["123321412...", "1233224125.3", ".33323422 51.", "12332441251."]


def units(observers):
    rows = [row.replace(" ", "") for row in observers]
    return [[int(value) for value in column if value != "."] for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(
    ("observers", "level", "published"),
    [(BINARY, "nominal", 0.095), (FOUR, "nominal", 0.743), (FOUR, "ordinal", 0.815)],
)
def test_alpha_is_that_of_the_published_examples(observers, level, published):
    assert krippendorff_alpha(units(observers), level) == pytest.approx(published, abs=5e-4)


def test_alpha_where_nothing_can_be_said_is_none():
    for nothing in ([], [[1], [0]], [[1, 1], [1, 1]]):
        assert krippendorff_alpha(nothing, "nominal") is None
        assert krippendorff_alpha(nothing, "ordinal") is None


def test_alpha_is_one_for_perfect_agreement_and_near_zero_at_random():
    rng = random.Random(5)
    agreed = [[value] * 3 for value in (1, 0, -1, 1)]
    random_ = [[rng.choice((-1, 0, 1)) for _ in range(3)] for _ in range(4000)]
    for level in ("nominal", "ordinal"):
        assert krippendorff_alpha(agreed, level) == 1.0
        assert abs(krippendorff_alpha(random_, level)) < 0.03


def test_ordinally_a_tie_is_nearer_to_either_than_they_to_each_other():
    base = [[1, 1], [0, 0], [-1, -1]] * 4
    near, far = [*base, [1, 0]], [*base, [1, -1]]
    assert krippendorff_alpha(near, "ordinal") > krippendorff_alpha(far, "ordinal")


@given(st.lists(st.lists(st.sampled_from([-1, 0, 1]), max_size=4), max_size=12))
def test_two_values_make_ordinal_and_nominal_the_same_and_order_does_not_matter(values):
    two = [[abs(value) for value in unit] for unit in values]
    nominal, ordinal = (krippendorff_alpha(two, level) for level in ("nominal", "ordinal"))
    assert (nominal is None) == (ordinal is None)
    if nominal is not None:
        assert math.isclose(nominal, ordinal, abs_tol=1e-9)
        assert nominal <= 1.0
    for level in ("nominal", "ordinal"):
        one = krippendorff_alpha(values, level)
        turned = krippendorff_alpha([unit[::-1] for unit in values[::-1]], level)
        assert one == turned or math.isclose(one, turned, abs_tol=1e-9)


# --- rankings -------------------------------------------------------------------------------------

A, B, C = (Segment(f"e{number}", 0, 9) for number in range(3))
ASKED = [
    Query("q0", (A, B), (0, 1)),
    Query("q1", (B, A), (1, 0), "repeat"),
    Query("q2", (C, A, B), (2, 0, 1)),
]
COUNT = iter(range(1000))


def stamp(person, taken_s=None):
    shown = 10**18 if taken_s is not None else 0
    answered = shown + round((taken_s or 0) * 1e9)
    return Stamp(str(uuid.UUID(int=next(COUNT))), person, "test", shown, answered)


def test_a_ranking_is_judged_pair_by_pair_whatever_its_order_on_the_screen():
    ranking = Ranking(stamp("p1"), "q2", ((1,), (0, 2)))
    assert dict(judgements(ranking, ASKED[2])) == {(A, B): 1, (A, C): 1, (B, C): 0}
    swapped = Ranking(stamp("p1"), "q1", ((1,), (0,)))
    assert dict(judgements(swapped, ASKED[1])) == {(A, B): 1}


def test_people_are_summarised_each_and_together():
    said = [
        Ranking(stamp("p1", 2.0), "q0", ((0,), (1,))),  # A before B
        Ranking(stamp("p1", 4.0), "q1", ((0,), (1,))),  # B before A: not what they said before
        Ranking(stamp("p1", 9.0), "q2", ((1,), (2,), (0,))),  # A, B, C: as at first
        Ranking(stamp("p2"), "q0", ((0,), (1,))),
        Ranking(stamp("p2"), "q2", ((0, 1, 2),)),
        Skip(stamp("p3", 1.0), "q0"),
        Ranking(stamp("p3", 3.0), "q9", ((0,), (1,))),  # about a question that is not known
    ]
    summary = summarise_people(said, ASKED)
    p1, p2, p3 = summary.people
    assert (p1.person, p1.rankings, p1.skips, p1.repeats, p1.agreed) == ("p1", 3, 0, 2, 1)
    assert (p1.consistency, p1.median_s) == (0.5, 4.0)
    assert (p2.rankings, p2.repeats, p2.agreed, p2.median_s) == (2, 1, 0, None)
    assert (p3.rankings, p3.skips, p3.consistency, p3.median_s) == (1, 1, None, 2.0)
    assert summary.shared_pairs == 3
    # By hand: pairs (A, B): 1, 1; (A, C): 1, 0; (B, C): 1, 0. Of n = 6 values four are 1 and two
    # are 0; 4 of the 6 ordered coincidences differ: 1 - 5 * 4 / (2 * 4 * 2).
    assert summary.alpha_nominal == pytest.approx(1 - 5 * 4 / 16)


def test_nobody_and_one_person_alone_agree_with_nobody():
    assert summarise_people([], []).people == ()
    alone = summarise_people([Ranking(stamp("p1"), "q0", ((0,), (1,)))], ASKED)
    assert (alone.shared_pairs, alone.alpha_nominal, alone.alpha_ordinal) == (0, None, None)
