"""TOML files checked against a pydantic model; every complaint says file, line and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from robofeed import ConfigError

Checked = TypeVar("Checked", bound=BaseModel)
_AT_LINE = re.compile(r"\(at line (\d+)")


def own_path(text: str) -> Path:
    """A path that somebody typed, `~` resolved. Raises ConfigError where nobody has that home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ConfigError(f"{text}: there is no such home folder") from None


def read_toml(path: Path, kind: type[Checked], what: str) -> Checked:
    """The file as a `kind`.

    Args:
        path: The file.
        kind: The model it must fit.
        what: What the file is, for messages: "arm file".

    Raises:
        ConfigError: it cannot be read or does not fit; the message names file, line and key.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the {what} {path}: {error}") from None
    try:
        return kind.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        place = f"{path}:{found[1]}" if found else str(path)
        raise ConfigError(f"{place}: not TOML: {error}") from None
    except ValidationError as error:
        complaints = [
            f"{path}:{line_of(text, each['loc'])}: {_key(each['loc'])}: {each['msg']}"
            for each in error.errors()
        ]
        raise ConfigError(f"this {what} cannot be used:\n  " + "\n  ".join(complaints)) from None


def line_of(text: str, place: Sequence[int | str]) -> int:
    """The line of a key, or of the nearest table above it; 1 where there is neither.

    `place` is a path such as `("joints", 2, "id")`.
    """
    lines = text.splitlines()
    line, start = 1, 0
    parts = [*place]
    for depth, key in enumerate(parts):
        if isinstance(key, int):
            continue
        follows = parts[depth + 1] if depth + 1 < len(parts) else None
        brackets, number = (r"\[\[{}\]\]", follows) if isinstance(follows, int) else (r"\[{}\]", 0)
        header = brackets.format(rf"\s*{re.escape(key)}\s*")
        heads = [
            n for n, each in enumerate(lines) if n >= start and re.match(rf"\s*{header}", each)
        ]
        if number < len(heads):
            start = heads[number] + 1
            line = start
            continue
        for index, each in enumerate(lines[start:], start):
            if each.lstrip().startswith("["):
                break
            if re.match(rf"\s*{re.escape(key)}\s*=", each):
                return index + 1
    return line


def _key(place: Sequence[int | str]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.lstrip(".") or "the file"
