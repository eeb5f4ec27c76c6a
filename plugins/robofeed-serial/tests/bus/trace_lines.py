"""What a wire trace holds, read as its docstring says."""

from __future__ import annotations

from pathlib import Path


def trace_lines(path: Path) -> list[tuple[float, str, bytes]]:
    """The sent and received bytes, in order: (seconds, `>` or `<`, bytes)."""
    rows = [line.split(" ", 2) for line in path.read_text("utf-8").splitlines()]
    assert {direction for _, direction, _ in rows} <= {">", "<", "#"}
    return [
        (float(seconds), direction, bytes.fromhex(text))
        for seconds, direction, text in rows
        if direction != "#"
    ]
