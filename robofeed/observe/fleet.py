"""N arms as one batch: simulators in worker processes, observations in shared memory."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from robofeed.data.child_process import ERRORS, death, leave_signals_to_parent
from robofeed.data.errors import HardwareError, RobofeedError
from robofeed.data.fleet import Table
from robofeed.data.priority import go_first
from robofeed.interfaces import Backend, HasTruth
from robofeed.observe.cell import Cell

BackendFactory = Callable[[], Backend]
"""Makes a backend; sent to worker processes: importable, and with plain values only."""

REPLY_S = 60.0
"""A simulator that has not answered for this long is taken for hung."""
_START_S = 120.0
"""The same for its first answer: an interpreter and an engine have to be loaded."""
_STOP_S = 1.0
"""For all arms together to say that they are stopped."""
_CLOSE_S = 3.0
"""For all simulators together to end by themselves."""
_REAL_CLOSE_S = 30.0
"""The same for real arms, which may park first."""
_STOP = b"stop"


class LocalFleet:
    """Arms in this process, one after the other: for one simulator, for tests and for `eval`."""

    def __init__(self, factory: BackendFactory, size: int = 1, with_truth: bool = True) -> None:
        backends = [factory() for _ in range(size)]
        self.spec = backends[0].spec
        self.size = size
        self.table = Table.over(self.spec, size)
        self.has_truth = with_truth and isinstance(backends[0], HasTruth)
        self._cells = [
            Cell(backend, self.table, row, with_truth) for row, backend in enumerate(backends)
        ]
        self._active: Sequence[int] = ()
        try:
            for cell in self._cells:
                cell.open()
        except BaseException:
            self.close()
            raise

    def reset(self, seeds: Sequence[int | None]) -> list[str]:
        """Start an episode on the first `len(seeds)` arms."""
        return [self._cells[row].reset(seed) for row, seed in enumerate(seeds)]

    def send(self, active: Sequence[int]) -> None:
        """Note which arms are to step; they do so in `receive`."""
        self._active = list(active)

    def receive(self) -> dict[int, str]:
        """Step the arms named by `send`."""
        active, self._active = self._active, ()
        return {row: self._cells[row].step() for row in active}

    def expert(self, active: Sequence[int]) -> None:
        """Fill `table.proposed` with the scripted expert's actions."""
        for row in active:
            self._cells[row].expert()

    def locate(self, active: Sequence[int]) -> None:
        """Fill the table's columns about where the arms are."""
        for row in active:
            self._cells[row].locate()

    def look(self, active: Sequence[int]) -> None:
        """Observe again without acting."""
        for row in active:
            self._cells[row].look()

    def stop(self) -> None:
        """Stop every arm at once. Any thread."""
        for cell in self._cells:
            cell.guarded.stop()

    def acknowledge(self) -> None:
        """Release every latched hold."""
        for cell in self._cells:
            cell.guarded.acknowledge()

    def close(self) -> None:
        """Stop all arms. Idempotent."""
        for cell in self._cells:
            cell.close()


