"""The Dynamixel 2.0 bus as its servos hear it: frames out of bytes, and who answers what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum

from robofeed_serial.twin.collision import collided
from robofeed_serial.twin.dynamixel_registers import FAST_READ_FIRMWARE
from robofeed_serial.twin.dynamixel_servo import DynamixelServo, Refusal
from robofeed_serial.twin.servo import Reply

BROADCAST = 254
HEADER = b"\xff\xff\xfd\x00"
STUFFED = b"\xff\xff\xfd"
NO_SECONDARY = 255
_LONGEST = 1024


class Instruction(IntEnum):
    """What a host may ask for, and the status that answers."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    WRITE_LATER = 0x04
    ACTION = 0x05
    REBOOT = 0x08
    STATUS = 0x55
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83
    FAST_SYNC_READ = 0x8A
    BULK_READ = 0x92
    BULK_WRITE = 0x93


def _crc_table() -> tuple[int, ...]:
    """CRC-16 with polynomial 0x8005, most significant bit first."""
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x8005 if crc & 0x8000 else crc << 1) & 0xFFFF
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def checksum(data: bytes) -> int:
    """The CRC that ends a frame, over everything before it."""
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFFFF) ^ _CRC[crc >> 8 ^ byte]
    return crc


class DynamixelLine:
    """All servos of one bus. `receive` takes what the host sent and returns their replies."""

    def __init__(self, servos: Sequence[DynamixelServo]) -> None:
        self.servos = list(servos)
        self._heard = bytearray()
        self._later: dict[int, tuple[int, bytes]] = {}

    def receive(self, data: bytes, baud: int) -> list[Reply]:
        """Servos at another rate than `baud` hear noise and stay silent. 0: all hear it."""
        self._heard += data
        replies: list[Reply] = []
        for servo_id, instruction, parameters in self._frames():
            awake = [s for s in self.servos if s.hears and baud in (0, s.baud)]
            for servo in awake:
                servo.heard()
            replies += collided(self._obey(awake, servo_id, instruction, parameters))
        return replies

    def forget(self) -> None:
        """Drop a frame heard in part, as servos do when the line falls silent."""
        self._heard.clear()

    def _frames(self) -> Iterator[tuple[int, int, bytes]]:
        """Id, instruction and parameters of every whole frame with a right checksum."""
        heard = self._heard
        while True:
            start = heard.find(HEADER)
            if start < 0:
                # The last three bytes may be the start of a header.
                del heard[: max(0, len(heard) - 3)]
                return
            del heard[:start]
            if len(heard) < 7:
                return
            length = heard[5] | heard[6] << 8
            if not 3 <= length <= _LONGEST:
                del heard[:3]
                continue
            if len(heard) < length + 7:
                return
            frame = bytes(heard[: length + 7])
            if checksum(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
                del heard[:3]
                continue
            del heard[: length + 7]
            body = frame[7:-2].replace(STUFFED + b"\xfd", STUFFED)
            if body[0] != Instruction.STATUS:
                yield frame[4], body[0], body[1:]

    def _obey(
        self, awake: list[DynamixelServo], servo_id: int, instruction: int, parameters: bytes
    ) -> list[Reply]:
        called = [s for s in awake if servo_id in (BROADCAST, s.servo_id)]
        called.sort(key=lambda servo: servo.servo_id)
        shadows = [
            servo
            for servo in awake
            if servo.secondary_id == servo_id != servo.servo_id and servo_id < BROADCAST
        ]
        match instruction:
            case Instruction.PING:
                return [_ping(servo) for servo in called]
            case Instruction.READ:
                if servo_id == BROADCAST:
                    return []
                return [_answer(servo, parameters) for servo in called]
            case Instruction.WRITE | Instruction.WRITE_LATER:
                later = instruction == Instruction.WRITE_LATER
                for servo in shadows:
                    self._write(servo, parameters, later=later)
                refusals = [(s, self._write(s, parameters, later=later)) for s in called]
                return _acknowledged(refusals, servo_id)
            case Instruction.ACTION:
                return _acknowledged([(s, self._act(s)) for s in called + shadows], servo_id)
            case Instruction.REBOOT:
                replies = _acknowledged([(servo, Refusal.NONE) for servo in called], servo_id)
                for servo in called:
                    servo.reboot()
                return replies
            case Instruction.SYNC_READ | Instruction.FAST_SYNC_READ if len(parameters) > 4:
                asked = [
                    (servo, parameters[:4])
                    for wanted in parameters[4:]
                    for servo in awake
                    if servo.servo_id == wanted
                ]
                if instruction == Instruction.FAST_SYNC_READ:
                    # One that does not know it stays silent, and so do those who wait for it.
                    known = [s.registers["firmware"] >= FAST_READ_FIRMWARE for s, _ in asked]
                    return _fast(asked) if all(known) else []
                return [_answer(servo, where) for servo, where in asked]
            case Instruction.BULK_READ:
                return [
                    _answer(servo, parameters[start + 1 : start + 5])
                    for start in range(0, len(parameters) - 4, 5)
                    for servo in awake
                    if servo.servo_id == parameters[start]
                ]
            case Instruction.SYNC_WRITE if len(parameters) > 4:
                length = int.from_bytes(parameters[2:4], "little")
                rest = parameters[4:]
                for start in range(0, len(rest) - length, length + 1):
                    data = parameters[:2] + rest[start + 1 : start + 1 + length]
                    self._write_to(awake, rest[start], data)
                return []
            case Instruction.BULK_WRITE:
                while len(parameters) > 5:
                    length = int.from_bytes(parameters[3:5], "little")
                    data = parameters[1:3] + parameters[5 : 5 + length]
                    self._write_to(awake, parameters[0], data)
                    parameters = parameters[5 + length :]
                return []
        return _acknowledged([(servo, Refusal.INSTRUCTION) for servo in called], servo_id)

    def _write(self, servo: DynamixelServo, parameters: bytes, *, later: bool) -> Refusal:
        if len(parameters) < 3:
            return Refusal.DATA_LENGTH
        address, data = int.from_bytes(parameters[:2], "little"), parameters[2:]
        if later:
            self._later[servo.number] = address, data
            servo.registers["registered"] = 1
            return Refusal.NONE
        return servo.write(address, data)

    def _write_to(self, awake: list[DynamixelServo], servo_id: int, parameters: bytes) -> None:
        for servo in awake:
            if servo_id in (servo.servo_id, servo.secondary_id) and servo_id != NO_SECONDARY:
                self._write(servo, parameters, later=False)

    def _act(self, servo: DynamixelServo) -> Refusal:
        if servo.number not in self._later:
            return Refusal.RESULT_FAIL
        servo.registers["registered"] = 0
        return servo.write(*self._later.pop(servo.number))


def _acknowledged(refusals: list[tuple[DynamixelServo, Refusal]], servo_id: int) -> list[Reply]:
    if servo_id == BROADCAST:
        return []
    return [
        _status(servo, refusal, under=servo_id)
        for servo, refusal in refusals
        if servo.registers["status_level"] == 2 and servo.secondary_id != servo_id
    ]


def _ping(servo: DynamixelServo) -> Reply:
    number, firmware = servo.registers["model"], servo.registers["firmware"]
    return _status(servo, Refusal.NONE, number.to_bytes(2, "little") + bytes([firmware]))


def _answer(servo: DynamixelServo, parameters: bytes) -> Reply:
    if servo.registers["status_level"] == 0:
        return Reply(servo.servo_id, b"")
    if len(parameters) != 4:
        return _status(servo, Refusal.DATA_LENGTH)
    address = int.from_bytes(parameters[:2], "little")
    length = int.from_bytes(parameters[2:4], "little")
    return _status(servo, *servo.read(address, length))


def _status(
    servo: DynamixelServo, refusal: Refusal, data: bytes = b"", under: int | None = None
) -> Reply:
    servo_id = servo.servo_id if under is None else under
    body = bytes([Instruction.STATUS, refusal | servo.alert]) + data
    body = body.replace(STUFFED, STUFFED + b"\xfd")
    return Reply(servo_id, _framed(servo_id, body), servo.delay_ns)


def _framed(servo_id: int, body: bytes) -> bytes:
    frame = HEADER + bytes([servo_id]) + (len(body) + 2).to_bytes(2, "little") + body
    return frame + checksum(frame).to_bytes(2, "little")


def _fast(asked: list[tuple[DynamixelServo, bytes]]) -> list[Reply]:
    """One frame for all: each servo adds error, id, data and the CRC of all that went before."""
    if not asked:
        return []
    blocks = []
    for servo, where in asked:
        address, length = where[0] | where[1] << 8, where[2] | where[3] << 8
        refusal, data = servo.read(address, length)
        blocks.append(bytes([refusal | servo.alert, servo.servo_id]) + data)
    total = 1 + sum(len(block) + 2 for block in blocks)
    frame = HEADER + bytes([BROADCAST]) + total.to_bytes(2, "little")
    frame += bytes([Instruction.STATUS])
    for block in blocks:
        frame += block
        frame += checksum(frame).to_bytes(2, "little")
    return [Reply(BROADCAST, frame, asked[0][0].delay_ns)]
