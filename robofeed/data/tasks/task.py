"""What a task is: where things start, what is observed, what counts as success. Pure numpy.

Simulated and real backends share these objects, so that one preset has one observation layout on
both. Lengths are in metres in the arm's base frame (x forward, y left, z up, origin on the table
under the first joint's axis).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from robofeed.data.observation import Truth
from robofeed.data.spec import ArraySpec, FloatArray

Point = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
"""x, y, z, w"""

REWARD_UNIT_M = 0.1
"""the distance that is worth a true reward of 1 a step, so101"""
HOLD_STEPS = 5


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """What a task must know of an arm. `scale` is its reach over that of the so101."""

    name: str
    joint_names: tuple[str, ...]
    joint_low_rad: tuple[float, ...]
    joint_high_rad: tuple[float, ...]
    joint_speed_rad_s: tuple[float, ...]
    home_rad: tuple[float, ...]
    scale: float
    tool_step_m: float
    """largest tool displacement along an axis in one step of an end-effector action"""
    workspace_low_m: Point
    workspace_high_m: Point
    home_tool_m: Point
    """where the tool is at `home_rad`"""
    gripper_width_m: float = 0.05
    """distance between the fingers where `gripper` is 1"""
    cube_opening: float = 0.3
    """`gripper` when it has shut on the cube of the tasks"""
    hand_half_m: tuple[float, float] = (0.020, 0.025)
    """half the width, along x and y, of what is round the tool point while it points down"""
    reaches: Callable[[Point], bool] | None = None
    """whether the tool comes to a point; None = wherever the tasks' lengths, scaled, say"""


@dataclass(frozen=True, slots=True)
class Body:
    """A thing in the scene beside the arm. `mass_kg` 0 = it does not move."""

    name: str
    shape: Literal["box", "cylinder", "sphere"]
    size_m: Point
    """box: full edge lengths; cylinder: (diameter, diameter, height); sphere: diameter thrice"""
    position_m: Point
    quaternion: Quaternion = (0.0, 0.0, 0.0, 1.0)
    mass_kg: float = 0.0
    friction: float = 0.8
    colour: tuple[float, float, float, float] = (0.85, 0.3, 0.2, 1.0)
    obstacle: bool = False
    """touching it with the arm is a collision"""


@dataclass(frozen=True, slots=True)
class Layout:
    """The start of an episode: where the goal and the bodies are."""

    goal_m: Point
    bodies: tuple[Body, ...] = ()
    home_rad: tuple[float, ...] | None = None
    """the joints the arm starts from; None = the arm's own home"""


@dataclass(slots=True)
class BodyState:
    """Where a movable body is."""

    position_m: Sequence[float]
    quaternion: Sequence[float]


@dataclass(slots=True)
class World:
    """What is measured after a step. The backend refills one object, so keep no reference to it."""

    joint_rad: Sequence[float]
    joint_rad_s: Sequence[float]
    tool_m: Sequence[float]
    gripper: float = float("nan")
    """opening in [0, 1]"""
    bodies: list[BodyState] = field(default_factory=list)
    """the movable ones, in the layout's order"""
    touching: bool = False
    """whether the arm touches an obstacle (simulators only)"""


class Task(Protocol):
    """One task on one arm."""

    name: str
    episode_s: float
    """how long an episode lasts, unless a run says otherwise"""
    max_bodies: int
    """the largest number of bodies in a layout"""
    uses_gripper: bool
    posture: Literal["free", "down"]
    """whether end-effector actions keep the tool pointing down"""
    observation: ArraySpec

    def layout(self, rng: np.random.Generator) -> Layout:
        """Draw the start of an episode."""

    def observe(self, world: World, layout: Layout) -> list[float]:
        """The observation's values, in the order of `observation`."""

    def truth(self, world: World, layout: Layout) -> Truth:
        """True reward of this state, and whether the goal is met in it."""

    def episode_success(self, met: Sequence[bool], collided: bool) -> bool:
        """Whether an episode would count as a success if it ended now.

        `met` says of each step so far (or of the last few) whether the goal was met, `collided`
        whether any of them touched an obstacle.
        """

    def expert(self, world: World, layout: Layout) -> list[float]:
        """A good tool displacement in m (3 values), then the gripper opening where it is used."""


def horizon_of(task: Task, period_s: float, horizon: int = 0) -> int:
    """Steps of an episode: `horizon`, or as many as the task's time has, however fast they come."""
    return horizon or max(1, round(task.episode_s / period_s))


def held_at_end(met: Sequence[bool]) -> bool:
    """Whether the goal is met on each of the last 5 steps."""
    return len(met) >= HOLD_STEPS and all(met[-HOLD_STEPS:])


def straight(start_m: Sequence[float], goal_m: Sequence[float], step_m: float) -> list[float]:
    """The displacement towards `goal_m`, shortened so that no axis moves more than `step_m`."""
    way = [goal - start for start, goal in zip(start_m, goal_m, strict=True)]
    longest = max(abs(value) for value in way)
    return [value * step_m / longest for value in way] if longest > step_m else way


def proprioception(arm: ArmFigures, *, gripper: bool) -> list[tuple[str, str, float, float]]:
    """Name, unit and bounds of joint positions, joint speeds, tool position and gripper opening."""
    rows = [
        (f"{name}.position", "rad", low, high)
        for name, low, high in zip(
            arm.joint_names, arm.joint_low_rad, arm.joint_high_rad, strict=True
        )
    ]
    rows += [
        (f"{name}.speed", "rad/s", -speed, speed)
        for name, speed in zip(arm.joint_names, arm.joint_speed_rad_s, strict=True)
    ]
    rows += place(arm, "tool")
    if gripper:
        rows.append(("gripper", "1", 0.0, 1.0))
    return rows


def place(arm: ArmFigures, name: str) -> list[tuple[str, str, float, float]]:
    """Rows of a position inside the workspace."""
    return [
        (f"{name}.{axis}", "m", low, high)
        for axis, low, high in zip("xyz", arm.workspace_low_m, arm.workspace_high_m, strict=True)
    ]


def offset(arm: ArmFigures, name: str) -> list[tuple[str, str, float, float]]:
    """Rows of a difference between two positions inside the workspace."""
    return [
        (f"{name}.{axis}", "m", low - high, high - low)
        for axis, low, high in zip("xyz", arm.workspace_low_m, arm.workspace_high_m, strict=True)
    ]


def array_spec(rows: Sequence[tuple[str, str, float, float]]) -> ArraySpec:
    """The `ArraySpec` of these rows."""
    names, units, low, high = zip(*rows, strict=True)
    bounds: list[FloatArray] = [np.array(values, np.float32) for values in (low, high)]
    return ArraySpec((len(rows),), bounds[0], bounds[1], names=names, units=units)
