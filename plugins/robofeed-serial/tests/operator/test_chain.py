"""From a bare port to a trained policy, as an operator does it: commands in terminals.

In full with `make soak`; a short run and no self-test otherwise.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from robofeed.data.run_folder import open_run_folder
from robofeed.data.store import EpisodeStore
from robofeed_serial.arms.arm_file import ArmGripper, load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.twin.control import ask

LONG_S = 120.0
BOARD = pytest.mark.needs("avr-gcc", "gcc", "make", "simavr")
PATIENT = 0.5
"""s that an arm may be waited for: others use this machine too"""


class Operator:
    """Somebody at terminals, in a folder of their own, with a twin of the arm on a port."""

    def __init__(self, arm: str, folder: Path) -> None:
        self.arm, self.file, self.folder = arm, load_arm(arm), folder
        self.use = self.file.protocol
        self.port = f"./{arm}.tty"
        # Without gravity limp joints stay where a hand has put them.
        place = ("--link", self.port, "--control", "./twin.sock", "--no-gravity")
        self.twin = self.types("arm", "twin", arm, *place)
        self.twin.expect("bit/s at")

    def types(self, *words: str) -> pexpect.spawn:
        """Start a command in a terminal."""
        return pexpect.spawn(
            sys.executable,
            ["-m", "robofeed", *words],
            cwd=self.folder,
            encoding="utf-8",
            timeout=LONG_S,
            env={
                **os.environ,
                "TERM": "dumb",
                "COLUMNS": "200",
                "ROBOFEED_ARMS": str(self.folder / "arms"),
            },
            dimensions=(40, 200),
        )

    def sees(self, child: pexpect.spawn, code: int = 0) -> str:
        """Wait until a command has ended as it should; returns what it said."""
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == code, child.before
        return str(child.before)

    def hand(self, ticks: dict[int, int]) -> None:
        """Put limp joints somewhere and hold them."""
        held = ask(self.folder / "twin.sock", {"do": "hand", "ticks": ticks, "hold": True})
        assert held["held"] == []

    def settings(self, **more: object) -> list[str]:
        """The lines that a preset needs for this arm, and `more` of the backend's."""
        own = {"arm": self.arm, "port": self.port, "watchdog_s": PATIENT, **more}
        own["max_observation_age_s"] = PATIENT
        lines = [f"backend.use={self.use}"]
        lines += [f"backend.{self.use}.{key}={value}" for key, value in own.items()]
        return [word for line in lines for word in ("--set", line)]

    def leave(self) -> None:
        """End the twin."""
        self.twin.sendintr()
        self.twin.expect(pexpect.EOF)
        self.twin.close()


@pytest.fixture
def operator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    somebody = Operator(request.param, tmp_path)
    yield somebody
    somebody.leave()


def calibrate(operator: Operator) -> None:
    arm = operator.file
    scales = nominal(arm).scales(arm)
    child = operator.types("arm", "calibrate", operator.arm, "--port", operator.port)
    child.expect("hold it, then press Enter")
    child.sendline()
    child.expect("half open, then press Enter")
    operator.hand({servo.id: servo.middle_ticks for servo in arm.servos})
    child.sendline()
    for servo, scale in zip(arm.servos, scales, strict=True):
        low, high = arm.range_rad(servo)
        ends = high, low
        if isinstance(servo, ArmGripper):
            ends = servo.shut_rad, servo.open_rad
        for angle_rad in ends:
            child.expect("then press Enter")
            operator.hand({servo.id: scale.to_ticks(angle_rad)})
            child.sendline()
        child.expect(servo.name)
    operator.sees(child)
    # Bent up as it was left it might not find a free way to where runs begin.
    home = [*arm.model.home_rad, *([arm.gripper.shut_rad] if arm.gripper is not None else [])]
    places = [scale.to_ticks(angle_rad) for scale, angle_rad in zip(scales, home, strict=True)]
    operator.hand({servo.id: place for servo, place in zip(arm.servos, places, strict=True)})
    operator.hand({})


def teleop(operator: Operator) -> None:
    child = operator.types("arm", "teleop", operator.arm, "--port", operator.port)
    forward_m: list[float] = []
    while not forward_m or forward_m[-1] < forward_m[0] + 0.003:
        child.expect(r"tool +(-?\d\.\d+)")
        forward_m.append(float(child.match[1]))
        child.send("w" * 5)
    child.send("q")
    operator.sees(child)


def record(operator: Operator, steps: int) -> Path:
    child = operator.types(
        *("record", "reach", "--demonstrations", "1", "--person", "ada", "--name", "shown"),
        *operator.settings(),
    )
    child.expect("Do you agree")
    child.send("y")
    child.expect("the controls are yours")
    for _ in range(steps):
        child.send("w")
        time.sleep(0.05)
    child.send("\r")
    assert "1 demonstrations of 1 episodes" in operator.sees(child)
    return operator.folder / "runs" / "shown"


def train(operator: Operator, steps: int, demonstrations: Path, **settings: object) -> Path:
    first = steps // 3
    child = operator.types(
        *("train", "reach", "--name", "taught", "--steps", str(steps)),
        *operator.settings(**settings),
        *("--set", f"schedule.random_steps={first}", "--set", f"schedule.ask_after_steps={first}"),
        *("--set", "schedule.session_every_steps=50", "--set", "evaluation.episodes=1"),
        *("--set", "evaluation.final_episodes=2", "--set", "checkpoint.every_steps=50"),
        *("--set", f"prior.folder={demonstrations}", "--set", "prior.pretrain_updates=0"),
    )
    operator.sees(child)
    return operator.folder / "runs" / "taught"


def from_a_bare_port_to_a_policy(operator: Operator, full: bool) -> None:
    arm = operator.arm
    assert f"of: {arm}" in operator.sees(operator.types("arm", "scan", operator.port)).replace(
        "so100, ", ""
    )
    calibrate(operator)
    if full:
        operator.sees(operator.types("arm", "selftest", arm, "--port", operator.port, "--yes"))
        teleop(operator)
    shown = record(operator, 20)
    # Episodes of a second in short.
    taught = train(operator, 1000, shown) if full else train(operator, 150, shown, horizon=50)

    events = [json.loads(line) for line in (taught / "events.jsonl").read_text().splitlines()]
    fits = [each for each in events if each["event"] == "RewardFitted"]
    assert fits and "report.html" in os.listdir(taught)
    store = EpisodeStore(open_run_folder(taught).path)
    trained = [store.read(name) for name in store.ids() if name.startswith("e")]
    assert sum(len(each) for each in trained) >= (1000 if full else 150)
    assert len({each.spec_hash for each in trained}) == 1
    # The policy went on changing while the arm moved.
    assert max(each.policy_version.max() for each in trained) > 10


SHORT = [pytest.param("so101"), pytest.param("rfp6", marks=BOARD)]


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("operator", SHORT, indirect=True)
def test_from_a_bare_port_to_a_policy(operator: Operator, load_share: float) -> None:
    from_a_bare_port_to_a_policy(operator, full=load_share == 1.0)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("operator", ["koch"], indirect=True)
def test_the_same_in_full_with_another_protocol(operator: Operator) -> None:
    from_a_bare_port_to_a_policy(operator, full=True)
