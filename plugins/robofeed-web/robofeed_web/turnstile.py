"""Requests that come while others are being served wait, and are then served together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Turnstile(Generic[Item, Outcome]):
    """Await it with an item; it returns, or raises, the item's own outcome.

    One durable commit can then take all answers that came during the one before it, and however
    many people answer at once, one thread does what is to be done in Python.

    Args:
        serve: Takes several items and returns an outcome or an error for each. Runs in `clerk`.
        clerk: An executor; several turnstiles may share it.
    """

    def __init__(
        self, serve: Callable[[Sequence[Item]], Sequence[Outcome | Exception]], clerk: Executor
    ) -> None:
        self._serve, self._clerk = serve, clerk
        self._waiting: list[tuple[Item, asyncio.Future[Outcome]]] = []
        self._serving: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Outcome:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((item, outcome))
        if self._serving is None or self._serving.done():
            self._serving = loop.create_task(self._serve_all())
        return await outcome

    async def _serve_all(self) -> None:
        while self._waiting:
            served, self._waiting = self._waiting, []
            outcomes: Sequence[Outcome | Exception]
            try:
                loop = asyncio.get_running_loop()
                items = [item for item, _ in served]
                outcomes = await loop.run_in_executor(self._clerk, self._serve, items)
            except Exception as error:
                outcomes = [error] * len(served)
            for (_, waits), outcome in zip(served, outcomes, strict=True):
                # Whoever asked may be gone meanwhile; what they said is stored all the same.
                if waits.done():
                    continue
                if isinstance(outcome, Exception):
                    waits.set_exception(outcome)
                else:
                    waits.set_result(outcome)
