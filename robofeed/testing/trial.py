"""A backend on trial: made anew for each check, moved gently, closed whatever happens."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from robofeed.data.observation import Executed, Observation
from robofeed.data.spec import ArraySpec, FloatArray
from robofeed.interfaces import Backend
from robofeed.safety import Guarded
from robofeed.testing.witness import Witness

MakeBackend = Callable[[], Backend]
GoldenTool = tuple[Sequence[float], Sequence[float]]
"""joint angles, rad, and where the tool then is by another program's reckoning, m"""


class NotChecked(Exception):  # noqa: N818 - no error: the check does not apply here
    """This backend has nothing to check here; the message says why."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How one backend is put on trial. See `robofeed.testing.conformance`."""

    make: MakeBackend
    still_rad: float = 1e-6
    settle_s: float = 0.0
    action_share: float = 1.0
    box_m: tuple[FloatArray, FloatArray] | None = None
    witness: Witness | None = None
    golden: Sequence[GoldenTool] = ()

    def seen_by(self) -> Witness:
        """Raises NotChecked where nobody but the backend sees the motors."""
        if self.witness is None:
            raise NotChecked("nobody else sees its motors: give a witness")
        return self.witness

    @contextlib.contextmanager
    def episode(self, seed: int = 1) -> Iterator[tuple[Guarded, Observation]]:
        """A guarded backend at the start of an episode."""
        guarded = Guarded(self.make())
        guarded.open()
        try:
            yield guarded, guarded.reset(seed)
        finally:
            guarded.close()

    def action_spec(self, backend: Backend) -> ArraySpec:
        """Raises NotChecked for discrete actions."""
        action = backend.spec.action
        if not isinstance(action, ArraySpec):
            raise NotChecked("its actions are discrete")
        return action

    def some_action(self, backend: Backend, rng: np.random.Generator) -> FloatArray:
        """A drawn action, of the size that this tier allows."""
        action = self.action_spec(backend)
        middle = self.rest(backend)
        drawn: FloatArray = middle + np.float32(self.action_share) * (action.sample(rng) - middle)
        return drawn

    def rest(self, backend: Backend) -> FloatArray:
        """The action that asks for nothing: 0 where that is within bounds, else the middle."""
        action = self.action_spec(backend)
        nothing: FloatArray = np.clip(np.zeros(action.shape, np.float32), action.low, action.high)
        return nothing

    def step(self, guarded: Guarded, action: FloatArray) -> tuple[Executed, Observation]:
        """Apply, let a period pass where time does not wait, look. Keeps to the box."""
        if self.box_m is not None and np.isfinite(action).all():
            low, high = self.box_m
            tool_m = guarded.backend.plan(action).tool_m
            assert np.all(tool_m >= low) and np.all(tool_m <= high), (
                f"the tool would leave the declared box, to {tool_m.tolist()}"
            )
        executed = guarded.apply(action)
        if not guarded.spec.simulated:
            time.sleep(guarded.spec.period_s)
        return executed, guarded.observe()

    def settle(self) -> None:
        """Let a real arm come to rest."""
        time.sleep(self.settle_s)

    def where(self, guarded: Guarded) -> FloatArray:
        """The joints as they are now, looked at anew."""
        guarded.observe()
        return guarded.backend.present().joint_rad.copy()
