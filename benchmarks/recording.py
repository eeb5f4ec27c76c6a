"""What recording costs: steps/s with every episode written in the background, over steps/s without.

A step is a busy loop, since a simulator and a learner keep the processor busy too: 0.43 ms is so101
with inverse kinematics and no learner, 13 ms has one SAC update a step on a CPU. Throughput is per
second of processor time of the whole process, as if there were one core and nothing could hide
behind another; so other programs on the machine do not disturb the figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from robofeed.data.episode import Episode, TruthTrace
from robofeed.data.episode_writer import EpisodeWriter
from robofeed.data.observation import Ended
from robofeed.data.store import EpisodeStore

STEPS, OBSERVATION, ACTION, SCENE = 50, 24, 4, 30


def episode(number: int, rng: np.random.Generator) -> tuple[Episode, TruthTrace]:
    """An episode of the size of so101 reach."""
    executed = rng.normal(size=(STEPS, ACTION))
    made = Episode(
        id=f"e{number:06}",
        observations=rng.normal(size=(STEPS + 1, OBSERVATION)),
        time_ns=np.arange(STEPS + 1),
        proposed=executed,
        executed=executed,
        gates=np.zeros(STEPS),
        mode=np.zeros(STEPS),
        policy_version=np.full(STEPS, number),
        scene=rng.normal(size=(STEPS + 1, SCENE)),
        ended=Ended.TRUNCATED,
        seed=number,
        spec_hash="",
    )
    reward = rng.normal(size=STEPS).astype(np.float32)
    return made, TruthTrace(made.id, reward, reward > 0, reward > 3)


def steps_per_s(writer: EpisodeWriter | None, first: int, episodes: int, step_s: float) -> float:
    """Run `episodes` episodes; all is on disk, synced, within the time that counts."""
    rng = np.random.default_rng(first)
    start_s = time.process_time()
    for number in range(first, first + episodes):
        end_s = time.thread_time() + STEPS * step_s
        while time.thread_time() < end_s:
            pass
        made, truth = episode(number, rng)
        if writer is not None:
            writer.write(made, truth, None)
    if writer is not None:
        writer.flush()
    return episodes * STEPS / (time.process_time() - start_s)


def measure(rounds: int, episodes: int, step_s: float) -> dict[str, float]:
    """Alternate rounds with and without writing; medians."""
    without, recorded = [], []
    with (
        tempfile.TemporaryDirectory(dir=".") as folder,
        EpisodeWriter(EpisodeStore(Path(folder))) as writer,
    ):
        steps_per_s(writer, 0, 1, step_s)  # imports pyarrow
        for turn in range(rounds):
            without.append(steps_per_s(None, 0, episodes, step_s))
            recorded.append(steps_per_s(writer, 1 + turn * episodes, episodes, step_s))
    one, other = statistics.median(recorded), statistics.median(without)
    return {
        "step_ms": step_s * 1e3,
        "steps_per_s": round(one, 1),
        "steps_per_s_unrecorded": round(other, 1),
        "ratio": round(one / other, 4),
        "ms_an_episode": round(1e3 * STEPS * (1 / one - 1 / other), 2),
    }


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON, as it does anyway")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    result = {
        "collecting": measure(options.rounds, 40, 0.43e-3),
        "training": measure(options.rounds, 3, 13e-3),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
