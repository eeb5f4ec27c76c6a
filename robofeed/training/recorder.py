"""What happens to a finished episode: written, then announced, and available for questions."""

from __future__ import annotations

from collections.abc import Callable

from robofeed.act.recording import Recorded
from robofeed.data.episode_frames import EpisodeFrames
from robofeed.data.episode_writer import EpisodeWriter
from robofeed.data.errors import SafetyStop
from robofeed.data.observation import Ended, Gate
from robofeed.events import EpisodeRecorded, Event
from robofeed.feedback.footage import FootageLibrary, TruthLibrary
from robofeed.stop_rules import Progress


class Recorder:
    """Hands episodes to the writer and keeps the recent ones at hand for questions about them."""

    def __init__(
        self,
        writer: EpisodeWriter,
        footage: FootageLibrary,
        truths: TruthLibrary | None,
        progress: Progress,
        phase: Callable[[], str],
        tell: Callable[[Event], None],
    ) -> None:
        self._writer, self._footage, self._truths = writer, footage, truths
        self._progress, self._phase, self._tell = progress, phase, tell

    def record(self, recorded: Recorded) -> None:
        """Take one training episode; it is announced once it is closed on disk.

        Raises:
            SafetyStop: an action was refused in it; the episode is kept, marked FAULT.
        """
        episode, truth = recorded.episode, recorded.truth
        refused = int(((episode.gates & int(Gate.refusals())) != 0).sum())
        event = EpisodeRecorded(
            self._progress.wall_s,
            self._progress.steps,
            episode_id=episode.id,
            length=len(episode),
            phase=self._phase(),
            ended=episode.ended.name.lower(),
            refused=refused,
            true_return=float(truth.reward.sum()) if truth is not None else None,
            success=bool(truth.success[-1]) if truth is not None else None,
            overruns=recorded.overruns,
            most_late_ms=round(1e3 * recorded.most_late_s, 1),
        )
        self._writer.write(episode, truth, lambda: self._tell(event))
        self._footage.add(episode)
        if truth is not None and self._truths is not None:
            self._truths.add(truth)
        if episode.ended is Ended.FAULT:
            self.flush()
            raise SafetyStop(
                f"episode {episode.id}, step {len(episode)}: {episode.why}. The episode is kept in "
                "the run folder, marked as a fault; look at it, then go on from the last good "
                "checkpoint with `robofeed resume RUN`"
            )

    def leave_out(self, recorded: Recorded) -> None:
        """Write an episode that a person discarded: kept, but nobody is asked about it."""
        self._writer.write(recorded.episode, recorded.truth, None)

    def keep(self, recorded: Recorded, frames: EpisodeFrames | None = None) -> None:
        """Write an episode without announcing it (evaluation clips, demonstrations).

        With `frames` of its own where it was not recorded just now.
        """
        self._writer.write(recorded.episode, recorded.truth, None, frames)

    def keep_fault(self, recorded: Recorded) -> None:
        """Write an episode that ended in a fault, and return when it is on disk."""
        self.keep(recorded)
        self.flush()

    def flush(self) -> None:
        """Return when everything is on disk."""
        self._writer.flush()
