"""Putting a run together from its configuration, and taking it from start to report."""

from robofeed.training.session import RunResult, resume, train
from robofeed.training.steering import steer

__all__ = ["RunResult", "resume", "steer", "train"]
