"""From keys to what the run is told: who holds the controls, when the arm is given back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from robofeed import ControlClient
from robofeed.data.control_messages import Do
from robofeed_keyboard.keymap import Jog, jogs_for

JOG_S = 0.12
"""How long one key moves the arm: a terminal tells when a key goes down, not when it comes up."""
HAND_BACK_S = 1.5
"""Without a key for so long, the policy gets the arm back."""
ALIVE_S = 0.1
"""Signs of life; the run gives the controls back after 0.25 s without one."""
_SHARES = (0.125, 0.25, 0.5, 1.0)
"""Of the largest action: the sizes of a step."""


class Pilot:
    """Turns keys into commands; `events` are what the run said. Knows nothing of terminals.

    Args:
        client: The connection; it has said nothing yet.
        welcome: The run's first line.
        now_s: The monotonic clock.
    """

    def __init__(
        self, client: ControlClient, welcome: Mapping[str, Any], now_s: Callable[[], float]
    ) -> None:
        self._client, self._now_s = client, now_s
        action = welcome["action"]
        self.names: Sequence[str] = action["names"] or [""] * len(action["low"])
        self._low, self._high = action["low"], action["high"]
        self._jogs = jogs_for(self.names)
        self._steps = max(1, math.ceil(JOG_S / float(welcome["period_s"])))
        self._share = 2
        self.holds = False
        self.notice = ""
        """what the person should know now"""
        self.state: Mapping[str, Any] = {}
        self._last_key_s = -math.inf
        self._last_word_s = -math.inf
        self._steering = False

    def news(self) -> str:
        """The notice, once."""
        notice, self.notice = self.notice, ""
        return notice

    def take(self, over: bool = False) -> None:
        """Ask for the controls."""
        self._say(Do.TAKE, over=over)

    def press(self, key: str, pressed_ns: int) -> bool:
        """Do what a key asks for; False where it asks to leave."""
        if key == "X":
            self._say(Do.STOP)
            self.notice = "Stop (software) was asked for"
        elif key == "q":
            self.leave()
            return False
        elif key == "V":
            self.take(over=True)
        elif key in "+-":
            step = 1 if key == "+" else -1
            self._share = min(max(self._share + step, 0), len(_SHARES) - 1)
            self.notice = f"a key moves the arm by {_SHARES[self._share]:g} of the most, per step"
        elif not self.holds:
            self.notice = "the controls are not yours; any key asks for them, V takes them over"
            self.take()
        elif key in self._jogs:
            self._jog(self._jogs[key], pressed_ns)
        else:
            self._command(key)
        return True

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take in what the run said."""
        kind, reason = event["is"], event.get("reason", "")
        if kind == "state":
            self.state = event
        elif kind == "busy":
            # No step is made just now; what the last one was like still holds.
            self.state = {**self.state, **event}
        elif kind == "stopping":
            self.notice = f"{event['person']} ({event['source']}) stopped the arm"
        elif kind == "taken":
            self.holds = True
            self.notice = "the controls are yours; ? shows the keys"
        elif kind == "refused":
            # After "lost" it is only about a sign of life that was on its way.
            self.notice = self.notice or f"{reason}; V takes them over"
        elif kind == "lost":
            self.holds = self._steering = False
            self.notice = f"the controls are no longer yours: {reason}"
        elif kind == "error":
            self.notice = f"the run did not understand: {reason}"

    def pass_time(self) -> None:
        """Say what is due: a sign of life, or that the policy may have the arm back."""
        now_s = self._now_s()
        if not self.holds:
            return
        idle = now_s - self._last_key_s > HAND_BACK_S
        # Where no policy is, nobody else would move the arm.
        if self._steering and idle and self.state.get("phase") not in ("recording", "steering"):
            self._let_go()
        elif now_s - self._last_word_s > ALIVE_S:
            self._say(Do.ALIVE)

    def leave(self) -> None:
        """Give the controls back."""
        if self.holds:
            self._say(Do.RELEASE)
            self.holds = False

    def _jog(self, jog: Jog, pressed_ns: int) -> None:
        element = jog.element
        if self.names[element] == "gripper":
            size = self._high[element] - self._low[element]
        else:
            size = _SHARES[self._share] * self._high[element]
        action = [0.0] * len(self.names)
        action[element] = jog.sign * size
        self._say(Do.MOVE, action=action, steps=self._steps, sent_ns=pressed_ns)
        self._last_key_s, self._steering = self._now_s(), True

    def _command(self, key: str) -> None:
        # On its way to where an episode begins an arm moves, whatever its mode was before.
        paused = self.state.get("mode") == "paused" and not self.state.get("moves")
        if key == "space":
            self._say(Do.RESUME if paused else Do.PAUSE)
            self._steering = False
        elif key == "enter":
            self._say(Do.MARK, success=True)
        elif key == "m":
            self._say(Do.MARK, success=False)
        elif key == "backspace":
            self._say(Do.DISCARD)
        elif key == "b":
            self._let_go()

    def _let_go(self) -> None:
        self._say(Do.LET_GO)
        self._steering = False

    def _say(self, do: Do, **what: Any) -> None:
        self._client.send(do, **what)
        self._last_word_s = self._now_s()
