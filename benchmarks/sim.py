"""How fast the simulator steps, beside bare PyBullet and beside panda-gym.

`bare` is the motor command, the physics steps and the joint read of the same world under the same
commands, and nothing else. A `step` is what training does a period: `Guarded.apply`, `observe`,
`truth`. Beside panda-gym 3.0.7 stand the Gymnasium environments of both, made by `gymnasium.make`,
with end-effector actions and 40 ms a step; panda has panda-gym's own 20 x 2 ms.

Prints `{"so101_reach": {"ratio_to_bare_joint": .., "ratio_to_bare_ee": ..,
"ratio_to_panda_gym": .., "with_resets": .., "panda_gym": ..}, "panda_reach": {..}}`, where
`with_resets` is steps a second over whole episodes, resets counted in, and `panda_gym` the same of
the peer. Figures are medians of rounds that take turns, in CPU time of the stepping thread, so that
what else the machine does counts little. Wanted: at least 0.9, 0.75, and 5 (so101) or 2 (panda).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pybullet

import robofeed_pybullet  # noqa: F401 - registers the environments
from robofeed.safety import Guarded
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig
from robofeed_pybullet.world import PhysicsWorld

PEER = "panda-gym==3.0.7"
STEPS = 50
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "so101_reach": ("robofeed/So101Reach-v0", {"arm": "so101"}),
    "panda_reach": ("robofeed/PandaReach-v0", {"arm": "panda", "substeps": 20}),
}


class Peer:
    """panda-gym in its own environment, in a process of its own."""

    def __init__(self, cache: Path) -> None:
        folder = cache / PEER.replace("==", "-")
        python = folder / "bin" / "python"
        if not (folder / "complete").exists():
            venv.create(folder, with_pip=True, clear=True)
            install = [python, "-m", "pip", "install", "-qq", PEER, "scipy"]
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

    def round(self) -> tuple[float, float]:
        """Seconds a step of one episode, without and with its reset."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            numbers = line.split()
            # PyBullet writes lines of its own when it starts.
            if len(numbers) == 2 and numbers[0][0].isdigit():
                return float(numbers[0]), float(numbers[1])
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

    def round(self, seed: int) -> tuple[float, float]:
        """Seconds a step and seconds a bare step, of one episode of random actions."""
        action = self._guarded.spec.action
        actions = [action.sample(self._rng) for _ in range(STEPS)]
        self._guarded.reset(seed)
        goals = []
        for one in actions:
            target = self._guarded.apply(one).target
            goals.append(target.joint_rad.tolist())
        runs: list[Callable[[], float]] = [
            lambda: self._steps(seed, actions),
            lambda: self._bare(seed, goals),
        ]
        if seed % 2:
            return runs[0](), runs[1]()
        bare = runs[1]()
        return runs[0](), bare

    def close(self) -> None:
        self._guarded.close()

    def _steps(self, seed: int, actions: list[Any]) -> float:
        self._guarded.reset(seed)
        apply, observe, truth = self._guarded.apply, self._guarded.observe, self._backend.truth
        started = time.thread_time()
        for action in actions:
            apply(action)
            observe()
            truth()
        return (time.thread_time() - started) / STEPS

    def _bare(self, seed: int, goals: list[list[float]]) -> float:
        self._guarded.reset(seed)
        world: PhysicsWorld = self._backend.physics
        body, joints, client = world.body, world.joints, world.client
        forces, gains, dampings = world.forces, world.gains, world.dampings
        substeps = range(world.substeps)
        started = time.thread_time()
        for goal in goals:
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
        return (time.thread_time() - started) / STEPS


class Environment:
    """A Gymnasium environment stepped with random actions."""

    def __init__(self, name: str, arguments: dict[str, Any]) -> None:
        options = {key: value for key, value in arguments.items() if key != "arm"}
        self._env = gymnasium.make(name, **options)
        self._env.action_space.seed(0)
        self._env.reset(seed=0)

    def round(self) -> tuple[float, float]:
        """Seconds a step of one episode, without and with its reset."""
        actions = [self._env.action_space.sample() for _ in range(STEPS)]
        begun = time.thread_time()
        self._env.reset()
        started = time.thread_time()
        for action in actions:
            self._env.step(action)
        ended = time.thread_time()
        return (ended - started) / STEPS, (ended - begun) / STEPS

    def close(self) -> None:
        self._env.close()


def measure(name: str, peer: Peer | None, rounds: int) -> dict[str, float]:
    """The figures of one case."""
    environment_name, arguments = CASES[name]
    modes = {"joint": "joint", "ee": "end_effector"}
    ours = {
        mode: Ours(PybulletConfig(**{**arguments, "action": action}))
        for mode, action in modes.items()
    }
    environment = Environment(environment_name, arguments)
    bare: dict[str, list[float]] = {mode: [] for mode in modes}
    beside: list[float] = []
    ours_with, peer_with = [], []
    for number in range(rounds + 1):
        shares = {}
        for mode, arm in ours.items():
            step_s, bare_s = arm.round(number)
            shares[mode] = bare_s / step_s
        step_s, with_reset_s = environment.round()
        peer_step_s, peer_with_s = peer.round() if peer is not None else (float("nan"),) * 2
        if number == 0:
            continue  # the first fills caches
        for mode, share in shares.items():
            bare[mode].append(share)
        beside.append(peer_step_s / step_s)
        ours_with.append(1.0 / with_reset_s)
        peer_with.append(1.0 / peer_with_s)
    for arm in ours.values():
        arm.close()
    environment.close()
    return {
        **{f"ratio_to_bare_{mode}": statistics.median(values) for mode, values in bare.items()},
        "ratio_to_panda_gym": statistics.median(beside),
        "with_resets": statistics.median(ours_with),
        "panda_gym": statistics.median(peer_with),
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
            name: {key: round(value, 3) for key, value in case.items()}
            for name, case in figures.items()
        }
        print(json.dumps(rounded))
        return
    for name, case in figures.items():
        for key, value in case.items():
            print(f"{name:14}{key:22}{value:10.3f}")


if __name__ == "__main__":
    main()
