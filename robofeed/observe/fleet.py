"""N arms as one batch: simulators in worker processes, observations in shared memory."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

from robofeed.data.errors import HardwareError, RobofeedError
from robofeed.data.fleet import Table
from robofeed.interfaces import Backend, HasTruth
from robofeed.observe.cell import Cell

BackendFactory = Callable[[], Backend]
"""Makes a backend; sent to worker processes: importable, and with plain values only."""

_CLOSE_S = 5.0
_REPLY_S = 60.0
"""A simulator that has not answered for this long is taken for hung."""


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
        for cell in self._cells:
            cell.open()

    def reset(self, seeds: Sequence[int | None]) -> list[str]:
        """Start an episode on the first `len(seeds)` arms."""
        return [cell.reset(seed) for cell, seed in zip(self._cells, seeds, strict=False)]

    def send(self, active: Sequence[int]) -> None:
        """Note which arms are to step; they do so in `receive`."""
        self._active = list(active)

    def receive(self) -> dict[int, str]:
        """Step the arms named by `send`."""
        return {row: self._cells[row].step() for row in self._active}

    def expert(self, active: Sequence[int]) -> None:
        """Fill `table.proposed` with the scripted expert's actions."""
        for row in active:
            self._cells[row].expert()

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

    Raises:
        HardwareError: a simulator process could not start, died or hung; the message names it.
    """

    def __init__(self, factory: BackendFactory, size: int, with_truth: bool = True) -> None:
        probe = factory()
        self.spec = probe.spec
        self.size = size
        self.has_truth = with_truth and isinstance(probe, HasTruth)
        self._memory = SharedMemory(create=True, size=max(1, Table.nbytes(self.spec, size)))
        self.table = Table.over(self.spec, size, self._memory.buf)
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._workers: list[Any] = []
        self._waiting: list[int] = []
        self._closed = False
        try:
            for row in range(size):
                ours, theirs = context.Pipe()
                worker = context.Process(
                    target=_work,
                    args=(factory, size, row, with_truth, self._memory.name, theirs),
                    name=f"simulator {row}",
                    daemon=True,
                )
                worker.start()
                theirs.close()
                self._pipes.append(ours)
                self._workers.append(worker)
            self._waiting = list(range(size))
            self.receive()
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
        waiting, self._waiting = self._waiting, []
        return {row: self._hear(row) for row in waiting}

    def expert(self, active: Sequence[int]) -> None:
        """Fill `table.proposed` with the scripted expert's actions."""
        for row in active:
            self._tell(row, ("expert", None))
        self.receive()

    def acknowledge(self) -> None:
        """Release every latched hold."""
        for row in range(self.size):
            self._tell(row, ("acknowledge", None))
        self.receive()

    def close(self) -> None:
        """Stop all processes and release the shared memory. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.send(("close", None))
        for worker in self._workers:
            worker.join(_CLOSE_S)
            if worker.is_alive():
                worker.kill()
                worker.join(_CLOSE_S)
        for pipe in self._pipes:
            pipe.close()
        # The arrays over the shared memory must go before it can be closed.
        self.table = Table.over(self.spec, self.size)
        self._memory.close()
        self._memory.unlink()

    def _tell(self, row: int, message: tuple[str, int | None]) -> None:
        try:
            self._pipes[row].send(message)
        except OSError:
            raise self._death(row) from None
        self._waiting.append(row)

    def _hear(self, row: int) -> str:
        try:
            if not self._pipes[row].poll(_REPLY_S):
                raise HardwareError(
                    f"simulator {row} (process {self._workers[row].pid}) has not answered for "
                    f"{_REPLY_S:.0f} s; the run stops, everything recorded so far is on disk"
                )
            answer, text = self._pipes[row].recv()
        except (EOFError, OSError):
            raise self._death(row) from None
        if answer == "error":
            raise HardwareError(f"simulator {row} failed: {text}")
        return str(text)

    def _death(self, row: int) -> HardwareError:
        worker = self._workers[row]
        worker.join(1.0)
        code = worker.exitcode
        how = (
            f"signal {signal.Signals(-code).name}"
            if code is not None and code < 0
            else f"exit code {code}"
        )
        return HardwareError(
            f"simulator {row} (process {worker.pid}) died with {how}; "
            "the run stops, everything recorded so far is on disk: `robofeed resume RUN` goes on"
        )


def _work(
    factory: BackendFactory,
    size: int,
    row: int,
    with_truth: bool,
    memory_name: str,
    pipe: Connection,
) -> None:
    """The worker: one cell, told what to do through a pipe until the pipe ends."""
    # Ctrl-C is for the run, which then closes its workers in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memory = SharedMemory(name=memory_name)
    try:
        backend = factory()
        cell = Cell(backend, Table.over(backend.spec, size, memory.buf), row, with_truth)
        cell.open()
        pipe.send(("ready", ""))
        while (message := pipe.recv())[0] != "close":
            pipe.send(("done", _obey(cell, *message)))
        cell.close()
    except (EOFError, BrokenPipeError):
        return
    except RobofeedError as error:
        pipe.send(("error", str(error)))
    except Exception:
        # The whole story crosses to the run, which names this simulator in its message.
        pipe.send(("error", traceback.format_exc()))
    finally:
        with contextlib.suppress(UnboundLocalError, BufferError):
            del cell
            memory.close()


def _obey(cell: Cell, command: str, seed: int | None) -> str:
    if command == "step":
        return cell.step()
    if command == "reset":
        return cell.reset(seed)
    if command == "expert":
        cell.expert()
    elif command == "acknowledge":
        cell.guarded.acknowledge()
    return ""


def seed_list(rng: np.random.Generator, count: int) -> list[int]:
    """Draw `count` reset seeds."""
    return [int(seed) for seed in rng.integers(0, 2**31 - 1, count)]
