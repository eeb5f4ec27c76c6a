"""Every fault that an arm's twin can have, under the driver: what is told, when, what the arm does.

Each fault is there from the start, and comes in the middle of a stroke at 0.2 m/s while a program
drives the arm at 50 Hz as a run does (`serial_faults_client.py`). Times count from the fault's
entry in the twin's log; travel and rest are read from that log. Then a real `robofeed train` on the
first arm meets the same fault, for its exit code.

    python benchmarks/serial_faults.py --write docs/serial-faults.md    # about half an hour

writes the tables between the page's marks; the figures come as JSON on standard output. `--parts`
measures some of it, and `--from` puts what was measured before, in one go or several, on the page.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serial_faults_table import write_tables

from robofeed import ConfigError, RobofeedError
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.twin.log import Entry
from robofeed_serial.twin.process import Twin

CLIENT = Path(__file__).with_name("serial_faults_client.py")
ARMS = ("so101", "koch", "rfp6")
WATCH_S = 4.0
"""so long a fault has to be noticed"""
AFTER_S = 1.5
"""so long the arm is watched after that"""
PAUSE_S = 1.5
"""of a process that is stopped, or a computer that sleeps"""
REST_TICKS = 3
TRIES = 5
EPISODE_GOALS = 6000
"""of single servos, after which a run has come home and is in its first episodes"""
PATIENT_S = 0.5
"""the watchdog where nothing is timed: what is refused, and a run's exit code"""
START_S = 40.0


@dataclass(frozen=True)
class Case:
    """One fault. `signals` go to "client", "owner" (of the port) or both instead of to the twin."""

    name: str
    fault: str = ""
    signals: tuple[str, signal.Signals] | None = None
    from_start: bool = True


CASES = (
    Case("drop, 5 % of replies", "drop:share=0.05"),
    Case("corrupt, 5 %", "corrupt:share=0.05"),
    Case("truncate, 5 %", "truncate:share=0.05"),
    Case("duplicate, 5 %", "duplicate:share=0.05"),
    Case("late once", "late"),
    Case("echo", "echo"),
    Case("latency 16 ms", "latency"),
    Case("mute id", "mute:servo_id=3"),
    Case("duplicate id", "duplicate_id:servo_id=3,as_id=2"),
    Case("wrong baud", "wrong_baud"),
    Case("wrong model", "wrong_model:servo_id=3,number=5"),
    Case("stuck joint", "stuck:servo_id=1"),
    Case("hot servo", "hot:servo_id=3"),
    Case("low voltage", "low_voltage"),
    Case("brown-out, reboot", "brown_out", from_start=False),
    Case("overload latch", "overload:servo_id=3"),
    Case("unplug", "unplug"),
    Case("unplug, replug", "unplug:for_s=0.5", from_start=False),
    Case("client SIGSTOP", signals=("client", signal.SIGSTOP)),
    Case("client SIGKILL", signals=("client", signal.SIGKILL)),
    Case("owner SIGSTOP", signals=("owner", signal.SIGSTOP)),
    Case("owner SIGKILL", signals=("owner", signal.SIGKILL)),
    Case("laptop lid", signals=("both", signal.SIGSTOP)),
)


@dataclass
class Lines:
    """What a child says, a JSON object a line."""

    child: subprocess.Popen[str]

    def next(self, within_s: float) -> dict[str, Any] | None:
        """None: it said nothing in time, or no more."""
        assert self.child.stdout is not None
        if not select.select([self.child.stdout], [], [], within_s)[0]:
            return None
        line = self.child.stdout.readline()
        said: dict[str, Any] | None = json.loads(line) if line else None
        return said


@contextlib.contextmanager
def driven(arm: str, twin: Twin, watchdog_s: float) -> Iterator[subprocess.Popen[str]]:
    """The program that drives; gone afterwards."""
    command = [sys.executable, str(CLIENT), arm, str(twin.port), str(watchdog_s)]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def set_off(case: Case, twin: Twin, client: int, owner: int) -> tuple[int, float]:
    """Let it happen; when it did, and until when the arm is without its owner, monotonic ns."""
    if case.signals is None:
        before = len(twin.log())
        twin.fault(case.fault)
        began_ns = next(each.time_ns for each in twin.log(before) if each.what == "fault")
        return began_ns, math.inf
    whom, number = case.signals
    pids = {"client": [client], "owner": [owner], "both": [client, owner]}[whom]
    at_ns = time.monotonic_ns()
    for pid in pids:
        os.kill(pid, number)
    if number == signal.SIGSTOP:
        time.sleep(PAUSE_S)
        until_ns = time.monotonic_ns()
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        return at_ns, math.inf if whom == "client" else until_ns
    return at_ns, math.inf


