"""The few errors robofeed raises on purpose, each with the exit code a command ends with."""

from __future__ import annotations


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


class SafetyStop(RobofeedError):  # noqa: N818 - the arm did right: no error of its own
    """Motion was refused or stopped; the arm holds until a person acknowledges."""

    exit_code = 5
