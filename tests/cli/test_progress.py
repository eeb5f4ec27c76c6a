import io
from dataclasses import replace

import pytest
from rich.console import Console

from robofeed.cli.progress import Progress, clock, display, plain_line, sparkline
from robofeed.cli.run_status import RunStatus
from robofeed.data.batch import FitReport
from robofeed.events import (
    EpisodeRecorded,
    Evaluated,
    FeedbackReceived,
    RewardFitted,
    RunFinished,
    RunStarted,
    Updated,
)

CONFIG = {
    "run": {"seed": 3},
    "backend": {"use": "pybullet", "pybullet": {"arm": "so101", "task": "reach"}},
    "reward": {"use": "ensemble"},
    "stop": {
        "steps": 1000,
        "wall_s": 300.0,
        "answers": None,
        "success_rate": 0.95,
        "over_evaluations": 3,
    },
}
NAN = float("nan")


def fit(wall_s, steps, accuracy):
    return RewardFitted(wall_s, steps, 50, FitReport(50, 0.9, 10, accuracy, 0.3, 0.04, 1.1))


def evaluation(wall_s, steps, successes):
    return Evaluated(wall_s, steps, 50, "during", 1, (0, 1, 2, 3), successes, 0, successes / 4,
                     (0.1, 0.9), (0.0,) * 4, (), ())  # fmt: skip


EVENTS = [
    RunStarted(0.0, 0, "runs/x", CONFIG, ("robofeed-pybullet",)),
    EpisodeRecorded(4.0, 100, "e000000", 100, "explore", "truncated"),
    Updated(5.0, 100, 100, 0, "explore", 20.0, {"critic_loss": 0.1}),
    FeedbackReceived(6.0, 200, 50, 50, 0, 0, 50, 7),
    fit(7.0, 200, 0.875),
    evaluation(9.0, 250, 1),
    Updated(10.0, 250, 300, 50, "learn", 30.0, {}),
    *(EpisodeRecorded(10.0 + n, 250 + 25 * n, f"e{n:06d}", 25, "learn", "truncated")
      for n in range(1, 20)),
    evaluation(30.0, 750, 3),
]  # fmt: skip
END = RunFinished(40.0, 1000, 50, "step budget", "1000 of 1000 steps")


def plain(events, **more):
    """What a console that is no terminal gets."""
    file = io.StringIO()
    console = Console(file=file, width=60, **more)
    with Progress(1000, 200, console) as progress:
        for event in events:
            progress.on_event(event)
    return file.getvalue()


def shown(status, width):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(display(status, 0.0, width))
    return console.file.getvalue()


def status_after(events):
    status = RunStatus(1000, 200)
    for event in events:
        status.take(event)
    return status


@pytest.mark.parametrize(
    "more", [{"force_terminal": False}, {"force_terminal": True, "_environ": {"TERM": "dumb"}}]
)
def test_outside_a_terminal_there_are_plain_lines_at_intervals(more):
    written = plain([*EVENTS, END], **more)
    assert "\x1b" not in written and "\r" not in written
    lines = written.splitlines()
    # The start, two evaluations, the end, and one line about every ten seconds between.
    assert 4 <= len(lines) <= 8
    assert lines[0].startswith("[0:00] starting, reach, so101, seed 3")
    assert "success 75 % (evaluation only)" in lines[-1]
    assert "held-out accuracy 88 %" in lines[-1]
    assert lines[-1].endswith("stopped by step budget: 1000 of 1000 steps")


def test_a_plain_line_is_one_line_however_narrow_the_console():
    for line in plain([*EVENTS, END], force_terminal=False).splitlines():
        assert line.startswith("[")


def test_speeds_and_the_time_left_come_from_the_latest_events():
    status = status_after(EVENTS)
    assert status.steps_per_s == pytest.approx(25.0)
    assert status.updates_per_s == pytest.approx((300 - 100) / (10.0 - 5.0))
    assert status.eta_s == pytest.approx((1000 - 750) / 25.0)
    assert status.answers == 50 and status.open_queries == 7


