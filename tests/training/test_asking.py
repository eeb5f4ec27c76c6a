"""What is said before people are asked about an arm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from robofeed.data.errors import ConfigError
from robofeed.data.spec import FrameSpec
from robofeed.feedback.teachers import SimulatedTeacher
from robofeed.testing.fake_arm import FakeArm
from robofeed.training import asking, train
from robofeed.training.asking import unseen

DRAWN = FakeArm().spec
BLIND = replace(DRAWN, scene_size=0)
FILMED = replace(BLIND, frames={"front": FrameSpec(48, 64, "a roll")})


def test_an_arm_that_nothing_shows_is_told_before_anybody_is_asked() -> None:
    assert unseen(DRAWN, "fake") == unseen(FILMED, "fake") == ""
    assert "no pictures" in unseen(BLIND, "fake")
    assert "[backend.fake.cameras.front]" in unseen(BLIND, "fake")


@pytest.mark.parametrize("prompt", [False, True])
def test_only_people_need_to_see_it(point_config, monkeypatch, caplog, prompt):
    monkeypatch.setattr(SimulatedTeacher, "prompt", prompt)
    monkeypatch.setattr(asking, "unseen", lambda spec, use: f"nothing shows {use}")
    train(point_config("stop.steps=20", "evaluation.final_episodes=1"))
    assert ("nothing shows point" in caplog.text) == (not prompt)


def test_clips_longer_than_an_episode_are_refused_before_anything_moves(point_config):
    config = point_config("queries.segment_steps=21")
    with pytest.raises(ConfigError, match=r"segment_steps = 21, but an episode has 20 steps"):
        train(config)
    assert not list(Path(config.run.out).glob("*"))
    train(point_config("queries.segment_steps=20", "stop.steps=20"))
