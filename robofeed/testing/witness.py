"""Somebody who sees what an arm was told and did without asking the backend: its twin's log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from robofeed.data.spec import FloatArray


class Sight(NamedTuple):
    """What was seen at one moment."""

    time_s: float
    """monotonic"""
    joint_rad: FloatArray
    """one element a joint of `Limits`; NaN where nothing was seen of it"""


class Witness(Protocol):
    """Sees the motors of the arm on trial, and can break the link to them.

    All that is seen counts from the last `forget`. Every backend that is made for the trial must
    drive the same arm.
    """

    @property
    def harmless(self) -> Sequence[str]:
        """Faults with which an episode goes on, say one reply in twenty lost."""

    @property
    def fatal(self) -> Sequence[str]:
        """Faults that must end an episode, say the cable pulled."""

    def forget(self) -> None:
        """What was seen until now."""

    def goals(self) -> Sequence[Sight]:
        """The goals that reached the motors, in order."""

    def places(self) -> Sequence[Sight]:
        """Where the joints were, in order; the first one is where they were at `forget`."""

    def switched_on(self) -> Sequence[tuple[float, int]]:
        """When torque went on (monotonic seconds), and at which joint, in order."""

    def fault(self, name: str) -> None:
        """Let one of `harmless` or `fatal` begin."""

    def mend(self) -> None:
        """End all faults; return once the link is there again."""
