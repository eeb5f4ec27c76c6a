"""Questions to one servo, repeated where no answer comes: before an arm moves there is time."""

from __future__ import annotations

import contextlib
import time

from robofeed import ConfigError
from robofeed_serial.buses.servo_bus import Item, ServoBus, ServoModel, ServoRefused
from robofeed_serial.wire.errors import BusTimeout

TRIES = 3
PAUSE_S = 0.15
"""one that was silent is asked less often for a while"""


def who_has(bus: ServoBus, servo_id: int) -> ServoModel | None:
    """The servo with this id, None where nobody has it."""
    for attempt in range(TRIES):
        last = attempt == TRIES - 1
        with contextlib.suppress(BusTimeout):  # it answered, then did not: ask again
            model = bus.ping(servo_id)
            if model is not None and (model.number >= 0 or last):  # -1: it could not be read
                return model
        if not last:
            time.sleep(PAUSE_S)
    return None


def item_of(bus: ServoBus, servo_id: int, item: Item) -> int | None:
    """Its value, None where this kind of servo has none. Raises BusTimeout, ServoRefused."""
    for attempt in range(TRIES):
        try:
            return bus.read(servo_id, item)
        except ConfigError:
            return None
        except (BusTimeout, ServoRefused):
            if attempt == TRIES - 1:
                raise
            time.sleep(PAUSE_S)
    raise AssertionError("unreachable")
