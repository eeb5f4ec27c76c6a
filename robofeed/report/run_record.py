"""A run as its folder tells it: who it was, its settings, and its events sorted by kind."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from robofeed import event_log
from robofeed.data.errors import DataError
from robofeed.data.run_folder import RunFolder
from robofeed.events import (
    Corrected,
    EpisodeRecorded,
    Evaluated,
    Event,
    FeedbackReceived,
    RewardFitted,
    RunFinished,
    RunStarted,
    Updated,
)

Kind = TypeVar("Kind")

EVALUATION_PREFIX = "v"
"""Episode ids of evaluations begin with it, those of training do not."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything the report is made of, but for episodes and ledger. Built by `read_run`.

    `missing` says in words what could not be read; a report repeats it rather than hide it.
    """

    run_dir: Path
    about: Mapping[str, Any]
    """run.json"""
    config: Mapping[str, Any]
    config_text: str
    events: tuple[Event, ...]
    missing: tuple[str, ...] = ()
    superseded: int = 0
    """events left out because a resumed run went back behind them"""
    _by_kind: dict[type, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for event in self.events:
            self._by_kind.setdefault(type(event), []).append(event)

    def _all(self, kind: type[Kind]) -> list[Kind]:
        return self._by_kind.get(kind, [])

    @property
    def started(self) -> list[RunStarted]:
        """The start, and each time it was resumed."""
        return self._all(RunStarted)

    @property
    def training_episodes(self) -> list[EpisodeRecorded]:
        """Episodes the learner may have seen, in order."""
        return [
            episode
            for episode in self._all(EpisodeRecorded)
            if not episode.episode_id.startswith(EVALUATION_PREFIX)
        ]

    @property
    def feedback(self) -> list[FeedbackReceived]:
        """Each time answers reached the learner."""
        return self._all(FeedbackReceived)

    @property
    def corrections(self) -> list[Corrected]:
        """Each episode in which people steered."""
        return self._all(Corrected)

    @property
    def fits(self) -> list[RewardFitted]:
        """Reward-model fits."""
        return self._all(RewardFitted)

    @property
    def updates(self) -> list[Updated]:
        """Progress of the learner."""
        return self._all(Updated)

    @property
    def evaluations(self) -> list[Evaluated]:
        """Evaluations in order, the final one included."""
        return self._all(Evaluated)

    @property
    def final(self) -> Evaluated | None:
        """The evaluation of the reported policy, or None while there is none."""
        finals = [event for event in self.evaluations if event.moment == "final"]
        return finals[-1] if finals else None

    @property
    def headline(self) -> Evaluated | None:
        """The final evaluation or, until there is one, the latest."""
        return self.final or (self.evaluations[-1] if self.evaluations else None)

    @property
    def finished(self) -> RunFinished | None:
        """How the run ended, None where it has not (or was killed)."""
        ends = self._all(RunFinished)
        return ends[-1] if ends else None

    @property
    def wall_s(self) -> float:
        """Seconds the run took so far."""
        return max((event.wall_s for event in self.events), default=0.0)

    @property
    def steps(self) -> int:
        """Environment steps so far."""
        return max((event.steps for event in self.events), default=0)

    @property
    def answers(self) -> int:
        """Answers used so far."""
        if self.finished:
            return self.finished.answers
        counted = FeedbackReceived | RewardFitted | Updated | Evaluated
        return max(
            (event.answers for event in self.events if isinstance(event, counted)), default=0
        )

    def lacking(self, what: str) -> RunRecord:
        """The record with one more thing said to be missing."""
        return replace(self, missing=(*self.missing, what), _by_kind={})

    def setting(self, *path: str, default: Any = None) -> Any:
        """Return the configured value at `path`, or `default` where there is none."""
        value: Any = self.config
        for key in path:
            if not isinstance(value, Mapping) or key not in value:
                return default
            value = value[key]
        return value

    def provider(self, table: str) -> tuple[str, Mapping[str, Any]]:
        """Return which provider `table` uses ("" = none named) and that provider's settings."""
        use = str(self.setting(table, "use", default=""))
        own = self.setting(table, use, default={})
        return use, own if isinstance(own, Mapping) else {}

    @property
    def learns_from_truth(self) -> bool:
        """Whether this is a ground-truth baseline, which must say so wherever it is shown."""
        return self.provider("reward")[0] == "truth"


def read_run(run_dir: Path) -> RunRecord:
    """Read a run folder. What is missing or damaged is named in the result and does not stop it.

    Raises:
        DataError: no run folder there.
    """
    if not any((run_dir / name).is_file() for name in ("run.json", event_log.FILE)):
        raise DataError(
            f"{run_dir} is no run folder: it has neither run.json nor {event_log.FILE}. "
            "`robofeed runs` lists the runs there are."
        )
    missing: list[str] = []
    folder = RunFolder(run_dir)
    try:
        about = folder.about()
    except DataError as error:
        about = {}
        missing.append(f"{error}, so name and versions are unknown")
    config, config_text = _read_config(folder.config_path, missing)
    return make_record(run_dir, about, config, config_text, _read_events(run_dir, missing), missing)


def make_record(
    run_dir: Path,
    about: Mapping[str, Any],
    config: Mapping[str, Any],
    config_text: str,
    events: Sequence[Event],
    missing: Sequence[str] = (),
) -> RunRecord:
    """Build a record of `events`, leaving out those that a resumed run went back behind."""
    kept: list[Event] = []
    superseded = 0
    for event in events:
        if isinstance(event, RunStarted) and event.resumed_from is not None:
            before = len(kept)
            kept = [old for old in kept if old.steps <= event.steps]
            superseded += before - len(kept)
        kept.append(event)
    if not kept:
        missing = [*missing, "events.jsonl holds no events, so there are no curves to draw"]
    return RunRecord(run_dir, about, config, config_text, tuple(kept), tuple(missing), superseded)


def _read_events(run_dir: Path, missing: list[str]) -> list[Event]:
    """Every event that can be read: a report of most of a run is better than none."""
    path = run_dir / event_log.FILE
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        missing.append(f"{event_log.FILE} cannot be read ({error.strerror})")
        return []
    if lines.pop():
        missing.append(
            f"the last line of {event_log.FILE} is torn, as a killed process leaves it; what came "
            "before is here"
        )
    events: list[Event] = []
    damaged: list[int] = []
    for number, line in enumerate(lines, start=1):
        try:
            events.append(event_log.decode(line))
        except DataError:
            damaged.append(number)
    if damaged:
        missing.append(
            f"{len(damaged)} of {len(lines)} lines of {event_log.FILE} are no events (the first is "
            f"line {damaged[0]})"
        )
    return events


def _read_config(path: Path, missing: list[str]) -> tuple[Mapping[str, Any], str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        missing.append(f"config.toml cannot be read ({error}), so the settings are unknown")
        return {}, ""
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        missing.append(f"config.toml is not valid TOML ({error}), so the settings are unknown")
        return {}, text
