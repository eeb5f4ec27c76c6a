"""The run file as one frozen tree. Every key, its default and its bounds are here.

`robofeed.run_file` reads it from TOML, presets and `--set`. An optional limit is switched off with
"none", since TOML has no null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from robofeed.data.errors import ConfigError, did_you_mean
from robofeed.interfaces import Provider

Kind = Literal["backend", "feedback", "reward", "learner"]
KINDS: tuple[Kind, ...] = ("backend", "feedback", "reward", "learner")

_Optional = BeforeValidator(lambda value: None if value == "none" else value)
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class Table(BaseModel):
    """A table of the run file: no unknown keys, no guessing of types, no change once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RunTable(Table):
    """[run]: what this run is called and where it goes."""

    name: str = ""
    """Name of the run folder; empty = preset, time and seed."""
    preset: str = ""
    """The preset or the path of the file this came from; filled in when it is read."""
    seed: Count = 0
    out: str = "runs"
    """Folder that holds the run folders."""
    device: str = "auto"
    """Where to learn: a torch device name, or auto."""
    threads: Positive = 1
    """CPU threads of the learner; the simulators have processes of their own."""


class Choice(BaseModel):
    """One provider in `use` and a sub-table a provider. Only the used one is looked at."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)
    __pydantic_extra__: dict[str, dict[str, Any]] = Field(init=False)

    use: str

    def table(self, name: str) -> Mapping[str, Any]:
        """The sub-table of provider `name` as it was read; empty where there is none."""
        return dict(self.tables.get(name, {}))

    @property
    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """All sub-tables by provider, those that are not in use as well."""
        return self.__pydantic_extra__ or {}


class FeedbackChoice(Choice):
    """[feedback]: who is asked."""

    use: str = "teacher"


class RewardChoice(Choice):
    """[reward]: what learns from the answers; "truth" is the ground-truth baseline."""

    use: str = "ensemble"


class LearnerChoice(Choice):
    """[learner]: what improves the policy."""

    use: str = "sac"


class Simulation(Table):
    """[simulation]: how the simulators run."""

    processes: Positive = 2
    truth: bool = True
    """Whether the simulator's ground truth is read at all; without it nothing is evaluated."""


class Queries(Table):
    """[queries]: which clips are asked about."""

    context: Literal["matched", "seed", "episode", "any"] = "seed"
    """What the clips of a question share: the start (seed), the episode, either, or nothing."""
    selection: Literal["uniform", "disagreement", "entropy", "information", "coverage"] = "uniform"
    clips: Annotated[int, Field(ge=2, le=5)] = 5
    """Clips in a question; ranking K of them counts as K - 1 answers."""
    segment_steps: Positive = 25
    late_share: Share = 0.5
    """Share of questions about the ends of episodes, where it shows whether a goal was met."""
    alike: Positive = 5
    """Episodes in a row with the same start, so that clips of them can be compared."""
    recent_episodes: Positive = 100
    """Questions are about the last so many episodes."""
    candidates: Positive = 10
    """Candidate queries drawn for each one asked (PEBBLE: 10)."""
    repeat_share: Share | Literal["auto"] = "auto"
    """Share of a session's questions that were asked before, to see how consistent a person is;
    auto = 0.05 of those put to people, none of those put to simulated teachers (say 0.05 to replay
    the answers of people)."""

    def repeats(self, of_people: bool) -> float:
        """The share for questions put to people, or to simulated teachers."""
        if self.repeat_share == "auto":
            return 0.05 if of_people else 0.0
        return self.repeat_share


class Clips(Table):
    """[clips]: how the clips of questions look."""

    width: Annotated[int, Field(ge=64, le=1920, multiple_of=2)] = 320
    height: Annotated[int, Field(ge=64, le=1080, multiple_of=2)] = 240
    fps: Annotated[float, Field(ge=0.0, le=120.0, allow_inf_nan=False)] = 0.0
    """Pictures a second; 0 = as fast as the arm moved. Each step is one picture at any speed."""
    camera: str = ""
    """A camera that the backend has, or several that share each picture, as in "corner+side"; empty
    = its usual one."""


