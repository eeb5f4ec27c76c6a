"""Every Protocol a plugin author implements, from the arm to the learner. Read top to bottom.

One arm, one person, no torch; batching over arms and safety (`Guarded`) are core's job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from pydantic import BaseModel

from robofeed.data.batch import ClipBatch, FitReport, Resolved, StepBatch
from robofeed.data.episode import Segment
from robofeed.data.feedback import Feedback, Query, Receipt
from robofeed.data.intervention import Driver, Intervention
from robofeed.data.needs import Needs as Needs
from robofeed.data.observation import Observation, Picture, Target, Truth
from robofeed.data.policy_spec import PolicySpec
from robofeed.data.spec import BackendSpec, FloatArray


# --- the world ------------------------------------------------------------------------------------
class Backend(Protocol):
    """One arm (or any Gymnasium-like task), simulated or real. No batch axis.

    `spec` at any time; `open`; then `reset` and, every `period_s`, `observe` -> `plan(action)` ->
    `send(target)`; `close` at the end. Only `stop` may come from another thread.
    """

    @property
    def spec(self) -> BackendSpec:
        """What is sensed and accepted. Readable before `open`."""

    def open(self) -> None:
        """Connect. Never moves anything. Raises HardwareError."""

    def close(self) -> None:
        """Disconnect. Idempotent."""

    def reset(self, seed: int | None = None) -> Observation:
        """Start an episode. The same seed gives the same start where `spec.seedable`."""

    def observe(self) -> Observation:
        """The newest observation, of when it was measured. Moves nothing.

        A real arm that cannot be reached is told by `ended` FAULT and a reason, not raised.
        """

    def plan(self, action: FloatArray) -> Target:
        """The joint goal for `action` and where it puts the tool. Moves and changes nothing."""

    def present(self) -> Target:
        """The goal that holds the arm where it is: measured, else last commanded."""

    def tool_at(self, joint_rad: FloatArray) -> FloatArray:
        """Forward kinematics: the tool position in m for these joints. Pure."""

    def action_of(self, target: Target) -> FloatArray:
        """The action that `plan` would have turned into `target` from the present pose. Pure."""

    def send(self, target: Target) -> None:
        """Go there. A simulator advances `period_s`; a real arm returns at once.

        A link that is broken is told by the next `observe`.
        """

    def stop(self) -> None:
        """Latch a stop until `reset`, obeyed at once. Any thread, any state, never raises."""


@runtime_checkable
class ReleasesStops(Protocol):
    """A real arm whose stop a person releases, and whose `reset` is refused until then."""

    def acknowledge(self) -> None:
        """A person has seen why it holds. Raises HardwareError where it cannot be released."""


@runtime_checkable
class HasTruth(Protocol):
    """A simulator's judgement. For the recorder, simulated teachers and the evaluator only."""

    def truth(self) -> Truth:
        """Ground truth of the present state."""


@runtime_checkable
class Renders(Protocol):
    """A simulator whose stored states can be made into pictures later, in another process."""

    def scene(self) -> FloatArray:
        """The present state, compact: float32 [spec.scene_size]."""

    def render(self, scene: FloatArray, height: int, width: int, camera: str = "") -> Picture:
        """A stored scene as `camera` ("" = the usual one) sees it. Works before `open`."""


@runtime_checkable
class HasExpert(Protocol):
    """A simulator with a scripted expert, for demonstrations and as a yardstick."""

    def expert_action(self) -> FloatArray:
        """A good action for the present state, in the action spec's units."""


# --- people ---------------------------------------------------------------------------------------
class Corrector(Protocol):
    """Whoever may take the controls of one arm while it moves. Asked inside the step."""

    @property
    def driver(self) -> Driver | None:
        """Who holds the controls; a simulator then runs at real time. None = nobody."""

    def poll(self, observation: Observation, proposed: FloatArray) -> Intervention:
        """What the person says to `proposed`, the policy's action. Never waits."""


class Desk(Protocol):
    """What a feedback source is given to work with."""

    def append(self, feedback: Feedback) -> Receipt:
        """Store a record durably, then return. The same record again gives the same receipt."""


