"""A run's control socket: other processes of the same user watch, take the controls, let go.

The terminal's keys and the web server are at the other end. Read inside the step: what a person
said last is then what counts. Where no step comes for a while, an `Attendant` reads it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from robofeed.act.control_connection import MOST_CLIENTS, Connection, listen_in
from robofeed.data.control_messages import (
    SILENCE_NS,
    SOCKET,
    Command,
    Do,
    LiveState,
    decode_command,
    encode_event,
    encode_state,
)
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

_READ = 65_536
_UNHEARD_NS = 40_000_000
"""After so long without a step the attendant hears what is said."""
_BUSY_EVERY_NS = 250_000_000
"""So often those who watch are told that the run is busy."""
BETWEEN = "busy between two steps"


class ControlChannel:
    """The run's end of the socket, as a `Corrector` and as an `Audience`.

    One person at a time holds the controls: whoever asked first, until they release them, say
    nothing for 250 ms, or someone takes over explicitly. Anybody may stop the arm. Methods may be
    called from the run's thread and from one attendant's.

    Raises:
        DataError: the socket cannot be made, or another process serves this run.
    """

    def __init__(
        self,
        run_dir: Path,
        spec: BackendSpec,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.stop_arms: Callable[[], object] = lambda: None
        """called as soon as a stop is heard, from whichever thread hears it"""
        self.hold_arms: Callable[[], object] = lambda: None
        """the same where the arm moves by itself, and somebody pauses it or has the controls no
        longer"""
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
        self._listener = listen_in(run_dir)
        self._inode = os.stat(self._path).st_ino
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._clients: list[Connection] = []
        self._holder: tuple[Connection, Driver] | None = None
        self._heard_ns = 0
        self._take: Take | None = None
        """what the holder asks for, step by step, until the next command"""
        self._steps_left = 0
        """of it; 0 = no limit"""
        self._unbegun = False
        """whether none of them was made yet"""
        self._still = Take(np.zeros(self._width, np.float32))
        self._said: deque[Intervention] = deque()
        self._stopped_by: Driver | None = None
        self._shown_ns = 0
        self._lock = threading.RLock()
        self._served_ns = self._told_busy_ns = self._stepped_ns = now_ns()
        self._doing, self._moves = BETWEEN, False
        self._closed = False

    # --- a Corrector ---

    @property
    def driver(self) -> Driver | None:
        """Who holds the controls."""
        with self._lock:
            return self._holder[1] if self._holder else None

    def poll(self, observation: Observation, proposed: FloatArray) -> Intervention:
        """Hear all that was said since, and say what counts now."""
        with self._lock:
            self._serve()
            self._stepped_ns = self._now_ns()
            return self._said_now()

    def _said_now(self) -> Intervention:
        if self._stopped_by is not None:
            stop, self._stopped_by = StopRequest(self._stopped_by), None
            return stop
        if self._said:
            return self._said.popleft()
        if self._take is None:
            return NoObjection()
        take = self._take
        if self._steps_left:
            if self._unbegun and self._now_ns() - take.acted_ns > SILENCE_NS:
                # Pressed while nothing could move: what was meant then is not what is meant now.
                self._take, self._steps_left = self._still, 0
                return self._still
            self._unbegun = False
            self._steps_left -= 1
            if not self._steps_left:
                self._take = self._still
        return take

    def attended(self) -> bool:
        """Whether somebody holds the controls or asks to stop. For times without steps."""
        with self._lock:
            self._serve()
            return self._holder is not None or self._stopped_by is not None

    def asked_to_stop(self) -> Driver | None:
        """Who asked to stop since the last step, once. For times at which nothing moves."""
        with self._lock:
            self._serve()
            by, self._stopped_by = self._stopped_by, None
            return by

    # --- while no step comes ---

    def attend(self) -> None:
        """Hear and answer if nobody did lately, and tell those who watch what the run is at."""
        with self._lock:
            now_ns = self._now_ns()
            if self._closed or now_ns - self._served_ns < _UNHEARD_NS:
                return
            self._serve()
            self._tell_busy()

    @contextlib.contextmanager
    def busy(self, doing: str, moves: bool = False) -> Iterator[None]:
        """Within it those who watch are told that this is what the run is at, and nobody steers.

        `moves`: the arm goes somewhere by itself meanwhile; else it holds still.
        """
        with self._lock:
            before = self._doing, self._moves
            self._doing, self._moves = doing, moves
        try:
            yield
        finally:
            with self._lock:
                self._doing, self._moves = before

    def _tell_busy(self) -> None:
        now_ns = self._now_ns()
        quiet_ns = now_ns - max(self._stepped_ns, self._told_busy_ns)
        if quiet_ns < _BUSY_EVERY_NS or not self._clients:
            return
        self._told_busy_ns = now_ns
        holder = asdict(self._holder[1]) if self._holder else None
        line = encode_event("busy", doing=self._doing, moves=self._moves, holder=holder)
        for client in [each for each in self._clients if not each.unsent]:
            self._tell(client, line)

    # --- an Audience ---

    def wants_state(self) -> bool:
        """Whether anybody is connected, and a period has passed since the last state."""
        due_ns = self._shown_ns + int(self._spec.period_s * 1e9 * 0.9)
        with self._lock:
            return bool(self._clients) and self._now_ns() >= due_ns

    def show(self, state: LiveState) -> None:
        """Tell everybody who has read what came before."""
        self._shown_ns = self._now_ns()
        line = encode_state(state)
        with self._lock:
            for client in [each for each in self._clients if not each.unsent]:
                self._tell(client, line)

    def close(self) -> None:
        """Cut everybody off and remove the socket. Idempotent."""
        with self._lock:
            self._closed = True
            self._close()

    def _close(self) -> None:
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
        self._served_ns = self._now_ns()
        if self._holder and self._served_ns - self._heard_ns > SILENCE_NS:
            self._end_hold("nothing was heard from you for 250 ms")

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            # It hung up before anyone answered.
            return
        connection.setblocking(False)
        client = Connection(connection)
        if len(self._clients) >= MOST_CLIENTS:
            client.tell(encode_event("error", reason="too many are connected to this run"))
            connection.close()
            return
        self._clients.append(client)
        self._selector.register(connection, selectors.EVENT_READ, client)
        self._tell(client, self._welcome)

    def _read(self, client: Connection) -> None:
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

    def _obey(self, client: Connection, command: Command) -> None:
        driver = command.driver
        if command.do is Do.STOP:
            # Whoever it is; and nothing that was said before it counts any more.
            self.stop_arms()  # before anybody is told that they stop
            self._stopped_by = driver
            self._said.clear()
            self._take = None
            heard = encode_event("stopping", **asdict(driver))
            for each in list(self._clients):
                self._tell(each, heard)
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
            self._steps_left, self._unbegun = command.steps, bool(command.sent_ns)
        elif command.do is Do.LET_GO:
            self._take = None
        elif command.do is Do.RELEASE:
            self._end_hold("you gave them back")
        elif command.do is Do.PAUSE:
            self._take = None
            if self._moves:
                self.hold_arms()
            self._said.append(Pause())
        elif command.do is Do.RESUME:
            self._take = None
            self._said.append(Resume())
        elif command.do in (Do.MARK, Do.DISCARD):
            self._take = None  # nobody means to hold the arm where the next episode begins
            self._said.append(Mark(command.success) if command.do is Do.MARK else Discard())

    def _give(self, client: Connection, command: Command) -> None:
        driver = command.driver
        if self._holder and self._holder != (client, driver):
            by = self._holder[1]
            if not command.over:
                reason = f"{by.person} ({by.source}) holds the controls"
                self._refuse(client, driver, reason, holder=by.person)
                return
            self._end_hold(f"{driver.person} ({driver.source}) took over", handed_over=True)
        self._holder = (client, driver)
        # From now on: whoever waits to be answered need not say anything.
        self._heard_ns = self._now_ns()
        self._tell(client, encode_event("taken", person=driver.person))

    def _hear(self, command: Command) -> None:
        """Note the time of a sign of life: when it was given, where that is known."""
        now_ns = self._now_ns()
        given_ns = min(command.sent_ns, now_ns) if command.sent_ns else now_ns
        self._heard_ns = max(self._heard_ns, given_ns)

    def _end_hold(self, reason: str, handed_over: bool = False) -> None:
        assert self._holder
        if self._moves and not handed_over:
            self.hold_arms()
        client, driver = self._holder
        self._holder, self._take = None, None
        # A pause outlives whoever asked for it, what else they asked for does not.
        self._said = deque(said for said in self._said if isinstance(said, Pause))
        if client in self._clients:
            self._tell(client, encode_event("lost", person=driver.person, reason=reason))

    def _refuse(
        self, client: Connection, driver: Driver, reason: str, holder: str | None = None
    ) -> None:
        line = encode_event("refused", person=driver.person, reason=reason, holder=holder)
        self._tell(client, line)

    def _tell(self, client: Connection, line: bytes) -> None:
        if not client.tell(line):
            self._drop(client)

    def _drop(self, client: Connection) -> None:
        if client not in self._clients:
            return
        self._clients.remove(client)
        self._selector.unregister(client.connection)
        client.connection.close()
        if self._holder and self._holder[0] is client:
            self._end_hold("the connection was lost")
