"""The faults under way: what begins and ends when, and what becomes of each reply."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from robofeed_serial.twin.fault import REPLY_KINDS, Fault
from robofeed_serial.twin.log import TwinLog
from robofeed_serial.twin.servo import Reply

Effect = Callable[[Fault, bool], None]
"""Called with True when a fault of port, supply or servo begins and with False when it ends."""


@dataclass(slots=True)
class _Running:
    fault: Fault
    starts_ns: int
    ends_ns: float
    begun: bool = False
    seen: int = 0
    hits: int = 0


class FaultScript:
    """Equal seeds, faults, replies and times give equal outcomes."""

    def __init__(self, random: np.random.Generator, effect: Effect, log: TwinLog) -> None:
        self._random = random
        self._effect = effect
        self._log = log
        self._running: list[_Running] = []

    def add(self, faults: Iterable[Fault], now_ns: int) -> None:
        """Set faults; their times count from now."""
        for fault in faults:
            starts_ns = now_ns + round(fault.at_s * 1e9)
            ends_ns = float("inf") if fault.for_s is None else starts_ns + fault.for_s * 1e9
            self._running.append(_Running(fault, starts_ns, ends_ns))
        self.advance(now_ns)

    def clear(self, kind: str | None, now_ns: int) -> None:
        """End all faults, or those of one kind."""
        for running in self._running:
            if kind in (None, running.fault.kind):
                running.ends_ns = now_ns
                running.starts_ns = min(running.starts_ns, now_ns)
        self.advance(now_ns)

    def names(self) -> list[str]:
        """The faults that are set, as text."""
        return [str(running.fault) for running in self._running]

    def advance(self, now_ns: int) -> None:
        """Begin and end what is due."""
        for running in list(self._running):
            if not running.begun and running.starts_ns <= now_ns < running.ends_ns:
                running.begun = True
                self._log.say("fault", f"begins: {running.fault}")
                self._effect(running.fault, True)
            if running.ends_ns <= now_ns:
                self._running.remove(running)
                if running.begun:
                    self._log.say("fault", f"ends: {running.fault}")
                    self._effect(running.fault, False)

    @property
    def echoes(self) -> bool:
        """Whether the host hears its own bytes."""
        return any(running.begun and running.fault.kind == "echo" for running in self._running)

    @property
    def latency_ns(self) -> int:
        """The period at which the adapter hands bytes to the host; 0: at once."""
        timers = [r.fault.delay_s for r in self._running if r.begun and r.fault.kind == "latency"]
        return round(max(timers, default=0.0) * 1e9)

    def spoil(self, reply: Reply) -> list[tuple[bytes, int]]:
        """What reaches the host instead of `reply`: frames, each with how late it is, ns."""
        frames = [(reply.frame, 0)]
        for running in self._running:
            fault = running.fault
            if not running.begun or fault.kind not in REPLY_KINDS or not reply.frame:
                continue
            if fault.servo_id not in (None, reply.servo_id):
                continue
            running.seen += 1
            if running.seen <= fault.after or running.hits >= fault.most:
                continue
            if fault.share < 1.0 and self._random.random() >= fault.share:
                continue
            running.hits += 1
            self._log.say("fault", f"{fault.kind}: reply of servo {reply.servo_id}")
            frames = [hit for frame, late in frames for hit in self._hit(fault, frame, late)]
        return frames

    def _hit(self, fault: Fault, frame: bytes, late_ns: int) -> list[tuple[bytes, int]]:
        match fault.kind:
            case "drop":
                return []
            case "corrupt":
                spoilt = bytearray(frame)
                bit = int(self._random.integers(8 * len(frame)))
                spoilt[bit // 8] ^= 1 << bit % 8
                return [(bytes(spoilt), late_ns)]
            case "late":
                return [(frame, late_ns + round(fault.delay_s * 1e9))]
            case "duplicate":
                return [(frame, late_ns), (frame, late_ns)]
            case _:
                return [(frame[: fault.keep_bytes], late_ns)]
