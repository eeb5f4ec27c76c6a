"""What the potentiometers read is found by moving the servos, on the board's real firmware."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from robofeed import ConfigError, HardwareError
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.commands.setup import command as setup
from robofeed_serial.rfp.bus import RfpBus
from robofeed_serial.rfp.limits import POTENTIOMETER
from robofeed_serial.rfp.potentiometers import calibrate_potentiometers
from robofeed_serial.twin.process import Twin
from robofeed_serial.wire.link import Link

pytestmark = pytest.mark.needs("avr-gcc", "gcc", "make", "simavr")
ARM = load_arm("rfp6")


@pytest.fixture
def twin() -> Iterator[Twin]:
    with Twin("rfp6") as twin:
        yield twin


@pytest.fixture
def bus(twin: Twin) -> Iterator[RfpBus]:
    link = Link(str(twin.port), 500_000)
    bus = RfpBus(link)
    bus.open()
    link.reply_wait_s = 0.1  # the machine may be busy
    yield bus
    bus.close()


def put_home(twin: Twin) -> None:
    pose = [*ARM.model.home_rad, 0.7]
    scales = nominal(ARM).scales(ARM)
    rows = zip(ARM.ids, scales, pose, strict=True)
    twin.ask("hand", ticks={str(servo): scale.to_ticks(rad) for servo, scale, rad in rows})
    time.sleep(0.2)  # until the board has seen it


@pytest.mark.soak
def test_they_are_found_and_stored(twin: Twin, bus: RfpBus) -> None:
    config = bus.read_config()
    wrong = tuple(replace(joint, adc_low=140, adc_high=870) for joint in config.joints)
    bus.write_config(replace(config, joints=wrong, heartbeat_ms=2000))
    told: list[str] = []

    found = calibrate_potentiometers(ARM, bus, lambda _: put_home(twin), told.append)

    assert list(found) == list(ARM.ids)
    assert len(told) == len(ARM.ids)
    for low, high in found.values():
        # The play of the gears and the weight of the links are in these: 12 counts were seen.
        assert low == pytest.approx(POTENTIOMETER[0], abs=15)
        assert high == pytest.approx(POTENTIOMETER[1], abs=15)
    stored = bus.read_config()
    assert [(joint.adc_low, joint.adc_high) for joint in stored.joints] == list(found.values())
    bus.close()
    setup(port=str(twin.port), arm="rfp6", potentiometers=True)
    bus.open()
    kept = bus.read_config()
    assert [(joint.adc_low, joint.adc_high) for joint in kept.joints] == list(found.values())


def test_nothing_moves_where_the_arm_is_not_at_home(twin: Twin, bus: RfpBus) -> None:
    with pytest.raises(HardwareError, match="from its home pose"):
        calibrate_potentiometers(ARM, bus, lambda _: None, print)
    assert not [entry for entry in twin.log() if entry.what == "torque" and entry.value]


def test_a_board_without_any_is_told(twin: Twin, bus: RfpBus) -> None:
    bus.close()
    setup(port=str(twin.port), arm="rfp6", potentiometers=False)
    bus.open()
    with pytest.raises(ConfigError, match="without potentiometers"):
        calibrate_potentiometers(ARM, bus, lambda _: None, print)
