"""Following a leader arm: not before a person says so, slowly until both are in the same pose."""

from __future__ import annotations

import enum
import math
import statistics
import time
from collections import deque
from collections.abc import Sequence

import numpy as np

from robofeed.data.observation import Target
from robofeed.data.spec import FloatArray
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.driving.leader import Lead, Leader

NEAR_RAD = 0.15
"""So near is the same pose: a step of this size frightens nobody."""
ALIGN_RAD_S = 0.25
"""of each joint on the way to a leader that is not near"""
LEFT_BEHIND_RAD = 1.0
"""An arm so far behind its leader no longer does what it is shown: it would chase it."""
_KEPT = 10_000


class _State(enum.Enum):
    WAITING = enum.auto()
    """The arm holds; the leader may be moved about."""
    ALIGNING = enum.auto()
    """A person has agreed: it goes to the leader, slowly."""
    FOLLOWING = enum.auto()


class Following:
    """A pilot that does what a leader arm does.

    Args:
        leader: Opened.
        arm: Open when this is called first; its actions displace joints.
        can_grip: Whether the last element of an action is the gripper's opening.
    """

    help = (
        "move the leader by hand      enter follow it (slowly at first, if far away)",
        "space STOP: the arm holds    q quit: it holds, its torque stays on",
    )

    def __init__(self, leader: Leader, arm: SerialArm, can_grip: bool) -> None:
        limits = arm.spec.limits
        assert limits is not None
        self._leader, self._arm, self._can_grip = leader, arm, can_grip
        self._low = limits.joint_low_rad.astype(float)
        self._high = limits.joint_high_rad.astype(float)
        self._names = [joint.name for joint in leader.arm.joints]
        self._step_rad = ALIGN_RAD_S * arm.spec.period_s
        self._state = _State.WAITING
        self._goal = np.zeros(0)
        self._held_opening = math.nan
        self._read_ns = 0
        self._lost = False
        self.note = ""
        self.latencies_ms: deque[float] = deque(maxlen=_KEPT)
        """from when the leader was where it is until the arm was told, while it follows"""

    def restart(self) -> None:
        """The arm was held and may move again: wait for the word to follow.

        Raises:
            HardwareError: the leader's port cannot be used, or its torque is on.
        """
        self._state = _State.WAITING
        if self._lost:
            self._leader.close()
            self._leader.open(_refuse_to_drop)
            self._lost = False

    def action(self, keys: Sequence[str], now_s: float) -> FloatArray:
        """What brings the arm nearer to the leader, or holds it.

        Raises:
            LeaderLost: where the leader is cannot be told.
        """
        self._lost = True
        lead = self._leader.read()
        self._lost = False
        self._read_ns = lead.time_ns
        wanted = np.clip(lead.rad, self._low, self._high)
        here = self._arm.present()
        off = wanted - here.joint_rad
        self._change_state(keys, off, wanted, here)
        self.note = self._words(lead, off, wanted)
        if self._state is _State.WAITING:
            return self._holding(here)
        if self._state is _State.ALIGNING:
            self._goal += np.clip(wanted - self._goal, -self._step_rad, self._step_rad)
            wanted = self._goal
        opening = lead.opening if lead.opening is not None else self._held_opening
        return self._towards(wanted, opening)

    def sent(self) -> None:
        """The action has gone to the arm's owner."""
        if self._state is _State.FOLLOWING:
            self.latencies_ms.append((time.monotonic_ns() - self._read_ns) / 1e6)

    def close(self) -> None:
        """Give the leader's port back. Idempotent."""
        self._leader.close()

    def figures(self) -> str:
        """How fast it was followed, in words; "" where it was not."""
        if not self.latencies_ms:
            return ""
        ordered = sorted(self.latencies_ms)
        return (
            f"from the leader to the arm's owner: median {statistics.median(ordered):.1f} ms, "
            f"worst {ordered[-1]:.0f} ms of {len(ordered)}"
        )

    def _change_state(
        self, keys: Sequence[str], off: FloatArray, wanted: FloatArray, here: Target
    ) -> None:
        farthest = float(np.abs(off).max())
        if self._state is _State.WAITING:
            if "enter" in keys:
                self._state = _State.ALIGNING
                self._goal = np.array(here.joint_rad, float)
            else:
                return
        if self._state is _State.ALIGNING:
            if farthest <= NEAR_RAD and float(np.abs(wanted - self._goal).max()) <= NEAR_RAD:
                self._state = _State.FOLLOWING
        elif farthest > LEFT_BEHIND_RAD:
            self._state = _State.WAITING

    def _holding(self, here: Target) -> FloatArray:
        """No displacement: the goal stays, and with it what carries the load."""
        if math.isnan(self._held_opening):
            self._held_opening = here.gripper
        held = np.zeros(len(self._names) + self._can_grip, np.float32)
        if self._can_grip:
            held[-1] = self._held_opening
        return held

    def _towards(self, rad: FloatArray, opening: float) -> FloatArray:
        self._held_opening = opening
        tool_m = np.zeros(3, np.float32)  # joint actions do not look at it
        return self._arm.action_of(Target(np.array(rad, np.float32), tool_m, opening))

    def _words(self, lead: Lead, off: FloatArray, wanted: FloatArray) -> str:
        worst = int(np.abs(off).argmax())
        far = f"{self._names[worst]} is {abs(float(off[worst])):.2f} rad away"
        if self._state is _State.WAITING:
            how = "follow" if abs(float(off[worst])) <= NEAR_RAD else "go there"
            return f"enter: {how}; {far}"
        beyond = np.abs(np.array(lead.rad) - wanted)
        said = (
            f"goes to the leader: {far}"
            if self._state is _State.ALIGNING
            else "following the leader"
        )
        if float(beyond.max()) > 0.01:
            out = int(beyond.argmax())
            said += f"; {self._names[out]} of the leader is {beyond[out]:.2f} rad beyond its range"
        return said


def _refuse_to_drop(text: str) -> None:
    from robofeed import HardwareError

    raise HardwareError(f"{text} Let it go first: robofeed arm relax")
