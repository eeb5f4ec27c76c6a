"""Arms in this process and in processes of their own must be told apart by nothing but speed."""

import multiprocessing
import os
import signal
import threading
import time
from functools import partial

import numpy as np
import pytest

from robofeed.data.errors import ConfigError, HardwareError, SafetyStop
from robofeed.data.fleet import Table
from robofeed.data.observation import Ended, Gate
from robofeed.observe.fleet import LocalFleet, ProcessFleet
from robofeed.testing.fake_arm import FakeArm
from robofeed_example.point import Point

RAGGED = partial(FakeArm, horizon=4, ragged=5, raises_at=666)
FLEETS = pytest.mark.parametrize("kind", [LocalFleet, ProcessFleet])


@pytest.fixture(scope="module")
def fleets():
    """One of each kind, of two arms, that every test leaves usable."""
    made = {kind: kind(RAGGED, 2) for kind in (LocalFleet, ProcessFleet)}
    yield made
    for fleet in made.values():
        fleet.close()


def rows(fleet):
    return {name: getattr(fleet.table, name).copy() for name in Table.layout(fleet.spec, 1)}


def episode(fleet, seeds, rng, expert=False):
    """Everything that is in the table after each step of an episode on each arm."""
    reasons = [fleet.reset(seeds)]
    seen = [rows(fleet)]
    active = list(range(len(seeds)))
    while active:
        if expert:
            fleet.expert(active)
        else:
            fleet.table.proposed[:] = rng.uniform(-0.15, 0.15, fleet.table.proposed.shape)
        fleet.send(active)
        reasons.append(fleet.receive())
        seen.append(rows(fleet))
        active = [row for row in active if not fleet.table.ended[row]]
    return reasons, seen


def same(one, other):
    assert one[0] == other[0]
    assert len(one[1]) == len(other[1])
    for here, there in zip(one[1], other[1], strict=True):
        for name in here:
            assert here[name].tobytes() == there[name].tobytes(), name


def test_both_kinds_of_fleet_give_the_same_bytes(fleets):
    """For the same seeds and actions, episodes of several lengths, fewer seeds than arms."""
    local, apart = fleets[LocalFleet], fleets[ProcessFleet]
    assert local.spec.hash() == apart.spec.hash()
    assert local.has_truth and apart.has_truth
    for number, seeds in enumerate([(3, 11), (4, 4), (7,), (1, 2)]):
        expert = number == 2
        one, other = (
            episode(fleet, seeds, np.random.default_rng(number), expert) for fleet in (local, apart)
        )
        same(one, other)
    steps = one[1]
    assert len({step["state"].tobytes() for step in steps}) == len(steps), "the arms do move"
    assert any(step["gates"].any() for step in steps), "and touch the gates"
    assert all((step["true_reward"] < 0).all() for step in steps)
    for step in steps:
        np.testing.assert_array_equal(step["scene"], step["state"][:, :2])


@FLEETS
def test_an_arm_rests_when_its_episode_has_ended(fleets, kind):
    fleet = fleets[kind]
    _, seen = episode(fleet, (10, 13), np.random.default_rng(0))
    # 4 steps and the seed modulo 5 more.
    assert len(seen) == 1 + 7
    assert [step["ended"].tolist() for step in seen[3:]] == [
        [Ended.RUNNING, Ended.RUNNING],
        *[[Ended.TRUNCATED, Ended.RUNNING]] * 3,
        [Ended.TRUNCATED, Ended.TRUNCATED],
    ]
    for name in ("state", "time_ns", "executed", "true_reward", "scene"):
        resting = [step[name][0].tobytes() for step in seen[4:]]
        assert len(set(resting)) == 1, name
    assert seen[4]["state"][0].tobytes() != seen[3]["state"][0].tobytes()


@FLEETS
def test_the_same_seeds_start_the_same_whatever_went_before(fleets, kind):
    fleet = fleets[kind]
    first = episode(fleet, (5, 6), np.random.default_rng(1))
    episode(fleet, (8, 9), np.random.default_rng(2))
    # A round that was given up in the midst of a step, as by Ctrl-C.
    fleet.reset((1, 1))
    fleet.send([0, 1])
    again = episode(fleet, (5, 6), np.random.default_rng(1))
    for step in (first[1], again[1]):
        for name in ("proposed", "executed"):
            step[0].pop(name)  # what the episode before left there
    same(first, again)


