"""The opened parts of a run, put together from its configuration."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from robofeed.act.collector import SELECTION_SEEDS, RoundCollector, SeedStream
from robofeed.act.exploration import HeldExploration
from robofeed.act.policies import RandomPolicy
from robofeed.act.publisher import Publisher
from robofeed.config import ResolvedRun
from robofeed.data.episode_frames import Darkroom
from robofeed.data.episode_writer import EpisodeWriter
from robofeed.data.errors import ConfigError
from robofeed.data.fleet import Fleet
from robofeed.data.ledger import Ledger
from robofeed.data.run_folder import RunFolder
from robofeed.data.spec import ArraySpec
from robofeed.data.store import EpisodeStore
from robofeed.events import Event, RewardFitted
from robofeed.feedback.footage import FootageLibrary, TruthLibrary
from robofeed.interfaces import BuildContext, Learner, Needs, Policy, Ranker, RewardModel
from robofeed.stop_rules import Progress
from robofeed.training.arms import open_fleet
from robofeed.training.asking import open_conversation
from robofeed.training.controls import Controls, CorrectionBook, open_controls
from robofeed.training.conversation import Conversation, Silence
from robofeed.training.duties import Evaluating, Every, Measuring
from robofeed.training.generators import make_generators
from robofeed.training.learning import Learning, open_learning
from robofeed.training.pace import Pace, Phase
from robofeed.training.prior import check_prior
from robofeed.training.recorder import Recorder

GROUND_TRUTH = "truth"
"""Name of the reward provider of the ground-truth baseline."""
_MEASURE_EVERY_STEPS = 200


@dataclass(slots=True)
class Run:
    """Everything a run consists of while it goes on."""

    resolved: ResolvedRun
    folder: RunFolder
    progress: Progress
    fleet: Fleet
    learning: Learning
    generators: dict[str, np.random.Generator]
    store: EpisodeStore
    writer: EpisodeWriter
    ledger: Ledger
    footage: FootageLibrary
    ranker: Ranker | None
    controls: Controls | None
    conversation: Conversation | Silence
    collector: RoundCollector
    publisher: Publisher
    recorder: Recorder
    evaluating: Evaluating
    measuring: Measuring
    pace: Pace
    phase: Phase
    tell: Callable[[Event], None]

    @property
    def learner(self) -> Learner:
        """What improves the policy."""
        return self.learning.learner

    @property
    def reward(self) -> RewardModel | None:
        """What is fitted to answers; None in the ground-truth baseline and in pure imitation."""
        return self.learning.reward

    @property
    def ground_truth(self) -> bool:
        """Whether this is the baseline that learns from the simulator's true reward."""
        return self.resolved.config.reward.use == GROUND_TRUTH

    def learn_from_feedback(self) -> None:
        """Fit the reward model to all that stands and relabel the replay with it."""
        with self.busy("the reward model is being fitted"):
            self._learn_from_feedback()

    def busy(self, doing: str) -> AbstractContextManager[None]:
        """While nothing moves: says so to those who watch."""
        return self.controls.channel.busy(doing) if self.controls else nullcontext()

    def _learn_from_feedback(self) -> None:
        assert isinstance(self.conversation, Conversation)
        labels = self.conversation.book.labels
        if Needs.FEEDBACK in self.learner.needs:
            self.learner.learn_from(labels)
        if self.reward is not None:
            report = self.reward.fit(labels, self.generators["reward"])
            self.learner.relabel(self.reward)
            progress = self.progress
            progress.held_out_accuracies.append(report.held_out_accuracy)
            self.tell(RewardFitted(progress.wall_s, progress.steps, progress.answers, report))
        self.phase.learning = True
        self.publisher.published_at = -1

    def heed(self, interrupted: Callable[[], bool]) -> None:
        """End soon once `interrupted`.

        A simulator's round is carried through to its last duty, so that the run repeats itself
        when it is resumed. With a real arm that takes too long, and nothing repeats itself.
        """
        if self.controls is not None:
            self.controls.helm.interrupted = interrupted
        if self.fleet.spec.simulated:
            return
        self.evaluating.interrupted = interrupted
        if isinstance(self.conversation, Conversation):
            self.conversation.interrupted = interrupted

    def close(self) -> None:
        """Stop the arms, finish writing. Every part is closed even where one fails."""
        parts = (self.ledger, self.writer, self.learning, self.fleet, self.controls, self.ranker)
        # From the last to the first, and on to the end though Ctrl-C comes in between.
        with contextlib.ExitStack() as closing:
            for part in parts:
                if part is not None:
                    closing.callback(part.close)


