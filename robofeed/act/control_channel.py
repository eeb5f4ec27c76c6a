"""A run's control socket: other processes of the same user watch, take the controls, let go.

The terminal's keys and the web server are at the other end. Read inside the step and not in a
thread of its own: what a person said last is then what counts, and learning cannot hold it up.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from robofeed.data.control_messages import (
    SILENCE_NS,
    SOCKET,
    Command,
    Do,
    Lines,
    LiveState,
    decode_command,
    encode_event,
    encode_state,
)
from robofeed.data.control_socket import socket_path
from robofeed.data.errors import DataError
from robofeed.data.intervention import (
    Discard,
    Driver,
    Intervention,
    Mark,
    NoObjection,
    Pause,
    Resume,
    StopRequest,
    Take,
)
from robofeed.data.observation import Observation
from robofeed.data.spec import ArraySpec, BackendSpec, FloatArray

_MOST_CLIENTS = 16
_MOST_UNSENT = 256 * 1024
"""Bytes a client may leave unread; one that leaves more is gone or stuck, and cut off."""
_READ = 65_536


class _Client:
    """One connection: what it has not read yet, and the lines it has begun."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.lines = Lines()
        self.unsent = b""

    def tell(self, line: bytes) -> bool:
        """Send a line as far as the socket takes it; False where the client is not to be kept."""
        self.unsent += line
        try:
            while self.unsent:
                self.unsent = self.unsent[self.connection.send(self.unsent) :]
        except BlockingIOError:
            return len(self.unsent) <= _MOST_UNSENT
        except OSError:
            return False
        return True


