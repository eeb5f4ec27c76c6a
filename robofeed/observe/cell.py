"""One guarded arm stepped from a table of arrays: what a fleet's worker runs."""

from __future__ import annotations

from robofeed.data.errors import ConfigError
from robofeed.data.fleet import Table
from robofeed.data.observation import Ended, Observation
from robofeed.interfaces import Backend, HasExpert, HasTruth, Renders
from robofeed.observe.clock import FixedRate
from robofeed.safety import Guarded

CAUSE_PERIODS = 3
"""So long a real arm is asked why an action was refused: its own watch may need a moment more."""


class Cell:
    """A backend behind its safety gates, reading actions from and writing results to row `row`.

    A simulator advances as fast as it can. A real arm steps at its period by the clock: an action
    is sent, time passes, then it is looked at.
    """

    def __init__(self, backend: Backend, table: Table, row: int, with_truth: bool = True) -> None:
        self.guarded = Guarded(backend)
        self._truth = backend if with_truth and isinstance(backend, HasTruth) else None
        self._backend = backend
        self._table = table
        self._row = row
        self._seen_ns = 0
        spec = backend.spec
        self._clock = None if spec.simulated else FixedRate(spec.period_s)
        table.overruns[row] = -1 if self._clock is None else 0

    def open(self) -> None:
        """Connect."""
        self.guarded.open()

    def close(self) -> None:
        """Disconnect. Idempotent."""
        self.guarded.close()

    def reset(self, seed: int | None) -> str:
        """Start an episode and write its first observation."""
        table, row = self._table, self._row
        observation = self.guarded.reset(seed)
        table.gates[row] = 0
        if self._clock is not None:
            self._clock.start()
        return self._write(observation)

    def step(self) -> str:
        """Apply the row's proposed action, write what came of it, return why the episode ended."""
        table, row = self._table, self._row
        executed = self.guarded.apply(table.proposed[row], self._seen_ns)
        table.executed[row] = executed.action
        table.gates[row] = executed.gates
        if self._clock is not None:
            self._clock.wait()
            table.overruns[row] = self._clock.overruns
            table.late_s[row] = self._clock.late_s
        reason = self._write(self.guarded.observe())
        if executed.target is None:
            refused = f"the action was refused ({executed.gates.name}); the arm holds"
            return self._cause(reason) or refused
        return reason

    def look(self) -> None:
        """Write what is observed now; the next step is a period away."""
        self._write(self.guarded.observe())
        if self._clock is not None:
            self._clock.start()

    def expert(self) -> None:
        """Write the scripted expert's action into the row's proposed action."""
        if not isinstance(self._backend, HasExpert):
            raise ConfigError(
                f"{type(self._backend).__name__} has no scripted expert to give demonstrations: "
                "set prior.demonstrations = 0"
            )
        self._table.proposed[self._row] = self._backend.expert_action()

    def locate(self) -> None:
        """Write where the arm is and the action that keeps it there."""
        table, row = self._table, self._row
        here = self._backend.present()
        table.holding[row] = self._backend.action_of(self.guarded.holding())
        table.tool_m[row] = here.tool_m
        table.gripper[row] = here.gripper
        if table.joint_rad.shape[1]:
            table.joint_rad[row] = here.joint_rad

    def _cause(self, reason: str) -> str:
        """What made an action be refused, where the arm says so; "" = the action itself."""
        table, row = self._table, self._row
        if self._clock is not None:
            for _ in range(CAUSE_PERIODS):
                if table.ended[row] == Ended.FAULT:
                    break
                self._clock.wait()
                reason = self._write(self.guarded.observe())
        if table.ended[row] == Ended.FAULT:
            return reason
        table.ended[row] = Ended.FAULT
        return ""

    def _write(self, observation: Observation) -> str:
        table, row = self._table, self._row
        table.state[row] = observation.state
        table.time_ns[row] = self._seen_ns = observation.time_ns
        table.ended[row] = observation.ended
        if table.scene.shape[1] and isinstance(self._backend, Renders):
            table.scene[row] = self._backend.scene()
        if self._truth is not None:
            truth = self._truth.truth()
            table.true_reward[row] = truth.reward
            table.success[row] = truth.success
            table.collided[row] = truth.collided
        return observation.reason
