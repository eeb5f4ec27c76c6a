"""Limits in the EEPROM, and the golden frames: the firmware's core, compiled for the host."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from robofeed_serial.rfp.config import BoardConfig, JointConfig
from robofeed_serial.rfp.frames import Frame
from robofeed_serial.rfp.messages import BoardFault, Hello, Kind, Mode, Result, goals_payload

from .conftest import BLIND, CONFIG, MIDDLE, POT, HostBoard, HostMaker

pytestmark = pytest.mark.needs("gcc", "make")
VECTORS: dict[str, Any] = json.loads(
    (files("robofeed_hardware") / "vectors" / "rfp_frames.json").read_text("utf-8")
)


@pytest.mark.parametrize("at", range(BoardConfig.SIZE))
def test_a_damaged_eeprom_is_noticed(host_board: HostMaker, at: int) -> None:
    image = bytearray(CONFIG.to_eeprom())
    image[at] ^= 0x10
    board = host_board(image=bytes(image))
    board.hello()

    assert board.state(Kind.CLEAR).faults == BoardFault.CONFIG
    start = CONFIG.hash.to_bytes(2, "little") + goals_payload(MIDDLE)
    assert board.refusal(Kind.ARM, start).result is Result.FAULTY


def write_config(board: HostBoard, config: BoardConfig) -> bytes:
    for i, joint in enumerate(config.joints):
        board.ask(Kind.WRITE_JOINT, bytes((i,)) + joint.to_bytes())
    board.ask(Kind.WRITE_BOARD, config.board_bytes())
    assert board.ask(Kind.SAVE) == []
    return board.saved()


def test_limits_are_set_and_stored_as_the_host_packs_them(host_board: HostMaker) -> None:
    board = host_board(image=b"\xff" * BoardConfig.SIZE)
    board.hello()
    assert BoardFault.CONFIG in board.state().faults
    answer = Frame.from_wire(write_config(board, CONFIG))

    assert answer.payload == CONFIG.hash.to_bytes(2, "little")
    assert board.stored() == CONFIG.to_eeprom()
    assert board.state().faults == BoardFault.NONE
    assert board.ask(Kind.READ_JOINT, b"\x03")[0].payload == b"\x03" + BLIND.to_bytes()
    assert board.arm().mode is Mode.ARMED


def test_limits_change_only_while_limp_and_count_once_saved(host_board: HostMaker) -> None:
    board = host_board()
    board.arm()
    joint = b"\0" + POT.to_bytes()
    assert board.refusal(Kind.WRITE_JOINT, joint).result is Result.NOT_DISARMED
    board.state(Kind.STOP)
    assert board.refusal(Kind.SAVE).result is Result.NOT_DISARMED
    board.state(Kind.DETACH)
    board.state(Kind.CLEAR)
    board.ask(Kind.WRITE_JOINT, joint)
    start = CONFIG.hash.to_bytes(2, "little") + goals_payload(MIDDLE)
    assert board.state().unsaved
    assert board.refusal(Kind.ARM, start).result is Result.UNSAVED


@pytest.mark.parametrize(
    ("kind", "payload", "detail"),
    [
        (Kind.WRITE_JOINT, b"\x02" + JointConfig.LAYOUT.pack(900, 4800, 2000, 9, 0, 0), 2),
        (Kind.WRITE_JOINT, b"\x01" + JointConfig.LAYOUT.pack(1200, 4800, 2000, 9, 5, 6), 1),
        (Kind.WRITE_BOARD, BoardConfig.BOARD.pack(19, 0, 200), 255),
        (Kind.WRITE_BOARD, BoardConfig.BOARD.pack(100, 200, 200), 255),
    ],
)
def test_limits_that_make_no_sense_are_not_taken(
    host_board: HostMaker, kind: Kind, payload: bytes, detail: int
) -> None:
    board = host_board()
    board.hello()
    refusal = board.refusal(kind, payload)

    assert (refusal.result, refusal.detail) == (Result.BAD_VALUE, detail)
    assert not board.state().unsaved
    assert board.stored() == CONFIG.to_eeprom()


def test_limits_without_any_servo_are_not_saved(host_board: HostMaker) -> None:
    board = host_board()
    board.hello()
    for i in range(6):
        board.ask(Kind.WRITE_JOINT, bytes((i,)) + JointConfig().to_bytes())

    assert board.refusal(Kind.SAVE).result is Result.BAD_VALUE


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda v: v["name"])
def test_golden_frames_are_whole_to_the_board(
    host_board: HostMaker, vector: dict[str, Any]
) -> None:
    board = host_board()
    board.send(bytes.fromhex(vector["wire"]))

    assert board.state().bad_frames == 0


@pytest.mark.parametrize("vector", VECTORS["refused_by_both_sides"], ids=lambda v: v["name"])
def test_golden_garbage_is_none_to_the_board(host_board: HostMaker, vector: dict[str, Any]) -> None:
    board = host_board()
    assert board.send(bytes.fromhex(vector["wire"])) == b""
    assert board.state().bad_frames == 1


def test_the_golden_eeprom_is_the_boards_too(host_board: HostMaker) -> None:
    (vector,) = VECTORS["eeprom"]
    board = host_board(image=bytes.fromhex(vector["image"]))
    (answer,) = board.ask(Kind.HELLO, b"\x01")

    assert (
        Hello.from_payload(answer.payload).config_hash.to_bytes(2, "little").hex()
        == (vector["image"][-4:])
    )
    assert BoardFault.CONFIG not in board.state().faults
