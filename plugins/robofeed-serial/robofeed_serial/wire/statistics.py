"""What has gone over a port, in numbers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class BusStatistics:
    """What went over a bus since it was opened. Written by the bus, read by anybody."""

    requests: int = 0
    """Requests that want a reply."""
    replies: int = 0
    """Whole, right replies; a group request brings one from each servo."""
    crc_errors: int = 0
    """Frames refused for their checksum."""
    garbled: int = 0
    """Requests answered by bytes that hold no frame at all: noise, or two servos at once."""
    misfits: int = 0
    """Whole frames of a wrong servo or length, thrown away."""
    time_outs: int = 0
    retries: int = 0
    drained_bytes: int = 0
    """Bytes that came when nobody asked: late replies, echoes, noise."""
    latencies_s: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    """From request to the last byte of the reply, the newest 1000."""

    def latency_s(self, share: float) -> float | None:
        """The quantile `share` (0..1) of the newest latencies; None before the first reply."""
        ordered = sorted(self.latencies_s)
        return ordered[round(share * (len(ordered) - 1))] if ordered else None
