"""The process of a twin's camera: `python -m robofeed_serial.twin.camera_process ARM SIZE PORT`.

Scenes come on its input, pictures go to whoever asks on loopback, as webcams on a network send
them. Nothing is drawn while nobody looks. It has a low priority, and ends with the twin.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from robofeed.data.observation import Picture
from robofeed.data.picture import as_jpeg
from robofeed.data.spec import FloatArray

HEIGHT, WIDTH = 240, 320
PERIOD_S = 0.1
NOISE = 2.0
"""of 255, standard deviation: a picture without any never comes out of a sensor"""
NICE = 10


class Viewfinder:
    """The newest picture, and those who wait for it."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._jpeg = b""
        self._number = 0
        self._viewers = 0

    @property
    def watched(self) -> bool:
        """Whether anybody looks."""
        return self._viewers > 0

    def show(self, jpeg: bytes) -> None:
        """There is a new picture."""
        with self._news:
            self._jpeg = jpeg
            self._number += 1
            self._news.notify_all()

    def newer(self, seen: int) -> tuple[int, bytes]:
        """The next picture after number `seen`, and its number."""
        with self._news:
            self._news.wait_for(lambda: self._number != seen)
            return self._number, self._jpeg

    def __enter__(self) -> None:
        with self._news:
            self._viewers += 1

    def __exit__(self, *ended: object) -> None:
        with self._news:
            self._viewers -= 1


class Server(ThreadingHTTPServer):
    """Sends the pictures of a viewfinder as multipart/x-mixed-replace."""

    daemon_threads = True

    def __init__(self, port: int, finder: Viewfinder) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.finder = finder


class Handler(BaseHTTPRequestHandler):
    """One who looks."""

    def do_GET(self) -> None:
        """Send pictures for as long as anybody is there to take them."""
        assert isinstance(self.server, Server)
        finder = self.server.finder
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
        self.end_headers()
        seen = 0
        with finder:
            try:
                while True:
                    seen, jpeg = finder.newer(seen)
                    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(b"--picture\r\n" + head.encode() + jpeg + b"\r\n")
            except OSError:
                return  # it has hung up

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal is the twin's."""


class Scenes:
    """The newest whole scene that came on a descriptor."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor, self._bytes = descriptor, size * 4
        self._data = b""
        self.ended = False

    def newest(self, wait_s: float) -> FloatArray | None:
        """After `wait_s`, or at the end; None before the first one."""
        end_s = time.monotonic() + wait_s
        while not self.ended and (left_s := end_s - time.monotonic()) > 0:
            if select.select([self._descriptor], [], [], left_s)[0]:
                data = os.read(self._descriptor, 1 << 16)
                self.ended = not data
                whole = (len(self._data) + len(data)) // self._bytes
                self._data += data
                if whole > 1:
                    self._data = self._data[(whole - 1) * self._bytes :]
        if len(self._data) < self._bytes:
            return None
        return np.frombuffer(self._data[: self._bytes], np.float32)


def main() -> None:
    """Draw and serve until the twin is gone."""
    from robofeed_pybullet.arms import ARMS
    from robofeed_pybullet.picture import Painter

    name, size, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    painter = Painter(ARMS[name])
    finder = Viewfinder()
    server = Server(port, finder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    scenes = Scenes(sys.stdin.fileno(), size)
    rng = np.random.default_rng(0)
    noise = rng.normal(0.0, NOISE, 2 * HEIGHT * WIDTH * 3).astype(np.float32)
    while not scenes.ended:
        scene = scenes.newest(PERIOD_S)
        if scene is not None and finder.watched:
            finder.show(as_jpeg(_sensed(painter.paint(scene, HEIGHT, WIDTH), noise, rng)))


def _sensed(picture: Picture, noise: FloatArray, rng: np.random.Generator) -> Picture:
    start = int(rng.integers(len(noise) - picture.size))
    grain = noise[start : start + picture.size].reshape(picture.shape)
    sensed: Picture = (picture + grain).clip(0, 255).astype(np.uint8)
    return sensed


if __name__ == "__main__":
    main()
