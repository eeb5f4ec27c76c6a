"""Homing servos where they stand, over their real bytes; and a person who does not listen."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import cast

import pytest

from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.bench.hand_calibration import calibrate_by_hand, home_here
from robofeed_serial.buses.servo_bus import ServoBus, ServoRefused, ServoState
from robofeed_serial.make_bus import make_bus
from robofeed_serial.twin.process import Twin
from robofeed_serial.wire.errors import PortGone


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


class Arm:
    """A so101's servos, whose counts start anew once a turn, and the person who moves them."""

    port = "tty"

    def __init__(self, off_ticks: dict[str, int]) -> None:
        self.arm = load_arm("so101")
        self.asked: list[str] = []
        self.told: list[str] = []
        self.offsets = {servo.id: 7 for servo in self.arm.servos}
        self.gone = False
        self._off = off_ticks
        """by joint, how far from its middle it is put when asked for the first time"""
        self._raw = {servo.id: 3000 for servo in self.arm.servos}

    def read(self, servo_id: int, item: str) -> int:
        return self.offsets[servo_id] if item == "homing_offset" else 10

    def write(self, servo_id: int, item: str, value: int) -> None:
        if self.gone:
            raise PortGone("the port is gone")
        if item == "homing_offset":
            self.offsets[servo_id] = value

    def set_torque(self, ids: Sequence[int], on: bool) -> None:
        assert not on

    def read_states(self, ids: Sequence[int], budget_s: float) -> dict[int, ServoState]:
        (one,) = ids
        ticks = (self._raw[one] + self.offsets[one]) % 4096
        return {one: ServoState(one, time.monotonic_ns(), ticks)}

    def wait(self, text: str) -> None:
        """The person does what is asked, more or less."""
        self.asked.append(text)
        for servo, known in zip(self.arm.servos, nominal(self.arm).servos, strict=True):
            middle = 500  # of its own encoder, wherever its horn was put
            half = (known.high_ticks - known.low_ticks) // 2
            if text.startswith("Put every"):
                self._raw[servo.id] = middle + self._off.get(servo.name, 0)
            elif text.startswith(f"Put {servo.name} "):
                self._raw[servo.id] = middle
            elif servo.name in text:
                low = text.startswith("Shut") or "the other way" in text
                self._raw[servo.id] = middle + (-half if low else half)


@pytest.mark.parametrize("joint", ["shoulder_lift", "elbow_flex", "wrist_roll"])
@pytest.mark.parametrize("share", [-1.0, -0.75, 0.75, 1.0])
def test_a_joint_that_was_not_put_into_its_middle_is_not_calibrated_the_wrong_way_round(
    joint: str, share: float
) -> None:
    """Left at its end, its count starts anew on the way, and its ends look like those of one that
    turns the other way, some of them as far as it should."""
    known = {each.name: each for each in nominal(load_arm("so101")).servos}
    half = (known[joint].high_ticks - known[joint].low_ticks) // 2
    person = Arm({joint: round(share * half)})

    made = calibrate_by_hand(person.arm, cast(ServoBus, person), person.wait, person.told.append)

    assert f"Put {joint} into the middle between its two ends" in person.asked
    assert [each.sign for each in made.servos] == [1] * 6
    for servo in made.servos:
        assert servo.zero_ticks == pytest.approx(known[servo.name].zero_ticks, abs=2)


@pytest.mark.parametrize("off", [-400, 0, 400])
def test_by_eye_is_near_enough_to_the_middle(off: int) -> None:
    person = Arm({"shoulder_lift": off})
    made = calibrate_by_hand(person.arm, cast(ServoBus, person), person.wait, person.told.append)

    assert not [each for each in person.asked if each.startswith("Put shoulder_lift")]
    assert made.servos[1].sign == 1
    assert made.servos[1].zero_ticks == pytest.approx(2048 - off, abs=2)


def test_servos_that_cannot_be_homed_as_before_are_named() -> None:
    person = Arm({})

    def gone(text: str) -> None:
        person.wait(text)
        if text.startswith("elbow_flex: "):
            person.gone = True
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate_by_hand(person.arm, cast(ServoBus, person), gone, person.told.append)
    assert person.told[-1].startswith("Servo 1, 2, 3, 4, 5, 6 could not be homed as before")
