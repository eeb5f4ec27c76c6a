"""The process that owns an arm's port, and what its client says to it."""
