"""The bus that an arm file's protocol asks for, on a link of its own."""

from __future__ import annotations

from robofeed_serial.arms.arm_file import Protocol
from robofeed_serial.buses.servo_bus import ServoBus
from robofeed_serial.wire.link import Link
from robofeed_serial.wire.trace import WireTrace


def make_bus(
    protocol: Protocol,
    port: str,
    baud: int,
    *,
    watchdog_s: float = 0.2,
    trace: WireTrace | None = None,
) -> ServoBus:
    """A closed bus. `watchdog_s` is for servos that watch the host themselves.

    Our own servo board keeps its watchdog's time in its EEPROM, with its limits.
    """
    link = Link(port, baud, trace=trace)
    if protocol == "feetech":
        from robofeed_serial.feetech.bus import FeetechBus

        return FeetechBus(link)
    if protocol == "dynamixel":
        from robofeed_serial.dynamixel.bus import DynamixelBus

        return DynamixelBus(link, watchdog_s=watchdog_s)
    from robofeed_serial.rfp.bus import RfpBus

    return RfpBus(link)
