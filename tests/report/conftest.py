"""Small run folders that look like runs: a made-up learning curve, real files."""

import json
import math
import uuid
from pathlib import Path

import numpy as np
import pytest

from robofeed import event_log
from robofeed.data.batch import FitReport
from robofeed.data.episode import Episode, Segment, TruthTrace
from robofeed.data.feedback import Query, Ranking, Retraction, Skip, Stamp
from robofeed.data.intervals import wilson_interval
from robofeed.data.ledger import Ledger
from robofeed.data.observation import Ended, Gate
from robofeed.data.store import EpisodeStore
from robofeed.events import (
    EpisodeRecorded,
    Evaluated,
    FeedbackReceived,
    RewardFitted,
    RunFinished,
    RunStarted,
    Updated,
)

CONFIG = """\
[run]
name = "{name}"
preset = "reach"
seed = {seed}
out = "runs"
device = "auto"

[backend]
use = "pybullet"

[backend.pybullet]
arm = "so101"
task = "reach"
action = "ee_delta"

[feedback]
use = "teacher"

[feedback.teacher]
kind = "oracle"

[reward]
use = "{reward}"

[learner]
use = "sac"

[simulation]
processes = 2

[queries]
selection = "matched"
segment_steps = 25

[schedule]
answer_budget = {budget}

[stop]
steps = {steps}
success_rate = "none"
"""


