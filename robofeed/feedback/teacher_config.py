"""Settings of a simulated teacher, readable without numpy."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

TeacherKind = Literal["oracle", "noisy", "myopic", "mistake", "skip", "equal", "random"]

# The one irrationality that each of B-Pref's teachers has (Lee et al. 2021, arXiv 2111.03026,
# section 3 and table 1); `random` answers without looking and is ours, as a yardstick.
_KINDS: dict[str, dict[str, float]] = {
    "oracle": {},
    "noisy": {"beta": 1.0},
    "myopic": {"gamma": 0.9},
    "mistake": {"mistake": 0.1},
    "skip": {"skip": 0.1},
    "equal": {"equal": 0.1},
    "random": {"beta": 0.0},
}


class TeacherConfig(BaseModel):
    """How a simulated teacher judges. `kind` sets one irrationality; the others compose with it.

    beta: rationality of the Boltzmann choice; inf answers by return alone.
    gamma: discount towards a clip's end; below 1 the teacher is myopic.
    mistake: probability of giving the answer the wrong way round.
    skip: "can't tell" where every clip's return is below this share of the typical one.
    equal: a tie where returns differ by less than this share of the typical one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: TeacherKind = "oracle"
    beta: float = Field(default=math.inf, ge=0.0)
    gamma: float = Field(default=1.0, gt=0.0, le=1.0)
    mistake: float = Field(default=0.0, ge=0.0, le=1.0)
    skip: float = Field(default=0.0, ge=0.0)
    equal: float = Field(default=0.0, ge=0.0)

    @model_validator(mode="before")
    @classmethod
    def _apply_kind(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {**_KINDS.get(str(values.get("kind", "oracle")), {}), **values}


class ReplayConfig(BaseModel):
    """Answers come from another run's ledger, query by query."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger: str = Field(default="", description="path of the recorded run's feedback.sqlite")
