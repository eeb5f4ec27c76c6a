"""panda-gym's PandaReach stepped on demand: started by `sim.py` in an environment of its own.

For every line read, one episode is reset and stepped; written back are the seconds of the reset and
the seconds of each run of 5 steps.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import gymnasium
import panda_gym

STEPS, CHUNK = 50, 5


def main() -> None:
    gymnasium.register_envs(panda_gym)
    env = gymnasium.make("PandaReach-v3")
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in sys.stdin:
        actions = [env.action_space.sample() for _ in range(STEPS)]
        times = [time.thread_time()]
        env.reset()
        times.append(time.thread_time())
        for start in range(0, STEPS, CHUNK):
            for action in actions[start : start + CHUNK]:
                env.step(action)
            times.append(time.thread_time())
        print(*(after - before for before, after in pairwise(times)), flush=True)


if __name__ == "__main__":
    main()
