"""Domain randomisation: seeded, within what was asked for, and nothing where nothing was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.data.spec import ArraySpec, FloatArray
from robofeed.data.tasks import Body, Layout
from robofeed.safety import Guarded
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig, Randomisation
from robofeed_pybullet.randomisation import vary

CUBE = Body("cube", "box", (0.02, 0.02, 0.02), (0.2, 0.0, 0.01), mass_kg=0.01)
POST = Body("post", "cylinder", (0.02, 0.02, 0.1), (0.2, 0.1, 0.05), obstacle=True)
LAYOUT = Layout(goal_m=(0.2, 0.1, 0.05), bodies=(CUBE, POST))
STATE = ArraySpec((2,), np.array([-1.0, 0.0], np.float32), np.array([1.0, 4.0], np.float32))


def states(randomise: Randomisation, seed: int, steps: int = 6) -> FloatArray:
    guarded = Guarded(PybulletBackend(PybulletConfig(task="push", randomise=randomise)))
    guarded.open()
    seen = [guarded.reset(seed).state]
    for _ in range(steps):
        guarded.apply(np.array([0.01, -0.01, -0.005], np.float32))
        seen.append(guarded.observe().state)
    guarded.close()
    return np.stack(seen)


@given(
    seed=st.integers(0, 2**31),
    size=st.floats(0.0, 0.4),
    share=st.floats(0.0, 0.9),
    shift_m=st.floats(0.0, 0.1),
    delay=st.integers(0, 10),
)
def test_draws_stay_within_what_was_asked_for(
    seed: int, size: float, share: float, shift_m: float, delay: int
) -> None:
    config = Randomisation(
        mass=share,
        friction=share,
        object_size=size,
        object_position_m=shift_m,
        object_yaw_rad=0.3,
        action_delay_steps=delay,
    )
    drawn = vary(config, LAYOUT, 5, STATE, np.random.default_rng(seed))
    assert drawn == vary(config, LAYOUT, 5, STATE, np.random.default_rng(seed))
    slack = 1e-9
    assert drawn.layout.goal_m == LAYOUT.goal_m
    assert 0 <= drawn.delay_steps <= delay
    assert all(1 - share - slack <= mass <= 1 + share + slack for mass in drawn.link_mass_share)
    for body, nominal in zip(drawn.layout.bodies, LAYOUT.bodies, strict=True):
        scale = body.size_m[0] / nominal.size_m[0]
        assert 1 - size - slack <= scale <= 1 + size + slack
        for axis in (0, 1):
            assert abs(body.position_m[axis] - nominal.position_m[axis]) <= shift_m + slack
        assert body.position_m[2] == pytest.approx(body.size_m[2] / 2), "it stands on the table"
        assert np.linalg.norm(body.quaternion) == pytest.approx(1.0)
    assert drawn.layout.bodies[1].quaternion == POST.quaternion, "what is fixed is not turned"


def test_nothing_asked_for_changes_nothing() -> None:
    drawn = vary(Randomisation(), LAYOUT, 5, STATE, np.random.default_rng(0))
    assert drawn.layout is LAYOUT
    assert (drawn.link_mass_share, drawn.delay_steps, drawn.noise) == ((), 0, None)


@pytest.mark.parametrize(
    "randomise",
    [
        Randomisation(mass=0.5, object_size=0.2),
        Randomisation(object_position_m=0.02),
        Randomisation(action_delay_steps=3),
        Randomisation(observation_noise=0.01),
    ],
    ids=["mass and size", "position", "delay", "noise"],
)
def test_each_kind_reaches_the_episode_and_a_seed_repeats_it(randomise: Randomisation) -> None:
    nominal = states(Randomisation(), seed=4)
    varied = states(randomise, seed=4)
    assert np.array_equal(varied, states(randomise, seed=4))
    assert not np.array_equal(varied, nominal)


def test_a_delayed_arm_moves_later() -> None:
    config = Randomisation(action_delay_steps=10)
    behind = set()
    for seed in range(6):
        height_m = states(config, seed, steps=10)[:, 12]
        behind.add(int((height_m > height_m[0] - 0.001).sum()) - 1)
    assert min(behind) < max(behind) <= 10
    assert len(behind) >= 3, "the delay is drawn anew each episode"


def test_noise_is_of_the_size_asked_for_and_stays_in_bounds() -> None:
    rng = np.random.default_rng(0)
    drawn = vary(Randomisation(observation_noise=0.05), Layout((0.0, 0.0, 0.0)), 0, STATE, rng)
    assert drawn.noise is not None
    noise = np.array([drawn.noise([0.0, 2.0]) for _ in range(4000)]) - [0.0, 2.0]
    assert noise.std(axis=0) == pytest.approx([0.05 * 2.0, 0.05 * 4.0], rel=0.05)
