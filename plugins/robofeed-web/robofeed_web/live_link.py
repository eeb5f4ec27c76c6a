"""The server's one connection to the arm: the newest state comes in, commands of people go out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from robofeed.data.control_socket import socket_path

_LINE = 256 * 1024
"""Bytes of the longest line that is believed; a state with its scene has a few thousand."""
_RETRY_S = 0.5
_KEPT_MESSAGES = 50
_STOP_S = 2.0
"""For so long the page waits to be told that the arm heard."""


class Viewer:
    """One open page. What is meant for it alone waits in `inbox`."""

    def __init__(self, person: str) -> None:
        self.person = person
        self.inbox: deque[dict[str, Any]] = deque(maxlen=_KEPT_MESSAGES)
        self.woken = asyncio.Event()

    def tell(self, message: dict[str, Any]) -> None:
        """Put a message into the inbox."""
        self.inbox.append(message)
        self.woken.set()


class LiveLink:
    """Follows the arm of a run for as long as a training process serves `RUN/control.sock`.

    One page at most drives, even where one person has several open. Everything here runs in the
    server's event loop.
    """

    def __init__(self, run_dir: Path, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._run_dir, self._now_ns = run_dir, now_ns
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self.welcome: dict[str, Any] | None = None
        """what the arm said of itself; None while there is no connection"""
        self.state: dict[str, Any] | None = None
        self.viewers: set[Viewer] = set()
        self.driver: Viewer | None = None
        """the page that has, or has asked for, the controls"""
        self._stops: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> LiveLink:
        """Begin to look for the arm."""
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of everything."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def connected(self) -> bool:
        """Whether an arm is there."""
        return self._writer is not None

    def join(self, viewer: Viewer) -> None:
        """A page was opened."""
        self.viewers.add(viewer)

    def leave(self, viewer: Viewer) -> None:
        """A page was closed or fell silent for good: it drives no longer."""
        self.viewers.discard(viewer)
        if self.driver is viewer:
            self.send("release", viewer.person)
            self.driver = None

    def command(self, viewer: Viewer, said: Mapping[str, Any]) -> None:
        """Pass on what the page of a person who may drive has said."""
        do = str(said.get("do"))
        if do == "take":
            self._take(viewer, over=bool(said.get("over", False)))
        elif do == "stop":
            self.send("stop", viewer.person)
        elif self.driver is not viewer and do == "alive":
            # Sent while the page waited for the controls, and was refused them.
            return
        elif self.driver is not viewer:
            viewer.tell({"is": "refused", "reason": "this page does not have the controls"})
        else:
            extra = {key: said[key] for key in ("action", "steps", "success") if key in said}
            self.send(do, viewer.person, **extra)
            if do == "release":
                self.driver = None

    def send(self, do: str, person: str, **extra: Any) -> bool:
        """Send one command; False where no arm is there to hear it."""
        if self._writer is None:
            return False
        line = {"do": do, "person": person, "source": "web", "sent_ns": self._now_ns(), **extra}
        self._writer.write(json.dumps(line).encode() + b"\n")
        return True

    async def stop(self, person: str, within_s: float = _STOP_S) -> bool | None:
        """Stop the arm; whether it said in time that it heard, None where no arm is there."""
        if not self.send("stop", person):
            return None
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stops.append(heard)
        done, _ = await asyncio.wait({heard}, timeout=within_s)
        return bool(done)

    def _take(self, viewer: Viewer, over: bool) -> None:
        before = self.driver
        if before is not None and before is not viewer and not over:
            whose = "another page of yours" if before.person == viewer.person else before.person
            reason = f"{whose} has the controls; take over if that is meant"
            viewer.tell({"is": "refused", "reason": reason, "holder": before.person})
            return
        if before is not None and before is not viewer:
            before.tell({"is": "lost", "reason": f"{viewer.person} took over"})
            if before.person == viewer.person:
                self.send("release", before.person)
        if not self.send("take", viewer.person, over=over):
            viewer.tell({"is": "refused", "reason": "no arm is there: the run is not going on"})
            return
        self.driver = viewer

    async def _follow(self) -> None:
        while True:
            try:
                reader, self._writer = await _connect(self._run_dir)
            except OSError:
                await asyncio.sleep(_RETRY_S)
                continue
            try:
                while line := await reader.readline():
                    self._hear(json.loads(line))
            except (OSError, ValueError) as error:
                for viewer in self.viewers:
                    viewer.tell({"is": "error", "reason": f"the arm cannot be understood: {error}"})
            finally:
                self._forget()
            await asyncio.sleep(_RETRY_S)

    def _hear(self, message: dict[str, Any]) -> None:
        match message.get("is"):
            case "welcome":
                self.welcome = message
            case "state":
                self.state = message
            case "taken" | "refused" | "lost":
                if self.driver is not None and self.driver.person == message.get("person"):
                    self.driver.tell(message)
                    if message["is"] != "taken":
                        self.driver = None
            case _:
                if message.get("is") == "stopping":
                    self._stopped()
                for viewer in self.viewers:
                    viewer.tell(message)
        for viewer in self.viewers:
            viewer.woken.set()

    def _stopped(self) -> None:
        for heard in self._stops:
            if not heard.done():
                heard.set_result(None)
        self._stops.clear()

    def _forget(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = self.welcome = self.state = None
        # A process that is gone moves nothing.
        self._stopped()
        if self.driver is not None:
            self.driver.tell({"is": "lost", "reason": "the run is not going on any longer"})
        self.driver = None
        for viewer in self.viewers:
            viewer.woken.set()


async def _connect(run_dir: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    with socket_path(run_dir) as path:
        return await asyncio.open_unix_connection(path, limit=_LINE)
