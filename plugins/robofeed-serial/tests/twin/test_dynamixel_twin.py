"""The Dynamixel servos' twin as a host sees it, in virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_serial.buses.reply import Reply
from robofeed_serial.dynamixel.frames import DynamixelCodec, frame
from robofeed_serial.twin.arm import SUBSTEP_NS, TwinArm
from robofeed_serial.twin.dynamixel_line import DynamixelLine, checksum
from robofeed_serial.twin.dynamixel_servo import XL330_M288, XL430_W250, DynamixelServo
from robofeed_serial.twin.supply import Supply
from robofeed_serial.twin.wire import Wire

BAUD = 57_600
"""as they leave the factory"""
SECOND_NS = 1_000_000_000
ACCESS, RANGE, LIMIT, RESULT_FAIL, ALERT = 7, 4, 6, 1, 128


class Host:
    """Sends what the codec makes and reads what the twin answers, without waiting for a clock."""

    def __init__(self) -> None:
        self.codec = DynamixelCodec()
        self.servos = [DynamixelServo(0, 1, XL430_W250), DynamixelServo(1, 2, XL330_M288)]
        self.arm = TwinArm(self.servos, Supply(12.0))
        self.wire = Wire(DynamixelLine(self.servos))
        self.now_ns = SECOND_NS
        self.arm.advance(self.now_ns)

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9 / SUBSTEP_NS) * SUBSTEP_NS
        while self.now_ns - self.arm.log.time_ns >= SUBSTEP_NS:
            self.arm.advance(min(self.now_ns, self.arm.log.time_ns + 500 * SUBSTEP_NS))

    def send(self, request: bytes, baud: int = BAUD) -> list[Reply]:
        decoder = self.codec.decoder(64)
        self.wire.receive(request, baud, self.now_ns)
        replies = []
        while (due_ns := self.wire.next_due_ns()) is not None:
            self.now_ns = max(self.now_ns, due_ns)
            replies += decoder.feed(self.wire.take(self.now_ns))
        assert not decoder.finish()
        assert not decoder.crc_errors
        return replies

    def read(self, address: int, size: int, servo_id: int = 1) -> int:
        (reply,) = self.send(self.codec.read(servo_id, address, size))
        return int.from_bytes(reply.data, "little", signed=True)

    def write(self, address: int, value: int, size: int, servo_id: int = 1) -> int:
        """The error of the reply."""
        data = value.to_bytes(size, "little", signed=value < 0)
        (reply,) = self.send(self.codec.write(servo_id, address, data))
        return reply.error


def test_it_says_who_it_is_at_its_own_rate_only() -> None:
    host = Host()

    replies = host.send(host.codec.ping(254))

    assert [(r.servo_id, int.from_bytes(r.data[:2], "little")) for r in replies] == [
        (1, 1060),
        (2, 1200),
    ]
    assert host.send(host.codec.ping(1), baud=1_000_000) == []


def test_refusals() -> None:
    host = Host()

    assert host.write(132, 5, 4) == ACCESS, "read only"
    assert host.write(140, 5, 4) == ACCESS
    assert host.write(9, 255, 1) == RANGE
    assert host.write(11, 5, 1) == RANGE, "an XL430 cannot measure current"
    assert host.write(11, 5, 1, servo_id=2) == 0
    assert host.write(116, 4096, 4) == LIMIT
    assert host.write(100, 900, 2) == RANGE
    assert host.write(64, 1, 1) == 0
    assert host.write(9, 0, 1) == ACCESS, "EEPROM with the torque on"
    assert host.write(116, 3000, 4) == 0


def test_a_write_of_which_a_part_is_refused_changes_nothing() -> None:
    host = Host()

    reply = host.send(host.codec.write(1, 108, bytes([1, 0, 0, 0, 0xFF, 0xFF, 0, 0])))

    assert reply[0].error == RANGE
    assert host.read(108, 4) == 0


def test_the_watchdog_stops_the_arm_and_locks_its_goals() -> None:
    host = Host()
    host.write(112, 40, 4)
    host.write(98, 5, 1)  # 100 ms
    host.write(64, 1, 1)
    host.write(116, 4000, 4)

    host.wait(0.08)
    host.send(host.codec.ping(2))  # any instruction feeds it
    host.wait(0.08)
    assert host.servos[0].registers["watchdog"] == 5
    host.wait(1.0)
    place = host.servos[0].present_ticks
    host.wait(1.0)

    assert 2060 < place < 2400
    assert host.servos[0].present_ticks == pytest.approx(place, abs=3)
    assert host.read(98, 1) == -1
    assert host.write(116, 2048, 4) == RANGE
    assert host.write(98, 0, 1) == 0
    assert host.write(116, 2048, 4) == 0
    (tripped,) = [e for e in host.arm.log.since() if e.what == "watchdog"]
    assert tripped.servo_id == 1


def test_the_watchdog_sleeps_while_the_torque_is_off() -> None:
    host = Host()
    host.write(98, 1, 1)

    host.wait(1.0)

    assert host.read(98, 1) == 1


def test_torque_on_without_a_goal_stays_where_it_booted() -> None:
    host = Host()

    host.write(64, 1, 1)
    host.wait(1.0)

    assert host.read(132, 4) == 2048


def test_many_turns_in_the_extended_mode_only() -> None:
    host = Host()
    assert host.write(11, 4, 1) == 0
    host.write(64, 1, 1)

    assert host.write(116, -3000, 4) == 0
    host.wait(4.0)

    assert host.read(132, 4) == pytest.approx(-3000, abs=6)


def test_the_offset_is_added_to_the_position() -> None:
    host = Host()

    host.write(20, -1000, 4)

    assert host.read(132, 4) == 1048


def test_a_weak_goal_current_does_not_lift_a_load() -> None:
    host = Host()
    host.write(11, 5, 1, servo_id=2)
    host.write(102, 20, 2, servo_id=2)
    host.write(64, 1, 1, servo_id=2)
    for _ in range(500):
        host.servos[1].motor.step(0.002, 1.0, -0.2)

    assert host.servos[1].motor.position_rad < -1.0


def test_an_overload_is_latched_until_a_reboot() -> None:
    host = Host()
    host.write(64, 1, 1)

    host.servos[0].latch_overload()

    assert host.send(host.codec.ping(1))[0].error == ALERT
    assert host.write(64, 1, 1) == ALERT | RESULT_FAIL
    assert host.read(70, 1) == 32
    host.send(host.codec.reboot(1))
    assert host.send(host.codec.ping(1)) == [], "deaf while it boots"
    host.wait(1.0)
    assert host.send(host.codec.ping(1))[0].error == 0
    assert host.write(64, 1, 1) == 0


def test_a_shadow_obeys_silently() -> None:
    host = Host()
    host.write(12, 1, 1, servo_id=2)

    replies = host.send(host.codec.write(1, 65, b"\x01"))

    assert [reply.servo_id for reply in replies] == [1]
    assert host.read(65, 1, servo_id=2) == 1


def test_status_levels() -> None:
    host = Host()

    assert host.send(host.codec.write(1, 68, b"\x01")) == []
    assert host.send(host.codec.write(1, 65, b"\x01")) == []
    assert host.read(65, 1) == 1


def test_an_unknown_instruction_is_refused() -> None:
    assert Host().send(frame(1, 0x77))[0].error == 2


@given(garbage=st.binary(max_size=300), cut=st.integers(0, 10))
def test_no_garbage_stops_it_from_hearing_the_next_frame_after_silence(
    garbage: bytes, cut: int
) -> None:
    host = Host()
    host.wire.receive(garbage + host.codec.ping(1)[:cut], BAUD, host.now_ns)
    host.wire.take(host.now_ns + SECOND_NS)
    host.now_ns += SECOND_NS

    assert [r.servo_id for r in host.send(host.codec.ping(2))] == [2]


@given(value=st.integers(-1_048_575, 1_048_575))
def test_stuffing_is_undone_on_the_way_there_and_back(value: int) -> None:
    host = Host()
    host.write(11, 4, 1)

    assert host.write(116, value, 4) == 0
    assert host.read(116, 4) == value


def test_a_goal_that_looks_like_a_header_is_stuffed() -> None:
    host = Host()
    host.write(11, 4, 1)
    header = int.from_bytes(b"\xff\xff\xfd\xff", "little", signed=True)

    assert host.write(116, header, 4) == 0
    assert host.read(116, 4) == header


def test_the_checksum_of_the_manuals_ping() -> None:
    """ROBOTIS e-manual, Protocol 2.0: ping to id 1."""
    assert checksum(bytes.fromhex("fffffd0001030001")) == 0x4E19
