"""How fast six servos are read and commanded over a wire of 1 Mbps, beside the makers' libraries.

A cycle is one group read (position, speed, and load or current, of six servos) and one group write
of goals. Both sides talk to the same twin, whose bytes take the time they take at 1 Mbps, in short
turns, so that what else the machine does falls on both alike. `bare` writes and reads the same
bytes with nothing decoded: what it lacks to the wire's own limit is the twin's and the machine's,
and what ours lacks to it is ours. `koch, fast` is the same arm read with Dynamixel's fast sync
read, all answers in one frame, by both sides: what the driver does where the servos can.

Prints for each arm and each way the rate of whole cycles, its share of the wire's limit and the
99th percentile of a cycle, and `ratio`, ours by the library's turn right beside it: the median over
all pairs of turns, its quartiles, and how many of the pairs were at least 1. Wanted: ratio at least
1, share at least 0.8. A cycle that took less time than its reading takes on the wire has read an
older answer: it counts as `stale` and not as whole. Run it on a machine that is otherwise idle: a
stall of more than a few ms is a time-out to either side.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import dynamixel_sdk
import scservo_sdk
import serial

from robofeed_serial.dynamixel.bus import DynamixelBus
from robofeed_serial.dynamixel.frames import DynamixelCodec
from robofeed_serial.feetech.bus import FeetechBus
from robofeed_serial.feetech.frames import FeetechCodec
from robofeed_serial.twin.process import Twin
from robofeed_serial.wire.link import Link

BAUD = 1_000_000
IDS = (1, 2, 3, 4, 5, 6)
NEVER = 10**9

Cycle = Callable[[], bool]
"""One read and one write; False where a reading was missing."""


@dataclass(frozen=True)
class Arm:
    """What is measured of one protocol."""

    name: str
    bus: Callable[[Link], FeetechBus | DynamixelBus]
    fast: bool
    """Read by fast sync read."""
    codec: FeetechCodec | DynamixelCodec
    read: tuple[int, int]
    goal: tuple[int, int]
    library: Any
    version: float
    fields: tuple[tuple[int, int], ...]

    def requests(self) -> tuple[bytes, bytes]:
        """The bytes of a cycle's read and write."""
        rows = dict.fromkeys(IDS, (2048).to_bytes(self.goal[1], "little"))
        single = self.codec.fast_sync_read(IDS, *self.read) if self.fast else None
        read = single or self.codec.sync_read(IDS, *self.read)
        return read, self.codec.sync_write(self.goal[0], rows)

    def answer_bytes(self) -> int:
        """All that comes back."""
        if self.fast:
            return self.codec.fast_length(len(IDS), self.read[1])
        return len(IDS) * self.codec.reply_length(self.read[1])

    def reading_s(self) -> float:
        """A reading on the wire."""
        return 10 / BAUD * (len(self.requests()[0]) + self.answer_bytes())

    def wire_hz(self) -> float:
        """Cycles a second where nothing but the wire took time."""
        return 1 / (self.reading_s() + 10 / BAUD * len(self.requests()[1]))


ARMS = (
    Arm(
        "so101",
        lambda link: FeetechBus(link, full_every=NEVER),
        False,
        FeetechCodec(),
        FeetechBus.quick,
        (42, 2),
        scservo_sdk,
        0,
        ((56, 2), (58, 2), (60, 2)),
    ),
    *(
        Arm(
            "koch",
            partial(DynamixelBus, full_every=NEVER, fast=fast),
            fast,
            DynamixelCodec(),
            DynamixelBus.quick,
            (116, 4),
            dynamixel_sdk,
            2.0,
            ((126, 2), (128, 4), (132, 4)),
        )
        for fast in (False, True)
    ),
)


@dataclass
class Measured:
    """What was seen of one way, over all rounds."""

    rates_hz: list[float] = field(default_factory=list)
    cycles_s: list[float] = field(default_factory=list)
    missed: int = 0
    stale: int = 0

    def run(self, cycle: Cycle, seconds: float, least_s: float) -> None:
        """Repeat `cycle` for `seconds`; one that takes less than `least_s` is stale."""
        count, started_s = 0, time.perf_counter()
        now_s = started_s
        while now_s - started_s < seconds:
            whole = cycle()
            before_s, now_s = now_s, time.perf_counter()
            stale = whole and now_s - before_s < least_s
            count += whole and not stale
            self.stale += stale
            self.missed += not whole
            self.cycles_s.append(now_s - before_s)
        self.rates_hz.append(count / (now_s - started_s))

    def figures(self, wire_hz: float) -> dict[str, float]:
        """For printing."""
        rate_hz = statistics.mean(self.rates_hz)
        worst = sorted(self.cycles_s)[int(0.99 * len(self.cycles_s))]
        return {
            "hz": round(rate_hz, 1),
            "share": round(rate_hz / wire_hz, 3),
            "p50_ms": round(1000 * statistics.median(self.cycles_s), 3),
            "p99_ms": round(1000 * worst, 2),
            "missed": self.missed,
            "stale": self.stale,
        }


