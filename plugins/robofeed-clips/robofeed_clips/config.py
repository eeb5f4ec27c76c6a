"""Settings of the terminal, readable without loading anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

DEFAULT_KEYS: Mapping[str, tuple[str, ...]] = {
    "equal": ("=", "up"),
    "skip": ("s", "down"),
    "undo": ("u",),
    "pause": ("space",),
    "help": ("?",),
    "left": ("left",),
    "right": ("right",),
    "accept": ("enter",),
    "back": ("backspace",),
    "note": ("n",),
    "rate": ("r",),
    "outcome": ("o",),
    "quit": ("q",),
}
"""What each key does, but for the digits, which choose a clip. Names as in `keys.py`."""


class TerminalConfig(BaseModel):
    """How clips are shown and which keys answer.

    colours: how many the terminal has; auto believes COLORTERM and TERM.
    sixel: pictures as sixel graphics; auto asks the terminal.
    window: show clips in a window of this machine's screen instead.
    keys: other keys for a deed, such as `skip = ["x"]`; those of other deeds stay.
    person: pseudonym that answers are stored under.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    colours: Literal["auto", "24bit", "256"] = "auto"
    sixel: Literal["auto", "on", "off"] = "auto"
    window: bool = False
    keys: dict[str, list[str]] = Field(default_factory=dict)
    person: str = Field(default="operator", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")

    @model_validator(mode="after")
    def _keys_are_clear(self) -> TerminalConfig:
        deeds = self.deeds()
        unknown = self.keys.keys() - DEFAULT_KEYS.keys()
        if unknown:
            raise ValueError(
                f"no deed is called {sorted(unknown)[0]!r}; there are {', '.join(DEFAULT_KEYS)}"
            )
        digits = [key for key in deeds if key in "12345"]
        if digits:
            raise ValueError(f"the key {digits[0]!r} chooses a clip and can do nothing else")
        if sum(map(len, self._all().values())) != len(deeds):
            raise ValueError("one key can do one thing only: two deeds have the same one")
        return self

    def deeds(self) -> dict[str, str]:
        """The deed of each key."""
        return {key: deed for deed, names in self._all().items() for key in names}

    def _all(self) -> dict[str, tuple[str, ...]]:
        own = {deed: tuple(names) for deed, names in self.keys.items()}
        return {**DEFAULT_KEYS, **own}
