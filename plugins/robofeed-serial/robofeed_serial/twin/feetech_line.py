"""The Feetech bus as its servos hear it: frames out of bytes, and who answers what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum

from robofeed_serial.twin.collision import collided
from robofeed_serial.twin.feetech_servo import Sts3215
from robofeed_serial.twin.servo import Reply

BROADCAST = 254
_SHORTEST, _LONGEST = 2, 252


class Instruction(IntEnum):
    """What a host may ask for."""

    PING = 1
    READ = 2
    WRITE = 3
    WRITE_LATER = 4
    ACTION = 5
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83


class FeetechLine:
    """All servos of one bus. `receive` takes what the host sent and returns their replies."""

    def __init__(self, servos: Sequence[Sts3215]) -> None:
        self.servos = list(servos)
        self._heard = bytearray()
        self._later: dict[int, tuple[int, bytes]] = {}

    def receive(self, data: bytes, baud: int) -> list[Reply]:
        """Servos at another rate than `baud` hear noise and stay silent. 0: all hear it."""
        self._heard += data
        replies: list[Reply] = []
        for servo_id, instruction, parameters in self._frames():
            awake = [s for s in self.servos if s.hears and baud in (0, s.baud)]
            replies += collided(self._obey(awake, servo_id, instruction, parameters))
        return replies

    def forget(self) -> None:
        """Drop a frame heard in part, as servos do when the line falls silent."""
        self._heard.clear()

    def _frames(self) -> Iterator[tuple[int, int, bytes]]:
        """Id, instruction and parameters of every whole frame with a right sum."""
        heard = self._heard
        while True:
            start = heard.find(b"\xff\xff")
            if start < 0:
                # The last byte may be half of a header.
                del heard[: max(0, len(heard) - 1)]
                return
            del heard[:start]
            if len(heard) < 4:
                return
            servo_id, length = heard[2], heard[3]
            if servo_id == 0xFF or not _SHORTEST <= length <= _LONGEST:
                del heard[:1]
                continue
            if len(heard) < length + 4:
                return
            frame = bytes(heard[2 : length + 4])
            if ~sum(frame[:-1]) & 0xFF != frame[-1]:
                del heard[:1]
                continue
            del heard[: length + 4]
            yield servo_id, frame[2], frame[3:-1]

    def _obey(
        self, awake: list[Sts3215], servo_id: int, instruction: int, parameters: bytes
    ) -> list[Reply]:
        called = [s for s in awake if servo_id in (BROADCAST, s.servo_id)]
        called.sort(key=lambda servo: servo.servo_id)
        match instruction:
            case Instruction.PING:
                return [_status(servo) for servo in called]
            case Instruction.READ if len(parameters) == 2 and servo_id != BROADCAST:
                return [_status(s, s.read(parameters[0], parameters[1])) for s in called]
            case Instruction.WRITE if len(parameters) >= 2:
                return self._write(called, servo_id, parameters)
            case Instruction.WRITE_LATER if len(parameters) >= 2:
                for servo in called:
                    self._later[servo.number] = parameters[0], parameters[1:]
                    servo.registers["registered"] = 1
                return _acknowledged(called, servo_id)
            case Instruction.ACTION:
                for servo in called:
                    if servo.number in self._later:
                        servo.registers["registered"] = 0
                        servo.write(*self._later.pop(servo.number))
                return _acknowledged(called, servo_id)
            case Instruction.SYNC_READ if len(parameters) >= 3:
                return self._sync_read(awake, parameters)
            case Instruction.SYNC_WRITE if len(parameters) >= 3:
                self._sync_write(awake, parameters)
        return []

    def _write(self, called: list[Sts3215], servo_id: int, parameters: bytes) -> list[Reply]:
        for servo in called:
            servo.write(parameters[0], parameters[1:])
        # A servo answers under the id it was called by, also when that was what it changed.
        return _acknowledged(called, servo_id)

    def _sync_read(self, awake: list[Sts3215], parameters: bytes) -> list[Reply]:
        address, length = parameters[:2]
        return [
            _status(servo, servo.read(address, length))
            for wanted in parameters[2:]
            for servo in awake
            if servo.servo_id == wanted
        ]

    def _sync_write(self, awake: list[Sts3215], parameters: bytes) -> None:
        address, length = parameters[:2]
        rest = parameters[2:]
        if length == 0 or len(rest) % (length + 1):
            return
        for start in range(0, len(rest), length + 1):
            data = rest[start + 1 : start + 1 + length]
            for servo in awake:
                if servo.servo_id == rest[start]:
                    servo.write(address, data)


def _acknowledged(called: list[Sts3215], servo_id: int) -> list[Reply]:
    if servo_id == BROADCAST:
        return []
    return [_status(s, under=servo_id) for s in called if s.registers["status_level"] == 1]


def _status(servo: Sts3215, data: bytes = b"", under: int | None = None) -> Reply:
    servo_id = servo.servo_id if under is None else under
    body = bytes([servo_id, len(data) + 2, servo.status]) + data
    return Reply(servo_id, b"\xff\xff" + body + bytes([~sum(body) & 0xFF]), servo.delay_ns)
