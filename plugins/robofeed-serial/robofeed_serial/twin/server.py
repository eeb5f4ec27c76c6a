"""Runs a twin against the clock: the terminal's bytes through the wire to the servos and back."""

from __future__ import annotations

import ctypes
import platform
import select
import time
from collections.abc import Callable
from typing import Protocol

from robofeed_serial.twin.arm import TwinArm
from robofeed_serial.twin.terminal import TwinTerminal
from robofeed_serial.twin.transcript import Transcript
from robofeed_serial.twin.wire import Wire

TICK_NS = 20_000_000
"""the longest time between two looks at the arm"""
SPIN_NS = 60_000
"""Waits end this much early and the rest is spent looking at the clock: a sleep overshoots by
about as much, which at 1 Mbps is six bytes."""
_PR_SET_TIMERSLACK = 29


class Visitor(Protocol):
    """Somebody else who wants to be waited for, like the control socket."""

    def filenos(self) -> list[int]:
        """What to wait for."""
        ...

    def visit(self) -> None:
        """Some of it is ready."""
        ...


class TwinServer:
    """One arm at one terminal. `run` returns after `stop`."""

    def __init__(
        self,
        arm: TwinArm,
        wire: Wire,
        terminal: TwinTerminal,
        transcript: Transcript | None = None,
    ) -> None:
        self.arm = arm
        self.wire = wire
        self.terminal = terminal
        self._transcript = transcript
        self.visitors: list[Visitor] = []
        self.on_tick: Callable[[int], None] = lambda now_ns: None
        """called whenever time has passed, with the monotonic time"""
        self.on_plug: Callable[[], None] = lambda: None
        """called when the port has come up first"""
        self._stopped = False

    def stop(self) -> None:
        """Let `run` return."""
        self._stopped = True

    def run(self) -> None:
        """Plug the terminal in and serve until `stop`; unplugged afterwards.

        Raises:
            ConfigError: the link cannot be made.
        """
        _sleep_precisely()
        self.terminal.plug()
        self.on_plug()
        try:
            while not self._stopped:
                self._turn()
        finally:
            self.terminal.unplug()

    def _turn(self) -> None:
        now_ns = time.monotonic_ns()
        # Motors move while bytes are under way, so that answers need not wait for them.
        self.arm.advance(now_ns)
        self.on_tick(now_ns)
        waiting = [fd for visitor in self.visitors for fd in visitor.filenos()]
        if self.terminal.is_plugged:
            waiting.append(self.terminal.fileno())
        due_ns = self.wire.next_due_ns()
        until_ns = now_ns + TICK_NS if due_ns is None else due_ns - SPIN_NS
        wait_s = max(0, until_ns - time.monotonic_ns()) / 1e9
        ready, _, _ = select.select(waiting, [], [], wait_s)
        now_ns = time.monotonic_ns()
        if self.terminal.is_plugged and self.terminal.fileno() in ready:
            self._hear(now_ns)
        elif ready:
            for visitor in self.visitors:
                visitor.visit()
        self._deliver()

    def _hear(self, now_ns: int) -> None:
        data = self.terminal.read()
        if data:
            self.arm.log.time_ns = now_ns
            if self._transcript is not None:
                self._transcript.note(now_ns, ">", data)
            self.wire.receive(data, self.terminal.baud(), now_ns)

    def _deliver(self) -> None:
        due_ns = self.wire.next_due_ns()
        now_ns = time.monotonic_ns()
        if due_ns is None or due_ns - now_ns > SPIN_NS:
            return
        while now_ns < due_ns:
            now_ns = time.monotonic_ns()
        data = self.wire.take(now_ns)
        if self._transcript is not None:
            self._transcript.note(now_ns, "<" if self.terminal.is_plugged else "-", data)
        if self.terminal.is_plugged:
            self.terminal.write(data)


def _sleep_precisely() -> None:
    """Ask the kernel for timers that are late by 1 us at most instead of 50, where it can."""
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1000)
