"""What counts as a success of a live session, and what counts as a step."""

from __future__ import annotations

import numpy as np
import pytest

from robofeed.act.recording import Recorded
from robofeed.act.visit import Stretch, Visit
from robofeed.data.episode import Episode, TruthTrace
from robofeed.data.intervention import Driver, Mark
from robofeed.data.observation import Ended
from robofeed.training.tally import Tally

ANNA = Driver("anna", "keyboard")
STOPPED = Visit("l0", stopped_by=ANNA)
BROKEN_OFF = Visit("l0", cut_short=True)


def recorded(modes: str, success: bool | None = True, ended: Ended = Ended.TRUNCATED) -> Recorded:
    """An episode of steps Autonomous, Paused and Corrected, as the task judges its last one."""
    steps = len(modes)
    actions = np.zeros((steps, 2), np.float32)
    episode = Episode(
        id="l0",
        observations=np.zeros((steps + 1, 4), np.float32),
        time_ns=np.arange(steps + 1),
        proposed=actions,
        executed=actions,
        gates=np.zeros(steps, np.uint16),
        mode=np.array(["APC".index(mode) for mode in modes], np.uint8),
        policy_version=np.zeros(steps, np.int64),
        scene=np.zeros((steps + 1, 0), np.float32),
        ended=ended,
        seed=0,
        spec_hash="",
    )
    if success is None:
        return Recorded(episode, None)
    met = np.zeros(steps, np.bool_)
    met[-1] = success
    return Recorded(episode, TruthTrace("l0", np.zeros(steps, np.float32), met, met & False))


@pytest.mark.parametrize(
    ("episode", "visit", "judged", "successes"),
    [
        (recorded("AAA", success=True), Visit("l0"), 1, 1),
        (recorded("AAA", success=False), Visit("l0"), 1, 0),
        # A person's word goes before the task's.
        (recorded("AAA", success=False), Visit("l0", mark=Mark(True)), 1, 1),
        (recorded("AAA", success=True), Visit("l0", mark=Mark(False)), 1, 0),
        # Nobody can judge it but a person.
        (recorded("AAA", success=None), Visit("l0"), 0, 0),
        (recorded("AAA", success=None), Visit("l0", mark=Mark(True)), 1, 1),
        # A stop and a fault flatter no policy.
        (recorded("AAA", success=True), STOPPED, 1, 0),
        (recorded("AAA", success=True, ended=Ended.FAULT), Visit("l0"), 1, 0),
        # What says nothing about it.
        (recorded("AAA", success=True), BROKEN_OFF, 0, 0),
        (recorded("APP", success=False), Visit("l0"), 0, 0),
    ],
)
def test_what_a_success_is(episode: Recorded, visit: Visit, judged: int, successes: int) -> None:
    tally = Tally()
    tally.count(episode, visit)
    assert (tally.episodes, tally.judged, tally.successes) == (1, judged, successes)
    assert tally.success_rate == (successes / judged if judged else None)


def test_shares_are_of_the_steps_in_which_the_arm_moved_and_of_the_episodes_that_count() -> None:
    tally = Tally()
    twice = [Stretch(1, 3, ANNA), Stretch(5, 6, ANNA)]
    tally.count(recorded("ACCAPC"), Visit("l0", stretches=twice))
    tally.count(recorded("AAAAA"), Visit("l1"))
    tally.count(recorded("CCCCC"), Visit("l2", stretches=twice, discarded=True))

    assert (tally.episodes, tally.discarded, tally.steps, tally.corrected) == (2, 1, 10, 3)
    assert tally.corrected_share == pytest.approx(0.3)
    assert tally.interventions_an_episode == pytest.approx(1.0)
    assert tally.interval == pytest.approx((0.342, 1.0), abs=1e-3)


def test_before_the_first_episode_there_is_nothing_to_divide_by() -> None:
    told = Tally().describe()
    assert (told["success_rate"], told["corrected_share"]) == (None, 0.0)
    assert (told["interventions_an_episode"], told["interval"]) == (0.0, (0.0, 1.0))
