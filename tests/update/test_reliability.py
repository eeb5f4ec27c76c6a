"""People are weighed by how far their answers agree with what others' answers teach."""

import uuid
from itertools import pairwise

import numpy as np
import pytest

from robofeed.data.batch import Resolved
from robofeed.data.feedback import Ranking, Stamp
from robofeed.update.config import RewardConfig
from robofeed.update.reward_model import PreferenceEnsemble

CONFIG = RewardConfig(
    members=5,
    hidden=(64,),
    output="distance",
    input_sparsity=0.5,
    batch_size=16,
    learning_rate=3e-3,
    max_epochs=40,
    patience=1000,
    stop_accuracy=1.0,
    warm_start=False,
)


@pytest.fixture
def answered(random_clip, hidden_reward):
    """Rankings of 5 clips each by people who answer at random with a given chance."""

    def make(seed, count, people, fewest=0):
        rng = np.random.default_rng(seed)
        made = []
        for number in range(fewest, fewest + count):
            person = list(people)[number % len(people)]
            clips = tuple(random_clip() for _ in range(5))
            returns = [hidden_reward(clip.observation, clip.action).sum() for clip in clips]
            order = np.argsort(returns)[::-1]
            if rng.random() < people[person]:
                order = rng.permutation(5)
            stamp = Stamp(str(uuid.UUID(int=number)), person=person, source="test")
            ranking = Ranking(stamp, f"q{seed}-{number}", tuple((int(clip),) for clip in order))
            made.append(Resolved(number, ranking, clips))
        return made

    return make


def fitted(spec, labels, **changes):
    model = PreferenceEnsemble(CONFIG.model_copy(update=changes), spec, 0, device="cpu")
    return model, model.fit(labels, np.random.default_rng(1))


def weights(report):
    return {row.person: row.weight for row in report.people}


@pytest.mark.parametrize("seed", range(2))
def test_a_person_who_answers_at_random_counts_for_next_to_nothing(spec, answered, seed):
    people = {"ann": 0.0, "bob": 0.0, "dice": 1.0, "half": 0.5}
    _, report = fitted(spec, answered(seed, 120, people))
    weight = weights(report)
    assert weight["dice"] < 0.2
    assert min(weight["ann"], weight["bob"]) > 0.9
    assert weight["dice"] < weight["half"] < min(weight["ann"], weight["bob"])
    assert [row.rankings for row in report.people] == pytest.approx([30] * 4, abs=8)


def test_what_is_learned_beside_random_people_is_better_for_it(spec, answered):
    """Held-out choices of people who know, after training beside twice as many who do not."""
    gains = []
    for seed in range(2):
        labels = answered(seed, 90, {"ann": 0.0, "dice": 1.0, "coin": 1.0})
        fresh = answered(seed + 10, 60, {"ann": 0.0}, fewest=1000)
        told, _ = fitted(spec, labels)
        one = [
            Resolved(
                each.sequence,
                Ranking(
                    Stamp(each.feedback.stamp.uuid, person="everybody", source="test"),
                    each.feedback.query_id,
                    each.feedback.order,
                ),
                each.clips,
            )
            for each in labels
        ]
        alike, _ = fitted(spec, one)
        gains.append(right(told, fresh) - right(alike, fresh))
    assert np.mean(gains) > 0.03


def right(model, labels):
    """Share of neighbouring clips in the true order."""
    from robofeed.data.batch import ClipBatch

    agreed = []
    for label in labels:
        scores = model.segment_scores(ClipBatch.stack(label.clips)).mean(0)
        order = [group[0] for group in label.feedback.order]
        agreed += [scores[a] > scores[b] for a, b in pairwise(order)]
    return float(np.mean(agreed))


def test_one_person_or_one_network_tells_nobody_apart(spec, answered):
    _, alone = fitted(spec, answered(0, 20, {"ann": 0.0}))
    _, single = fitted(spec, answered(0, 20, {"ann": 0.0, "bob": 0.0}), members=1)
    assert alone.people == single.people == ()


def test_networks_that_learned_nothing_condemn_nobody(spec, answered):
    people = {"ann": 0.0, "bob": 0.0, "cara": 0.0}
    _, report = fitted(spec, answered(0, 90, people), learning_rate=1e-6, max_epochs=4)
    assert min(weights(report).values()) > 0.3
    assert max(weights(report).values()) > 0.69