def with_ours(arm: Arm, port: str, measured: Measured, seconds: float) -> None:
    bus = arm.bus(Link(port, BAUD))
    bus.open()
    bus.prepare(IDS)
    bus.read_states(IDS)
    goals = dict.fromkeys(IDS, 2048)

    def cycle() -> bool:
        started_ns = time.monotonic_ns()
        states = bus.read_states(IDS)
        bus.write_goals(goals)
        return all(state.time_ns >= started_ns for state in states.values())

    measured.run(cycle, seconds, 0.9 * arm.reading_s())
    bus.close()


def with_library(arm: Arm, port: str, measured: Measured, seconds: float) -> None:
    sdk = arm.library
    handler = sdk.PortHandler(port)
    packets = sdk.PacketHandler(arm.version)
    reader = sdk.GroupSyncRead(handler, packets, *arm.read)
    writer = sdk.GroupSyncWrite(handler, packets, *arm.goal)
    handler.openPort()
    handler.setBaudRate(BAUD)
    goal = list((2048).to_bytes(arm.goal[1], "little"))
    for servo_id in IDS:
        reader.addParam(servo_id)
        writer.addParam(servo_id, goal)

    read = reader.fastSyncRead if arm.fast else reader.txRxPacket

    def cycle() -> bool:
        try:
            if read() != sdk.COMM_SUCCESS:
                return False
        except IndexError:  # its fast reading trips over an answer that is cut short
            return False
        for servo_id in IDS:
            for address, size in arm.fields:
                reader.getData(servo_id, address, size)
        for servo_id in IDS:
            writer.changeParam(servo_id, goal)
        writer.txPacket()
        return True

    measured.run(cycle, seconds, 0.9 * arm.reading_s())
    handler.closePort()


def with_bare_bytes(arm: Arm, port: str, measured: Measured, seconds: float) -> None:
    read, write = arm.requests()
    wanted = arm.answer_bytes()
    with serial.Serial(port, BAUD, timeout=0, exclusive=True) as opened:
        descriptor = opened.fileno()

        def cycle() -> bool:
            os.write(descriptor, read)
            left = wanted
            while left > 0:
                if not select.select([descriptor], [], [], 0.05)[0]:
                    return False
                left -= len(os.read(descriptor, 4096))
            os.write(descriptor, write)
            return True

        measured.run(cycle, seconds, 0.9 * arm.reading_s())


WAYS = {"ours": with_ours, "library": with_library, "bare": with_bare_bytes}


def measure(arm: Arm, rounds: int, seconds: float) -> dict[str, Any]:
    """All ways in turn, `rounds` times for `seconds` each."""
    measured = {name: Measured() for name in WAYS}
    with Twin(arm.name, "--no-gravity") as twin:
        for turn in range(rounds):
            # Backwards every other time, so that nobody always comes right after the same one.
            for name, way in list(WAYS.items())[:: -1 if turn % 2 else 1]:
                way(arm, str(twin.port), measured[name], seconds)
    figures: dict[str, Any] = {"wire_hz": round(arm.wire_hz(), 1)}
    figures |= {name: one.figures(arm.wire_hz()) for name, one in measured.items()}
    pairs = zip(measured["ours"].rates_hz, measured["library"].rates_hz, strict=True)
    ratios = sorted(ours / theirs for ours, theirs in pairs if theirs)
    low, middle, high = statistics.quantiles(ratios, n=4)
    figures["ratio"] = {
        "median": round(middle, 3),
        "quartiles": [round(low, 3), round(high, 3)],
        "range": [round(ratios[0], 3), round(ratios[-1], 3)],
        "pairs": len(ratios),
        "at_least_1": sum(ratio >= 1 for ratio in ratios),
    }
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=20, help="at least 2")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each way in a round")
    options = parser.parse_args()
    figures = {
        arm.name + ", fast" * arm.fast: measure(arm, options.rounds, options.seconds)
        for arm in ARMS
    }
    if options.json:
        print(json.dumps({**figures, "cpus": os.cpu_count(), "load": os.getloadavg()[0]}))
        return
    for name, one in figures.items():
        print(f"{name}: the wire allows {one['wire_hz']} Hz; ours by the library's: ", end="")
        print("  ".join(f"{key} {value}" for key, value in one["ratio"].items()))
        for way in WAYS:
            print("    " + f"{way:9}" + "  ".join(f"{k} {v}" for k, v in one[way].items()))


if __name__ == "__main__":
    main()
