"""People at work on a run folder: beside the trainer, or long after it."""
