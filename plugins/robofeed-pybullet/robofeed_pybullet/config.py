"""The settings of a simulated arm, `[backend.pybullet]` in a run file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PybulletConfig(BaseModel):
    """A simulated arm and its task. `horizon` 0 = the task's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str = "so101"
    task: str = "reach"
    action: Literal["end_effector", "joint"] = "end_effector"
    horizon: int = Field(default=0, ge=0)
    period_s: float = Field(default=0.04, gt=0)
    timestep_s: float = Field(default=0.005, gt=0, le=0.005)
