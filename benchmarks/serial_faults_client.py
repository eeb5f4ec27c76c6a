"""A program that drives an arm as a run does, for `serial_faults.py`; says what became of it.

Prints one JSON object a line: `{"moving": <pid of the port's owner>}` while the tool is in the
middle of a stroke at 0.2 m/s, then `{"told": <what the operator is told>, "at_ns": ...}`. Ends when
the episode does, or its standard input.
"""

from __future__ import annotations

import json
import select
import sys
import time

from robofeed import RobofeedError
from robofeed.data.fleet import Table
from robofeed.data.observation import Ended
from robofeed.observe.cell import Cell
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm

STEP_M = 0.004
STROKE = 50
"""steps of 20 ms to one side"""
MOVING_STEP = 2 * STROKE
"""the middle of a stroke, as the first one is half as long"""


def drive(cell: Cell, table: Table, backend: SerialArm) -> tuple[str, str]:
    """To and fro until something ends it; how it ended, and what is told."""
    try:
        cell.open()
        cell.reset(1)
    except RobofeedError as error:
        return "refused", str(error)
    step = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        table.proposed[0] = 0.0
        table.proposed[0, 1] = STEP_M if (step + STROKE // 2) // STROKE % 2 else -STEP_M
        reason = cell.step()
        step += 1
        if step == MOVING_STEP:
            say(moving=backend.supervisor_pid)
        if table.ended[0] != Ended.RUNNING:
            return Ended(table.ended[0]).name.lower(), reason
    return "runs on", ""


def say(**values: object) -> None:
    print(json.dumps(values), flush=True)


def main() -> None:
    arm, port, watchdog_s = sys.argv[1:]
    config = SerialConfig(
        arm=arm,
        port=port,
        calibration="nominal",
        horizon=10**6,
        watchdog_s=float(watchdog_s),
        max_observation_age_s=float(watchdog_s),
    )
    backend = SerialArm(config, load_arm(arm).protocol)
    table = Table.over(backend.spec, 1)
    cell = Cell(backend, table, 0)
    try:
        how, told = drive(cell, table, backend)
        say(how=how, told=told, at_ns=time.monotonic_ns())
    finally:
        cell.close()


if __name__ == "__main__":
    main()
