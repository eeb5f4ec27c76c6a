"""How many updates the learner owes, and which phase a run is in."""

from __future__ import annotations

from dataclasses import dataclass

from robofeed.stop_rules import Progress


@dataclass(slots=True)
class Pace:
    """`updates_per_step` updates for every step after the random ones, fractions carried over."""

    updates_per_step: float
    random_steps: int
    progress: Progress
    owed: float = 0.0

    def due(self, new_steps: int) -> int:
        """Updates to do now that `new_steps` more were made."""
        if self.progress.steps + new_steps <= self.random_steps:
            return 0
        self.owed += new_steps * self.updates_per_step
        due = int(self.owed)
        self.owed -= due
        return due


@dataclass(slots=True)
class Phase:
    """What the run is doing, in a word for displays and records."""

    progress: Progress
    random_steps: int
    asks: bool
    learning: bool = False
    """set once the learner has something to learn from"""

    def __call__(self) -> str:
        """random, exploring or learning."""
        if self.progress.steps < self.random_steps:
            return "random"
        return "learning" if self.learning or not self.asks else "exploring"
