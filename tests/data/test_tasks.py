"""Tasks: where things start, what is observed, what is rewarded, what counts as success."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robofeed.data.errors import ConfigError
from robofeed.data.tasks import (
    TASKS,
    ArmFigures,
    BodyState,
    Layout,
    Task,
    World,
    horizon_of,
    make_task,
)
from robofeed.data.tasks.roadmap import Block, Roadmap, crosses

seeds = st.integers(0, 2**32 - 1)
scales = st.sampled_from([1.0, 1.9])
names = st.sampled_from(sorted(TASKS))


def figures(scale: float = 1.0) -> ArmFigures:
    """An arm with five joints, as large as the so101 times `scale`."""
    return ArmFigures(
        name="arm",
        joint_names=("a", "b", "c", "d", "e"),
        joint_low_rad=(-2.0,) * 5,
        joint_high_rad=(2.0,) * 5,
        joint_speed_rad_s=(5.0,) * 5,
        home_rad=(0.0,) * 5,
        scale=scale,
        tool_step_m=0.02 * scale,
        workspace_low_m=(-0.1 * scale, -0.45 * scale, 0.005),
        workspace_high_m=(0.45 * scale, 0.45 * scale, 0.45 * scale),
        home_tool_m=(0.19 * scale, 0.0, 0.08 * scale),
        gripper_width_m=0.05 * scale,
        hand_half_m=(0.02 * scale, 0.025 * scale),
    )


def drawn(name: str, seed: int, scale: float = 1.0) -> tuple[Task, Layout]:
    task = make_task(name, figures(scale))
    return task, task.layout(np.random.default_rng(seed))


def world(
    layout: Layout, tool_m: tuple[float, ...], cube_m: tuple[float, ...] | None = None
) -> World:
    bodies = [
        BodyState(cube_m or body.position_m, body.quaternion)
        for body in layout.bodies
        if body.mass_kg > 0
    ]
    return World([0.1] * 5, [0.0] * 5, tool_m, 0.5, bodies)


def toward(start: tuple[float, ...], goal: tuple[float, ...], share: float) -> tuple[float, ...]:
    return tuple(s + share * (g - s) for s, g in zip(start, goal, strict=True))


@given(names, seeds, scales)
def test_observations_match_their_spec_and_carry_the_relative_vectors(
    name: str, seed: int, scale: float
) -> None:
    task, layout = drawn(name, seed, scale)
    tool = toward(figures(scale).home_tool_m, layout.goal_m, 0.3)
    values = np.array(task.observe(world(layout, tool), layout), np.float32)
    spec = task.observation
    assert spec.contains(values)
    assert np.isfinite(spec.low).all() and np.isfinite(spec.high).all()
    assert len(set(spec.names)) == spec.size == len(spec.units)
    seen = dict(zip(spec.names, values, strict=True))
    for axis, letter in enumerate("xyz"):
        if "target_from_tool.x" in seen:
            apart = layout.goal_m[axis] - tool[axis]
            assert seen[f"target_from_tool.{letter}"] == pytest.approx(apart, abs=1e-6)
        else:
            cube = layout.bodies[0].position_m
            from_tool, from_cube = cube[axis] - tool[axis], layout.goal_m[axis] - cube[axis]
            assert seen[f"cube_from_tool.{letter}"] == pytest.approx(from_tool, abs=1e-6)
            assert seen[f"goal_from_cube.{letter}"] == pytest.approx(from_cube, abs=1e-6)


@given(names, seeds)
def test_a_seed_gives_one_layout(name: str, seed: int) -> None:
    assert drawn(name, seed)[1] == drawn(name, seed)[1]


@given(names, seeds, scales)
def test_nothing_is_solved_at_the_start(name: str, seed: int, scale: float) -> None:
    task, layout = drawn(name, seed, scale)
    assert not task.truth(world(layout, figures(scale).home_tool_m), layout).success


@given(seeds, scales)
def test_reach_targets_lie_in_the_shell(seed: int, scale: float) -> None:
    _, layout = drawn("reach", seed, scale)
    x, y, z = (value / scale for value in layout.goal_m)
    assert 0.12 <= math.hypot(x, y, z) <= 0.32
    assert abs(math.degrees(math.atan2(y, x))) <= 75.0
    assert 0.03 <= z <= 0.25


@given(st.sampled_from(["push", "pick_place"]), seeds, scales)
def test_cubes_start_on_the_table_and_goals_are_in_range(
    name: str, seed: int, scale: float
) -> None:
    _, layout = drawn(name, seed, scale)
    (cube,) = layout.bodies
    assert cube.size_m == (0.025 * scale,) * 3 and cube.mass_kg > 0
    assert cube.position_m[2] == pytest.approx(0.0125 * scale)
    assert 0.08 <= math.dist(cube.position_m, layout.goal_m) / scale <= 0.20
    height = layout.goal_m[2] / scale
    if name == "push" or height < 0.03:
        assert height == pytest.approx(0.0125)
    else:
        assert 0.05 <= height <= 0.12


def test_half_of_the_pick_place_goals_are_in_the_air() -> None:
    task = make_task("pick_place", figures())
    rng = np.random.default_rng(0)
    high = sum(task.layout(rng).goal_m[2] > 0.03 for _ in range(1000))
    assert 450 <= high <= 550


@settings(max_examples=40)
@given(seeds, scales)
def test_a_block_is_across_the_straight_line_and_there_is_a_way_round(
    seed: int, scale: float
) -> None:
    task, layout = drawn("obstacles", seed, scale)
    home = figures(scale).home_tool_m
    blocks = [
        Block(b.position_m[0], b.position_m[1], b.size_m[0] / 2, b.size_m[1] / 2, b.size_m[2])
        for b in layout.bodies
    ]
    assert 2 <= len(blocks) <= 4
    assert all(body.obstacle and body.mass_kg == 0 for body in layout.bodies)
    assert any(crosses(block, home, layout.goal_m) for block in blocks)
    for place in (home, layout.goal_m):
        assert not any(_near(block, place, 0.02 * scale) for block in blocks)
    steps = 0
    tool: tuple[float, ...] = home
    while math.dist(tool, layout.goal_m) > 0.02 * scale and steps < 50:
        move = task.expert(world(layout, tool), layout)
        assert max(abs(value) for value in move) <= 0.02 * scale + 1e-9
        before = task.truth(world(layout, tool), layout).reward
        tool = tuple(t + m for t, m in zip(tool, move, strict=True))
        assert task.truth(world(layout, tool), layout).reward > before - 1e-6
        assert not any(_near(block, tool, 0.02 * scale) for block in blocks)
        steps += 1
    assert steps < 50


def _near(block: Block, point: tuple[float, ...], gap_m: float) -> bool:
    return (
        abs(point[0] - block.x) < block.half_x + gap_m
        and abs(point[1] - block.y) < block.half_y + gap_m
        and point[2] < block.top + gap_m
    )


@given(names, seeds, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_reward_grows_on_the_way_to_the_goal(
    name: str, seed: int, one: float, other: float
) -> None:
    """Cube or tool on the straight line (a free one): nearer is better."""
    task, layout = drawn(name, seed)
    free = Layout(layout.goal_m, tuple(body for body in layout.bodies if body.mass_kg > 0))
    near, far = max(one, other), min(one, other)
    if near - far < 1e-3:
        return

    def reward(share: float) -> float:
        if not free.bodies:
            tool = toward(figures().home_tool_m, layout.goal_m, share)
            return task.truth(world(free, tool), free).reward
        cube = toward(free.bodies[0].position_m, layout.goal_m, share)
        back = toward(cube, layout.goal_m, -0.1)
        return task.truth(world(free, back, cube), free).reward

    assert reward(near) > reward(far)


@given(seeds)
def test_approaching_the_cube_is_better_than_staying_away(seed: int) -> None:
    for name in ("push", "pick_place"):
        task, layout = drawn(name, seed)
        cube = layout.bodies[0].position_m
        away = toward(cube, (cube[0], cube[1], 0.3), 0.6)
        behind = toward(cube, layout.goal_m, -0.025 / math.dist(cube, layout.goal_m))
        near = task.truth(world(layout, behind), layout).reward
        assert near > task.truth(world(layout, away), layout).reward


@given(seeds)
def test_touching_a_block_costs_and_is_never_success(seed: int) -> None:
    task, layout = drawn("obstacles", seed)
    there = world(layout, layout.goal_m)
    free = task.truth(there, layout)
    there.touching = True
    touched = task.truth(there, layout)
    assert free.success and not free.collided
    assert touched.collided and not touched.success and touched.reward <= free.reward - 1.0


@given(names, st.lists(st.booleans(), max_size=12), st.booleans())
def test_an_episode_succeeds_when_the_last_five_steps_do(
    name: str, met: list[bool], collided: bool
) -> None:
    task = make_task(name, figures())
    expected = len(met) >= 5 and all(met[-5:]) and not (name == "obstacles" and collided)
    assert task.episode_success(met, collided) == expected


def test_without_a_way_there_is_none() -> None:
    goal = (0.2, 0.0, 0.05)
    walls = [
        Block(0.2 + x, y, hx, hy, 0.3)
        for x, y, hx, hy in (
            (0.08, 0, 0.01, 0.09),
            (-0.08, 0, 0.01, 0.09),
            (0, 0.08, 0.09, 0.01),
            (0, -0.08, 0.09, 0.01),
        )
    ]
    assert math.isinf(Roadmap(walls, goal, (0.02, 0.02), 1.0, (0.05,)).way((0.15, 0.2, 0.05))[0])


def test_an_unknown_task_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'push'"):
        make_task("psuh", figures())


@pytest.mark.parametrize("name", TASKS)
def test_an_episode_lasts_as_long_at_any_rate_unless_its_steps_are_given(name: str) -> None:
    task = make_task(name, figures())
    usual = {"reach": 50, "obstacles": 50, "push": 100, "pick_place": 100}[name]
    assert horizon_of(task, 0.04) == usual
    assert horizon_of(task, 0.02) == 2 * usual
    assert horizon_of(task, 0.02, horizon=20) == 20
    assert horizon_of(task, 1e3) == 1


@given(seeds, st.floats(0.0, 1.0))
def test_blocks_are_observed_nearest_first_with_the_room_left_to_them(
    seed: int, share: float
) -> None:
    task, layout = drawn("obstacles", seed)
    tool = toward(figures().home_tool_m, layout.goal_m, share)
    names = task.observation.names
    state = dict(zip(names, task.observe(world(layout, tool), layout), strict=True))
    rooms = [state[f"block{slot}.clearance"] for slot in range(task.max_bodies)]
    assert rooms == sorted(rooms)
    hand_x, hand_y = figures().hand_half_m
    for slot, room in enumerate(rooms):
        half = [state[f"block{slot}.half.{axis}"] for axis in "xyz"]
        if half[0] == 0.0:
            assert slot >= len(layout.bodies) and room == pytest.approx(0.06)
            continue
        away = [abs(state[f"block{slot}_from_tool.{axis}"]) for axis in "xy"]
        beside = max(away[0] - half[0] - hand_x, away[1] - half[1] - hand_y)
        assert room >= min(beside, 0.06) - 1e-9, "further off than along x or y"
