"""A leader arm and the arm that follows it: two twins, the leader's joints moved by its hand."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robofeed import HardwareError
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.driving.following import ALIGN_RAD_S, NEAR_RAD, Following
from robofeed_serial.driving.leader import Lead, Leader, LeaderLost, leader_of
from robofeed_serial.driving.teleop import Drive
from robofeed_serial.make_bus import make_bus
from robofeed_serial.twin.process import Twin

WITHIN_S = 20.0


class Desk:
    """A person's keys and screen: a `Typed` and a `Screen`."""

    def __init__(self) -> None:
        self.before_suspension: Callable[[], object] = lambda: None
        self.line, self.said = "", [""]
        self._keys: list[str] = []

    def press(self, *keys: str) -> None:
        self._keys += keys

    def pressed(self) -> list[str]:
        keys, self._keys = self._keys, []
        return keys

    def show(self, text: str) -> None:
        self.line = text

    def say(self, text: str) -> None:
        self.said.append(text)

    def wait_for(self, text: str) -> None:
        until(
            lambda: text in self.line or text in self.said[-1], lambda: (text, self.line, self.said)
        )


def until(true: Callable[[], bool], what: Callable[[], object]) -> None:
    end_s = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < end_s, what()
        time.sleep(0.02)


class Pair:
    """A leader's twin and a follower's, and a person at the desk."""

    def __init__(self, name: str) -> None:
        self.file = load_arm(name)
        self.kind = leader_of(self.file)
        self.leader = Twin(self.kind.name, "--no-gravity")
        self.follower = Twin(name, "--no-gravity")
        self.desk = Desk()
        self.asleep_ns = 0
        """how long the computer has slept"""

    def start(self) -> None:
        config = SerialConfig(
            arm=self.file.name,
            port=str(self.follower.port),
            calibration="nominal",
            action="joint",
            gripper=True,
            start="stay",
            after="relax",
            horizon=10**9,
            watchdog_s=0.5,
            max_observation_age_s=0.5,
        )
        arm = SerialArm(config, self.file.protocol)
        self._leader = Leader(self.kind, str(self.leader.port), "nominal")
        self._leader.open(lambda text: None)
        self.pilot = Following(self._leader, arm, can_grip=True)
        drive = Drive(arm, self.desk, self.pilot, self.desk, lambda: self.asleep_ns)
        self._thread = threading.Thread(target=drive.run)
        self._thread.start()
        self.desk.wait_for("enter: follow")

    def end(self) -> None:
        self.desk.press("q")
        self._thread.join(WITHIN_S)
        self._leader.close()

    @contextlib.contextmanager
    def led(self) -> Iterator[None]:
        self.start()
        try:
            self.desk.press("enter")
            self.desk.wait_for("following the leader")
            yield
        finally:
            self.end()

    def lay_down(self) -> None:
        """Both in the same pose, both without torque."""
        self.desk = Desk()
        for twin, arm in ((self.leader, self.kind), (self.follower, self.file)):
            pose = [*arm.model.rest_rad, 0.0]
            scales = nominal(arm).scales(arm)
            ticks = [scale.to_ticks(rad) for scale, rad in zip(scales, pose, strict=True)]
            assert twin.hand(dict(zip(arm.ids, ticks, strict=True))) == []

    def rad(self, of: Twin) -> list[float]:
        arm = self.kind if of is self.leader else self.file
        ticks = [each["present_ticks"] for each in of.state()["servos"]]
        scales = nominal(arm).scales(arm)
        return [scale.to_rad(each) for scale, each in zip(scales, ticks, strict=True)]

    def hand(self, joint: int, rad: float, speed_rad_s: float = 1.5) -> None:
        """Turn a joint of the leader as a hand does, not at once."""
        here, scale = self.rad(self.leader)[joint], nominal(self.kind).scales(self.kind)[joint]
        steps = max(1, round(abs(rad - here) / speed_rad_s / 0.02))
        for step in range(1, steps + 1):
            ticks = scale.to_ticks(here + (rad - here) * step / steps)
            assert self.leader.hand({self.kind.ids[joint]: ticks}) == []
            time.sleep(0.02)

    def off(self, joint: int) -> float:
        return abs(self.rad(self.leader)[joint] - self.rad(self.follower)[joint])


@pytest.fixture(scope="module")
def so101() -> Iterator[Pair]:
    pair = Pair("so101")
    with pair.leader, pair.follower:
        yield pair


@pytest.fixture(scope="module")
def koch() -> Iterator[Pair]:
    pair = Pair("koch")
    with pair.leader, pair.follower:
        yield pair


