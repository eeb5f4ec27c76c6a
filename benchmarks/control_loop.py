"""Does a real arm's control loop keep its rate beside a learner that wants all the processor?

Before a twin (a process of its own, its bytes paced at 1 Mbps) stand the parts of a real arm: the
supervisor process, which owns the port, and here the loop: a policy acts, `Guarded` checks, the
clock ticks. Beside them a learner process does nothing but SAC updates on `--threads` threads. For
each rate it prints

- `wire`: goals on the twin's wire: how many, the gaps between them (wanted: none over 100 ms);
- `clock`: how late the loop's ticks came (wanted: under 1 ms at the median), how many were overrun;
- `orders`: the time between two orders of the loop, and `age_ms`, how old an observation was when
  the policy was given it;
- `supervisor`: its cycles, and how many of them began late;
- `to_wire_ms`: from an order to the first goal on the wire that obeys it, of orders after a rest;
  `lost` are orders that led to none within 30 ms;
- `priority`, `twin_priority`: what the system permitted; without the right to real time (see
  docs/real-arms.md) the twin waits for its turn like everybody, which no hardware does;
- `fault`: why the arm was held before the end, if it was; `updates_per_s` of the learner.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from robofeed.act.policies import MlpPolicy
from robofeed.data.fleet import Table
from robofeed.data.observation import Ended, Target
from robofeed.data.policy_spec import PolicySpec
from robofeed.data.priority import go_first
from robofeed.data.spec import ArraySpec, BackendSpec
from robofeed.observe.cell import Cell
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.driving.config import SerialConfig
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.twin.process import Twin

ARMS = {"so101": b"\x83\x2a", "koch": b"\x83\x74\x00"}
"""What a group write of goals has in it: instruction and address."""
STEPS = 40
"""orders whose way to the wire is timed"""


def learn(threads: int) -> None:
    """The learner process: updates until its input ends, then says how many a second."""
    from robofeed.data.batch import StepBatch
    from robofeed.training.learning_process import NICENESS
    from robofeed.update.config import SacConfig
    from robofeed.update.device import use_threads
    from robofeed.update.sac import SacLearner
    from robofeed.update.truth_reward import TruthReward

    use_threads(threads)
    bounds = [np.ones(size, np.float32) for size in (16, 3)]
    seen, done = (ArraySpec(each.shape, -each, each) for each in bounds)
    learner = SacLearner(SacConfig(), BackendSpec(seen, done, period_s=0.02), seed=0, device="cpu")
    learner.relabel(TruthReward())
    rng = np.random.default_rng(0)
    states = rng.normal(size=(2, 5000, 16)).astype(np.float32)
    actions, rewards = rng.uniform(-1, 1, (5000, 3)), rng.normal(size=5000)
    steps = (states[0], actions.astype(np.float32), states[1], np.zeros(5000, bool))
    learner.add(StepBatch(*steps, rewards.astype(np.float32)), "online")
    learner.update(10)
    os.nice(NICENESS)  # as a run's learner has it
    print("ready", flush=True)
    count, started_s = 0, time.perf_counter()
    while not select.select([sys.stdin], [], [], 0)[0]:
        learner.update(10)
        count += 10
    print(count / (time.perf_counter() - started_s), flush=True)


@contextlib.contextmanager
def learning(threads: int, figures: dict[str, Any]) -> Iterator[None]:
    """A learner process beside what is done meanwhile; none for 0 threads."""
    if not threads:
        yield
        return
    command = [sys.executable, __file__, "--learn", str(threads)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            figures["updates_per_s"] = round(float(process.communicate()[0]), 1)


def policy_for(spec: BackendSpec) -> MlpPolicy:
    """One as training has it, with random weights."""
    assert isinstance(spec.action, ArraySpec)
    described = PolicySpec(
        "tanh_gaussian_mlp",
        (spec.observation.size, 256, 256, 2 * spec.action.size),
        (0.0,) * spec.observation.size,
        (1.0,) * spec.observation.size,
        tuple(spec.action.low.tolist()),
        tuple(spec.action.high.tolist()),
    )
    weights = np.random.default_rng(0).normal(size=described.weight_count, scale=0.05)
    return MlpPolicy(described, weights.astype(np.float32), 0)


def drive(arm: SerialArm, seconds: float, figures: dict[str, Any]) -> None:
    """An episode of `seconds`, as `Rollout` and `Cell` have it."""
    table = Table.over(arm.spec, 1)
    cell = Cell(arm, table, 0)
    policy, rng = policy_for(arm.spec), np.random.default_rng(0)
    late_s, age_s, ordered_s = [], [], []
    cell.reset(1)
    fault, end_s = "", time.monotonic() + seconds
    while not fault and time.monotonic() < end_s:
        age_s.append((time.monotonic_ns() - int(table.time_ns[0])) / 1e9)
        table.proposed[:1] = policy.act(table.state[:1], rng)
        ordered_s.append(time.monotonic())
        reason = cell.step()
        late_s.append(float(table.late_s[0]))
        if table.ended[0] == Ended.FAULT:
            fault = reason
    figures["clock"] = quantiles_ms(late_s) | {
        "ticks": len(late_s),
        "overruns": int(table.overruns[0]),
    }
    figures["orders"] = {"gap_ms": quantiles_ms(np.diff(ordered_s).tolist())}
    figures["age_ms"] = quantiles_ms(age_s)
    figures["fault"] = fault


def to_wire(arm: SerialArm, twin: Twin) -> tuple[list[float], int]:
    """From `send` to the first goal on the wire that differs, of orders after a rest, s.

    And how many orders led to none within 30 ms.
    """
    rng = np.random.default_rng(0)
    taken: list[float] = []
    lost = 0
    arm.reset(seed=1)
    goal = arm.present()
    read_to = 0
    held: dict[int | None, int | None] = {}
    while len(taken) + lost < STEPS and arm.observe().ended is Ended.RUNNING:
        for _ in range(4):
            arm.send(goal)
            time.sleep(0.015 + rng.uniform(0, 0.01))  # at no fixed phase to the supervisor
        for entry in (log := twin.log(read_to)):
            held |= {entry.servo_id: entry.value} if entry.what == "goal" else {}
        read_to = log[-1].number + 1
        turned = goal.joint_rad.copy()
        turned[0] += 0.01 if (len(taken) + lost) % 2 else -0.01
        goal = Target(turned, goal.tool_m, goal.gripper)
        sent_ns = time.monotonic_ns()
        arm.send(goal)
        time.sleep(0.03)
        goals = [entry for entry in twin.log(read_to) if entry.what == "goal"]
        moved = [
            e.time_ns for e in goals if e.value != held.get(e.servo_id) and e.time_ns > sent_ns
        ]
        if moved:
            taken.append((min(moved) - sent_ns) / 1e9)
        else:
            lost += 1
    return taken, lost


def wire_gaps(transcript: Path, mark: bytes) -> list[float]:
    """Seconds between two group writes of goals."""
    lines = (line.split() for line in transcript.read_text("ascii").splitlines())
    times = [float(when) for when, way, data in lines if way == ">" and mark.hex() in data]
    return np.diff(times).tolist()


def bring_home(name: str, twin: Twin) -> None:
    """By hand, while the torque is off: from where a twin starts not every arm may go there."""
    file = load_arm(name)
    places = zip(
        file.ids, nominal(file).scales(file), file.geometry().figures().home_rad, strict=False
    )
    twin.hand({servo_id: scale.to_ticks(rad) for servo_id, scale, rad in places})


def never_wait(pid: int) -> str:
    """Give the twin a processor at once, as hardware has its own, where that is permitted."""
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    except (AttributeError, OSError):
        return "usual"
    return "real time"


def quantiles_ms(values_s: Sequence[float]) -> dict[str, float]:
    """For printing."""
    if not values_s:
        return {}
    ordered = sorted(values_s)
    shares = {"median": 0.5, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    return {name: round(1000 * ordered[int(share * last)], 2) for name, share in shares.items()}


def measure(name: str, rate_hz: float, seconds: float, threads: int) -> dict[str, Any]:
    """All figures at one rate."""
    mark = ARMS[name]
    figures: dict[str, Any] = {"rate_hz": rate_hz, "load_before": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder:
        transcript = Path(folder) / "bytes"
        with (
            Twin(name, "--no-gravity", "--transcript", str(transcript)) as twin,
            learning(threads, figures),
        ):
            bring_home(name, twin)
            config = SerialConfig(
                arm=name,
                port=str(twin.port),
                calibration="nominal",
                start="stay",
                period_s=1 / rate_hz,
                horizon=10**7,
            )
            arm = SerialArm(config, load_arm(name).protocol)
            figures["priority"] = go_first()  # as the process of a real arm does
            figures["twin_priority"] = never_wait(twin.pid)
            arm.open()
            try:
                taken_s, lost = to_wire(arm, twin)
                figures["to_wire_ms"] = quantiles_ms(taken_s) | {"lost": lost}
                drive(arm, seconds, figures)
                report = arm.report()
                figures["supervisor"] = {"cycles": report.cycles, "late": report.late_cycles}
            finally:
                arm.close()
        gaps_s = wire_gaps(transcript, mark)
    over = {"over_100_ms": sum(gap_s > 0.1 for gap_s in gaps_s)}
    figures["wire"] = {"goals": len(gaps_s) + 1} | over | quantiles_ms(gaps_s)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each rate")
    parser.add_argument("--rate", type=float, nargs="+", default=[50.0, 100.0], help="Hz")
    parser.add_argument("--arm", choices=ARMS, default="so101")
    parser.add_argument("--threads", type=int, default=2, help="of the learner; 0 = no learner")
    parser.add_argument("--learn", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.learn:
        learn(options.learn)
        return
    results = [measure(options.arm, r, options.seconds, options.threads) for r in options.rate]
    told = {"control_loop": results, "arm": options.arm, "cpus": os.cpu_count()}
    print(json.dumps(told, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
