"""A geared servo motor: profile, torque, backlash, current and heat, in SI units at the output."""

from __future__ import annotations

import math
from dataclasses import dataclass

SUBSTEP_S = 0.002
"""The longest step that `MotorModel.step` is meant for: a tenth of the fastest time constant."""
AMBIENT_C = 25.0
HEAT_RISE_C = 160.0
"""above ambient where the stall current flows for ever: 70 degrees C come after 100 s of stall"""
HEAT_TIME_S = 300.0


@dataclass(frozen=True, slots=True)
class MotorFigures:
    """What a data sheet says of a servo, and what was measured where it says nothing."""

    nominal_v: float
    stall_torque_nm: float
    """at the nominal voltage, like the two below"""
    no_load_speed_rad_s: float
    stall_current_a: float
    idle_current_a: float
    stiffness_nm_rad: float
    """torque for an error of one radian at the factory's position gain"""
    friction_nm: float
    """what a load must exceed to turn the gears with the motor off"""
    backlash_rad: float
    """the whole play of the gears"""
    mass_kg: float = 0.055
    """of the whole servo"""


class MotorModel:
    """One motor with its gears. Set the commands, call `step`, read the rest.

    The gears make inertia small beside damping, so speed follows torque at once: the motor's own
    line from stall torque to no-load speed is the damping.
    """

    def __init__(self, figures: MotorFigures, position_rad: float = 0.0) -> None:
        self.figures = figures
        self.torque_on = False
        self.goal_rad = position_rad
        self.speed_limit_rad_s = math.inf
        """of the profile; the motor's own limit, with the supply it has, holds besides"""
        self.acceleration_rad_s2 = math.inf
        self.torque_limit = 1.0
        """share of the stall torque"""
        self.gain = 1.0
        """share of the factory's position gain"""
        self.stuck = False
        self.stops_rad = (-math.inf, math.inf)
        """where the mechanism ends"""
        self.position_rad = position_rad
        """of the output, which is where the encoder sits"""
        self.speed_rad_s = 0.0
        self.torque_nm = 0.0
        """what the motor's current makes: none at the no-load speed, whatever the voltage"""
        self.temperature_c = AMBIENT_C
        self.setpoint_rad = position_rad
        """where the profile is"""
        self.setpoint_speed_rad_s = 0.0
        self._gear_rad = position_rad

    @property
    def load_share(self) -> float:
        """The motor's torque as a share of the stall torque, with its sign."""
        return self.torque_nm / self.figures.stall_torque_nm

    @property
    def current_a(self) -> float:
        """What the motor takes from the supply now."""
        figures = self.figures
        return figures.idle_current_a + abs(self.load_share) * figures.stall_current_a

    @property
    def is_moving(self) -> bool:
        """Whether the profile is on its way or the output still turns."""
        return self.setpoint_speed_rad_s != 0.0 or abs(self.speed_rad_s) > 0.01

    def step(self, dt_s: float, supply: float, load_nm: float = 0.0) -> None:
        """Let `dt_s` pass with `supply` (1: nominal voltage) and `load_nm` at the output."""
        self.advance_profile(dt_s, supply)
        self._turn(dt_s, supply, load_nm)
        self.warm(dt_s)

    def advance_profile(self, dt_s: float, supply: float) -> None:
        """Move the setpoint towards the goal, within speed and acceleration."""
        if not self.torque_on:
            self.setpoint_rad, self.setpoint_speed_rad_s = self._gear_rad, 0.0
            return
        way = self.goal_rad - self.setpoint_rad
        if way == 0.0:
            self.setpoint_speed_rad_s = 0.0
            return
        own_limit = self.figures.no_load_speed_rad_s * supply
        fastest = min(self.speed_limit_rad_s, own_limit, abs(way) / dt_s)
        if self.acceleration_rad_s2 < math.inf:
            fastest = min(fastest, math.sqrt(2.0 * self.acceleration_rad_s2 * abs(way)))
            change = self.acceleration_rad_s2 * dt_s
            wanted = math.copysign(fastest, way)
            speed = self.setpoint_speed_rad_s
            speed += max(-change, min(change, wanted - speed))
        else:
            speed = math.copysign(fastest, way)
        step = speed * dt_s
        if step * way > 0.0 and abs(step) >= abs(way) * (1.0 - 1e-9):
            self.setpoint_rad, self.setpoint_speed_rad_s = self.goal_rad, 0.0
        else:
            self.setpoint_rad += step
            self.setpoint_speed_rad_s = speed

    def drive_nm(self, error_rad: float, supply: float) -> float:
        """What the motor gives at rest for an error of position; nothing with the torque off."""
        if not self.torque_on:
            return 0.0
        figures = self.figures
        most = figures.stall_torque_nm * self.torque_limit * supply
        wanted = figures.stiffness_nm_rad * self.gain * error_rad
        return max(-most, min(most, wanted))

    def place(self, position_rad: float) -> None:
        """Put the output somewhere by hand; gears and, with the torque off, setpoint come along."""
        self.position_rad = self._gear_rad = position_rad
        self.speed_rad_s = 0.0
        if not self.torque_on:
            self.setpoint_rad, self.setpoint_speed_rad_s = position_rad, 0.0

    def measured(self, position_rad: float, speed_rad_s: float, torque_nm: float) -> None:
        """Take over what a simulator of bodies found, in place of the model's own mechanics."""
        self.position_rad = self._gear_rad = position_rad
        self.speed_rad_s = speed_rad_s
        self.torque_nm = torque_nm

    def warm(self, dt_s: float) -> None:
        """Heat by the current, cool towards the room."""
        share = self.current_a / self.figures.stall_current_a
        goes_to = AMBIENT_C + HEAT_RISE_C * share * share
        self.temperature_c += (goes_to - self.temperature_c) * dt_s / HEAT_TIME_S

    def _turn(self, dt_s: float, supply: float, load_nm: float) -> None:
        figures = self.figures
        drive_nm = self.drive_nm(self.setpoint_rad - self._gear_rad, supply)
        damping = figures.stall_torque_nm / figures.no_load_speed_rad_s
        before, gear_before = self.position_rad, self._gear_rad
        if not self.stuck:
            net = drive_nm + load_nm
            if abs(net) > figures.friction_nm:
                net -= math.copysign(figures.friction_nm, net)
                # Implicit in the spring, while it is one, so that no gain makes this unstable.
                most = figures.stall_torque_nm * self.torque_limit * supply
                pulls = self.torque_on and abs(drive_nm) < most
                stiffness = figures.stiffness_nm_rad * self.gain if pulls else 0.0
                self._gear_rad += net * dt_s / (damping + stiffness * dt_s)
            self._gear_rad = max(self.stops_rad[0], min(self.stops_rad[1], self._gear_rad))
            self._take_up_play(load_nm)
        self.speed_rad_s = (self.position_rad - before) / dt_s
        against = damping * (self._gear_rad - gear_before) / dt_s
        self.torque_nm = drive_nm - against if self.torque_on else 0.0

    def _take_up_play(self, load_nm: float) -> None:
        """The output lies where the load presses it, or where the gears push it."""
        half = self.figures.backlash_rad / 2.0
        low, high = self._gear_rad - half, self._gear_rad + half
        if load_nm != 0.0:
            self.position_rad = high if load_nm > 0.0 else low
        else:
            self.position_rad = max(low, min(high, self.position_rad))
