import math
from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from robofeed.data.episode import Segment
from robofeed.data.feedback import Query, Ranking, Skip
from robofeed.feedback.teacher_config import TeacherConfig
from robofeed.feedback.teachers import SimulatedTeacher
from robofeed.interfaces import Ranker, UsesTruth


def asking(*rewards, number=0):
    """A query about clips with these rewards, and the truth about them."""
    segments = tuple(Segment(f"e{number}x{i}", 0, len(each)) for i, each in enumerate(rewards))
    query = Query(f"q{number:06d}", segments, tuple(range(len(segments))))
    truth = {s: np.array(each, np.float32) for s, each in zip(segments, rewards, strict=True)}
    return query, truth


def teacher_of(truth, seed=0, history=(), **settings):
    teacher = SimulatedTeacher(TeacherConfig.model_validate(settings), seed)
    teacher.use_truth(truth.__getitem__, history)
    return teacher


def judge(*rewards, seed=0, number=0, **settings):
    query, truth = asking(*rewards, number=number)
    return teacher_of(truth, seed, **settings).answer(query)


def tiers(answer):
    """The ranking with the clips of a tie in order of number."""
    return tuple(tuple(sorted(group)) for group in answer.order)


def share(wins, count):
    """Half width of a binomial interval so wide that chance leaves it once in a million."""
    return 4.9 * math.sqrt(max(wins * (1 - wins), 1e-3) / count)


RETURNS = st.lists(st.integers(-50, 50), min_size=2, max_size=5)

# --- oracle ---------------------------------------------------------------------------------------


@given(RETURNS)
def test_the_oracle_ranks_by_return_and_ties_equal_returns_only(returns):
    answer = judge(*([value / 2, value / 2] for value in returns))
    groups = [{returns[index] for index in group} for group in answer.order]
    assert all(len(group) == 1 for group in groups)
    assert [min(group) for group in groups] == sorted(set(returns), reverse=True)


def test_the_oracle_sums_over_the_clip_and_does_not_care_when():
    answer = judge([0.0, 0.0, 3.0], [2.0, 0.0, 0.0], [1.0, 1.0, 1.0])
    assert tiers(answer) == ((0, 2), (1,))


# --- noisy ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [1.0, 0.5, 3.0])
def test_a_noisy_teacher_prefers_as_often_as_bradley_and_terry_say(beta):
    query, truth = asking([0.3, 0.4], [0.1, 0.2])
    teacher = teacher_of(truth, kind="noisy", beta=beta)
    count = 3000
    wins = sum(
        teacher.answer(replace(query, id=f"q{number:06d}")).order == ((0,), (1,))
        for number in range(count)
    )
    expected = 1 / (1 + math.exp(-beta * 0.4))
    assert abs(wins / count - expected) < share(expected, count)


def test_a_noisy_teacher_ranks_three_as_often_as_plackett_and_luce_say():
    returns = (1.0, 0.0, -0.5)
    query, truth = asking(*([value] for value in returns))
    teacher = teacher_of(truth, kind="noisy")
    count = 4000
    seen = [
        tuple(group[0] for group in teacher.answer(replace(query, id=f"q{number:06d}")).order)
        for number in range(count)
    ]
    weight = np.exp(returns)
    for order in permutations(range(3)):
        first, second, third = (weight[index] for index in order)
        expected = first / weight.sum() * second / (second + third)
        assert abs(seen.count(order) / count - expected) < share(expected, count), order


def test_a_noisy_teacher_calls_no_two_clips_equal():
    assert len(judge([1.0], [1.0], kind="noisy").order) == 2


def test_a_random_teacher_answers_without_looking():
    query, truth = asking([9.0], [0.0])
    teacher = teacher_of(truth, kind="random")
    wins = sum(
        teacher.answer(replace(query, id=f"q{n:06d}")).order == ((0,), (1,)) for n in range(2000)
    )
    assert abs(wins / 2000 - 0.5) < share(0.5, 2000)


# --- myopic ---------------------------------------------------------------------------------------


def test_a_myopic_teacher_weighs_the_end_of_a_clip_most():
    early, late = [1.0, 0.0, 0.0], [0.0, 0.0, 0.9]
    assert judge(early, late).order == ((0,), (1,))
    assert judge(early, late, kind="myopic").order == ((1,), (0,))


