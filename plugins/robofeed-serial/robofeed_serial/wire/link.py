"""One serial port and its one owner: requests out, replies in, nothing stale in between.

Servo protocols have no sequence numbers: a reply that comes late looks like the reply to the next
request. Hence three rules. What waits in the input before a request is thrown away. After a
time-out the line is drained until it is quiet. And when bytes came that nobody had asked for, or a
reply came sooner than one can, replies are in doubt for a while: a reply is then taken only once
nothing newer follows it, and where something does, the newest counts. So one late reply can spoil
one reading, never all later ones.
"""

from __future__ import annotations

import math
import termios
import time
from collections.abc import Callable

import serial

from robofeed_serial.wire.doubt import QUIET_S, Doubt
from robofeed_serial.wire.echo import EchoFilter
from robofeed_serial.wire.errors import BusTimeout, PortGone
from robofeed_serial.wire.port_bytes import (
    has_descriptor,
    poll,
    read_at_once,
    wait_for_bytes,
    write_at_once,
)
from robofeed_serial.wire.port_checks import latency_timer_ms, why_not_open
from robofeed_serial.wire.statistics import BusStatistics
from robofeed_serial.wire.trace import WireTrace

BITS_PER_BYTE = 10
"""8 data bits, a start and a stop bit."""
REPLY_WAIT_S = 0.012
"""How long a reply may take beyond its time on the wire: USB, the system, a busy machine."""
GAP_S = 0.004
"""Servos asked together answer one right after another; silence so long ends their answer."""
DRAIN_AT_MOST_S = 0.05
"""A line that never falls silent is left alone after this; the next request drains it again."""
WRITE_TIMEOUT_S = 0.5

LOST = (OSError, termios.error, TypeError)
"""What a port raises when its device is gone: EIO, SerialException (an OSError), termios.error, and
TypeError where another thread closed it meanwhile."""


