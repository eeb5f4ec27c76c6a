"""The simulated arms as Gymnasium environments, for any library that trains on those."""

from __future__ import annotations

from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from robofeed import Guarded
from robofeed.data.observation import Ended
from robofeed.data.spec import ArraySpec, FloatArray
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig

_PICTURE = (240, 320)


class ArmEnv(gymnasium.Env[FloatArray, FloatArray]):
    """An arm with a task behind robofeed's safety gates.

    Observations and actions are those of the backend, in physical units. The dense reward is the
    task's true reward; the sparse one is 1 while the episode counts as a success, else 0.

    Args:
        arm: As in `PybulletConfig`, like `task` and every further keyword.
        task: See there.
        reward: Which of the two rewards.
        render_mode: `rgb_array` or none.
        options: Further fields of `PybulletConfig`; `gui=True` opens a window.

    Raises:
        ConfigError: an unknown arm, task or option.
    """

    metadata = {  # noqa: RUF012 - a class attribute of gymnasium.Env
        "render_modes": ["rgb_array"],
        "render_fps": 25,
    }

    def __init__(
        self,
        arm: str = "so101",
        task: str = "reach",
        reward: Literal["dense", "sparse"] = "dense",
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        config = PybulletConfig(**{"arm": arm, "task": task, **options})
        self.render_mode = render_mode
        self._sparse = reward == "sparse"
        self._backend = PybulletBackend(config)
        self._guarded = Guarded(self._backend)
        spec = self._backend.spec
        assert isinstance(spec.action, ArraySpec)
        self.observation_space = Box(spec.observation.low, spec.observation.high)
        self.action_space = Box(spec.action.low, spec.action.high)
        self._guarded.open()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        super().reset(seed=seed)
        if self._guarded.latched:
            self._guarded.acknowledge()
        # Seeding once and resetting on gives a row of episodes that the seed determines.
        start = seed if seed is not None else int(self.np_random.integers(2**31))
        observation = self._guarded.reset(start)
        return observation.state.copy(), {"is_success": False}

    def step(self, action: FloatArray) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """One period. An action that the gates refuse (NaN, say) truncates the episode."""
        executed = self._guarded.apply(np.asarray(action, np.float32))
        observation = self._guarded.observe()
        truth = self._backend.truth()
        reward = float(truth.success) if self._sparse else truth.reward
        refused = executed.target is None
        return (
            observation.state.copy(),
            reward,
            observation.ended is Ended.TERMINATED,
            observation.ended is Ended.TRUNCATED or refused,
            {"is_success": truth.success, "collided": truth.collided, "refused": refused},
        )

    def render(self) -> NDArray[np.uint8] | None:
        """The present scene where `render_mode` is `rgb_array`, uint8 [240, 320, 3]."""
        if self.render_mode != "rgb_array":
            return None
        return self._backend.render(self._backend.scene(), *_PICTURE)

    def close(self) -> None:
        self._guarded.close()
