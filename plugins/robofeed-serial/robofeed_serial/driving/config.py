"""The settings of a real arm, `[backend.feetech]` and its like in a run file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from robofeed import CameraSettings
from robofeed_serial.supervision.settings import Parting


class SerialConfig(BaseModel):
    """A real arm with a task.

    `port` is a path (prefer /dev/serial/by-id/..., which stays the same) or any URL of pyserial.
    `calibration` is a name or a file, "" = named as the arm, "nominal" = as the arm file says (for
    twins). `horizon` is in steps, 0 = as many as the task's seconds have. With `fixed_horizon`
    every episode lasts that long; without, it ends with success.

    `start` says how an episode begins: `home` = the arm goes to its home pose by itself, slowly;
    `stay` = where it is. `after` is what becomes of the arm at the end, and when this program dies:
    `hold` (torque stays on), `park` (slowly to its rest pose, then torque off) or `relax` (torque
    off at once: it falls).

    `assume_rest`: of an arm that cannot measure (a servo board without potentiometers), you say
    that it lies in its rest pose whenever its torque is off. From elsewhere it jumps there when a
    run begins; without that word it is not switched on.

    What the tool's place leaves free of the joints drifts towards the `home` posture while the arm
    moves, as in simulation; with `posture` = `start` towards where it stood at the start.

    With `gripper` an action has one element more, the gripper's opening from 0 (shut) to 1; without
    it the gripper stays as it is.

    `tool_speed_m_s` 0 = the arm file's (0.25). `speed_share` scales all speed limits. An arm whose
    program is silent for `watchdog_s` while it moves stops, and stays so; an action chosen from an
    observation older than `max_observation_age_s` is refused.

    `cycle_s` is the time between two readings of the servos by the supervisor. The bus needs a part
    of it: at 1 Mbps about 1.5 ms for six servos.

    `cameras` are beside the arm, by names of your choice; the first is the usual one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str = ""
    port: str = ""
    baud: int = Field(default=0, ge=0)
    calibration: str = ""
    task: str = "reach"
    action: Literal["end_effector", "joint"] = "end_effector"
    gripper: bool = False
    horizon: int = Field(default=0, ge=0)
    fixed_horizon: bool = True
    period_s: float = Field(default=0.02, ge=0.005, le=0.2)
    cycle_s: float = Field(default=0.01, ge=0.002, le=0.05)
    start: Literal["home", "stay"] = "home"
    posture: Literal["home", "start"] = "home"
    after: Parting = "hold"
    assume_rest: bool = False
    tool_speed_m_s: float = Field(default=0.0, ge=0, le=1.0)
    speed_share: float = Field(default=1.0, gt=0, le=1)
    watchdog_s: float = Field(default=0.1, ge=0.03, le=0.5)
    max_observation_age_s: float = Field(default=0.1, ge=0.03, le=0.5)
    trace: str = ""
    cameras: dict[str, CameraSettings] = {}