def from_the_start(arm: str, case: Case, watchdog_s: float) -> dict[str, Any]:
    """Whether it is refused before anything moves, and with which words."""
    try:
        with Twin(arm, "--fault", case.fault) as twin, driven(arm, twin, watchdog_s) as client:
            said = Lines(client).next(START_S)
            if said is not None and "moving" in said:
                said = Lines(client).next(WATCH_S) or {"how": "runs on", "told": ""}
            assert said is not None, "the client said nothing"
            torque = any(each.what == "torque" and each.value for each in twin.log())
            return {
                "how": said["how"],
                "told": said["told"].replace(str(twin.port), "PORT"),
                "torque_was_on": torque,
            }
    except RobofeedError as error:
        return not_there(error)


def in_motion(arm: str, case: Case, watchdog_s: float) -> dict[str, Any]:
    """What is told after how long, and what the arm did from then on.

    A busy machine may hold the arm before the fault comes: then once more. How often is told.
    """
    found = once_in_motion(arm, case, watchdog_s)
    too_early = 0
    while found["how"] == "too early" and too_early < TRIES:
        too_early += 1
        found = once_in_motion(arm, case, watchdog_s)
    return {**found, "too_early": too_early}


def once_in_motion(arm: str, case: Case, watchdog_s: float) -> dict[str, Any]:
    with Twin(arm) as twin, driven(arm, twin, watchdog_s) as client:
        lines = Lines(client)
        first = lines.next(START_S)
        if first is None or "moving" not in first:
            return {"how": "too early", "told": str(first)}
        try:
            began_ns, until_ns = set_off(case, twin, client.pid, first["moving"])
        except (RobofeedError, StopIteration) as error:
            return not_there(error)
        said = lines.next(WATCH_S) or {}
        if said and (said["at_ns"] < began_ns or "STALE" in said["told"]):
            return {"how": "too early", "told": said["told"]}
        killed = case.signals == ("client", signal.SIGKILL)
        if not said and not killed:
            return {"how": "runs on", "told": ""}
        time.sleep(AFTER_S)
        entries = twin.log()
        found = {
            "how": said.get("how", "killed"),
            "told": said.get("told", "").replace(str(twin.port), "PORT"),
            "told_ms": None if not said else round((said["at_ns"] - began_ns) / 1e6),
            **motion_after(arm, [each for each in entries if each.time_ns < until_ns], began_ns),
        }
        if case.name == "unplug, replug":
            found["moved_when_back"] = goals_after_the_plug(entries)
            found["opens_again"] = opens(arm, twin, watchdog_s)
        return found


def motion_after(arm: str, entries: Sequence[Entry], then_ns: int) -> dict[str, Any]:
    """How far joints and tool went on, and when the arm was at rest."""
    file = load_arm(arm)
    scales = nominal(file).scales(file)
    chain = file.geometry().kinematics(0.02, hold_posture=False)
    rows = [each for each in entries if each.ticks]
    start = [each for each in rows if each.time_ns <= then_ns][-1]
    later = [each for each in rows if each.time_ns > then_ns] or [start]
    joints = len(file.joints)

    def rad(row: Entry) -> list[float]:
        return [
            scale.to_rad(row.ticks[servo]) for servo, scale in zip(file.ids, scales, strict=True)
        ][:joints]

    here = rad(start)
    here_m = chain.pose(here).tool_m
    places = [rad(each) for each in later]
    end = later[-1].ticks
    moving = [
        each.time_ns
        for each in later
        if any(abs(each.ticks[servo] - end[servo]) > REST_TICKS for servo in file.ids)
    ]
    return {
        "travel_rad": round(
            max(abs(q - q0) for row in places for q, q0 in zip(row, here, strict=True)), 3
        ),
        "travel_mm": round(1e3 * max(math.dist(chain.pose(row).tool_m, here_m) for row in places)),
        "rest_ms": round((max(moving, default=then_ns) - then_ns) / 1e6),
        "torque_off": any(
            e.what == "torque" and not e.value and e.time_ns > then_ns for e in entries
        ),
    }


def goals_after_the_plug(entries: Sequence[Entry]) -> int:
    """Goals that reached the servos once the port was back: there should be none."""
    back = next(n for n, each in enumerate(entries) if each.text == "plugged" and n > 1)
    return sum(each.what == "goal" for each in entries[back:])


def opens(arm: str, twin: Twin, watchdog_s: float) -> bool:
    """Whether a program that is started anew drives the arm."""
    with driven(arm, twin, watchdog_s) as client:
        said = Lines(client).next(START_S)
        return said is not None and "moving" in said


