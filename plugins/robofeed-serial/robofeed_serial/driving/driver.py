"""A real arm with a task, as a `Backend`: the client of the process that owns its port.

The same tasks, kinematics, observation and action as in simulation. What differs is the world: it
sags, lags and can be unplugged, and time does not wait for anybody.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from robofeed import Cameras, ConfigError, HardwareError, SafetyStop
from robofeed.data.observation import Ended, Observation, Target, Truth
from robofeed.data.spec import BackendSpec, FloatArray, Limits
from robofeed.data.tasks import Layout, World, make_task
from robofeed.kinematics.arm_spec import action_spec
from robofeed.kinematics.chain import within_travel
from robofeed_serial.arms.arm_file import AnyArm, load_any_arm
from robofeed_serial.arms.description import AnyProtocol
from robofeed_serial.arms.grip import grip_of
from robofeed_serial.body.free_way import free_way_of
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.homing import go_to
from robofeed_serial.supervision.client import SupervisorClient
from robofeed_serial.supervision.messages import Mode, Report, Request
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

HOMING_SHARE = 0.3
"""of the speed limits, on the way to the home pose"""


class SerialArm:
    """One arm on a serial port. See `SerialConfig`.

    Raises:
        ConfigError: no such arm or task; an arm of another protocol; a task that needs senses which
            the arm does not have.
    """

    def __init__(self, config: SerialConfig, protocol: AnyProtocol) -> None:
        if not config.arm:
            raise ConfigError(f"which arm? Set backend.{protocol}.arm, say to so101")
        self._arm = load_any_arm(config.arm)
        if self._arm.protocol != protocol:
            raise ConfigError(
                f"arm {self._arm.name!r} speaks {self._arm.protocol}: set backend.use = "
                f'"{self._arm.protocol}"'
            )
        geometry = self._arm.geometry()
        figures = geometry.figures()
        self.task = make_task(config.task, figures, config.horizon or None)
        if self.task.max_bodies or self.task.uses_gripper:
            raise ConfigError(
                f"task {config.task!r} needs to know where things lie, which this arm cannot "
                'sense: a real arm does task = "reach"'
            )
        if config.action == "joint" and geometry.fold_rad is not None:
            raise ConfigError(
                f"the links of {self._arm.name} bound each other, which joint actions do not know: "
                'set action = "end_effector"'
            )
        self._config = config
        self._names = figures.joint_names
        self._joints = len(self._names)
        self._tool_step_m = figures.tool_step_m
        self._home = figures.home_rad
        self._geometry = geometry
        self._chain = geometry.kinematics(config.period_s, hold_posture=False)
        self._joint_actions = config.action == "joint"
        self._grip = grip_of(self._arm) if config.gripper else None
        self._opening = self._grip_rad = math.nan
        action = action_spec(figures, config.action, config.period_s, gripper=config.gripper)
        self._bounds = list(zip(action.low.tolist(), action.high.tolist(), strict=True))
        self._settings = SupervisorSettings(
            arm=str(self._arm.path),
            port=config.port,
            baud=config.baud,
            period_s=config.cycle_s,
            calibration=config.calibration,
            watchdog_s=config.watchdog_s,
            tool_speed_m_s=config.tool_speed_m_s,
            speed_share=config.speed_share,
            after=config.after,
            trace=config.trace,
        )
        self._cameras = Cameras(config.cameras)
        self._spec = BackendSpec(
            observation=self.task.observation,
            frames=self._cameras.spec,
            action=action,
            period_s=config.period_s,
            limits=self._limits(),
            horizon=self.task.horizon,
        )
        assert self._spec.limits is not None
        self._speed_rad_s = self._spec.limits.joint_speed_rad_s.tolist()
        self._client: SupervisorClient | None = None
        self._lost = False
        self._entropy = np.random.default_rng()
        self._layout: Layout | None = None
        self._steps = 0
        self._ended = Ended.RUNNING
        self._met: list[bool] = []
        self._sent_rad: list[float] | None = None
        self._rad = list(self._home)
        self._pose = self._chain.pose(self._home)
        self._world = World(self._rad, [0.0] * self._joints, self._pose.tool_m)
        self._truth = Truth(0.0, False)

    @property
    def spec(self) -> BackendSpec:
        return self._spec

    @property
    def arm(self) -> AnyArm:
        """What the arm is made of."""
        return self._arm

    @property
    def supervisor_pid(self) -> int | None:
        """Of the process that owns the port; None while the arm is not open."""
        return None if self._client is None else self._client.pid

    def report(self) -> Report:
        """The supervisor's newest. Raises HardwareError: not open, or the supervisor is dead."""
        return self._opened().report()

    @property
    def tool_m(self) -> FloatArray:
        """Where the tool is measured, float32 [3]."""
        return np.array(self._pose.tool_m, np.float32)

    @property
    def is_lost(self) -> bool:
        """Whether the link to the arm failed for good: only opening it anew may help."""
        return self._lost

    def open(self) -> None:
        """Take the port in a process of its own and look at every servo. Moves nothing.

        Raises:
            HardwareError: the port, or a servo behind it, cannot be used; or a camera sees nothing.
            ConfigError: no calibration, or another arm's.
        """
        if self._client is not None:
            return
        if not self._config.port:
            raise ConfigError(
                f"no port: set backend.{self._arm.protocol}.port, say to /dev/serial/by-id/...; "
                "robofeed arm find tells which"
            )
        ranges_of(self._arm, self._config.calibration)
        self._cameras.open()  # before the port: without them nothing need be energised
        try:
            self._client = SupervisorClient(self._settings)
        except BaseException:
            self._cameras.close()
            raise
        self._take(self._client.report())

    def close(self) -> None:
        """Give the port back; the arm holds, parks or relaxes, as configured. Idempotent."""
        try:
            if self._client is not None:
                self._client.close()  # may park, and can be stopped as long as it does
        finally:
            self._client = None
            self._cameras.close()

    def reset(self, seed: int | None = None) -> Observation:
        """Start an episode: torque on, to the home pose where so configured, a target drawn.

        Raises:
            SafetyStop: the arm holds because something went wrong; the message says what. A person
                looks, and starts the run anew.
            HardwareError: the arm does not reach its home pose, or the link failed.
        """
        client = self._opened()
        report = client.report()
        if client.stopped or report.latched:
            raise SafetyStop(
                f"the arm holds: {report.reason or 'stopped by hand'}. It moves again when you "
                "have seen to that and started anew"
            )
        if self._config.posture == "start":
            here = replace(self._geometry, home_rad=tuple(client.report().rad[: self._joints]))
            self._chain = here.kinematics(self._config.period_s, hold_posture=False)
        if self._config.assume_rest:
            client.request(Request.ASSUME_REST)
        held = client.request(Request.ENGAGE).commanded_rad
        if seed is None:
            seed = int(self._entropy.integers(2**31))
        self._layout = self.task.layout(np.random.default_rng(seed))
        # The goal of one that held carries its load already; a new one, from its pose, would not.
        self._sent_rad = list(held[: self._joints])
        if self._grip is not None:
            self._opening = self._grip.opening(held[self._joints])
        if self._config.start == "home":
            speed = [HOMING_SHARE * each for each in self._speed_rad_s]
            home = self._layout.home_rad or self._home
            ranges = ranges_of(self._arm, self._config.calibration)
            free = free_way_of(self._arm, ranges, held[self._joints :])
            self._sent_rad = go_to(client, home, speed, self._names, free)
        self._steps, self._met, self._ended = 0, [], Ended.RUNNING
        return self.observe()

    def acknowledge(self) -> None:
        """A person at the arm has seen why it holds."""
        self._opened().acknowledge()

    def observe(self) -> Observation:
        client, layout = self._opened(), self._layout
        if layout is None:
            raise HardwareError("the arm has no episode yet: call reset() first")
        try:
            report = client.report()
        except HardwareError as error:
            self._lost = True
            return self._observation(layout, time.monotonic_ns(), Ended.FAULT, str(error))
        self._lost = report.mode is Mode.LOST
        self._take(report)
        self._truth = self._judge(layout)
        ended, reason = self._ended, ""
        if report.latched:
            ended, reason = Ended.FAULT, report.reason
        elif self._steps >= self.task.horizon:
            ended = Ended.TRUNCATED
        if ended is not Ended.RUNNING:
            client.rest()
        self._ended = ended
        return self._observation(layout, report.time_ns, ended, reason)

    def plan(self, action: FloatArray) -> Target:
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
        if self._steps:
            return _target(self._rad, self._pose.tool_m, self._opening)
        # Not asked for anything yet: it holds a goal that carries its load, and would sink without.
        anchor = self._anchor()
        return _target(anchor, self._chain.pose(anchor).tool_m, self._opening)

    def tool_at(self, joint_rad: FloatArray) -> FloatArray:
        return np.array(self._chain.pose(joint_rad.tolist()).tool_m, np.float32)

    def action_of(self, target: Target) -> FloatArray:
        start = self._anchor()
        if self._joint_actions:
            values = [q - here for here, q in zip(start, target.joint_rad.tolist(), strict=True)]
        else:
            here_m = self._chain.pose(start).tool_m
            values = [q - here for here, q in zip(here_m, target.tool_m.tolist(), strict=True)]
        return self._bounded([*values, target.gripper] if self._grip is not None else values)

    def send(self, target: Target) -> None:
        """Order it and return; the supervisor goes there, by its own rules, until the next one."""
        client = self._opened()
        self._sent_rad = target.joint_rad.tolist()
        padding = [math.nan] * (len(self._arm.actuators) - self._joints)
        if self._grip is not None:
            self._opening = target.gripper
            padding = [self._grip.goal_rad(target.gripper, self._grip_rad)]
        client.order([*self._sent_rad, *padding])
        self._steps += 1

    def stop(self) -> None:
        client = self._client
        if client is not None:
            client.stop()

    def truth(self) -> Truth:
        """The task's judgement of the measured pose, which is all that a reach needs."""
        return self._truth

    def expert_action(self) -> FloatArray:
        layout = self._started()
        values = list(self.task.expert(self._world, layout))
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

    # --- inside -----------------------------------------------------------------------------------

    def _limits(self) -> Limits:
        """The arm's own, narrowed to its calibration where there is one: `open` insists on it."""
        try:
            ranges = ranges_of(self._arm, self._config.calibration)
        except ConfigError:
            ranges = ranges_of(self._arm, NOMINAL)
        count = self._joints
        bounds = bounds_of(self._arm, ranges, self._settings)
        acceleration = [joint.acceleration_rad_s2 for joint in self._arm.joints]
        return Limits(
            joint_low_rad=np.array(bounds.low_rad[:count], np.float32),
            joint_high_rad=np.array(bounds.high_rad[:count], np.float32),
            joint_speed_rad_s=np.array(bounds.speed_rad_s[:count], np.float32),
            joint_acceleration_rad_s2=np.array(acceleration, np.float32),
            workspace_low_m=np.array(bounds.box_low_m, np.float32),
            workspace_high_m=np.array(bounds.box_high_m, np.float32),
            tool_speed_m_s=bounds.tool_speed_m_s,
            max_observation_age_s=self._config.max_observation_age_s,
        )

    def _anchor(self) -> list[float]:
        """What an action is added to: the last goal, but never far ahead of where the arm is."""
        sent = self._sent_rad
        if sent is None:
            return self._rad
        return [
            min(max(goal, here - LEAD_RAD), here + LEAD_RAD)
            for goal, here in zip(sent, self._rad, strict=True)
        ]

    def _take(self, report: Report) -> None:
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

    def _judge(self, layout: Layout) -> Truth:
        now = self.task.truth(self._world, layout)
        self._met.append(now.success)
        if now.success and not self.task.episode_success(self._met, False):
            now = now._replace(success=False)
        return now

    def _observation(self, layout: Layout, time_ns: int, ended: Ended, reason: str) -> Observation:
        spec = self.task.observation
        values = np.array(self.task.observe(self._world, layout), np.float32)
        state = np.clip(values, spec.low, spec.high)
        return Observation(time_ns, state, ended, reason, self._cameras.frames())

    def _bounded(self, values: Sequence[float]) -> FloatArray:
        return np.array(
            [
                min(max(value, low), high)
                for value, (low, high) in zip(values, self._bounds, strict=True)
            ],
            np.float32,
        )

    def _opened(self) -> SupervisorClient:
        if self._client is None:
            raise HardwareError("the arm is not open: call open() first")
        return self._client

    def _started(self) -> Layout:
        if self._layout is None:
            raise HardwareError("the arm has no episode yet: call reset() first")
        return self._layout


def _target(
    joint_rad: Sequence[float], tool_m: Sequence[float], opening: float, left_m: float = 0.0
) -> Target:
    return Target(np.array(joint_rad, np.float32), np.array(tool_m, np.float32), opening, left_m)
