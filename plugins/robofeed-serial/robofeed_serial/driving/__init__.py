"""An arm that goes somewhere: by a policy, by itself, by keys, by a leader arm."""
