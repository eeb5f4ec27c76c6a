"""Core's own providers, found by their entry point like everybody's, made as a run makes them."""

import uuid

import pytest
from pydantic import BaseModel, ConfigDict

from robofeed.config import resolve
from robofeed.data.episode import Segment
from robofeed.data.errors import ConfigError
from robofeed.data.feedback import Query, Ranking, Retraction, Stamp
from robofeed.data.ledger import Ledger
from robofeed.data.spec import ArraySpec, BackendSpec
from robofeed.interfaces import BuildContext, Needs, Provider
from robofeed.plugins import load_plugins
from robofeed.run_file import load_config, preset_names

SPEC = BackendSpec(
    observation=ArraySpec((6,), -1.0, 1.0), action=ArraySpec((2,), -1.0, 1.0), period_s=0.04
)
CONTEXT = BuildContext(SPEC, seed=3, device="cpu")


@pytest.fixture(scope="module")
def registry():
    return load_plugins(allow=[])


def make(registry, kind, name, /, **settings):
    provider = registry.provider(kind, name)
    return provider.create(provider.config_type(**settings), CONTEXT)


def test_core_offers_what_the_design_names(registry):
    assert {"teacher", "replay"} <= set(registry.names("feedback"))
    assert {"ensemble", "truth"} <= set(registry.names("reward"))
    assert {"sac"} <= set(registry.names("learner"))
    (row,) = registry.listing()
    assert (row.distribution, row.error) == ("robofeed", "")


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_names_providers_that_exist_and_keys_they_take(registry, name):
    resolve(load_config(name), _with_any_simulator(registry))


def _with_any_simulator(registry):
    """The simulator is a plugin: its keys are checked by its own tests."""

    def lookup(kind, name):
        if kind != "backend":
            return registry.provider(kind, name)
        return Provider(name, _AnySettings, print)

    return lookup


class _AnySettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


def test_learners_and_reward_models_are_made_for_the_spec_of_the_run(registry):
    assert Needs.TRANSITIONS in make(registry, "learner", "sac").needs
    assert make(registry, "reward", "ensemble", members=2).state()
    with pytest.raises(ConfigError, match="ground-truth"):
        make(registry, "reward", "truth").step_rewards(None, None)


class Desk:
    def __init__(self) -> None:
        self.answers = []

    def append(self, feedback):
        self.answers.append(feedback)


def query(number):
    segments = (Segment("e000000", number, number + 5), Segment("e000001", number, number + 5))
    return Query(f"q{number:06}", segments, (0, 1))


def answer(number, order):
    return Ranking(Stamp(str(uuid.UUID(int=number)), "anna", "web"), f"q{number:06}", order)


def test_the_teacher_answers_by_true_return(registry):
    teacher, desk = make(registry, "feedback", "teacher", kind="oracle"), Desk()
    teacher.use_truth(lambda segment: [float(segment.episode_id == "e000001")] * len(segment), [])
    teacher.open(desk)
    teacher.ask([query(0)])
    (said,) = desk.answers
    assert said.order == ((1,), (0,))


def test_replay_gives_the_standing_answers_of_a_recorded_run(registry, tmp_path):
    path = tmp_path / "feedback.sqlite"
    ledger = Ledger.open(path)
    ledger.add_queries([query(1), query(2)])
    ledger.append(answer(1, ((1,), (0,))))
    ledger.append(answer(2, ((1,), (0,))))
    ledger.append(Retraction(Stamp(str(uuid.UUID(int=9)), "anna", "web"), str(uuid.UUID(int=2))))
    ledger.close()
    replay, desk = make(registry, "feedback", "replay", ledger=str(path)), Desk()
    replay.open(desk)
    replay.ask([query(1)])
    assert desk.answers == [answer(1, ((1,), (0,)))]
    with pytest.raises(Exception, match="no answer to query q000002"):
        replay.ask([query(2)])


def test_replay_of_nothing_says_what_to_name(registry, tmp_path):
    with pytest.raises(ConfigError, match=r"feedback\.replay\.ledger = '.*name a recorded run's"):
        make(registry, "feedback", "replay", ledger=str(tmp_path / "none.sqlite"))
