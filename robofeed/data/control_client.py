"""The other end of a run's control socket: for the terminal, the web server and scripts."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from robofeed.data.control_messages import Command, Do, Lines, decode_event, encode_command
from robofeed.data.control_socket import socket_path
from robofeed.data.errors import DataError
from robofeed.data.intervention import Driver

_READ = 65_536


class ControlClient:
    """A connection to the process that runs `run_dir`, for one person or, from a server, several.

    Nothing here waits, but `receive` where it is told how long. Use it from one thread; `fileno`
    is for selectors and event loops.

    Raises:
        DataError: no process runs it, or it hung up.
    """

    def __init__(self, run_dir: Path, driver: Driver) -> None:
        self.driver = driver
        self._run_dir = run_dir
        self._lines = Lines()
        self._received: deque[Mapping[str, Any]] = deque()
        self._unsent = b""
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with socket_path(run_dir) as path:
                self._connection.connect(path)
        except OSError as error:
            self._connection.close()
            raise DataError(
                f"no process runs {run_dir} at the moment ({error.strerror or error}): there is "
                "nothing to steer. `robofeed train` or `robofeed resume` starts one"
            ) from error
        self._connection.setblocking(False)

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """The socket, readable when something came."""
        return self._connection.fileno()

    def close(self) -> None:
        """Hang up: controls held are given back. Idempotent."""
        self._connection.close()

    def send(
        self,
        do: Do,
        *,
        action: Sequence[float] = (),
        steps: int = 0,
        over: bool = False,
        success: bool = False,
        driver: Driver | None = None,
        sent_ns: int | None = None,
    ) -> None:
        """Say something, for `driver` where it is not the connection's own.

        `sent_ns` is when the person acted, by the monotonic clock; now, unless said otherwise.
        """
        command = Command(
            do,
            driver or self.driver,
            time.monotonic_ns() if sent_ns is None else sent_ns,
            tuple(float(value) for value in action),
            steps,
            over,
            success,
        )
        self._unsent += encode_command(command)
        self.flush()

    def flush(self) -> None:
        """Send what could not be sent yet."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._connection.send(self._unsent) :]
        except BlockingIOError:
            # The run is busy, fitting a reward model perhaps: it will read on.
            return
        except OSError as error:
            raise self._gone() from error

    def receive(self, timeout_s: float = 0.0) -> Mapping[str, Any] | None:
        """The next line from the run, waiting up to `timeout_s`; None where none came."""
        latest_s = time.monotonic() + timeout_s
        while not self._received:
            left_s = latest_s - time.monotonic()
            if not select.select([self._connection], [], [], max(0.0, left_s))[0]:
                return None
            with contextlib.suppress(BlockingIOError):
                try:
                    data = self._connection.recv(_READ)
                except ConnectionError:
                    data = b""
                if not data:
                    raise self._gone()
                self._received.extend(decode_event(line) for line in self._lines.feed(data))
        return self._received.popleft()

    def receive_all(self) -> list[Mapping[str, Any]]:
        """All that came so far."""
        events = []
        while (event := self.receive()) is not None:
            events.append(event)
        return events

    def _gone(self) -> DataError:
        return DataError(f"the process that ran {self._run_dir} has hung up: the run has ended")
