"""What people did in one episode: who steered in which steps, how it was judged, who ended it."""

from __future__ import annotations

from dataclasses import dataclass, field

from robofeed.data.intervention import Driver, Mark


@dataclass(slots=True)
class Stretch:
    """Steps `start` to `stop` of the episode, in which one person steered."""

    start: int
    stop: int
    driver: Driver


@dataclass(slots=True)
class Visit:
    """What people did in one episode."""

    episode_id: str
    stretches: list[Stretch] = field(default_factory=list)
    mark: Mark | None = None
    discarded: bool = False
    cut_short: bool = False
    """what it is part of was ended before the episode was"""
    ended_by: Driver | None = None
    """who marked or discarded it"""
    stopped_by: Driver | None = None
    latencies_ms: list[float] = field(default_factory=list)
    """of each key: until the end of the step that obeyed it"""
    overruns: int = 0

    @property
    def over(self) -> str:
        """Why a person ended the episode, in words; empty while none did."""
        if self.cut_short:
            return "broken off"
        if self.discarded:
            return "discarded by a person"
        if self.mark is not None:
            return f"called a {'success' if self.mark.success else 'failure'} by a person"
        return ""

    def steered(self, step: int, driver: Driver) -> None:
        """Somebody steered in `step`: their stretch goes on, or a new one begins."""
        last = self.stretches[-1] if self.stretches else None
        if last is not None and last.stop == step and last.driver == driver:
            last.stop += 1
        else:
            self.stretches.append(Stretch(step, step + 1, driver))
