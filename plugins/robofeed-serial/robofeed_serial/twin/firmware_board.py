"""The servo board's real firmware in a simulated controller: its bytes, its pins, its time."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from robofeed import HardwareError
from robofeed_serial.rfp.config import BoardConfig
from robofeed_serial.twin.firmware_build import FirmwareBuild

CLOCK_HZ = 16_000_000
EEPROM_BYTES = 1024
SUPPLY_CHANNEL = 7
REFERENCE_MV = 5000
START_S = 10.0
ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """One pulse at a servo's pin, told at its end."""

    servo: int
    """0..5"""
    cycle: int
    width_cycles: int

    @property
    def width_ticks(self) -> int:
        """In the protocol's ticks of half a microsecond, of which 8 cycles are one."""
        return round(self.width_cycles / 8)


@dataclass(slots=True)
class Happened:
    """What came out of the controller since it was asked last."""

    sent: list[tuple[int, int]] = field(default_factory=list)
    """(cycle, byte) on the serial line, in lockstep only"""
    pulses: list[Pulse] = field(default_factory=list)

    @property
    def data(self) -> bytes:
        """The bytes of `sent`."""
        return bytes(byte for _, byte in self.sent)


@dataclass(frozen=True, slots=True)
class BoardRun:
    """How far the simulated controller is."""

    cycle: int
    baud: int
    """as the firmware has set it"""
    lag_cycles: int
    """the furthest it was behind the clock"""
    lost_bytes: int


class SimulatedBoard:
    """A process with the board in it. Exactly one of `link`, `line` and neither (lockstep).

    In lockstep time passes in `run` only, so that everything happens at the same cycle each time.
    Otherwise it follows the clock, with its serial line at the pseudo-terminal `link` or at the
    inherited file `line`. Raises HardwareError where the process ends instead of answering.
    """

    def __init__(
        self,
        build: FirmwareBuild,
        *,
        link: Path | None = None,
        line: socket.socket | None = None,
        eeprom: Path | None = None,
        slow: bool = False,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="board-")
        control = Path(self._folder.name) / "control"
        command = [str(build.simulator), "--elf", str(build.firmware), "--socket", str(control)]
        command += ["--slow"] if slow else []
        command += ["--eeprom", str(eeprom)] if eeprom is not None else []
        if link is not None:
            command += ["--link", str(link)]
        elif line is not None:
            command += ["--line-fd", str(line.fileno())]
        else:
            command += ["--lockstep"]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[line.fileno()] if line is not None else [],
        )
        self.happened = Happened()
        self._rest = b""
        self._unanswered = 0
        self._control = socket.socket(socket.AF_UNIX)
        self._control.settimeout(ANSWER_S)
        self._connect(control)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """Readable when pulses wait for `poll`."""
        return self._control.fileno()

    def close(self) -> None:
        """End it; the EEPROM's file is written. Idempotent."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(START_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._control.close()
        self._folder.cleanup()

    def take(self) -> Happened:
        """What has happened since this was called last."""
        happened, self.happened = self.happened, Happened()
        return happened

    def poll(self) -> None:
        """Take in what waits on the control socket, without waiting."""
        self._control.setblocking(False)
        try:
            while data := self._control.recv(65536):
                self._absorb(data)
            raise self._ended()
        except BlockingIOError:
            return
        finally:
            self._control.settimeout(ANSWER_S)

    def run(self, *, ms: float = 0, cycles: int = 0) -> BoardRun:
        """Let time pass, in lockstep."""
        return self._ask(f"run {round(ms * CLOCK_HZ / 1000) + cycles}")

    def receive(self, data: bytes) -> None:
        """Put bytes on the line to the board, in lockstep; they take their time from now on."""
        for start in range(0, len(data), 2000):
            self._ask(f"rx {data[start : start + 2000].hex()}")

    def set_millivolts(self, channel: int, millivolts: float) -> None:
        """The voltage at an ADC pin."""
        self._ask(f"adc {channel} {max(0, round(millivolts))}")

    def set_counts(self, channel: int, counts: int) -> None:
        """The voltage at an ADC pin that reads as `counts`, 0..1023."""
        self.set_millivolts(channel, millivolts_of(counts))

    def post_millivolts(self, millivolts: Mapping[int, float]) -> None:
        """The voltages at ADC pins, without waiting for the answers."""
        lines = "".join(
            f"adc {channel} {max(0, round(value))}\n" for channel, value in millivolts.items()
        )
        self._post(lines, len(millivolts))

    def post_power_cycle(self) -> None:
        """Take its power for a moment, without waiting for the answer."""
        self._post("power-cycle\n", 1)

    def open_stop_switch(self, is_open: bool) -> None:
        """Press the stop switch or cut its wire; or put that right."""
        self._ask(f"stop {int(is_open)}")

    def hang(self) -> None:
        """Send the firmware into an endless loop with interrupts off."""
        self._ask("hang")

    def power_cycle(self) -> None:
        """Take its power for a moment; the EEPROM stays."""
        self._ask("power-cycle")

    def eeprom(self) -> bytes:
        """All of it, as it is now."""
        return bytes.fromhex(self._answer("eeprom"))

    def stats(self) -> BoardRun:
        """How far it is."""
        return self._ask("stats")

    # --- inside -----------------------------------------------------------------------------------

    def _connect(self, path: Path) -> None:
        end_s = time.monotonic() + START_S
        while True:
            try:
                self._control.connect(str(path))
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end_s:
                    raise self._ended() from None
                time.sleep(0.005)

    def _ask(self, line: str) -> BoardRun:
        words = self._answer(line).split()
        return BoardRun(int(words[0]), int(words[2]), int(words[4]), int(words[6]))

    def _answer(self, line: str) -> str:
        try:
            self._control.sendall(line.encode() + b"\n")
            while True:
                data = self._control.recv(65536)
                if not data:
                    raise self._ended()
                answer = self._absorb(data)
                if answer is not None:
                    return answer
        except OSError as error:
            raise self._ended() from error

    def _post(self, lines: str, count: int) -> None:
        self._unanswered += count
        try:
            self._control.sendall(lines.encode())
        except OSError as error:
            raise self._ended() from error

    def _absorb(self, data: bytes) -> str | None:
        """Note what happened; the answer, if it is among it."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        answer = None
        for line in lines:
            word, _, values = line.decode().partition(" ")
            match word:
                case "tx":
                    cycle, byte = values.split()
                    self.happened.sent.append((int(cycle), int(byte, 16)))
                case "pulse":
                    servo, cycle, width = values.split()
                    self.happened.pulses.append(Pulse(int(servo), int(cycle), int(width)))
                case "ok" if self._unanswered:
                    self._unanswered -= 1
                case "ok":
                    answer = values
                case _:
                    raise HardwareError(f"the simulated servo board says: {line.decode()}")
        return answer

    def _ended(self) -> HardwareError:
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return HardwareError("the simulated servo board does not answer")
        said = self._process.stderr.read().strip() if self._process.stderr is not None else ""
        return HardwareError(f"the simulated servo board has ended: {said or 'it said nothing'}")


def millivolts_of(counts: float) -> float:
    """The voltage at an ADC pin that reads as `counts`, 0..1023."""
    return (counts + 0.5) * REFERENCE_MV / 1023


def write_eeprom(path: Path, config: BoardConfig) -> None:
    """An EEPROM's file as a board has it that was set up with `config`."""
    path.write_bytes(config.to_eeprom().ljust(EEPROM_BYTES, b"\xff"))
