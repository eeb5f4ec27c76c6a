"""A real arm as a backend, on a twin: the same specification as simulated, nothing sudden."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from robofeed import Backend, ConfigError, Guarded, HardwareError, SafetyStop
from robofeed.data.observation import Ended
from robofeed.interfaces import HasExpert, HasTruth
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig
from robofeed_serial import robofeed_backends
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.twin.process import Twin

PATIENT: dict[str, Any] = {"watchdog_s": 0.5, "max_observation_age_s": 0.5}
"""for a machine that is busy with other tests"""


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin("so101") as started:
        yield started


def so101(port: object, **settings: Any) -> SerialArm:
    given = {"arm": "so101", "port": str(port), "calibration": "nominal", **PATIENT, **settings}
    return SerialArm(SerialConfig(**given), "feetech")


@pytest.mark.parametrize("action", ["end_effector", "joint"])
@pytest.mark.parametrize("period_s", [0.02, 0.04])
def test_a_policy_of_the_simulation_fits_the_real_arm(action: Any, period_s: float) -> None:
    simulated = PybulletBackend(PybulletConfig(arm="so101", action=action, period_s=period_s)).spec
    real = so101("nowhere", action=action, period_s=period_s).spec

    assert real.hash() == simulated.hash()
    assert real.observation.names == simulated.observation.names
    # As many seconds, however fast its steps come.
    assert real.horizon == simulated.horizon == round(2.0 / period_s)
    assert not real.simulated


def test_real_limits_are_tighter_than_what_the_joints_could_do() -> None:
    limits = so101("nowhere").spec.limits

    assert limits is not None
    assert limits.tool_speed_m_s == 0.25
    assert limits.joint_speed_rad_s.max() <= 3.0


def test_the_providers_make_arms_of_their_protocol() -> None:
    made = {each.name: each for each in robofeed_backends()}
    koch = SerialConfig(arm="koch", calibration="nominal")

    assert isinstance(made["dynamixel"].create(koch, None), SerialArm)
    with pytest.raises(ConfigError, match=r'speaks dynamixel: set backend.use = "dynamixel"'):
        made["feetech"].create(koch, None)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"arm": ""}, "backend.feetech.arm"),
        ({"arm": "so102"}, "did you mean"),
        ({"task": "push"}, "cannot sense"),
        ({"task": "raech"}, "did you mean 'reach'"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        so101("nowhere", **settings)


def test_a_missing_port_is_named() -> None:
    with pytest.raises(HardwareError, match="/dev/ttyNOWHERE"):
        so101("/dev/ttyNOWHERE").open()


def test_a_port_must_be_given() -> None:
    with pytest.raises(ConfigError, match="robofeed arm find"):
        so101("").open()


def test_an_arm_without_calibration_is_not_opened(
    twin: Twin, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBOFEED_ARMS", str(tmp_path))
    with pytest.raises(ConfigError, match="robofeed arm calibrate so101"):
        so101(twin.port, calibration="").open()


def test_the_wrong_arm_file_is_noticed(twin: Twin) -> None:
    with pytest.raises(HardwareError, match="no servo answers"):
        so101(twin.port, baud=500_000).open()


def test_opening_moves_and_commands_nothing_and_the_port_is_ours_alone(twin: Twin) -> None:
    before = len(twin.log())
    arm = so101(twin.port)
    arm.open()
    arm.open()
    try:
        assert [each for each in twin.log(before) if each.what in ("goal", "torque")] == []
        with pytest.raises(HardwareError, match=r"busy|in use|another"):
            so101(twin.port).open()
    finally:
        arm.close()
        arm.close()


@pytest.mark.timeout(180)
def test_the_expert_reaches_and_every_goal_kept_to_the_limits(twin: Twin) -> None:
    arm = so101(twin.port)
    assert isinstance(arm, HasTruth) and isinstance(arm, HasExpert)
    guarded = Guarded(as_backend(arm))
    before = len(twin.log())
    guarded.open()
    try:
        first = guarded.reset(seed=3)
        assert first.state.shape == arm.spec.observation.shape
        assert arm.spec.observation.contains(first.state)
        last = first
        while last.ended is Ended.RUNNING:
            guarded.apply(arm.expert_action())
            time.sleep(arm.spec.period_s)
            last = guarded.observe()
            assert arm.spec.observation.contains(last.state)
        assert last.ended is Ended.TRUNCATED, last.reason
        assert arm.truth().reward > -0.5
        assert guarded.reset(seed=3).state[-6:-3] == pytest.approx(first.state[-6:-3])
    finally:
        guarded.close()
    entries = twin.log()
    torque_on = next(
        n for n, each in enumerate(entries) if n >= before and each.what == "torque" and each.value
    )
    positions: dict[int, int] = {}
    first_goals: dict[int | None, int | None] = {}
    for number, each in enumerate(entries[:torque_on]):
        positions |= dict(each.ticks)
        if number >= before and each.what == "goal":
            first_goals[each.servo_id] = each.value
    assert first_goals == {servo: pytest.approx(ticks, abs=3) for servo, ticks in positions.items()}


def test_stop_from_another_thread_holds_until_the_next_reset(twin: Twin) -> None:
    arm = so101(twin.port, start="stay")
    guarded = Guarded(as_backend(arm))
    guarded.open()
    try:
        guarded.reset(seed=1)
        for _ in range(5):
            guarded.apply(np.array([0.0, 0.02, 0.0], np.float32))
            time.sleep(0.02)
            guarded.observe()
        stopper = threading.Thread(target=guarded.stop)
        stopper.start()
        stopper.join()
        time.sleep(0.3)
        assert guarded.observe().ended is Ended.FAULT
        held = present(twin)
        assert guarded.apply(np.zeros(3, np.float32)).target is None
        with pytest.raises(SafetyStop):
            guarded.reset(seed=2)
        assert present(twin) == held
        guarded.acknowledge()
        assert guarded.reset(seed=2).ended is Ended.RUNNING
    finally:
        guarded.close()


def test_a_folded_arm_unfolds_before_it_goes_home() -> None:
    """A koch that has fallen to its stops: on the straight way its hand would meet its arm."""
    with Twin("koch") as fallen:
        arm = SerialArm(
            SerialConfig(arm="koch", port=str(fallen.port), calibration="nominal", **PATIENT),
            "dynamixel",
        )
        arm.open()
        try:
            arm.reset(seed=1)
            home = load_arm("koch").model.home_rad
            assert arm.present().joint_rad == pytest.approx(home, abs=0.1)
        finally:
            arm.close()


def present(twin: Twin) -> list[int]:
    return [each["present_ticks"] for each in twin.state()["servos"]]


def test_stop_never_raises_whatever_state_the_arm_is_in() -> None:
    arm = so101("nowhere")
    arm.stop()
    arm.close()
    arm.stop()


def as_backend(arm: Backend) -> Backend:
    """Checked by mypy: the driver is a `Backend`."""
    return arm
