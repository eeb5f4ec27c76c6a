"""What four controllers that learn nothing achieve on each arm and task.

`random` draws actions uniformly, `nothing` asks for none (gripper open), `straight` goes straight
to the goal and `expert` is the scripted one. All act through the safety gates, as a policy does.
Wanted: random at most 0.05, nothing at most 0.02, straight at most 0.20 on obstacles, expert at
least 0.98. Prints a table, or JSON
`{"so101 reach": {"expert": {"success": .., "interval": [..], "collided": .., "return": .., ..}}}`.
`arrival_steps` is the median step from which on the goal was met to the end, over successes.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from typing import Any

import numpy as np

from robofeed.data.intervals import wilson_interval
from robofeed.data.observation import Ended, Gate, Observation
from robofeed.data.spec import ArraySpec, FloatArray
from robofeed.safety import Guarded
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig

ARMS = ("so101", "panda", "kuka_iiwa", "xarm6")
TASKS = ("reach", "push", "pick_place", "obstacles")
CONTROLLERS = ("random", "nothing", "straight", "expert")
FIRST_SEED = 1_000_000
"""far from the seeds that runs train and evaluate on"""

Controller = Callable[[Observation], FloatArray]
Outcome = tuple[bool, bool, float, int, int]
"""success, collided, return, first step of the last stretch on goal, steps that gates touched"""


def controller(name: str, backend: PybulletBackend, rng: np.random.Generator) -> Controller:
    """The controller called `name` on `backend`."""
    action = backend.spec.action
    assert isinstance(action, ArraySpec)
    names = backend.spec.observation.names
    idle = np.zeros(action.shape, np.float32)
    idle[3:] = 1.0
    if name == "random":
        return lambda observation: action.sample(rng)
    if name == "nothing":
        return lambda observation: idle
    if name == "expert":
        return lambda observation: backend.expert_action()
    parts = [part for part in ("target_from_tool", "cube_from_tool", "goal_from_cube")]
    columns = [
        [names.index(f"{part}.{axis}") for axis in "xyz"] for part in parts if f"{part}.x" in names
    ]
    step_m = float(action.high[0])

    def straight(observation: Observation) -> FloatArray:
        way = sum(observation.state[column] for column in columns)
        move = idle.copy()
        move[:3] = way * min(1.0, step_m / max(float(np.abs(way).max()), 1e-9))
        return move

    return straight


def episode(arm: Guarded, backend: PybulletBackend, act: Controller, seed: int) -> Outcome:
    """Run one episode to its end."""
    observation = arm.reset(seed)
    total, collided, touched, steps, arrived = 0.0, False, 0, 0, 0
    while observation.ended is Ended.RUNNING:
        executed = arm.apply(act(observation))
        observation = arm.observe()
        truth = backend.truth()
        steps += 1
        total += truth.reward
        collided |= truth.collided
        touched += executed.gates != Gate.NONE
        arrived = arrived if truth.success else steps + 1
    return truth.success, collided, total, arrived, touched


def block(arm_name: str, task: str, action: str, name: str, seeds: range) -> list[Outcome]:
    """The episodes of one controller on one arm and task, in this process."""
    backend = PybulletBackend(
        PybulletConfig.model_validate({"arm": arm_name, "task": task, "action": action})
    )
    arm = Guarded(backend)
    arm.open()
    try:
        act = controller(name, backend, np.random.default_rng(seeds.start))
        return [episode(arm, backend, act, seed) for seed in seeds]
    finally:
        arm.close()


def summary(outcomes: list[Outcome]) -> dict[str, Any]:
    """Figures over `outcomes`."""
    wins = [outcome for outcome in outcomes if outcome[0]]
    return {
        "success": len(wins) / len(outcomes),
        "interval": [round(bound, 3) for bound in wilson_interval(len(wins), len(outcomes))],
        "collided": sum(outcome[1] for outcome in outcomes) / len(outcomes),
        "return": statistics.fmean(outcome[2] for outcome in outcomes),
        "arrival_steps": statistics.median(outcome[3] for outcome in wins) if wins else None,
        "gated_steps": statistics.fmean(outcome[4] for outcome in outcomes),
        "failed_seeds": [FIRST_SEED + i for i, outcome in enumerate(outcomes) if not outcome[0]][
            :20
        ],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--arms", nargs="+", default=ARMS)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--controllers", nargs="+", default=CONTROLLERS)
    parser.add_argument("--action", default="end_effector", choices=("end_effector", "joint"))
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + options.episodes)
    results: dict[str, dict[str, Any]] = {}
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        jobs = {
            (arm, task, name): pool.submit(block, arm, task, options.action, name, seeds)
            for arm, task, name in product(options.arms, options.tasks, options.controllers)
        }
        for (arm, task, name), job in jobs.items():
            figures = results.setdefault(f"{arm} {task}", {})[name] = summary(job.result())
            if not options.json:
                low, high = figures["interval"]
                print(
                    f"{arm:10}{task:11}{name:9}{figures['success']:6.2f}  [{low:.2f}, {high:.2f}]"
                    f"  collided {figures['collided']:.2f}  return {figures['return']:8.1f}"
                    f"  arrival {figures['arrival_steps'] or '-':>5}"
                    f"  gated steps {figures['gated_steps']:.1f}",
                    flush=True,
                )
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
