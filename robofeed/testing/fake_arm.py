"""An arm that exists in numpy alone: links that turn about a base, quick and exact, for tests."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robofeed.data.errors import HardwareError
from robofeed.data.observation import Ended, Observation, Target, Truth
from robofeed.data.spec import ArraySpec, BackendSpec, FloatArray, Limits
from robofeed.safety import Guarded

LINK_M = 0.2
PERIOD_S = 0.05
TOLERANCE_M = 0.05


def roomy_limits(joints: int) -> Limits:
    """Limits that few actions of a `FakeArm` come near."""
    ones = np.ones(joints, np.float32)
    return Limits(
        joint_low_rad=-3.0 * ones,
        joint_high_rad=3.0 * ones,
        joint_speed_rad_s=4.0 * ones,
        joint_acceleration_rad_s2=200.0 * ones,
        workspace_low_m=np.full(3, -2.0, np.float32),
        workspace_high_m=np.full(3, 2.0, np.float32),
        tool_speed_m_s=5.0,
    )


@dataclass
class FakeArm:
    """`joints` links of 0.2 m that, by turns, turn about the vertical and bend up and down.

    Observation: joint angles, then the goal's. Action: joint displacements in rad, `step_rad` at
    most. An episode starts anywhere within the limits, or at `start_rad`; it is truncated after
    `horizon` steps and as many more as its seed says below `ragged`, and terminated at the goal
    where `may_terminate`. Each step the arm goes the share `tracking` of the way to its target,
    or to `sag_rad` below it.
    The truth is how near the goal the tool is. Its scripted expert goes straight there.

    Args:
        raises_at: Seed of the episodes whose third step raises an error, as a broken driver would.
        opens: Whether it can be connected to.
    """

    joints: int = 2
    limits: Limits | None = None
    horizon: int = 20
    ragged: int = 0
    may_terminate: bool = False
    step_rad: float = 0.1
    tracking: float = 1.0
    sag_rad: float = 0.0
    simulated: bool = True
    start_rad: FloatArray | None = None
    raises_at: int | None = None
    opens: bool = True
    sent: list[Target] = field(default_factory=list)
    """every target that was sent"""
    stops: int = 0
    """how often `stop` was called"""
    is_open: bool = False
    joint_rad: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))
    goal_rad: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        self.limits = self.limits or roomy_limits(self.joints)
        edge = np.full(2 * self.joints, 10.0, np.float32)
        step = np.full(self.joints, self.step_rad, np.float32)
        self.spec = BackendSpec(
            observation=ArraySpec((2 * self.joints,), -edge, edge),
            action=ArraySpec((self.joints,), -step, step),
            period_s=PERIOD_S,
            limits=self.limits,
            simulated=self.simulated,
            seedable=True,
            horizon=None if self.ragged else self.horizon,
            scene_size=self.joints,
        )
        self.joint_rad = self.goal_rad = np.zeros(self.joints, np.float32)
        self._steps = self._last_step = 0
        self._seed: int | None = None

    def open(self) -> None:
        if not self.opens:
            raise HardwareError("no arm answers at /dev/nowhere")
        self.is_open = True
        if self.start_rad is not None:
            self.joint_rad = np.asarray(self.start_rad, np.float32)

    def close(self) -> None:
        self.is_open = False

    def stop(self) -> None:
        self.stops += 1

    def reset(self, seed: int | None = None) -> Observation:
        assert self.limits is not None
        rng = np.random.default_rng(seed)
        low, high = self.limits.joint_low_rad, self.limits.joint_high_rad
        start = rng.uniform(low, high) if self.start_rad is None else self.start_rad
        self.joint_rad = np.asarray(start, np.float32)
        self.goal_rad = rng.uniform(low, high).astype(np.float32)
        self._steps, self._seed = 0, seed
        self._last_step = self.horizon + ((seed or 0) % self.ragged if self.ragged else 0)
        return self.observe()

    def observe(self) -> Observation:
        ended = Ended.RUNNING
        if self.may_terminate and self._steps and self.truth().success:
            ended = Ended.TERMINATED
        elif self._steps >= self._last_step:
            ended = Ended.TRUNCATED
        time_ns = round(self._steps * PERIOD_S * 1e9) if self.simulated else time.monotonic_ns()
        return Observation(time_ns, np.concatenate([self.joint_rad, self.goal_rad]), ended)

    def plan(self, action: FloatArray) -> Target:
        return self._target(self.joint_rad + action)

    def present(self) -> Target:
        return self._target(self.joint_rad.copy())

    def tool_at(self, joint_rad: FloatArray) -> FloatArray:
        turns = np.arange(self.joints) % 2 == 0
        azimuth = np.where(turns, joint_rad, 0.0).cumsum()
        elevation = np.where(turns, 0.0, joint_rad).cumsum()
        directions = (
            np.cos(azimuth) * np.cos(elevation),
            np.sin(azimuth) * np.cos(elevation),
            np.sin(elevation),
        )
        return np.array([LINK_M * part.sum() for part in directions], np.float32)

    def action_of(self, target: Target) -> FloatArray:
        action: FloatArray = target.joint_rad - self.joint_rad
        return action

    def send(self, target: Target) -> None:
        if self._steps == 2 and self._seed is not None and self._seed == self.raises_at:
            raise ValueError(f"the motor of episode {self._seed} fell off")
        self.sent.append(target)
        way = np.float32(self.tracking) * (target.joint_rad - self.sag_rad - self.joint_rad)
        self.joint_rad = self.joint_rad + way
        self._steps += 1

    def truth(self) -> Truth:
        distance_m = float(
            np.linalg.norm(self.tool_at(self.joint_rad) - self.tool_at(self.goal_rad))
        )
        return Truth(reward=-distance_m, success=distance_m < TOLERANCE_M)

    def expert_action(self) -> FloatArray:
        action: FloatArray = np.clip(
            self.goal_rad - self.joint_rad, -self.step_rad, self.step_rad
        ).astype(np.float32)
        return action

    def scene(self) -> FloatArray:
        return self.joint_rad.copy()

    def render(self, scene: FloatArray, height: int, width: int, camera: str = "") -> np.ndarray:
        return np.full((height, width, 3), 255, np.uint8)

    def _target(self, joint_rad: FloatArray) -> Target:
        joint_rad = np.asarray(joint_rad, np.float32)
        return Target(joint_rad=joint_rad, tool_m=self.tool_at(joint_rad))


def guarded_arm(**settings: Any) -> tuple[Guarded, FakeArm]:
    """A `FakeArm` of these settings behind the gates, at the start of an episode, and the arm."""
    arm = FakeArm(**settings)
    guarded = Guarded(arm)
    guarded.open()
    guarded.reset(seed=1)
    return guarded, arm
