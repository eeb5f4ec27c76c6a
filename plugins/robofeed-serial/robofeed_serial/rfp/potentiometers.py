"""What a servo board's potentiometers read at the ends of the pulses, found by moving the servos.

A hobby servo has to be driven to a place to be known there, so this is done with the torque on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from robofeed import ConfigError, HardwareError
from robofeed_serial.arms.arm_file import ArmFile
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.body.arm_body import ArmBody, body_of
from robofeed_serial.rfp.bus import RfpBus
from robofeed_serial.rfp.config import JointConfig
from robofeed_serial.rfp.messages import HIGHEST_TICK, LOWEST_TICK

NEAR_HOME_RAD = 0.6
"""So near home must the arm be put by hand: the way there is then short, and known to be free."""
SWING_RAD = 1.2
"""So far each way from home is a servo sent, or as far as is free."""
LEAST_SWING_RAD = 0.2
SPEED_RAD_S = 0.8
PERIOD_S = 0.02
SETTLE_S = 0.4
READINGS = 10
STILL_COUNTS = 0.5
TRIES = 10
LEAST_COUNTS = 50
"""between the ends of the pulses, as the board's own rule"""
_STEP_RAD = 0.05

Counts = dict[int, tuple[int, int]]


def calibrate_potentiometers(
    arm: ArmFile, bus: RfpBus, wait: Callable[[str], object], tell: Callable[[str], object]
) -> Counts:
    """Drive each servo to two known pulses, note what its potentiometer reads, store it.

    Args:
        arm: The arm.
        bus: Open.
        wait: Prints what is to be done and returns once it is.
        tell: Prints a line.

    Returns:
        By servo id, the readings at the shortest and at the longest pulse.

    Raises:
        ConfigError: the board has no potentiometers.
        HardwareError: the arm is not near its home pose, or a potentiometer does not follow.
    """
    bus.prepare(arm.ids)
    if not bus.measures:
        raise ConfigError(
            f"the servo board on {bus.port} was set up without potentiometers: robofeed arm setup "
            f"{bus.port} --arm {arm.name}"
        )
    config = bus.read_config()
    scales = nominal(arm).scales(arm)
    home = arm.half_open(arm.model.home_rad)
    wait(
        "Put the arm into its home pose (the tool points down, the gripper half open) and hold it. "
        "The torque goes on, it jumps a little, and then each joint turns to both sides by itself: "
        "keep clear, the power switch in reach"
    )
    states = bus.read_states(arm.ids, budget_s=0.2)
    here = [
        scale.to_rad(states[servo_id].position_ticks)
        for servo_id, scale in zip(arm.ids, scales, strict=True)
    ]
    off = [abs(rad - there) for rad, there in zip(here, home, strict=True)]
    if max(off) > NEAR_HOME_RAD:
        servo = arm.servos[off.index(max(off))]
        raise HardwareError(
            f"joint {servo.name} seems to be {max(off):.2f} rad from its home pose: put it there "
            "by hand, then begin again. Nothing has moved"
        )
    mover = _Mover(arm, bus, here)
    bus.set_torque(arm.ids, True)
    mover.go(home)
    body = body_of(arm)
    found: Counts = {}
    for number, servo in enumerate(arm.servos):
        ends = []
        for way in (-1.0, 1.0):
            mover.go(there := _swung(arm, body, home, number, way))
            ticks = scales[number].to_ticks(there[number])
            ends.append((ticks, mover.counts(servo.id, config.joints[servo.id - 1])))
        mover.go(home)
        found[servo.id] = _ends(arm, number, ends)
        tell(f"  {servo.name}: {found[servo.id][0]} to {found[servo.id][1]}")
    wait("The torque goes off and the arm falls: hold it")
    bus.set_torque(arm.ids, False)
    joints = list(config.joints)
    for servo_id, (low, high) in found.items():
        joints[servo_id - 1] = replace(joints[servo_id - 1], adc_low=low, adc_high=high)
    bus.write_config(replace(config, joints=tuple(joints)))
    return found


