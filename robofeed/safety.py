"""The safety gates every action passes, on every backend, simulated or real: no way round.

Order: finite -> right shape -> fresh -> action bounds -> joint limits -> joint speed and
acceleration -> tool speed -> workspace box -> send. What is non-finite, misshapen or stale is
refused, never clipped (`np.clip` passes NaN): the arm then holds where it is, and the hold stays
latched until a person acknowledges it. Everything later in the order is limited and goes on. The
acceleration limit gives way where only harder braking keeps to the others.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from robofeed.data.errors import SafetyStop
from robofeed.data.observation import Executed, Gate, Observation, Target
from robofeed.data.spec import ArraySpec, FloatArray
from robofeed.interfaces import ReleasesStops
from robofeed.joint_gates import CLEAR, JointGates, is_finite

if TYPE_CHECKING:
    from robofeed.interfaces import Backend

IK_RESIDUAL_M = 0.005
"""A larger distance between the tool position asked for and the one reached is marked."""
HOLD_NEAR_RAD = 0.1
"""A joint so near its last goal is held there: more than a servo gives way under a load."""


class Guarded:
    """A backend behind the gates: the only form in which the loop is handed one.

    Call `reset`, then `apply` once a period. `apply` returns what was really sent.

    Freshness is the age of the observation an action was chosen from: against the monotonic clock
    on a real arm, against the newest observation in a simulator, whose time stands still between
    steps.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.spec = backend.spec
        limits = self.spec.limits
        self._limits = JointGates(limits, self.spec.period_s) if limits is not None else None
        self._latest: Observation | None = None
        self._previous: Target | None = None
        """commanded last; None = the arm is where it is measured"""
        self._held_at: Target | None = None
        self._refused = CLEAR
        # Each written by one side only, so that no stop is lost between two threads: `stop` sets
        # the first and `acknowledge` takes it back; the loop's own thread alone knows the second.
        self._stopped = False
        self._reset_due = False
        self._simulated = self.spec.simulated
        action = self.spec.action
        self._shape = action.shape if isinstance(action, ArraySpec) else ()
        self._bounds = (
            list(zip(_finite(action.low).tolist(), _finite(action.high).tolist(), strict=True))
            if isinstance(action, ArraySpec)
            else [(0.0, action.n - 1.0)]
        )

    def open(self) -> None:
        """Connect. Nothing moves."""
        self.backend.open()

    def close(self) -> None:
        """Disconnect. Idempotent."""
        self.backend.close()

    def reset(self, seed: int | None = None) -> Observation:
        """Start an episode.

        Raises:
            SafetyStop: a hold is latched; reset never restarts motion.
        """
        if self._stopped or self._refused:
            raise SafetyStop(
                f"the arm holds ({self.latched.name}): it was stopped or an action was refused; "
                "acknowledge that before the next episode"
            )
        self._latest = self.backend.reset(seed)
        self._reset_due = False
        self._at_rest()
        return self._latest

    def observe(self) -> Observation:
        """The newest observation; an action chosen from an older one may be stale."""
        self._latest = self.backend.observe()
        return self._latest

    def stop(self) -> None:
        """Latch a hold from any thread. Never raises."""
        self._stopped = True
        self.backend.stop()

    def acknowledge(self) -> None:
        """A person has seen why the arm holds.

        After a refusal, actions are accepted again, from where the arm is. After a stop the arm
        holds until the next `reset`, as the backend itself does.
        """
        stopped = self._stopped or self._reset_due
        self._reset_due = stopped
        self._stopped = False
        if stopped and isinstance(self.backend, ReleasesStops):
            # After the flag: a stop that comes now sets it again, and no reset is made.
            self.backend.acknowledge()
        self._refused = CLEAR
        self._at_rest()

    def holding(self) -> Target:
        """The goal that keeps the arm where it is; to be asked for anew as often as one likes.

        On a real arm that is the last goal, as long as every joint is within 0.1 rad of it. A joint
        that carries a load stands below its goal; were each measured pose the next goal, the arm
        would sink step by step.
        """
        present = self.backend.present()
        last = self._previous
        if self._simulated or last is None or self._limits is None:
            return present
        away = np.abs(last.joint_rad - present.joint_rad)
        return last if bool(np.all(away <= HOLD_NEAR_RAD)) else present

    @property
    def latched(self) -> Gate:
        """Why the arm holds; NONE while it does not."""
        stopped = Gate.STOPPED if self._stopped or self._reset_due else Gate.NONE
        return self._refused | stopped

    def apply(self, action: FloatArray, seen_ns: int | None = None) -> Executed:
        """Send `action`, chosen from an observation of time `seen_ns`, through the gates.

        `seen_ns` None means the newest observation.

        Returns:
            What was sent, and which gates touched it. A refused action has `target` None; `action`
            is then the one that holds the arm.
        """
        held = self._stopped or self._reset_due or self._refused is not CLEAR
        if held:
            return self._hold(CLEAR)
        inside = action.shape == self._shape and self._inside(action)
        if seen_ns is not None or not inside or not self._simulated:
            gates = self._refusal(action, seen_ns, inside)
            if gates is not CLEAR:
                return self._hold(gates)
        gates = CLEAR
        if not inside:
            action, gates = self._clipped(action), Gate.ACTION_BOUNDS
        backend = self.backend
        target = backend.plan(action)
        if not target.residual_m <= IK_RESIDUAL_M:
            gates |= Gate.IK_RESIDUAL
        if self._limits is not None:
            previous = self._previous if self._previous is not None else backend.present()
            limited, touched = self._limits.pass_through(backend, previous, target)
            if touched is not CLEAR:
                if touched & Gate.refusals():
                    return self._hold(touched)
                gates |= touched
                target = limited
                action = backend.action_of(target)
        elif not is_finite(target):
            return self._hold(Gate.NON_FINITE)
        self._previous = target
        backend.send(target)
        if self._stopped:
            # Whether the stop came before or after the command, only the backend knows.
            return self._held(Gate.STOPPED)
        return Executed(action, target, gates)

    def _at_rest(self) -> None:
        self._previous = self._held_at = None
        if self._limits is not None:
            self._limits.at_rest()

    def _inside(self, action: FloatArray) -> bool:
        """Whether every element lies within its bounds: then it is finite as well."""
        values = action.ravel().tolist() if action.ndim != 1 else action.tolist()
        for value, (low, high) in zip(values, self._bounds, strict=True):
            if not low <= value <= high:
                return False
        return True

    def _refusal(self, action: FloatArray, seen_ns: int | None, inside: bool) -> Gate:
        if action.shape != self._shape:
            return Gate.BAD_SHAPE
        if not inside and not np.isfinite(action).all():
            return Gate.NON_FINITE
        if self._limits is not None:
            latest = self._latest
            if latest is None:
                return Gate.STALE
            now_ns = latest.time_ns if self._simulated else time.monotonic_ns()
            age_ns = now_ns - (latest.time_ns if seen_ns is None else seen_ns)
            # One from the future is of an earlier episode or another clock.
            if not 0 <= age_ns <= self._limits.max_age_ns:
                return Gate.STALE
        return CLEAR

    def _clipped(self, action: FloatArray) -> FloatArray:
        low, high = zip(*self._bounds, strict=True)
        shape = action.shape
        clipped = np.clip(action, np.reshape(low, shape), np.reshape(high, shape))
        return clipped.astype(np.float32)

    def _hold(self, gates: Gate) -> Executed:
        """Hold, latched. Simulated time goes on under the hold."""
        self._refused |= gates
        if self._held_at is None:
            # Measured once: an arm that sags would follow its own measurements down.
            self._held_at = self._still()
        if self._held_at is None:
            self.stop()
        else:
            self.backend.send(self._held_at)
        return self._held(self.latched)

    def _still(self) -> Target | None:
        """Where the arm is; where that cannot be told, what was commanded last."""
        present = self.backend.present()
        return present if is_finite(present) else self._previous

    def _held(self, gates: Gate) -> Executed:
        held = np.zeros(self._shape, np.float32)
        if self._held_at is not None:
            action = self.backend.action_of(self._held_at)
            held = action if np.isfinite(action).all() else held
        return Executed(held, None, gates)


def _finite(bound: FloatArray) -> FloatArray:
    """Bounds within the floating-point numbers: infinity lies within no range."""
    most = np.finfo(np.float32).max
    return np.clip(bound.ravel(), -most, most)
