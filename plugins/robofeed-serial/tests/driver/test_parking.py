"""`robofeed arm park` from where an arm may be: on a way on which no two links touch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.body.arm_body import body_of
from robofeed_serial.supervision.messages import Mode, Request
from robofeed_serial.supervision.parking import PARKED_RAD
from robofeed_serial.twin.process import Twin

from .conftest import Bench

NEARER_M = 0.005
"""than ordered: what servos lag on the way, each by its own load"""
LIMP = [0.0, -1.6, 1.73, 0.76, 0.0]
"""where an so101 comes to lie under its weight, upon itself"""
FOLDED = [-0.5, 0.3, 0.0, 1.9, 1.6]
"""a koch from which the straight way to rest leads through itself"""


def parked(name: str, start: Sequence[float]) -> float:
    """Park a twin from `start`; the least room that any two links had on the way, m."""
    arm = load_arm(name)
    scales, body = nominal(arm).scales(arm), body_of(arm)
    assert arm.gripper is not None
    pose = [*start, arm.gripper.shut_rad]
    with Twin(name, "--no-gravity") as twin:
        ticks = [scale.to_ticks(rad) for scale, rad in zip(scales, pose, strict=True)]
        twin.hand(dict(zip(arm.ids, ticks, strict=True)))
        before = len(twin.log())
        command = [sys.executable, "-m", "robofeed", "arm", "park", name, "--port", str(twin.port)]
        done = subprocess.run(
            [*command, "--calibration", "nominal", "--yes"],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        servos, entries = twin.state()["servos"], twin.log(before)

    assert done.returncode == 0, done.stderr
    assert "torque off" in done.stdout
    assert not any(each["torque_on"] for each in servos)
    for each, scale, rest in zip(servos, scales, arm.model.rest_rad, strict=False):
        assert scale.to_rad(each["present_ticks"]) == pytest.approx(rest, abs=0.15)
    way = [
        [scale.to_rad(entry.ticks[servo]) for servo, scale in zip(arm.ids, scales, strict=True)]
        for entry in entries
        if set(entry.ticks) >= set(arm.ids)
    ]
    assert len(way) > 20
    return float((body.gaps_m(way) - body.least_m).min())


@pytest.mark.parametrize("name", ["so101", "koch"])
def test_an_arm_is_parked_from_home(name: str) -> None:
    assert parked(name, load_arm(name).model.home_rad) > -NEARER_M


def test_a_limp_arm_that_lies_upon_itself_is_parked() -> None:
    parked("so101", LIMP)


def test_an_arm_is_parked_round_what_is_in_the_straight_way() -> None:
    arm = load_arm("koch")
    body = body_of(arm)
    assert arm.gripper is not None
    start, rest = np.array(FOLDED), np.array(arm.model.rest_rad)
    straight = [
        [*(start + share * (rest - start)), arm.gripper.shut_rad]
        for share in np.linspace(0.0, 1.0, 101)
    ]
    gaps_m = body.gaps_m(straight) - body.least_m
    assert gaps_m[0].min() > 0.0 > gaps_m.min()

    assert parked("koch", FOLDED) > -NEARER_M


def test_an_arm_whose_program_is_gone_parks_by_itself_and_never_touches_itself() -> None:
    arm = load_arm("koch")
    body, bench = body_of(arm), Bench(arm)
    assert arm.gripper is not None
    pose = [*FOLDED, arm.gripper.shut_rad]
    for servo, scale, rad in zip(arm.servos, bench.arm.scales, pose, strict=True):
        bench.bus.servos[servo.id].position = scale.to_ticks(rad)
    bench.cycle()
    bench.ask(Request.ENGAGE)
    bench.alive = False
    bench.cycle()
    bench.supervisor.part("park")
    way = [list(bench.cycle().rad) for _ in range(1500)]

    assert float((body.gaps_m(way) - body.least_m).min()) > -NEARER_M
    assert bench.supervisor.mode is Mode.RELAXED
    assert way[-1][: len(FOLDED)] == pytest.approx(arm.model.rest_rad, abs=PARKED_RAD)
