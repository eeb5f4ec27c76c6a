"""Whether the servos of an arm have one firmware: those that differ do not all know group reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from robofeed import HardwareError
from robofeed_serial.arms.arm_file import ArmFile
from robofeed_serial.buses.servo_bus import ServoModel


def check_one_firmware(arm: ArmFile, models: Sequence[ServoModel], where: str) -> None:
    """Raises HardwareError, which names it, where a servo differs from most of its model.

    `where` is the port and its rate, for the message.
    """
    for model in models:
        alike = [each.firmware for each in models if each.number == model.number]
        usual = Counter(alike).most_common(1)[0][0]
        if model.firmware != usual:
            name = arm.servos[arm.ids.index(model.servo_id)].name
            raise HardwareError(
                f"servo {model.servo_id} ({name}) {where} has firmware {model.firmware}, the "
                f"others {usual}: such arms lose answers. Bring all to one with the maker's "
                "program, one servo connected at a time"
            )
