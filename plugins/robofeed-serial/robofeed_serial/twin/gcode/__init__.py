"""Arms that take G-code, made of software: a machine with a queue of moves, and two dialects."""
