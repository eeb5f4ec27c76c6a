"""A camera before a twin: its scenes go to a process that draws them and serves the pictures."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from robofeed.data.errors import ConfigError
from robofeed.data.spec import FloatArray
from robofeed_serial.twin import camera_process

EVERY_NS = 50_000_000
"""Scenes a second are twenty, pictures fewer: what is drawn is the newest scene."""


class TwinCamera:
    """Serves what is before the twin as MJPEG on loopback, at `url`.

    Args:
        arm: Its name in the simulator.
        scene: What to draw, float32 of constant size.
        port: Where to serve; 0 = any.

    Raises:
        ConfigError: the port is taken.
    """

    def __init__(self, arm: str, scene: Callable[[], FloatArray], port: int) -> None:
        self._scene = scene
        self._due_ns = 0
        size = len(scene())
        self._process = subprocess.Popen(
            [sys.executable, "-m", camera_process.__name__, arm, str(size), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._pipe = self._process.stdin
        os.set_blocking(self._pipe.fileno(), False)
        self.url = self._process.stdout.readline().decode().strip()
        if not self.url:
            self.close()
            raise ConfigError(f"no camera at port {port}: take --camera-port 0 for a free one")

    def show(self, now_ns: int) -> None:
        """Time has passed. Never waits: what the other process has no time for is left out."""
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + EVERY_NS
        with contextlib.suppress(OSError):
            # Shorter than what a pipe takes as a whole or not at all.
            os.write(self._pipe.fileno(), self._scene().tobytes())

    def where(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer a question on the twin's control socket."""
        return {"url": self.url}

    def close(self) -> None:
        """End the process. Idempotent."""
        self._pipe.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
