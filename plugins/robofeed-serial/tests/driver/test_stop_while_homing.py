"""Stop is for every moment, also while an arm drives to its start by itself."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from robofeed import SafetyStop
from robofeed.observe.fleet import ProcessFleet
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.twin.process import Twin


def arm_at(port: str) -> SerialArm:
    config = SerialConfig(
        arm="so101",
        port=port,
        calibration="nominal",
        watchdog_s=0.5,
        max_observation_age_s=0.5,
    )
    return SerialArm(config, "feetech")


def test_an_arm_on_its_way_home_is_stopped_at_once() -> None:
    with Twin("so101") as twin:
        fleet = ProcessFleet(partial(arm_at, str(twin.port)), 1)
        stopped_ns: list[int] = []

        def stop() -> None:
            stopped_ns.append(time.monotonic_ns())
            fleet.stop()

        try:
            timer = threading.Timer(0.6, stop)
            timer.start()
            with pytest.raises(SafetyStop, match="the arm holds"):
                fleet.reset([1])
            timer.join()
            time.sleep(1.0)
        finally:
            fleet.close()
        moved_ns = [each.time_ns for each in twin.log() if each.ticks]
        assert any(each < stopped_ns[0] for each in moved_ns), "it was on its way"
        assert max(moved_ns) - stopped_ns[0] < 500e6


RUN = """
import sys
from functools import partial
sys.path.insert(0, sys.argv[1])
from test_stop_while_homing import arm_at
from robofeed.observe.fleet import ProcessFleet

if __name__ == "__main__":
    fleet = ProcessFleet(partial(arm_at, sys.argv[2]), 1)
    print("going", flush=True)
    fleet.reset([1])
"""


def test_an_arm_on_its_way_home_is_stopped_when_its_run_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(RUN, "utf-8")
    with Twin("so101") as twin:
        run = subprocess.Popen(
            [sys.executable, str(script), str(Path(__file__).parent), str(twin.port)],
            stdout=subprocess.PIPE,
        )
        assert run.stdout is not None
        assert run.stdout.readline() == b"going\n"
        time.sleep(0.8)
        killed_ns = time.monotonic_ns()
        run.kill()
        run.wait()
        run.stdout.close()
        time.sleep(1.5)
        moved_ns = [each.time_ns for each in twin.log() if each.ticks]
    assert any(each < killed_ns for each in moved_ns), "it was on its way"
    assert max(moved_ns) - killed_ns < 500e6
