"""The events of a run as events.jsonl: one JSON object a line, appended as they happen."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from robofeed.data.errors import DataError
from robofeed.events import Event

FILE = "events.jsonl"
_TYPES: Mapping[str, type[Any]] = {kind.__name__: kind for kind in typing.get_args(Event)}


class EventLog:
    """Appends events to a run's events.jsonl; each is in the file when `append` returns."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / FILE
        self._offset = 0

    def append(self, event: Event) -> None:
        """Write one event.

        Raises:
            DataError: the disk refuses; the file is then as it was before.
        """
        try:
            with open(self._path, "ab", buffering=0) as file:
                if not self._offset:
                    _cut_torn_line(self._path)
                before = file.seek(0, 2)
                line = encode(event).encode() + b"\n"
                # A full disk may take a part of the line.
                if file.write(line) != len(line):
                    file.truncate(before)
                    raise OSError(28, "No space left on device")
                self._offset = before + len(line)
        except OSError as error:
            raise DataError(
                f"cannot append to {self._path}: {error.strerror}. All before it is safe"
            ) from error


def read_events(run_dir: Path) -> tuple[Event, ...]:
    """Read a run's events in order; none where there is no file.

    A torn last line, as a killed process leaves it, is left out.

    Raises:
        DataError: any other line that is not an event, with its number.
    """
    path = run_dir / FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    return tuple(_decoded(path, data))


def encode(event: Event) -> str:
    """Return `event` as one line of JSON. What is not finite becomes null."""
    return json.dumps(
        {"event": type(event).__name__, **_plain(dataclasses.asdict(event))},
        ensure_ascii=False,
        allow_nan=False,
    )


def decode(line: str | bytes) -> Event:
    """Rebuild what `encode` wrote; null becomes NaN where a number belongs.

    Raises:
        DataError: not an event.
    """
    try:
        values = json.loads(line)
        name = values.pop("event")
        event: Event = _rebuilt(_TYPES[name], values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"not an event of this robofeed: {error!r}") from error
    return event


def _decoded(path: Path, data: bytes) -> Iterator[Event]:
    lines = data.split(b"\n")
    # After the last newline there is nothing, or a torn line.
    for number, line in enumerate(lines[:-1], start=1):
        try:
            yield decode(line)
        except DataError as error:
            raise DataError(f"{path}, line {number}: {error}") from error


def _cut_torn_line(path: Path) -> None:
    """Remove what a killed process left half-written, so that the next event starts a line."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with open(path, "r+b") as file:
            file.truncate(whole)


def _plain(value: Any) -> Any:
    """`value` in what JSON knows; numpy's scalars too, without importing numpy."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _rebuilt(hint: Any, value: Any) -> Any:
    """`value` from JSON as the type that `hint` says."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = typing.get_type_hints(hint)
        return hint(**{name: _rebuilt(hints[name], each) for name, each in value.items()})
    if origin is tuple:
        each = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_rebuilt(one, item) for one, item in zip(each, value, strict=True))
    if origin in (types.UnionType, typing.Union):
        (some,) = (one for one in inner if one is not type(None))
        return None if value is None else _rebuilt(some, value)
    if hint is float:
        return math.nan if value is None else float(value)
    if origin is not None and issubclass(origin, Mapping):
        return {key: _rebuilt(inner[1], item) for key, item in value.items()}
    return value
