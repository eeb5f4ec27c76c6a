"""A simulated arm with a task, as a `Backend`."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from struct import Struct

import numpy as np

from robofeed.data.errors import HardwareError
from robofeed.data.observation import Ended, Frame, Observation, Picture, Target, Truth
from robofeed.data.spec import ArraySpec, BackendSpec, FloatArray
from robofeed.data.tasks import Layout, World, horizon_of, make_task
from robofeed.kinematics.chain import within_travel
from robofeed_pybullet.arm_spec import CAMERA, backend_spec
from robofeed_pybullet.arms import find_arm
from robofeed_pybullet.config import PybulletConfig
from robofeed_pybullet.picture import Painter
from robofeed_pybullet.randomisation import vary
from robofeed_pybullet.scene import encode
from robofeed_pybullet.world import PhysicsWorld

_FLOAT32 = np.dtype(np.float32)
_NO_FRAMES: Mapping[str, Frame] = {}


class PybulletBackend:
    """An arm and a task in PyBullet. Deterministic: a seed and actions give the same bytes.

    Raises:
        ConfigError: an unknown arm or task.
    """

    def __init__(self, config: PybulletConfig) -> None:
        arm = find_arm(config.arm)
        figures = arm.figures()
        self.task = make_task(config.task, figures)
        gripper = self.task.uses_gripper
        self._arm = arm
        self._config = config
        self._spec = backend_spec(config, figures, self.task)
        self.physics = PhysicsWorld(arm, config.period_s, config.substeps, gripper=gripper)
        self._chain = arm.kinematics(config.period_s, hold_posture=self.task.posture == "down")
        self._joint_actions = config.action == "joint"
        action = self._spec.action
        assert isinstance(action, ArraySpec)
        self._bounds = list(zip(action.low.tolist(), action.high.tolist(), strict=True))
        low, high = self.task.observation.low, self.task.observation.high
        self._low, self._high = low.tolist(), high.tolist()
        self._pack_state = Struct(f"{len(low)}f").pack
        self._pack_target = Struct(f"{len(figures.joint_names) + 3}f").pack
        self._horizon = horizon_of(self.task, config.period_s, config.horizon)
        self._may_end = not config.fixed_horizon
        self._has_frames = bool(self._spec.frames)
        self._uses_gripper = gripper
        self._period_ns = round(config.period_s * 1e9)
        self._entropy = np.random.default_rng()
        self._painter: Painter | None = None
        self._stopped = False
        self._pose = self._chain.pose(figures.home_rad)
        self._world = World(figures.home_rad, [0.0] * len(figures.home_rad), self._pose.tool_m)
        self._layout: Layout | None = None
        self._noise: Callable[[list[float]], list[float]] | None = None
        self._delay_steps = 0
        self._waiting: deque[Target] = deque()
        self._steps = 0
        self._met: list[bool] = []
        self._collided = False
        self._truth = Truth(0.0, False)
        self._observation: Observation | None = None

    @property
    def spec(self) -> BackendSpec:
        return self._spec

    def open(self) -> None:
        self.physics.connect(window=self._config.gui)

    def close(self) -> None:
        self.physics.disconnect()
        if self._painter is not None:
            self._painter.close()
            self._painter = None

    def reset(self, seed: int | None = None) -> Observation:
        """Start an episode in a world built anew; seed None draws one."""
        if seed is None:
            seed = int(self._entropy.integers(2**31))
        layout = self.task.layout(np.random.default_rng(seed))
        # A stream of its own: the same seed has the same layout under any randomisation.
        rng = np.random.default_rng((seed, 1))
        variation = vary(
            self._config.randomise, layout, self.physics.links, self._spec.observation, rng
        )
        self.physics.build(variation)
        self._layout = layout = variation.layout
        self._noise, self._delay_steps = variation.noise, variation.delay_steps
        self._world = World([], [], [])
        self._waiting.clear()
        self._steps = 0
        self._stopped = False
        self._met = []
        self._collided = False
        self._read()
        self._truth = self.task.truth(self._world, layout)
        return self._observe(layout)

    def observe(self) -> Observation:
        if self._observation is None:
            raise HardwareError("the simulator has no episode yet: call reset() first")
        return self._observation

    def plan(self, action: FloatArray) -> Target:
        values = action.tolist()
        world = self._world
        opening = values.pop() if self._uses_gripper else math.nan
        if self._joint_actions:
            joints = [q + dq for q, dq in zip(world.joint_rad, values, strict=True)]
            tool_m, left_m = self._chain.pose(joints).tool_m, 0.0
        else:
            x, y, z = self._pose.tool_m
            goal = (x + values[0], y + values[1], z + values[2])
            joints, tool_m, left_m = self._chain.solve(world.joint_rad, self._pose, goal)
        return self._target(joints, tool_m, opening, left_m)

    def present(self) -> Target:
        # The commanded opening: the measured one would let go of what the fingers hold.
        return self._target(self._world.joint_rad, self._pose.tool_m, self.physics.opening, 0.0)

    def tool_at(self, joint_rad: FloatArray) -> FloatArray:
        return np.array(self._chain.pose(joint_rad.tolist()).tool_m, np.float32)

    def action_of(self, target: Target) -> FloatArray:
        if self._joint_actions:
            here, there = self._world.joint_rad, target.joint_rad.tolist()
        else:
            here, there = self._pose.tool_m, target.tool_m.tolist()
        values = [goal - start for start, goal in zip(here, there, strict=True)]
        if self._uses_gripper:
            values.append(target.gripper)
        return self._bounded(values)

    def send(self, target: Target) -> None:
        """Advance one period towards `target`; after `stop`, hold what was commanded last."""
        layout = self._layout or self._started()
        if self._delay_steps:
            self._waiting.append(target)
        if not self._stopped and len(self._waiting) >= self._delay_steps:
            due = self._waiting.popleft() if self._delay_steps else target
            self.physics.command(due.joint_rad.tolist(), due.gripper)
        self.physics.step()
        self._steps += 1
        self._read()
        self._judge(layout)
        self._observe(layout)

    def stop(self) -> None:
        """Hold the last commanded pose until the next episode."""
        self._stopped = True

    def truth(self) -> Truth:
        """Reward of the present state; success = the episode would count as one if it ended now."""
        return self._truth

    def scene(self) -> FloatArray:
        return encode(self._world, self._started(), self._spec.scene_size)

    def render(self, scene: FloatArray, height: int, width: int, camera: str = "") -> Picture:
        """A picture of a stored scene, drawn in a world of its own."""
        if self._painter is None:
            self._painter = Painter(self._arm)
        return self._painter.paint(scene, height, width, camera)

    def expert_action(self) -> FloatArray:
        values = list(self.task.expert(self._world, self._started()))
        if self._joint_actions:
            step_m = self._arm.tool_step_m
            goal = [
                place + min(max(change, -step_m), step_m)
                for place, change in zip(self._pose.tool_m, values[:3], strict=True)
            ]
            here = self._world.joint_rad
            joints = self._chain.solve(here, self._pose, goal).joint_rad
            # Slower as a whole where one joint cannot keep up: the tool stays on its way.
            share = within_travel(here, joints, [high for _, high in self._bounds[: len(here)]])
            values[:3] = [share * (there - q) for q, there in zip(here, joints, strict=True)]
        return self._bounded(values)

    def _bounded(self, values: list[float]) -> FloatArray:
        return np.array(
            [
                min(max(value, low), high)
                for value, (low, high) in zip(values, self._bounds, strict=True)
            ],
            np.float32,
        )

    def _target(
        self, joint_rad: Sequence[float], tool_m: Sequence[float], opening: float, left_m: float
    ) -> Target:
        # Twice as fast as `np.array` where physics has pushed its code out of the cache.
        data = self._pack_target(*joint_rad, *tool_m)
        return Target(
            np.frombuffer(data, _FLOAT32, len(joint_rad)),
            np.frombuffer(data, _FLOAT32, 3, 4 * len(joint_rad)),
            opening,
            left_m,
        )

    def _read(self) -> None:
        world = self._world
        self.physics.read(world)
        self._pose = self._chain.pose(world.joint_rad)
        world.tool_m = self._pose.tool_m

    def _judge(self, layout: Layout) -> None:
        now = self.task.truth(self._world, layout)
        self._met.append(now.success)
        self._collided = self._collided or now.collided
        if now.success and not self.task.episode_success(self._met, self._collided):
            now = now._replace(success=False)
        self._truth = now

    def _observe(self, layout: Layout) -> Observation:
        values = self.task.observe(self._world, layout)
        if self._noise is not None:
            values = self._noise(values)
        for value, low, high in zip(values, self._low, self._high, strict=True):
            if not low <= value <= high:
                ranges = zip(values, self._low, self._high, strict=True)
                values = [min(max(value, low), high) for value, low, high in ranges]
                break
        state = np.frombuffer(self._pack_state(*values), _FLOAT32)
        ended = Ended.RUNNING
        if self._steps >= self._horizon:
            ended = Ended.TRUNCATED
        elif self._may_end and self._truth.success and self._steps:
            ended = Ended.TERMINATED
        time_ns = self._steps * self._period_ns
        frames = self._frames(time_ns) if self._has_frames else _NO_FRAMES
        self._observation = Observation(time_ns, state, ended, "", frames)
        return self._observation

    def _frames(self, time_ns: int) -> Mapping[str, Frame]:
        size = self._spec.frames[CAMERA]
        return {CAMERA: Frame(time_ns, self.render(self.scene(), size.height, size.width))}

    def _started(self) -> Layout:
        if self._layout is None:
            raise HardwareError("the simulator has no episode yet: call reset() first")
        return self._layout
