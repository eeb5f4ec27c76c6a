"""How often the driver can talk to the servo board's firmware, which runs in simavr on a pty.

At each rate of the line: `one trip` writes goals and reads every state in one exchange, `two trips`
is what a driver of any bus does, a read, and a write that nobody answers. First paced (500 Hz at
500,000 bit/s, 200 Hz at 115,200), then as fast as it goes, beside what the bytes alone take. Lost
is what was not answered within 0.3 s, or not obeyed by the board.

`driver` is the process that a run has at the port, the supervisor with its gates, at cycles of
1 / 500 and 1 / 200 s, for which it takes one trip each. `late` cycles began late; `not_answered` is
how many of the board's answers did not come, from the wire trace.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from robofeed.data.priority import go_first
from robofeed_serial.rfp.bus import RfpBus
from robofeed_serial.rfp.config import BoardConfig, JointConfig
from robofeed_serial.rfp.frames import Frame, FrameReader
from robofeed_serial.rfp.messages import Kind
from robofeed_serial.supervision.client import SupervisorClient
from robofeed_serial.supervision.messages import Request
from robofeed_serial.supervision.settings import SupervisorSettings
from robofeed_serial.twin.firmware_board import (
    REFERENCE_MV,
    SUPPLY_CHANNEL,
    SimulatedBoard,
    write_eeprom,
)
from robofeed_serial.twin.firmware_build import FirmwareBuild, build_firmware
from robofeed_serial.wire.errors import BusTimeout
from robofeed_serial.wire.link import Link

IDS = range(1, 7)
SETPOINT_BYTES, STATE_REQUEST_BYTES, STATE_BYTES = 18, 6, 29
BYTES = {
    "one trip": SETPOINT_BYTES + STATE_BYTES,
    "two trips": SETPOINT_BYTES + STATE_REQUEST_BYTES + STATE_BYTES,
}
RATES = {500_000: (500_000.0, 500), 115_200: (16e6 / 8 / 17, 200)}
"""By nominal rate: what the controller makes of it, bit/s, and the cycles a second to reach."""
JOINT = JointConfig(1200, 4800, 2000, 1000, 100, 900)
CONFIG = BoardConfig((JOINT,) * 6, heartbeat_ms=2000)


def cycle(bus: RfpBus, trips: str, goals: dict[int, int]) -> bool:
    """One cycle; whether the board obeyed and answered."""
    if trips == "one trip":
        try:
            bus.exchange_goals(goals)
        except BusTimeout:
            return False
    else:
        before = bus.statistics.time_outs
        bus.read_states(IDS, budget_s=0.3)
        if bus.statistics.time_outs != before:
            return False
    obeyed = bus.newest is not None and bus.newest.applied_sequence == bus.newest_goal_number
    if trips == "two trips":
        bus.write_goals(goals)
    return obeyed


def run(bus: RfpBus, trips: str, seconds: float, rate_hz: float | None) -> dict[str, Any]:
    """Cycles for `seconds`; None = as fast as it goes."""
    lost = count = 0
    latency_s: list[float] = []
    begun_s = time.perf_counter()
    while (due_s := begun_s + count / rate_hz if rate_hz else 0.0) < begun_s + seconds:
        now_s = time.perf_counter()
        if rate_hz is None and now_s - begun_s >= seconds:
            break
        time.sleep(max(0.0, due_s - now_s))
        started_s = time.perf_counter()
        lost += not cycle(bus, trips, dict.fromkeys(IDS, 2950 + count % 100))
        latency_s.append(time.perf_counter() - started_s)
        count += 1
    took_s = time.perf_counter() - begun_s
    latency_s.sort()
    return {
        "hz": round(count / took_s, 1),
        "cycles": count,
        "lost": lost,
        "ms_median": round(1e3 * latency_s[count // 2], 2),
        "ms_p99": round(1e3 * latency_s[count * 99 // 100], 2),
    }


def on_a_board(build: FirmwareBuild, baud: int, trips: str, seconds: float) -> dict[str, Any]:
    """Both runs on a fresh board that is armed."""
    real_baud, rate_hz = RATES[baud]
    with tempfile.TemporaryDirectory() as name:
        eeprom, port = Path(name) / "eeprom", Path(name) / "port"
        write_eeprom(eeprom, CONFIG)
        with SimulatedBoard(build, link=port, eeprom=eeprom, slow=baud == 115_200) as board:
            for channel in range(6):
                board.set_counts(channel, 500)
            link = Link(str(port), baud)
            bus = RfpBus(link)
            bus.open()
            link.reply_wait_s = 0.3
            bus.prepare(list(IDS))
            bus.set_torque(list(IDS), True)
            bus.exchange_goals(dict.fromkeys(IDS, 3000))
            paced = run(bus, trips, seconds, rate_hz)
            free = run(bus, trips, min(5.0, seconds), None)
            bus.close()
    wire_hz = real_baud / 10 / BYTES[trips]
    return {
        "baud": baud,
        "cycle": trips,
        "paced": paced,
        "free": free,
        "wire_hz": round(wire_hz),
        "share_of_wire": round(free["hz"] / wire_hz, 2),
    }


def by_the_driver(build: FirmwareBuild, baud: int, seconds: float) -> dict[str, Any]:
    """The supervisor of an rfp6 on a board whose servos stand still, with an order every 20 ms."""
    _, rate_hz = RATES[baud]
    with tempfile.TemporaryDirectory() as name:
        eeprom, port, trace = (Path(name) / each for each in ("eeprom", "port", "trace"))
        write_eeprom(eeprom, CONFIG)
        with SimulatedBoard(build, link=port, eeprom=eeprom, slow=baud == 115_200) as board:
            for channel in range(6):
                board.set_counts(channel, 500)
            board.set_millivolts(SUPPLY_CHANNEL, 6.0 / CONFIG.supply_full_v * REFERENCE_MV)
            settings = SupervisorSettings(
                arm="rfp6",
                port=str(port),
                baud=baud,
                calibration="nominal",
                period_s=1 / rate_hz,
                trace=str(trace),
            )
            client = SupervisorClient(settings)
            try:
                start = client.request(Request.ENGAGE)
                go_first()
                begun_s, before = time.monotonic(), client.report()
                while (passed_s := time.monotonic() - begun_s) < seconds:
                    turned = start.rad[0] + 0.2 * math.sin(passed_s)
                    client.order([turned, *[math.nan] * (len(start.rad) - 1)])
                    time.sleep(0.02)
                after, took_s = client.report(), time.monotonic() - begun_s
            finally:
                client.close()
        sent, answered = asked_and_answered(trace)
    return {
        "baud": baud,
        "wanted_hz": rate_hz,
        "hz": round((after.cycles - before.cycles) / took_s, 1),
        "late": after.late_cycles - before.late_cycles,
        "asked": sent,
        "not_answered": sent - answered,
        "held": after.reason,
    }


def asked_and_answered(trace: Path) -> tuple[int, int]:
    """How many requests with an answer were sent, and how many answers came."""
    readers = {">": FrameReader(), "<": FrameReader()}
    found: dict[str, list[Frame]] = {">": [], "<": []}
    for line in trace.read_text("ascii").splitlines():
        _, way, data = line.split(" ", 2)
        if way in readers:
            found[way] += readers[way].feed(bytes.fromhex(data))
    sent = sum(frame.kind != Kind.SETPOINT_QUIET for frame in found[">"])
    return sent, len(found["<"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each paced run")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    arguments = parser.parse_args()
    build = build_firmware()
    results = [
        on_a_board(build, baud, trips, arguments.seconds) for baud in RATES for trips in BYTES
    ]
    drivers = [by_the_driver(build, baud, arguments.seconds) for baud in RATES]
    told = {"servo_board": results, "driver": drivers, "load": os.getloadavg()[0]}
    print(json.dumps(told, indent=None if arguments.json else 1))


if __name__ == "__main__":
    main()