class RunMaker:
    """Makes run folders under a directory. `evaluations=0` and the like leave things out."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(
        self,
        name="reach-0",
        *,
        seed=0,
        steps=12_000,
        budget=500,
        final_rate=0.97,
        evaluations=7,
        episode_length=50,
        stored=8,
        truth=False,
        finished=True,
        scenes=True,
        final_seeds=None,
        rankings=6,
    ) -> Path:
        rng = np.random.default_rng(seed)
        run_dir = self.root / name
        run_dir.mkdir(parents=True)
        (run_dir / "config.toml").write_text(
            CONFIG.format(
                name=name,
                seed=seed,
                budget=budget,
                steps=steps,
                reward="truth" if truth else "ensemble",
            )
        )
        about = {
            "name": name,
            "created_at": "2026-05-04T09:30:00+00:00",
            "robofeed": "0.1.0",
            "plugins": {"robofeed-pybullet": "0.1.0"},
            "python": "3.11.7",
            "torch": "2.13.0",
            "seed": seed,
            "task": "reach",
            "status": "finished" if finished else "running",
        }
        (run_dir / "run.json").write_text(json.dumps(about))
        if not truth:
            self._ledger(run_dir, rankings)
        self._episodes(run_dir, rng, stored, episode_length, evaluations, scenes)
        events = [*self._events(run_dir, rng, steps, budget, final_rate, evaluations, truth,
                                finished, episode_length, final_seeds)]  # fmt: skip
        lines = [event_log.encode(event) for event in events]
        (run_dir / "events.jsonl").write_text("\n".join([*lines, ""]))
        return run_dir

    @staticmethod
    def _ledger(run_dir, rankings):
        """Pairs, then one ranking of three, a skip, a repeat answered alike and one taken back."""
        ledger = Ledger.open(run_dir / "feedback.sqlite")
        queries = [
            Query(f"q{number:06d}", tuple(Segment(f"e{clip:06d}", 0, 25) for clip in clips),
                  tuple(range(len(clips))), reason)
            for number, (clips, reason) in enumerate(
                [*(((number, number + 1), "matched/disagreement") for number in range(rankings)),
                 ((0, 1, 2), "uniform"), ((4, 5), "uniform"), ((0, 1), "repeat"),
                 ((6, 7), "uniform")]
            )
        ]  # fmt: skip
        ledger.add_queries(queries)

        def stamp(number):
            shown = 1_777_000_000_000_000_000 + number * 10**10
            return Stamp(str(uuid.UUID(int=number)), "teacher-1", "teacher", shown,
                         shown + 3_000_000_000)  # fmt: skip

        for number in range(rankings):
            ledger.append(Ranking(stamp(number), f"q{number:06d}", ((1,), (0,))))
        last = f"q{rankings + 3:06d}"
        ledger.append(Ranking(stamp(900), f"q{rankings:06d}", ((2,), (0, 1))))
        ledger.append(Skip(stamp(901), f"q{rankings + 1:06d}"))
        ledger.append(Ranking(stamp(902), f"q{rankings + 2:06d}", ((1,), (0,))))
        ledger.append(Ranking(stamp(903), last, ((0, 1),)))
        ledger.append(Retraction(stamp(904), stamp(903).uuid))
        ledger.close()

    def _episodes(self, run_dir, rng, stored, length, evaluations, scenes):
        store = EpisodeStore(run_dir)
        for number in range(stored):
            gates = np.zeros(length, np.uint16)
            gates[rng.random(length) < 0.2] |= int(Gate.JOINT_SPEED)
            gates[rng.random(length) < 0.05] |= int(Gate.WORKSPACE)
            self.store_episode(store, f"e{number:06d}", 1000 + number, gates, 1.0, scenes)
        for number in range(evaluations):
            skill = number / max(evaluations - 1, 1)
            for episode in range(3):
                gates = np.zeros(length, np.uint16)
                name = f"v{number:04d}{episode:02d}"
                self.store_episode(store, name, episode, gates, skill, scenes)

    @staticmethod
    def store_episode(store, episode_id, seed, gates, skill, scenes=True):
        length = len(gates)
        goal = np.random.default_rng(seed).uniform([-0.25, 0.05], [0.25, 0.28])
        start = np.array([0.05, 0.2])
        share = np.linspace(0, 1, length + 1)[:, None] ** 0.6 * skill
        wobble = (1 - skill) * 0.06 * np.sin(np.arange(length + 1) / 4)[:, None]
        tool = start + share * (goal - start) + wobble
        scene = np.hstack([tool, np.tile(goal, (length + 1, 1))])
        episode = Episode(
            id=episode_id,
            observations=np.zeros((length + 1, 3), np.float32),
            time_ns=np.arange(length + 1, dtype=np.int64) * 40_000_000,
            proposed=np.zeros((length, 3), np.float32),
            executed=np.zeros((length, 3), np.float32),
            gates=gates,
            mode=np.zeros(length, np.uint8),
            policy_version=np.zeros(length, np.int64),
            scene=scene.astype(np.float32) if scenes else np.zeros((length + 1, 0), np.float32),
            ended=Ended.TRUNCATED,
            seed=seed,
            spec_hash="0",
        )
        reward = -np.linalg.norm(tool - goal, axis=1)[1:].astype(np.float32)
        store.write(
            episode,
            TruthTrace(episode_id, reward, reward > -0.03, np.zeros(length, np.bool_)),
        )

    @staticmethod
    def _events(
        run_dir, rng, steps, budget, final_rate, evaluations, truth, finished, length, final_seeds
    ):
        rate_at = 55.0
        yield RunStarted(0.0, 0, str(run_dir), {"seed": 0}, ("robofeed-pybullet 0.1.0",))
        number = answers = fits = updates = 0
        every = max(steps // max(evaluations - 1, 1), 1)

        def skill(step):
            return final_rate / (1 + math.exp(-9 * (step / steps - 0.45)))

        def evaluated(step, moment, seeds):
            successes = int(rng.binomial(len(seeds), skill(step) if step else 0.01))
            if moment == "final":
                successes = round(final_rate * len(seeds))
            true = rng.normal(-8 + 7 * skill(step), 1.2, len(seeds))
            predicted = true * 2 + rng.normal(0, 1.5, len(seeds)) + 4
            place = min(step // every, evaluations - 1)
            return Evaluated(
                step / rate_at,
                step,
                answers,
                moment,
                step,
                tuple(seeds),
                successes,
                0,
                successes / len(seeds),
                wilson_interval(successes, len(seeds)),
                tuple(true.tolist()),
                () if truth or not fits else tuple(predicted.tolist()),
                tuple(f"v{place:04d}{episode:02d}" for episode in range(3)),
            )

        for step in range(0, steps + 1, length):
            wall = step / rate_at
            if evaluations and step // every != (step - length) // every and step < steps:
                moment = "during" if step else "start"
                yield evaluated(step, moment, range(10_000, 10_040))
            if step and step % 500 == 0:
                yield Updated(
                    wall, step, updates := updates + 500, answers,
                    "explore" if step < steps / 10 else "learn", rate_at + rng.normal(0, 3),
                    {"critic_loss": float(1 / (1 + step / 2000) + rng.normal(0, 0.02)),
                     "actor_loss": float(-step / 4000), "entropy": float(-1 - step / 6000)},
                )  # fmt: skip
            if not truth and step and step % 500 == 0 and step >= 1000 and answers < budget:
                new = min(50 if answers == 0 else 25, budget - answers)
                answers += new
                yield FeedbackReceived(wall, step, answers, answers - 3, 3, 0, new, 0)
                fits += 1
                accuracy = 0.95 - 0.35 * math.exp(-answers / 120) + rng.normal(0, 0.015)
                held_out = max(answers // 5, 1)
                bins = []
                for low in np.linspace(0.05, 0.95, 10):
                    count = int(3 + 30 * abs(low - 0.5) ** 2 * answers / 100)
                    bins.append(
                        (float(low), float(np.clip(low + rng.normal(0, 0.05), 0, 1)), count)
                    )
                yield RewardFitted(
                    wall, step, answers,
                    FitReport(answers, min(0.99, accuracy + 0.04), held_out,
                              float("nan") if answers < 60 else accuracy, 0.31, 0.034, 1.27,
                              tuple(bins)),
                )  # fmt: skip
            if step:
                yield EpisodeRecorded(
                    wall, step, f"e{number:06d}", length, "learn", "truncated", 0,
                    float(rng.normal(-12 + 11 * skill(step), 1.0)), skill(step) > rng.random(),
                )  # fmt: skip
                number += 1
        if finished:
            if evaluations:
                yield evaluated(steps, "final", final_seeds or range(20_000, 20_100))
            yield RunFinished(
                steps / rate_at + 9, steps, answers, "step budget", f"{steps} of {steps} steps"
            )


@pytest.fixture(scope="session")
def run_maker_type():
    return RunMaker


@pytest.fixture
def make_run(tmp_path):
    return RunMaker(tmp_path / "runs")


def draw_scene(scene, height, width):
    """A stand-in for a simulator's renderer: a tool, its goal, and an arm to it."""
    picture = np.full((height, width, 3), 236, np.uint8)
    picture[int(height * 0.85) :] = 208

    def place(point):
        column = width / 2 + point[0] / 0.6 * width
        return np.array([column, height * 0.85 - point[1] / 0.4 * height])

    rows, columns = np.mgrid[:height, :width]

    def line(start, end, thickness, colour):
        along = end - start
        t = ((columns - start[0]) * along[0] + (rows - start[1]) * along[1]) / (along @ along)
        t = np.clip(t, 0, 1)
        away = np.hypot(columns - start[0] - t * along[0], rows - start[1] - t * along[1])
        picture[away < thickness] = colour

    tool, goal, base = place(scene[:2]), place(scene[2:4]), place((0, 0))
    picture[np.hypot(columns - goal[0], rows - goal[1]) < height / 24] = (219, 92, 46)
    elbow = (base + tool) / 2 + np.array([-0.12 * width, -0.1 * height])
    line(base, elbow, height / 34, (60, 66, 78))
    line(elbow, tool, height / 44, (92, 100, 116))
    picture[np.hypot(columns - tool[0], rows - tool[1]) < height / 36] = (31, 95, 208)
    return picture


@pytest.fixture
def render():
    return draw_scene
