"""What an arm is to do and how it did, without a wire: an arm that is at once where it is sent."""

from __future__ import annotations

import pytest

from robofeed.data.observation import Ended
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.driving.arm_task import ArmTask
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.supervision.messages import Report
from robofeed_serial.supervision.settings import SupervisorSettings


@pytest.mark.parametrize(
    ("fixed_horizon", "how"), [(True, Ended.TRUNCATED), (False, Ended.TERMINATED)]
)
def test_without_a_fixed_horizon_success_ends_the_episode(fixed_horizon: bool, how: Ended) -> None:
    arm = load_arm("so101")
    settings = SupervisorSettings(arm=str(arm.path), port="nowhere")
    config = SerialConfig(arm="so101", horizon=200, fixed_horizon=fixed_horizon)
    task = ArmTask(config, arm, settings, {})
    rad = [*arm.model.home_rad, 0.0]
    task.take(Report(0, rad=rad, rad_s=[0.0] * 6))
    task.lay_out(3, rad)
    task.begin()

    steps, ended = 0, Ended.RUNNING
    while ended is Ended.RUNNING:
        rad[:5] = task.order_of(task.plan(task.expert_action()))[:5]
        steps += 1
        ended = task.judge(Report(0, rad=rad, rad_s=[0.0] * 6))

    assert ended is how
    assert task.truth.success
    assert (steps == 200) is fixed_horizon
