"""Takes our own bytes out of what comes back, on adapters that hear themselves talk.

A half-duplex adapter without a switched receiver returns every byte the host sends. The echo of a
Feetech read of two bytes has the length of its reply, so it must go before anybody decodes. On an
adapter known to echo it has a good side: what comes before a request's echo is no reply to it.
"""

from __future__ import annotations


class EchoFilter:
    """Finds out whether a port echoes, from a request whose bytes all come back before more."""

    def __init__(self) -> None:
        self.echoes = False
        """Whether this port is known to echo."""
        self._request = b""
        """Sent, and not yet come back."""
        self._held = b""
        """Came, and may be an echo, or older than one."""

    def asked(self, request: bytes) -> None:
        """Note a request that is being written."""
        self._request, self._held = request, b""

    def answered(self) -> None:
        """Its reply is there, or no longer waited for."""
        self._request = b""

    def strip(self, data: bytes) -> bytes:
        """`data` without the echo; b"" while it is not known what it is."""
        if not self._request:
            return data
        self._held += data
        if self.echoes:
            _, found, after = self._held.partition(self._request)
            return self._pass(after) if found else b""
        if self._request.startswith(self._held):
            return b""  # an echo, or a reply that begins alike: what follows will tell
        if self._held.startswith(self._request):
            self.echoes = True
            return self._pass(self._held[len(self._request) :])
        return self._pass(self._held)

    def release(self) -> bytes:
        """What was held back: nothing came after it, so it may be the reply itself."""
        if self._held:
            self.echoes = False
        return self._pass(self._held)

    def _pass(self, data: bytes) -> bytes:
        self._request, self._held = b"", b""
        return data
