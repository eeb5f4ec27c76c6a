"""PyBullet without what it prints: when it is loaded, and when a window opens and closes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

from robofeed.data.errors import ConfigError

MISSING = (
    "PyBullet is not installed or does not load ({error}). Install it with: "
    "pip install pybullet==3.2.7. Linux x86_64 with Python 3.11 has a wheel; where there is none "
    "(macOS, Python 3.12 and later) pip builds it, which needs a C++ compiler "
    "(xcode-select --install, or build-essential on Debian)"
)


@contextlib.contextmanager
def silenced(*descriptors: int) -> Iterator[None]:
    """Send what C code writes to these descriptors nowhere.

    It would tear a progress display apart, and stdout may be somebody's JSON. What C code wrote
    before and still holds back goes there as well: a window's thread is not done with its greetings
    when the window is open.
    """
    _flush_python()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    kept = [(each, os.dup(each)) for each in descriptors]
    try:
        for each in descriptors:
            os.dup2(nowhere, each)
        yield
    finally:
        _flush_python()
        if os.name == "posix":
            ctypes.CDLL(None).fflush(None)
        for each, copy in kept:
            os.dup2(copy, each)
            os.close(copy)
        os.close(nowhere)


def _flush_python() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


if sys.modules.get("pybullet"):
    import pybullet
else:
    try:
        with silenced(2):
            import pybullet
    except ImportError as error:
        raise ConfigError(MISSING.format(error=error)) from error

__all__ = ["pybullet", "silenced"]
