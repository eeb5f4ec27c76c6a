"""Rankings with the arrays they speak of, as static tensors on the device."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robofeed.data.batch import Clip, ClipBatch, Resolved
from robofeed.data.errors import DataError
from robofeed.data.feedback import Ranking

MAX_CLIPS = 5


@dataclass(frozen=True, slots=True)
class RankedClips:
    """N rankings over C clips of at most L steps, K clips a ranking at most.

    A ranking is a series of choices: the best group out of all clips, the next best out of those
    left, and so on. Sets of clips are bit masks: bit k is the ranking's k-th clip.
    """

    inputs: Tensor
    """float32 [C, L, observation + action], not normalised"""
    mask: Tensor
    """float32 [C, L], 0 where padded"""
    clips: Tensor
    """int64 [N, K]: rows of `inputs`; 0 where a ranking has fewer clips"""
    offered: Tensor
    """int64 [N, K - 1]: the set each choice was made from; 0 = no choice"""
    chosen: Tensor
    """int64 [N, K - 1]: the group chosen"""
    largest_tie: int
    """number of clips in the largest group; 1 = no ties"""
    pairs: NDArray[np.int64]
    """[P, 3]: ranking, better clip, worse clip (rows of `inputs`)"""
    sequences: NDArray[np.int64]
    """[N]: sequence of each record in the ledger"""
    people: tuple[str, ...]
    """[N]: whose rankings they are"""
    query_ids: tuple[str, ...]
    """[N]"""

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def per_ranking(self) -> int:
        """K."""
        return self.clips.shape[1]


def is_held_out(query_id: str, share: float) -> bool:
    """Whether answers to this query are kept from training: the same in every session."""
    digest = hashlib.sha256(query_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2.0**64


def split(labels: Sequence[Resolved], share: float) -> tuple[list[Resolved], list[Resolved]]:
    """The rankings to train on, and those held out: about `share` of the queries.

    Skips compare nothing and are not ties either: they are in neither. A question put again, under
    another id, stays on the side of its first asking: else the held-out figures would be for
    questions whose answers were trained on.
    """
    sides: tuple[list[Resolved], list[Resolved]] = ([], [])
    side_of: dict[frozenset[bytes], bool] = {}
    for label in labels:
        if isinstance(label.feedback, Ranking):
            question = frozenset(_fingerprint(clip) for clip in label.clips)
            held_out = is_held_out(label.feedback.query_id, share)
            sides[side_of.setdefault(question, held_out)].append(label)
    return sides


def _fingerprint(clip: Clip) -> bytes:
    return hashlib.sha256(clip.observation.tobytes() + clip.action.tobytes()).digest()


def choices(order: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """(offered, chosen) bit masks of a ranking; a last single clip is no choice."""
    left = sum(1 << index for group in order for index in group)
    choices = []
    for group in order:
        chosen = sum(1 << index for index in group)
        if left != chosen or len(group) > 1:
            choices.append((left, chosen))
        left &= ~chosen
    return choices


def gather(labels: Sequence[Resolved], device: torch.device, stride: int = 1) -> RankedClips | None:
    """Put the rankings among `labels` on `device`, each `stride`-th step; None if there are none.

    Raises:
        DataError: a ranking whose clips are missing, too many, or hold numbers that are not finite.
    """
    ranked = [(label, label.feedback) for label in labels if isinstance(label.feedback, Ranking)]
    if not ranked:
        return None
    for label, ranking in ranked:
        count = sum(len(group) for group in ranking.order)
        if count != len(label.clips) or count > MAX_CLIPS:
            raise DataError(
                f"ranking of query {ranking.query_id} orders {count} clips and comes with "
                f"{len(label.clips)}; 2 to {MAX_CLIPS} are possible"
            )
    stacked = ClipBatch.stack([clip for label, _ in ranked for clip in label.clips])
    inputs = np.concatenate([stacked.observation, stacked.action], axis=-1)[:, ::stride]
    if not np.isfinite(inputs).all():
        raise DataError("a ranked clip holds numbers that are not finite")
    most = max(len(label.clips) for label, _ in ranked)
    clips = np.zeros((len(ranked), most), np.int64)
    offered = np.zeros((len(ranked), most - 1), np.int64)
    chosen = np.zeros((len(ranked), most - 1), np.int64)
    pairs = []
    first = 0
    for row, (label, ranking) in enumerate(ranked):
        clips[row, : len(label.clips)] = range(first, first + len(label.clips))
        for column, (left, group) in enumerate(choices(ranking.order)):
            offered[row, column], chosen[row, column] = left, group
        pairs += [
            (row, first + better, first + worse)
            for above, below in combinations(ranking.order, 2)
            for better in above
            for worse in below
        ]
        first += len(label.clips)
    return RankedClips(
        inputs=torch.from_numpy(np.ascontiguousarray(inputs)).to(device),
        mask=torch.from_numpy(np.ascontiguousarray(stacked.mask[:, ::stride])).to(device),
        clips=torch.from_numpy(clips).to(device),
        offered=torch.from_numpy(offered).to(device),
        chosen=torch.from_numpy(chosen).to(device),
        largest_tie=max(len(group) for _, ranking in ranked for group in ranking.order),
        pairs=np.array(pairs, np.int64).reshape(-1, 3),
        sequences=np.array([label.sequence for label, _ in ranked], np.int64),
        people=tuple(ranking.stamp.person for _, ranking in ranked),
        query_ids=tuple(ranking.query_id for _, ranking in ranked),
    )
