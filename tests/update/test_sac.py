"""SAC as a learner: what it is fed, what it gives out, and how it goes on where it stopped."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from robofeed.act.policies import MlpPolicy
from robofeed.data.errors import ConfigError, DataError
from robofeed.data.spec import ArraySpec, BackendSpec, DiscreteSpec
from robofeed.update.config import RewardConfig, SacConfig
from robofeed.update.reward_model import PreferenceEnsemble
from robofeed.update.sac import SacLearner
from robofeed.update.truth_reward import TruthReward

SMALL = SacConfig(hidden=(16, 16), batch_size=32, exploration_particles=64)
RLPD = SacConfig(
    hidden=(16, 16),
    batch_size=32,
    critics=5,
    target_subset=2,
    layer_norm=True,
    critic_updates=3,
    entropy_in_backup=False,
    learn_temperature=False,
    exploration="none",
    policy_follow=0.1,
)


def made(spec, config=SMALL, seed=0):
    return SacLearner(config, spec, seed, device="cpu")


def same(first, second):
    first, second = first.state(), second.state()
    assert first.keys() == second.keys()
    return [name for name in first if first[name].tobytes() != second[name].tobytes()]


@pytest.mark.parametrize("config", [SMALL, RLPD], ids=["sac", "rlpd"])
@pytest.mark.parametrize("labelled", [False, True])
def test_fifty_updates_saved_and_fifty_more_are_a_hundred(spec, transitions, config, labelled):
    reward = PreferenceEnsemble(RewardConfig(hidden=(8,)), spec, seed=5, device="cpu")
    steps, later, prior = transitions(80), transitions(20), transitions(10)
    through, stopped = made(spec, config), made(spec, config)
    for learner in (through, stopped):
        learner.add(steps, "online")
        learner.add(prior, "prior")
        if labelled:
            learner.relabel(reward)
        learner.update(50)
    resumed = made(spec, config, seed=99)
    resumed.load({name: array.copy() for name, array in stopped.state().items()})
    if labelled:
        resumed.label_with(reward)
    for learner in (through, resumed):
        learner.add(later, "online")
        learner.update(50)
    assert same(through, resumed) == []
    assert through.metrics() == resumed.metrics()


def test_a_critic_reset_after_resuming_draws_the_same_critics(spec, transitions):
    reward = PreferenceEnsemble(RewardConfig(hidden=(8,)), spec, seed=5, device="cpu")
    through = made(spec)
    through.add(transitions(80), "online")
    through.update(5)
    resumed = made(spec, seed=99)
    resumed.load(through.state())
    for learner in (through, resumed):
        learner.relabel(reward)
    assert same(through, resumed) == []


@pytest.mark.parametrize(
    "name, harm",
    [
        ("actor", lambda array: array[:-1]),
        ("critic_adam.exp_avg", lambda array: array.astype(np.float64)),
        ("counters", lambda array: array[:1]),
        ("sampler", lambda array: array[:10]),
        ("draw", lambda array: np.zeros_like(array)[:1]),
        ("replay.online", lambda array: array[:, :-1]),
    ],
)
def test_a_state_that_does_not_fit_is_refused_by_name(spec, transitions, name, harm):
    learner = made(spec)
    learner.add(transitions(10), "online")
    state = dict(learner.state())
    for broken in (
        {**state, name: harm(state[name])},
        {k: v for k, v in state.items() if k != name},
    ):
        with pytest.raises(DataError, match=r"saved state: .*"):
            made(spec).load(broken)


class NoSynchronisation(TorchDispatchMode):
    """Refuses what would wait for a GPU, and notes each operation with the shapes it saw."""

    WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "unique", "equal.")

    def __init__(self):
        super().__init__()
        self.trace = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = str(function)
        assert not any(wait in name for wait in self.WAITS), f"{name} waits for the device"
        shapes = [tuple(arg.shape) for arg in args if isinstance(arg, torch.Tensor)]
        self.trace.append((name, shapes))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("config", [SMALL, RLPD], ids=["sac", "rlpd"])
@pytest.mark.parametrize("labelled", [False, True])
def test_updates_do_not_wait_for_the_device_and_have_static_shapes(
    spec, transitions, monkeypatch, config, labelled
):
    learner = made(spec, config)
    learner.add(transitions(40), "online")
    learner.add(transitions(10), "prior")
    if labelled:
        learner.label_with(PreferenceEnsemble(RewardConfig(hidden=(8,)), spec, 5, "cpu"))
    learner.update(1)

    def refuse(*_):
        raise AssertionError("a tensor was read by the host")

    for method in ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__"):
        monkeypatch.setattr(torch.Tensor, method, refuse)
    with NoSynchronisation() as before:
        learner.update(2)
    monkeypatch.undo()
    learner.add(transitions(50), "online")
    with NoSynchronisation() as after:
        learner.update(2)
    assert before.trace == after.trace, "an update looks different once there is more to sample"
    assert len(before.trace) > 20


def test_no_operation_follows_from_a_tensors_value(spec, transitions):
    """The same operations whatever the numbers are: no branch in Python on a tensor."""
    traces = []
    for seed in (0, 1):
        learner = made(spec, seed=seed)
        learner.add(transitions(40), "online")
        learner.update(1)
        with NoSynchronisation() as mode:
            learner.update(3)
        traces.append(mode.trace)
    assert traces[0] == traces[1]


def test_the_global_generator_is_neither_used_nor_moved(spec, transitions):
    steps = transitions(40)
    states = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        learner = made(spec)
        learner.add(steps, "online")
        learner.update(3)
        assert torch.equal(torch.get_rng_state(), before)
        states.append(learner)
    assert same(*states) == []


def test_the_acting_policy_agrees_with_the_actor(spec, transitions):
    learner = made(spec)
    learner.add(transitions(60), "online")
    learner.update(20)
    described, weights = learner.export()
    observations = transitions(30).observation
    policy = MlpPolicy(described, weights, version=1)
    unit = torch.from_numpy((observations - 1.0) / 2.0)
    outputs = learner._actor.forward(unit)[0]
    mean, log_std = outputs.chunk(2, dim=-1)
    expected = 0.2 * torch.tanh(mean)
    np.testing.assert_allclose(policy.act(observations, None), expected.numpy(), atol=1e-5)

    noise = np.random.default_rng(3).standard_normal(mean.shape, dtype=np.float32)
    sampled = 0.2 * torch.tanh(mean + log_std.clamp(-5, 2).exp() * torch.from_numpy(noise))
    found = policy.act(observations, np.random.default_rng(3))
    np.testing.assert_allclose(found, sampled.numpy(), atol=1e-5)


def test_a_following_policy_is_the_running_mean_of_the_actor(spec, transitions):
    newest, following = (
        made(spec, SMALL.model_copy(update={"policy_follow": share})) for share in (1.0, 0.25)
    )
    steps = transitions(80)
    for learner in (newest, following):
        learner.add(steps, "online")
    mean = following.export()[1]
    for _ in range(10):
        newest.update(1)
        following.update(1)
        mean = mean + 0.25 * (newest.export()[1] - mean)
    np.testing.assert_allclose(following.export()[1], mean, atol=1e-6)
    assert np.abs(newest.export()[1] - mean).max() > 1e-4


def test_export_writes_into_a_slot(spec):
    learner = made(spec)
    described, weights = learner.export()
    slot = bytearray(described.weight_count * 4)
    learner.export(memoryview(slot))
    assert bytes(slot) == weights.tobytes()
    assert described.spec_hash == spec.hash()


def test_an_export_is_a_snapshot(spec, transitions):
    learner = made(spec)
    learner.add(transitions(60), "online")
    _, weights = learner.export()
    before = weights.copy()
    learner.update(5)
    assert np.array_equal(weights, before)
    assert not np.array_equal(learner.export()[1], before)


def test_metrics_are_means_since_the_last_call(spec, transitions):
    learner = made(spec)
    assert learner.metrics() == {}
    learner.relabel(TruthReward())
    steps = transitions(200, truth=True)
    learner.add(steps, "online")
    learner.update(200)
    metrics = learner.metrics()
    names = {"critic_loss", "q_mean", "actor_loss", "entropy", "temperature", "reward_mean"}
    assert set(metrics) == names
    assert metrics["reward_mean"] == pytest.approx(float(steps.true_reward.mean()), abs=0.05)
    assert all(np.isfinite(value) for value in metrics.values())
    assert learner.metrics() == {}


def test_updates_without_transitions_are_refused(spec):
    with pytest.raises(DataError, match="no transitions"):
        made(spec).update(1)


def test_true_rewards_do_not_reach_a_learner_from_feedback(spec, transitions):
    with pytest.raises(DataError, match="must not see"):
        made(spec).add(transitions(3, truth=True), "online")


def test_before_the_first_labels_rewards_are_for_exploring(spec, transitions):
    exploring, idle = made(spec), made(spec, SMALL.model_copy(update={"exploration": "none"}))
    for learner in (exploring, idle):
        learner.add(transitions(100), "online")
        learner.update(10)
    assert exploring.metrics()["reward_mean"] == pytest.approx(1.0, abs=0.2)
    assert idle.metrics()["reward_mean"] == 0.0


@pytest.mark.parametrize("reset", [True, False])
def test_critics_start_anew_at_the_first_labels_only(spec, transitions, reset):
    config = SMALL.model_copy(update={"reset_critic_at_first_labels": reset})
    reward = PreferenceEnsemble(RewardConfig(hidden=(8,)), spec, seed=5, device="cpu")
    learner = made(spec, config)
    learner.add(transitions(60), "online")
    learner.update(7)
    learner.relabel(reward)
    assert learner.updates == 7 + (config.updates_after_reset if reset else 0)
    before = learner.updates
    learner.relabel(reward)
    assert learner.updates == before


def test_time_limits_are_bootstrapped_and_terminations_are_not(spec, transitions):
    """With a reward of 1 a step, Q is 1 where the task ends and 1 / (1 - gamma) where not."""
    values = {}
    for terminated in (True, False):
        config = SacConfig(
            hidden=(32,), batch_size=64, gamma=0.8, tau=0.1, critic_lr=1e-2, entropy_in_backup=False
        )
        learner = made(spec, config)
        learner.relabel(TruthReward())
        steps = transitions(100, truth=True, terminated=terminated)
        steps.true_reward[:] = 1.0
        learner.add(steps, "online")
        learner.update(200)
        learner.metrics()
        learner.update(50)
        values[terminated] = learner.metrics()["q_mean"]
    assert values[True] == pytest.approx(1.0, abs=0.05)
    assert values[False] == pytest.approx(5.0, abs=0.5)


def test_a_cloned_policy_starts_the_actor(spec, transitions):
    learner = made(spec, SMALL.model_copy(update={"hidden": (64, 64)}))
    steps = transitions(200)
    # an expert that moves against the first two elements of what it observes
    steps.action[:] = -0.1 * (steps.observation[:, :2] - 1.0)
    learner.add(steps, "prior")
    learner.imitate_prior(800)
    policy = MlpPolicy(*learner.export(), version=0)
    test = transitions(100)
    expected = -0.1 * (test.observation[:, :2] - 1.0)
    error = np.abs(policy.act(test.observation, None) - expected).mean()
    assert error < 0.25 * np.abs(expected).mean()


def test_a_policy_of_another_form_cannot_start_the_actor(spec):
    described, weights = made(spec, SMALL.model_copy(update={"hidden": (8,)})).export()
    with pytest.raises(DataError, match=r"layers \(4, 8, 4\)"):
        made(spec).start_actor_from(described, weights)


def test_discrete_or_unbounded_actions_are_refused():
    observation = ArraySpec((4,), -1.0, 1.0)
    with pytest.raises(ConfigError, match="discrete"):
        made(BackendSpec(observation, DiscreteSpec(3), 0.04))
    with pytest.raises(ConfigError, match="finite"):
        made(BackendSpec(observation, ArraySpec((2,), -np.inf, np.inf), 0.04))


def test_an_unknown_or_missing_device_is_a_configuration_error(spec, monkeypatch):
    with pytest.raises(ConfigError, match="'abacus'"):
        SacLearner(SMALL, spec, 0, device="abacus")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no GPU"):
        SacLearner(SMALL, spec, 0, device="cuda")
