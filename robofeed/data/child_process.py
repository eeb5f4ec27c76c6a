"""What a run and the processes it starts agree on: signals, errors that cross, and a death."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from multiprocessing.process import BaseProcess

from robofeed.data.errors import (
    ConfigError,
    DataError,
    HardwareError,
    RobofeedError,
    SafetyStop,
)

_KINDS = (ConfigError, DataError, HardwareError, SafetyStop)
ERRORS: Mapping[str, type[RobofeedError]] = {kind.__name__: kind for kind in _KINDS}
"""Deliberate errors by the name under which they cross from a process to the run."""


def leave_signals_to_parent() -> None:
    """Ctrl-C and what is sent to the whole group are for the run, which then ends this in order.

    `timeout`, systemd and shells end a group: of its own this process is still there when the run
    saves. SIGTERM to it alone ends it all the same, as multiprocessing does at exit.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)


def death(name: str, process: BaseProcess) -> HardwareError:
    """The error to raise where `process` was found dead; waits a moment for how it ended."""
    process.join(1.0)
    code = process.exitcode
    how = (
        f"signal {signal.Signals(-code).name}"
        if code is not None and code < 0
        else f"exit code {code}"
    )
    return HardwareError(
        f"{name} (process {process.pid}) died with {how}; the run stops, everything recorded so "
        "far is on disk: `robofeed resume RUN` goes on"
    )