def not_there(error: Exception) -> dict[str, Any]:
    """The twin of this arm cannot have that fault."""
    return {"how": "has none", "told": str(error)}


def run_code(arm: str, case: Case, from_start: bool) -> int | None:
    """How a `robofeed train` ends that meets it; None = it goes on."""
    options = ["--fault", case.fault] if from_start else []
    protocol = load_arm(arm).protocol
    with tempfile.TemporaryDirectory() as out, Twin(arm, *options) as twin:
        settings = {
            "backend.use": protocol,
            f"backend.{protocol}.arm": arm,
            f"backend.{protocol}.port": str(twin.port),
            f"backend.{protocol}.calibration": "nominal",
            f"backend.{protocol}.watchdog_s": str(PATIENT_S),
            f"backend.{protocol}.max_observation_age_s": str(PATIENT_S),
            "run.out": out,
        }
        pairs = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
        command = [sys.executable, "-m", "robofeed", "train", "reach", *pairs]
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if not from_start:
                moves(twin, run)
                owner = owner_of(twin)
                set_off(case, twin, parent_of(owner), owner)
            return run.wait(START_S if from_start else WATCH_S + 4.0)
        except subprocess.TimeoutExpired:
            return None
        finally:
            run.kill()
            run.wait()


def moves(twin: Twin, run: subprocess.Popen[bytes]) -> None:
    """Wait until the arm has been on its way for a while."""
    seen = 0
    end_s = time.monotonic() + START_S
    while seen < EPISODE_GOALS and run.poll() is None and time.monotonic() < end_s:
        time.sleep(0.2)
        seen = sum(each.what == "goal" for each in twin.log())


def owner_of(twin: Twin) -> int:
    """The process that has the port: named by its own command line."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile
            words = (folder / "cmdline").read_bytes()
            if b"supervision.process" in words and str(twin.port).encode() in words:
                return int(folder.name)
    raise ConfigError(f"nobody owns {twin.port}")


def parent_of(pid: int) -> int:
    """The program behind an owner: in a run that is a process of the arm alone."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("PPid:"))


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    wanted = [each for each in CASES if not arguments.cases or each.name in arguments.cases]
    found: dict[str, Any] = {"from_start": {}, "in_motion": {}, "exit_codes": {}}
    for case in wanted:
        starts = case.from_start and bool(case.fault) and "start" in arguments.parts
        if starts:
            found["from_start"][case.name] = {
                arm: tell(case, arm, from_the_start(arm, case, PATIENT_S)) for arm in arguments.arms
            }
        if "motion" in arguments.parts:
            found["in_motion"][case.name] = {
                arm: {
                    str(watchdog_s): tell(case, arm, in_motion(arm, case, watchdog_s))
                    for watchdog_s in arguments.watchdogs
                }
                for arm in arguments.arms
            }
        if "runs" in arguments.parts:
            arm = arguments.arms[0]
            codes = {"in_motion": run_code(arm, case, from_start=False)}
            if case.from_start and case.fault:
                codes["from_start"] = run_code(arm, case, from_start=True)
            found["exit_codes"][case.name] = tell(case, arm, codes)
    return found


def tell(case: Case, arm: str, found: dict[str, Any]) -> dict[str, Any]:
    print(f"{arm}, {case.name}: {found}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    parser.add_argument("--cases", nargs="+", choices=[each.name for each in CASES])
    parser.add_argument("--watchdogs", nargs="+", type=float, default=[0.1, 0.5])
    parser.add_argument("--parts", nargs="+", default=["start", "motion", "runs"])
    parser.add_argument("--write", type=Path, help="the page whose tables are to be made anew")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--from", nargs="+", type=Path, dest="kept", help="JSON of earlier calls")
    arguments = parser.parse_args()
    if arguments.kept:
        found = merged([json.loads(path.read_text("utf-8")) for path in arguments.kept])
    else:
        found = measure(arguments)
        found["load"] = round(os.getloadavg()[2], 1)
    if arguments.write is not None:
        write_tables(arguments.write, found, arguments.arms, arguments.watchdogs)
    print(json.dumps({"serial_faults": found}, indent=None if arguments.json else 1))


def merged(kept: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What several calls have measured; of the same thing the last one counts."""
    found: dict[str, Any] = {}
    for each in kept:
        merge(found, each["serial_faults"])
    return found


def merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict) and "how" not in value:
            merge(into[name], value)
        else:
            into[name] = max(value, into.get(name, 0.0)) if name == "load" else value


if __name__ == "__main__":
    main()
