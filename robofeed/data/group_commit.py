"""One commit for what several threads want to store at the same moment.

A durable commit costs a disk a few milliseconds whatever is in it. Whoever comes while one is going
on waits for it, and the next one takes all who waited.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from robofeed.data.errors import Busy, Full

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Ticket(Generic[Item, Result]):
    __slots__ = ("item", "outcome")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.outcome: Result | Exception | None = None


class GroupCommit(Generic[Item, Result]):
    """Call it with an item; it returns once that is committed, with the item's own result.

    `commit` stores several items, all or none, and returns a result or an error for each. Where it
    raises, each item is tried alone, so that one that cannot be stored keeps no other from it;
    unless there was no way to store anything (Busy, Full), which is then everybody's error.
    """

    def __init__(self, commit: Callable[[Sequence[Item]], Sequence[Result | Exception]]) -> None:
        self._commit = commit
        self._waiting: deque[_Ticket[Item, Result]] = deque()
        self._turn = threading.Lock()

    def __call__(self, item: Item) -> Result:
        (outcome,) = self.each([item])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def each(self, items: Sequence[Item]) -> list[Result | Exception]:
        """Commit several items together; in place of one that cannot be stored stands its error."""
        tickets: list[_Ticket[Item, Result]] = [_Ticket(item) for item in items]
        self._waiting.extend(tickets)
        with self._turn:
            if any(ticket.outcome is None for ticket in tickets):
                self._settle([self._waiting.popleft() for _ in range(len(self._waiting))])
        outcomes = [ticket.outcome for ticket in tickets]
        return [outcome for outcome in outcomes if outcome is not None]

    def _settle(self, tickets: Sequence[_Ticket[Item, Result]]) -> None:
        try:
            self._store(tickets)
        except BaseException:
            # Ctrl-C reached the thread that wrote for the others: they go on without it.
            self._waiting.extendleft(each for each in reversed(tickets) if each.outcome is None)
            raise

    def _store(self, tickets: Sequence[_Ticket[Item, Result]]) -> None:
        try:
            outcomes = self._commit([ticket.item for ticket in tickets])
        except (Busy, Full) as error:
            for ticket in tickets:
                ticket.outcome = type(error)(*error.args)
        except Exception as error:
            if len(tickets) == 1:
                tickets[0].outcome = error
                return
            for ticket in tickets:
                self._store([ticket])
        else:
            for ticket, outcome in zip(tickets, outcomes, strict=True):
                ticket.outcome = outcome
