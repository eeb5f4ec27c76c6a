"""The drivers keep the promises of `Backend`, on twins."""

from __future__ import annotations

from typing import Any

import pytest

from robofeed.testing.conformance import check_twin
from robofeed_serial.arm_file import load_arm
from robofeed_serial.config import SerialConfig
from robofeed_serial.driver import SerialArm
from robofeed_serial.twin.process import Twin


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["so101", pytest.param("koch", marks=pytest.mark.soak)])
def test_a_driver_conforms(name: str) -> None:
    with Twin(name) as twin:
        settings: dict[str, Any] = {
            "arm": name,
            "port": str(twin.port),
            "calibration": "nominal",
            "start": "stay",
            "watchdog_s": 0.5,
            "max_observation_age_s": 0.5,
        }
        report = check_twin(
            lambda: SerialArm(SerialConfig(**settings), load_arm(name).protocol),
            still_rad=0.02,
            settle_s=0.5,
        )

    assert report.passed, report.text()
    assert "The same seed gives the same start and, in a simulator, the same episode" in (
        report.not_checked
    )