class Ranker(Protocol):
    """A source of answers about clips. Neither method waits for a person.

    `open(desk)`; then `ask(queries)` whenever there are some; answers go to `desk.append` at any
    later time, from any thread; `close()`. Where `prompt`, as with simulated people, every answer
    is in the ledger when `ask` returns: then a resumed run repeats itself exactly.
    """

    @property
    def prompt(self) -> bool:
        """Whether answers are there when `ask` returns."""

    def open(self, desk: Desk) -> None:
        """Take the desk."""

    def ask(self, queries: Sequence[Query]) -> None:
        """Put questions. Returns at once."""

    def close(self) -> None:
        """Stop asking. Idempotent; unanswered queries stay open."""


TruthReader = Callable[[Segment], FloatArray]  # true rewards of its steps, float32 [len(segment)]


@runtime_checkable
class UsesTruth(Protocol):
    """A simulated teacher: it sees true rewards. The learner never does."""

    def use_truth(self, reader: TruthReader, history: Sequence[Query]) -> None:
        """Take the reader. Called once, before `open`."""


# --- acting and learning --------------------------------------------------------------------------
class Policy(Protocol):
    """An immutable snapshot that chooses actions."""

    @property
    def version(self) -> int:
        """Grows with every publication; -1 = not learned."""

    def act(self, observations: FloatArray, rng: np.random.Generator | None) -> FloatArray:
        """Actions [N, action] for observations [N, observation]; rng None = deterministic."""


class RewardModel(Protocol):
    """Learns what people prefer. Arrays in, device tensors kept inside."""

    def step_rewards(self, observations: Any, actions: Any) -> Any:
        """Normalised reward a step [N] for device tensors [N, ...], a million in one call."""

    def normalise_over(self, observations: Any, actions: Any) -> None:
        """Normalise the output so that rewards of these steps have a fixed mean and spread."""

    def segment_scores(self, clips: ClipBatch) -> FloatArray:
        """Score of each clip by each member, float32 [members, B]."""

    def fit(self, labels: Sequence[Resolved], rng: np.random.Generator) -> FitReport:
        """Fit to all labels so far."""

    def state(self) -> Mapping[str, FloatArray]:
        """Everything to checkpoint, by name."""

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""


class Learner(Protocol):
    """Improves a policy. The replay, the sampling and the networks are its own affair."""

    @property
    def needs(self) -> frozenset[Needs]:
        """What it must be fed."""

    def add(self, steps: StepBatch, pool: Literal["online", "prior"]) -> None:
        """Take transitions as they stream in."""

    def learn_from(self, labels: Sequence[Resolved]) -> None:
        """Take feedback directly, for learners without a reward model."""

    def relabel(self, reward: RewardModel) -> None:
        """Recompute the reward of every stored transition, on the device, and of all to come."""

    def label_with(self, reward: RewardModel) -> None:
        """Label what is added from now on, and nothing that is stored (after `load`)."""

    def update(self, n: int) -> None:
        """Do `n` whole updates, sampling included. No host synchronisation."""

    def metrics(self) -> Mapping[str, float]:
        """Losses and the like since the last call: the only host synchronisation."""

    def export(self, out: memoryview | None = None) -> tuple[PolicySpec, FloatArray]:
        """The present policy as flat float32 weights, written into `out` where given."""

    def state(self) -> Mapping[str, FloatArray]:
        """Everything to checkpoint (networks, optimisers, replay, generators), by name."""

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave. Raises DataError where it does not fit."""


# --- plugins --------------------------------------------------------------------------------------
Made = TypeVar("Made", covariant=True)


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What a provider may need to build a reward model, learner or feedback source."""

    spec: BackendSpec
    seed: int
    device: str = "auto"
    run_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Provider(Generic[Made]):
    """One thing a plugin offers.

    `config_type` is a frozen pydantic model, checked before `create(config, context)`; backends get
    None for a context: they make the spec. Heavy imports belong inside `create`.
    """

    name: str
    config_type: type[BaseModel]
    create: Callable[[Any, Any], Made]
    summary: str = ""
    api: int = 1
    takes_terminal: bool = False  # it draws there itself, so nothing else may