class Schedule(Table):
    """[schedule]: when to explore, ask and update. Steps are environment steps over all arms."""

    random_steps: Count = 2_000
    """Steps of random actions, each held for a while, before the policy acts."""
    ask_after_steps: Count = 2_000
    """Steps before the first questions."""
    session_every_steps: Positive = 500
    answers_per_session: Positive = 24
    first_session_answers: Positive = 80
    answer_budget: Count = 500
    """No more questions once so many answers are in or asked for; training goes on."""
    open_queries: Positive = 4
    """A session is put off while more questions than this wait for people ..."""
    ahead_steps: Count = 1_000
    """... and training goes on for so many steps beyond the one at which the session was due; then
    the arms hold still until people answer."""
    fit_every_answers: Positive = 1
    """New answers that make another reward fit worth while."""
    explore_share: Share = 0.05
    """Chance, each step, that a random action is begun and held instead of the policy's."""
    displaced_share: Share = 0.5
    """Share of episodes in which the policy sees its observations displaced ..."""
    displacement: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 0.2
    """... by a constant of up to about this share of each element's half range."""
    updates_per_step: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 1.0
    publish_every_updates: Positive = 1
    """Updates between two policy snapshots; more than 1 pays off on a GPU."""


class LedgerTable(Table):
    """[ledger]: where what people say is kept, and how questions are shared out among them."""

    url: str = ""
    """PostgreSQL for a team, such as postgresql://user@host/database, where each run gets a schema
    of its own; empty = a SQLite file in the run's folder. Never a password: that is taken from
    PGPASSWORD or ~/.pgpass."""
    overlap: Positive = 1
    """How many people are to answer each question, where several do."""
    hold_s: Seconds = 120.0
    """How long a question that was given to one person is kept from the others."""


class Prior(Table):
    """[prior]: what is known beforehand."""

    demonstrations: Count = 0
    """Episodes of the scripted expert. The learner says which share of a batch they make up."""
    folder: str = ""
    """A folder of `robofeed record`, whose demonstrations are given as well; empty = none."""
    pretrain_updates: Count = 0
    """Updates of behaviour cloning on them before anything else; the actor starts from there."""


class Stop(Table):
    """[stop]: the run ends with whichever rule fires first; "none" switches a rule off."""

    success_rate: Annotated[Share | None, _Optional] = None
    """Uses true success: true success rate held over `over_evaluations` evaluations."""
    over_evaluations: Positive = 3
    answers: Annotated[Positive | None, _Optional] = None
    """Label budget: stop `settle_steps` after so many answers are in."""
    settle_steps: Count = 2_000
    """Steps to go on learning from the last answer of the label budget."""
    steps: Annotated[Positive | None, _Optional] = 20_000
    wall_s: Annotated[Seconds | None, _Optional] = None
    plateau_fits: Annotated[Positive | None, _Optional] = None
    """Stop when held-out preference accuracy has not risen over so many reward fits ..."""
    plateau_margin: Share = 0.01
    """... by at least this much."""

    @model_validator(mode="after")
    def _ends(self) -> Stop:
        limits = (self.success_rate, self.answers, self.steps, self.wall_s, self.plateau_fits)
        if all(limit is None for limit in limits):
            raise ValueError("no rule is left; the run would never end")
        return self


class Evaluation(Table):
    """[evaluation]: measuring with true success, for people to read; it never steers training."""

    every_steps: Positive = 2_000
    episodes: Positive = 20
    final_episodes: Positive = 100


class Checkpoint(Table):
    """[checkpoint]: how often all is saved and how many are kept beside the best."""

    every_steps: Positive = 2_000
    keep: Positive = 3


class Control(Table):
    """[control]: people at the controls of an arm while it moves."""

    socket: bool = True
    """Whether the run can be watched, corrected and stopped through RUN/control.sock."""


class RunConfig(Table):
    """A whole run file."""

    run: RunTable = RunTable()
    backend: Choice
    feedback: FeedbackChoice = FeedbackChoice()
    reward: RewardChoice = RewardChoice()
    learner: LearnerChoice = LearnerChoice()
    simulation: Simulation = Simulation()
    queries: Queries = Queries()
    clips: Clips = Clips()
    schedule: Schedule = Schedule()
    ledger: LedgerTable = LedgerTable()
    prior: Prior = Prior()
    stop: Stop = Stop()
    evaluation: Evaluation = Evaluation()
    checkpoint: Checkpoint = Checkpoint()
    control: Control = Control()

    def choice(self, kind: Kind) -> Choice:
        """The table of one kind of provider."""
        choice: Choice = getattr(self, kind)
        return choice


