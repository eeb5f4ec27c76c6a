"""A servo's memory as the makers' tables give it: addresses, sizes, access, ranges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Register:
    """One line of a control table.

    Values are integers as they stand in memory, unsigned unless `signed` (two's complement).
    """

    name: str
    address: int
    size: int
    value: int = 0
    """when it leaves the factory, or at power-on where it is RAM"""
    low: int | None = None
    """smallest value that may be written; None with `writable` says: any"""
    high: int | None = None
    writable: bool = True
    eeprom: bool = False
    signed: bool = False

    def allows(self, value: int) -> bool:
        """Whether `value` lies within the table's range."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


class RegisterFile:
    """The memory of one servo. Who may write what is the servo's business, not this one's."""

    def __init__(self, table: Sequence[Register], size: int) -> None:
        self.table = {register.name: register for register in table}
        self._memory = bytearray(size)
        self._at = {
            register.address + offset: register
            for register in table
            for offset in range(register.size)
        }
        for register in table:
            self[register.name] = register.value

    def __len__(self) -> int:
        return len(self._memory)

    def __getitem__(self, name: str) -> int:
        register = self.table[name]
        raw = self._memory[register.address : register.address + register.size]
        return int.from_bytes(raw, "little", signed=register.signed)

    def __setitem__(self, name: str, value: int) -> None:
        register = self.table[name]
        raw = value.to_bytes(register.size, "little", signed=register.signed)
        self._memory[register.address : register.address + register.size] = raw

    def read(self, address: int, length: int) -> bytes:
        """The bytes there; zeros where the table has nothing."""
        return bytes(self._memory[address : address + length]).ljust(length, b"\0")

    def touched(self, address: int, data: bytes) -> Iterator[tuple[Register | None, int]]:
        """The registers that a write of `data` covers, with the values it would give them.

        None stands for an address without a register and for a register covered in part.
        """
        end = address + len(data)
        while address < end:
            register = self._at.get(address)
            if (
                register is None
                or register.address != address
                or register.address + register.size > end
            ):
                yield None, data[len(data) - (end - address)]
                address += 1
                continue
            start = len(data) - (end - address)
            raw = data[start : start + register.size]
            yield register, int.from_bytes(raw, "little", signed=register.signed)
            address += register.size

    def reset(self, *, eeprom: bool) -> None:
        """Give RAM its power-on values; EEPROM the factory's too, where asked."""
        for register in self.table.values():
            if eeprom or not register.eeprom:
                self[register.name] = register.value
