"""The STS3215's twin as a host sees it, in virtual time. The host's side is the driver's codec."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_serial.buses.reply import Reply
from robofeed_serial.feetech.frames import FeetechCodec
from robofeed_serial.twin.arm import SUBSTEP_NS, TwinArm
from robofeed_serial.twin.feetech_line import FeetechLine
from robofeed_serial.twin.feetech_registers import from_sign_magnitude, sign_magnitude
from robofeed_serial.twin.feetech_servo import Sts3215
from robofeed_serial.twin.supply import Supply
from robofeed_serial.twin.wire import Wire

BAUD = 1_000_000
SECOND_NS = 1_000_000_000


class Host:
    """Sends what the codec makes and reads what the twin answers, without waiting for a clock."""

    def __init__(self, ids: tuple[int, ...] = (1, 2)) -> None:
        self.codec = FeetechCodec()
        self.servos = [Sts3215(number, servo_id) for number, servo_id in enumerate(ids)]
        self.arm = TwinArm(self.servos, Supply(7.4))
        self.wire = Wire(FeetechLine(self.servos))
        self.now_ns = SECOND_NS
        self.arm.advance(self.now_ns)

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9 / SUBSTEP_NS) * SUBSTEP_NS
        while self.now_ns - self.arm.log.time_ns >= SUBSTEP_NS:
            self.arm.advance(min(self.now_ns, self.arm.log.time_ns + 500 * SUBSTEP_NS))

    def send(self, frame: bytes, baud: int = BAUD) -> list[Reply]:
        decoder = self.codec.decoder(64)
        self.wire.receive(frame, baud, self.now_ns)
        replies = []
        while (due_ns := self.wire.next_due_ns()) is not None:
            self.now_ns = max(self.now_ns, due_ns)
            replies += decoder.feed(self.wire.take(self.now_ns))
        assert not decoder.finish()
        assert not decoder.crc_errors
        return replies

    def read(self, address: int, size: int, servo_id: int = 1) -> int:
        (reply,) = self.send(self.codec.read(servo_id, address, size))
        return int.from_bytes(reply.data, "little")

    def write(self, values: Mapping[int, tuple[int, int]], servo_id: int = 1) -> None:
        """Values and sizes by address, in this order."""
        for address, (value, size) in values.items():
            data = value.to_bytes(size, "little")
            assert self.send(self.codec.write(servo_id, address, data)) != []


def test_it_says_who_it_is_at_its_own_rate_only() -> None:
    host = Host()

    assert [r.servo_id for r in host.send(host.codec.ping(2))] == [2]
    assert host.read(3, 2) == 777
    assert host.send(host.codec.ping(3)) == []
    assert host.send(host.codec.ping(2), baud=500_000) == []


def test_what_it_measures_cannot_be_written() -> None:
    host = Host()

    host.write({62: (99, 1), 56: (1234, 2), 3: (7, 2)})

    assert (host.read(62, 1), host.read(56, 2), host.read(3, 2)) == (74, 2048, 777)


def test_values_out_of_range_are_dropped() -> None:
    host = Host()

    host.write({5: (254, 1), 48: (1001, 2), 40: (3, 1)})

    assert (host.read(5, 1), host.read(48, 2), host.read(40, 1)) == (1, 1000, 0)


@pytest.mark.parametrize(("lock", "kept"), [(0, 3), (1, 250)])
def test_eeprom_survives_a_loss_of_power_only_if_unlocked(lock: int, kept: int) -> None:
    host = Host()
    host.write({55: (lock, 1), 7: (3, 1), 41: (9, 1)})
    assert host.read(7, 1) == 3

    host.servos[0].reboot()
    assert host.send(host.codec.ping(1)) == [], "deaf while it boots"
    host.wait(1.0)

    assert (host.read(7, 1), host.read(41, 1), host.read(40, 1)) == (kept, 0, 0)


def test_torque_on_drives_to_whatever_goal_there_is() -> None:
    """So a driver that forgets to write goal := present first is seen to jump."""
    host = Host()

    host.write({40: (1, 1)})
    host.wait(3.0)

    assert host.read(56, 2) < 20


def test_the_profile_keeps_the_goal_speed() -> None:
    host = Host()
    host.write({46: (500, 2), 42: (3048, 2), 40: (1, 1)})

    host.wait(1.0)
    speed, place = host.read(58, 2), host.read(56, 2)
    host.wait(2.0)

    assert speed == pytest.approx(500, rel=0.05)
    assert place == pytest.approx(2548, abs=30)
    assert host.read(56, 2) == pytest.approx(3048, abs=6)
    assert host.read(66, 1) == 0


def test_goals_stop_at_the_position_limits() -> None:
    host = Host()
    host.write({9: (2000, 2), 11: (2100, 2), 42: (4000, 2), 40: (1, 1)})

    host.wait(1.0)

    assert host.read(56, 2) == pytest.approx(2100, abs=6)


def test_the_offset_is_taken_off_the_position() -> None:
    host = Host()

    host.write({31: (sign_magnitude(-100, 11), 2)})
    assert host.read(56, 2) == 2148
    host.write({40: (128, 1)})

    assert host.read(56, 2) == 2048
    assert from_sign_magnitude(host.read(31, 2), 11) == 0


def test_sync_read_and_write_reach_each_servo() -> None:
    host = Host((1, 2, 3))
    host.write({40: (1, 1)}, servo_id=2)

    assert host.send(host.codec.sync_write(42, {1: b"\x00\x08", 2: b"\x00\x09"})) == []
    host.wait(1.0)
    replies = host.send(host.codec.sync_read([3, 2, 9, 1], 56, 2))

    assert [reply.servo_id for reply in replies] == [3, 2, 1]
    assert int.from_bytes(replies[1].data, "little") == pytest.approx(2304, abs=6)


def test_a_later_write_waits_for_the_action() -> None:
    host = Host()
    later = bytes([1, 5, 4, 42, 0, 9])

    assert len(host.send(b"\xff\xff" + later + bytes([~sum(later) & 0xFF]))) == 1
    assert (host.read(42, 2), host.read(64, 1)) == (0, 1)
    host.send(bytes.fromhex("fffffe0205fa"))

    assert (host.read(42, 2), host.read(64, 1)) == (2304, 0)


def test_the_log_has_the_order_of_goal_and_torque() -> None:
    host = Host()

    host.write({42: (2048, 2), 40: (1, 1)})
    host.wait(0.1)
    host.write({40: (0, 1)})

    entries = [e for e in host.arm.log.since() if e.servo_id == 1]
    assert [(e.what, e.value) for e in entries] == [("goal", 2048), ("torque", 1), ("torque", 0)]
    assert entries[2].time_ns > entries[1].time_ns


def test_a_stall_makes_it_weak_until_the_torque_is_switched() -> None:
    host = Host()
    host.write({42: (2500, 2), 40: (1, 1)})
    host.servos[0].motor.stuck = True

    host.wait(1.5)
    assert host.send(host.codec.ping(1))[0].error == 0
    host.wait(1.5)
    (weak,) = host.send(host.codec.ping(1))
    load = host.read(60, 2)
    host.write({40: (0, 1), 42: (2048, 2)})
    host.servos[0].motor.stuck = False

    assert weak.error == 32
    assert load == pytest.approx(200, abs=2)
    assert host.send(host.codec.ping(1))[0].error == 0


def test_a_latched_overload_stays_until_power_is_cut() -> None:
    host = Host()
    host.write({42: (2048, 2), 40: (1, 1)})

    host.servos[0].latch_overload()
    host.write({40: (1, 1)})

    assert host.read(40, 1) == 0
    assert host.send(host.codec.ping(1))[0].error == 32
    host.servos[0].reboot()
    host.wait(1.0)
    assert host.send(host.codec.ping(1))[0].error == 0


def test_motors_that_pull_lower_the_voltage_of_all() -> None:
    host = Host()
    idle = host.read(62, 1, servo_id=2)
    host.write({42: (2500, 2), 40: (1, 1)})
    host.servos[0].motor.stuck = True

    host.wait(0.1)

    assert host.read(62, 1, servo_id=2) < idle


def test_servos_with_one_id_garble_each_other() -> None:
    host = Host((1, 1))

    host.wire.receive(host.codec.ping(1), BAUD, host.now_ns)
    heard = host.wire.take(host.now_ns + SECOND_NS)

    assert heard
    decoder = host.codec.decoder(2)
    assert decoder.feed(heard) + decoder.finish() == []


@given(garbage=st.binary(max_size=300), cut=st.integers(0, 8))
def test_no_garbage_stops_it_from_hearing_the_next_frame_after_silence(
    garbage: bytes, cut: int
) -> None:
    host = Host()
    host.wire.receive(garbage + host.codec.ping(1)[:cut], BAUD, host.now_ns)
    host.wire.take(host.now_ns + SECOND_NS)
    host.now_ns += SECOND_NS

    assert [r.servo_id for r in host.send(host.codec.ping(2))] == [2]


@given(
    chunks=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    goals=st.dictionaries(st.integers(1, 2), st.binary(min_size=2, max_size=2), min_size=1),
)
def test_frames_may_come_in_any_pieces(chunks: list[int], goals: dict[int, bytes]) -> None:
    host = Host()
    frame = host.codec.sync_write(42, goals)
    while frame:
        host.wire.receive(frame[: chunks[0]], BAUD, host.now_ns)
        frame = frame[chunks[0] :]
        chunks = chunks[1:] or [1]

    for servo_id, goal in goals.items():
        assert host.read(42, 2, servo_id) == int.from_bytes(goal, "little")


@given(value=st.integers(-2047, 2047))
def test_signs_and_magnitudes_are_inverse(value: int) -> None:
    assert from_sign_magnitude(sign_magnitude(value, 11), 11) == value