@FLEETS
def test_a_refused_action_ends_the_episode_and_only_acknowledging_starts_another(fleets, kind):
    fleet = fleets[kind]
    fleet.reset((5, 6))
    fleet.table.proposed[:] = [[np.nan, 0.0], [0.05, 0.0]]
    fleet.send([0, 1])
    reasons = fleet.receive()
    assert "NON_FINITE" in reasons[0]
    assert reasons[1] == ""
    assert fleet.table.ended.tolist() == [Ended.FAULT, Ended.RUNNING]
    assert fleet.table.gates.tolist() == [Gate.NON_FINITE, Gate.NONE]
    assert np.isfinite(fleet.table.executed).all()
    with pytest.raises(SafetyStop, match="acknowledge"):
        fleet.reset((5, 6))
    # The other arm's answer was not left for a later question.
    fleet.acknowledge()
    episode(fleet, (5, 6), np.random.default_rng(1))
    assert fleet.table.ended.tolist() == [Ended.TRUNCATED, Ended.TRUNCATED]


@FLEETS
def test_where_an_arm_is_and_what_holds_it_there_is_told_when_asked(fleets, kind):
    fleet, alone = fleets[kind], FakeArm()
    fleet.reset((5, 6))
    fleet.locate([0, 1])
    for row, seed in enumerate((5, 6)):
        joints = alone.reset(seed).state[:2]
        np.testing.assert_array_equal(fleet.table.joint_rad[row], joints)
        np.testing.assert_allclose(fleet.table.tool_m[row], alone.tool_at(joints), atol=1e-6)
    assert np.isnan(fleet.table.gripper).all()
    np.testing.assert_array_equal(fleet.table.holding, np.zeros((2, 2)))
    episode(fleet, (5, 6), np.random.default_rng(1))


@FLEETS
def test_a_stop_holds_every_arm_from_its_next_step_on(fleets, kind):
    fleet = fleets[kind]
    fleet.reset((5, 6))
    before = fleet.table.state.copy()
    fleet.stop()
    fleet.table.proposed[:] = 0.05
    fleet.send([0, 1])
    reasons = fleet.receive()
    assert all("STOPPED" in reason for reason in reasons.values())
    assert fleet.table.ended.tolist() == [Ended.FAULT, Ended.FAULT]
    np.testing.assert_array_equal(fleet.table.state, before)
    fleet.acknowledge()
    episode(fleet, (5, 6), np.random.default_rng(1))


class SlowToStart(FakeArm):
    """Takes five seconds to drive to its start, unless it is stopped on the way."""

    def reset(self, seed=None):
        self.stops = 0
        end_s = time.monotonic() + 5.0
        while time.monotonic() < end_s:
            if self.stops:
                raise SafetyStop("stopped on its way to the start")
            time.sleep(0.005)
        return super().reset(seed)


@FLEETS
def test_a_stop_is_obeyed_while_the_arms_drive_to_their_start(kind):
    fleet = kind(SlowToStart, 1)
    try:
        began_s = time.monotonic()
        stopper = threading.Timer(0.3, fleet.stop)
        stopper.start()
        with pytest.raises(SafetyStop, match="on its way"):
            fleet.reset((1,))
        assert time.monotonic() - began_s < 3.0
        stopper.join()
        with pytest.raises(SafetyStop, match="acknowledge"):
            fleet.reset((1,))
    finally:
        fleet.close()


def test_a_stop_does_not_wait_for_an_arm_whose_process_hangs_or_is_gone():
    fleet = ProcessFleet(RAGGED, 1, reply_s=5.0)
    try:
        victim = newest("simulator 0")
        os.kill(victim.pid, signal.SIGSTOP)
        began_s = time.monotonic()
        fleet.stop()
        assert time.monotonic() - began_s < 3.0
        os.kill(victim.pid, signal.SIGCONT)
        with pytest.raises(SafetyStop):
            fleet.reset((1,))
        os.kill(victim.pid, signal.SIGKILL)
        victim.join(10)
        fleet.stop()
    finally:
        fleet.close()
    fleet.stop()


