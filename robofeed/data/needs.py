"""What a learner lives on."""

from __future__ import annotations

import enum


@enum.unique
class Needs(enum.StrEnum):
    """What a learner must be fed."""

    TRANSITIONS = "transitions"
    REWARD = "reward"
    FEEDBACK = "feedback"
    DEMONSTRATIONS = "demonstrations"
