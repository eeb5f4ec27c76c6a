from __future__ import annotations

from typing import Any

import pytest

from robofeed import ConfigError
from robofeed_serial.rfp.config import BoardConfig, JointConfig

GOOD = JointConfig(1200, 4800, 2000, 1000, 100, 900)
NONE = JointConfig()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ((999, 4800, 2000, 1000), "low and high"),
        ((1200, 5001, 2000, 1000), "low and high"),
        ((3000, 3000, 2000, 1000), "low and high"),
        ((1200, 4800, 49, 1000), "speed"),
        ((1200, 4800, 70_000, 1000), "speed"),
        ((1200, 4800, 2000, 0), "step"),
        ((1200, 4800, 2000, 4001), "step"),
        ((1200, 4800, 2000, 1000, 0, 1024), "0..1023"),
        ((1200, 4800, 2000, 1000, 500, 549), "50 counts"),
        ((0, 0, 2000, 0), "without a servo"),
    ],
)
def test_limits_that_make_no_sense(values: tuple[int, ...], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        JointConfig(*values)


@pytest.mark.parametrize(
    ("joints", "values", "why"),
    [
        ((GOOD,) * 5, {}, "6 outputs"),
        ((NONE,) * 6, {}, "one at least"),
        ((GOOD,) * 6, {"heartbeat_ms": 19}, "20..2000"),
        ((GOOD,) * 6, {"heartbeat_ms": 2001}, "20..2000"),
        ((GOOD,) * 6, {"supply_min_v": 20.0}, "less than"),
        ((GOOD,) * 6, {"supply_full_v": 26.0}, r"25\.5"),
    ],
)
def test_boards_that_make_no_sense(
    joints: tuple[JointConfig, ...], values: dict[str, Any], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        BoardConfig(joints, **values)


def test_a_board_knows_its_servos_and_which_of_them_it_measures() -> None:
    bare = JointConfig(1200, 4800, 2000, 1000)
    config = BoardConfig((GOOD, NONE, bare, NONE, NONE, NONE))

    assert config.fitted == (0, 2)
    assert [joint.measured for joint in config.joints[:3]] == [True, False, False]
    assert GOOD.counts_at(3000) == 500


def test_another_limit_is_another_hash() -> None:
    other = JointConfig(1200, 4801, 2000, 1000, 100, 900)

    assert BoardConfig((GOOD,) * 6).hash != BoardConfig((GOOD,) * 5 + (other,)).hash
