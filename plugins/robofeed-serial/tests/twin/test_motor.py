"""The motor model: profile, sag, backlash, a stall's heat, and an arm that falls without torque."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_serial.twin.feetech_servo import STS3215_7V4
from robofeed_serial.twin.motor import SUBSTEP_S, MotorModel


def run(motor: MotorModel, seconds: float, load_nm: float = 0.0) -> list[float]:
    track = []
    for _ in range(round(seconds / SUBSTEP_S)):
        motor.step(SUBSTEP_S, 1.0, load_nm)
        track.append(motor.position_rad)
    return track


def holding(position_rad: float = 0.0) -> MotorModel:
    motor = MotorModel(STS3215_7V4, position_rad)
    motor.torque_on = True
    return motor


@given(
    goal_rad=st.floats(-3.0, 3.0),
    speed=st.floats(0.2, 4.0),
    acceleration=st.floats(0.5, 100.0) | st.just(math.inf),
)
def test_the_profile_ends_at_the_goal_within_its_limits(
    goal_rad: float, speed: float, acceleration: float
) -> None:
    motor = holding()
    motor.goal_rad, motor.speed_limit_rad_s = goal_rad, speed
    motor.acceleration_rad_s2 = acceleration
    previous = 0.0
    for _ in range(round(40.0 / SUBSTEP_S)):
        before = motor.setpoint_rad
        motor.advance_profile(SUBSTEP_S, 1.0)
        now = (motor.setpoint_rad - before) / SUBSTEP_S
        assert abs(now) <= speed * (1 + 1e-9)
        if motor.setpoint_rad != goal_rad:
            assert abs(now - previous) <= acceleration * SUBSTEP_S * (1 + 1e-6) + 1e-9
        previous = now
        if motor.setpoint_rad == goal_rad:
            break

    assert motor.setpoint_rad == goal_rad


def test_it_reaches_a_goal_but_for_friction_and_play() -> None:
    motor = holding()
    motor.goal_rad = 1.0

    run(motor, 2.0)

    slack = STS3215_7V4.friction_nm / STS3215_7V4.stiffness_nm_rad + STS3215_7V4.backlash_rad
    assert motor.position_rad == pytest.approx(1.0, abs=slack)
    assert not motor.is_moving


def test_a_load_makes_it_sag_and_draw_current() -> None:
    motor = holding()

    run(motor, 2.0, load_nm=-0.9)

    assert -3.0 < math.degrees(motor.position_rad) < -1.5
    assert motor.current_a > 1.0


def test_running_free_is_no_overload() -> None:
    motor = holding()
    motor.goal_rad = 100.0

    run(motor, 2.0)

    assert motor.speed_rad_s == pytest.approx(STS3215_7V4.no_load_speed_rad_s, rel=0.1)
    assert abs(motor.load_share) < 0.15


def test_without_torque_it_falls_only_if_the_load_exceeds_friction() -> None:
    light, heavy = MotorModel(STS3215_7V4), MotorModel(STS3215_7V4)

    run(light, 0.5, load_nm=-0.9 * STS3215_7V4.friction_nm)
    run(heavy, 0.5, load_nm=-0.9)

    assert abs(light.position_rad) <= STS3215_7V4.backlash_rad
    assert heavy.position_rad < -0.5


def test_a_stalled_motor_pulls_its_most_and_overheats_within_minutes() -> None:
    motor = holding()
    motor.stuck, motor.goal_rad = True, 1.0

    run(motor, 120.0)

    assert motor.position_rad == 0.0
    assert motor.load_share == pytest.approx(1.0)
    assert motor.temperature_c > 70.0


def test_a_lower_supply_makes_it_weaker() -> None:
    motor = holding()

    assert motor.drive_nm(1.0, 0.5) == pytest.approx(0.5 * STS3215_7V4.stall_torque_nm)
