"""Exploration that goes somewhere: random actions held for a while, some of them standing still."""

from __future__ import annotations

import numpy as np

from robofeed.data.spec import ArraySpec, FloatArray
from robofeed.interfaces import Policy


class HeldExploration:
    """Temporally extended epsilon-greedy exploration (Dabney et al. 2021, arXiv 2006.01782).

    White noise keeps an arm near where it is. Here an arm begins, with a chance of `share` each
    step, a random action and holds it for a log-uniform time; some of the actions are zero, so that
    it also comes to rest in many places, which is what people can compare clips by.

    In some episodes the policy is also shown observations displaced by a constant: it then does
    consistently something else, such as resting beside the goal. This is noise in the biases of its
    first layer, the simplest of the parameter noises of Plappert et al. (2018, arXiv 1706.01905).
    """

    def __init__(
        self,
        spec: ArraySpec,
        observation: ArraySpec,
        rng: np.random.Generator,
        displaced_share: float = 0.0,
        displacement: float = 0.0,
        longest_steps: int = 25,
        still_share: float = 0.3,
    ) -> None:
        self._spec, self._rng = spec, rng
        self._displaced_share, self._displacement = displaced_share, displacement
        half_range = observation.high.ravel() / 2 - observation.low.ravel() / 2
        # An element without a range stays as it is.
        self._half_range = np.where(np.isfinite(half_range), half_range, 0.0)
        self._longest_steps, self._still_share = longest_steps, still_share
        self._held: FloatArray = np.zeros((0, spec.size), np.float32)
        self._left: list[int] = []
        self._displaced: FloatArray = np.zeros((0, observation.size), np.float32)

    def begin(self, count: int) -> None:
        """Start a round with `count` arms: nothing is held, and displacements are drawn."""
        self._held = np.zeros((count, self._spec.size), np.float32)
        self._left = [0] * count
        rng = self._rng
        strength = rng.random(count) * (rng.random(count) < self._displaced_share)
        drawn = rng.standard_normal((count, len(self._half_range)))
        offsets = self._displacement * strength[:, None] * drawn * self._half_range
        self._displaced = offsets.astype(np.float32)

    def around(self, policy: Policy, share: float) -> Policy:
        """`policy` with this exploration on top."""
        return _Explorer(self, policy, share)

    def displace(self, observations: FloatArray) -> FloatArray:
        """What the policy is shown instead of `observations`."""
        return observations + self._displaced[: len(observations)]

    def perturb(self, actions: FloatArray, share: float) -> FloatArray:
        """Replace the actions of arms that are holding one, or begin to."""
        rng, spec = self._rng, self._spec
        explored = actions.copy()
        for arm in range(len(actions)):
            if self._left[arm] == 0 and rng.random() < share:
                self._left[arm] = int(np.exp(rng.uniform(0.0, np.log(self._longest_steps + 1))))
                if rng.random() < self._still_share:
                    self._held[arm] = np.clip(0.0, spec.low, spec.high)
                else:
                    strength = np.sqrt(rng.random())
                    centre = np.clip(0.0, spec.low, spec.high)
                    drawn = rng.uniform(spec.low, spec.high)
                    self._held[arm] = centre + strength * (drawn - centre)
            if self._left[arm]:
                explored[arm] = self._held[arm]
                self._left[arm] -= 1
        return explored


class _Explorer:
    def __init__(self, exploration: HeldExploration, policy: Policy, share: float) -> None:
        self._exploration, self._policy, self._share = exploration, policy, share

    @property
    def version(self) -> int:
        return self._policy.version

    def act(self, observations: FloatArray, rng: np.random.Generator | None) -> FloatArray:
        actions = self._policy.act(self._exploration.displace(observations), rng)
        return self._exploration.perturb(actions, self._share)
