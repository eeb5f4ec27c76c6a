"""A run from start to finish: what it leaves behind and what it counts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from robofeed.data.errors import ConfigError, DataError
from robofeed.data.feedback import Ranking
from robofeed.data.ledger import Ledger
from robofeed.data.store import EpisodeStore
from robofeed.event_log import read_events
from robofeed.events import EpisodeRecorded, Evaluated, FeedbackReceived, RewardFitted, RunFinished
from robofeed.run_file import load_config
from robofeed.training import resume, train
from robofeed.update.checkpoint import load_latest


def test_a_run_leaves_a_complete_folder(point_config):
    result = train(point_config())

    events = read_events(result.run_dir)
    recorded = [event.episode_id for event in events if isinstance(event, EpisodeRecorded)]
    assert len(recorded) == 20
    store = EpisodeStore(result.run_dir)
    assert set(recorded) <= set(store.ids())
    assert all(store.has_truth(episode_id) for episode_id in recorded)
    assert [event for event in events if isinstance(event, RewardFitted)]
    assert isinstance(events[-1], RunFinished)
    assert result.stop_rule == "step budget"
    assert json.loads((result.run_dir / "run.json").read_text())["status"] == "finished"
    assert load_latest(result.run_dir / "checkpoints").step == 400
    final = result.final
    assert final.moment == "final" and len(final.seeds) == 6


def test_training_evaluation_and_reporting_seeds_are_disjoint(point_config):
    result = train(point_config())

    events = read_events(result.run_dir)
    during = {
        seed
        for event in events
        if isinstance(event, Evaluated) and event.moment != "final"
        for seed in event.seeds
    }
    store = EpisodeStore(result.run_dir)
    trained = {store.read(each).seed for each in store.ids() if each.startswith("e")}
    assert trained and during
    assert not trained & during
    assert not (trained | during) & set(result.final.seeds)


def test_answers_are_counted_as_people_give_them_and_the_budget_holds(point_config):
    result = train(point_config("schedule.answer_budget=31", "queries.repeat_share=0.3"))

    ledger = Ledger.open(result.run_dir / "feedback.sqlite")
    rankings = [entry.feedback for entry in ledger.since(0)]
    ledger.close()
    counted = sum(len([i for group in each.order for i in group]) - 1 for each in rankings)
    assert all(isinstance(each, Ranking) for each in rankings)
    # Three clips a question make two answers; 31 is odd, so the last question has two clips.
    assert counted == 31 == result.final.answers
    feedback = [e for e in read_events(result.run_dir) if isinstance(e, FeedbackReceived)]
    assert feedback[-1].answers == 31
    assert feedback[-1].open_queries == 0


def test_two_runs_of_one_seed_are_the_same_and_of_another_are_not(point_config):
    first, again, other = (
        load_latest(train(point_config(f"run.seed={seed}", name=name)).run_dir / "checkpoints")
        for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    )

    assert _bytes(first) == _bytes(again)
    assert _bytes(first) != _bytes(other)


def test_simulators_in_processes_give_what_one_after_the_other_give(point_config):
    """Two arms in step: the run is as reproducible as with one."""
    runs = [
        train(point_config("simulation.processes=2", "stop.steps=200", name=name))
        for name in ("a", "b")
    ]

    first, second = (load_latest(run.run_dir / "checkpoints") for run in runs)
    assert _bytes(first) == _bytes(second)


def test_the_ground_truth_baseline_asks_no_one(point_config):
    result = train(point_config("reward.use=truth"))

    assert result.final.answers == 0
    assert result.final.predicted_returns == ()
    assert not [e for e in read_events(result.run_dir) if isinstance(e, RewardFitted)]


@pytest.mark.parametrize("learner", ["sac", "bc"])
def test_demonstrations_are_recorded_and_counted_apart(point_config, learner):
    overrides = ["prior.demonstrations=5", f"learner.use={learner}", "reward.use=truth"]
    result = train(point_config(*overrides, "prior.pretrain_updates=20"))

    ledger = Ledger.open(result.run_dir / "feedback.sqlite")
    kinds = [str(entry.feedback.kind) for entry in ledger.since(0)]
    ledger.close()
    assert kinds == ["demonstration"] * 5
    assert result.final.answers == 0


def test_imitation_learns_from_demonstrations(point_config):
    """Over 20 paired episodes: better than hardly trained by far more than chance gives."""
    taught, hardly = (
        train(
            point_config(
                "learner.use=bc",
                "reward.use=truth",
                "prior.demonstrations=40",
                f"prior.pretrain_updates={updates}",
                "learner.bc.hidden=[64,64]",
                "learner.bc.learning_rate=3e-3",
                "schedule.random_steps=40",
                "stop.steps=40",
                "evaluation.final_episodes=20",
                name=f"updates{updates}",
            )
        )
        for updates in (1500, 1)
    )

    gain = np.subtract(taught.final.true_returns, hardly.final.true_returns)
    assert gain.mean() > 3 * gain.std() / np.sqrt(len(gain))


def test_a_run_name_is_used_once(point_config):
    train(point_config("stop.steps=40"))

    with pytest.raises(DataError, match=r"holds .* already"):
        train(point_config("stop.steps=40"))


def test_the_saved_configuration_can_be_run_again_as_it_is(point_config):
    first = train(point_config("run.seed=3"))

    again = train(load_config(file=first.run_dir / "config.toml"))

    assert again.run_dir != first.run_dir
    assert again.final.true_returns == first.final.true_returns


def test_a_finished_run_is_not_resumed(point_config):
    result = train(point_config("stop.steps=40"))

    with pytest.raises(DataError, match="has finished"):
        resume(result.run_dir)


def test_a_folder_that_is_no_run_is_named(tmp_path: Path):
    with pytest.raises(DataError, match="is not a run"):
        resume(tmp_path)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["learner.use=bc"], r"prior\.demonstrations"),
        (["simulation.truth=false"], "knows the truth"),
        (["reward.use=truth", "simulation.truth=false"], "knows the truth"),
        (['reward.ensemble.inputs=["to_gaol_x"]'], "to_goal_x"),
    ],
    ids=["bc without demonstrations", "teacher without truth", "truth without", "unknown input"],
)
def test_what_cannot_be_put_together_is_refused_and_its_name_stays_free(
    point_config, overrides, said
):
    config = point_config(*overrides)
    with pytest.raises(ConfigError, match=said) as refused:
        train(config)

    assert refused.value.exit_code == 2
    assert not list(Path(config.run.out).iterdir())
    assert train(point_config("stop.steps=40")).final is not None


def test_a_configuration_spoilt_before_a_resume_takes_no_run_away(point_config):
    def give_up(event):
        raise KeyError

    config = point_config()
    with pytest.raises(KeyError):
        train(config, listen=give_up)
    run_dir = Path(config.run.out) / "run"
    file = run_dir / "config.toml"
    file.write_text(file.read_text().replace('use = "sac"', 'use = "bc"'))

    with pytest.raises(ConfigError, match=r"prior\.demonstrations"):
        resume(run_dir)

    assert (run_dir / "feedback.sqlite").exists()
    assert json.loads((run_dir / "run.json").read_text())["status"] == "failed"


def _bytes(checkpoint):
    return {
        (part, name): array.tobytes()
        for part, arrays in checkpoint.parts.items()
        for name, array in arrays.items()
    }
