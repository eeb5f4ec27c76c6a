"""The client's side of the process that owns an arm's port: starts it, orders, reads reports."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from robofeed import ConfigError, HardwareError, SafetyStop
from robofeed_serial.supervision.messages import Failure, Mode, Order, Report, Request
from robofeed_serial.supervision.settings import PARK_S, REST_S, SupervisorSettings
from robofeed_serial.supervision.shared_memory import MEMORY, SharedMemory
from robofeed_serial.supervision.uninterrupted import uninterrupted

START_S = 20.0
ANSWER_S = 3.0
GRACE_S = 0.03
"""A program and its supervisor may have been stopped together; then the supervisor says why."""
_POLL_S = 0.002
_WATCH_S = 0.02


class SupervisorClient:
    """One supervisor process. `stop` may come from any thread; the rest from one.

    Raises:
        HardwareError, ConfigError: the port or the arm behind it cannot be used; as the supervisor
            found it.
    """

    def __init__(self, settings: SupervisorSettings) -> None:
        self._settings = settings.model_copy(update={"client_pid": os.getpid()})
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = 0
        self._moving = False
        self._goal: Sequence[float] = ()
        self._asked = Request.NONE
        self._memory = self._start()

    @property
    def pid(self) -> int:
        """Of the supervisor."""
        assert self._process is not None
        return self._process.pid

    def _start(self) -> SharedMemory:
        try:
            with tempfile.TemporaryFile() as file:
                file.truncate(MEMORY)
                memory = SharedMemory(file.fileno())
                with uninterrupted():
                    process = self._process = self._spawn(file.fileno())
            report = self._first_report(process, memory)
        except BaseException:  # Ctrl-C, say: its port is free before anybody hears of that
            if self._process is not None:
                self._process.terminate()
                _ended(self._process, ANSWER_S)
            raise
        self._report = report
        self._goal = [float("nan")] * len(report.rad)
        return memory

    def _spawn(self, memory: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "robofeed_serial.supervision.process"]
        process = subprocess.Popen(
            [*command, self._settings.model_dump_json(), str(memory)],
            pass_fds=(memory,),
            stdin=subprocess.PIPE,  # a bell: `_put` rings it
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C and Ctrl-Z of the terminal are not for it
        )
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        return process

    def _first_report(self, process: subprocess.Popen[bytes], memory: SharedMemory) -> Report:
        end_s = time.monotonic() + START_S
        while (found := memory.reports.newest()) is None:
            if process.poll() is not None or time.monotonic() > end_s:
                process.kill()
                raise HardwareError(
                    f"the supervisor of {self._settings.port} did not start (exit status "
                    f"{process.wait()}); what it said is above"
                )
            time.sleep(_POLL_S)
        report = Report.unpack(found[1])
        if report.mode is Mode.CLOSED:
            raise _error(report)
        return report

    def report(self) -> Report:
        """The newest report.

        Raises:
            HardwareError: the supervisor is dead, or silent for longer than the watchdog waits; the
                arm does what it was told last.
        """
        report = self._newest()
        silent_s = (time.monotonic_ns() - report.written_ns) / 1e9
        if silent_s > self._settings.watchdog_s:
            time.sleep(GRACE_S)
            report = self._newest()
            silent_s = (time.monotonic_ns() - report.written_ns) / 1e9
        if silent_s > self._settings.watchdog_s:
            raise self._trouble(
                f"has been silent for {silent_s * 1e3:.0f} ms: somebody stopped it, or this "
                "computer has no time for it"
            )
        return report

    def _newest(self) -> Report:
        """However old it is. Raises HardwareError where the supervisor is dead."""
        if self._process is None or self._process.poll() is not None:
            raise self._trouble("is dead")
        found = self._memory.reports.newest()
        if found is not None:  # else both were being written while this program stood still
            self._report = Report.unpack(found[1])
        return self._report

    def _trouble(self, what: str) -> HardwareError:
        return HardwareError(
            f"the supervisor of {self._settings.port} {what}. The arm does what it was told last; "
            "cut its power if that is not safe"
        )

    def order(self, goal_rad: Sequence[float], moving: bool = True) -> None:
        """The newest goal, one element a servo; NaN = as it is. While `moving` it must go on."""
        self._goal, self._moving = goal_rad, moving
        self._put()

    def rest(self) -> None:
        """Nothing will be ordered for a while, on purpose: hold."""
        self.order(self._goal, moving=False)

    def request(self, request: Request, within_s: float = ANSWER_S) -> Report:
        """Ask, and wait until it is done. What was ordered before counts no more.

        Raises:
            HardwareError, ConfigError: it was refused, with the reason; or there is no answer, and
                the arm counts as stopped.
        """
        self._requests += 1
        self._asked, self._moving = request, False  # else the last goal counted once it is engaged
        self._put()
        end_s = time.monotonic() + within_s
        while True:
            report = self._newest()  # some answers take it longer than a cycle
            if report.done_id == self._requests:
                if report.failure is not Failure.NONE:
                    raise _error(report)
                return report
            if time.monotonic() > end_s or report.mode is Mode.LOST:
                self.stop()  # it is not to be done later, when nobody waits for it any more
                raise HardwareError(
                    report.reason
                    or f"the supervisor of {self._settings.port} does not answer: cut the arm's "
                    "power if it is not safe where it is"
                )
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Set the stop latch. Any thread, never raises, obeyed before the next goal is written."""
        self._memory.latch[0] = 1

    @property
    def stopped(self) -> bool:
        """Whether the stop latch is set."""
        return self._memory.stopped()

    def acknowledge(self) -> None:
        """A person has seen why the arm holds. Raises HardwareError where it cannot be released."""
        self._memory.latch[0] = 0
        self.request(Request.ACKNOWLEDGE)

    def parked(self, within_s: float) -> bool:
        """Wait after `Request.PARK`; whether the arm came to its rest pose.

        There it has let go, or, being unable to, holds: the report tells.

        Raises:
            SafetyStop: it was stopped, or held by itself.
            HardwareError: the port is lost, or the supervisor dead.
        """
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            report = self._newest()
            if report.latched:
                raise SafetyStop(f"the arm holds: {report.reason}")
            if report.mode is Mode.LOST:
                raise HardwareError(report.reason)
            if report.mode is not Mode.PARKING:
                return report.mode in (Mode.RELAXED, Mode.HOLDING)
            self._put()  # somebody is there, and watches
            time.sleep(_WATCH_S)
        return False

    def close(self) -> None:
        """Bring the arm to rest as the settings say and give the port back. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        self._moving = False
        self._put()
        process.terminate()  # as if this program had ended: the supervisor parks or holds first
        try:
            _ended(process, PARK_S + REST_S + ANSWER_S)
        except BaseException:  # Ctrl-C while it parks: who else could stop it now?
            self.stop()
            _ended(process, REST_S + ANSWER_S)
            raise

    def _put(self) -> None:
        order = Order(time.monotonic_ns(), self._moving, self._goal, self._asked, self._requests)
        self._memory.orders.put(order.pack())
        process = self._process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):  # it is dead, or has not looked for very long
                os.write(process.stdin.fileno(), b".")


def _ended(process: subprocess.Popen[bytes], within_s: float) -> None:
    """Wait for its end, and make one if it takes longer."""
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _error(report: Report) -> Exception:
    kind = ConfigError if report.failure is Failure.CONFIG else HardwareError
    return kind(report.reason)
