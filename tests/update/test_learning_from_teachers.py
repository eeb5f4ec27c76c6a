"""Whatever a simulated person's faults, a reward fitted to their answers orders unseen clips."""

from __future__ import annotations

import numpy as np
import pytest

from robofeed.data.batch import Clip, ClipBatch, Resolved
from robofeed.data.episode import Segment
from robofeed.data.feedback import Query
from robofeed.feedback.teacher_config import TeacherConfig
from robofeed.feedback.teachers import SimulatedTeacher
from robofeed.update.config import RewardConfig
from robofeed.update.reward_model import PreferenceEnsemble

CLIPS, HELD_OUT, STEPS = 240, 200, 8


def ordered_rightly(kind, seed, spec, hidden_reward, **settings):
    """Share of random pairs of unseen clips that a fit to 120 answers of `kind` orders rightly."""
    rng = np.random.default_rng(seed)
    clips, truth = {}, {}
    for number in range(CLIPS + HELD_OUT):
        start = rng.uniform(-1, 3, (1, spec.observation.size))
        observation = start + rng.normal(0, 0.3, (STEPS, spec.observation.size))
        action = rng.uniform(-0.2, 0.2, (STEPS, spec.action.size))
        segment = Segment(f"e{number:06d}", 0, STEPS)
        clips[segment] = Clip(observation.astype(np.float32), action.astype(np.float32))
        truth[segment] = hidden_reward(observation, action)
    segments = list(clips)

    teacher = SimulatedTeacher(TeacherConfig(kind=kind, **settings), seed)
    teacher.use_truth(truth.__getitem__, ())
    labels = []
    for number in range(CLIPS // 2):
        pair = tuple(segments[2 * number : 2 * number + 2])
        answer = teacher.answer(Query(f"q{number:06d}", pair, (0, 1)))
        labels.append(Resolved(number, answer, tuple(clips[segment] for segment in pair)))

    config = RewardConfig(members=2, hidden=(32,), learning_rate=1e-2, batch_size=32)
    model = PreferenceEnsemble(config, spec, seed, "cpu")
    model.fit(labels, np.random.default_rng(seed))

    unseen = segments[CLIPS:]
    scores = model.segment_scores(ClipBatch.stack([clips[each] for each in unseen])).mean(axis=0)
    returns = np.array([truth[each].sum() for each in unseen])
    # Each clip in one pair only, so that the pairs are independent.
    return float(np.mean((scores[::2] > scores[1::2]) == (returns[::2] > returns[1::2])))


@pytest.mark.parametrize("kind", ["oracle", "noisy", "myopic", "mistake", "skip", "equal"])
def test_unseen_clips_are_ordered_far_better_than_by_chance(kind, spec, hidden_reward):
    """500 pairs over 5 seeds: by chance 0.6 comes once in 100,000 times."""
    shares = [ordered_rightly(kind, seed, spec, hidden_reward) for seed in range(5)]
    assert np.mean(shares) > 0.7, shares
    assert min(shares) > 0.55, shares


def test_from_answers_without_looking_nothing_is_learned(spec, hidden_reward):
    """What the test above would find if answers did not matter."""
    shares = [ordered_rightly("random", seed, spec, hidden_reward) for seed in range(5)]
    assert 0.35 < np.mean(shares) < 0.65, shares
