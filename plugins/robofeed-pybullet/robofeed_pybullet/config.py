"""The settings of a simulated arm, `[backend.pybullet]` in a run file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


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

    `horizon` 0 = the task's own. With `fixed_horizon` every episode lasts that long; without, it
    ends with success. `camera_height` and `camera_width` 0 = no camera frames.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str = "so101"
    task: str = "reach"
    action: Literal["end_effector", "joint"] = "end_effector"
    horizon: int = Field(default=0, ge=0)
    fixed_horizon: bool = True
    period_s: float = Field(default=0.04, gt=0)
    timestep_s: float = Field(default=0.005, gt=0, le=0.005)
    camera_height: int = Field(default=0, ge=0, le=2048)
    camera_width: int = Field(default=0, ge=0, le=2048)
    gui: bool = False
    randomise: Randomisation = Randomisation()
