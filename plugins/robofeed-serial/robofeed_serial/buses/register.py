"""One register of a servo: where it is, how its bytes say a number, in which unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from robofeed import ConfigError

Sign = Literal["unsigned", "two's complement", "magnitude"]


@dataclass(frozen=True, slots=True)
class Register:
    """Little-endian. `neutral = raw * unit`, or by `codes` where the register holds a choice."""

    address: int
    size: int
    """Bytes."""
    sign: Sign = "unsigned"
    sign_bit: int = 15
    """For `magnitude`: the bit that says minus; those below are the amount."""
    unit: float = 1.0
    """What one raw step is in the units of `servo_bus.Item`; negative: the meaning is turned."""
    codes: Mapping[int, int] | None = None
    """raw -> neutral."""
    flags: Mapping[int, int] | None = None
    """Number of a raw bit -> what it means; bits without a meaning are left out."""
    kept: bool = False
    """Survives power loss: written only unlocked (Feetech) or with torque off (Dynamixel)."""
    writable: bool = True

    @property
    def end(self) -> int:
        """The address after it."""
        return self.address + self.size

    def number(self, data: bytes) -> int:
        """The signed raw number in `data`, whose length is `size`."""
        if self.sign != "magnitude":
            return int.from_bytes(data, "little", signed=self.sign == "two's complement")
        raw = int.from_bytes(data, "little")
        amount = raw & ((1 << self.sign_bit) - 1)
        return -amount if raw >> self.sign_bit & 1 else amount

    def decode(self, data: bytes) -> int:
        """The neutral value in `data`; -1 - raw for a code that nobody knows."""
        number = self.number(data)
        if self.flags is not None:
            return sum(flag for bit, flag in self.flags.items() if number >> bit & 1)
        if self.codes is not None:
            return self.codes.get(number, -number - 1)
        return round(number * self.unit)

    def encode(self, value: int) -> bytes:
        """The bytes for a neutral value. Raises ConfigError where it does not fit."""
        if self.codes is not None:
            for raw, neutral in self.codes.items():
                if neutral == value:
                    return raw.to_bytes(self.size, "little")
            allowed = ", ".join(str(neutral) for neutral in sorted(self.codes.values()))
            raise ConfigError(f"A servo's register {self.address} cannot hold {value}: {allowed}.")
        number = value if self.unit == 1.0 else round(value / self.unit)
        if self.sign == "magnitude":
            minus = 1 << self.sign_bit
            if not -minus < number < minus:
                raise self._beyond(value, 1 - minus, minus - 1)
            return (number if number >= 0 else minus - number).to_bytes(self.size, "little")
        try:
            return number.to_bytes(self.size, "little", signed=self.sign == "two's complement")
        except OverflowError:
            all_bits = (1 << 8 * self.size) - 1
            low = 0 if self.sign == "unsigned" else -(all_bits // 2) - 1
            raise self._beyond(value, low, low + all_bits) from None

    def _beyond(self, value: int, low: int, high: int) -> ConfigError:
        """`value` is none of those whose raw numbers are `low` to `high`."""
        ends = sorted((round(low * self.unit), round(high * self.unit)))
        return ConfigError(
            f"A servo's register {self.address} cannot hold {value}: {ends[0]} to {ends[1]}."
        )
