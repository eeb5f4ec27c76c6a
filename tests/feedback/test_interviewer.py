from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.data.errors import DataError
from robofeed.feedback.footage import FootageLibrary
from robofeed.feedback.interviewer import Interviewer, Sessions
from robofeed.feedback.queries import QueryMaker


class ListRanker:
    """A person who writes the questions down."""

    prompt = False

    def __init__(self):
        self.asked = []

    def open(self, desk):
        pass

    def ask(self, queries):
        self.asked.append(list(queries))

    def close(self):
        pass


def worth(queries):
    return sum(len(query.segments) - 1 for query in queries)


@pytest.fixture(scope="module")
def library(make_episode):
    def read(episode_id):
        raise AssertionError("all of it is in memory")

    library = FootageLibrary(read)
    for number in range(20):
        library.add(make_episode(number, steps=30, seed=number // 4))
    return library


@pytest.fixture(scope="module")
def interview(library):
    """An interviewer with its ranker, and what it stored."""

    def make(
        clips=2,
        selection="uniform",
        answered=lambda query_id: False,
        footage=library,
        store=None,
        rng=None,
        **sessions,
    ):
        plan = {"first_at_step": 100, "every_steps": 50, "first_answers": 10, "answers": 4}
        ranker, stored = ListRanker(), []
        interviewer = Interviewer(
            Sessions(**{**plan, "budget": 1000, **sessions}),
            QueryMaker("matched", selection, 5, 10, clips),
            footage,
            ranker,
            store or stored.extend,
            answered,
            rng or np.random.default_rng(3),
        )
        return interviewer, ranker, stored

    return make


def test_sessions_come_when_they_are_due(interview):
    interviewer, ranker, stored = interview()
    counts = {step: interviewer.ask_when_due(step, None) for step in range(0, 260, 10)}
    assert {step: n for step, n in counts.items() if n} == {100: 10, 150: 4, 200: 4, 250: 4}
    assert [len(session) for session in ranker.asked] == [10, 4, 4, 4]
    assert stored == [query for session in ranker.asked for query in session]
    assert [query.id for query in stored] == [f"q{n:06d}" for n in range(22)]


def test_a_late_session_does_not_bring_the_next_one_forward(interview):
    interviewer, _, _ = interview()
    assert interviewer.ask_when_due(170, None) == 10
    assert interviewer.ask_when_due(219, None) == 0
    assert interviewer.ask_when_due(220, None) == 4


@given(
    clips=st.integers(2, 5),
    first=st.integers(1, 30),
    later=st.integers(1, 30),
    budget=st.integers(0, 60),
    repeats=st.sampled_from([0.0, 0.4, 1.0]),
    skips=st.lists(st.booleans(), min_size=60, max_size=60),
)
def test_the_budget_is_asked_to_the_last_answer_and_no_further(
    interview, clips, first, later, budget, repeats, skips
):
    interviewer, ranker, _ = interview(
        clips, first_answers=first, answers=later, budget=budget, repeats=repeats
    )
    given, forgone = 0, 0
    for step in range(100, 100 + 50 * 130, 50):
        before = len(ranker.asked)
        asked_before = interviewer.asked
        interviewer.ask_when_due(step, None, forgone)
        for session in ranker.asked[before:]:
            wanted = first if asked_before == 0 else later
            assert worth(session) == min(wanted, budget - given) or repeats
            assert worth(session) <= min(wanted, budget - given)
            for query in session:
                skipped = skips[int(query.id[1:]) % len(skips)]
                given += 1 if skipped else len(query.segments) - 1
                forgone += len(query.segments) - 2 if skipped else 0
        assert given <= budget
    assert given == budget


def test_a_session_of_fewer_answers_than_a_question_holds_is_held_all_the_same(interview):
    interviewer, ranker, _ = interview(clips=5, first_answers=3, answers=6)
    assert interviewer.ask_when_due(100, None) == 1
    assert interviewer.ask_when_due(150, None) == 2
    assert [[len(query.segments) for query in session] for session in ranker.asked] == [[4], [5, 3]]
    assert [query.id for query in ranker.asked[1]] == ["q000001", "q000002"]


def test_repeats_show_the_same_clips_the_other_way_round(interview):
    interviewer, _, stored = interview(answers=20, repeats=0.5)
    for step in range(100, 700, 50):
        interviewer.ask_when_due(step, None)
    assert [query.id for query in stored] == [f"q{n:06d}" for n in range(len(stored))]
    reasons = Counter(query.reason for query in stored)
    assert 70 < reasons["repeat"] < 150
    assert not any(query.reason == "repeat" for query in stored[:10]), "of what, at first?"
    fresh = {query.segments: query for query in stored if query.reason != "repeat"}
    for place, query in enumerate(stored):
        if query.reason == "repeat":
            earlier = fresh[query.segments]
            assert stored.index(earlier) < place
            assert query.shown_order == earlier.shown_order[::-1]


def test_what_is_asked_was_stored_before(interview):
    order = []
    interviewer, ranker, _ = interview(store=lambda queries: order.append(len(ranker.asked)))
    interviewer.ask_when_due(100, None)
    interviewer.ask_when_due(150, None)
    assert order == [0, 1]


def test_what_is_answered_already_is_not_asked_again_but_counts(interview):
    interviewer, ranker, stored = interview(answered=lambda query_id: query_id < "q000004")
    interviewer.ask_when_due(100, None)
    assert [query.id for query in ranker.asked[0]] == [f"q{n:06d}" for n in range(4, 10)]
    assert len(stored) == interviewer.asked == 10


def test_a_query_that_the_ledger_knows_otherwise_is_explained(interview):
    def conflict(queries):
        raise DataError("q000000 was asked already about something else")

    interviewer, ranker, _ = interview(store=conflict)
    with pytest.raises(DataError, match=r"was asked already.*asks other questions"):
        interviewer.ask_when_due(100, None)
    assert ranker.asked == []


def test_a_query_was_asked_once_its_number_was_given(interview):
    interviewer, _, _ = interview()
    assert not interviewer.has_asked("q000000")
    interviewer.ask_when_due(100, None)
    assert interviewer.has_asked("q000009")
    assert not interviewer.has_asked("q000010")


def test_without_footage_nothing_is_asked_and_the_budget_stays(interview):
    interviewer, _, _ = interview(footage=FootageLibrary(lambda episode_id: None))
    assert interviewer.ask_when_due(100, None) == 0
    assert interviewer.asked == 0
    assert interviewer.next_step == 150


def test_a_resumed_interview_goes_on_as_if_it_had_not_stopped(interview):
    sessions = {"clips": 3, "repeats": 0.3, "budget": 60}
    whole, _, all_stored = interview(**sessions)
    for step in range(100, 600, 10):
        whole.ask_when_due(step, None)

    rng = np.random.default_rng(3)
    first, _, stored = interview(rng=rng, **sessions)
    for step in range(100, 330, 10):
        first.ask_when_due(step, None)
    second, _, rest = interview(rng=rng, **sessions)
    second.resume(first.next_id, first.next_step, stored)
    assert second.asked == first.asked == worth(stored)
    for step in range(330, 600, 10):
        second.ask_when_due(step, None)
    assert stored + rest == all_stored


def test_the_ensembles_scores_reach_the_choice(interview):
    interviewer, ranker, _ = interview(selection="disagreement", first_answers=5)

    def scores(segments):
        # The members contradict one another about clips of episode 7 that begin late.
        odd = np.array([s.episode_id == "e000007" and s.start > 15 for s in segments], np.float32)
        return np.stack([9 * odd, -9 * odd])

    interviewer.ask_when_due(100, scores)
    (session,) = ranker.asked
    assert len(session) == 5
    assert session[0].reason == "matched/disagreement"
    assert "e000007" in {segment.episode_id for segment in session[0].segments}
