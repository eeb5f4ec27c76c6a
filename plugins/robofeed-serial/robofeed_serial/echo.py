"""Takes our own bytes out of what comes back, on adapters that hear themselves talk.

A half-duplex adapter without a switched receiver returns every byte the host sends. The echo of a
Feetech read of two bytes has the length of its reply, so it must go before anybody decodes.
"""

from __future__ import annotations


class EchoFilter:
    """Finds out whether a port echoes, from the first request whose bytes all come back."""

    def __init__(self) -> None:
        self.echoes = False
        """Whether this port is known to echo."""
        self._due: list[bytes] = []
        """Sent, and not yet come back, oldest first."""
        self._held = b""
        """Came back so far as something due does: an echo, or a reply that begins alike."""
        self._unsure = False

    def sent(self, data: bytes, *, asks: bool) -> None:
        """Note what was written; `asks` where a reply is to follow, by which echoes are learned."""
        if self.echoes:
            self._due.append(data)
        elif asks:
            self._due = [data]
            self._held = b""
            self._unsure = True

    def answered(self) -> None:
        """A reply is there, or no longer waited for: what has not come back by now was lost."""
        self._due.clear()

    def strip(self, data: bytes) -> bytes:
        """`data` without echoes. What may be half of one is held back until more comes."""
        if not self._due:
            return self.release() + data
        data, self._held = self._held + data, b""
        if not self.echoes:
            return self._learn(data)
        kept = b""
        for place, echo in enumerate(self._due):
            before, found, after = data.partition(echo)
            if found:
                kept, data = kept + before, after
                self._due[: place + 1] = [b""] * (place + 1)
        self._due = [echo for echo in self._due if echo]
        half = max((_overlap(data, echo) for echo in self._due), default=0)
        self._held = data[len(data) - half :]
        return kept + data[: len(data) - half]

    def release(self) -> bytes:
        """What was held back: nothing followed it, so it was the reply itself (or half of one)."""
        held, self._held = self._held, b""
        return held

    def _learn(self, data: bytes) -> bytes:
        """Whether what comes first is the request. If so, and more follows, this port echoes."""
        if not self._unsure:
            return data
        request = self._due[0]
        if len(data) <= len(request) and request.startswith(data):
            self._held = data
            return b""
        self._unsure = False
        self._due.clear()
        if not data.startswith(request):
            return data
        self.echoes = True
        return data[len(request) :]


def _overlap(data: bytes, echo: bytes) -> int:
    """How many bytes at the end of `data` are the beginning of `echo`, but not all of it."""
    longest = min(len(data), len(echo) - 1)
    return next((n for n in range(longest, 0, -1) if data.endswith(echo[:n])), 0)
