"""How fast the simulator steps, beside bare PyBullet and beside panda-gym.

`bare` is the motor command, n calls of stepSimulation and the joint read of the same world under
the same commands, and nothing else; `bare_one_call` has the n steps inside one call, as the
simulator itself has. A `step` is what training does a period: `Guarded.apply`, `observe`,
`truth`. Beside panda-gym 3.0.7 stand the Gymnasium environments of both, made by `gymnasium.make`,
with end-effector actions and 40 ms a step; panda has panda-gym's own 20 x 2 ms.

Prints a table, or with `--json` `{"so101_reach": {"ratio_to_bare_joint": ..,
"ratio_to_bare_ee": .., "ratio_to_panda_gym": .., "with_resets": ..}, "panda_reach": {..}}`, where
`with_resets` is steps a second over whole episodes, resets counted in. Wanted: at least 0.9, 0.75,
and 5 (so101) or 2 (panda). The table also has the microseconds behind the ratios, and the steps a
second with resets of the peer.

Times are CPU time of the stepping thread, in runs of 5 steps, all sides taking turns; of each
side's runs the fastest tenth counts. On an idle machine that changes nothing. On a busy one the
slower runs measure the caches that other processes emptied.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pybullet

import robofeed_pybullet  # noqa: F401 - registers the environments
from robofeed.data.spec import ArraySpec
from robofeed.safety import Guarded
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig
from robofeed_pybullet.world import PhysicsWorld

PEER = "panda-gym==3.0.7"
STEPS, CHUNK = 50, 5
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "so101_reach": ("robofeed/So101Reach-v0", {"arm": "so101"}),
    "panda_reach": ("robofeed/PandaReach-v0", {"arm": "panda", "substeps": 20}),
}


Times = list[float]
PRINTED = ("ratio_to_bare_joint", "ratio_to_bare_ee", "ratio_to_panda_gym", "with_resets")


class Peer:
    """panda-gym in its own environment, in a process of its own."""

    def __init__(self, cache: Path) -> None:
        folder = cache / PEER.replace("==", "-")
        python = folder / "bin" / "python"
        if not (folder / "complete").exists():
            venv.create(folder, with_pip=True, clear=True)
            install = [str(python), "-m", "pip", "install", "-qq", PEER, "scipy"]
            subprocess.run(install, check=True, stdout=sys.stderr)
            (folder / "complete").touch()
        script = Path(__file__).with_name("sim_peer.py")
        self._process = subprocess.Popen(
            [python, script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def round(self) -> tuple[float, Times]:
        """Seconds of the reset and of each run of steps of one episode."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            numbers = line.split()
            # PyBullet writes lines of its own when it starts.
            if len(numbers) == 1 + STEPS // CHUNK and numbers[0][0].isdigit():
                reset_s, *runs_s = (float(number) for number in numbers)
                return reset_s, runs_s
        raise SystemExit(f"{PEER} ended; run sim_peer.py by hand to see why")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


class Ours:
    """One arm and kind of action: steps and bare steps of the same episodes."""

    def __init__(self, config: PybulletConfig) -> None:
        self._backend = PybulletBackend(config)
        self._guarded = Guarded(self._backend)
        self._guarded.open()
        self._rng = np.random.default_rng(0)

    def round(self, seed: int) -> dict[str, Times]:
        """Seconds of each run of steps and of both kinds of bare steps, of the same episode."""
        spec = self._guarded.spec.action
        assert isinstance(spec, ArraySpec)
        actions = [spec.sample(self._rng) for _ in range(STEPS)]
        self._guarded.reset(seed)
        goals = []
        for action in actions:
            target = self._guarded.apply(action).target
            assert target is not None
            goals.append(target.joint_rad.tolist())
        sides = {
            "step": lambda: self._steps(seed, actions),
            "bare": lambda: self._bare(seed, goals, one_call=False),
            "bare_one_call": lambda: self._bare(seed, goals, one_call=True),
        }
        order = list(sides)[:: 1 if seed % 2 else -1]
        return {side: sides[side]() for side in order}

    def close(self) -> None:
        self._guarded.close()

    def _steps(self, seed: int, actions: list[Any]) -> Times:
        self._guarded.reset(seed)
        apply, observe, truth = self._guarded.apply, self._guarded.observe, self._backend.truth

        def step(action: Any) -> None:
            apply(action)
            observe()
            truth()

        return timed(step, actions)

    def _bare(self, seed: int, goals: list[list[float]], *, one_call: bool) -> Times:
        self._guarded.reset(seed)
        world: PhysicsWorld = self._backend.physics
        body, joints, client = world.body, world.joints, world.client
        gains, dampings = world.gains, world.dampings
        substeps = range(1 if one_call else world.substeps)
        forces = world.forces
        if not one_call:
            # The same physics, a call for each of its steps.
            forces = [force * world.substeps for force in forces]
            pybullet.setPhysicsEngineParameter(
                fixedTimeStep=world.timestep_s, numSubSteps=0, physicsClientId=client
            )

        def step(goal: list[float]) -> None:
            pybullet.setJointMotorControlArray(
                body,
                joints,
                pybullet.POSITION_CONTROL,
                targetPositions=goal,
                forces=forces,
                positionGains=gains,
                velocityGains=dampings,
                physicsClientId=client,
            )
            for _ in substeps:
                pybullet.stepSimulation(client)
            pybullet.getJointStates(body, joints, client)

        return timed(step, goals)