class ProcessFleet:
    """Each arm in a process of its own, all in step; a process that dies is named.

    Args:
        factory: Makes each backend, in its process.
        size: How many.
        with_truth: Whether ground truth is read at all.
        reply_s: An arm's process that has not answered for this long is taken for hung, and killed.

    Raises:
        HardwareError: an arm's process could not start, failed, died or hung; it is named, and
            all of them are to be closed. Deliberate errors keep their kind, and the fleet is as
            usable as before.
    """

    def __init__(
        self,
        factory: BackendFactory,
        size: int,
        with_truth: bool = True,
        reply_s: float = REPLY_S,
    ) -> None:
        probe = factory()
        self.spec = probe.spec
        self.size = size
        self.has_truth = with_truth and isinstance(probe, HasTruth)
        self._reply_s = reply_s
        self._names = [f"simulator {row}" for row in range(size)]
        if not probe.spec.simulated:
            self._names = ["the arm"] if size == 1 else [f"arm {row}" for row in range(size)]
        context = multiprocessing.get_context("spawn")
        # Freed when the last array over it goes, so that no table ever points nowhere; and it has
        # no name, so that nothing is left behind however the run ends.
        memory = context.RawArray(ctypes.c_byte, max(1, Table.nbytes(self.spec, size)))
        self.table = Table.over(self.spec, size, memory)
        self._pipes: list[Connection] = []
        self._stop_pipes: list[Connection] = []
        self._stopping = threading.Lock()
        self._workers: list[Any] = []
        self._waiting: list[int] = []
        self._closed = False
        try:
            for row in range(size):
                ours, theirs = context.Pipe()
                stop_ours, stop_theirs = context.Pipe()
                worker = context.Process(
                    target=_work,
                    args=(factory, size, row, with_truth, memory, theirs, stop_theirs),
                    name=self._names[row],
                    daemon=True,
                )
                worker.start()
                theirs.close()
                stop_theirs.close()
                self._pipes.append(ours)
                self._stop_pipes.append(stop_ours)
                self._workers.append(worker)
            self._waiting = list(range(size))
            self._receive(_START_S)
        except BaseException:
            self.close()
            raise

    def reset(self, seeds: Sequence[int | None]) -> list[str]:
        """Start an episode on the first `len(seeds)` arms."""
        for row, seed in enumerate(seeds):
            self._tell(row, ("reset", seed))
        return list(self.receive().values())

    def send(self, active: Sequence[int]) -> None:
        """Let the arms named step. Returns at once."""
        for row in active:
            self._tell(row, ("step", None))

    def receive(self) -> dict[int, str]:
        """Wait for every arm that was told something."""
        return self._receive(self._reply_s)

    def expert(self, active: Sequence[int]) -> None:
        """Fill `table.proposed` with the scripted expert's actions."""
        for row in active:
            self._tell(row, ("expert", None))
        self.receive()

    def locate(self, active: Sequence[int]) -> None:
        """Fill the table's columns about where the arms are."""
        for row in active:
            self._tell(row, ("locate", None))
        self.receive()

    def look(self, active: Sequence[int]) -> None:
        """Observe again without acting."""
        for row in active:
            self._tell(row, ("look", None))
        self.receive()

    def stop(self) -> None:
        """Stop every arm at once, whatever it is at. Any thread; never raises.

        Not through the pipe of its commands, in which a stop would wait for the arm to have driven
        to its start. One whose process is gone, or hangs, is held by what it has behind it: a real
        arm by the owner of its port.
        """
        with self._stopping:
            for pipe in self._stop_pipes:
                with contextlib.suppress(OSError, EOFError):
                    while pipe.poll():
                        pipe.recv_bytes()  # an answer that came too late for the stop before
                    pipe.send_bytes(_STOP)
            latest_s = time.monotonic() + _STOP_S
            for pipe in self._stop_pipes:
                with contextlib.suppress(OSError, EOFError):
                    if pipe.poll(max(0.0, latest_s - time.monotonic())):
                        pipe.recv_bytes()

    def acknowledge(self) -> None:
        """Release every latched hold."""
        for row in range(self.size):
            self._tell(row, ("acknowledge", None))
        self.receive()

    def close(self) -> None:
        """Stop all processes. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._waiting and not self.spec.simulated:
            self.stop()  # it is at something that "close" would wait for
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.send(("close", None))
        patience_s = _CLOSE_S if self.spec.simulated else _REAL_CLOSE_S
        latest_s = time.monotonic() + patience_s
        for worker in self._workers:
            worker.join(max(0.0, latest_s - time.monotonic()))
            if worker.is_alive():
                worker.kill()
                worker.join(_CLOSE_S)
        with self._stopping:
            for pipe in (*self._pipes, *self._stop_pipes):
                pipe.close()

    def _tell(self, row: int, message: tuple[str, int | None]) -> None:
        try:
            self._pipes[row].send(message)
        except OSError:
            raise self._death(row) from None
        self._waiting.append(row)

    def _receive(self, limit_s: float) -> dict[int, str]:
        reasons: dict[int, str] = {}
        refused: RobofeedError | None = None
        while self._waiting:
            row = self._waiting[0]
            answer, text = self._hear(row, limit_s)
            self._waiting.remove(row)
            reasons[row] = text
            if answer != "done":
                # Once all have been heard: an answer left in its pipe would be taken for the next.
                kind = ERRORS.get(answer, HardwareError)
                refused = refused or kind(f"{self._names[row]}: {text}")
        if refused is not None:
            raise refused
        return reasons

    def _hear(self, row: int, limit_s: float) -> tuple[str, str]:
        """How the arm fared ("done" or the name of a deliberate error), and in words."""
        try:
            if not self._pipes[row].poll(limit_s):
                worker = self._workers[row]
                worker.kill()
                raise HardwareError(
                    f"{self._names[row]} (process {worker.pid}) has not answered for "
                    f"{limit_s:g} s and was killed; the run stops, everything recorded so "
                    "far is on disk: `robofeed resume RUN` goes on"
                )
            answer, text = self._pipes[row].recv()
        except (EOFError, ConnectionError):
            raise self._death(row) from None
        if answer == "broken":
            raise HardwareError(f"{self._names[row]} failed: {text}")
        return answer, text

    def _death(self, row: int) -> HardwareError:
        return death(self._names[row], self._workers[row])


def _work(
    factory: BackendFactory,
    size: int,
    row: int,
    with_truth: bool,
    memory: Any,
    pipe: Connection,
    stop_pipe: Connection,
) -> None:
    """The worker: one cell that obeys what comes through a pipe, until told to close."""
    leave_signals_to_parent()
    answer = ("done", "")
    cell: Cell | None = None
    message: tuple[str, int | None] = ("open", None)
    while message[0] != "close":
        try:
            if cell is None:
                backend = factory()
                if not backend.spec.simulated:  # time does not wait for a real arm
                    go_first()
                cell = Cell(backend, Table.over(backend.spec, size, memory), row, with_truth)
                heeding = (cell.guarded.stop, stop_pipe)
                threading.Thread(target=_heed, args=heeding, name="stop", daemon=True).start()
            answer = ("done", _obey(cell, *message))
        except RobofeedError as error:
            answer = (type(error).__name__, str(error))
        except Exception:
            # The whole story crosses to the run, which names this arm in its message.
            answer = ("broken", traceback.format_exc())
        try:
            pipe.send(answer)
            if answer[0] == "broken":
                break
            message = pipe.recv()
        except (EOFError, ConnectionError):
            # The run is gone.
            break
    if cell is not None:
        cell.close()


def _heed(stop: Callable[[], None], pipe: Connection) -> None:
    """Stop whenever the pipe says so, and when the run is gone, whatever the arm is at."""
    with contextlib.suppress(OSError, EOFError):
        while True:
            pipe.recv_bytes()
            stop()
            pipe.send_bytes(_STOP)
    stop()  # the run is gone: nobody else can


def _obey(cell: Cell, command: str, seed: int | None) -> str:
    if command == "step":
        return cell.step()
    if command == "reset":
        return cell.reset(seed)
    if command == "open":
        cell.open()
    elif command == "expert":
        cell.expert()
    elif command == "locate":
        cell.locate()
    elif command == "look":
        cell.look()
    elif command == "acknowledge":
        cell.guarded.acknowledge()
    return ""
