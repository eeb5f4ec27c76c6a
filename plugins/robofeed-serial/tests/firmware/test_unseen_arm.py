"""A board without potentiometers: nobody knows where its limp arm is, and nobody pretends to."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np
import pexpect
import pytest

from robofeed import ConfigError
from robofeed.data.observation import Ended
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.buses.servo_bus import NOWHERE_TICKS
from robofeed_serial.commands.setup import command as setup
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.rfp.bus import RfpBus
from robofeed_serial.twin.process import Twin
from robofeed_serial.wire.link import Link

pytestmark = pytest.mark.needs("avr-gcc", "gcc", "make", "simavr")
ARM = load_arm("rfp6")
IDS = ARM.ids
REST_TICKS = [
    scale.to_ticks(rad)
    for scale, rad in zip(nominal(ARM).scales(ARM), [*ARM.model.rest_rad, 0.7], strict=True)
]


@pytest.fixture
def twin() -> Iterator[Twin]:
    with Twin("rfp6") as twin:
        setup(port=str(twin.port), arm="rfp6", potentiometers=False)
        yield twin


def arm_on(twin: Twin, *, assume_rest: bool) -> SerialArm:
    config = SerialConfig(
        arm="rfp6",
        port=str(twin.port),
        calibration="nominal",
        start="stay",
        watchdog_s=0.5,
        assume_rest=assume_rest,
    )
    return SerialArm(config, "rfp")


def switched(twin: Twin) -> list[str]:
    return [entry.what for entry in twin.log() if entry.what in ("goal", "torque")]


def test_it_is_not_switched_on_until_somebody_says_where_it_is(twin: Twin) -> None:
    arm = arm_on(twin, assume_rest=False)
    arm.open()
    try:
        with pytest.raises(ConfigError, match=r"nothing measures .* jumps to its rest pose .*"):
            arm.reset(seed=1)
        time.sleep(0.3)
        assert switched(twin) == []
    finally:
        arm.close()


def test_it_starts_from_its_rest_pose_and_then_follows(twin: Twin) -> None:
    arm = arm_on(twin, assume_rest=True)
    arm.open()
    try:
        arm.reset(seed=1)
        assert arm.present().joint_rad == pytest.approx(ARM.model.rest_rad, abs=0.01)
        up = np.array([0.0, 0.0, 0.5 * arm.spec.action.high[2]], np.float32)
        start_m = arm.present().tool_m
        for _ in range(40):
            arm.send(arm.plan(up))
            time.sleep(arm.spec.period_s)
            assert arm.observe().ended is Ended.RUNNING
        assert arm.present().tool_m[2] > start_m[2] + 0.02
        first: dict[int, int | None] = {}
        for entry in twin.log():
            if entry.what == "goal":
                first.setdefault(entry.servo_id, entry.value)
        # The twin may see two pulses at once; between them a servo is sent 96 ticks at most.
        assert [first[servo] for servo in IDS] == pytest.approx(REST_TICKS, abs=96)
    finally:
        arm.close()
    # The board knows what it was told: held, it is where it was commanded to be.
    again = arm_on(twin, assume_rest=False)
    again.open()
    try:
        held = again.present().joint_rad
        again.reset(seed=2)
        assert again.present().joint_rad == pytest.approx(held, abs=0.01)
    finally:
        again.close()


def test_limp_again_it_is_nowhere_again(twin: Twin) -> None:
    bus = RfpBus(Link(str(twin.port), 500_000))
    bus.open()
    try:
        bus.prepare(IDS)
        assert not bus.measures
        bus.write_goals(dict(zip(IDS, REST_TICKS, strict=True)))
        bus.set_torque(IDS, True)
        states = bus.read_states(IDS, budget_s=0.5)
        assert [states[i].position_ticks for i in IDS] == REST_TICKS
        bus.set_torque(IDS, False)
        states = bus.read_states(IDS, budget_s=0.5)
        assert {states[i].position_ticks for i in IDS} == {NOWHERE_TICKS}
    finally:
        bus.close()


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_a_person_is_asked_before_it_is_parked(twin: Twin, answer: str) -> None:
    words = ["-m", "robofeed", "arm", "park", "rfp6", "--port", str(twin.port)]
    said = pexpect.spawn(
        sys.executable, [*words, "--calibration", "nominal"], encoding="utf-8", timeout=60
    )
    said.expect("Type yes to go on")
    said.sendline("yes")
    said.expect("Nothing measures where this arm stands")
    said.expect("Type yes to go on")
    said.sendline(answer)
    said.expect(pexpect.EOF)
    said.close()

    assert said.exitstatus == (0 if answer == "yes" else 5)
    assert bool(switched(twin)) == (answer == "yes")
