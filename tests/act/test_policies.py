from dataclasses import replace

import numpy as np
import pytest

from robofeed.act.policies import DoNothingPolicy, MlpPolicy, RandomPolicy
from robofeed.data.errors import DataError
from robofeed.data.policy_spec import LOG_STD_MAX, LOG_STD_MIN, PolicySpec
from robofeed.data.spec import ArraySpec, BackendSpec

LOW, HIGH = np.array([-0.2, 0.0], np.float32), np.array([0.4, 1.0], np.float32)
ACTION = ArraySpec((2,), LOW, HIGH)
BACKEND = BackendSpec(ArraySpec((3,), -2.0, 6.0), ACTION, period_s=0.04)

SMALL = PolicySpec(
    kind="tanh_gaussian_mlp",
    layers=(2, 2),
    observation_centre=(1.0, 0.0),
    observation_scale=(2.0, 1.0),
    action_low=(-1.0,),
    action_high=(3.0,),
)


def gaussian(mean, log_std):
    """A policy whose outputs do not depend on what it sees."""
    weights = np.array([0, 0, 0, 0, mean, log_std], np.float32)
    return MlpPolicy(SMALL, weights, version=4)


@pytest.fixture
def seen():
    return np.random.default_rng(3).uniform(-2, 6, (50, 3)).astype(np.float32)


def test_a_learned_policy_acts_as_the_networks_in_torch_do(seen):
    import torch

    from robofeed.update.actor import draw
    from robofeed.update.config import SacConfig
    from robofeed.update.sac import SacLearner

    torch.set_num_threads(1)
    learner = SacLearner(SacConfig(hidden=(32, 24)), BACKEND, seed=3, device="cpu")
    spec, weights = learner.export()
    policy = MlpPolicy(spec, weights, version=1)

    matrices = torch.from_numpy(weights).split([96, 32, 768, 24, 96, 4])
    network = torch.nn.Sequential(
        torch.nn.Linear(3, 32),
        torch.nn.ReLU(),
        torch.nn.Linear(32, 24),
        torch.nn.ReLU(),
        torch.nn.Linear(24, 4),
    )
    with torch.no_grad():
        for parameter, values in zip(network.parameters(), matrices, strict=True):
            parameter.copy_(values.view(parameter.shape))
        outputs = network(torch.from_numpy((seen - 2.0) / 4.0))
        noise = torch.from_numpy(np.random.default_rng(9).standard_normal((50, 2), np.float32))
        sampled = draw(outputs[None], noise).action.numpy()
        mean = torch.tanh(outputs[:, :2]).numpy()

    def physical(unit):
        return (LOW + HIGH) / 2 + (HIGH - LOW) / 2 * unit

    np.testing.assert_allclose(policy.act(seen, None), physical(mean), atol=1e-5)
    np.testing.assert_allclose(
        policy.act(seen, np.random.default_rng(9)), physical(sampled), atol=1e-5
    )
    assert np.ptp(mean) > 0.05, "the policy depends on what it sees"


def test_a_cloned_policy_acts_as_the_networks_in_torch_do(seen):
    import torch

    from robofeed.update.behaviour_cloning import BehaviourCloning
    from robofeed.update.config import BehaviourCloningConfig

    torch.set_num_threads(1)
    config = BehaviourCloningConfig(hidden=(16,))
    spec, weights = BehaviourCloning(config, BACKEND, seed=1, device="cpu").export()
    hidden, bias, last, last_bias = torch.from_numpy(weights).split(
        [3 * 16, 16, 16 * spec.layers[-1], spec.layers[-1]]
    )
    inside = torch.relu(torch.from_numpy((seen - 2.0) / 4.0) @ hidden.view(16, 3).T + bias)
    mean = torch.tanh((inside @ last.view(-1, 16).T + last_bias)[:, :2]).numpy()
    expected = (LOW + HIGH) / 2 + (HIGH - LOW) / 2 * mean
    np.testing.assert_allclose(MlpPolicy(spec, weights, 0).act(seen, None), expected, atol=1e-5)


