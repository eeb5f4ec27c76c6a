"""How long an arm takes to obey a key, while the run it belongs to goes on learning.

`robofeed train reach` (so101, two simulators, soft actor-critic) runs in a process of its own; this
script holds the controls through the run's socket, as the terminal does, and presses keys at random
moments. A key's time goes from the moment it was pressed to the end of the simulated step that
obeyed it, learning in between included: both are read from the machine's monotonic clock. Wanted:
at most one control period and 20 ms at the median.

Prints a table, or with `--json` `{"median_ms": .., "p95_ms": .., "goal_ms": .., "keys": ..,
"overruns_share": ..}`, where the last is the share of steps that came later than real time asks.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robofeed import ControlClient, Corrected, DataError, EpisodeRecorded
from robofeed.data.control_messages import SOCKET, Do
from robofeed.data.intervention import Driver
from robofeed.event_log import read_events

START_S = 120.0
"""For a run to load its libraries and its simulators, on a machine that does other things too."""
SETTINGS = (
    "schedule.random_steps=100",
    "evaluation.episodes=1",
    "evaluation.every_steps=1000000",
    "stop.steps=1000000",
)


def connect(run_dir: Path, run: subprocess.Popen[bytes]) -> ControlClient:
    """Wait for the run's socket."""
    latest_s = time.monotonic() + START_S
    while not (run_dir / SOCKET).exists():
        if run.poll() is not None or time.monotonic() > latest_s:
            raise SystemExit("the run did not start")
        time.sleep(0.1)
    return ControlClient(run_dir, Driver("benchmark", "script"))


def press_keys(client: ControlClient, keys: int, rng: random.Random) -> None:
    """Press so many keys at random moments of training steps."""
    welcome: Mapping[str, Any] | None = client.receive(START_S)
    assert welcome is not None
    high = np.array(welcome["action"]["high"])
    client.send(Do.TAKE)
    pressed, due_s, training = 0, time.monotonic() + 1.0, False
    while pressed < keys:
        event = client.receive(max(0.0, min(0.05, due_s - time.monotonic())))
        if event is not None and event["is"] == "state":
            training = event["phase"] == "training"
        elif event is not None and event["is"] == "lost":
            client.send(Do.TAKE)
        if time.monotonic() < due_s:
            if event is None:
                client.send(Do.ALIVE)
            continue
        if training:
            way = np.zeros_like(high)
            way[rng.randrange(3)] = rng.choice((-0.5, 0.5)) * high[0]
            client.send(Do.MOVE, action=way.tolist(), steps=3)
            pressed += 1
        due_s = time.monotonic() + rng.uniform(0.1, 0.4)
    # Until the episode of the last key is over and on record.
    latest_s = time.monotonic() + 5.0
    while time.monotonic() < latest_s:
        if client.receive(0.05) is None:
            client.send(Do.ALIVE)


def measure(keys: int, seed: int) -> dict[str, float]:
    """Run, press, read what the run recorded."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "robofeed", "train", "reach", "--quiet", "--out", out]
        command += ["--name", "keys", "--seed", str(seed)]
        command += [word for setting in SETTINGS for word in ("--set", setting)]
        run_dir = Path(out) / "keys"
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with connect(run_dir, run) as client:
                press_keys(client, keys, random.Random(seed))
            run.send_signal(signal.SIGINT)
            run.wait(60.0)
        except DataError as error:
            raise SystemExit(f"the run ended early: {error}") from error
        finally:
            run.kill()
            run.wait()
        events = read_events(run_dir)
    told = [event for event in events if isinstance(event, Corrected)]
    times_ms = np.array([each for event in told for each in event.latencies_ms])
    steered = {event.episode_id for event in told}
    recorded = [event for event in events if isinstance(event, EpisodeRecorded)]
    steps = sum(event.length for event in recorded if event.episode_id in steered)
    return {
        "median_ms": float(np.median(times_ms)),
        "p95_ms": float(np.percentile(times_ms, 95)),
        "goal_ms": 40.0 + 20.0,
        "keys": len(times_ms),
        "overruns_share": sum(event.overruns for event in told) / steps,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    figures = measure(options.keys, options.seed)
    if options.json:
        print(json.dumps({name: round(value, 4) for name, value in figures.items()}))
    else:
        for name, value in figures.items():
            print(f"{name:16}{value:10.3f}")


if __name__ == "__main__":
    main()
