"""What a self-test makes of how often an arm answers."""

from __future__ import annotations

import time
from typing import cast

import pytest

from robofeed_serial.arms.arm_file import load_any_arm
from robofeed_serial.bench import selftest
from robofeed_serial.bench.selftest import SelfTest
from robofeed_serial.supervision.client import SupervisorClient
from robofeed_serial.supervision.messages import Report


class Answering:
    """A client of a supervisor that reads its arm `rate` times a second."""

    def __init__(self, rate: float) -> None:
        self._rate, self._began_s = rate, time.monotonic()

    def report(self) -> Report:
        cycles = int((time.monotonic() - self._began_s) * self._rate)
        return Report(time.monotonic_ns(), cycles=cycles)


@pytest.mark.parametrize(
    ("name", "rate", "passes"),
    [
        ("so101", 100.0, True),
        ("so101", 40.0, False),
        ("mirobot", 41.0, True),  # all that its line allows
        ("mirobot", 15.0, False),
    ],
)
def test_half_of_the_cycles_that_its_line_allows_are_enough(
    name: str, rate: float, passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "LISTEN_S", 0.5)
    client = cast(SupervisorClient, Answering(rate))
    test = SelfTest(load_any_arm(name), client, lambda text: None)
    test.listen()

    (found,) = [each for each in test.findings if each.what == "cycles"]
    assert found.passed is passes, found.figure
