"""Which port is the arm's: the one that goes when its plug is pulled."""

from __future__ import annotations

from collections.abc import Sequence

from robofeed import HardwareError
from robofeed_serial.wire.port_checks import PortInfo


def gone(before: Sequence[PortInfo], after: Sequence[PortInfo]) -> PortInfo:
    """The port that is in `before` alone.

    Raises:
        HardwareError: none went, or several.
    """
    left = {port.device for port in after}
    missing = [port for port in before if port.device not in left]
    if len(missing) == 1:
        return missing[0]
    if missing:
        names = ", ".join(port.path for port in missing)
        raise HardwareError(f"several ports went at once ({names}): unplug the arm's alone")
    raise HardwareError(
        "no port went: is it the arm's USB plug that you pulled, and not its power? A charging "
        "cable has no data lines: try another one"
    )


def line_about(port: PortInfo) -> str:
    """One line for a person."""
    also = f" ({port.device})" if port.path != port.device else ""
    return f"{port.path}{also}  {port.description}".rstrip()
