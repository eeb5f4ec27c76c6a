"""What is typed, and what an arm is asked for because of it."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_serial.arms.arm_file import load_any_arm
from robofeed_serial.driving.arm_task import ArmTask
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.driving.key_pilot import HELD_S, SPEEDS_M_S, STRAY_M, KeyPilot
from robofeed_serial.driving.keys import keys_of
from robofeed_serial.supervision.messages import Failure, Mode, Report
from robofeed_serial.supervision.settings import SupervisorSettings

PERIOD_S = 0.02


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"w", ["w"]),
        (b" \r\n", ["space", "enter", "enter"]),
        (b"\x1b[A\x1bOD", ["up", "left"]),
        (b"\x1b[1;5Aw", ["w"]),  # Ctrl and an arrow
        (b"\x1b[15~d", ["d"]),  # F5
        (b"\x1baw", ["w"]),  # Alt and a
        ("åw".encode(), ["w"]),
    ],
)
def test_arrows_are_keys_and_other_sequences_move_nothing(typed: bytes, keys: list[str]) -> None:
    assert keys_of(typed) == (keys, b"")


@given(st.lists(st.sampled_from([b"w", b"a", b" ", b"\x1b[A", b"\x1b[15~", b"\x1bOC"])), st.data())
def test_keys_do_not_depend_on_where_the_terminal_cuts(parts: list[bytes], data: Any) -> None:
    typed = b"".join(parts)
    cut = data.draw(st.integers(0, len(typed)))
    whole, rest = keys_of(typed)
    assert rest == b""

    first, rest = keys_of(typed[:cut])
    second, rest = keys_of(rest + typed[cut:])

    assert (first + second, rest) == (whole, b"")


@given(st.binary(max_size=60))
def test_whatever_is_typed_leaves_at_most_one_unfinished_sequence(typed: bytes) -> None:
    _, rest = keys_of(typed)
    assert rest == b"" or rest.startswith(b"\x1b")


def pilot(opening: float = math.nan) -> KeyPilot:
    """Of an arm that goes wherever it is asked to."""
    arm = SimpleNamespace(
        spec=SimpleNamespace(period_s=PERIOD_S),
        present=lambda: SimpleNamespace(gripper=opening),
        plan=lambda action: SimpleNamespace(tool_m=action[:3]),
    )
    return KeyPilot(cast(SerialArm, arm), can_grip=not math.isnan(opening))


def test_a_key_moves_the_tool_until_shortly_after_it_was_let_go() -> None:
    keys, step_m = pilot(), SPEEDS_M_S[1] * PERIOD_S

    assert keys.action(["r"], 1.0).tolist() == pytest.approx([0, 0, step_m])
    assert keys.action([], 1.0 + 0.9 * HELD_S).tolist() == pytest.approx([0, 0, step_m])
    assert keys.action([], 1.0 + 1.1 * HELD_S).tolist() == [0, 0, 0]


def test_faster_and_slower_stay_within_their_range() -> None:
    keys = pilot()
    for key, speed in (("+", SPEEDS_M_S[-1]), ("-", SPEEDS_M_S[0])):
        for _ in range(10):
            keys.action([key], 0.0)
        assert keys.note == f"{100 * speed:g} cm/s"
        assert float(np.abs(keys.action(["w"], 0.0)).max()) == pytest.approx(speed * PERIOD_S)
        keys.restart()


def test_the_gripper_starts_from_where_it_is_and_stays_within_its_range() -> None:
    keys = pilot(opening=0.5)

    assert keys.action([], 0.0)[-1] == pytest.approx(0.5)
    opened = [float(keys.action(["o"], 0.0)[-1]) for _ in range(100)]
    assert np.all(np.diff(opened) >= 0)
    assert max(np.diff([0.5, *opened])) < 0.02
    assert opened[-1] == 1.0
    keys.restart()
    assert float([keys.action(["c"], 0.0)[-1] for _ in range(100)][-1]) == 0.0


def test_what_was_pressed_before_a_hold_counts_no_more() -> None:
    keys = pilot()
    keys.action(["w"], 1.0)
    keys.restart()

    assert keys.action([], 1.0).tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", ["so101", "koch", "uarm"])
@pytest.mark.parametrize(("key", "axis"), [("w", 0), ("a", 1), ("r", 2)])
def test_at_the_end_of_its_reach_an_arm_holds_and_does_not_slide(
    name: str, key: str, axis: int
) -> None:
    arm = load_any_arm(name)
    config = SerialConfig(arm=name, calibration="nominal", posture="start", horizon=10**6)
    settings = SupervisorSettings(arm=name, port="", calibration="nominal")
    task = ArmTask(config, arm, settings, {})
    grips = [0.0] * (len(arm.actuators) - len(arm.joints))
    joints = list(arm.model.home_rad)
    keys = KeyPilot(cast(SerialArm, task), can_grip=False)
    first = np.array(task.tool_m)
    places = [first]
    for step in range(1000):
        rad = [*joints, *grips]
        task.take(Report(0, Mode.MOVING, False, Failure.NONE, 0, rad, [0.0] * len(rad), rad))
        places.append(np.array(task.tool_m))
        target = task.plan(keys.action([key], step * PERIOD_S))
        task.order_of(target)
        joints = target.joint_rad.tolist()
        joints = np.clip(joints, task.limits.joint_low_rad, task.limits.joint_high_rad).tolist()

    moved = np.array(places) - first
    assert moved[-1][axis] > 0.03
    aside = np.delete(moved, axis, axis=1)
    assert np.linalg.norm(aside, axis=1).max() < STRAY_M + 0.001