class Environment:
    """A Gymnasium environment stepped with random actions."""

    def __init__(self, name: str, arguments: dict[str, Any]) -> None:
        options = {key: value for key, value in arguments.items() if key != "arm"}
        self._env = gymnasium.make(name, **options)
        self._env.action_space.seed(0)
        self._env.reset(seed=0)

    def round(self) -> tuple[float, Times]:
        """Seconds of the reset and of each run of steps of one episode."""
        actions = [self._env.action_space.sample() for _ in range(STEPS)]
        started = time.thread_time()
        self._env.reset()
        reset_s = time.thread_time() - started
        return reset_s, timed(self._env.step, actions)

    def close(self) -> None:
        self._env.close()


def timed(step: Callable[[Any], object], arguments: list[Any]) -> Times:
    """Seconds of each run of `CHUNK` steps."""
    times = [time.thread_time()]
    for start in range(0, STEPS, CHUNK):
        for argument in arguments[start : start + CHUNK]:
            step(argument)
        times.append(time.thread_time())
    return [after - before for before, after in pairwise(times)]


def fast(times: Times) -> float:
    """The fastest tenth's upper end."""
    return float(np.percentile(times, 10.0))


def measure(name: str, peer: Peer | None, rounds: int) -> dict[str, float]:
    """The figures of one case."""
    environment_name, arguments = CASES[name]
    modes = {"joint": "joint", "ee": "end_effector"}
    ours = {
        mode: Ours(PybulletConfig(**{**arguments, "action": action}))
        for mode, action in modes.items()
    }
    environment = Environment(environment_name, arguments)
    times: dict[str, Times] = {}
    resets: dict[str, Times] = {"ours": [], "peer": []}
    runs: dict[str, Times] = {"ours": [], "peer": []}
    for number in range(rounds + 1):
        for mode, arm in ours.items():
            for side, runs_s in arm.round(number).items():
                if number:  # the first round fills caches
                    times.setdefault(f"{side}_{mode}", []).extend(runs_s)
        for side, one in (("ours", environment), ("peer", peer)):
            reset_s, runs_s = one.round() if one is not None else (float("nan"), [float("nan")])
            if number:
                resets[side].append(reset_s)
                runs[side] += runs_s
    for arm in ours.values():
        arm.close()
    environment.close()
    whole_s = {
        side: fast(resets[side]) + fast(runs[side]) * STEPS / CHUNK for side in ("ours", "peer")
    }
    step_s = {key: fast(runs_s) / CHUNK for key, runs_s in times.items()}
    ratios = {
        f"ratio_to_{bare}_{mode}": step_s[f"{bare}_{mode}"] / step_s[f"step_{mode}"]
        for bare in ("bare", "bare_one_call")
        for mode in modes
    }
    return {
        **ratios,
        "ratio_to_panda_gym": fast(runs["peer"]) / fast(runs["ours"]),
        "with_resets": STEPS / whole_s["ours"],
        "panda_gym_with_resets": STEPS / whole_s["peer"],
        **{f"{key}_us": seconds * 1e6 for key, seconds in step_s.items()},
        "environment_us": fast(runs["ours"]) / CHUNK * 1e6,
        "panda_gym_us": fast(runs["peer"]) / CHUNK * 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--no-peer", action="store_true", help="leave panda-gym out (NaN)")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path.home() / ".cache" / "robofeed" / "peers",
        help="where panda-gym's environment is made, once",
    )
    options = parser.parse_args()
    peer = None if options.no_peer else Peer(options.cache)
    figures = {name: measure(name, peer, options.rounds) for name in CASES}
    if peer is not None:
        peer.close()
    if options.json:
        rounded = {
            name: {key: round(case[key], 3) for key in PRINTED} for name, case in figures.items()
        }
        print(json.dumps(rounded))
        return
    for name, case in figures.items():
        for key, value in case.items():
            print(f"{name:14}{key:28}{value:10.3f}")


if __name__ == "__main__":
    main()
