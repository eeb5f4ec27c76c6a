"""Homing servos where they stand, over their real bytes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.bench.hand_calibration import home_here
from robofeed_serial.buses.servo_bus import ServoBus, ServoRefused
from robofeed_serial.make_bus import make_bus
from robofeed_serial.twin.process import Twin


@pytest.fixture(scope="module", params=["so101", "koch"])
def arm_and_twin(request: pytest.FixtureRequest) -> Iterator[tuple[str, Twin]]:
    with Twin(request.param, "--no-gravity") as twin:
        yield request.param, twin


@pytest.fixture
def bus(arm_and_twin: tuple[str, Twin]) -> Iterator[ServoBus]:
    name, twin = arm_and_twin
    arm = load_arm(name)
    opened = make_bus(arm.protocol, str(twin.port), arm.baud)
    opened.open()
    yield opened
    opened.close()


@pytest.mark.parametrize("stands", [2048, 2700, 1100, 2900])
def test_a_servo_says_its_middle_where_it_was_homed(
    arm_and_twin: tuple[str, Twin], bus: ServoBus, stands: int
) -> None:
    name, twin = arm_and_twin
    servo = load_arm(name).servos[4]
    bus.write(servo.id, "homing_offset", 0)
    twin.hand({servo.id: stands})

    assert home_here(bus, servo) == 2048 - stands
    assert bus.read(servo.id, "present_position") == 2048
    assert bus.read(servo.id, "min_position") == 0
    assert bus.read(servo.id, "max_position") == 4095
    # Again, from elsewhere: what it adds already counts.
    twin.hand({servo.id: 2148})
    assert home_here(bus, servo) == 2048 - stands - 100
    assert bus.read(servo.id, "present_position") == 2048


@pytest.mark.parametrize("stands", [300, 3800])
def test_a_servo_far_from_its_middle_is_homed_or_says_why_not(
    arm_and_twin: tuple[str, Twin], bus: ServoBus, stands: int
) -> None:
    name, twin = arm_and_twin
    servo = load_arm(name).servos[4]
    bus.write(servo.id, "homing_offset", 0)
    twin.hand({servo.id: stands})

    if name == "so101":
        assert home_here(bus, servo) == 2048 - stands
        assert bus.read(servo.id, "present_position") == 2048
    else:  # in position mode it would ignore an offset of more than a quarter of a turn
        with pytest.raises(ServoRefused, match=r"Servo 5 .*Turn its horn"):
            home_here(bus, servo)
        assert bus.read(servo.id, "homing_offset") == 0
