"""The episodes clips are cut from: the recent ones in memory, the others read back when needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from robofeed.data.batch import Clip, ClipBatch
from robofeed.data.episode import Episode, Segment, TruthTrace
from robofeed.data.errors import DataError
from robofeed.data.spec import FloatArray
from robofeed.feedback.queries import Footage

_TRACES = 2_000
"""Ground truths kept in memory."""


class FootageLibrary:
    """Segments to arrays. `read` fetches an episode that is no longer, or not yet, in memory."""

    def __init__(
        self, read: Callable[[str], Episode], recent: int = 100, in_memory: int = 2_000
    ) -> None:
        self._read = read
        self._recent = recent
        self._in_memory = in_memory
        self._episodes: OrderedDict[str, Episode] = OrderedDict()
        self._candidates: OrderedDict[str, Footage] = OrderedDict()

    def add(self, episode: Episode) -> None:
        """Take an episode; the last `recent` ones are candidates for queries."""
        self._remember(episode)
        self._candidates[episode.id] = Footage(episode.id, episode.seed, len(episode))
        while len(self._candidates) > self._recent:
            self._candidates.popitem(last=False)

    @property
    def recent(self) -> list[Footage]:
        """Episodes to ask about, oldest first."""
        return list(self._candidates.values())

    def restore(self, episode_ids: Sequence[str]) -> None:
        """Make these the recent ones, after a resume."""
        self._candidates.clear()
        for episode_id in episode_ids:
            self.add(self._episode(episode_id))

    def clip(self, segment: Segment) -> Clip:
        """The arrays of one segment: what each step executed and what was seen after it.

        Raises:
            DataError: the episode has not so many steps, or cannot be read.
        """
        episode = self._episode(segment.episode_id)
        if segment.stop > len(episode):
            raise DataError(f"{segment} is no part of the episode, which has {len(episode)} steps")
        rows = slice(segment.start, segment.stop)
        return Clip(episode.observations[1:][rows], episode.executed[rows])

    def clips(self, segments: Sequence[Segment]) -> ClipBatch:
        """The arrays of several segments, stacked."""
        return ClipBatch.stack([self.clip(segment) for segment in segments])

    def features(self, segments: Sequence[Segment]) -> FloatArray:
        """Where each clip begins, passes and ends: float32 [segments, 3 x observation]."""
        rows = []
        for segment in segments:
            seen = self.clip(segment).observation
            rows.append(np.concatenate([seen[0], seen.mean(axis=0), seen[-1]]))
        return np.stack(rows).astype(np.float32)

    def _episode(self, episode_id: str) -> Episode:
        if episode_id not in self._episodes:
            self._remember(self._read(episode_id))
        return self._episodes[episode_id]

    def _remember(self, episode: Episode) -> None:
        self._episodes[episode.id] = episode
        while len(self._episodes) > self._in_memory:
            self._episodes.popitem(last=False)


class TruthLibrary:
    """True rewards of segments, for simulated teachers only."""

    def __init__(self, read: Callable[[str], TruthTrace | None]) -> None:
        self._read = read
        self._traces: OrderedDict[str, TruthTrace] = OrderedDict()

    def add(self, trace: TruthTrace) -> None:
        """Take the ground truth of an episode just recorded."""
        self._traces[trace.episode_id] = trace
        while len(self._traces) > _TRACES:
            self._traces.popitem(last=False)

    def rewards(self, segment: Segment) -> FloatArray:
        """True rewards of the segment's steps, float32 [steps]."""
        trace = self._traces.get(segment.episode_id) or self._read(segment.episode_id)
        if trace is None:
            raise LookupError(f"episode {segment.episode_id} has no ground truth")
        return trace.reward[segment.start : segment.stop]
