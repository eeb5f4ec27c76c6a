import numpy as np

from robofeed.data.batch import StepBatch
from robofeed.loop import Parts, run
from robofeed.stop_rules import Fired, Progress, step_budget


def batch(count):
    rows = np.zeros((count, 2), np.float32)
    return StepBatch(rows, rows, rows, np.zeros(count, bool))


class Story:
    """Every part at once; tells what was done to it, in order."""

    def __init__(self, rounds, heard=()):
        self.rounds, self.heard = iter(rounds), iter(heard)
        self.told = []

    # the collector
    def round(self):
        for count in next(self.rounds):
            self.told.append(f"act {count}")
            yield batch(count)
        self.told.append("recorded")

    # the interview
    def ask(self, progress):
        self.told.append(f"ask at {progress.steps}")

    def hear(self, progress):
        return next(self.heard, False)

    # the learner
    def add(self, steps, pool):
        self.told.append(f"add {len(steps)} {pool}")

    def update(self, n):
        self.told.append(f"update {n}")


def go(story, rules, duties=(), due=lambda steps: 2 * steps, clock=lambda: 5.0):
    progress = Progress()
    parts = Parts(
        collector=story,
        interview=story,
        learner=story,
        learn_from_feedback=lambda: story.told.append("fit"),
        updates_due=due,
        between_rounds=duties,
        stop_rules=rules,
    )
    return run(parts, progress, clock), progress


def test_a_round_is_acting_learning_asking_and_what_is_between():
    story = Story([[3, 1]], heard=[True])
    duties = [lambda progress: story.told.append(f"duty at {progress.wall_s}")]
    fired, progress = go(story, [step_budget(4)], duties)
    assert story.told == [
        "act 3",
        "add 3 online",
        "update 6",
        "act 1",
        "add 1 online",
        "update 2",
        "recorded",
        "ask at 4",
        "fit",
        "duty at 5.0",
    ]
    assert fired == Fired("step budget", "4 of 4 steps")
    assert (progress.steps, progress.updates, progress.wall_s) == (4, 8, 5.0)


def test_the_reward_is_fitted_only_after_something_was_heard():
    story = Story([[1]] * 4, heard=[False, True, False, True])
    go(story, [step_budget(4)])
    rounds = "".join("f" if word == "fit" else "a" for word in story.told if word[:3] in "fit ask")
    assert rounds == "aafaaf"


def test_rounds_go_on_until_the_first_rule_fires_and_the_round_is_finished():
    story = Story([[5, 5], [5, 5], [5, 5]])
    asked = []

    def late(progress):
        asked.append(progress.steps)
        return Fired("late", "") if progress.steps >= 15 else None

    fired, progress = go(story, [late, step_budget(11)])
    assert (fired.rule, progress.steps) == ("late", 20)
    assert asked == [10, 20]


def test_updates_owed_are_worked_out_before_the_steps_count():
    story, seen = Story([[4, 2]]), []
    progress = Progress()

    def due(new):
        seen.append((progress.steps, new))
        return 1

    parts = Parts(story, story, story, lambda: None, due, (), [step_budget(1)])
    run(parts, progress, lambda: 0.0)
    assert seen == [(0, 4), (4, 2)]
    assert progress.updates == 2


def test_the_clock_runs_on_between_rounds():
    times = iter([1.5, 2.5, 9.0])
    story = Story([[1]] * 3)
    seen = []
    go(
        story,
        [step_budget(3)],
        [lambda progress: seen.append(progress.wall_s)],
        clock=lambda: next(times),
    )
    assert seen == [1.5, 2.5, 9.0]