@pytest.fixture
def pair(so101: Pair) -> Iterator[Pair]:
    so101.lay_down()
    yield so101
    so101.leader.clear()


@pytest.fixture
def following(pair: Pair) -> Iterator[Pair]:
    with pair.led():
        yield pair


def test_nothing_moves_before_a_person_says_so_and_then_slowly(pair: Pair) -> None:
    pair.start()
    before = pair.rad(pair.follower)
    pair.hand(0, before[0] + 0.6)
    time.sleep(0.3)
    assert pair.rad(pair.follower) == pytest.approx(before, abs=0.02)
    assert "shoulder_pan is 0.60 rad away" in pair.desk.line

    since = len(pair.follower.log())
    pair.desk.press("enter")
    began_s = time.monotonic()
    pair.desk.wait_for("following the leader")
    took_s = time.monotonic() - began_s
    until(lambda: pair.off(0) < 0.03, lambda: pair.desk.line)
    pair.end()

    assert took_s > (0.6 - NEAR_RAD) / ALIGN_RAD_S * 0.8
    goals = [
        each for each in pair.follower.log(since) if each.what == "goal" and each.servo_id == 1
    ]
    first, last = goals[0], goals[-1]
    scale = nominal(pair.file).scales(pair.file)[0]
    turned = abs(scale.to_rad(last.value or 0) - scale.to_rad(first.value or 0))
    assert turned == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize("name", ["so101", "koch"])
def test_the_arm_does_what_its_leader_does_and_so_does_its_gripper(
    name: str, request: pytest.FixtureRequest
) -> None:
    pair: Pair = request.getfixturevalue(name)
    pair.lay_down()
    grip = pair.file.gripper
    assert grip is not None
    with pair.led():
        assert not any(each["torque_on"] for each in pair.leader.state()["servos"])
        pair.hand(0, 0.5)
        pair.hand(2, pair.rad(pair.leader)[2] - 0.4)
        pair.hand(5, (grip.shut_rad + grip.open_rad) / 2)
        until(lambda: max(map(pair.off, (0, 2, 5))) < 0.05, lambda: pair.desk.line)
    assert pair.pilot.figures().startswith("from the leader to the arm's owner: median")


def test_a_leader_beyond_the_arms_range_is_followed_to_its_end_and_said(following: Pair) -> None:
    pair = following
    _, high = nominal(pair.file).ranges_rad(pair.file)[4]

    pair.hand(4, high + 0.2)  # as far as its own stop lets it
    pair.desk.wait_for("wrist_roll of the leader is")
    assert "beyond its range" in pair.desk.line

    until(lambda: abs(pair.rad(pair.follower)[4] - high) < 0.04, lambda: pair.desk.line)
    assert pair.rad(pair.follower)[4] <= high + 0.01


def holds(pair: Pair) -> None:
    """The leader is moved, and the arm is not."""
    time.sleep(0.3)
    before = pair.rad(pair.follower)
    time.sleep(0.5)
    assert pair.rad(pair.follower) == pytest.approx(before, abs=0.01)
    assert all(each["torque_on"] for each in pair.follower.state()["servos"])


def test_a_silent_joint_of_the_leader_holds_the_arm_until_it_is_seen_to(following: Pair) -> None:
    pair = following
    pair.leader.fault("mute:servo_id=3")
    pair.desk.wait_for("joint elbow_flex (servo 3) silent")
    pair.hand(0, 0.4)
    holds(pair)

    pair.desk.press("enter")
    pair.desk.wait_for("elbow_flex (servo 3) did not answer")
    pair.leader.clear()
    pair.desk.press("enter")
    pair.desk.wait_for("enter: go there; shoulder_pan is 0.40 rad away")
    holds(pair)


def test_an_unplugged_leader_holds_the_arm_and_names_its_port(following: Pair) -> None:
    pair = following
    pair.leader.fault("unplug")
    pair.desk.wait_for(f"the leader's port {pair.leader.port} was lost")
    holds(pair)

    pair.leader.clear()
    until(pair.leader.port.exists, lambda: "the port is not back")
    pair.desk.press("enter")
    pair.desk.wait_for("enter: follow")
    pair.desk.press("enter")
    pair.desk.wait_for("following the leader")


def test_a_silent_servo_of_the_arm_is_named_and_the_computer_is_not_blamed(
    following: Pair,
) -> None:
    pair = following
    pair.follower.fault("mute:servo_id=2")
    try:
        pair.desk.wait_for("shoulder_lift")
        assert "silent" in pair.desk.said[-1] and "computer" not in pair.desk.said[-1]
    finally:
        pair.follower.clear()