def test_a_myopic_teacher_discounts_by_gamma_to_the_steps_left():
    # 0.9^2 = 0.81 against the last step's own value.
    assert judge([1.0, 0.0, 0.0], [0.0, 0.0, 0.8101], kind="myopic").order == ((1,), (0,))
    assert judge([1.0, 0.0, 0.0], [0.0, 0.0, 0.8099], kind="myopic").order == ((0,), (1,))
    assert judge([1.0, 0.0], [0.0, 0.6], kind="myopic", gamma=0.5).order == ((1,), (0,))


# --- mistake --------------------------------------------------------------------------------------


def test_a_mistaken_teacher_is_wrong_one_time_in_ten():
    query, truth = asking([1.0], [0.0], [-1.0])
    teacher = teacher_of(truth, kind="mistake")
    answers = [teacher.answer(replace(query, id=f"q{n:06d}")).order for n in range(3000)]
    assert set(answers) == {((0,), (1,), (2,)), ((2,), (1,), (0,))}, "wrong = the other way round"
    wrong = answers.count(((2,), (1,), (0,))) / 3000
    assert abs(wrong - 0.1) < share(0.1, 3000)


def test_mistakes_reach_from_never_to_always():
    assert judge([1.0], [0.0], mistake=0.0).order == ((0,), (1,))
    assert judge([1.0], [0.0], mistake=1.0).order == ((1,), (0,))


# --- skip and equal -------------------------------------------------------------------------------

HISTORY = [asking([0.0], [10.0], number=n) for n in range(10)]
"""Clips of return 0 and 10: what is typical lies 5 above the worst."""


def after_history(*rewards, **settings):
    query, truth = asking(*rewards, number=99)
    for _, known in HISTORY:
        truth |= known
    return teacher_of(truth, history=[asked for asked, _ in HISTORY], **settings).answer(query)


def test_a_skipping_teacher_skips_where_both_clips_are_far_below_what_is_typical():
    # 22 clips whose mean is near 5: the threshold is near 0.5.
    assert isinstance(after_history([0.3], [0.4], kind="skip"), Skip)
    assert isinstance(after_history([0.3], [0.6], kind="skip"), Ranking), "one is worth a look"
    assert isinstance(after_history([0.3], [0.4], kind="oracle"), Ranking)


def test_an_equal_teacher_ties_clips_that_differ_by_less_than_a_share_of_what_is_typical():
    assert tiers(after_history([7.0], [7.4], kind="equal")) == ((0, 1),)
    assert after_history([7.0], [7.6], kind="equal").order == ((1,), (0,))


def test_the_threshold_is_a_share_of_what_is_typical():
    assert tiers(after_history([7.0], [7.9], equal=0.2)) == ((0, 1),)
    assert after_history([7.0], [7.9], equal=0.1).order == ((1,), (0,))


def test_rewards_below_nought_are_judged_alike():
    shifted = [asking([-30.0], [-20.0], number=n) for n in range(10)]
    query, truth = asking([-29.7], [-29.6], number=98)
    for _, known in shifted:
        truth |= known
    better, known = asking([-29.7], [-25.0], number=99)
    truth |= known
    teacher = teacher_of(truth, history=[asked for asked, _ in shifted], kind="skip")
    assert isinstance(teacher.answer(query), Skip)
    assert isinstance(teacher.answer(better), Ranking)


def test_every_two_clips_of_a_tie_differ_by_less_than_the_threshold():
    answer = after_history([7.0], [7.4], [7.8], [8.2], kind="equal")
    assert tiers(answer) == ((2, 3), (0, 1))


def test_an_interrupted_teacher_answers_what_was_left_open_as_it_would_have():
    """The ledger it recalls holds the open question itself, and may hold later ones."""
    asked = [asking([0.0], [(number % 7) * (number + 5.0)], number=number) for number in range(30)]
    truth = {}
    for _, known in asked:
        truth |= known
    queries = [query for query, _ in asked]

    def orders(teacher, some):
        return [tiers(teacher.answer(query)) for query in some]

    settings = {"kind": "equal", "equal": 0.7}
    uninterrupted = orders(teacher_of(truth, **settings), queries)
    assert ((0, 1),) in uninterrupted[1:] and ((1,), (0,)) in uninterrupted
    resumed = teacher_of(truth, history=queries, **settings)
    assert orders(resumed, reversed(queries)) == uninterrupted[::-1]


