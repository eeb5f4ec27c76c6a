"""What is said before people are asked about an arm."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
