"""A camera's table in a run file: a wrong key is named where it stands."""

from __future__ import annotations

import pytest

from robofeed import ConfigError
from robofeed.config import checked
from robofeed_serial.driving.config import SerialConfig


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"sorce": 0}, r"unknown key 'backend\.feetech\.cameras\.front\.sorce'.*'source'"),
        ({}, r"key 'backend\.feetech\.cameras\.front\.source' is missing"),
        ({"source": 0, "width": 3}, r"backend\.feetech\.cameras\.front\.width = 3"),
    ],
)
def test_a_wrong_key_of_a_camera_is_named(table: dict[str, object], said: str) -> None:
    values = {"arm": "so101", "cameras": {"front": table}}
    with pytest.raises(ConfigError, match=said):
        checked(SerialConfig, values, ("backend", "feetech"))


def test_the_first_camera_stays_the_first() -> None:
    values = {"arm": "so101", "cameras": {"wrist": {"source": 2}, "desk": {"source": "0"}}}
    config = checked(SerialConfig, values)
    again = SerialConfig.model_validate(config.model_dump(mode="json", exclude_none=True))
    assert list(again.cameras) == ["wrist", "desk"] and again == config