def test_arms_in_this_process_step_once_for_each_send(fleets):
    fleet = fleets[LocalFleet]
    fleet.reset((0, 0))
    fleet.send([0, 1])
    fleet.receive()
    time_ns = fleet.table.time_ns.copy()
    assert fleet.receive() == {}
    np.testing.assert_array_equal(fleet.table.time_ns, time_ns)


class Bare:
    """A point that does only what a backend must."""

    def __init__(self):
        point = Point()
        self.spec = point.spec
        for name in ("open", "close", "reset", "observe", "plan", "present", "send", "stop"):
            setattr(self, name, getattr(point, name))


def test_a_backend_without_truth_or_an_expert_is_none_the_worse():
    fleet = LocalFleet(Bare, 1)
    assert not fleet.has_truth
    episode(fleet, [1], np.random.default_rng(0))
    assert fleet.table.true_reward[0] == 0
    with pytest.raises(ConfigError, match="Bare has no scripted expert"):
        fleet.expert([0])


def test_truth_that_is_not_wanted_is_not_read():
    with_truth, without = (
        LocalFleet(partial(FakeArm, horizon=3), 1, with_truth=wanted) for wanted in (True, False)
    )
    for fleet in (with_truth, without):
        episode(fleet, (3,), np.random.default_rng(0))
    assert with_truth.table.true_reward[0] != 0
    assert without.table.true_reward[0] == 0
    assert not without.has_truth


def test_an_arm_that_cannot_be_opened_leaves_none_open():
    arms = [FakeArm(), FakeArm(opens=False)]
    made = iter(arms)
    with pytest.raises(HardwareError, match="/dev/nowhere"):
        LocalFleet(lambda: next(made), 2)
    assert not arms[0].is_open
    before = multiprocessing.active_children()
    with pytest.raises(HardwareError, match=r"simulator 0.*/dev/nowhere"):
        ProcessFleet(partial(FakeArm, opens=False), 2)
    with pytest.raises(HardwareError, match=r"^the arm: .*/dev/nowhere"):
        ProcessFleet(partial(FakeArm, opens=False, simulated=False), 1)
    assert set(multiprocessing.active_children()) <= set(before)


def newest(name):
    """The process of this name that was started last."""
    children = [child for child in multiprocessing.active_children() if child.name == name]
    return max(children, key=lambda child: child.pid)


def test_a_killed_simulator_is_named_with_its_signal():
    fleet = ProcessFleet(RAGGED, 2)
    try:
        fleet.reset((1, 2))
        fleet.send([0, 1])
        fleet.receive()
        victim = newest("simulator 1")
        os.kill(victim.pid, signal.SIGKILL)
        with pytest.raises(HardwareError, match=rf"simulator 1 \(process {victim.pid}\).*SIGKILL"):
            for _ in range(3):
                fleet.send([0, 1])
                fleet.receive()
    finally:
        fleet.close()


def test_a_hung_simulator_is_named_and_killed():
    fleet = ProcessFleet(RAGGED, 1, reply_s=0.3)
    try:
        victim = newest("simulator 0")
        os.kill(victim.pid, signal.SIGSTOP)
        with pytest.raises(HardwareError, match=rf"simulator 0 \(process {victim.pid}\).*0.3 s"):
            fleet.reset((1,))
        victim.join(10)
        assert victim.exitcode == -signal.SIGKILL
    finally:
        fleet.close()


def test_a_simulator_that_raises_is_named_with_its_traceback():
    fleet = ProcessFleet(RAGGED, 2)
    try:
        fleet.reset((1, 666))
        with pytest.raises(
            HardwareError, match=r"simulator 1 failed(.|\n)*fake_arm(.|\n)*fell off"
        ):
            for _ in range(3):
                fleet.send([0, 1])
                fleet.receive()
    finally:
        fleet.close()


def test_after_closing_processes_are_gone_and_the_table_can_still_be_read():
    fleet = ProcessFleet(RAGGED, 2)
    children = [newest("simulator 0"), newest("simulator 1")]
    episode(fleet, (1, 2), np.random.default_rng(0))
    table, before = fleet.table, rows(fleet)
    # One that does not obey is killed.
    os.kill(children[1].pid, signal.SIGSTOP)
    fleet.close()
    fleet.close()
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child.pid, 0)
    for name, values in before.items():
        np.testing.assert_array_equal(getattr(table, name), values)
    assert table is fleet.table
