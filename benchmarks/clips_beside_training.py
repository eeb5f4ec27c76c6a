"""What clips cost training: steps a second with the clip maker at work, over those without.

`robofeed train reach` runs with a simulated teacher; beside it the process that makes clips for
people, at its low priority. In turns it is asked for a question every ten seconds (0.1 a second:
two clips of 50 steps at 320 x 240, of episodes just recorded), or stopped altogether. Once the
first answers are in, the run only collects and learns, so that all stretches are alike; the ratio
is the median over neighbouring stretches. Wanted: at least 0.9. On a busy machine neighbouring
stretches differ by themselves, so the processor time of the clip maker is given too.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from robofeed import ClipMaker
from robofeed.data.episode import Segment

EVERY_S = 10.0
STEPS, CLIPS = 50, 2
ANSWERS = 40
SETTINGS = (
    f"schedule.answer_budget={ANSWERS}",
    "evaluation.episodes=1",
    "evaluation.every_steps=1000000",
    "checkpoint.every_steps=1000000",
    "stop.steps=1000000",
)
_START_S = 180.0


class Run(threading.Thread):
    """A training run, and how far it was when."""

    def __init__(self, out: Path) -> None:
        super().__init__(daemon=True)
        self.path = out / "clips"
        command = [sys.executable, "-m", "robofeed", "train", "reach", "--quiet"]
        command += ["--out", str(out), "--name", self.path.name]
        command += [word for setting in SETTINGS for word in ("--set", setting)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self._ending = threading.Event()
        self._steps: list[tuple[float, int]] = []
        self.answers = 0
        self.episodes: list[str] = []

    def run(self) -> None:
        """Follow the run's events."""
        events = self.path / "events.jsonl"
        while not events.exists() and not self._ending.wait(0.1):
            pass
        with open(events, encoding="utf-8") as file:
            part = ""
            while not self._ending.wait(0.01):
                part += file.readline()
                while part.endswith("\n"):
                    self._hear(json.loads(part))
                    part = file.readline()

    def _hear(self, event: dict[str, Any]) -> None:
        self.answers = event.get("answers", self.answers)
        if event["event"] == "EpisodeRecorded":
            self._steps.append((time.monotonic(), event["steps"]))
            if event["length"] >= STEPS:
                self.episodes.append(event["episode_id"])

    def wait_until_steady(self) -> None:
        """Until it has its answers and learns from them."""
        latest_s = time.monotonic() + _START_S
        while self.answers < ANSWERS:
            if self._process.poll() is not None or time.monotonic() > latest_s:
                raise SystemExit("the run did not come so far")
            time.sleep(0.1)
        time.sleep(EVERY_S)

    def steps_at(self, moment_s: float) -> float:
        """Steps done by then, between two episodes in proportion."""
        before = max((each for each in self._steps if each[0] <= moment_s), default=self._steps[0])
        after = min((each for each in self._steps if each[0] > moment_s), default=self._steps[-1])
        share = (moment_s - before[0]) / max(after[0] - before[0], 1e-9)
        return before[1] + min(max(share, 0.0), 1.0) * (after[1] - before[1])

    def end(self) -> None:
        self._ending.set()
        self.join()
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60.0)


def cpu_s(pid: int) -> float:
    """Processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stretch(run: Run, maker: ClipMaker, clips: bool) -> tuple[float, float]:
    """`EVERY_S` seconds with one question, or with none; returns begin and end."""
    os.kill(maker.pid, signal.SIGCONT if clips else signal.SIGSTOP)
    began_s = time.monotonic()
    if clips:
        for episode in run.episodes[-CLIPS:]:
            maker.want(Segment(episode, 0, STEPS))
    time.sleep(EVERY_S)
    return began_s, time.monotonic()


def measure(pairs: int) -> dict[str, Any]:
    """Alternate."""
    moments: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory(dir=".", prefix="benchmark-") as folder:
        run = Run(Path(folder))
        run.start()
        try:
            run.wait_until_steady()
            with ClipMaker(run.path) as maker:
                maker.clip(Segment(run.episodes[-1], 0, STEPS), 120.0)  # loads its libraries
                used_s = cpu_s(maker.pid)
                for _ in range(pairs):
                    for clips in (False, True):
                        moments[clips].append(stretch(run, maker, clips))
                used_s = cpu_s(maker.pid) - used_s
            time.sleep(2.0)  # for the episode that goes on at the end
        finally:
            run.end()
    load.append(os.getloadavg()[0])
    rates = {
        clips: [(run.steps_at(end) - run.steps_at(begin)) / (end - begin) for begin, end in each]
        for clips, each in moments.items()
    }
    ratios = [on / off for on, off in zip(rates[True], rates[False], strict=True)]
    return {
        "steps_per_s_with_clips": round(statistics.median(rates[True]), 1),
        "steps_per_s_without": round(statistics.median(rates[False]), 1),
        "cpu_s_a_question": round(used_s / pairs, 3),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "load_average_before_and_after": load,
        "cores": os.cpu_count(),
    }


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON, as it does anyway")
    parser.add_argument("--pairs", type=int, default=8, help="stretches with and without clips")
    options = parser.parse_args()
    print(json.dumps(measure(options.pairs), indent=2))


if __name__ == "__main__":
    main()