# --- composition, chance, manners -----------------------------------------------------------------


def test_irrationalities_compose():
    myopic_and_wrong = judge([1.0, 0.0], [0.0, 0.95], kind="myopic", mistake=1.0)
    assert myopic_and_wrong.order == ((0,), (1,))
    skips_first = after_history([0.3], [0.4], kind="skip", mistake=1.0, beta=1.0)
    assert isinstance(skips_first, Skip)
    tied = after_history([7.0], [7.4], [1.0], kind="equal", mistake=1.0)
    assert tiers(tied) == ((2,), (0, 1))


def test_a_noisy_and_myopic_teacher_chooses_by_discounted_return():
    query, truth = asking([4.0, 10.0], [10.0, 5.0])
    teacher = teacher_of(truth, kind="noisy", gamma=0.5)
    wins = sum(
        teacher.answer(replace(query, id=f"q{n:06d}")).order == ((0,), (1,)) for n in range(3000)
    )
    expected = 1 / (1 + math.exp(-2.0))
    assert abs(wins / 3000 - expected) < share(expected, 3000)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("noisy", "beta", 1.0),
        ("myopic", "gamma", 0.9),
        ("mistake", "mistake", 0.1),
        ("skip", "skip", 0.1),
        ("equal", "equal", 0.1),
        ("random", "beta", 0.0),
    ],
)
def test_each_kind_has_its_one_irrationality_and_a_number_of_ones_own_wins(kind, field, value):
    rational = TeacherConfig()
    config = TeacherConfig(kind=kind)
    assert config == rational.model_copy(update={"kind": kind, field: value})
    assert getattr(TeacherConfig(kind=kind, **{field: 0.5}), field) == 0.5


@pytest.mark.parametrize("wrong", [{"beta": -1}, {"gamma": 0}, {"mistake": 1.1}, {"kind": "odd"}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValidationError):
        TeacherConfig(**wrong)


def test_an_answer_hangs_on_seed_and_query_alone():
    asked = [asking([0.1], [0.2], [0.0], number=number) for number in range(40)]
    truth = {}
    for _, known in asked:
        truth |= known

    def orders(seed, queries):
        teacher = teacher_of(truth, seed, kind="noisy", mistake=0.3)
        return {query.id: teacher.answer(query).order for query in queries}

    queries = [query for query, _ in asked]
    forwards = orders(1, queries)
    assert orders(1, queries[::-1]) == forwards
    assert orders(1, queries[20:]).items() <= forwards.items()
    assert orders(2, queries) != forwards


def test_answers_reach_the_desk_at_once_and_bear_the_query_and_a_uuid_of_their_own(desk):
    asked = [asking([1.0], [0.0], number=number) for number in range(3)]
    truth = {}
    for _, known in asked:
        truth |= known
    queries = [replace(query, shown_order=(1, 0)) for query, _ in asked]
    teacher = teacher_of(truth, kind="mistake")
    assert isinstance(teacher, UsesTruth)
    ranker: Ranker = teacher
    assert ranker.prompt
    with pytest.raises(RuntimeError, match="before open"):
        teacher.ask(queries)
    teacher.open(desk)
    teacher.ask(queries)
    teacher.close()
    assert [record.query_id for record in desk.records] == [query.id for query in queries]
    stamps = [record.stamp for record in desk.records]
    assert len({stamp.uuid for stamp in stamps}) == 3
    assert {stamp.person for stamp in stamps} == {"simulated-mistake"}
    assert {stamp.shown_order for stamp in stamps} == {(1, 0)}
    again = teacher_of(truth, kind="mistake").answer(queries[0]).stamp.uuid
    assert again == stamps[0].uuid, "a resumed run's answer is the same record"
    assert all(one.answered_at_ns <= two.answered_at_ns for one, two in pairwise(stamps))


def test_a_teacher_without_truth_says_so():
    query, _ = asking([1.0], [0.0])
    with pytest.raises(RuntimeError, match="use_truth"):
        SimulatedTeacher(TeacherConfig(), 0).answer(query)
