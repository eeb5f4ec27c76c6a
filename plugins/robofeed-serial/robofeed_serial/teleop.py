"""Driving an arm by keys or by a leader arm, behind the same gates as a policy."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from robofeed import Guarded, HardwareError, SafetyStop
from robofeed.data.observation import Ended
from robofeed.data.spec import ArraySpec, FloatArray
from robofeed_serial.driver import SerialArm
from robofeed_serial.keys import Keys
from robofeed_serial.servo_arm import ServoArm

DIRECTIONS: dict[str, tuple[int, float]] = {
    "w": (0, 1.0),
    "s": (0, -1.0),
    "a": (1, 1.0),
    "d": (1, -1.0),
    "r": (2, 1.0),
    "f": (2, -1.0),
}
HELP = "w s forwards, back   a d left, right   r f up, down   space stop   c go on   q quit"
HELD_S = 0.2
"""A key counts as held for so long after its last repetition."""
KEY_SPEED_M_S = 0.08


Pilot = Callable[[str, float], FloatArray]
"""What to do: the action, for the keys just pressed and the time, monotonic s."""


class KeyPilot:
    """Turns keys into displacements of the tool.

    Args:
        step_m: In one period, along an axis.
    """

    def __init__(self, step_m: float) -> None:
        self._step_m = step_m
        self._until_s = dict.fromkeys(DIRECTIONS, 0.0)

    def __call__(self, pressed: str, now_s: float) -> FloatArray:
        """The displacement of this period, m."""
        for key in pressed.lower():
            if key in DIRECTIONS:
                self._until_s[key] = now_s + HELD_S
        action = np.zeros(3, np.float32)
        for key, until_s in self._until_s.items():
            if now_s < until_s:
                axis, way = DIRECTIONS[key]
                action[axis] += way * self._step_m
        return action


class LeaderPilot:
    """Makes an arm follow another of the same kind that a person moves, its torque off.

    Args:
        leader: On an open bus, its torque off.
        follower: Whose actions are joint displacements.
    """

    def __init__(self, leader: ServoArm, follower: SerialArm) -> None:
        self._leader, self._follower = leader, follower
        action = follower.spec.action
        assert isinstance(action, ArraySpec)
        self._low, self._high = action.low, action.high

    def __call__(self, pressed: str, now_s: float) -> FloatArray:
        """Towards where the leader is, as far as one period goes."""
        there = np.array(self._leader.read().rad[: self._low.size], np.float32)
        here = self._follower.present().joint_rad
        action: FloatArray = np.clip(there - here, self._low, self._high)
        return action


def drive(
    arm: SerialArm,
    keys: Keys,
    pilot: Pilot,
    tell: Callable[[str], object],
) -> None:
    """Drive until q, or until the arm's link fails.

    Args:
        arm: Not yet open.
        keys: Entered.
        pilot: Says what to do.
        tell: Shows a line about how things are.

    Raises:
        HardwareError: the link failed.
    """
    guarded = Guarded(arm)
    guarded.open()
    try:
        observation = guarded.reset()
        due_s = time.monotonic()
        while True:
            pressed = keys.pressed()
            now_s = time.monotonic()
            if "q" in pressed:
                return
            if " " in pressed:
                guarded.stop()
            if "c" in pressed and observation.ended is not Ended.RUNNING:
                guarded.acknowledge()
                arm.acknowledge()
                observation = guarded.reset()
            if observation.ended is Ended.TRUNCATED:
                observation = guarded.reset()
            elif observation.ended is Ended.RUNNING:
                guarded.apply(pilot(pressed, now_s))
            due_s += arm.spec.period_s
            time.sleep(max(0.0, due_s - time.monotonic()))
            due_s = max(due_s, time.monotonic() - arm.spec.period_s)
            observation = guarded.observe()
            x, y, z = arm.present().tool_m.tolist()
            state = observation.reason or "moving"
            tell(f"tool {x:6.3f} {y:6.3f} {z:6.3f} m   {state}")
            if arm.is_lost:
                raise HardwareError(observation.reason)
    except SafetyStop as stop:
        raise HardwareError(f"{stop}") from stop
    finally:
        guarded.close()
