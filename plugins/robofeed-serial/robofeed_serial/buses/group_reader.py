"""Reads the same registers of several servos: whoever answers counts, in the time there is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import lru_cache

from robofeed_serial.buses.reply import Codec, Reply
from robofeed_serial.wire.errors import BusTimeout
from robofeed_serial.wire.link import Link

MOST_TRIES = 3
LEAST_WAIT_S = 0.002
"""A retry that leaves the servos less than this is not worth its bytes."""
RETURN_DELAY_S = 0.0005
"""How long a servo waits before it answers, until `prepare` has set that to 0."""
MUTE_AFTER = 3
"""Reads in a row without an answer, after which a servo is asked less often ..."""
MUTE_EVERY_S = 0.1
"""... namely this often, so that a servo without power does not slow down the others."""
FAST_IN_VAIN = 3
"""Readings without any answer, after which servos are no longer asked for a single frame."""

Timed = tuple[int, Reply]
"""When a reply was complete (monotonic ns), and the reply."""
Tell = Callable[[int, Reply], None]
"""Is told each right reply and its time at once, while those after it are still under way."""


def ask(
    link: Link,
    codec: Codec,
    request: bytes,
    ids: Sequence[int],
    size: int,
    deadline_s: float,
    gap_s: float = math.inf,
    answer_bytes: int = 0,
    tell: Tell | None = None,
) -> dict[int, Timed]:
    """The right replies to `request` from `ids`, in the order asked; a reply each, the newest.

    Right is: whole, a right checksum, one of `ids`, and `size` bytes of data - or none, where the
    servo says why not. Never raises BusTimeout: who did not answer is missing.
    """
    decoder = codec.decoder(size)
    own = _as_replies(codec, request, size)
    places = {servo_id: place for place, servo_id in enumerate(ids)}
    found: dict[int, Timed] = {}
    last_place = -1
    heard = framed = False

    def hear(data: bytes) -> bool:
        nonlocal heard
        heard = True
        return take(decoder.feed(data))

    def take(replies: Sequence[Reply]) -> bool:
        nonlocal last_place, framed
        framed = framed or bool(replies)
        now_ns = time.monotonic_ns()
        for reply in replies:
            servo_id, error, data = reply
            place = places.get(servo_id)
            if place is None or reply in own or (len(data) != size and (data or not error)):
                link.statistics.misfits += 1
                if reply in own:
                    link.hears_itself()
                link.doubt()
                continue
            if place <= last_place:  # servos answer in the order asked: this is an older answer's
                link.doubt()
            last_place = place
            found[servo_id] = now_ns, reply
            if tell is not None:
                tell(now_ns, reply)
        return len(found) == len(places)

    try:
        usual = answer_bytes or len(ids) * codec.reply_length(size)
        link.exchange(request, hear, deadline_s, gap_s, usual)
    except BusTimeout:
        take(decoder.finish())
        link.statistics.garbled += heard and not framed
    link.statistics.crc_errors += decoder.crc_errors
    link.statistics.replies += len(found)
    return found


@lru_cache(maxsize=64)
def _as_replies(codec: Codec, request: bytes, size: int) -> frozenset[Reply]:
    """The request itself where it reads like a reply: on an adapter that echoes it comes back."""
    return frozenset(codec.decoder(size).feed(request)) if size else frozenset()


class GroupReader:
    """Group reads over one link. Keeps in mind who does not answer."""

    def __init__(self, link: Link, codec: Codec) -> None:
        self.fast = False
        """Whether the servos have shown that they can all answer in a single frame. Where one of
        them is missing the ordinary way is taken: each servo then answers for itself."""
        self._link = link
        self._codec = codec
        self._ordinary = lru_cache(maxsize=64)(codec.sync_read)
        self._single = lru_cache(maxsize=64)(codec.fast_sync_read)
        self._in_vain = 0
        """Fast readings in a row that brought nothing."""
        self._misses: dict[int, int] = {}
        """By servo, where there are any."""
        self._asked_s: dict[int, float] = {}
        self._slow = False
        """Of late nobody answered in the usual time: perhaps the adapter is slow."""

    def read(
        self,
        ids: Sequence[int],
        address: int,
        size: int,
        budget_s: float,
        tell: Tell | None = None,
    ) -> dict[int, Timed]:
        """What came within `budget_s`, retries for the missing included. Raises PortGone only."""
        end_s = time.monotonic() + budget_s
        missing = self._worth_asking(ids)
        found: dict[int, Timed] = {}
        for tries in range(MOST_TRIES):
            fast = self.fast and not tries and not self._misses
            request, answer_bytes = self._request(tuple(missing), address, size, fast)
            wire_s = self._link.wire_s(len(request) + len(missing) * self._codec.reply_length(size))
            usual_s = wire_s + RETURN_DELAY_S * len(missing) + self._link.reply_wait_s
            left_s = end_s - time.monotonic()
            wait_s = max(left_s, wire_s) if self._slow else min(usual_s, max(left_s, wire_s))
            if not missing or (tries and left_s < wire_s + LEAST_WAIT_S):
                break
            if tries:
                self._link.statistics.retries += 1
            asked_ns = time.monotonic_ns()
            gap_s = math.inf if self._slow else self._link.gap_s
            told = ask(
                self._link, self._codec, request, missing, size, wait_s, gap_s, answer_bytes, tell
            )
            found |= told
            if fast:
                self._in_vain = 0 if found else self._in_vain + 1
                self.fast = self._in_vain < FAST_IN_VAIN
            if not found:
                self._slow = True
            elif self._slow and not tries:
                first_ns = min(time_ns for time_ns, _ in found.values())
                self._slow = (first_ns - asked_ns) / 1e9 > usual_s
            if len(told) == len(missing):
                missing = []
                break
            missing = [servo_id for servo_id in missing if servo_id not in found]
            # The first of them may be why those after it are silent.
            missing = missing[1:] + missing[:1]
        if self._misses:
            for servo_id in found:
                self._misses.pop(servo_id, None)
        for servo_id in missing:
            self._misses[servo_id] = self._misses.get(servo_id, 0) + 1
        return found

    def can_answer_fast(self, ids: Sequence[int], address: int, size: int) -> bool:
        """Whether all of `ids` are heard in the answer to one fast reading. Raises PortGone."""
        request = self._single(tuple(ids), address, size)
        if request is None or not ids:
            return False
        wire_s = self._link.wire_s(len(request) + len(ids) * self._codec.reply_length(size))
        wait_s = wire_s + RETURN_DELAY_S * len(ids) + self._link.reply_wait_s
        return len(ask(self._link, self._codec, request, ids, size, wait_s)) == len(ids)

    def _request(
        self, ids: tuple[int, ...], address: int, size: int, fast: bool
    ) -> tuple[bytes, int]:
        """What to send, and how many bytes the answer has."""
        single = self._single(ids, address, size) if fast else None
        if single is not None:
            return single, self._codec.fast_length(len(ids), size)
        return self._ordinary(ids, address, size), len(ids) * self._codec.reply_length(size)

    def _worth_asking(self, ids: Sequence[int]) -> list[int]:
        """Those who answered last time first: a mute servo makes those after it wait.

        Where nobody answers it is the line that is silent, and all are asked.
        """
        if not self._misses:
            return list(ids)
        now_s = time.monotonic()
        misses = {servo_id: self._misses.get(servo_id, 0) for servo_id in ids}
        some_answer = any(count < MUTE_AFTER for count in misses.values())
        worth = []
        for servo_id in sorted(ids, key=lambda servo_id: misses[servo_id]):
            if some_answer and misses[servo_id] >= MUTE_AFTER:
                if now_s - self._asked_s.get(servo_id, 0.0) < MUTE_EVERY_S:
                    continue
                self._asked_s[servo_id] = now_s
            worth.append(servo_id)
        return worth
