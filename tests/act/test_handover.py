"""Control passes as the table says, from where the arm is, and back without a jerk."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from robofeed.act.handover import BLEND_STEPS, TRANSITIONS, Handover
from robofeed.data.intervention import (
    Discard,
    Driver,
    Intervention,
    Mark,
    NoObjection,
    Pause,
    Resume,
    StopRequest,
    Take,
)
from robofeed.data.observation import ControlMode
from robofeed.data.spec import ArraySpec

LOW, HIGH = np.array([-0.1, -0.1, 0.0]), np.array([0.1, 0.1, 1.0])
SPEC = ArraySpec((3,), LOW, HIGH, names=("x", "y", "gripper"), levels=(None, None, None))
ANNA = Driver("anna", "keyboard")
WAYS = st.tuples(*(st.floats(-2, 2, width=32) for _ in range(3))).map(
    lambda values: np.array(values, np.float32)
)
ACTIONS = st.tuples(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1), st.floats(0, 1)).map(
    lambda values: np.array(values, np.float32)
)


def test_the_table_has_a_row_for_everything_a_person_can_say_in_every_mode():
    assert set(TRANSITIONS) == set(Intervention.__args__)
    assert all(set(row) == set(ControlMode) for row in TRANSITIONS.values())


def test_nothing_but_a_person_moving_the_arm_is_a_correction():
    for said, row in TRANSITIONS.items():
        for before, after in row.items():
            if after is ControlMode.CORRECTING:
                assert said is Take or before is ControlMode.CORRECTING


def test_a_paused_arm_moves_again_only_when_someone_says_so():
    freeing = {said for said, row in TRANSITIONS.items() if row[ControlMode.PAUSED] != 1}
    assert freeing == {Resume, Take}


class HandoverMachine(RuleBasedStateMachine):
    """Says anything in any order, and keeps its own simple account of what must come of it."""

    def __init__(self):
        super().__init__()
        self.handover = Handover(SPEC)
        self.mode = ControlMode.AUTONOMOUS
        self.since = BLEND_STEPS
        self.last = None

    @initialize(holding=ACTIONS)
    def where(self, holding):
        self.holding = holding

    def say(self, said, proposed):
        before, self.mode = self.mode, TRANSITIONS[type(said)][self.mode]
        if self.mode is not ControlMode.AUTONOMOUS:
            self.since = 0
        elif before is not ControlMode.AUTONOMOUS or self.since < BLEND_STEPS:
            self.since += 1
        self.last = self.handover.decide(said, proposed, self.holding)
        return self.last

    @rule(way=WAYS, proposed=ACTIONS)
    def steer(self, way, proposed):
        decision = self.say(Take(way), proposed)
        expected = np.clip(self.holding + way, LOW, HIGH)
        np.testing.assert_allclose(decision.action, expected, atol=1e-6)
        np.testing.assert_array_equal(decision.action, decision.correction)

    @rule(
        said=st.sampled_from([Pause(), StopRequest(ANNA), Mark(True), Discard()]), proposed=ACTIONS
    )
    def interrupt(self, said, proposed):
        decision = self.say(said, proposed)
        if self.mode is not ControlMode.AUTONOMOUS:
            np.testing.assert_array_equal(decision.action, self.holding)

    @rule(said=st.sampled_from([NoObjection(), Resume()]), proposed=ACTIONS)
    def let_go(self, said, proposed):
        decision = self.say(said, proposed)
        if self.mode is not ControlMode.AUTONOMOUS:
            np.testing.assert_array_equal(decision.action, self.holding)
            return
        assert decision.correction is None
        if self.since >= BLEND_STEPS and self.handover.at_rest:
            return
        share = self.since / (BLEND_STEPS + 1)
        blend = self.holding + share * (proposed - self.holding)
        np.testing.assert_allclose(decision.action, blend, atol=1e-6)

    @invariant()
    def it_is_in_the_mode_the_table_says(self):
        assert self.handover.mode is self.mode
        if self.last is not None:
            assert self.last.mode is self.mode
            assert (self.last.action >= LOW - 1e-6).all()
            assert (self.last.action <= HIGH + 1e-6).all()
            assert (self.last.correction is not None) == (self.mode is ControlMode.CORRECTING)


HandoverMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestHandover = HandoverMachine.TestCase


def test_the_policy_alone_goes_through_untouched():
    handover = Handover(SPEC)
    proposed = np.array([5.0, np.nan, 2.0], np.float32)
    decision = handover.decide(NoObjection(), proposed, None)
    assert decision.action is proposed, "the gates refuse it, not the handover"


def test_who_takes_over_starts_from_where_the_arm_is():
    """An arm with absolute actions: the first corrected one is the present pose and the change."""
    spec = ArraySpec((2,), np.full(2, -3.0), np.full(2, 3.0))
    here = np.array([1.2, -0.7], np.float32)
    decision = Handover(spec).decide(Take(np.array([0.05, 0.0])), np.array([-3.0, 3.0]), here)
    np.testing.assert_allclose(decision.action, [1.25, -0.7], atol=1e-6)


def test_the_policy_gets_the_arm_back_step_by_step():
    handover = Handover(SPEC)
    holding, proposed = np.zeros(3, np.float32), np.array([0.06, 0.0, 1.0], np.float32)
    handover.decide(Take(np.zeros(3)), proposed, holding)
    shares = [handover.decide(NoObjection(), proposed, holding).action[2] for _ in range(6)]
    np.testing.assert_allclose(shares, [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1.0], atol=1e-6)
    assert handover.at_rest


def test_a_switch_is_not_blended():
    spec = ArraySpec((2,), np.array([-1.0, 0.0]), np.ones(2), levels=(None, 2))
    handover = Handover(spec)
    proposed, holding = np.array([0.6, 1.0], np.float32), np.zeros(2, np.float32)
    handover.decide(Take(np.zeros(2)), proposed, holding)
    np.testing.assert_allclose(
        handover.decide(NoObjection(), proposed, holding).action, [0.1, 1.0], atol=1e-6
    )


@pytest.mark.parametrize("blend_steps", [0, 1, 3])
def test_the_length_of_the_blend_is_a_choice(blend_steps):
    handover = Handover(SPEC, blend_steps)
    proposed, holding = np.full(3, 0.1, np.float32), np.zeros(3, np.float32)
    handover.decide(Pause(), proposed, holding)
    steps = 0
    while not np.array_equal(handover.decide(Resume(), proposed, holding).action, proposed):
        steps += 1
    assert steps == blend_steps