class ControlChannel:
    """The run's end of the socket, as a `Corrector` and as an `Audience`.

    One person at a time holds the controls: whoever asked first, until they release them, say
    nothing for 250 ms, or someone takes over explicitly. Anybody may stop the arm.

    Raises:
        DataError: the socket cannot be made, or another process serves this run.
    """

    def __init__(
        self,
        run_dir: Path,
        spec: BackendSpec,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        assert isinstance(spec.action, ArraySpec)
        self._now_ns = now_ns
        self._spec = spec
        self._width = spec.action.size
        self._welcome = encode_event(
            "welcome",
            run=run_dir.name,
            period_s=spec.period_s,
            action=spec.action.describe(),
            observation=spec.observation.describe()["names"],
        )
        self._path = run_dir / SOCKET
        self._listener = _listen(run_dir)
        self._inode = os.stat(self._path).st_ino
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._clients: list[_Client] = []
        self._holder: tuple[_Client, Driver] | None = None
        self._heard_ns = 0
        self._take: Take | None = None
        """what the holder asks for, step by step, until the next command"""
        self._steps_left = 0
        """of it; 0 = no limit"""
        self._still = Take(np.zeros(self._width, np.float32))
        self._said: deque[Intervention] = deque()
        self._stopped_by: Driver | None = None
        self._shown_ns = 0

    # --- a Corrector ---

    @property
    def driver(self) -> Driver | None:
        """Who holds the controls."""
        return self._holder[1] if self._holder else None

    def poll(self, observation: Observation, proposed: FloatArray) -> Intervention:
        """Hear all that was said since, and say what counts now."""
        self._serve()
        if self._stopped_by is not None:
            stop, self._stopped_by = StopRequest(self._stopped_by), None
            return stop
        if self._holder and self._now_ns() - self._heard_ns > SILENCE_NS:
            self._end_hold("nothing was heard from you for 250 ms")
        if self._said:
            return self._said.popleft()
        if self._take is None:
            return NoObjection()
        take = self._take
        if self._steps_left:
            self._steps_left -= 1
            if not self._steps_left:
                self._take = self._still
        return take

    def attended(self) -> bool:
        """Whether somebody holds the controls or asks to stop. For times without steps."""
        self._serve()
        return self._holder is not None or self._stopped_by is not None

    # --- an Audience ---

    def wants_state(self) -> bool:
        """Whether anybody is connected, and a period has passed since the last state."""
        due_ns = self._shown_ns + int(self._spec.period_s * 1e9 * 0.9)
        return bool(self._clients) and self._now_ns() >= due_ns

    def show(self, state: LiveState) -> None:
        """Tell everybody who has read what came before."""
        self._shown_ns = self._now_ns()
        line = encode_state(state)
        for client in [each for each in self._clients if not each.unsent]:
            self._tell(client, line)

    def close(self) -> None:
        """Cut everybody off and remove the socket. Idempotent."""
        for client in list(self._clients):
            self._drop(client)
        if self._listener.fileno() >= 0:
            self._selector.close()
            self._listener.close()
            # Not that of another process, which found this one gone and went on with the run.
            with contextlib.suppress(FileNotFoundError):
                if os.stat(self._path).st_ino == self._inode:
                    os.unlink(self._path)

    # --- listening ---

    def _serve(self) -> None:
        for key, _ in self._selector.select(0):
            if key.data is None:
                self._accept()
            else:
                self._read(key.data)
        for client in [each for each in self._clients if each.unsent]:
            self._tell(client, b"")

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            # It hung up before anyone answered.
            return
        connection.setblocking(False)
        client = _Client(connection)
        if len(self._clients) >= _MOST_CLIENTS:
            client.tell(encode_event("error", reason="too many are connected to this run"))
            connection.close()
            return
        self._clients.append(client)
        self._selector.register(connection, selectors.EVENT_READ, client)
        self._tell(client, self._welcome)

    def _read(self, client: _Client) -> None:
        try:
            data = client.connection.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        try:
            lines = client.lines.feed(data)
        except DataError as error:
            self._tell(client, encode_event("error", reason=str(error)))
            self._drop(client)
            return
        for line in lines:
            try:
                self._obey(client, decode_command(line))
            except DataError as error:
                self._tell(client, encode_event("error", reason=str(error)))

    def _obey(self, client: _Client, command: Command) -> None:
        driver = command.driver
        if command.do is Do.STOP:
            # Whoever it is; and nothing that was said before it counts any more.
            self._stopped_by = driver
            self._said.clear()
            self._take = None
            return
        if command.do is Do.TAKE:
            self._give(client, command)
            return
        if self._holder != (client, driver):
            held = self._holder
            by = f"{held[1].person} ({held[1].source}) holds" if held else "nobody holds"
            self._refuse(client, driver, f"{by} the controls: take them first")
            return
        self._hear(command)
        if command.do is Do.MOVE:
            if len(command.action) != self._width:
                raise DataError(
                    f"'action' has {len(command.action)} elements where this run has {self._width}"
                )
            self._take = Take(np.array(command.action, np.float32), command.sent_ns)
            self._steps_left = command.steps
        elif command.do is Do.LET_GO:
            self._take = None
        elif command.do is Do.RELEASE:
            self._end_hold("you gave them back")
        elif command.do is Do.PAUSE:
            self._take = None
            self._said.append(Pause())
        elif command.do is Do.RESUME:
            self._take = None
            self._said.append(Resume())
        elif command.do is Do.MARK:
            self._said.append(Mark(command.success))
        elif command.do is Do.DISCARD:
            self._said.append(Discard())

    def _give(self, client: _Client, command: Command) -> None:
        driver = command.driver
        if self._holder and self._holder != (client, driver):
            by = self._holder[1]
            if not command.over:
                self._refuse(client, driver, f"{by.person} ({by.source}) holds the controls")
                return
            self._end_hold(f"{driver.person} ({driver.source}) took over")
        self._holder = (client, driver)
        self._heard_ns = 0
        self._hear(command)
        self._tell(client, encode_event("taken", person=driver.person))

    def _hear(self, command: Command) -> None:
        """Note the time of a sign of life: when it was given, where that is known."""
        now_ns = self._now_ns()
        given_ns = min(command.sent_ns, now_ns) if command.sent_ns else now_ns
        self._heard_ns = max(self._heard_ns, given_ns)

    def _end_hold(self, reason: str) -> None:
        assert self._holder
        client, driver = self._holder
        self._holder, self._take = None, None
        # A pause outlives whoever asked for it, what else they asked for does not.
        self._said = deque(said for said in self._said if isinstance(said, Pause))
        if client in self._clients:
            self._tell(client, encode_event("lost", person=driver.person, reason=reason))

    def _refuse(self, client: _Client, driver: Driver, reason: str) -> None:
        self._tell(client, encode_event("refused", person=driver.person, reason=reason))

    def _tell(self, client: _Client, line: bytes) -> None:
        if not client.tell(line):
            self._drop(client)

    def _drop(self, client: _Client) -> None:
        if client not in self._clients:
            return
        self._clients.remove(client)
        self._selector.unregister(client.connection)
        client.connection.close()
        if self._holder and self._holder[0] is client:
            self._end_hold("the connection was lost")


def _listen(run_dir: Path) -> socket.socket:
    """A listening socket that its owner alone can open; a stale one is cleared away."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        # Before it has a name, so that there is no moment at which others could open it.
        os.fchmod(listener.fileno(), 0o600)
        with socket_path(run_dir) as path:
            try:
                listener.bind(path)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                _clear_stale(path, run_dir)
                listener.bind(path)
        listener.listen(_MOST_CLIENTS)
    except OSError as error:
        listener.close()
        raise DataError(
            f"cannot make {run_dir / SOCKET}: {error.strerror}. Where the folder's file system "
            "knows no sockets, use another --out, or do without corrections: "
            "--set control.socket=false"
        ) from error
    except BaseException:
        listener.close()
        raise
    return listener


def _clear_stale(path: str, run_dir: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise DataError(f"{run_dir} is run by another process already: its control socket answers")
