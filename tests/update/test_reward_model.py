"""The ensemble learns what is preferred, knows how sure it is, and goes on where it stopped."""

import numpy as np
import pytest
import torch

from robofeed.data.batch import Clip, ClipBatch, Resolved
from robofeed.data.episode import Segment
from robofeed.data.errors import DataError
from robofeed.data.feedback import Ranking, Rating, Skip
from robofeed.update.config import RewardConfig
from robofeed.update.ranked_clips import gather, is_held_out, split
from robofeed.update.reward_model import PreferenceEnsemble

QUICK = RewardConfig(hidden=(32, 32), learning_rate=3e-3, batch_size=128, max_epochs=30)


def made(spec, config=QUICK, seed=0):
    return PreferenceEnsemble(config, spec, seed, device="cpu")


def accuracy(model, labels):
    """Share of unseen pairs that the mean over members orders as the hidden reward does."""
    right = [
        float(np.subtract(*model.segment_scores(ClipBatch.stack(label.clips)).mean(0))) > 0
        for label in labels
        if len(label.feedback.order) == 2
    ]
    wanted = [label.feedback.order[0][0] == 0 for label in labels if len(label.feedback.order) == 2]
    return float(np.mean(np.equal(right, wanted)))


def same(first, second):
    first, second = first.state(), second.state()
    return [name for name in first if first[name].tobytes() != second[name].tobytes()]


@pytest.fixture
def random_steps(rng):
    return (
        rng.uniform(-1, 3, (500, 4)).astype(np.float32),
        rng.uniform(-0.2, 0.2, (500, 2)).astype(np.float32),
    )


