"""The live display of a run: redrawn in a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from robofeed.cli.run_status import RunStatus
from robofeed.events import Evaluated, Event, RunFinished, RunStarted

PLAIN_EVERY_S = 10.0
"""Seconds of run time between two plain lines."""
_NARROW = 76
"""Below so many columns bars give way to figures."""
_SPARKS = " ▁▂▃▄▅▆▇█"


class Progress:
    """Shows a run as it goes. `total_steps` None = no step budget; `answers_budget` 0 = none.

    with Progress(20_000, 500) as progress:
        ...
        progress.on_event(event)
    """

    def __init__(
        self, total_steps: int | None, answers_budget: int, console: Console | None = None
    ) -> None:
        self._console = console or Console(stderr=True)
        self._status = RunStatus(total_steps, answers_budget)
        self._heard_s = time.monotonic()
        self._next_line_s = 0.0
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        self._heard_s = time.monotonic()
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(
                get_renderable=self._display, console=self._console, refresh_per_second=4
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def on_event(self, event: Event) -> None:
        """Take an event of the run; cheap enough for every episode."""
        self._status.take(event)
        self._heard_s = time.monotonic()
        if self._live is None and self._is_news(event):
            self._next_line_s = event.wall_s + PLAIN_EVERY_S
            self._console.print(plain_line(self._status), markup=False, highlight=False,
                                soft_wrap=True)  # fmt: skip

    def _is_news(self, event: Event) -> bool:
        always = isinstance(event, RunStarted | Evaluated | RunFinished)
        return always or event.wall_s >= self._next_line_s

    def _display(self) -> RenderableType:
        # Between two events (an evaluation, a reward fit) the clock goes on.
        silent_s = 0.0 if self._status.finished else time.monotonic() - self._heard_s
        console = self._console
        return display(self._status, silent_s, console.width, console.options.ascii_only)


def plain_line(status: RunStatus) -> str:
    """One line that says all, for logs."""
    parts = [f"[{clock(status.wall_s)}] {status.doing}"]
    if status.title and status.steps == 0:
        parts.append(status.title)
    parts.append(f"step {_of(status.steps, status.total_steps)}")
    if status.steps_per_s is not None:
        parts.append(f"{status.steps_per_s:,.0f} steps/s")
    if status.updates_per_s is not None:
        parts.append(f"{status.updates_per_s:,.0f} updates/s")
    if not status.learns_from_truth:
        parts.append(f"answers {_of(status.answers, status.answers_budget or None)}")
    if status.held_out_accuracy is not None:
        parts.append(f"held-out accuracy {100 * status.held_out_accuracy:.0f} %")
    if status.timed_steps:
        parts.append(_clock_text(status))
    if status.success_rate is not None:
        parts.append(f"success {100 * status.success_rate:.0f} % (evaluation only)")
    if status.eta_s is not None:
        parts.append(f"ETA {clock(status.eta_s)}")
    if status.finished is not None:
        parts.append(f"stopped by {status.finished.stop_rule}: {status.finished.detail}")
    return ", ".join(parts)


def display(
    status: RunStatus, silent_s: float, width: int, ascii_only: bool = False
) -> RenderableType:
    """What a terminal of `width` columns shows, `silent_s` after the last event."""
    bars = width >= _NARROW
    head = Table.grid(expand=True)
    head.add_column(ratio=1, overflow="ellipsis", no_wrap=True)
    head.add_column(justify="right", no_wrap=True)
    head.add_row(
        Text(status.title, style="bold"),
        Text.assemble(
            (status.doing, "cyan"), "  ", (clock(status.wall_s + silent_s), "bold")
        ),
    )  # fmt: skip
    body = Table.grid(padding=(0, 1, 0, 0), expand=True)
    body.add_column(style="dim", no_wrap=True, width=9)
    if bars:
        body.add_column(width=min(40, width // 3))
    body.add_column(ratio=1)

    def row(label: str, text: Text, done: float | None = None) -> None:
        bar: RenderableType = ""
        if done is not None:
            bar = ProgressBar(1.0, done, complete_style="cyan", finished_style="green")
        body.add_row(*((label, bar, text) if bars else (label, text)))

    row("steps", _steps_text(status, silent_s), _share(status.steps, status.total_steps))
    if not status.learns_from_truth:
        budget = status.answers_budget or None
        row("answers", _answers_text(status), _share(status.answers, budget))
    lines = Table.grid(padding=(0, 1, 0, 0), expand=True)
    lines.add_column(style="dim", no_wrap=True, width=9)
    lines.add_column(ratio=1)
    lines.add_row("updates", _updates_text(status))
    if not status.learns_from_truth:
        lines.add_row("reward", _reward_text(status))
    lines.add_row("success", _success_text(status, 0 if ascii_only else max(width // 4, 8)))
    if status.timed_steps:
        lines.add_row("clock", Text(_clock_text(status)))
    lines.add_row("stops at", Text(" or ".join(status.stop_rules) or "no rule known", style="dim"))
    if status.finished is not None:
        end = status.finished
        seen = " (evaluation only)" if end.uses_true_success else ""
        lines.add_row("stopped", Text(f"{end.stop_rule}: {end.detail}{seen}", style="bold"))
    return Group(head, body, lines)


def clock(seconds: float) -> str:
    """Write a time as 2:13 or 1:02:13."""
    whole = max(round(seconds), 0)
    hours, minutes = divmod(whole // 60, 60)
    start = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{start}:{whole % 60:02d}"


def sparkline(rates: tuple[float, ...], width: int) -> str:
    """Draw the last `width` rates in [0, 1] as blocks."""
    top = len(_SPARKS) - 1
    return "".join(_SPARKS[max(1, round(rate * top))] for rate in rates[-width:])


def _steps_text(status: RunStatus, silent_s: float) -> Text:
    text = Text(_of(status.steps, status.total_steps))
    if status.steps_per_s is not None:
        text.append(f"  {status.steps_per_s:,.0f}/s", style="dim")
    if status.eta_s is not None:
        text.append(f"  ETA {clock(status.eta_s - silent_s)}", style="green")
    return text


def _answers_text(status: RunStatus) -> Text:
    text = Text(_of(status.answers, status.answers_budget or None))
    if status.open_queries > 0:
        text.append(f"  {status.open_queries} open", style="dim")
    return text


def _updates_text(status: RunStatus) -> Text:
    if status.updates is None:
        return Text("none yet", style="dim")
    text = Text(f"{status.updates:,}")
    if status.updates_per_s is not None:
        text.append(f"  {status.updates_per_s:,.0f}/s", style="dim")
    return text


def _reward_text(status: RunStatus) -> Text:
    if status.fits == 0:
        return Text("not fitted yet", style="dim")
    text = Text()
    if status.held_out_accuracy is None:
        text.append("too few answers to hold some out", style="dim")
    else:
        text.append(f"{100 * status.held_out_accuracy:.0f} %", style="bold")
        text.append(" held-out preference accuracy")
    if status.calibration_error is not None:
        text.append(f"  ECE {status.calibration_error:.2f}", style="dim")
    text.append(f"  {status.fits} fit{'' if status.fits == 1 else 's'}", style="dim")
    return text


def _success_text(status: RunStatus, sparks: int) -> Text:
    if status.success_rate is None:
        return Text("not evaluated yet", style="dim")
    low, high = (100 * end for end in status.success_interval)
    text = Text(f"{100 * status.success_rate:.0f} %", style="bold blue")
    text.append(f" [{low:.0f}, {high:.0f}]  ", style="dim")
    if sparks:
        text.append(sparkline(status.success_history, sparks), style="blue")
    text.append("  evaluation only", style="dim italic")
    return text


def _clock_text(status: RunStatus) -> str:
    if not status.late_steps:
        return "no step late"
    late = f"{status.late_steps:,} of {status.timed_steps:,} steps late"
    return f"{late}, at most {status.most_late_ms:.0f} ms"


def _of(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,} / {total:,}"


def _share(done: int, total: int | None) -> float | None:
    return None if not total else min(done / total, 1.0)