def test_the_time_budget_counts_where_it_ends_first():
    config = {**CONFIG, "stop": {"steps": 1000, "wall_s": 32.0}}
    events = [replace(EVENTS[0], config=config), *EVENTS[1:]]
    assert status_after(events).eta_s == pytest.approx(2.0)


def test_without_a_budget_there_is_no_time_left_to_tell():
    status = RunStatus(None, 0)
    for event in [replace(EVENTS[0], config={}), *EVENTS[1:]]:
        status.take(event)
    assert status.eta_s is None
    assert "ETA" not in plain_line(status)
    assert "no rule known" in shown(status, 100)


def test_a_resumed_run_is_timed_from_its_resumption():
    start = replace(EVENTS[0], wall_s=500.0, steps=400, resumed_from="step_000000400")
    status = status_after([*EVENTS, start])
    status.take(EpisodeRecorded(502.0, 500, "e000099", 100, "learn", "truncated"))
    assert status.steps_per_s == pytest.approx(50.0)
    assert "resumed" in status.title


@pytest.mark.parametrize("width", [20, 34, 60, 80, 200])
def test_the_display_fits_any_width_and_says_all(width):
    text = shown(status_after(EVENTS), width)
    assert all(len(line) <= width for line in text.splitlines())
    words = " ".join(text.split())
    if width >= 60:
        for said in ("750 / 1,000", "50 / 200", "88 %", "75 %", "evaluation only", "ETA 0:10",
                     "1,000 steps or 300 s or success 95 % held 3 times"):  # fmt: skip
            assert said in words, said


def test_a_terminal_is_redrawn_and_ends_with_the_outcome():
    file = io.StringIO()
    console = Console(file=file, width=100, height=30, force_terminal=True,
                      _environ={"TERM": "xterm"})  # fmt: skip
    with Progress(1000, 200, console) as progress:
        for event in [*EVENTS, END]:
            progress.on_event(event)
    assert "\x1b[" in file.getvalue()
    assert "step budget" in file.getvalue()[-1500:]


def test_a_console_without_unicode_is_written_to_all_the_same():
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    console = Console(file=file, width=100, force_terminal=True, _environ={"TERM": "xterm"})
    with Progress(1000, 200, console) as progress:
        for event in [*EVENTS, END]:
            progress.on_event(event)
    file.flush()
    assert b"evaluation only" in raw.getvalue()


def test_what_is_not_known_is_said_and_is_no_figure():
    status = status_after([EVENTS[0], fit(5.0, 100, NAN)])
    text = shown(status, 100)
    assert "nan" not in text.lower()
    assert "too few answers to hold some out" in text
    assert "not evaluated yet" in text


def test_a_ground_truth_baseline_says_so_and_counts_no_answers():
    config = {**CONFIG, "reward": {"use": "truth"}}
    status = status_after([replace(EVENTS[0], config=config), *EVENTS[1:3]])
    text = shown(status, 100)
    assert "GROUND-TRUTH BASELINE" in text
    assert "answers" not in text and "answers" not in plain_line(status)


def test_a_stop_rule_that_saw_true_success_is_marked():
    end = replace(END, stop_rule="success rate held", uses_true_success=True)
    assert "1000 of 1000 steps (evaluation only)" in shown(status_after([*EVENTS, end]), 120)


@pytest.mark.parametrize("seconds, said", [(0, "0:00"), (133, "2:13"), (3733, "1:02:13")])
def test_clock(seconds, said):
    assert clock(seconds) == said


def test_sparkline_shows_the_latest_and_never_a_gap():
    assert sparkline((0.0, 0.5, 1.0), 8) == "▁▄█"
    assert sparkline((0.0, 0.5, 1.0), 2) == "▄█"
