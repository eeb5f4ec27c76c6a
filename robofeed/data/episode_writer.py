"""Writing episodes off the training path: a thread, a bounded queue, word when a file is closed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from robofeed.data.episode import Episode, TruthTrace
from robofeed.data.episode_frames import EpisodeFrames
from robofeed.data.errors import DataError
from robofeed.data.store import EpisodeStore

_CAPACITY = 64
"""Episodes that may wait. A full queue holds the training up rather than lose one."""


@dataclass(frozen=True, slots=True)
class _Job:
    episode: Episode
    truth: TruthTrace | None
    closed: Callable[[], None] | None
    frames: EpisodeFrames | None


class EpisodeWriter:
    """Writes in the background, in order.

    `closed` callbacks run in the caller's own thread, during its next call of `write`, `flush` or
    `close`, in the order of the episodes and only for whole files: observers need no locks.
    A thread and not a process: pyarrow works outside the interpreter lock for the most part, and
    handing the arrays to a process would cost as much as writing them.
    """

    def __init__(self, store: EpisodeStore, capacity: int = _CAPACITY) -> None:
        self._store = store
        self._jobs: queue.Queue[_Job | None] = queue.Queue(capacity)
        self._written: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._failure: BaseException | None = None
        self._lost: list[str] = []
        self._told = False
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="episode writer", daemon=True)
        self._thread.start()

    def write(
        self,
        episode: Episode,
        truth: TruthTrace | None = None,
        closed: Callable[[], None] | None = None,
        frames: EpisodeFrames | None = None,
    ) -> None:
        """Hand an episode over; `closed` is called once it is whole on disk.

        `frames` as `EpisodeStore.write` takes them.

        Raises:
            DataError: an earlier one could not be written; this one is not taken either.
        """
        if self._closed:
            raise DataError(f"episode {episode.id} came after the episode writer was closed")
        self._announce()
        self._raise_failure()
        self._jobs.put(_Job(episode, truth, closed, frames))

    def flush(self) -> None:
        """Return when all are on disk, safe from a power cut, and announced.

        Raises:
            DataError: one could not be written.
        """
        self._jobs.join()
        self._announce()
        self._raise_failure()
        self._store.sync()

    def close(self) -> None:
        """Finish what was handed over and end. Idempotent.

        Raises:
            DataError: one could not be written, and no call has said so yet.
        """
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        self._thread.join()
        self._announce()
        if not self._told:
            self._raise_failure()
            self._store.sync()

    def __enter__(self) -> EpisodeWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                if job is None:
                    return
                if self._failure is None:
                    self._store.write(job.episode, job.truth, job.frames)
                    if job.closed is not None:
                        self._written.put(job.closed)
                else:
                    self._lost.append(job.episode.id)
            # Whatever it is belongs to the next caller; a dead thread would block it for ever.
            except BaseException as error:
                self._failure = error
                self._lost.append(job.episode.id if job else "")
            finally:
                self._jobs.task_done()

    def _announce(self) -> None:
        while not self._written.empty():
            self._written.get()()

    def _raise_failure(self) -> None:
        if self._failure is None:
            return
        self._told = True
        self._jobs.join()
        lost = ", ".join(self._lost)
        raise DataError(
            f"{self._failure}. Not recorded: {lost}. Free some space or repair the folder, then "
            "`robofeed resume` the run."
        ) from self._failure