@dataclass(frozen=True, slots=True)
class Chosen:
    """A provider and its checked settings, ready for `provider.create(settings, context)`."""

    provider: Provider[Any]
    settings: BaseModel


@dataclass(frozen=True, slots=True)
class ResolvedRun:
    """A configuration whose used provider tables are checked and completed with their defaults."""

    config: RunConfig
    backend: Chosen
    feedback: Chosen
    reward: Chosen
    learner: Chosen


def resolve(
    config: RunConfig,
    lookup: Callable[[Kind, str], Provider[Any]],
    sources: Mapping[str, str] | None = None,
) -> ResolvedRun:
    """Look up the four providers in use (`registry.provider`) and check their tables.

    `sources` names the flag that a dotted key came from, for messages (`run_file.origins`).

    Raises:
        ConfigError: an unknown provider, or a key of its table that it does not accept.
    """
    chosen: dict[Kind, Chosen] = {}
    values = config.model_dump()
    for kind in KINDS:
        choice = config.choice(kind)
        provider = lookup(kind, choice.use)
        settings = checked(
            provider.config_type,
            _with_task(choice, provider.config_type),
            (kind, choice.use),
            config.run.preset,
            sources,
        )
        chosen[kind] = Chosen(provider, settings)
        values[kind][choice.use] = settings.model_dump(mode="json", exclude_none=True)
    return ResolvedRun(RunConfig.model_validate(values), **chosen)


def _with_task(choice: Choice, model: type[BaseModel]) -> Mapping[str, Any]:
    """The table in use. A task is of the run, not of one backend: others' tables name it as well.

    So that `push` with another backend is pushed by that one too, or refused by it.
    """
    table = choice.table(choice.use)
    named = {str(each["task"]) for each in choice.tables.values() if "task" in each}
    if "task" in model.model_fields and len(named) == 1:
        return {"task": named.pop(), **table}
    return table


def checked(
    model: type[BaseModel],
    values: Mapping[str, Any],
    where: tuple[str, ...] = (),
    source: str = "",
    sources: Mapping[str, str] | None = None,
) -> Any:
    """Return `values` as a `model`.

    `where` are the tables above it, `source` names the file; `sources` names another origin of
    single dotted keys, such as a flag.

    Raises:
        ConfigError: each key that is unknown or out of bounds, with its origin.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        complaints = []
        for problem in error.errors(include_url=False):
            key, complaint = _complaint(model, where, problem)
            origin = (sources or {}).get(key, source)
            complaints.append(f"{origin}: {complaint}" if origin else complaint)
        raise ConfigError("; ".join(complaints)) from error


def _complaint(
    model: type[BaseModel], where: tuple[str, ...], problem: Mapping[str, Any]
) -> tuple[str, str]:
    path = tuple(str(part) for part in problem["loc"])
    key = ".".join((*where, *path))
    fields = set(_table_at(model, path[:-1]).model_fields)
    unknown = problem["type"] == "extra_forbidden"
    # A stray value beside the sub-tables of providers.
    stray = bool(path) and path[-1] not in fields and problem["type"] == "dict_type"
    if unknown or stray:
        return key, f"unknown key {key!r}{did_you_mean(path[-1], fields)}"
    said = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if problem["type"] == "missing":
        return key, f"key {key!r} is missing"
    if isinstance(problem["input"], Mapping):
        return key, f"[{key}]: {said}"
    return key, f"{key} = {problem['input']!r}: {said}"


def _table_at(model: type[BaseModel], path: tuple[str, ...]) -> type[BaseModel]:
    """The model of the table at `path`, or the last one on the way that is known."""
    named: type[BaseModel] | None = None
    for part in path:
        if named is not None:  # `part` is a name of somebody's choice, as of a camera
            model, named = named, None
            continue
        field = model.model_fields.get(part)
        inner = field.annotation if field else None
        if get_origin(inner) is dict:
            named = inner = get_args(inner)[1]
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = model if named else inner
    return model
