"""Faults: what each does to the bytes, that equal seeds give equal faults, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed import ConfigError
from robofeed_serial.feetech.frames import FeetechCodec
from robofeed_serial.twin.arm import TwinArm
from robofeed_serial.twin.fault import Fault, parse_fault, read_fault_file
from robofeed_serial.twin.fault_effects import FaultEffects
from robofeed_serial.twin.fault_script import FaultScript
from robofeed_serial.twin.feetech_line import FeetechLine
from robofeed_serial.twin.feetech_servo import Sts3215
from robofeed_serial.twin.supply import Supply
from robofeed_serial.twin.terminal import TwinTerminal
from robofeed_serial.twin.wire import Wire

BAUD = 1_000_000
MS = 1_000_000
CODEC = FeetechCodec()
PONG = {servo: bytes([255, 255, servo, 2, 0, ~(servo + 2) & 255]) for servo in (1, 2, 3)}


class Bus:
    """Three servos without return delay, a fault script, virtual time and a real terminal."""

    def __init__(self, link: Path, *faults: str, seed: int = 0) -> None:
        self.servos = [Sts3215(number, number + 1) for number in range(3)]
        for servo in self.servos:
            servo.registers["return_delay"] = 0
            servo.save()
        self.arm = TwinArm(self.servos, Supply(7.4))
        self.wire = Wire(FeetechLine(self.servos))
        self.terminal = TwinTerminal(link)
        self.effects = FaultEffects(self.arm, self.wire, self.terminal)
        self.script = FaultScript(np.random.default_rng(seed), self.effects, self.arm.log)
        self.wire.adapter = self.script
        self.now_ns = 0
        self.arm.advance(0)
        self.script.add(map(parse_fault, faults), 0)

    def ping(self, servo: int, baud: int = BAUD, wait_ms: float = 10.0) -> bytes:
        """All that reaches the host within `wait_ms` of the request."""
        self.wire.receive(CODEC.ping(servo), baud, self.now_ns)
        return self.wait(wait_ms)

    def wait(self, wait_ms: float) -> bytes:
        end_ns = self.now_ns + round(wait_ms * MS)
        while self.now_ns < end_ns:
            self.now_ns = min(end_ns, self.now_ns + 20 * MS)
            self.arm.advance(self.now_ns)
            self.script.advance(self.now_ns)
        return self.wire.take(self.now_ns)


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "port"


def test_drop_takes_the_replies_of_one_servo(link: Path) -> None:
    bus = Bus(link, "drop:servo_id=2,after=1,times=2")

    heard = [bus.ping(2) for _ in range(5)]

    assert heard == [PONG[2], b"", b"", PONG[2], PONG[2]]
    assert bus.ping(1) == PONG[1]


def test_corrupt_turns_one_bit(link: Path) -> None:
    bus = Bus(link, "corrupt:share=0.5", seed=3)

    heard = [bus.ping(1) for _ in range(200)]

    wrong = [int.from_bytes(h, "big") ^ int.from_bytes(PONG[1], "big") for h in heard]
    assert {bin(each).count("1") for each in wrong} == {0, 1}
    assert 70 < sum(map(bool, wrong)) < 130


def test_late_holds_one_reply_back_and_no_later_one(link: Path) -> None:
    bus = Bus(link, "late:servo_id=1,late_s=0.045")

    assert bus.ping(1) == b""
    assert bus.ping(2) == PONG[2]
    assert bus.wait(50) == PONG[1]
    assert bus.ping(1) == PONG[1]


def test_duplicate_and_truncate(link: Path) -> None:
    assert Bus(link, "duplicate").ping(1) == 2 * PONG[1]
    assert Bus(link, "truncate:keep_bytes=4").ping(1) == PONG[1][:4]


def test_echo_comes_before_the_reply(link: Path) -> None:
    bus = Bus(link, "echo:for_s=0.015")

    assert bus.ping(1) == CODEC.ping(1) + PONG[1]
    assert bus.ping(9) == CODEC.ping(9)
    assert bus.ping(1) == PONG[1]


def test_latency_hands_bytes_over_at_the_timers_ticks(link: Path) -> None:
    bus = Bus(link, "latency")

    assert bus.ping(1, wait_ms=15.9) == b""
    assert bus.wait(0.2) == PONG[1]


def test_a_mute_servo_neither_answers_nor_obeys(link: Path) -> None:
    bus = Bus(link, "mute:servo_id=2,for_s=1")
    torque = CODEC.write(2, 40, b"\x01")

    assert bus.ping(2) == b""
    bus.wire.receive(torque, BAUD, bus.now_ns)
    assert not bus.servos[1].torque_on
    bus.wait(1000)

    assert bus.ping(2) == PONG[2]


def test_a_duplicate_id_garbles_and_the_servo_is_missed_under_its_own(link: Path) -> None:
    bus = Bus(link, "duplicate_id:servo_id=3,as_id=1,for_s=1")

    assert bus.ping(3) == b""
    garbled = bus.ping(1)
    assert garbled and PONG[1] not in garbled
    bus.wait(1000)

    assert (bus.ping(1), bus.ping(3)) == (PONG[1], PONG[3])


def test_a_wrong_baud_of_one_servo(link: Path) -> None:
    bus = Bus(link, "wrong_baud:servo_id=2,baud=115200")

    assert (bus.ping(1), bus.ping(2)) == (PONG[1], b"")
    assert bus.ping(2, baud=115_200) == PONG[2]


def test_a_wrong_model(link: Path) -> None:
    bus = Bus(link, "wrong_model:servo_id=2,number=1284")
    bus.wire.receive(CODEC.read(2, 3, 2), BAUD, 0)

    assert bus.wait(10)[5:7] == (1284).to_bytes(2, "little")


def test_a_wrong_firmware_and_back(link: Path) -> None:
    bus = Bus(link, "wrong_firmware:servo_id=2,number=9,for_s=0.1")
    bus.wire.receive(CODEC.read(2, 0, 2), BAUD, 0)
    assert bus.wait(10)[5:7] == b"\x03\x09"
    bus.wait(200)
    bus.wire.receive(CODEC.read(2, 0, 2), BAUD, 0)
    assert bus.wait(10)[5:7] == b"\x03\x0a"


def test_a_brown_out_reboots_all_and_torque_is_gone(link: Path) -> None:
    bus = Bus(link, "brown_out:at_s=0.5")
    for servo in (1, 2, 3):
        bus.wire.receive(CODEC.write(servo, 40, b"\x01"), BAUD, 0)
    bus.wait(510)

    assert not any(servo.torque_on for servo in bus.servos)
    assert bus.ping(1) == b""
    bus.wait(400)
    assert bus.ping(1) == PONG[1]
    assert [e.servo_id for e in bus.arm.log.since() if e.what == "reboot"] == [1, 2, 3]


def test_a_stuck_joint_does_not_move(link: Path) -> None:
    bus = Bus(link, "stuck:servo_id=1,for_s=1")
    bus.wire.receive(CODEC.write(1, 42, b"\x00\x09"), BAUD, 0)
    bus.wire.receive(CODEC.write(1, 40, b"\x01"), BAUD, 0)

    bus.wait(900)
    assert bus.servos[0].present_ticks == 2048
    bus.wait(600)

    assert bus.servos[0].present_ticks == pytest.approx(2304, abs=6)


def test_overload_heat_and_low_voltage_are_in_the_error_byte(link: Path) -> None:
    bus = Bus(link, "overload:servo_id=1", "hot:servo_id=2", "low_voltage:volts_share=0.5")
    bus.wait(10)

    assert [bus.ping(servo)[4] for servo in (1, 2, 3)] == [32 + 1, 4 + 1, 1]


def test_unplug_and_replug(link: Path) -> None:
    bus = Bus(link, "unplug:at_s=1,for_s=1")
    bus.terminal.plug()
    before = link.readlink()

    bus.wait(1001)
    assert not link.is_symlink()
    bus.wait(1001)

    assert link.is_symlink() and before.exists() == (before == link.readlink())
    bus.terminal.unplug()
    said = [entry.text for entry in bus.arm.log.since() if entry.what == "port"]
    assert said == ["unplugged", "plugged"]


def test_clear_ends_faults_and_takes_back_what_they_did(link: Path) -> None:
    bus = Bus(link, "mute:servo_id=1", "stuck:servo_id=2", "drop:servo_id=3")

    bus.script.clear("mute", 0)
    assert (bus.ping(1), bus.ping(3)) == (PONG[1], b"")
    bus.script.clear(None, bus.now_ns)

    assert bus.ping(3) == PONG[3]
    assert not bus.servos[1].motor.stuck
    assert bus.script.names() == []


@given(seed=st.integers(0, 1000))
def test_equal_seeds_give_equal_bytes(seed: int) -> None:
    def run() -> list[bytes]:
        bus = Bus(Path("unused"), "drop:share=0.2", "corrupt:share=0.3,servo_id=2", seed=seed)
        return [bus.ping(servo) for servo in (1, 2, 3) * 10]

    assert run() == run()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dropp", "did you mean 'drop'"),
        ("drop:share=2", "share"),
        ("drop:share=nan", "share"),
        ("drop:baud=5", "baud means nothing"),
        ("mute", "needs a servo_id"),
        ("late:late_s", "name=value"),
        ("late:seconds=3", "no 'seconds'; known: after, as_id"),
        ("drop:shre=1", "no 'shre'; did you mean 'share'"),
        ("brown_out:for_s=1", "leave out for_s"),
    ],
)
def test_faults_that_cannot_be_are_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_fault(text)


@pytest.mark.parametrize("text", ["mute:servo_id=9", "wrong_baud:baud=12345"])
def test_faults_that_this_arm_cannot_have_are_refused(text: str, link: Path) -> None:
    with pytest.raises(ConfigError, match=r"servo 9|the rates"):
        Bus(link).effects.check(parse_fault(text))


@pytest.mark.parametrize(
    "text", ["drop:servo_id=2,share=0.05", "unplug:at_s=3.0,for_s=2.0", "late"]
)
def test_a_fault_reads_as_it_is_written(text: str) -> None:
    assert str(parse_fault(text)) == text


def test_a_script_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('seed = 4\n[[fault]]\nkind = "late"\nservo_id = 2\n', "utf-8")

    script = read_fault_file(path)

    assert (script.seed, script.fault) == (4, (Fault(kind="late", servo_id=2),))
    path.write_text('[[fault]]\nkind = "late"\nservo = 2\n', "utf-8")
    with pytest.raises(ConfigError, match="servo"):
        read_fault_file(path)
