import math

import pytest

from robofeed.stop_rules import (
    Progress,
    accuracy_plateau,
    label_budget,
    step_budget,
    success_held,
    wall_time,
)

NAN = math.nan


def fired(rule, **progress):
    return rule(Progress(**progress))


def test_the_step_budget_ends_a_run_at_its_last_step():
    assert fired(step_budget(100), steps=99) is None
    assert fired(step_budget(100), steps=100).rule == "step budget"
    assert fired(step_budget(100), steps=120).detail == "120 of 100 steps"


def test_wall_time_ends_a_run():
    assert fired(wall_time(60), wall_s=59.9) is None
    assert fired(wall_time(60), wall_s=60.0).rule == "wall time"


def test_the_label_budget_ends_a_run_some_steps_after_the_last_answer():
    rule = label_budget(50, settle_steps=30)
    assert fired(rule, answers=49, steps=1000, step_of_last_answer=10) is None
    assert fired(rule, answers=50, steps=129, step_of_last_answer=100) is None
    done = fired(rule, answers=50, steps=130, step_of_last_answer=100)
    assert (done.rule, done.detail) == ("label budget", "50 answers, 30 steps after the last")


@pytest.mark.parametrize(
    ("rates", "ends"),
    [
        ([], False),
        ([1.0, 1.0], False),
        ([0.9, 0.95, 1.0], True),
        ([0.9, 0.89, 1.0], False),
        ([0.0, 0.9, 0.9, 0.9], True),
        ([0.9, 0.9, 0.9, 0.5], False),
    ],
)
def test_success_must_be_held_over_evaluations_in_a_row(rates, ends):
    assert (fired(success_held(0.9, 3), success_rates=rates) is not None) == ends


@pytest.mark.parametrize(
    ("accuracies", "ends"),
    [
        ([], False),
        ([0.6, 0.8, 0.8], False),
        ([0.8, 0.8, 0.8], False),
        ([0.6, 0.7, 0.9, 0.7], False),
        ([0.6, 0.8, 0.8, 0.8], True),
        ([0.6, 0.8, 0.8, 0.82], False),
        ([0.6, 0.8, 0.805, 0.7], True),
        # It was best long ago.
        ([0.9, 0.6, 0.7, 0.8], True),
        # Too few held-out labels say nothing.
        ([NAN, NAN, 0.6, 0.8, NAN], False),
        ([NAN, 0.6, 0.8, NAN, 0.8, 0.8], True),
    ],
)
def test_held_out_accuracy_must_have_stopped_rising(accuracies, ends):
    assert (fired(accuracy_plateau(2, 0.01), held_out_accuracies=accuracies) is not None) == ends


def test_the_one_rule_that_looks_at_true_success_says_so():
    progress = {
        "steps": 10**9,
        "answers": 10**9,
        "wall_s": 1e9,
        "success_rates": [1.0] * 9,
        "held_out_accuracies": [0.9] * 9,
    }
    rules = (step_budget(1), wall_time(1), label_budget(1, 1), accuracy_plateau(2, 0.1))
    assert [fired(rule, **progress).uses_true_success for rule in rules] == [False] * 4
    assert fired(success_held(0.9, 3), **progress).uses_true_success
