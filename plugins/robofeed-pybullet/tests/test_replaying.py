"""A recorded episode executed again is the same to the bit, also where gates touched it."""

from __future__ import annotations

from pathlib import Path

import pytest

from robofeed.data.store import EpisodeStore
from robofeed.run_file import load_config
from robofeed.training import train
from robofeed.training.replay import find_episode, reexecute

EPISODES = 4
SETTINGS = (
    f"schedule.random_steps={50 * EPISODES}",
    f"stop.steps={50 * EPISODES}",
    "simulation.processes=1",
    "evaluation.episodes=1",
    "evaluation.final_episodes=1",
)


@pytest.mark.parametrize("action", ["end_effector", "joint"])
def test_steps_that_gates_shortened_are_shortened_alike(action: str, tmp_path: Path) -> None:
    overrides = [*SETTINGS, f"backend.pybullet.action={action}", f"run.out={tmp_path}"]
    result = train(load_config(preset="reach", overrides=overrides))
    store = EpisodeStore(result.run_dir)
    names = [name for name in store.ids() if name.startswith("e")]
    assert len(names) == EPISODES
    assert any(store.read(name).gates.any() for name in names)
    for name in names:
        assert reexecute(find_episode(result.run_dir / name)).same