def test_observations_are_normalised_and_actions_in_physical_units():
    weights = np.array([1, 0, 0, 0, 0, 0], np.float32)
    actions = MlpPolicy(SMALL, weights, 0).act(np.array([[3.0, 9.0], [1.0, 9.0]], np.float32), None)
    np.testing.assert_allclose(actions[:, 0], [1 + 2 * np.tanh(1.0), 1.0], atol=1e-6)
    assert actions.dtype == np.float32


@pytest.mark.parametrize(
    ("log_std", "std"),
    [(-1.0, np.exp(-1)), (9.0, np.exp(LOG_STD_MAX)), (-9.0, np.exp(LOG_STD_MIN))],
)
def test_the_spread_of_actions_is_the_one_learned_within_its_limits(log_std, std):
    rng = np.random.default_rng(1)
    actions = gaussian(0.3, log_std).act(np.zeros((4000, 2), np.float32), rng)
    before = np.arctanh(np.clip((actions - 1) / 2, -1 + 1e-7, 1 - 1e-7))
    # By quartiles: a wide one is cut off at the ends by the number format.
    low, middle, high = np.quantile(before, [0.25, 0.5, 0.75])
    assert (high - low) / 1.349 == pytest.approx(std, rel=0.08)
    assert middle == pytest.approx(0.3, abs=0.1 * std)


def test_without_a_generator_it_takes_the_mean_and_with_one_the_generator_decides():
    policy, seen = gaussian(0.3, -1.0), np.zeros((5, 2), np.float32)
    np.testing.assert_allclose(policy.act(seen, None), 1 + 2 * np.tanh(0.3), atol=1e-6)
    drawn = [policy.act(seen, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert policy.version == 4


def test_a_deterministic_policy_has_no_spread():
    spec = replace(SMALL, kind="deterministic_mlp", layers=(2, 1))
    policy = MlpPolicy(spec, np.array([0, 0, 0.3], np.float32), 0)
    actions = policy.act(np.zeros((5, 2), np.float32), np.random.default_rng(1))
    np.testing.assert_allclose(actions, 1 + 2 * np.tanh(0.3), atol=1e-6)


def test_a_snapshot_does_not_change_with_the_buffer_it_came_in():
    weights = np.array([1, 0, 0, 0, 0.5, 0], np.float32)
    policy = MlpPolicy(SMALL, weights, 0)
    seen = np.ones((1, 2), np.float32)
    before = policy.act(seen, None)
    weights[:] = 7.0
    np.testing.assert_array_equal(policy.act(seen, None), before)


@pytest.mark.parametrize("count", [5, 7])
def test_weights_that_do_not_fit_are_refused(count):
    with pytest.raises(DataError, match="6"):
        MlpPolicy(SMALL, np.zeros(count, np.float32), 0)


def test_random_actions_fill_the_range_evenly():
    actions = RandomPolicy(ACTION).act(np.zeros((4000, 3)), np.random.default_rng(2))
    unit = (actions - LOW) / (HIGH - LOW)
    assert actions.dtype == np.float32
    assert (unit >= 0).all() and (unit <= 1).all()
    quarters = np.stack([np.histogram(column, 4, (0, 1))[0] for column in unit.T])
    assert (abs(quarters - 1000) < 150).all()
    with pytest.raises(ValueError, match="generator"):
        RandomPolicy(ACTION).act(np.zeros((1, 3)), None)


def test_doing_nothing_is_nought_or_the_nearest_to_it():
    spec = ArraySpec((3,), [-1.0, 0.5, -2.0], [1.0, 1.0, -1.0])
    actions = DoNothingPolicy(spec).act(np.zeros((2, 3)), None)
    np.testing.assert_array_equal(actions, [[0.0, 0.5, -1.0]] * 2)
