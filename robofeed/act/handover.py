"""Who moves the arm in this step, the policy or a person, and how control passes between them.

A pure state machine. Whoever takes over starts from where the arm is, because a person's action is
a change from holding still. When control is handed back there is a blend: over a few steps the
policy's action counts for more and more, and holding still for less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from robofeed.data.intervention import (
    Discard,
    Intervention,
    Mark,
    NoObjection,
    Pause,
    Resume,
    StopRequest,
    Take,
)
from robofeed.data.observation import ControlMode
from robofeed.data.spec import ArraySpec, FloatArray

_AUTO, _PAUSED, _CORR = ControlMode.AUTONOMOUS, ControlMode.PAUSED, ControlMode.CORRECTING

TRANSITIONS: Mapping[type[Intervention], Mapping[ControlMode, ControlMode]] = {
    # said         while          autonomous      paused           correcting
    NoObjection: {_AUTO: _AUTO, _PAUSED: _PAUSED, _CORR: _AUTO},
    Take: {_AUTO: _CORR, _PAUSED: _CORR, _CORR: _CORR},
    Pause: {_AUTO: _PAUSED, _PAUSED: _PAUSED, _CORR: _PAUSED},
    Resume: {_AUTO: _AUTO, _PAUSED: _AUTO, _CORR: _AUTO},
    StopRequest: {_AUTO: _PAUSED, _PAUSED: _PAUSED, _CORR: _PAUSED},
    # These end the episode; who is in control does not change.
    Mark: {_AUTO: _AUTO, _PAUSED: _PAUSED, _CORR: _CORR},
    Discard: {_AUTO: _AUTO, _PAUSED: _PAUSED, _CORR: _CORR},
}

BLEND_STEPS = 5
"""Steps over which the policy gets the arm back."""


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What to send to the safety gates, in which mode, and what the person asked for, if anything.

    `correction` is the action the person asked for, after it was put within the action's bounds.
    """

    mode: ControlMode
    action: FloatArray
    correction: FloatArray | None = None


class Handover:
    """Decides, step by step, whose action goes to the arm.

    Args:
        spec: Bounds of an action; a correction is kept within them.
        blend_steps: Steps over which the policy gets the arm back; 0 hands over at once.
    """

    def __init__(self, spec: ArraySpec, blend_steps: int = BLEND_STEPS) -> None:
        self._low, self._high = spec.low, spec.high
        # Half of a gripper that is open or shut is neither.
        self._switches = np.array([levels is not None for levels in spec.levels], np.bool_)
        self._blend_steps = blend_steps
        self._steps_since_handback = blend_steps
        self.mode = ControlMode.AUTONOMOUS

    @property
    def at_rest(self) -> bool:
        """Whether the policy has the arm to itself, no blend going on."""
        handed_back = self._steps_since_handback >= self._blend_steps
        return self.mode is ControlMode.AUTONOMOUS and handed_back

    def decide(
        self, said: Intervention, proposed: FloatArray, holding: FloatArray | None
    ) -> Decision:
        """The action of this step.

        Args:
            said: What the person said to it.
            proposed: The policy's action.
            holding: The action that holds the arm where it is; needed unless the arm stays
                with the policy (`at_rest`, and the person does not object).
        """
        before, self.mode = self.mode, TRANSITIONS[type(said)][self.mode]
        if self.mode is not ControlMode.AUTONOMOUS:
            self._steps_since_handback = 0
        elif before is ControlMode.AUTONOMOUS and self.at_rest:
            return Decision(self.mode, proposed)
        assert holding is not None
        if isinstance(said, Take):
            correction = np.clip(holding + said.action, self._low, self._high)
            return Decision(self.mode, correction, correction)
        if self.mode is ControlMode.CORRECTING:
            return Decision(self.mode, holding, holding)
        if self.mode is ControlMode.PAUSED:
            return Decision(self.mode, holding)
        return Decision(self.mode, self._blend(proposed, holding))

    def _blend(self, proposed: FloatArray, holding: FloatArray) -> FloatArray:
        if self._steps_since_handback >= self._blend_steps:
            return proposed
        self._steps_since_handback += 1
        share = np.float32(self._steps_since_handback / (self._blend_steps + 1))
        blended: FloatArray = holding + share * (proposed - holding)
        if self._switches.size:
            blended = np.where(self._switches, proposed, blended)
        return blended
