"""A real arm that goes to where an episode starts by itself, and is held on the way if need be."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from robofeed.act.control_channel import ControlChannel
from robofeed.data.errors import SafetyStop

_GOING = "to where the episode begins"


class OnTheWay:
    """Call it for a context in which the arm goes there; those who watch are told.

    Args:
        channel: Of those who watch.
        stop: Stops the arm, from any thread, until that is acknowledged. None = it is not held when
            somebody pauses or nobody has the controls any more; a stop by a person stops it.
    """

    def __init__(self, channel: ControlChannel, stop: Callable[[], object] | None = None) -> None:
        self._channel, self._stop = channel, stop
        self.held = False
        """whether it was held on its last way, so that a stop is to be acknowledged"""
        if stop is not None:
            channel.hold_arms = self._hold

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Within it the arm goes.

        Raises:
            SafetyStop: it was held just when it had arrived.
        """
        self.held = False
        with self._channel.busy(_GOING, moves=True):
            yield
        if self.held:
            raise SafetyStop("held as it arrived where the episode begins")

    def _hold(self) -> None:
        assert self._stop is not None
        self.held = True
        self._stop()
