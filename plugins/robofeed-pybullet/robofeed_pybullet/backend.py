"""A simulated arm with a task, as a `Backend`."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robofeed.data.errors import ConfigError, HardwareError
from robofeed.data.observation import Ended, Observation, Target, Truth
from robofeed.data.spec import ArraySpec, BackendSpec, FloatArray, Limits
from robofeed.data.tasks import Layout, World, make_task
from robofeed_pybullet.arms import find_arm
from robofeed_pybullet.config import PybulletConfig
from robofeed_pybullet.kinematics import Chain
from robofeed_pybullet.world import PhysicsWorld


class PybulletBackend:
    """An arm and a task in PyBullet. Deterministic: a seed and actions give the same bytes.

    Raises:
        ConfigError: an unknown arm or task, or a period that is no multiple of the time step.
    """

    def __init__(self, config: PybulletConfig) -> None:
        arm = find_arm(config.arm)
        figures = arm.figures()
        self.task = make_task(config.task, figures, config.horizon or None)
        substeps = round(config.period_s / config.timestep_s)
        if substeps < 1 or not math.isclose(substeps * config.timestep_s, config.period_s):
            raise ConfigError(
                f"backend.pybullet: period_s {config.period_s} is not a multiple of timestep_s "
                f"{config.timestep_s}"
            )
        self._physics = PhysicsWorld(arm, config.timestep_s, substeps)
        self._chain = Chain(arm.chain(), figures.home_rad)
        self._joint_actions = config.action == "joint"
        self._world = World([], [], [])
        self._layout: Layout | None = None
        self._pose = self._chain.pose(figures.home_rad)
        self._steps = 0
        self._period_ns = round(config.period_s * 1e9)
        self._stopped = False
        self._met: list[bool] = []
        self._truth: Truth | None = None
        self._collided = False
        self._entropy = np.random.default_rng()
        speed = np.array(figures.joint_speed_rad_s, np.float32)
        if self._joint_actions:
            bound = np.minimum(speed * config.period_s, np.float32(0.1))
            action = ArraySpec(
                (len(speed),), -bound, bound, names=figures.joint_names, units=("rad",) * len(speed)
            )
        else:
            step = np.full(3, figures.tool_step_m, np.float32)
            action = ArraySpec((3,), -step, step, names=("x", "y", "z"), units=("m",) * 3)
        self._action = action
        self._low, self._high = self.task.observation.low, self.task.observation.high
        self._spec = BackendSpec(
            observation=self.task.observation,
            action=action,
            period_s=config.period_s,
            limits=Limits(
                joint_low_rad=np.array(figures.joint_low_rad, np.float32),
                joint_high_rad=np.array(figures.joint_high_rad, np.float32),
                joint_speed_rad_s=speed,
                # A servo that may reverse at full speed: the speed limit alone counts.
                joint_acceleration_rad_s2=2.0 * speed / np.float32(config.period_s),
                workspace_low_m=np.array(figures.workspace_low_m, np.float32),
                workspace_high_m=np.array(figures.workspace_high_m, np.float32),
                tool_speed_m_s=4.0 * figures.tool_step_m / config.period_s,
            ),
            simulated=True,
            seedable=True,
            horizon=self.task.horizon,
            scene_size=len(figures.joint_names) + 4,
        )

    @property
    def spec(self) -> BackendSpec:
        return self._spec

    def open(self) -> None:
        self._physics.connect()

    def close(self) -> None:
        self._physics.disconnect()

    def reset(self, seed: int | None = None) -> Observation:
        """Start an episode in a world built anew; seed None draws one."""
        if seed is None:
            seed = int(self._entropy.integers(2**31))
        rng = np.random.default_rng(seed)
        self._layout = self.task.layout(rng)
        self._physics.build(self._layout)
        self._steps = 0
        self._stopped = False
        self._met = []
        self._truth = None
        self._collided = False
        self._read()
        self._physics.command(self._world.joint_rad)
        return self.observe()

    def observe(self) -> Observation:
        state = np.array(self.task.observe(self._world, self._started()), np.float32)
        np.maximum(state, self._low, out=state)
        np.minimum(state, self._high, out=state)
        ended = Ended.TRUNCATED if self._steps >= self.task.horizon else Ended.RUNNING
        return Observation(self._steps * self._period_ns, state, ended)

    def plan(self, action: FloatArray) -> Target:
        values = action.tolist()
        if self._joint_actions:
            joints = [q + dq for q, dq in zip(self._world.joint_rad, values, strict=True)]
            return Target(
                np.array(joints, np.float32),
                np.array(self._chain.tool(joints), np.float32),
                math.nan,
            )
        tool = self._pose.tool_m
        goal = (tool[0] + values[0], tool[1] + values[1], tool[2] + values[2])
        joints, reached_m, left_m = self._chain.solve(self._world.joint_rad, goal, self._pose)
        return Target(
            np.array(joints, np.float32), np.array(reached_m, np.float32), math.nan, left_m
        )

    def present(self) -> Target:
        return Target(
            np.array(self._world.joint_rad, np.float32), np.array(self._pose.tool_m, np.float32)
        )

    def tool_at(self, joint_rad: FloatArray) -> FloatArray:
        return np.array(self._chain.tool(joint_rad.tolist()), np.float32)

    def action_of(self, target: Target) -> FloatArray:
        here = self.present()
        if self._joint_actions:
            wanted = target.joint_rad - here.joint_rad
        else:
            wanted = target.tool_m - here.tool_m
        bounded: FloatArray = np.clip(wanted, self._action.low, self._action.high)
        return bounded

    def send(self, target: Target) -> None:
        """Advance one period towards `target`; after `stop`, hold."""
        if not self._stopped:
            self._physics.command(target.joint_rad.tolist())
        self._physics.step()
        self._steps += 1
        self._read()
        self._judge()

    def stop(self) -> None:
        """Hold the last commanded pose until the next episode."""
        self._stopped = True

    def truth(self) -> Truth:
        """Success = the episode would count as one if it ended now."""
        return self._truth or self.task.truth(self._world, self._started())

    def scene(self) -> FloatArray:
        goal = self._started().goal_m
        return np.array([*self._world.joint_rad, 0.0, *goal], np.float32)

    def render(self, scene: FloatArray, height: int, width: int) -> NDArray[np.uint8]:
        """A picture of a stored scene, drawn in a world of its own."""
        raise HardwareError("pictures are not there yet")

    def expert_action(self) -> FloatArray:
        values = self.task.expert(self._world, self._started())
        if self._joint_actions:
            x, y, z = self._pose.tool_m
            step = float(self._spec.limits.tool_speed_m_s) * self._spec.period_s / 4  # type: ignore[union-attr]
            dx, dy, dz = (min(max(value, -step), step) for value in values[:3])
            joints, _, _ = self._chain.solve(
                self._world.joint_rad, (x + dx, y + dy, z + dz), self._pose
            )
            values = [q - here for q, here in zip(joints, self._world.joint_rad, strict=True)]
        wanted = np.array(values, np.float32)
        bounded: FloatArray = np.clip(wanted, self._action.low, self._action.high)
        return bounded

    def _judge(self) -> None:
        now = self.task.truth(self._world, self._started())
        self._met.append(now.success)
        self._collided = self._collided or now.collided
        success = self.task.episode_success(self._met, self._collided)
        self._truth = replace(now, success=success)

    def _read(self) -> None:
        self._physics.read(self._world)
        self._pose = self._chain.pose(self._world.joint_rad)
        self._world.tool_m = self._pose.tool_m

    def _started(self) -> Layout:
        if self._layout is None:
            raise HardwareError("the simulator has no episode yet: call reset() first")
        return self._layout