def open_parts(resolved: ResolvedRun, folder: RunFolder, tell: Callable[[Event], None]) -> Run:
    """Open everything a run needs. What was opened is closed again if a later part fails."""
    with contextlib.ExitStack() as opened:
        fleet = open_fleet(resolved)
        opened.callback(fleet.close)
        config = resolved.config
        context = BuildContext(fleet.spec, config.run.seed, config.run.device, folder.path)
        learning = open_learning(resolved, context, config.reward.use == GROUND_TRUTH)
        opened.callback(learning.close)
        run = _open_rest(resolved, folder, tell, fleet, context, learning, opened)
        opened.pop_all()
        return run


def _open_rest(
    resolved: ResolvedRun,
    folder: RunFolder,
    tell: Callable[[Event], None],
    fleet: Fleet,
    context: BuildContext,
    learning: Learning,
    opened: contextlib.ExitStack,
) -> Run:
    config, progress = resolved.config, Progress()
    learner, reward = learning.learner, learning.reward
    check_prior(config, learner)
    ground_truth = config.reward.use == GROUND_TRUTH
    if ground_truth and Needs.REWARD in learner.needs and not fleet.has_truth:
        raise ConfigError(
            f"reward.use = 'truth' needs a backend that knows the truth; {config.backend.use!r} "
            "does not"
        )
    asks = not ground_truth and bool({Needs.REWARD, Needs.FEEDBACK} & learner.needs)
    generators = make_generators(config.run.seed)
    store = EpisodeStore(folder.path, Darkroom(fleet.spec))
    footage = FootageLibrary(store.read, config.queries.recent_episodes)
    truths = TruthLibrary(store.read_truth) if fleet.has_truth else None
    ledger = Ledger.open(folder.ledger)
    opened.callback(ledger.close)
    phase = Phase(progress, config.schedule.random_steps, asks)
    writer = EpisodeWriter(store)
    opened.callback(writer.close)
    recorder = Recorder(writer, footage, truths, progress, phase, tell)
    publisher = Publisher(
        learner.export, lambda: progress.updates, config.schedule.publish_every_updates
    )
    exploration = HeldExploration(
        _array_spec(fleet),
        fleet.spec.observation,
        generators["actions"],
        displaced_share=config.schedule.displaced_share,
        displacement=config.schedule.displacement,
    )
    random_policy = RandomPolicy(_array_spec(fleet))

    def acting() -> Policy:
        if progress.steps < config.schedule.random_steps:
            return exploration.around(random_policy, 1.0)
        return exploration.around(publisher.latest(), config.schedule.explore_share)

    def begin(count: int) -> None:
        learning.settle()
        exploration.begin(count)

    def refreshed() -> Policy:
        learning.settle()
        return publisher.refresh()

    ranker: Ranker | None = None
    conversation: Conversation | Silence = Silence()
    if asks:
        ranker, conversation = open_conversation(
            resolved,
            context,
            ledger,
            footage,
            truths,
            reward,
            generators,
            phase,
            tell,
            recorder.flush,
        )
        opened.callback(ranker.close)
    controls = open_controls(config.control, folder, fleet, ledger)
    if controls is not None:
        opened.callback(controls.close)
    helm = controls.helm if controls is not None else None
    record = recorder.record
    if helm is not None:
        record = CorrectionBook(helm, recorder, ledger, progress, tell).record
    collector = RoundCollector(
        fleet,
        SeedStream(generators["seeds"], config.queries.alike if asks else 1),
        acting,
        generators["actions"],
        record,
        begin,
        with_true_reward=ground_truth,
        helm=helm,
    )
    seeds = tuple(range(SELECTION_SEEDS[0], SELECTION_SEEDS[0] + config.evaluation.episodes))
    evaluating = Evaluating(
        Every(config.evaluation.every_steps),
        fleet,
        seeds,
        refreshed,
        lambda: reward if phase.learning else None,
        recorder,
        tell,
        helm,
    )
    measuring = Measuring(Every(_MEASURE_EVERY_STEPS), learner, phase, tell)
    pace = Pace(config.schedule.updates_per_step, config.schedule.random_steps, progress)
    return Run(
        resolved=resolved,
        folder=folder,
        progress=progress,
        fleet=fleet,
        learning=learning,
        generators=generators,
        store=store,
        writer=writer,
        ledger=ledger,
        footage=footage,
        ranker=ranker,
        controls=controls,
        conversation=conversation,
        collector=collector,
        publisher=publisher,
        recorder=recorder,
        evaluating=evaluating,
        measuring=measuring,
        pace=pace,
        phase=phase,
        tell=tell,
    )


def _array_spec(fleet: Fleet) -> ArraySpec:
    if not isinstance(fleet.spec.action, ArraySpec):
        raise ConfigError("this backend has discrete actions, which no learner here takes yet")
    return fleet.spec.action
