"""Registers that lie close together: read in one go, and decoded in one go."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from robofeed_serial.buses.register import Register

_CODES = {1: "b", 2: "h", 4: "i"}


class RegisterBlock:
    """The numbers in a reply to a reading that began at address `start`.

    Args:
        start: The first address that was read.
        registers: In the order of their addresses; gaps between them are skipped.
    """

    def __init__(self, start: int, registers: Sequence[Register]) -> None:
        layout, at = "<", start
        for register in registers:
            code = _CODES[register.size]
            signed = register.sign == "two's complement"
            layout += f"{register.address - at}x{code if signed else code.upper()}"
            at = register.end
        self._layout = struct.Struct(layout)
        self._meanings = [_meaning(register) for register in registers]

    def decode(self, data: bytes) -> list[int]:
        """What `Register.decode` makes of each one's bytes; `data` may go on after the last."""
        raw = self._layout.unpack_from(data)
        return [meaning(number) for meaning, number in zip(self._meanings, raw, strict=True)]


def _meaning(register: Register) -> Callable[[int], int]:
    """From the bytes as a number to the neutral value."""
    if register.codes is not None or register.flags is not None:
        return lambda raw: register.decode(raw.to_bytes(register.size, "little"))
    unit, mask, minus = register.unit, (1 << register.sign_bit) - 1, 1 << register.sign_bit
    if register.sign != "magnitude":
        return int if unit == 1 else lambda raw: round(raw * unit)
    if unit == 1:
        return lambda raw: -(raw & mask) if raw & minus else raw & mask
    return lambda raw: round((-(raw & mask) if raw & minus else raw & mask) * unit)