def test_stop_holds_and_the_leader_is_not_followed_again_by_itself(following: Pair) -> None:
    pair = following
    pair.desk.press("space")
    pair.desk.wait_for("stopped by hand")
    pair.hand(0, 0.4)
    pair.desk.press("enter")
    pair.desk.wait_for("enter: go there; shoulder_pan is 0.40 rad away")
    holds(pair)


def test_after_the_computer_slept_the_arm_holds_until_a_person_says_so(following: Pair) -> None:
    pair = following
    before = pair.rad(pair.follower)
    pan = nominal(pair.kind).scales(pair.kind)[0]
    # All at once: an hour of sleep, in which no monotonic clock went on, and a leader pushed aside.
    pair.asleep_ns += 3600 * 10**9
    pair.leader.hand({pair.kind.ids[0]: pan.to_ticks(before[0] + 0.4)})
    pair.desk.wait_for("the computer slept")
    assert pair.rad(pair.follower) == pytest.approx(before, abs=0.02)
    holds(pair)

    pair.desk.press("enter")
    pair.desk.wait_for("enter: go there; shoulder_pan is 0.4")
    holds(pair)
    pair.desk.press("enter")
    pair.desk.wait_for("following the leader")


def test_a_leader_that_holds_itself_is_let_go_only_after_a_question(pair: Pair) -> None:
    leader = Leader(pair.kind, str(pair.leader.port), "nominal")
    bus = make_bus(pair.kind.protocol, str(pair.leader.port), pair.kind.baud)
    bus.open()
    bus.set_torque(pair.kind.ids, True)
    bus.close()

    def no(text: str) -> None:
        assert "holds itself" in text and str(pair.leader.port) in text
        raise HardwareError("nobody holds it")

    with pytest.raises(HardwareError, match="nobody holds it"):
        leader.open(no)
    assert all(each["torque_on"] for each in pair.leader.state()["servos"])

    leader.open(lambda text: None)
    leader.close()
    assert not any(each["torque_on"] for each in pair.leader.state()["servos"])


def test_an_encoder_that_jumps_is_not_followed(pair: Pair) -> None:
    leader = Leader(pair.kind, str(pair.leader.port), "nominal")
    leader.open(lambda text: None)
    try:
        leader.read()
        pair.leader.hand({1: 3400})
        with pytest.raises(LeaderLost, match=r"joint shoulder_pan \(servo 1\) jumped by"):
            leader.read()
    finally:
        leader.close()


class Elsewhere:
    """A leader that is where the test says, for `Following` alone."""

    def __init__(self, rad: list[float]) -> None:
        self.arm, self.rad = load_arm("so101"), rad

    def read(self) -> Lead:
        return Lead(list(self.rad), 0.5, time.monotonic_ns())


def alone(leader: Elsewhere) -> tuple[Following, SerialArm]:
    """`Following` an arm that stands at its home pose and goes nowhere."""
    config = SerialConfig(arm="so101", action="joint", gripper=True, start="stay", period_s=0.01)
    arm = SerialArm(config, "feetech")
    return Following(cast(Leader, leader), arm, can_grip=True), arm


def test_an_arm_left_far_behind_does_not_chase_its_leader() -> None:
    home = list(load_arm("so101").model.home_rad)
    leader = Elsewhere(home)
    pilot, _ = alone(leader)
    pilot.action(["enter"], 0.0)
    leader.rad = [home[0] + 0.9, *home[1:]]
    assert pilot.action([], 0.0)[0] > 0
    leader.rad = [home[0] + 1.1, *home[1:]]

    assert pilot.action([], 0.0)[:5].tolist() == [0.0] * 5
    assert pilot.note.startswith("enter: go there; shoulder_pan is 1.10 rad away")
    leader.rad = home
    assert pilot.action([], 0.0)[:5].tolist() == [0.0] * 5


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-4, 4), min_size=5, max_size=5), st.integers(1, 50))
def test_whatever_the_leader_says_a_step_stays_small_and_within_range(
    rad: list[float], steps: int
) -> None:
    pilot, arm = alone(Elsewhere(rad))
    limits = arm.spec.limits
    assert limits is not None
    home = np.array(load_arm("so101").model.home_rad)
    pilot.action(["enter"], 0.0)
    for _ in range(steps):
        action = pilot.action([], 0.0)
        asked = home + action[:5]
        # The arm of this test never moves, so what is asked for never is far from its goal.
        assert np.all(asked <= np.maximum(limits.joint_high_rad, home) + 1e-5)
        assert np.all(asked >= np.minimum(limits.joint_low_rad, home) - 1e-5)
    assert 0.0 <= action[5] <= 1.0
