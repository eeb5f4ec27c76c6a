"""What goes wrong with a port."""

from __future__ import annotations

from robofeed import HardwareError


class BusTimeout(HardwareError):  # noqa: N818 - what happened, as the standard library's TimeoutError
    """A servo did not answer in time, retries included."""


class PortGone(HardwareError):  # noqa: N818
    """The port is missing, busy, forbidden, or was unplugged while it was open."""
