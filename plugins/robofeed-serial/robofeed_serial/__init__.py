"""Real arms over serial. Importing this loads little."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from robofeed import hookimpl

if TYPE_CHECKING:
    from robofeed.interfaces import Backend, Provider
    from robofeed_serial.arms.description import AnyProtocol

DRIVERS: dict[AnyProtocol, str] = {
    "feetech": "arms of Feetech STS servos: SO-100, SO-101",
    "dynamixel": "arms of Dynamixel X servos: Koch v1.1, OMX",
    "rfp": "arms of hobby servos on our own firmware",
    "gcode": "arms that take G-code: uArm Swift Pro, Mirobot",
}


@hookimpl
def robofeed_backends() -> list[Provider[Backend]]:
    """One a protocol, `[backend] use = "feetech"`."""
    from robofeed.interfaces import Provider
    from robofeed_serial.driving.config import SerialConfig

    def creator(protocol: AnyProtocol) -> Any:
        def create(config: Any, context: Any) -> Backend:
            from robofeed_serial.driving.driver import SerialArm

            return SerialArm(config, protocol)

        return create

    return [
        Provider(protocol, SerialConfig, creator(protocol), summary=summary)
        for protocol, summary in DRIVERS.items()
    ]
