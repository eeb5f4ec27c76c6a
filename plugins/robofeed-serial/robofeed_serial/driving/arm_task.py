"""A task on a real arm, without its port: what is asked of the arm, and what its reports mean.

The same tasks, kinematics, observation and action as in simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from robofeed import ConfigError, HardwareError
from robofeed.data.observation import Ended, Frame, Observation, Target, Truth
from robofeed.data.spec import BackendSpec, FloatArray, FrameSpec, Limits
from robofeed.data.tasks import Layout, World, horizon_of, make_task
from robofeed.kinematics.arm_spec import action_spec
from robofeed.kinematics.chain import within_travel
from robofeed_serial.arms.arm_file import AnyArm
from robofeed_serial.arms.grip import grip_of
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.supervision.messages import Report
from robofeed_serial.supervision.settings import (
    NOMINAL,
    SupervisorSettings,
    bounds_of,
    ranges_of,
)

LEAD_RAD = 0.06
"""By so much may a joint's goal run ahead of where it is measured before an action is added: what a
servo needs to carry a load. Without it an arm that sags creeps down, action by action."""

NOTHING_M = 1e-6
"""An action that displaces the tool by less asks for nothing: the posture does not drift either."""


class ArmTask:
    """Plans an arm's goals, and observes and judges where it is measured.

    Args:
        config: The settings.
        arm: What it is made of.
        settings: Of its supervisor, which keeps to the same limits.
        frames: Of its cameras.

    Raises:
        ConfigError: no such task; one that needs senses which the arm does not have; or actions
            that are not its own.
    """

    def __init__(
        self,
        config: SerialConfig,
        arm: AnyArm,
        settings: SupervisorSettings,
        frames: Mapping[str, FrameSpec],
    ) -> None:
        geometry = arm.geometry()
        figures = geometry.figures()
        self.task = make_task(config.task, figures)
        if self.task.max_bodies or self.task.uses_gripper:
            raise ConfigError(
                f"task {config.task!r} needs to know where things lie, which this arm cannot "
                'sense: a real arm does task = "reach"'
            )
        if config.action == "joint" and geometry.fold_rad is not None:
            raise ConfigError(
                f"the links of {arm.name} bound each other, which joint actions do not know: "
                'set action = "end_effector"'
            )
        self._actuators = len(arm.actuators)
        self._joints = len(figures.joint_names)
        self._tool_step_m = figures.tool_step_m
        self._home = figures.home_rad
        self._geometry = geometry
        self._period_s = config.period_s
        self._chain = geometry.kinematics(config.period_s, hold_posture=False)
        self._joint_actions = config.action == "joint"
        self._grip = grip_of(arm) if config.gripper else None
        self._opening = self._grip_rad = math.nan
        action = action_spec(figures, config.action, config.period_s, gripper=config.gripper)
        self._bounds = list(zip(action.low.tolist(), action.high.tolist(), strict=True))
        self.limits = _limits(config, arm, settings)
        self._horizon = horizon_of(self.task, config.period_s, config.horizon)
        self._may_end = not config.fixed_horizon
        self.spec = BackendSpec(
            observation=self.task.observation,
            frames=frames,
            action=action,
            period_s=config.period_s,
            limits=self.limits,
            horizon=self._horizon,
        )
        self._layout: Layout | None = None
        self._steps = 0
        self._ended = Ended.RUNNING
        self._met: list[bool] = []
        self._sent_rad: list[float] | None = None
        self._rad = list(self._home)
        self._pose = self._chain.pose(self._home)
        self._world = World(self._rad, [0.0] * self._joints, self._pose.tool_m)
        self.truth = Truth(0.0, False)
        """the task's judgement of the newest report"""

    @property
    def tool_m(self) -> FloatArray:
        """Where the tool is measured, float32 [3]."""
        return np.array(self._pose.tool_m, np.float32)

    @property
    def is_laid_out(self) -> bool:
        """Whether there is an episode."""
        return self._layout is not None

    # --- episodes ---------------------------------------------------------------------------------

    def keep_posture(self, rad: Sequence[float]) -> None:
        """From here on what an action leaves free of the joints drifts towards this pose."""
        here = replace(self._geometry, home_rad=tuple(rad[: self._joints]))
        self._chain = here.kinematics(self._period_s, hold_posture=False)

    def lay_out(self, seed: int, held_rad: Sequence[float]) -> Sequence[float]:
        """Draw a target, and return the joints' home pose of the episode.

        Args:
            seed: Of what is drawn.
            held_rad: What the arm is ordered to hold. The goal of one that held carries its load
                already; a new one, from its pose, would not.
        """
        self._layout = self.task.layout(np.random.default_rng(seed))
        self._sent_rad = list(held_rad[: self._joints])
        if self._grip is not None:
            self._opening = self._grip.opening(held_rad[self._joints])
        return self._layout.home_rad or self._home

    def arrived(self, sent_rad: Sequence[float]) -> None:
        """The arm was brought there to begin with."""
        self._sent_rad = list(sent_rad)

    def begin(self) -> None:
        """Count from here."""
        self._steps, self._met, self._ended = 0, [], Ended.RUNNING

    # --- what is asked ----------------------------------------------------------------------------

    def plan(self, action: FloatArray) -> Target:
        """As `Backend.plan`."""
        values = action.tolist()
        opening = values.pop() if self._grip is not None else math.nan
        start = self._anchor()
        pose = self._chain.pose(start)
        if self._joint_actions:
            joints = [q + dq for q, dq in zip(start, values, strict=True)]
            tool_m, left_m = self._chain.pose(joints).tool_m, 0.0
        elif max(map(abs, values)) < NOTHING_M:
            joints, tool_m, left_m = start, pose.tool_m, 0.0
        else:
            x, y, z = pose.tool_m
            goal = (x + values[0], y + values[1], z + values[2])
            joints, tool_m, left_m = self._chain.solve(start, pose, goal)
        return _target(joints, tool_m, opening, left_m)

    def present(self) -> Target:
        """As `Backend.present`."""
        if self._steps:
            return _target(self._rad, self._pose.tool_m, self._opening)
        # Not asked for anything yet: it holds a goal that carries its load, and would sink without.
        anchor = self._anchor()
        return _target(anchor, self._chain.pose(anchor).tool_m, self._opening)

    def tool_at(self, joint_rad: FloatArray) -> FloatArray:
        """As `Backend.tool_at`."""
        return np.array(self._chain.pose(joint_rad.tolist()).tool_m, np.float32)

    def action_of(self, target: Target) -> FloatArray:
        """As `Backend.action_of`."""
        start = self._anchor()
        if self._joint_actions:
            values = [q - here for here, q in zip(start, target.joint_rad.tolist(), strict=True)]
        else:
            here_m = self._chain.pose(start).tool_m
            values = [q - here for here, q in zip(here_m, target.tool_m.tolist(), strict=True)]
        return self._bounded([*values, target.gripper] if self._grip is not None else values)

    def expert_action(self) -> FloatArray:
        """As `Backend.expert_action`."""
        values = list(self.task.expert(self._world, self._started()))
        if self._joint_actions:
            step_m = self._tool_step_m
            goal = [
                place + min(max(change, -step_m), step_m)
                for place, change in zip(self._pose.tool_m, values, strict=False)
            ]
            joints = self._chain.solve(self._rad, self._pose, goal).joint_rad
            share = within_travel(self._rad, joints, [high for _, high in self._bounds])
            values = [share * (q - here) for here, q in zip(self._rad, joints, strict=True)]
        return self._bounded([*values, self._opening] if self._grip is not None else values)

    def order_of(self, target: Target) -> list[float]:
        """A step: the goal of every actuator, NaN where it stays as it is."""
        self._sent_rad = target.joint_rad.tolist()
        padding = [math.nan] * (self._actuators - self._joints)
        if self._grip is not None:
            self._opening = target.gripper
            padding = [self._grip.goal_rad(target.gripper, self._grip_rad)]
        self._steps += 1
        return [*self._sent_rad, *padding]

    # --- what is measured -------------------------------------------------------------------------

    def take(self, report: Report) -> None:
        """Where the arm is now."""
        count = self._joints
        self._rad = list(report.rad[:count])
        self._pose = self._chain.pose(self._rad)
        if self._grip is not None:
            self._grip_rad = report.rad[count]
        world = self._world
        world.joint_rad = self._rad
        world.joint_rad_s = [
            speed if math.isfinite(speed) else 0.0 for speed in report.rad_s[:count]
        ]
        world.tool_m = self._pose.tool_m

    def judge(self, report: Report) -> Ended:
        """Take a report, judge where the arm is, and tell whether the episode ends there."""
        self.take(report)
        self.truth = self._judged(self._started())
        if report.latched:
            self._ended = Ended.FAULT
        elif self._steps >= self._horizon:
            self._ended = Ended.TRUNCATED
        elif self._may_end and self.truth.success and self._steps:
            self._ended = Ended.TERMINATED
        return self._ended

    def observation(
        self, time_ns: int, ended: Ended, reason: str, frames: Mapping[str, Frame]
    ) -> Observation:
        """Of where the arm was measured last."""
        spec = self.task.observation
        values = np.array(self.task.observe(self._world, self._started()), np.float32)
        state = np.clip(values, spec.low, spec.high)
        return Observation(time_ns, state, ended, reason, frames)

    # --- inside -----------------------------------------------------------------------------------

    def _judged(self, layout: Layout) -> Truth:
        now = self.task.truth(self._world, layout)
        self._met.append(now.success)
        if now.success and not self.task.episode_success(self._met, False):
            now = now._replace(success=False)
        return now

    def _anchor(self) -> list[float]:
        """What an action is added to: the last goal, but never far ahead of where the arm is."""
        sent = self._sent_rad
        if sent is None:
            return self._rad
        return [
            min(max(goal, here - LEAD_RAD), here + LEAD_RAD)
            for goal, here in zip(sent, self._rad, strict=True)
        ]

    def _bounded(self, values: Sequence[float]) -> FloatArray:
        return np.array(
            [
                min(max(value, low), high)
                for value, (low, high) in zip(values, self._bounds, strict=True)
            ],
            np.float32,
        )

    def _started(self) -> Layout:
        if self._layout is None:
            raise HardwareError("the arm has no episode yet: call reset() first")
        return self._layout


