"""Putting a run together from its configuration, and taking it from start to report."""

from robofeed.training.session import RunResult, resume, train

__all__ = ["RunResult", "resume", "train"]
