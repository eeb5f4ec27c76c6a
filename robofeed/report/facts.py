"""The figures beside the headline: what the result cost and how the run ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from robofeed.report import wording
from robofeed.report.run_record import RunRecord


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure with its name and a remark."""

    label: str
    value: str
    note: str = ""
    evaluation_only: bool = False


def arm_and_task(record: RunRecord) -> tuple[str, str]:
    """Return the arm (or backend) and the task this run is about."""
    backend, settings = record.provider("backend")
    task = settings.get("task", record.about.get("task", ""))
    return str(settings.get("arm", backend)), str(task)


def cost_facts(record: RunRecord, pairs: int | None) -> list[Fact]:
    """What it took: answers, demonstrations, pairs, steps, time; and which rule ended it."""
    facts = [
        _answers_fact(record),
        Fact("Demonstrations", wording.count(demonstrations(record)), "whole episodes shown"),
        Fact(
            "Pairs",
            wording.count(0 if record.learns_from_truth else pairs),
            "comparisons of two clips derived from the answers",
        ),
        Fact("Environment steps", wording.count(record.steps), _steps_note(record)),
        Fact("Wall time", wording.duration(record.wall_s), _resumes_note(record)),
        _stop_fact(record),
    ]
    others = (_corrections_fact(record), _best_fact(record))
    return [*facts, *(fact for fact in others if fact is not None)]


def _corrections_fact(record: RunRecord) -> Fact | None:
    """How much people steered, and how fast the arm obeyed."""
    told = record.corrections
    if not told:
        return None
    times_ms = [each for event in told for each in event.latencies_ms]
    obeyed = (
        f"; key to motion {median(times_ms):.0f} ms at the median of {len(times_ms)}"
        if times_ms
        else ""
    )
    return Fact(
        "Steps by hand",
        wording.count(sum(event.corrected_steps for event in told)),
        f"in {wording.plural(len(told), 'episode')}{obeyed}",
    )


def _answers_fact(record: RunRecord) -> Fact:
    if record.learns_from_truth:
        return Fact("Answers used", "0", "learned from ground truth instead")
    budget = record.setting("schedule", "answer_budget")
    note = f"of a budget of {wording.count(budget)}" if isinstance(budget, int) else ""
    return Fact("Answers used", wording.count(record.answers), note)


def demonstrations(record: RunRecord) -> int:
    """How many whole episodes were shown as examples."""
    told = record.feedback[-1].demonstrations if record.feedback else 0
    prior = record.setting("prior", "demonstrations", default=0)
    return max(told, prior if isinstance(prior, int) else 0)


def _steps_note(record: RunRecord) -> str:
    if record.wall_s <= 0:
        return ""
    note = f"{record.steps / record.wall_s:,.0f} a second, learning included"
    episodes = len(record.training_episodes)
    return f"{wording.plural(episodes, 'episode')}, {note}" if episodes else note


def _resumes_note(record: RunRecord) -> str:
    resumes = sum(1 for start in record.started if start.resumed_from is not None)
    return f"resumed {wording.plural(resumes, 'time')}" if resumes else "without interruption"


def _stop_fact(record: RunRecord) -> Fact:
    end = record.finished
    if end is None:
        status = str(record.about.get("status", "unknown"))
        return Fact("Stopped by", "not finished", f"run.json says: {status}")
    seen = "this rule saw true success" if end.uses_true_success else "no true success used"
    return Fact("Stopped by", end.stop_rule, f"{end.detail}; {seen}", end.uses_true_success)


def _best_fact(record: RunRecord) -> Fact | None:
    """The checkpoint kept as the best, beside the last ones."""
    choice = record.about.get("selection")
    if not isinstance(choice, Mapping):
        return None
    truth = bool(choice.get("uses_ground_truth"))
    return Fact(
        "Best checkpoint",
        str(choice.get("best", wording.UNKNOWN)),
        f"by the {choice.get('criterion')}; "
        + ("this baseline learns from it" if truth else "no true success used")
        + ". The figure at the top is of the last policy",
        truth,
    )


def taught_by(record: RunRecord) -> str:
    """On what it was taught, by whom, with which seed and version: the line under the headline."""
    teacher = "the simulator's true reward" if record.learns_from_truth else _teacher(record)
    release = record.about.get("robofeed", record.about.get("robofeed_version", ""))
    return " · ".join(
        part
        for part in (
            f"on {record.provider('backend')[0]}",
            f"taught by {teacher}",
            f"seed {_seed(record)}",
            f"robofeed {release}",
        )
        if not part.endswith(" ")
    )


def _seed(record: RunRecord) -> str:
    return str(record.about.get("seed", record.setting("run", "seed", default="")))


def set_up_facts(record: RunRecord) -> list[Fact]:
    """Who asked whom to learn what: the settings one looks for first."""
    reward, _ = record.provider("reward")
    learner, _ = record.provider("learner")
    device = record.setting("run", "device", default="")
    arm, task = arm_and_task(record)
    answered = "nobody" if record.learns_from_truth else _teacher(record)
    facts = [
        Fact("Task", task),
        Fact("Arm", arm),
        Fact("Backend", record.provider("backend")[0]),
        Fact("Answers from", answered),
        Fact("Questions chosen by", _queries(record)),
        Fact("Reward", "ground truth" if record.learns_from_truth else reward),
        Fact("Learner", learner),
        Fact("Seed", _seed(record)),
        Fact("Preset", str(record.setting("run", "preset", default=""))),
        Fact("Simulators", str(record.setting("simulation", "processes", default=""))),
        Fact("Device", str(record.about.get("device", device))),
        Fact("Started", str(record.about.get("created_at", ""))[:19].replace("T", " ")),
    ]
    return [fact for fact in facts if fact.value]


def _teacher(record: RunRecord) -> str:
    feedback, settings = record.provider("feedback")
    if feedback != "teacher":
        return feedback
    kind = str(settings.get("kind", "oracle"))
    details = [
        f"{name} {wording.number(value)}"
        for name, usual in (
            ("beta", None), ("gamma", 1.0), ("mistake", 0.0), ("skip", 0.0), ("equal", 0.0),
        )
        if isinstance(value := settings.get(name), int | float)
        and value != usual
        and value != float("inf")
    ]  # fmt: skip
    return f"a simulated teacher, {kind}" + (f" ({', '.join(details)})" if details else "")


def _queries(record: RunRecord) -> str:
    if record.learns_from_truth:
        return ""
    parts = [record.setting("queries", key, default="") for key in ("context", "selection")]
    chosen = " / ".join(str(part) for part in parts if part)
    clips = record.setting("queries", "clips", default=2)
    length = record.setting("queries", "segment_steps")
    return f"{chosen}, {clips} clips of {length} steps" if length and chosen else chosen


_SHOWN_ELSEWHERE = frozenset(
    ("name", "created_at", "status", "seed", "task", "device", "run_dir", "selection")
)


def version_facts(record: RunRecord) -> list[Fact]:
    """What the run was made with, as run.json tells."""
    facts = []
    for key, value in record.about.items():
        if key in _SHOWN_ELSEWHERE:
            continue
        for name, version in _flat(key, value):
            facts.append(Fact(name.replace("_", " "), version))
    return facts


def _flat(key: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [pair for name, inner in value.items() for pair in _flat(str(name), inner)]
    if isinstance(value, list | tuple):
        return [(key, ", ".join(str(part) for part in value))]
    return [(key, wording.UNKNOWN if value is None else str(value))]
