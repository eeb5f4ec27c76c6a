"""A twin in a process of its own, for tests and demonstrations."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from robofeed.data.errors import HardwareError
from robofeed_serial.twin.control import ask
from robofeed_serial.twin.log import Entry, entry_from_json

START_S = 30.0
STOP_S = 10.0
BACK_S = 5.0


class Twin:
    """`with Twin("so101") as twin:` and `twin.port` is a serial port with that arm behind it.

    The twin ends with its parent, also where that is killed. `options` are those of
    `robofeed arm twin`, without `--link` and `--control`.
    """

    def __init__(self, arm: str, *options: str) -> None:
        self._command = ["arm", "twin", arm, *options]
        # Short, because the path of a Unix socket may have about 100 letters.
        self._folder = tempfile.TemporaryDirectory(prefix="twin-")
        self.port = Path(self._folder.name) / "port"
        self.control = Path(self._folder.name) / "control"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the twin's process, for signals."""
        if self._process is None:
            raise HardwareError("the twin has not been started: use `with Twin(...)`")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it serves; the port is there then, unless a fault took it.

        Raises:
            HardwareError: it ended instead; the message has what it said.
        """
        command = [sys.executable, "-m", "robofeed", *self._command]
        command += ["--link", str(self.port), "--control", str(self.control)]
        self._process = subprocess.Popen(
            [*command, "--until-input-ends"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        end_s = time.monotonic() + START_S
        while not self._serves():
            if self._process.poll() is not None or time.monotonic() > end_s:
                self._process.kill()
                said = self._process.communicate()[1].strip()
                self._process = None
                self._folder.cleanup()
                raise HardwareError(f"the twin did not start: {said or 'it said nothing'}")
            time.sleep(0.01)

    def _serves(self) -> bool:
        """It answers its control socket from when its port is plugged in."""
        if not self.control.is_socket():
            return False
        try:
            self.state()
        except HardwareError:
            return False
        return True

    def close(self) -> None:
        """End it. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stderr is not None:
                process.stderr.close()
        self._folder.cleanup()

    def ask(self, what: str, **values: Any) -> dict[str, Any]:
        """Send a request to the control socket (see `robofeed_serial.twin.console`)."""
        return ask(self.control, {"do": what, **values})

    def state(self) -> dict[str, Any]:
        """The port and every servo, as they are now."""
        return self.ask("state")

    def log(self, since: int = 0) -> list[Entry]:
        """What happened, from entry number `since` on."""
        return [entry_from_json(entry) for entry in self.ask("log", since=since)["entries"]]

    def fault(self, fault: str | Mapping[str, Any]) -> None:
        """Set a fault, as text (`"late:servo_id=3"`) or by its fields."""
        self.ask("fault", fault=fault if isinstance(fault, str) else dict(fault))

    def clear(self, kind: str | None = None) -> None:
        """End all faults, or those of one kind."""
        self.ask("clear", kind=kind)

    @property
    def camera_url(self) -> str:
        """Where its pictures are, with `--camera-port`."""
        return str(self.ask("camera")["url"])

    def mend(self) -> None:
        """End all faults; returns once the port is there again. Raises HardwareError."""
        self.clear()
        end_s = time.monotonic() + BACK_S
        while not self.state()["plugged"]:
            if time.monotonic() > end_s:
                raise HardwareError(f"the port {self.port} does not come back")
            time.sleep(0.02)

    def hand(self, ticks: Mapping[int, int], hold: bool = False) -> list[int]:
        """Move joints by hand; returns the ids that resisted because their torque is on.

        With `hold` the hand stays there until the next call, else they fall as they will.
        """
        held: list[int] = self.ask("hand", ticks=dict(ticks), hold=hold)["held"]
        return held
