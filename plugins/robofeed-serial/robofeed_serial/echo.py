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
        self._due = bytearray()
        """Sent, and not yet come back."""
        self._held = bytearray()
        """Came back so far as the request did: an echo, or a reply that begins alike."""
        self._unsure = False

    def sent(self, data: bytes, *, asks: bool) -> None:
        """Note what was written; `asks` where a reply is to follow, by which echoes are learned."""
        if self.echoes:
            self._due += data
        elif asks:
            self._due[:] = data
            self._held.clear()
            self._unsure = True

    def strip(self, data: bytes) -> bytes:
        """`data` without the echo. While unsure, what may be one is held back until more comes."""
        if not self._due:
            return data
        if self.echoes:
            return self._strip_known(data)
        if not self._unsure:
            return data
        self._held += data
        if len(self._held) <= len(self._due):
            if self._due.startswith(self._held):
                return b""
        elif self._held.startswith(self._due):
            self.echoes = True
            del self._held[: len(self._due)]
        return self._give_up()

    def release(self) -> bytes:
        """What was held back: nothing followed it, so it was the reply itself (or half of one)."""
        return self._give_up() if self._held else b""

    def _give_up(self) -> bytes:
        self._unsure = False
        self._due.clear()
        held = bytes(self._held)
        self._held.clear()
        return held

    def _strip_known(self, data: bytes) -> bytes:
        """A byte that differs ends the echo: some of it was lost, and the decoder looks on."""
        for position, byte in enumerate(data):
            if not self._due or self._due[0] != byte:
                self._due.clear()
                return data[position:]
            del self._due[0]
        return b""
