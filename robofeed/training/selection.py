"""Which of the kept checkpoints is the best, judged without true success.

Returns that two reward models predict cannot be compared: each fit has its own scale. So every
checkpoint keeps what its policy did in the evaluation on the selection seeds, and at each save all
of them are judged anew by the one reward model there is now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robofeed.data.batch import ClipBatch
from robofeed.data.errors import DataError
from robofeed.interfaces import RewardModel
from robofeed.training.parts import Run

PART = "examination"
"""Name of a checkpoint's part that holds what it is judged by."""
PREDICTED = "mean return that the newest reward model predicts on the selection seeds"
TRUE = "mean true return on the selection seeds (ground truth)"

Arrays = Mapping[str, NDArray[Any]]
Score = Callable[[Arrays], float]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """The scores of the checkpoints that could be compared, by name, oldest first."""

    criterion: str
    uses_ground_truth: bool
    scores: Mapping[str, float]

    @property
    def best(self) -> str:
        """The one with the highest score; of equals, the newest."""
        return max(self.scores, key=lambda name: (self.scores[name], name))

    def describe(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "best": self.best,
            "criterion": self.criterion,
            "uses_ground_truth": self.uses_ground_truth,
            "scores": dict(self.scores),
        }


def examined(run: Run) -> Arrays | None:
    """What the present policy is to be judged by: the evaluation of this round; None without one.

    The ground-truth baseline keeps true returns. Every other run keeps what was seen and done, and
    nothing of the truth.
    """
    newest = run.evaluating.newest
    if newest is None or newest.steps != run.progress.steps:
        return None
    if run.ground_truth:
        return {"true_returns": np.asarray(newest.examination.true_returns)}
    batch = newest.examination.clips()
    return {"observation": batch.observation, "action": batch.action, "mask": batch.mask}


def choose(run: Run, folder: Path, name: str, arrays: Arrays | None) -> Choice | None:
    """Compare checkpoint `name`, about to be written with these `arrays`, to those in `folder`.

    None where nothing can be compared: no reward was fitted yet, or no policy was evaluated.
    """
    from robofeed.update.checkpoint import all_checkpoints, load_checkpoint

    score: Score
    if run.ground_truth:
        criterion, score = TRUE, _true_return
    elif run.reward is not None and run.phase.learning:
        criterion, score = PREDICTED, _predicted_by(run.reward)
    else:
        return None
    candidates: dict[str, Arrays] = {}
    for path in all_checkpoints(folder):
        if path.name == name:
            continue
        try:
            kept = load_checkpoint(path, only=(PART,)).parts.get(PART)
        except DataError as error:
            _log.warning("%s. It cannot be the best", error)
            continue
        if kept is not None:
            candidates[path.name] = kept
    if arrays is not None:
        candidates[name] = arrays
    if not candidates:
        return None
    scores = {each: score(candidates[each]) for each in sorted(candidates)}
    return Choice(criterion, run.ground_truth, scores)


def _true_return(arrays: Arrays) -> float:
    return float(arrays["true_returns"].mean())


def _predicted_by(reward: RewardModel) -> Score:
    def score(arrays: Arrays) -> float:
        batch = ClipBatch(arrays["observation"], arrays["action"], arrays["mask"])
        return float(reward.segment_scores(batch).mean())

    return score
