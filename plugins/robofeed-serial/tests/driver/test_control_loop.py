"""The control loop of a real arm beside a learner, as `benchmarks/control_loop.py` has it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SECONDS = 30


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("rate_hz", [50, 100])
def test_it_keeps_its_rate_beside_a_learner_of_two_threads(
    repository: Path, record_property: Callable[[str, object], None], rate_hz: int
) -> None:
    script = repository / "benchmarks" / "control_loop.py"
    command = [sys.executable, str(script), "--json", "--threads", "2"]
    command += ["--seconds", str(SECONDS), "--rate", str(rate_hz)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    (seen,) = json.loads(done.stdout)["control_loop"]
    record_property("figures", seen)

    assert seen["fault"] == ""
    assert seen["clock"]["ticks"] >= 0.99 * SECONDS * rate_hz
    assert seen["wire"]["over_100_ms"] == 0
    assert seen["clock"]["median"] < 1.0
    assert seen["updates_per_s"] > 0
