"""Requests that come together are served together, each with its own outcome."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from robofeed_web.turnstile import Turnstile


class Till:
    """Serves numbers; the first time it waits until it is told to go on."""

    def __init__(self) -> None:
        self.served: list[list[int]] = []
        self.go_on = threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.served.append(list(numbers))
        assert self.go_on.wait(60)
        if 13 in numbers:
            raise OSError("the till is broken")
        return [ValueError(f"no {each}") if each < 0 else 10 * each for each in numbers]


def outcomes(
    till: Till, first: int, others: Sequence[int], gone: int | None = None
) -> list[object]:
    """Ask with `first`, and while that is served with the others, of whom `gone` goes away."""

    async def ask() -> list[object]:
        with ThreadPoolExecutor(1) as clerk:
            turnstile = Turnstile(till, clerk)
            asking = [asyncio.create_task(turnstile(first))]
            while not till.served:
                await asyncio.sleep(0.001)
            asking += [asyncio.create_task(turnstile(each)) for each in others]
            await asyncio.sleep(0)
            if gone is not None:
                asking[1 + others.index(gone)].cancel()
            till.go_on.set()
            found: list[object] = [*await asyncio.gather(*asking, return_exceptions=True)]
            assert await turnstile(99) == 990
            return found

    return asyncio.run(ask())


def test_who_comes_meanwhile_is_served_together_and_gets_an_own_outcome() -> None:
    till = Till()

    one, two, refused, four = outcomes(till, 1, [2, -3, 4])

    assert till.served == [[1], [2, -3, 4], [99]]
    assert (one, two, four) == (10, 20, 40)
    assert isinstance(refused, ValueError)


def test_what_fails_for_all_is_everybodys_error_and_the_next_are_served() -> None:
    one, *others = outcomes(Till(), 1, [13, 5])

    assert one == 10
    assert all(isinstance(each, OSError) for each in others)


@pytest.mark.parametrize("gone", [2, 4])
def test_who_goes_away_is_served_all_the_same_and_holds_up_nobody(gone: int) -> None:
    till = Till()

    found = outcomes(till, 1, [2, 4], gone)

    assert till.served == [[1], [2, 4], [99]]
    assert [each for each in found if isinstance(each, int)] == [10, {2: 40, 4: 20}[gone]]
