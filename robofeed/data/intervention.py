"""What a person at the controls may say to one step of an arm, and who that person is."""

from __future__ import annotations

from dataclasses import dataclass

from robofeed.data.spec import FloatArray, frozen_array


@dataclass(frozen=True, slots=True)
class Driver:
    """Who holds the controls: a pseudonym, and through what (keyboard, web, ...)."""

    person: str
    source: str


@dataclass(frozen=True, slots=True)
class NoObjection:
    """The policy's action is fine, or nobody is there."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold the arm where it is until `Resume`."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Let the policy act again."""


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """The person moves the arm in this step.

    `action` is float32 [action] in the action's own units, as a change from holding still: zeros
    hold the arm. `acted_ns` is when the person acted, by the monotonic clock; 0 = not known.
    """

    action: FloatArray
    acted_ns: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "action", frozen_array(self.action))


@dataclass(frozen=True, slots=True)
class Mark:
    """The episode is over, and was a success or a failure."""

    success: bool


@dataclass(frozen=True, slots=True)
class Discard:
    """The episode is over and no example of anything."""


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Stop the arm now. Anybody may say so; nothing moves until that is acknowledged."""

    by: Driver


Intervention = NoObjection | Pause | Resume | Take | Mark | Discard | StopRequest