def _limits(config: SerialConfig, arm: AnyArm, settings: SupervisorSettings) -> Limits:
    """The arm's own, narrowed to its calibration where there is one: `open` insists on it."""
    try:
        ranges = ranges_of(arm, config.calibration)
    except ConfigError:
        ranges = ranges_of(arm, NOMINAL)
    count = len(arm.joints)
    bounds = bounds_of(arm, ranges, settings)
    acceleration = [joint.acceleration_rad_s2 for joint in arm.joints]
    return Limits(
        joint_low_rad=np.array(bounds.low_rad[:count], np.float32),
        joint_high_rad=np.array(bounds.high_rad[:count], np.float32),
        joint_speed_rad_s=np.array(bounds.speed_rad_s[:count], np.float32),
        joint_acceleration_rad_s2=np.array(acceleration, np.float32),
        workspace_low_m=np.array(bounds.box_low_m, np.float32),
        workspace_high_m=np.array(bounds.box_high_m, np.float32),
        tool_speed_m_s=bounds.tool_speed_m_s,
        max_observation_age_s=config.max_observation_age_s,
    )


def _target(
    joint_rad: Sequence[float], tool_m: Sequence[float], opening: float, left_m: float = 0.0
) -> Target:
    return Target(np.array(joint_rad, np.float32), np.array(tool_m, np.float32), opening, left_m)
