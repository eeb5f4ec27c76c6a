"""A twin's port on a system that does not say at which rate it was opened, as macOS."""

from __future__ import annotations

from pathlib import Path

import pytest
import serial

from robofeed_serial.feetech.frames import FeetechCodec
from robofeed_serial.twin.feetech_line import FeetechLine
from robofeed_serial.twin.feetech_servo import Sts3215
from robofeed_serial.twin.terminal import TwinTerminal
from robofeed_serial.twin.wire import Wire

MS = 1_000_000


@pytest.mark.parametrize("rate", [1_000_000, 57_600])
def test_without_the_rate_it_answers_at_any_and_at_once(tmp_path: Path, rate: int) -> None:
    servo = Sts3215(0, 1)
    servo.registers["return_delay"] = 0
    servo.step(1.0, 7.4)  # past its boot
    wire = Wire(FeetechLine([servo]))
    terminal = TwinTerminal(tmp_path / "port", tells_baud=False)
    terminal.plug()
    try:
        with serial.Serial(str(tmp_path / "port"), rate, timeout=2.0, exclusive=True) as host:
            host.write(FeetechCodec().ping(1))
            host.flush()
            heard = b""
            while len(heard) < 6:
                heard += terminal.read()
            assert terminal.baud() == 0
            wire.receive(heard, terminal.baud(), 0)
            terminal.write(wire.take(0))
            assert host.read(6) == bytes([255, 255, 1, 2, 0, 252])
    finally:
        terminal.unplug()


def test_where_the_rate_is_told_a_wrong_one_is_not_understood(tmp_path: Path) -> None:
    servo = Sts3215(0, 1)
    servo.step(1.0, 7.4)
    wire = Wire(FeetechLine([servo]))

    wire.receive(FeetechCodec().ping(1), 57_600, 0)
    assert wire.take(1000 * MS) == b""
