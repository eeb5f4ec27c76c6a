"""SAC updates per second against Stable-Baselines3's SAC: same machine, cores, sizes and torch.

Both run as child processes that take turns, a few updates each, so that whatever else the machine
does hits both alike; the ratio is the median over turns. Stable-Baselines3 lives in a virtual
environment of its own, made on first use in the cache folder, and sees the torch of this one.

    python benchmarks/learner.py [--json] [--rounds 15] [--threads 1 2]
"""

from __future__ import annotations

import argparse
import json
import os
import site
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

PEER = "stable-baselines3==2.9.2"
OBSERVATION, ACTION, HIDDEN, BATCH, STORED = 24, 7, (256, 256), 256, 10_000
UPDATES_A_TURN = {"cpu": 20, "cuda": 200}


def peer_python() -> Path:
    """Python of the peer's environment, made if it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "robofeed" / "benchmarks" / PEER.replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing {PEER} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        packages = next((folder / "lib").glob("python*/site-packages"))
        (packages / "host.pth").write_text("\n".join(site.getsitepackages()) + "\n")
        command = [str(python), "-m", "pip", "install", "--quiet", PEER]
        subprocess.run(command, check=True, stdout=sys.stderr)
        (folder / "complete").touch()
    return python


def random_transitions() -> tuple[Any, ...]:
    import numpy as np

    rng = np.random.default_rng(0)
    return (
        rng.normal(size=(STORED, OBSERVATION)).astype(np.float32),
        rng.uniform(-1, 1, (STORED, ACTION)).astype(np.float32),
        rng.normal(size=(STORED, OBSERVATION)).astype(np.float32),
        np.zeros(STORED, bool),
        rng.normal(size=STORED).astype(np.float32),
    )


def make_robofeed(device: str) -> Callable[[int], None]:
    from robofeed.data.batch import StepBatch
    from robofeed.data.spec import ArraySpec, BackendSpec
    from robofeed.update.config import SacConfig
    from robofeed.update.sac import SacLearner
    from robofeed.update.truth_reward import TruthReward

    spec = BackendSpec(
        observation=ArraySpec((OBSERVATION,), -1, 1),  # type: ignore[arg-type]
        action=ArraySpec((ACTION,), -1, 1),  # type: ignore[arg-type]
        period_s=0.04,
    )
    learner = SacLearner(SacConfig(hidden=HIDDEN, batch_size=BATCH), spec, seed=0, device=device)
    learner.relabel(TruthReward())
    learner.add(StepBatch(*random_transitions()), "online")
    return learner.update


def make_peer(device: str) -> Callable[[int], None]:
    import gymnasium
    import numpy as np
    from stable_baselines3 import SAC
    from stable_baselines3.common.logger import configure

    class Still(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(-1, 1, (OBSERVATION,), np.float32)
        action_space = gymnasium.spaces.Box(-1, 1, (ACTION,), np.float32)

    model = SAC(
        "MlpPolicy",
        Still(),
        batch_size=BATCH,
        buffer_size=STORED,
        policy_kwargs={"net_arch": list(HIDDEN)},
        device=device,
    )
    model.set_logger(configure(None, []))
    for observation, action, following, done, reward in zip(*random_transitions(), strict=True):
        model.replay_buffer.add(
            observation[None], following[None], action[None], reward[None], done[None], [{}]
        )
    return lambda n: model.train(n, BATCH)


def child(side: str, device: str, threads: int) -> None:
    """Answer every line on stdin with the updates per second of one turn."""
    import torch

    torch.set_num_threads(threads)
    update = {"robofeed": make_robofeed, "peer": make_peer}[side](device)
    turn = UPDATES_A_TURN[device]

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    update(turn)
    wait()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        update(turn)
        wait()
        print(turn / (time.perf_counter() - start), flush=True)


def compare(device: str, threads: int, rounds: int) -> dict[str, float]:
    """Updates per second of both sides, and the median ratio of neighbouring turns."""
    children = {}
    for side, python in (("robofeed", sys.executable), ("peer", str(peer_python()))):
        children[side] = subprocess.Popen(
            [python, __file__, "--child", side, "--device", device, "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    rates: dict[str, list[float]] = {side: [] for side in children}
    for process in children.values():
        _answer(process)
    for _ in range(rounds):
        for side, process in children.items():
            assert process.stdin is not None
            process.stdin.write("turn\n")
            process.stdin.flush()
            rates[side].append(float(_answer(process)))
    for process in children.values():
        process.communicate()
    pairs = zip(rates["robofeed"], rates["peer"], strict=True)
    return {
        "robofeed": round(median(rates["robofeed"]), 1),
        "sb3": round(median(rates["peer"]), 1),
        "ratio_to_sb3": round(median(ours / theirs for ours, theirs in pairs), 2),
    }


def _answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"benchmark child {process.args!r} ended with {process.wait()}")
    return line


def measure(threads: list[int], rounds: int) -> dict[str, Any]:
    """All comparisons. The headline ratio is the one with the most threads."""
    import torch

    by_threads = {str(count): compare("cpu", count, rounds) for count in threads}
    result: dict[str, Any] = {
        "what": f"SAC updates/s, batch {BATCH}, hidden {HIDDEN}, obs {OBSERVATION}, act {ACTION}",
        "peer": PEER,
        "torch": torch.__version__,
        "cpu": {
            "ratio_to_sb3": by_threads[str(max(threads))]["ratio_to_sb3"],
            "threads": by_threads,
        },
        "cuda": None,
    }
    if torch.cuda.is_available():
        result["cuda"] = compare("cuda", 1, rounds)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--child", choices=["robofeed", "peer"], help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cpu", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.device, arguments.threads[0])
        return
    result = measure(arguments.threads, arguments.rounds)
    if arguments.json:
        print(json.dumps(result))
        return
    print(result["what"])
    for count, row in result["cpu"]["threads"].items():
        print(f"  cpu, {count} threads: {row}")
    print(f"  cuda: {result['cuda']}")


if __name__ == "__main__":
    main()
