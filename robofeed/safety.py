"""The safety gates every action passes, on every backend, simulated or real: no way round.

Order: finite -> right shape -> fresh -> action bounds -> joint limits -> joint speed and
acceleration -> tool speed -> workspace box -> send. What is non-finite, misshapen or stale is
refused, never clipped (`np.clip` passes NaN): the arm then holds where it is, and the hold stays
latched until a person acknowledges it. Everything later in the order is limited and goes on.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from robofeed.data.errors import SafetyStop
from robofeed.data.observation import Executed, Gate, Observation, Target
from robofeed.data.spec import ArraySpec, FloatArray, Limits

if TYPE_CHECKING:
    from robofeed.interfaces import Backend

IK_RESIDUAL_M = 0.005
"""A larger distance between the tool position asked for and the one reached is marked."""

_CLEAR = Gate.NONE
"""Compared by identity: an enumeration's truth value and its `|` cost a call into Python each."""

_BISECTIONS = 6
"""Halvings when a step is shortened to stay inside the workspace: 1/64 of a step is under 1 mm."""


class Guarded:
    """A backend behind the gates: the only form in which the loop is handed one.

    Call `reset`, then `apply` once a period. `apply` returns what was really sent.

    Freshness is the age of the observation an action was chosen from: against the monotonic clock
    on a real arm, against the newest observation in a simulator, whose time stands still between
    steps.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.spec = backend.spec
        limits = self.spec.limits
        self._limits = _JointGates(limits, self.spec.period_s) if limits is not None else None
        self._latest: Observation | None = None
        self._previous: Target | None = None
        self._latched = _CLEAR
        self._simulated = self.spec.simulated
        action = self.spec.action
        self._shape = action.shape if isinstance(action, ArraySpec) else ()
        self._bounds = (
            list(zip(action.low.ravel().tolist(), action.high.ravel().tolist(), strict=True))
            if isinstance(action, ArraySpec)
            else [(0.0, action.n - 1.0)]
        )

    def open(self) -> None:
        """Connect. Nothing moves."""
        self.backend.open()

    def close(self) -> None:
        """Disconnect. Idempotent."""
        self.backend.close()

    def reset(self, seed: int | None = None) -> Observation:
        """Start an episode.

        Raises:
            SafetyStop: a hold is latched; reset never restarts motion.
        """
        if self._latched:
            raise SafetyStop(
                f"the arm holds since an action was refused ({self._latched.name}); "
                "acknowledge the stop before the next episode"
            )
        self._latest = self.backend.reset(seed)
        self._at_rest()
        return self._latest

    def observe(self) -> Observation:
        """The newest observation; an action chosen from an older one may be stale."""
        self._latest = self.backend.observe()
        return self._latest

    def stop(self) -> None:
        """Latch a hold from any thread. Never raises."""
        self._latched |= Gate.STOPPED
        self.backend.stop()

    def acknowledge(self) -> None:
        """A person has seen the stop: actions are accepted again, from where the arm is."""
        self._latched = _CLEAR
        self._at_rest()

    @property
    def latched(self) -> Gate:
        """Why the arm holds; NONE while it does not."""
        return self._latched

    def apply(self, action: FloatArray, seen_ns: int | None = None) -> Executed:
        """Send `action`, chosen from an observation of time `seen_ns`, through the gates.

        Returns:
            What was sent, and which gates touched it. A refused action has `target` None.
        """
        inside = action.shape == self._shape and self._inside(action)
        gates = self._latched
        if gates is _CLEAR and (seen_ns is not None or not inside):
            gates = self._refusal(action, seen_ns, inside)
        if gates is not _CLEAR:
            return self._hold(action, gates)
        if not inside:
            action, gates = self._clipped(action), Gate.ACTION_BOUNDS
        backend = self.backend
        target = backend.plan(action)
        if target.residual_m > IK_RESIDUAL_M:
            gates |= Gate.IK_RESIDUAL
        if self._limits is not None:
            previous = self._previous if self._previous is not None else backend.present()
            limited, touched = self._limits.pass_through(backend, previous, target)
            if touched is not _CLEAR:
                gates |= touched
                target = limited
                action = backend.action_of(target)
            self._previous = target
        backend.send(target)
        return Executed(action, target, gates)

    def _at_rest(self) -> None:
        self._previous = None
        if self._limits is not None:
            self._limits.at_rest()

    def _inside(self, action: FloatArray) -> bool:
        """Whether every element lies within its bounds: then it is finite as well."""
        values = action.ravel().tolist() if action.ndim != 1 else action.tolist()
        for value, (low, high) in zip(values, self._bounds, strict=True):
            if not low <= value <= high:
                return False
        return True

    def _refusal(self, action: FloatArray, seen_ns: int | None, inside: bool) -> Gate:
        if action.shape != self._shape:
            return Gate.BAD_SHAPE
        if not inside and not np.isfinite(action).all():
            return Gate.NON_FINITE
        if seen_ns is not None and self._latest is not None and self._limits is not None:
            now_ns = self._latest.time_ns if self._simulated else time.monotonic_ns()
            if now_ns - seen_ns > self._limits.max_age_ns:
                return Gate.STALE
        return _CLEAR

    def _clipped(self, action: FloatArray) -> FloatArray:
        low, high = zip(*self._bounds, strict=True)
        shape = action.shape
        clipped = np.clip(action, np.reshape(low, shape), np.reshape(high, shape))
        return clipped.astype(np.float32)

    def _hold(self, action: FloatArray, gates: Gate) -> Executed:
        """Hold where the arm is, latched. Simulated time goes on under the hold."""
        self._latched = gates
        if self._previous is None or not gates & Gate.STOPPED:
            self._previous = self.backend.present()
        self.backend.send(self._previous)
        held = np.zeros(self._shape, np.float32)
        return Executed(held, None, gates)


class _JointGates:
    """The gates on joints and tool, in one pass; plain floats, since an arm has few joints."""

    def __init__(self, limits: Limits, period_s: float) -> None:
        self.max_age_ns = int(limits.max_observation_age_s * 1e9)
        self._limits = limits
        self._low = limits.joint_low_rad.tolist()
        self._high = limits.joint_high_rad.tolist()
        self._step = (limits.joint_speed_rad_s * period_s).tolist()
        self._step_change = (limits.joint_acceleration_rad_s2 * period_s * period_s).tolist()
        self._tool_step_m = limits.tool_speed_m_s * period_s
        self._box = list(
            zip(limits.workspace_low_m.tolist(), limits.workspace_high_m.tolist(), strict=True)
        )
        self._figures = list(zip(self._low, self._high, self._step, self._step_change, strict=True))
        self._last_step = [0.0] * len(self._low)

    def at_rest(self) -> None:
        """Forget the last step: the arm stands still."""
        self._last_step = [0.0] * len(self._low)

    def pass_through(
        self, backend: Backend, previous: Target, target: Target
    ) -> tuple[Target, Gate]:
        """Limit `target` as seen from `previous`. Returns it unchanged where nothing touched it."""
        start = previous.joint_rad.tolist()
        goal = target.joint_rad.tolist()
        if self._free(start, goal, previous.tool_m.tolist(), target.tool_m.tolist()):
            return target, _CLEAR
        goal, gates = self._limit_joints(start, goal)
        joints = target.joint_rad if not gates else np.array(goal, np.float32)
        tool = target.tool_m if not gates else backend.tool_at(joints)
        share = self._tool_share(previous.tool_m, tool)
        if share < 1.0:
            gates |= Gate.TOOL_SPEED
            goal = [s + share * (g - s) for s, g in zip(start, goal, strict=True)]
            joints = np.array(goal, np.float32)
            tool = backend.tool_at(joints)
        outside = self._outside_m(tool)
        if outside > 0.0 and outside > self._outside_m(previous.tool_m):
            gates |= Gate.WORKSPACE
            joints, tool = self._shorten(backend, previous, np.array(goal, np.float32))
            goal = joints.tolist()
        self._last_step = [g - s for s, g in zip(start, goal, strict=True)]
        if not gates:
            return target, gates
        return replace(target, joint_rad=joints, tool_m=tool), gates

    def _free(
        self, start: list[float], goal: list[float], here_m: list[float], there_m: list[float]
    ) -> bool:
        """Whether nothing touches this step, as nearly always; it then counts as taken.

        One pass without calls: this is on the path of every step.
        """
        steps = []
        for here, there, last, (low, high, most, most_change) in zip(
            start, goal, self._last_step, self._figures, strict=True
        ):
            step = there - here
            if not (
                low <= there <= high
                and -most <= step <= most
                and -most_change <= step - last <= most_change
            ):
                return False
            steps.append(step)
        x, y, z = there_m
        (x_low, x_high), (y_low, y_high), (z_low, z_high) = self._box
        if (
            not (x_low <= x <= x_high and y_low <= y <= y_high and z_low <= z <= z_high)
            or math.dist(here_m, there_m) > self._tool_step_m
        ):
            return False
        self._last_step = steps
        return True

    def _limit_joints(self, start: list[float], goal: list[float]) -> tuple[list[float], Gate]:
        gates = Gate.NONE
        limited = []
        for index, (here, there) in enumerate(zip(start, goal, strict=True)):
            low, high = self._low[index], self._high[index]
            if not low <= there <= high:
                gates |= Gate.JOINT_LIMIT
                # A joint found outside its range may come back, never go further out.
                there = min(max(there, min(low, here)), max(high, here))
            step = there - here
            if abs(step) > self._step[index]:
                gates |= Gate.JOINT_SPEED
                step = math.copysign(self._step[index], step)
            change = step - self._last_step[index]
            if abs(change) > self._step_change[index]:
                gates |= Gate.JOINT_ACCELERATION
                step = self._last_step[index] + math.copysign(self._step_change[index], change)
                step = min(max(step, min(low - here, 0.0)), max(high - here, 0.0))
            limited.append(here + step)
        return (limited, gates) if gates else (goal, gates)

    def _tool_share(self, here_m: FloatArray, there_m: FloatArray) -> float:
        distance_m = math.dist(here_m.tolist(), there_m.tolist())
        return 1.0 if distance_m <= self._tool_step_m else self._tool_step_m / distance_m

    def _outside_m(self, tool_m: FloatArray) -> float:
        worst = 0.0
        for value, (low, high) in zip(tool_m.tolist(), self._box, strict=True):
            worst = max(worst, low - value, value - high)
        return worst

    def _shorten(
        self, backend: Backend, previous: Target, goal_rad: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The longest part of the step, to 1/64, that leaves the box no further than before."""
        allowed = self._outside_m(previous.tool_m)
        kept, kept_tool = previous.joint_rad, previous.tool_m
        inside, outside = 0.0, 1.0
        for _ in range(_BISECTIONS):
            share = (inside + outside) / 2
            joints = previous.joint_rad + np.float32(share) * (goal_rad - previous.joint_rad)
            tool = backend.tool_at(joints)
            if self._outside_m(tool) <= allowed:
                inside, kept, kept_tool = share, joints, tool
            else:
                outside = share
        return kept, kept_tool
