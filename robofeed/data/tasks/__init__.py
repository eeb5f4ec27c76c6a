"""Tasks by name. Shared by simulated and real backends."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from robofeed.data.errors import ConfigError
from robofeed.data.tasks.obstacles import Obstacles
from robofeed.data.tasks.pick_place import PickPlace
from robofeed.data.tasks.push import Push
from robofeed.data.tasks.reach import Reach
from robofeed.data.tasks.task import (
    ArmFigures,
    Body,
    BodyState,
    Layout,
    Task,
    World,
    horizon_of,
)

TASKS: dict[str, Callable[[ArmFigures], Task]] = {
    "reach": Reach,
    "push": Push,
    "pick_place": PickPlace,
    "obstacles": Obstacles,
}


def make_task(name: str, arm: ArmFigures) -> Task:
    """The task called `name` for `arm`.

    Raises:
        ConfigError: no such task.
    """
    try:
        made = TASKS[name]
    except KeyError:
        near = difflib.get_close_matches(name, TASKS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"no task {name!r}{hint} (there are {', '.join(TASKS)})") from None
    return made(arm)


__all__ = [
    "TASKS",
    "ArmFigures",
    "Body",
    "BodyState",
    "Layout",
    "Task",
    "World",
    "horizon_of",
    "make_task",
]