class Link:
    """A port named by a path or any URL of pyserial, opened for this process alone.

    Not thread-safe: one thread owns a link.
    """

    def __init__(self, url: str, baud: int, *, trace: WireTrace | None = None) -> None:
        self.url = url
        self.statistics = BusStatistics()
        self.reply_wait_s = REPLY_WAIT_S
        """How long a reply may take beyond the wire; the adapter's latency timer is part of it."""
        self.gap_s = GAP_S
        """Silence within a reply after which no more of it comes, likewise."""
        self._baud = baud
        self._trace = trace
        self._port: serial.SerialBase | None = None
        self._selectable = False
        self._echo = EchoFilter()
        self._doubt = Doubt()
        self._sent_s = 0.0
        """When all that was written has gone over the wire."""
        self._due_s = 0.0
        """When the answer that is waited for has come over the wire."""
        self._heard_s = 0.0

    @property
    def baud(self) -> int:
        """bit/s."""
        return self._baud

    def open(self) -> None:
        """Take the port; nothing is written. Raises PortGone: missing, busy or forbidden."""
        if self._port is not None:
            return
        try:
            port = serial.serial_for_url(
                self.url,
                self._baud,
                timeout=0,  # `_receive` waits by itself: changing pyserial's costs system calls
                write_timeout=WRITE_TIMEOUT_S,
                exclusive=True,
                do_not_open=True,
            )
            port.open()
        except ValueError as error:
            raise PortGone(f"The port {self.url} at {self._baud} bit/s: {error}.") from error
        except (OSError, termios.error) as error:
            cause = error if isinstance(error, OSError) else OSError(*error.args)
            raise PortGone(why_not_open(self.url, cause)) from error
        self._port = port
        self._selectable = has_descriptor(port)
        self._echo = EchoFilter()
        self._ask_for_low_latency(port)
        timer_s = (latency_timer_ms(self.url) or 0) / 1000
        self.reply_wait_s, self.gap_s = REPLY_WAIT_S + timer_s, GAP_S + timer_s
        self._remark(f"opened {self.url} at {self._baud}")

    def close(self) -> None:
        """Give the port back. Idempotent, also after the device is gone."""
        port, self._port = self._port, None
        if port is None:
            return
        try:
            port.close()
        except LOST as error:
            self._remark(f"closing: {error}")  # gone already, which is what closing is for
        self._remark("closed")

    def set_baud(self, baud: int) -> None:
        """Talk at another rate. Raises PortGone where the adapter cannot."""
        self._baud = baud
        if self._port is None:
            return
        try:
            self._port.baudrate = baud
        except (ValueError, *LOST) as error:
            raise self._gone(f"cannot be set to {baud} bit/s", error) from error
        self._doubt.forget_times()
        self._remark(f"{baud} bit/s")

    def wire_s(self, n_bytes: int) -> float:
        """How long `n_bytes` take on the wire."""
        return n_bytes * BITS_PER_BYTE / self._baud

    def send(self, data: bytes) -> None:
        """Write what nobody answers. Raises PortGone, BusTimeout where the port takes no bytes."""
        self._write(data, asks=False)

    def exchange(
        self,
        request: bytes,
        until: Callable[[bytes], bool],
        deadline_s: float,
        gap_s: float = math.inf,
        answer_bytes: int = 0,
    ) -> bytes:
        """Write `request` and hand `until` every byte that comes, until it says True.

        `until` gets each new piece once and decodes it. It may get more after it said True, while
        replies are in doubt: then the newest reply is the right one. `answer_bytes` is how many
        are expected, 0 where that is not known. Returns all that came. Raises
        BusTimeout when it has not said True `deadline_s` from now, or nothing has followed the last
        byte for `gap_s`; PortGone when the port is lost.
        """
        self._drop_stale()
        started_s = time.monotonic()
        self._write(request, asks=True)
        self._due_s = self._sent_s + self.wire_s(answer_bytes) if answer_bytes else 0.0
        self.statistics.requests += 1
        end_s = started_s + deadline_s
        received = bytearray()
        if not self._collect(until, end_s, gap_s, received):
            self.statistics.time_outs += 1
            self.doubt()
            self.drain_until_quiet()
            self._echo.answered()
            raise BusTimeout(
                f"No whole reply on {self.url} within {deadline_s * 1000:.0f} ms "
                f"({len(received)} bytes came). Check power, cable, baud rate and id: "
                f"`robofeed arm scan {self.url}` lists who answers."
            )
        took_s = self._heard_s - started_s
        self.statistics.latencies_s.append(took_s)
        self._settle(until, len(request), took_s, end_s, received)
        self._echo.answered()
        return bytes(received)

    def doubt(self) -> None:
        """Take replies only once nothing newer follows, for a while: one came that nobody asked."""
        self._doubt.arise()

    def hears_itself(self) -> None:
        """Our own request was among the replies: the adapter echoes."""
        self._echo.echoes = True

    def drain_until_quiet(self) -> int:
        """Throw away what comes until nothing has for a moment. Returns how many bytes."""
        end_s = time.monotonic() + DRAIN_AT_MOST_S
        drained = len(self._echo.release())
        while (now_s := time.monotonic()) < end_s:
            data = self._receive(max(0.0, self._heard_s + QUIET_S - now_s))
            if data is None:
                break
            drained += len(data)
        self.statistics.drained_bytes += drained
        return drained

    # --- inside ---------------------------------------------------------------------------------

    def _collect(
        self, until: Callable[[bytes], bool], end_s: float, gap_s: float, received: bytearray
    ) -> bool:
        """Whether `until` was content by `end_s`, with a last look after it: the host may sleep."""
        while True:
            wait_s = max(0.0, end_s - time.monotonic())
            data = self._receive(min(wait_s, gap_s) if received else wait_s)
            if data is None:
                data = self._echo.release()  # nothing followed: it was the reply after all
                received += data
                return bool(data) and until(data)
            received += data
            if data and until(data):
                return True

    def _settle(
        self,
        until: Callable[[bytes], bool],
        asked: int,
        took_s: float,
        end_s: float,
        received: bytearray,
    ) -> None:
        """Where the reply is in doubt, wait for a newer one as long as one may take."""
        reply = (asked, len(received)), took_s, self.wire_s(len(received))
        quiet_s = self._doubt.quiet_s(*reply)
        while (wait_s := min(quiet_s, end_s - time.monotonic())) > 0:
            data = self._receive(wait_s)
            if data is None:
                if wait_s == quiet_s:
                    self._doubt.was_unfounded(*reply)
                return
            self.doubt()
            received += data
            until(data)

    def _drop_stale(self) -> None:
        port = self._opened()
        try:
            if self._selectable:
                data = read_at_once(port.fileno())
            else:
                waiting = port.in_waiting
                data = port.read(waiting) if waiting else b""
        except LOST as error:
            raise self._gone("was lost", error) from error
        if data:
            self._traced(data)
            if not self._echo.echoes:  # else it is what was last sent and not to be answered
                self.statistics.drained_bytes += len(data)
                self.doubt()

    def _write(self, data: bytes, *, asks: bool) -> None:
        port = self._opened()
        self._sent_s = max(self._sent_s, time.monotonic()) + self.wire_s(len(data))
        if asks:
            self._echo.asked(data)
        if self._trace is not None:
            self._trace.sent(data)
        try:
            if self._selectable:
                # All of it in one call, nearly always; where not, pyserial waits for room.
                data = data[write_at_once(port.fileno(), data) :]
            if data:
                port.write(data)
        except serial.SerialTimeoutException as error:
            raise BusTimeout(
                f"The port {self.url} takes no more bytes: its adapter hangs. "
                "Unplug it, plug it in, try again."
            ) from error
        except LOST as error:
            raise self._gone("was lost", error) from error

    def _receive(self, wait_s: float) -> bytes | None:
        """What has come, or comes first within `wait_s`, without echoes; None = nothing."""
        port = self._opened()
        try:
            if self._selectable:
                data = wait_for_bytes(port.fileno(), wait_s, self._due_s)
            else:
                data = poll(port, wait_s)
        except (ValueError, *LOST) as error:  # ValueError: select on a closed descriptor
            raise self._gone("was lost", error) from error
        if not data:
            return None
        self._heard_s = time.monotonic()
        self._traced(data)
        return self._echo.strip(data)

    def _opened(self) -> serial.SerialBase:
        if self._port is None:
            raise PortGone(f"The port {self.url} is not open.")
        return self._port

    def _gone(self, what: str, error: BaseException) -> PortGone:
        self._remark(f"{what}: {error}")
        return PortGone(
            f"The port {self.url} {what} ({error}). The arm does what its servos were last told. "
            "Plug the adapter in and start again: that alone moves nothing."
        )

    def _ask_for_low_latency(self, port: serial.SerialBase) -> None:
        """Bytes at once instead of in batches, where the driver can: FTDI's timer is 1 ms then."""
        try:
            port.set_low_latency_mode(True)
        except (AttributeError, ValueError, NotImplementedError, *LOST) as error:
            self._remark(f"no low-latency mode: {error}")  # a pty, a socket, not Linux

    def _traced(self, data: bytes) -> None:
        if self._trace is not None:
            self._trace.received(data)

    def _remark(self, text: str) -> None:
        if self._trace is not None:
            self._trace.remark(text)
