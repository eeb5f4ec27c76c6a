"""One run from start to report: fresh, or continued from its last good checkpoint."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from robofeed.act.collector import REPORTING_SEEDS
from robofeed.config import ResolvedRun, RunConfig, resolve
from robofeed.data.errors import ConfigError, DataError
from robofeed.data.ledger_url import own_schema
from robofeed.data.run_folder import RunFolder, open_run_folder
from robofeed.event_log import EventLog
from robofeed.events import Evaluated, Event, RunFinished, RunStarted
from robofeed.loop import Parts
from robofeed.loop import run as run_loop
from robofeed.plugins import PluginRegistry, load_plugins
from robofeed.run_file import load_config
from robofeed.stop_rules import (
    Fired,
    Progress,
    StopRule,
    accuracy_plateau,
    label_budget,
    step_budget,
    success_held,
    wall_time,
)
from robofeed.training import demonstrations, selection, snapshot
from robofeed.training.duties import Every, Saving
from robofeed.training.interrupt import catching_interrupt
from robofeed.training.new_folder import begin_folder
from robofeed.training.parts import Run, open_parts
from robofeed.training.patience import PatientCollector

Listener = Callable[[Event], None]
_INTERRUPTED = Fired("interrupted", "Ctrl-C")


@dataclass(frozen=True, slots=True)
class RunResult:
    """What `train` and `resume` return. `final` is the evaluation on the reporting seeds.

    `open_queries` questions were put and never answered: the run ended before.
    """

    run_dir: Path
    stop_rule: str
    interrupted: bool
    final: Evaluated | None
    observer_failures: tuple[str, ...] = ()
    open_queries: int = 0


def train(
    config: RunConfig, *, listen: Listener | None = None, registry: PluginRegistry | None = None
) -> RunResult:
    """Train as `config` says, in a new run folder.

    Raises:
        ConfigError: an unusable configuration; no run folder is left behind.
        RobofeedError: a simulator that died, a refused action, a full disk; what was recorded
            until then is on disk.
    """
    registry = registry or load_plugins()
    resolved = resolve(config, registry.provider)
    if config.ledger.url:
        own_schema(config.ledger.url, "")  # before there is a folder of a run that cannot begin
    folder = begin_folder(resolved, registry, config.run.preset)
    return _Session(resolved, folder, registry, listen).go()


def resume(
    run_dir: Path,
    *,
    exact: bool = True,
    listen: Listener | None = None,
    registry: PluginRegistry | None = None,
) -> RunResult:
    """Go on with an interrupted run, from its last good checkpoint or from the start.

    With simulated teachers and arms, on a CPU, the run repeats itself exactly from the checkpoint
    on. `exact` False is for another machine or other versions, where it cannot.

    Raises:
        DataError: `run_dir` is not a run, the run has finished, or it is one in which people
            recorded something and nothing was learned.
    """
    registry = registry or load_plugins()
    folder = open_run_folder(run_dir)
    if records := folder.about().get("records"):
        raise DataError(
            f"{run_dir} holds {records} of people, and nothing was learned in it: there is nothing "
            f"to resume. A run learns from them with --set prior.folder={run_dir}"
        )
    if folder.about().get("status") == "finished":
        raise DataError(
            f"{run_dir} has finished; `robofeed eval {run_dir}` measures its policy, "
            f"`robofeed report {run_dir}` writes its page"
        )
    resolved = resolve(load_config(file=folder.config_path), registry.provider)
    return _Session(resolved, folder, registry, listen, resuming=True, exact=exact).go()


class _Session:
    """The course of one process's work on a run."""

    def __init__(
        self,
        resolved: ResolvedRun,
        folder: RunFolder,
        registry: PluginRegistry,
        listen: Listener | None,
        resuming: bool = False,
        exact: bool = True,
    ) -> None:
        self._resolved, self._folder, self._registry = resolved, folder, registry
        self._listen = listen
        self._resuming = resuming
        self._exact = exact
        self._log = EventLog(folder.path)
        self._interrupted: Callable[[], bool] = lambda: False

    def go(self) -> RunResult:
        """Open, train, evaluate, close."""
        try:
            run = self._open()
            with contextlib.closing(run), catching_interrupt() as self._interrupted:
                run.heed(self._interrupted)
                result = self._train(run)
        except BaseException:
            if self._folder.path.exists():
                self._folder.update_about(status="failed")
            raise
        self._folder.update_about(status="interrupted" if result.interrupted else "finished")
        return result

    def _open(self) -> Run:
        try:
            return open_parts(self._resolved, self._folder, self._tell)
        except ConfigError:
            # Nothing has happened yet: the name stays free for the corrected configuration.
            if not self._resuming:
                self._folder.discard()
            raise

    def _train(self, run: Run) -> RunResult:
        resumed_from = self._restore(run) if self._resuming else None
        progress = run.progress
        plugins = tuple(
            f"{row.distribution} {row.version}".strip() for row in self._registry.listing()
        )
        self._tell(
            RunStarted(
                progress.wall_s,
                progress.steps,
                str(self._folder.path),
                self._resolved.config.model_dump(mode="json"),
                plugins,
                resumed_from,
            )
        )
        if resumed_from is None and not demonstrations.give(run):
            # Nothing is saved: from a checkpoint the rest of them would never be given.
            return self._result(run, _INTERRUPTED, None, interrupted=True)
        clock = _clock(progress.wall_s)
        saving = Saving(
            Every(self._resolved.config.checkpoint.every_steps, progress.steps + 1),
            lambda _: self._save(run),
        )
        # Not at the very first step of a resumed run: it was just evaluated.
        if progress.steps == 0:
            run.evaluating(progress)
        fired = run_loop(
            Parts(
                collector=PatientCollector(
                    run.collector,
                    run.conversation,
                    self._resolved.config.schedule.ahead_steps,
                    progress,
                    run.controls.channel.attended if run.controls else lambda: False,
                    run.busy,
                    interrupted=lambda: self._interrupted() and not run.fleet.spec.simulated,
                ),
                interview=run.conversation,
                learner=run.learner,
                learn_from_feedback=run.learn_from_feedback,
                updates_due=run.pace.due,
                between_rounds=(run.measuring, run.evaluating, saving),
                stop_rules=(self._stop_on_interrupt, *_stop_rules(self._resolved.config)),
            ),
            progress,
            clock,
        )
        progress.wall_s = clock()
        self._save(run)
        if self._interrupted():
            return self._result(run, fired, None, interrupted=True)
        count = self._resolved.config.evaluation.final_episodes
        seeds = tuple(range(REPORTING_SEEDS[0], REPORTING_SEEDS[0] + count))
        final = None
        if run.fleet.has_truth:
            final = run.evaluating.evaluate(progress, seeds, "final")
            if final is None:  # it was interrupted
                return self._result(run, fired, None, interrupted=True)
        run.recorder.flush()
        progress.wall_s = clock()
        self._tell(
            RunFinished(
                progress.wall_s,
                progress.steps,
                progress.answers,
                fired.rule,
                fired.detail,
                fired.uses_true_success,
            )
        )
        # Ctrl-C during a simulator's last evaluation comes too late: it was carried through.
        return self._result(run, fired, final, interrupted=False)

    def _result(
        self, run: Run, fired: Fired, final: Evaluated | None, interrupted: bool
    ) -> RunResult:
        failures = tuple(
            f"{failure.distribution}: {failure.hook} failed {failure.times} times: {failure.error}"
            for failure in self._registry.observer_failures
        )
        return RunResult(
            self._folder.path,
            fired.rule,
            interrupted,
            final,
            failures,
            run.conversation.open_queries,
        )

    def _restore(self, run: Run) -> str | None:
        from robofeed.update.checkpoint import load_latest
        from robofeed.update.device import choose_device

        loaded = load_latest(self._folder.checkpoints_path)
        prompt = run.ranker is None or run.ranker.prompt
        repeats_itself = prompt and not self._folder.steered and run.fleet.spec.simulated
        on_cpu = choose_device(self._resolved.config.run.device).type == "cpu"
        exact = self._exact and repeats_itself and on_cpu
        if loaded is None:
            if not exact:
                snapshot.start_over(run)
            return None
        snapshot.restore(run, loaded.parts, loaded.meta, exact)
        passed_over = f" (passed over: {'; '.join(loaded.skipped)})" if loaded.skipped else ""
        return loaded.path.name + passed_over

    def _save(self, run: Run) -> None:
        from robofeed.update.checkpoint import name_of, save_checkpoint

        # First what the checkpoint refers to, then the checkpoint.
        run.recorder.flush()
        parts, about = snapshot.take(run)
        folder, steps = self._folder.checkpoints_path, run.progress.steps
        examined = selection.examined(run)
        if examined is not None:
            parts[selection.PART] = examined
        choice = selection.choose(run, folder, name_of(steps), examined)
        about["selection"] = choice.describe() if choice else None
        save_checkpoint(
            folder,
            steps,
            parts,
            about,
            keep=self._resolved.config.checkpoint.keep,
            best=choice.best if choice else None,
        )
        self._folder.update_about(selection=about["selection"])

    def _tell(self, event: Event) -> None:
        self._log.append(event)
        self._registry.notify(event)
        if self._listen is not None:
            self._listen(event)

    def _stop_on_interrupt(self, progress: Progress) -> Fired | None:
        return _INTERRUPTED if self._interrupted() else None


def _clock(already_s: float) -> Callable[[], float]:
    started_s = time.monotonic()
    return lambda: already_s + time.monotonic() - started_s


def _stop_rules(config: RunConfig) -> list[StopRule]:
    stop = config.stop
    rules: list[StopRule] = []
    if stop.steps is not None:
        rules.append(step_budget(stop.steps))
    if stop.answers is not None:
        rules.append(label_budget(stop.answers, stop.settle_steps))
    if stop.wall_s is not None:
        rules.append(wall_time(stop.wall_s))
    if stop.plateau_fits is not None:
        rules.append(accuracy_plateau(stop.plateau_fits, stop.plateau_margin))
    if stop.success_rate is not None:
        rules.append(success_held(stop.success_rate, stop.over_evaluations))
    return rules
