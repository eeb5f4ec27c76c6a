from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.data.episode import Segment
from robofeed.feedback.queries import Footage, QueryMaker

STEPS = 4
MAKER = QueryMaker("any", "uniform", segment_steps=STEPS, candidates=10)


def films(*steps, alike=1):
    """Episodes of these lengths; each `alike` in a row share a seed."""
    return [Footage(f"e{n:03d}", 100 + n // alike, length) for n, length in enumerate(steps)]


def ask(maker, count, footage, rng=None, scores=None, features=None, first_id=0):
    rng = rng or np.random.default_rng(5)
    return maker.make(count, footage, rng, scores, features, first_id)


# --- what every query keeps to --------------------------------------------------------------------


@given(
    context=st.sampled_from(["matched", "seed", "episode", "any"]),
    selection=st.sampled_from(["uniform", "disagreement", "entropy", "information", "coverage"]),
    clips=st.integers(2, 4),
    count=st.integers(0, 12),
    lengths=st.lists(st.integers(1, 9), max_size=8),
    alike=st.integers(1, 5),
    late_share=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)
def test_queries_keep_to_the_footage_and_repeat_nothing(
    context, selection, clips, count, lengths, alike, late_share, seed
):
    footage = films(*lengths, alike=alike)
    about = {film.episode_id: film for film in footage}
    maker = QueryMaker(context, selection, STEPS, 3, clips, late_share)

    def make():
        noise = np.random.default_rng(1)
        return ask(
            maker,
            count,
            footage,
            np.random.default_rng(seed),
            scores=lambda segments: noise.normal(size=(3, len(segments))).astype(np.float32),
            features=lambda segments: np.array([[s.start, len(s.episode_id)] for s in segments]),
            first_id=7,
        )

    queries = make()
    assert make() == queries, "the generator alone decides"
    assert len(queries) <= count
    assert [query.id for query in queries] == [f"q{7 + n:06d}" for n in range(len(queries))]
    sets = [frozenset(query.segments) for query in queries]
    assert len(set(sets)) == len(sets), "no question twice"
    for query, clip_set in zip(queries, sets, strict=True):
        assert len(clip_set) == len(query.segments) == clips, "no clip twice in a question"
        assert query.reason == f"{context}/{selection}"
        for segment in query.segments:
            assert len(segment) == STEPS
            assert segment.stop <= about[segment.episode_id].steps
    if any(length >= STEPS + clips for length in lengths) and late_share == 0.0 and count:
        assert queries or context == "seed"


# --- contexts -------------------------------------------------------------------------------------


def seeds(query, footage):
    about = {film.episode_id: film.seed for film in footage}
    return {about[segment.episode_id] for segment in query.segments}


def episodes(query):
    return {segment.episode_id for segment in query.segments}


@pytest.mark.parametrize("clips", [2, 3])
def test_clips_that_share_a_seed_are_the_same_steps_of_different_episodes(clips):
    footage = films(10, 12, 9, 30, 30, 30, alike=3)
    for query in ask(replace(MAKER, context="seed", clips=clips), 20, footage):
        assert len(seeds(query, footage)) == 1
        assert len(episodes(query)) == clips
        assert len({segment.start for segment in query.segments}) == 1


def test_episodes_without_a_seed_are_nobodys_twins():
    footage = [Footage("a", None, 20), Footage("b", None, 20), *films(20)]
    for query in ask(replace(MAKER, context="seed"), 20, footage):
        assert len(episodes(query)) == 1


def test_clips_that_share_an_episode_are_parts_of_one():
    for query in ask(replace(MAKER, context="episode"), 20, films(10, 10, 10, alike=3)):
        assert len(episodes(query)) == 1


def test_as_long_as_no_episodes_began_alike_the_seed_is_shared_within_one():
    footage = films(10, 10, 10, alike=2)
    for query in ask(replace(MAKER, context="seed", clips=3), 20, footage):
        assert len(episodes(query)) == 1


def test_matched_clips_share_a_start_for_the_most_part_and_else_an_episode():
    footage = films(*[40] * 20, alike=2)
    queries = ask(replace(MAKER, context="matched"), 300, footage)
    kinds = Counter(len(episodes(query)) for query in queries)
    assert all(len(seeds(query, footage)) == 1 for query in queries)
    assert 0.6 < kinds[2] / 300 < 0.8 and kinds[1] + kinds[2] == 300


def test_any_clips_share_nothing_in_particular():
    queries = ask(MAKER, 100, films(*[20] * 10))
    assert Counter(len(episodes(query)) for query in queries)[2] > 75


def test_every_place_in_every_episode_is_asked_about():
    starts = Counter(
        (segment.episode_id, segment.start)
        for seed in range(40)
        for query in ask(MAKER, 5, films(7, 6), np.random.default_rng(seed))
        for segment in query.segments
    )
    assert starts.keys() == {("e000", s) for s in range(4)} | {("e001", s) for s in range(3)}


def test_a_share_of_the_questions_is_about_the_ends():
    footage = films(*[60] * 20, alike=2)

    def late(share):
        queries = ask(replace(MAKER, context="seed", late_share=share), 10, footage)
        return [query.segments[0].stop == 60 for query in queries]

    assert all(late(1.0)) and len(late(1.0)) == 10
    assert sum(late(0.0)) <= 2
    assert 2 <= sum(late(0.5)) <= 8


def test_clips_are_shown_in_any_order():
    orders = Counter(query.shown_order for query in ask(MAKER, 200, films(*[20] * 10)))
    assert orders.keys() == {(0, 1), (1, 0)}
    assert min(orders.values()) > 60


def test_scarce_footage_gives_all_there_is():
    # One episode of 6 steps has three clips of 4, so three pairs.
    queries = ask(replace(MAKER, context="episode"), 10, films(6, 3))
    assert len(queries) == 3
    assert ask(MAKER, 10, films(3, 2)) == []
    assert ask(MAKER, 10, []) == []


# --- selections -----------------------------------------------------------------------------------


def by_episode(table):
    """Scores [members, segments] looked up by the segments' episodes."""
    return lambda segments: np.array([table[s.episode_id] for s in segments], np.float32).T


FILMS = films(4, 4, 4, 4)
"""Four episodes of one clip each, so six pairs."""
SCORES = {
    # Three members. The first two clips: all agree that they are equal.
    "e000": (0.0, 0.0, 0.0),
    "e001": (0.0, 0.0, 0.0),
    # Members differ wildly about this one, in both directions.
    "e002": (9.0, -9.0, 0.0),
    # All agree that this one is the worst.
    "e003": (-20.0, -20.0, -20.0),
}


def chosen(selection, scores=SCORES, count=1, maker=MAKER, footage=FILMS):
    queries = ask(replace(maker, selection=selection), count, footage, scores=by_episode(scores))
    return [tuple(sorted(episodes(query))) for query in queries]


def test_disagreement_asks_where_members_contradict_one_another():
    assert {pair for pair in chosen("disagreement", count=2)} == {
        ("e000", "e002"),
        ("e001", "e002"),
    }


def test_entropy_asks_where_the_ensemble_as_a_whole_cannot_tell():
    # Over both contradictory pairs too: their mean is one half as well. Never the clear ones.
    assert all("e003" not in pair for pair in chosen("entropy", count=3))
    assert chosen("entropy", {**SCORES, "e002": (3.0, 3.0, 3.0)}) == [("e000", "e001")]


def test_information_leaves_out_what_every_member_finds_equal():
    assert set(chosen("information", count=2)) == {("e000", "e002"), ("e001", "e002")}
    assert chosen("information", {**SCORES, "e002": (2.0, -2.0, 0.0)}, count=3)[2] != (
        "e000",
        "e001",
    )


@pytest.mark.parametrize("selection", ["disagreement", "information"])
def test_all_pairs_of_a_question_count(selection):
    footage = films(4, 4, 4, 4)
    scores = {"e000": (0.0, 0.0), "e001": (0.0, 0.0), "e002": (9.0, -9.0), "e003": (-9.0, 9.0)}
    maker = replace(MAKER, selection=selection, clips=3)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        (query,) = ask(maker, 1, footage, rng, scores=by_episode(scores))
        assert {"e002", "e003"} < episodes(query)


def test_one_way_round_is_worth_what_the_other_is():
    flipped = {name: tuple(-value for value in row) for name, row in SCORES.items()}
    assert sorted(chosen("disagreement", flipped, 2)) == sorted(chosen("disagreement", count=2))


@pytest.mark.parametrize("selection", ["disagreement", "entropy", "information"])
def test_without_a_reward_model_the_choice_is_uniform_and_says_so(selection):
    queries = ask(replace(MAKER, selection=selection), 3, FILMS)
    assert len(queries) == 3
    assert {query.reason for query in queries} == {"any/uniform"}


def test_ten_candidates_a_query_are_looked_at():
    seen = []

    def scores(segments):
        seen.append(len(segments))
        return np.zeros((2, len(segments)), np.float32)

    ask(replace(MAKER, selection="disagreement"), 3, films(*[30] * 20), scores=scores)
    assert seen == [3 * 10 * 2]


def test_coverage_takes_the_pairs_that_lie_furthest_apart():
    places = {"e000": 0.0, "e001": 0.1, "e002": 0.2, "e003": 10.0, "e004": 10.1, "e005": 100.0}
    footage = [Footage(name, None, 5) for name in places]

    def features(segments):
        return np.array([[places[s.episode_id]] for s in segments])

    # Each episode has one pair of clips: a query is one episode, at one of three far places.
    maker = replace(MAKER, context="episode", selection="coverage", candidates=20)
    for seed in range(10):
        queries = ask(maker, 3, footage, np.random.default_rng(seed), features=features)
        where = {round(places[query.segments[0].episode_id], -1) for query in queries}
        assert where == {0.0, 10.0, 100.0}


def test_coverage_looks_at_every_feature_whatever_its_unit():
    places = {f"e{n:03d}": (125.0 * n, 0.0) for n in range(9)} | {"other": (500.0, 1.0)}
    footage = [Footage(name, None, 5) for name in places]

    def features(segments):
        return np.array([places[s.episode_id] for s in segments])

    maker = replace(MAKER, context="episode", selection="coverage", candidates=20)
    for seed in range(10):
        queries = ask(maker, 2, footage, np.random.default_rng(seed), features=features)
        assert {"other"} in [episodes(query) for query in queries]


def test_coverage_of_scarce_footage_is_all_of_it():
    maker = replace(MAKER, context="episode", selection="coverage")
    queries = ask(maker, 10, films(6), features=lambda s: np.array([[each.start] for each in s]))
    assert len({frozenset(query.segments) for query in queries}) == len(queries) == 3


def test_coverage_asks_nothing_twice_where_everything_looks_alike():
    def features(segments):
        return np.ones((len(segments), 2))

    maker = replace(MAKER, selection="coverage")
    queries = ask(maker, 10, films(*[20] * 5), features=features)
    assert len({frozenset(query.segments) for query in queries}) == 10


def test_features_tell_all_clips_of_a_pair_apart():
    asked = []

    def features(segments):
        asked.extend(segments)
        return np.array([[float(s.start)] for s in segments])

    ask(replace(MAKER, selection="coverage"), 2, films(*[30] * 4), features=features)
    assert all(isinstance(segment, Segment) for segment in asked)
    assert len(asked) == 2 * 10 * 2
