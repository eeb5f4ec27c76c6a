"""The settings of a simulated arm, `[backend.pybullet]` in a run file."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LONGEST_TIMESTEP_S = 0.005


class Randomisation(BaseModel):
    """How much an episode's world may differ from the nominal one, drawn anew from each seed.

    `mass`, `friction` and `object_size` are relative: 0.2 = from 0.8 to 1.2 times the nominal.
    `object_position_m` shifts bodies on the table along x and y, `object_yaw_rad` turns the movable
    ones. An episode delays actions by 0 to `action_delay_steps` whole steps. `observation_noise` is
    a standard deviation as a share of each element's range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mass: float = Field(default=0.0, ge=0, lt=1)
    friction: float = Field(default=0.0, ge=0, lt=1)
    object_size: float = Field(default=0.0, ge=0, lt=0.5)
    object_position_m: float = Field(default=0.0, ge=0)
    object_yaw_rad: float = Field(default=0.0, ge=0)
    action_delay_steps: int = Field(default=0, ge=0, le=10)
    observation_noise: float = Field(default=0.0, ge=0, lt=1)


class PybulletConfig(BaseModel):
    """A simulated arm and its task.

    `horizon` is in steps, 0 = as many as the task's seconds have. With `fixed_horizon` every
    episode lasts that long; without, it ends with success. Physics advances in `substeps` steps a
    period, of at most 5 ms each: longer ones let fingers sink into what they hold. `camera_height`
    and `camera_width` 0 = no frames.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str = "so101"
    task: str = "reach"
    action: Literal["end_effector", "joint"] = "end_effector"
    horizon: int = Field(default=0, ge=0)
    fixed_horizon: bool = True
    period_s: float = Field(default=0.04, gt=0)
    substeps: int = Field(default=13, ge=1)
    camera_height: int = Field(default=0, ge=0, le=2048)
    camera_width: int = Field(default=0, ge=0, le=2048)
    gui: bool = False
    randomise: Randomisation = Randomisation()

    @model_validator(mode="after")
    def _fine_enough(self) -> PybulletConfig:
        if self.period_s / self.substeps > LONGEST_TIMESTEP_S:
            least = math.ceil(self.period_s / LONGEST_TIMESTEP_S)
            raise ValueError(f"a period of {self.period_s} s needs at least {least} substeps")
        return self
