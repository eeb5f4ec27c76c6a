"""How long a fault may go unseen and how far the arm may then go, through the benchmark itself.

The bounds are those for a machine that has time: an unplugged port is told within 50 ms (the
owner's cycle of 10 ms, the run's of 20), a motor with a watchdog rests within 250 ms, one without
goes no further than the short horizon. So they are for `make soak`; test_process.py has in
`make test` what a busy machine keeps as well: what is told, that the arm holds, and the horizon.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOLD_MS = 50
REST_MS = 250
HORIZON_MM = 0.25 * 1e3 * (0.1 + 0.01)
"""the tool's speed limit for as long as the watchdog waits, and a cycle"""
WITH_WATCHDOG = {"koch", "rfp6"}


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "arm", ["so101", "koch", pytest.param("rfp6", marks=pytest.mark.needs("avr-gcc"))]
)
def test_an_unplugged_or_orphaned_arm_stops_within_its_bounds(arm: str, repository: Path) -> None:
    cases = ["unplug", "client SIGKILL", "owner SIGKILL", "unplug, replug"]
    done = subprocess.run(
        [
            *(sys.executable, str(repository / "benchmarks/serial_faults.py"), "--json"),
            *("--arms", arm, "--parts", "motion", "--watchdogs", "0.1", "--cases", *cases),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)["serial_faults"]["in_motion"]
    seen = {case: found[case][arm]["0.1"] for case in cases}

    for case, each in seen.items():
        assert each["how"] == ("killed" if case == "client SIGKILL" else "fault"), each
        assert each["travel_mm"] <= HORIZON_MM, (case, each)
        assert not each["torque_off"], (case, each)
        if arm in WITH_WATCHDOG or case == "client SIGKILL":
            assert each["rest_ms"] <= REST_MS, (case, each)
    for case in ("unplug", "unplug, replug", "owner SIGKILL"):
        assert seen[case]["told_ms"] <= TOLD_MS, (case, seen[case])
    assert seen["unplug, replug"]["moved_when_back"] == 0
    assert seen["unplug, replug"]["opens_again"]
    assert "Plug the adapter in" in seen["unplug"]["told"]
    assert "cut its power" in seen["owner SIGKILL"]["told"]
