"""The few errors robofeed raises on purpose, each with the exit code a command ends with."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class RobofeedError(Exception):
    """Base of all deliberate errors. The message says what failed, where, and what to do next."""

    exit_code = 2


class ConfigError(RobofeedError):
    """A run file, flag or plugin name that cannot be used."""

    exit_code = 2


class HardwareError(RobofeedError):
    """A device or simulator that failed or does not answer."""

    exit_code = 3


class DataError(RobofeedError):
    """Stored or exchanged data that is missing, malformed or could not be written."""

    exit_code = 4


class Busy(DataError):  # noqa: N818 - named for what the other side does
    """The database is held by somebody else or cannot be reached now; the same again may work."""


class Full(DataError):  # noqa: N818
    """There is no room; nothing is half-written, and the same again works once there is some."""


class Conflict(DataError):  # noqa: N818
    """A record or query with this id is there already, with another content."""


class SafetyStop(RobofeedError):  # noqa: N818 - the arm did right: no error of its own
    """Motion was refused or stopped; the arm holds until a person acknowledges."""

    exit_code = 5


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """End of a sentence that names the nearest of `known`, or lists them where none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""


def without_passwords(text: str) -> str:
    """`text` with the password of every URL in it hidden, for messages and logs."""
    hidden = re.sub(r"(://[^:/@\s]*):\S*@", r"\1:***@", text)
    return re.sub(r"(?i)((?:password|passwd|pwd)=)[^&\s'\"]+", r"\1***", hidden)
