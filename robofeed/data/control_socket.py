"""Reaching a run's control socket, however long the path of its folder is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from robofeed.data.control_messages import SOCKET

DESCRIPTORS = Path("/proc/self/fd")
"""Linux gives each open folder a name here; other systems do not."""


@contextlib.contextmanager
def socket_path(run_dir: Path) -> Iterator[str]:
    """A name of `run_dir`'s socket that is short enough for the kernel, which takes 107 bytes.

    Where nothing gives it one, as on macOS, its own name: a longer one is refused with an OSError.
    """
    if not DESCRIPTORS.is_dir():
        yield str(run_dir / SOCKET)
        return
    folder = os.open(run_dir, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"{DESCRIPTORS}/{folder}/{SOCKET}"
    finally:
        os.close(folder)