def _swung(
    arm: ArmFile, body: ArmBody, home: Sequence[float], number: int, way: float
) -> list[float]:
    """Home with one joint turned as far as is free."""
    low, high = arm.range_rad(arm.servos[number])
    there = list(home)
    for step in range(1, round(SWING_RAD / _STEP_RAD) + 1):
        turned = list(home)
        turned[number] += way * step * _STEP_RAD
        inside = low <= turned[number] <= high
        if not inside or body.first_free([turned, there])[0]:
            break
        there = turned
    return there


def _ends(arm: ArmFile, number: int, places: Sequence[tuple[int, float]]) -> tuple[int, int]:
    (first, counts), (last, later) = places
    servo = arm.servos[number]
    if abs(last - first) < LEAST_SWING_RAD * servo.ticks_per_turn / 6.3:
        raise HardwareError(f"joint {servo.name} has no room to turn at home: check the arm file")
    slope = (later - counts) / (last - first)
    low, high = (round(counts + (end - first) * slope) for end in (LOWEST_TICK, HIGHEST_TICK))
    if abs(high - low) < LEAST_COUNTS:
        raise HardwareError(
            f"the potentiometer of {servo.name} (input {servo.id}) does not follow its servo: it "
            f"read {counts:.0f} and {later:.0f} of 1023. Check its wires; they may be at another "
            "input. Its old figures stay"
        )
    if not (0 <= low <= 1023 and 0 <= high <= 1023):
        raise HardwareError(
            f"the potentiometer of {servo.name} would read {low} to {high} over all pulses, beyond "
            "0 to 1023: its voltage does not fit the board's. Its old figures stay"
        )
    return low, high


class _Mover:
    """Slow straight ways of an arm that is on, with a goal often enough for its heartbeat."""

    def __init__(self, arm: ArmFile, bus: RfpBus, here_rad: Sequence[float]) -> None:
        self._ids, self._bus, self._here = arm.ids, bus, list(here_rad)
        self._scales = nominal(arm).scales(arm)

    def go(self, there: Sequence[float]) -> None:
        way = max(abs(b - a) for a, b in zip(self._here, there, strict=True))
        steps = max(1, round(way / (SPEED_RAD_S * PERIOD_S)))
        for step in range(1, steps + 1):
            share = step / steps
            self._say([a + share * (b - a) for a, b in zip(self._here, there, strict=True)])
        self._here = list(there)
        for _ in range(round(SETTLE_S / PERIOD_S)):
            self._say(self._here)

    def counts(self, servo_id: int, joint: JointConfig) -> float:
        """What its potentiometer reads once that is the same twice, by what the board says."""
        before, now = math.inf, self._reading(servo_id, joint)
        for _ in range(TRIES):
            if abs(now - before) < STILL_COUNTS:
                return now
            before, now = now, self._reading(servo_id, joint)
        raise HardwareError(
            f"servo {servo_id} does not come to rest: its potentiometer read {before:.0f}, then "
            f"{now:.0f}. Is its wire loose? The arm holds; the old figures stay"
        )

    def _reading(self, servo_id: int, joint: JointConfig) -> float:
        total = 0.0
        for _ in range(READINGS):
            self._say(self._here)
            ticks = self._bus.read_states([servo_id], budget_s=0.1)[servo_id].position_ticks
            share = (ticks - LOWEST_TICK) / (HIGHEST_TICK - LOWEST_TICK)
            total += joint.adc_low + share * (joint.adc_high - joint.adc_low)
        return total / READINGS

    def _say(self, rad: Sequence[float]) -> None:
        goals = zip(self._ids, self._scales, rad, strict=True)
        self._bus.write_goals({servo_id: scale.to_ticks(q) for servo_id, scale, q in goals})
        if why := self._bus.latched():
            raise HardwareError(f"the servo board on {self._bus.port} holds the arm: {why}")
        time.sleep(PERIOD_S)
