"""panda-gym's PandaReach stepped on demand: started by `sim.py` in an environment of its own.

For every line read, one episode is reset and stepped; the seconds a step are written back, then the
seconds a step with the reset counted in.
"""

from __future__ import annotations

import sys
import time

import gymnasium
import panda_gym

STEPS = 50


def main() -> None:
    gymnasium.register_envs(panda_gym)
    env = gymnasium.make("PandaReach-v3")
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in sys.stdin:
        actions = [env.action_space.sample() for _ in range(STEPS)]
        begun = time.thread_time()
        env.reset()
        started = time.thread_time()
        for action in actions:
            env.step(action)
        ended = time.thread_time()
        print((ended - started) / STEPS, (ended - begun) / STEPS, flush=True)


if __name__ == "__main__":
    main()
