"""A point that moves in a plane to a goal: a whole simulated backend in plain numpy."""

import numpy as np

from robofeed.data.observation import Ended, Observation, Picture, Target, Truth
from robofeed.data.spec import ArraySpec, BackendSpec, FloatArray

SIDE_M = 0.5
STEP_M = 0.05
PERIOD_S = 0.05


class Point:
    """Seen: x, y of the point and the way from it to the goal, in m. Action: how far to move."""

    def __init__(self, horizon: int = 40, tolerance_m: float = 0.05) -> None:
        edge = np.array([SIDE_M, SIDE_M, 2 * SIDE_M, 2 * SIDE_M], np.float32)
        step = np.full(2, STEP_M, np.float32)
        self.tolerance_m = tolerance_m
        self.spec = BackendSpec(
            observation=ArraySpec(
                (4,), -edge, edge, ("x", "y", "to_goal_x", "to_goal_y"), ("m",) * 4
            ),
            action=ArraySpec((2,), -step, step, ("dx", "dy"), ("m",) * 2),
            period_s=PERIOD_S,
            simulated=True,
            seedable=True,
            horizon=horizon,
            scene_size=4,
        )
        self._at_m, self._goal_m = np.zeros((2, 2), np.float32)
        self._steps = 0

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def stop(self) -> None:
        pass  # it stands still by itself: nothing moves between two calls of `send`

    def reset(self, seed: int | None = None) -> Observation:
        drawn = np.random.default_rng(seed).uniform(-SIDE_M, SIDE_M, (2, 2))
        self._at_m, self._goal_m = drawn.astype(np.float32)
        self._steps = 0
        return self.observe()

    def observe(self) -> Observation:
        ended = Ended.TRUNCATED if self._steps == self.spec.horizon else Ended.RUNNING
        state = np.concatenate([self._at_m, self._goal_m - self._at_m])
        return Observation(round(self._steps * PERIOD_S * 1e9), state, ended)

    def plan(self, action: FloatArray) -> Target:
        return self._target(np.clip(self._at_m + action, -SIDE_M, SIDE_M))

    def present(self) -> Target:
        return self._target(self._at_m)

    def send(self, target: Target) -> None:
        self._at_m = target.joint_rad
        self._steps += 1

    def tool_at(self, joint_rad: FloatArray) -> FloatArray:
        return np.append(joint_rad, np.float32(0))

    def action_of(self, target: Target) -> FloatArray:
        return target.joint_rad - self._at_m

    def _target(self, at_m: FloatArray) -> Target:
        return Target(joint_rad=at_m, tool_m=self.tool_at(at_m))

    # What only a simulator has: the truth, an expert, and pictures of stored states.

    def truth(self) -> Truth:
        distance_m = float(np.linalg.norm(self._goal_m - self._at_m))
        return Truth(reward=-distance_m, success=distance_m < self.tolerance_m)

    def expert_action(self) -> FloatArray:
        action: FloatArray = np.clip(self._goal_m - self._at_m, -STEP_M, STEP_M)
        return action

    def scene(self) -> FloatArray:
        return np.concatenate([self._at_m, self._goal_m])

    def render(self, scene: FloatArray, height: int, width: int, camera: str = "") -> Picture:
        picture = np.full((height, width, 3), 255, np.uint8)
        for (x, y), colour in ((scene[2:], (40, 160, 60)), (scene[:2], (200, 50, 40))):
            row = int((SIDE_M - y) / (2 * SIDE_M) * (height - 1))
            column = int((x + SIDE_M) / (2 * SIDE_M) * (width - 1))
            reach = max(2, height // 40)
            picture[max(0, row - reach) : row + reach, max(0, column - reach) : column + reach] = (
                colour
            )
        return picture
