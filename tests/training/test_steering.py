"""Steering without recording: a person moves an arm, and nothing is kept."""

from __future__ import annotations

import pytest

from robofeed.data.control_messages import Do
from robofeed.data.errors import DataError, SafetyStop
from robofeed.training import steer

from .test_demonstrations_by_people import Demonstrator


def test_a_person_steers_and_nothing_is_kept(point_config, tmp_path):
    seen = []

    def drive(client, state):
        seen.append((state["phase"], state["observation"][0]))
        if len(seen) == 30:
            raise DataError("that is enough")
        client.send(Do.MOVE, action=[0.03, 0.0])

    person = Demonstrator(drive)
    folders = []

    def opened(folder):
        folders.append(folder)
        return person(folder)

    steer(point_config(), opened=opened)

    assert {phase for phase, _ in seen} == {"steering"}
    assert seen[-1][1] != seen[0][1]
    assert not folders[0].exists()
    assert not (tmp_path / "runs").exists()


def test_a_stop_ends_it_with_who_it_was(point_config):
    def stop(client, state):
        client.send(Do.STOP if state["step"] >= 3 else Do.MOVE, action=[0.01, 0.0])

    with pytest.raises(SafetyStop, match=r"stopped by anna \(test\)"):
        steer(point_config(), opened=Demonstrator(stop))