@pytest.mark.parametrize("output", ["tanh", "linear"])
@pytest.mark.parametrize("clips", [2, 4])
def test_it_recovers_the_order_of_a_hidden_reward(
    spec, labels, rng, random_steps, hidden_reward, output, clips
):
    model = made(spec, QUICK.model_copy(update={"output": output}))
    report = model.fit(labels(300 // (clips - 1), clips=clips), rng)
    assert report.train_accuracy > 0.93
    assert accuracy(model, labels(200, first=10_000)) > 0.85
    # the steps it never saw compared one by one
    predicted = model.step_rewards(*random_steps).numpy()
    true = hidden_reward(*random_steps)
    assert np.corrcoef(predicted, true)[0, 1] > 0.8


def test_held_out_figures_are_those_of_labels_it_never_saw(spec, labels, rng):
    given = labels(300)
    report = made(spec).fit(given, rng)
    back = [label for label in given if is_held_out(label.feedback.query_id, 0.1)]
    assert report.labels == 300
    assert report.held_out_labels == len(back)
    assert 15 <= len(back) <= 45
    # whatever the held-out answers are, the networks come out the same
    flipped = [label if label not in back else turned_round(label) for label in given]
    config = QUICK.model_copy(update={"patience": 1000})
    first, second = made(spec, config), made(spec, config)
    honest = first.fit(given, np.random.default_rng(1))
    turned = second.fit(flipped, np.random.default_rng(1))
    assert same(first, second) == ["temperature"]
    assert turned.held_out_accuracy == pytest.approx(1 - honest.held_out_accuracy)
    assert turned.train_accuracy == honest.train_accuracy


def turned_round(label):
    ranking = label.feedback
    return Resolved(
        label.sequence, Ranking(ranking.stamp, ranking.query_id, ranking.order[::-1]), label.clips
    )


def test_the_same_queries_are_held_out_in_every_session():
    chosen = [f"q{number:06d}" for number in range(2000) if is_held_out(f"q{number:06d}", 0.1)]
    assert chosen[:3] == [f"q{number:06d}" for number in (9, 23, 25)]
    assert 150 < len(chosen) < 250
    assert not any(is_held_out(f"q{number}", 0.0) for number in range(100))


def test_a_question_put_again_stays_on_the_side_of_its_first_asking(labels, stamp):
    given = labels(200)
    again = [
        Resolved(1000 + n, Ranking(stamp(1000 + n), f"r{n}", label.feedback.order), label.clips)
        for n, label in enumerate(given)
    ]
    shown_the_other_way_round = [
        Resolved(label.sequence, label.feedback, label.clips[::-1]) for label in again
    ]
    for repeats in (again, shown_the_other_way_round):
        train, held_out = split([*given, *repeats], 0.1)
        assert len(train) + len(held_out) == 400
        first = {label.sequence for label in held_out if label.sequence < 1000}
        assert {label.sequence - 1000 for label in held_out if label.sequence >= 1000} == first


def test_skips_and_other_feedback_are_not_ties(spec, labels, stamp, rng):
    given = labels(60)
    noise = [
        Resolved(900, Skip(stamp(900), "q000900"), given[0].clips),
        Resolved(901, Rating(stamp(901), Segment("e000000", 0, 10), 5), given[0].clips[:1]),
    ]
    first, second = made(spec), made(spec)
    report = first.fit(given, np.random.default_rng(1))
    second.fit([*given[:30], *noise, *given[30:]], np.random.default_rng(1))
    assert same(first, second) == []
    assert report.labels == 60
    third = made(spec)
    tied = Resolved(900, Ranking(stamp(900), "q000900", ((0, 1),)), given[0].clips)
    third.fit([*given, tied], np.random.default_rng(1))
    assert "parameters" in same(first, third)


def test_ties_pull_scores_together_and_their_weight_is_learned(spec, rng, random_clip, stamp):
    """Someone who calls all pairs equal teaches that nothing matters."""
    tied = [
        Resolved(n, Ranking(stamp(n), f"q{n}", ((0, 1),)), (random_clip(), random_clip()))
        for n in range(120)
    ]
    model = made(spec)
    clips = ClipBatch.stack([clip for label in tied for clip in label.clips])
    before = model.segment_scores(clips)
    model.fit(tied, rng)
    after = model.segment_scores(clips)
    apart = [np.abs(scores[:, ::2] - scores[:, 1::2]).mean() for scores in (before, after)]
    assert apart[1] < 0.3 * apart[0]
    assert float(model.parameters.extra[0]) > 0.05


def test_without_rankings_nothing_is_learned_and_figures_are_not_numbers(spec, stamp, rng):
    model, untouched = made(spec), made(spec)
    report = model.fit([Resolved(0, Skip(stamp(0), "q"), ())], rng)
    assert report.labels == report.held_out_labels == 0
    assert np.isnan(
        [report.train_accuracy, report.held_out_accuracy, report.held_out_log_loss]
    ).all()
    assert same(model, untouched) == []


def test_one_label_is_enough_to_fit(spec, labels, rng):
    report = made(spec).fit(labels(1), rng)
    assert report.labels == 1 and report.train_accuracy == 1.0


def test_a_contradiction_is_reported_by_name(spec, labels, stamp, rng):
    given = labels(3)
    short = Resolved(5, Ranking(stamp(5), "q000005", ((0,), (1,), (2,))), given[0].clips)
    with pytest.raises(DataError, match="q000005 orders 3 clips and comes with 2"):
        made(spec).fit([*given, short], rng)
    given[1].clips[0].observation[2, 0] = np.nan
    with pytest.raises(DataError, match="not finite"):
        made(spec).fit(given, rng)


def test_fitting_is_repeatable_and_continues_after_loading(spec, labels):
    first_labels, all_labels = labels(60), None
    all_labels = first_labels + labels(40, first=60)
    through, stopped = made(spec), made(spec)
    for model in (through, stopped):
        model.fit(first_labels, np.random.default_rng(1))
    resumed = made(spec, seed=99)
    resumed.load({name: array.copy() for name, array in stopped.state().items()})
    for model in (through, resumed):
        model.fit(all_labels, np.random.default_rng(2))
    assert same(through, resumed) == []


def test_a_state_of_other_sizes_is_refused(spec):
    state = made(spec).state()
    with pytest.raises(DataError, match="parameters is"):
        made(spec, QUICK.model_copy(update={"hidden": (8,)})).load(state)
    with pytest.raises(DataError, match="input_mean is missing"):
        made(spec).load({name: array for name, array in state.items() if name != "input_mean"})


def test_a_warm_start_goes_on_and_a_cold_one_forgets(spec, labels):
    given = labels(100)
    for warm in (True, False):
        model = made(spec, QUICK.model_copy(update={"warm_start": warm, "max_epochs": 1}))
        reports = [model.fit(given, np.random.default_rng(n)) for n in range(8)]
        gained = reports[-1].train_accuracy - reports[0].train_accuracy
        assert (gained > 0.1) == warm


def test_input_statistics_follow_the_data_without_changing_what_is_computed(
    spec, labels, rng, random_steps
):
    model = made(spec)
    model.fit(labels(30), rng)
    before = model.step_rewards(*random_steps).clone()
    data = gather(labels(30), torch.device("cpu"))
    model.follow_inputs(data)
    torch.testing.assert_close(model.step_rewards(*random_steps), before, rtol=1e-3, atol=1e-4)
    steps = data.inputs[data.mask > 0]
    torch.testing.assert_close(model.input_mean, steps.mean(0))
    normalised = model.normalised(steps)
    torch.testing.assert_close(normalised.std(0, correction=0), torch.ones(6), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("pessimism", [0.0, 0.5])
def test_rewards_over_the_replay_have_the_configured_mean_and_spread(
    spec, labels, rng, random_steps, pessimism
):
    config = QUICK.model_copy(
        update={"output_mean": 0.5, "output_std": 2.0, "pessimism": pessimism}
    )
    model = made(spec, config)
    for given in (labels(40), labels(80)):
        model.fit(given, rng)
        model.normalise_over(*map(torch.from_numpy, random_steps))
        rewards = model.step_rewards(*random_steps)
        assert float(rewards.mean()) == pytest.approx(0.5, abs=1e-3)
        assert float(rewards.std(correction=0)) == pytest.approx(2.0, abs=1e-2)


def test_pessimism_takes_more_from_what_members_disagree_on(spec, labels, rng, random_steps):
    plain, wary = made(spec), made(spec, QUICK.model_copy(update={"pessimism": 2.0}))
    given = labels(30)
    for model in (plain, wary):
        model.fit(given, np.random.default_rng(1))
        model.normalise_over(*map(torch.from_numpy, random_steps))
    taken = (plain.step_rewards(*random_steps) - wary.step_rewards(*random_steps)).numpy()
    doubt = plain.uncertainty(*random_steps).numpy()
    assert np.corrcoef(taken, doubt)[0, 1] > 0.3


def test_members_disagree_more_where_there_were_no_labels(spec, labels, rng, random_steps):
    model = made(spec)
    model.fit(labels(200), rng)
    model.normalise_over(*map(torch.from_numpy, random_steps))
    observations, actions = random_steps
    far = model.uncertainty(observations + 8.0, actions)
    assert float(far.mean()) > 2 * float(model.uncertainty(observations, actions).mean())


def test_the_length_of_a_padded_clip_does_not_leak(spec, random_clip):
    model = made(spec)
    clip, longer = random_clip(6), random_clip(15)
    alone = model.segment_scores(ClipBatch.stack([clip]))[:, 0]
    padded = model.segment_scores(ClipBatch.stack([clip, longer]))[:, 0]
    np.testing.assert_allclose(alone, padded, rtol=1e-5, atol=1e-6)
    doubled = Clip(np.tile(clip.observation, (2, 1)), np.tile(clip.action, (2, 1)))
    mean = made(spec, QUICK.model_copy(update={"clip_score": "mean"}))
    np.testing.assert_allclose(
        mean.segment_scores(ClipBatch.stack([clip])),
        mean.segment_scores(ClipBatch.stack([doubled])),
        rtol=1e-4,
        atol=1e-5,
    )


def test_a_million_steps_in_one_call(spec, random_steps):
    model = made(spec, QUICK.model_copy(update={"hidden": (4,)}))
    observations, actions = (np.tile(array, (2000, 1)) for array in random_steps)
    rewards = model.step_rewards(observations, actions)
    assert rewards.shape == (1_000_000,)
    torch.testing.assert_close(rewards[-500:], model.step_rewards(*random_steps))


def test_calibration_lowers_the_log_loss_of_an_overconfident_model(spec, labels, rng):
    """Every fourth answer is wrong: a model that trusts them all is too sure of itself."""
    config = QUICK.model_copy(
        update={"stop_accuracy": 1.0, "patience": 1000, "max_epochs": 60, "held_out_share": 0.3}
    )
    model = made(spec, config)
    given = labels(300, flipped=0.25)
    report = model.fit(given, rng)
    assert report.temperature > 1.3
    back = [label for label in given if is_held_out(label.feedback.query_id, 0.3)]
    calibrated = log_odds(model, back)
    stated = calibrated * report.temperature
    assert np.logaddexp(0, -calibrated).mean() < np.logaddexp(0, -stated).mean() - 0.05
    assert report.held_out_log_loss < np.logaddexp(0, -stated).mean()
    assert 0 < report.calibration_error < 0.3
    assert sum(count for _, _, count in report.reliability) == len(back)


def log_odds(model, labels):
    """Of the better clip of each pair."""
    scores = [model.segment_scores(ClipBatch.stack(label.clips)).mean(0) for label in labels]
    return np.array(
        [
            float(values[label.feedback.order[0][0]] - values[label.feedback.order[1][0]])
            for values, label in zip(scores, labels, strict=True)
        ]
    )


def test_expected_noise_keeps_wrong_answers_from_ruling(spec, labels):
    """With every fifth answer wrong, a fit that expects it does better on right ones."""
    given, unseen = labels(200, flipped=0.2), labels(300, first=10_000)
    scores = []
    for noise in (0.0, 0.4):
        update = {"label_noise": noise, "stop_accuracy": 1.0, "patience": 1000, "max_epochs": 80}
        model = made(spec, QUICK.model_copy(update=update))
        model.fit(given, np.random.default_rng(1))
        scores.append(accuracy(model, unseen))
    assert scores[1] > scores[0]


def test_bootstrap_gives_members_labels_of_their_own(spec, labels):
    given = labels(40)
    model = made(spec, QUICK.model_copy(update={"bootstrap": True}))
    model.fit(given, np.random.default_rng(1))
    again = made(spec, QUICK.model_copy(update={"bootstrap": True}))
    again.fit(given, np.random.default_rng(1))
    plain = made(spec)
    plain.fit(given, np.random.default_rng(1))
    assert same(model, again) == []
    assert "parameters" in same(model, plain)
