"""The one way back in the loop: immutable policy snapshots, from the learner to whoever acts."""

from __future__ import annotations

from collections.abc import Callable

from robofeed.act.policies import MlpPolicy
from robofeed.data.policy_spec import PolicySpec
from robofeed.data.spec import FloatArray
from robofeed.interfaces import Policy


class Publisher:
    """Gives the newest policy; a new snapshot is made every `every_updates` updates at most."""

    def __init__(
        self,
        export: Callable[[], tuple[PolicySpec, FloatArray]],
        updates: Callable[[], int],
        every_updates: int,
    ) -> None:
        self._export, self._updates, self._every = export, updates, every_updates
        self.published_at = -1
        """updates at the last publication; -1 = the policy has changed since, whatever the count"""
        self._policy: MlpPolicy | None = None
        self.version = 0

    def latest(self) -> Policy:
        """The newest snapshot; its version grows with every publication."""
        updates = self._updates()
        stale = self.published_at < 0 or updates - self.published_at >= self._every
        if self._policy is None or stale:
            self.refresh()
        assert self._policy is not None
        return self._policy

    def refresh(self) -> Policy:
        """Publish now, for instance before an evaluation."""
        spec, weights = self._export()
        if self._updates() != self.published_at:
            self.version += 1
        self._policy = MlpPolicy(spec, weights, self.version)
        self.published_at = self._updates()
        return self._policy
