"""What came of a live session: successes, how often a person came in, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robofeed.act.recording import Recorded
from robofeed.act.visit import Visit
from robofeed.data.intervals import wilson_interval
from robofeed.data.observation import ControlMode, Ended


@dataclass(slots=True)
class Tally:
    """Counts episodes as they end. Those that a person discarded count for nothing.

    A success is what a person called one; without a word, what the task judges of the last step. An
    episode that was stopped, or ended by a fault, is none. One that was broken off, ran out in a
    pause, or that nobody can judge, is left out of the rate.
    """

    folder: Path | None = None
    """where it is kept; None before there was anything to keep"""
    checkpoint: str = ""
    """of the policy that acted"""
    backend: str = ""
    episodes: int = 0
    judged: int = 0
    successes: int = 0
    discarded: int = 0
    steps: int = 0
    """in which the policy or a person moved the arm; those of a pause are not among them"""
    corrected: int = 0
    """of these, steps that a person steered"""
    interventions: int = 0
    """how often a person took the arm over"""
    interrupted: bool = False
    """whether Ctrl-C ended it"""

    def count(self, recorded: Recorded, visit: Visit) -> None:
        """Take one episode and what people did in it."""
        if visit.discarded:
            self.discarded += 1
            return
        mode = recorded.episode.mode
        self.episodes += 1
        self.steps += int((mode != ControlMode.PAUSED).sum())
        self.corrected += int((mode == ControlMode.CORRECTING).sum())
        self.interventions += len(visit.stretches)
        success = _success(recorded, visit)
        if success is not None:
            self.judged += 1
            self.successes += success

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the success rate."""
        return wilson_interval(self.successes, self.judged)

    @property
    def success_rate(self) -> float | None:
        """Share of successes; None where no episode was judged."""
        return self.successes / self.judged if self.judged else None

    @property
    def corrected_share(self) -> float:
        """Share of the steps that a person steered."""
        return self.corrected / self.steps if self.steps else 0.0

    @property
    def interventions_an_episode(self) -> float:
        """How often, on average, a person took the arm over in an episode."""
        return self.interventions / self.episodes if self.episodes else 0.0

    def describe(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "folder": str(self.folder),
            "checkpoint": self.checkpoint,
            "backend": self.backend,
            "episodes": self.episodes,
            "judged": self.judged,
            "successes": self.successes,
            "success_rate": self.success_rate,
            "interval": self.interval,
            "discarded": self.discarded,
            "steps": self.steps,
            "corrected_steps": self.corrected,
            "corrected_share": self.corrected_share,
            "interventions": self.interventions,
            "interventions_an_episode": self.interventions_an_episode,
            "interrupted": self.interrupted,
        }


def _success(recorded: Recorded, visit: Visit) -> bool | None:
    if visit.mark is not None:
        return visit.mark.success
    if visit.stopped_by is not None or recorded.episode.ended is Ended.FAULT:
        return False
    ran_out_paused = bool(recorded.episode.mode[-1] == ControlMode.PAUSED)
    if visit.cut_short or ran_out_paused or recorded.truth is None:
        return None
    return bool(recorded.truth.success[-1])
