from __future__ import annotations

import ctypes
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from robofeed_serial.rfp.config import BoardConfig, JointConfig
from robofeed_serial.rfp.frames import Frame, FrameReader
from robofeed_serial.rfp.messages import (
    ANSWER,
    REFUSED,
    BoardState,
    Kind,
    Refusal,
    goals_payload,
)
from robofeed_serial.twin.firmware_board import SimulatedBoard, write_eeprom
from robofeed_serial.twin.firmware_build import FirmwareBuild, build_firmware

POT = JointConfig(1200, 4800, 2000, 1000, 100, 900)
BLIND = JointConfig(1200, 4800, 2000, 1000)
CONFIG = BoardConfig((POT, POT, POT, BLIND, BLIND, JointConfig()), supply_min_v=5.0)
MIDDLE = (3000,) * 6
SUPPLY_COUNTS = 358
"""7 V of 20."""


class Board(ABC):
    """The board, however it is run: `send`, `tick`, `set_counts` and `open_stop_switch` differ."""

    def __init__(self) -> None:
        self.sequence = 0
        self._reader = FrameReader()

    def ask(self, kind: int, payload: bytes = b"", *, sequence: int | None = None) -> list[Frame]:
        if sequence is None:
            sequence = self.sequence = (self.sequence + 1) % 256
        return list(self._reader.feed(self.send(Frame(kind, sequence, payload).to_wire())))

    def state(self, kind: int = Kind.STATE, payload: bytes = b"") -> BoardState:
        (answer,) = self.ask(kind, payload)
        assert answer.kind == kind | ANSWER, answer
        assert answer.sequence == self.sequence
        return BoardState.from_payload(answer.payload)

    def refusal(self, kind: int, payload: bytes = b"", **options: int) -> Refusal:
        (answer,) = self.ask(kind, payload, **options)
        assert answer.kind == REFUSED, answer
        refusal = Refusal.from_payload(answer.payload)
        assert refusal.kind == kind
        return refusal

    def hello(self) -> None:
        (answer,) = self.ask(Kind.HELLO, b"\x01")
        assert answer.kind == Kind.HELLO | ANSWER

    def arm(self, config: BoardConfig = CONFIG, start: tuple[int, ...] = MIDDLE) -> BoardState:
        self.hello()
        return self.state(Kind.ARM, config.hash.to_bytes(2, "little") + goals_payload(start))

    def setpoint(self, *goals: int) -> BoardState:
        return self.state(Kind.SETPOINT, goals_payload(tuple(goals) or MIDDLE))

    @abstractmethod
    def send(self, data: bytes) -> bytes: ...

    @abstractmethod
    def tick(self, ms: int = 1) -> None: ...

    @abstractmethod
    def set_counts(self, channel: int, counts: int) -> None: ...

    @abstractmethod
    def open_stop_switch(self, is_open: bool = True) -> None: ...


class HostBoard(Board):
    """The firmware's core, compiled for this machine; time passes in `tick` only."""

    def __init__(self, library: ctypes.CDLL, image: bytes, cause: int = 1) -> None:
        super().__init__()
        self._library = library
        self._board = ctypes.create_string_buffer(library.abi_size())
        self._answer = ctypes.create_string_buffer(64)
        library.abi_start(self._board, image, cause)

    def send(self, data: bytes) -> bytes:
        sent = b""
        for byte in data:
            count = self._library.board_receive(self._board, byte, self._answer)
            sent += self._answer.raw[:count]
        return sent

    def tick(self, ms: int = 1) -> None:
        for _ in range(ms):
            self._library.board_tick(self._board)

    def saved(self) -> bytes:
        """The EEPROM has been written: what the board then sends."""
        assert self._library.abi_saving(self._board)
        count = self._library.board_saved(self._board, self._answer)
        return self._answer.raw[:count]

    def stored(self) -> bytes:
        image = ctypes.create_string_buffer(BoardConfig.SIZE)
        self._library.abi_stored(self._board, image)
        return image.raw

    def pulses(self) -> list[int]:
        return [self._library.board_pulse(self._board, i) for i in range(6)]

    def set_counts(self, channel: int, counts: int) -> None:
        self._library.abi_adc(self._board, channel if channel < 6 else 6, counts)

    def open_stop_switch(self, is_open: bool = True) -> None:
        self._library.abi_stop_pin(self._board, is_open)


class LockstepBoard(Board):
    """The whole firmware in simavr; every request takes 5 ms of its time."""

    def __init__(self, simulated: SimulatedBoard) -> None:
        super().__init__()
        self.simulated = simulated

    def send(self, data: bytes) -> bytes:
        self.simulated.receive(data)
        self.simulated.take()
        self.tick(5)
        return self.simulated.happened.data

    def tick(self, ms: int = 1) -> None:
        self.simulated.run(ms=ms)

    def pulses(self) -> list[int]:
        """The newest of 25 ms from now; 0 where there is none."""
        self.simulated.take()
        self.tick(25)
        newest = {pulse.servo: pulse.width_ticks for pulse in self.simulated.take().pulses}
        return [newest.get(servo, 0) for servo in range(6)]

    def set_counts(self, channel: int, counts: int) -> None:
        self.simulated.set_counts(channel, counts)

    def open_stop_switch(self, is_open: bool = True) -> None:
        self.simulated.open_stop_switch(is_open)


HostMaker = Callable[..., HostBoard]
LockstepMaker = Callable[..., LockstepBoard]


@pytest.fixture(scope="session")
def core(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("core")
    command = ["make", "-s", "-C", str(repository / "hardware/firmware"), f"BUILD={folder}", "host"]
    subprocess.run(command, check=True, capture_output=True)
    library = ctypes.CDLL(str(folder / "librfp.so"))
    library.abi_saving.restype = ctypes.c_bool
    library.board_pulse.restype = ctypes.c_uint16
    library.board_receive.restype = ctypes.c_uint8
    library.board_saved.restype = ctypes.c_uint8
    return library


@pytest.fixture
def host_board(core: ctypes.CDLL) -> HostMaker:
    """Makes a board that has `config` in its EEPROM, all joints in the middle, 7 V."""

    def make(config: BoardConfig = CONFIG, image: bytes | None = None, cause: int = 1) -> HostBoard:
        board = HostBoard(core, config.to_eeprom() if image is None else image, cause)
        _connect(board)
        return board

    return make


@pytest.fixture(scope="session")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> FirmwareBuild:
    return build_firmware(tmp_path_factory.mktemp("build") / "firmware")


@pytest.fixture
def lockstep_board(firmware: FirmwareBuild, tmp_path: Path) -> Iterator[LockstepMaker]:
    made: list[SimulatedBoard] = []

    def make(config: BoardConfig | None = CONFIG, *, slow: bool = False) -> LockstepBoard:
        path = tmp_path / "eeprom"
        if config is not None:
            write_eeprom(path, config)
        made.append(SimulatedBoard(firmware, eeprom=path, slow=slow))
        board = LockstepBoard(made[-1])
        _connect(board)
        board.tick(3)
        return board

    yield make
    for simulated in made:
        simulated.close()


def _connect(board: Board) -> None:
    for channel in range(6):
        board.set_counts(channel, 500)
    board.set_counts(7, SUPPLY_COUNTS)
    board.sequence = 0
