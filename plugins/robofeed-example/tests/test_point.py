import numpy as np
import pytest

from robofeed.data.observation import Ended, Gate
from robofeed.interfaces import HasExpert, HasTruth, Renders
from robofeed.plugins import load_plugins
from robofeed.safety import Guarded
from robofeed.testing.conformance import check_twin
from robofeed_example import PointConfig, create
from robofeed_example.point import STEP_M, Point


def test_it_is_found_like_any_stranger() -> None:
    provider = load_plugins(allow=["example"]).provider("backend", "point")

    backend = provider.create(provider.config_type(horizon=7), None)

    assert backend.spec.horizon == 7


def test_a_typing_mistake_in_the_run_file_is_refused() -> None:
    with pytest.raises(ValueError, match="horizn"):
        PointConfig.model_validate({"horizn": 7})


def test_the_same_seed_gives_the_same_start() -> None:
    point = Point()
    first = point.reset(seed=3).state
    point.send(point.plan(np.array([0.05, 0.0], np.float32)))

    np.testing.assert_array_equal(point.reset(seed=3).state, first)
    assert not np.array_equal(point.reset(seed=4).state, first)


def test_plan_moves_nothing_and_send_goes_there() -> None:
    point = Point()
    before = point.reset(seed=1).state
    target = point.plan(np.array([0.01, -0.02], np.float32))

    np.testing.assert_array_equal(point.observe().state, before)
    point.send(target)
    np.testing.assert_allclose(point.observe().state[:2], before[:2] + [0.01, -0.02], atol=1e-6)


def test_the_expert_reaches_every_goal_within_the_horizon() -> None:
    point = Point()
    for seed in range(50):
        observation = point.reset(seed)
        while observation.ended is Ended.RUNNING:
            point.send(point.plan(point.expert_action()))
            observation = point.observe()
        assert observation.ended is Ended.TRUNCATED
        assert point.truth().success


def test_truth_grows_towards_the_goal() -> None:
    point = Point()
    point.reset(seed=1)
    before = point.truth().reward
    point.send(point.plan(point.expert_action()))

    assert point.truth().reward > before


def test_a_stored_scene_is_rendered_by_an_unopened_backend() -> None:
    point = Point()
    point.reset(seed=1)
    picture = Point().render(point.scene(), 60, 80)

    assert picture.shape == (60, 80, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 3  # paper, point, goal


def test_it_offers_what_a_simulator_can() -> None:
    assert all(isinstance(Point(), can) for can in (HasTruth, HasExpert, Renders))


def test_behind_the_gates_a_step_too_far_is_clipped_and_nan_refused() -> None:
    guarded = Guarded(create(PointConfig(), None))
    guarded.open()
    guarded.reset(seed=1)

    far = guarded.apply(np.array([1.0, 0.0], np.float32))
    nan = guarded.apply(np.array([np.nan, 0.0], np.float32))

    assert far.gates is Gate.ACTION_BOUNDS
    assert far.action[0] == np.float32(STEP_M)
    assert nan.target is None
    assert nan.gates is Gate.NON_FINITE


def test_it_keeps_a_backend_s_promises() -> None:
    report = check_twin(Point)
    assert report.passed, report.text()
